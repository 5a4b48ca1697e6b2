//! The ladder without a display: who is chosen, who is refused, and why.

use std::os::fd::OwnedFd;

use super::*;
use crate::frame::{DmabufParts, Plane, Wire};
use crate::geometry::Size;

fn fd() -> OwnedFd {
    rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd")
}

fn map(offset: u32, stride: u32, format: Format) -> Mapped {
    Mapped::new((1, 2), fd(), 1 << 40, offset, Size::new(640, 480), stride, format).expect("a picture")
}

fn file() -> File {
    File { length: 1 << 30, access: Access::Shared, trust: Trust::Sealed }
}

fn offer() -> Offer {
    let shm = [Format::Xrgb8888, Format::Argb8888, Format::Rgb888].map(Format::fourcc);
    Offer {
        shm: shm.into(),
        dmabuf: Some([(Format::Xrgb8888.fourcc(), Modifier::LINEAR)].into_iter().collect()),
    }
}

fn dmabuf(fourcc: &[u8; 4], modifier: Modifier, stride: u32) -> Dmabuf {
    planes(fourcc, modifier, stride, 1)
}

fn planes(fourcc: &[u8; 4], modifier: Modifier, stride: u32, count: usize) -> Dmabuf {
    let backing = Size::new(640, 480);
    Dmabuf::new(DmabufParts {
        file: (1, 2),
        planes: (0..count).map(|_| Plane { fd: fd(), offset: 0, stride }).collect(),
        fourcc: Fourcc::new(*fourcc),
        modifier,
        backing,
        crop: backing.at_origin(),
        y0_top: false,
        wire: Wire::V2,
    })
    .expect("a buffer")
}

#[test]
fn a_sealed_map_is_a_pool() {
    let pool = direct_map(&map(4096, 2560, Format::Argb8888), &file(), &offer()).expect("a pool");
    let format = Format::Xrgb8888.fourcc();
    let size = 4096 + 2560 * 480;
    assert_eq!(pool, Pool { size, offset: 4096, width: 640, height: 480, stride: 2560, format });
}

#[test]
fn a_map_that_may_shrink_is_not_a_pool_unless_it_is_our_users() {
    let map = map(0, 2560, Format::Xrgb8888);
    let foreign = File { trust: Trust::Foreign, ..file() };
    assert_eq!(direct_map(&map, &foreign, &offer()), Err(Reason::Unsealed));
    let ours = File { trust: Trust::OurUser, ..file() };
    assert!(direct_map(&map, &ours, &offer()).is_ok());
}

#[test]
fn what_the_compositor_would_not_take_is_not_offered() {
    let check = |map: &Mapped, file: &File| direct_map(map, file, &offer()).unwrap_err();
    let odd = map(2, 2560, Format::Xrgb8888);
    assert_eq!(check(&odd, &file()), Reason::Layout { offset: 2, stride: 2560 });
    let uneven = map(0, 1924, Format::Rgb888);
    assert_eq!(check(&uneven, &file()), Reason::Layout { offset: 0, stride: 1924 });
    let word = map(0, 1280, Format::Rgb565);
    assert_eq!(check(&word, &file()), Reason::ShmFormat(Format::Rgb565.fourcc()));
    let plain = map(0, 2560, Format::Xrgb8888);
    let short = File { length: 2560 * 480 - 1, ..file() };
    assert_eq!(check(&plain, &short), Reason::Layout { offset: 0, stride: 2560 });
    let far = map(u32::MAX - 3, 2560, Format::Xrgb8888);
    let long = File { length: 1 << 40, ..file() };
    assert!(matches!(check(&far, &long), Reason::Layout { .. }));
    for access in [Access::ReadOnly, Access::Sealed, Access::Stream] {
        assert!(matches!(check(&plain, &File { access, ..file() }), Reason::Access(_)));
    }
}

#[test]
fn a_dmabuf_is_given_in_a_format_without_alpha() {
    let alpha = dmabuf(b"AR24", Modifier::LINEAR, 2560);
    let given = |length| direct_dmabuf(&alpha, &[Extent::Fixed(length)], &offer());
    let as_opaque = Direct { format: Format::Xrgb8888.fourcc(), fit: Fit::Sampled };
    assert_eq!(given(2560 * 480), Ok(as_opaque));
    assert_eq!(given(2560 * 480 - 1), Err(Reason::Short));
    assert_eq!(given(0), Ok(as_opaque), "where the kernel does not say its length");
    assert_eq!(direct_dmabuf(&alpha, &[Extent::NoBuffer], &offer()), Err(Reason::NoBuffer));
    let none = Offer { dmabuf: None, ..offer() };
    assert_eq!(direct_dmabuf(&alpha, &[Extent::Fixed(0)], &none), Err(Reason::NoDmabuf));
}

#[test]
fn no_buffer_is_offered_that_would_end_the_connection() {
    let refused = |buffer: &Dmabuf, length| {
        let extents: Vec<_> = buffer.planes().iter().map(|_| Extent::Fixed(length)).collect();
        direct_dmabuf(buffer, &extents, &offer()).unwrap_err()
    };
    let format = Format::Xrgb8888.fourcc();
    for modifier in [Modifier::INVALID, Modifier(1 << 56 | 2)] {
        let tiled = dmabuf(b"XR24", modifier, 2560);
        assert_eq!(refused(&tiled, 1 << 30), Reason::DmabufFormat(format, modifier));
    }
    let two = planes(b"XR24", Modifier::LINEAR, 2560, 2);
    assert_eq!(refused(&two, 1 << 30), Reason::Planes(2, format));
    let far = dmabuf(b"XR24", Modifier::LINEAR, u32::MAX / 400);
    assert_eq!(refused(&far, 0), Reason::Short, "32 bits hold every offset");
}

#[test]
fn a_buffer_has_the_planes_that_its_format_needs() {
    let pairs = [(b"NV12", 0), (b"NV12", 5), (b"XR24", 5)];
    let pairs = pairs.map(|(letters, modifier)| (Fourcc::new(*letters), Modifier(modifier)));
    let offer = Offer { dmabuf: Some(pairs.into_iter().collect()), ..offer() };
    let fits = |letters, modifier, count| {
        let buffer = planes(letters, Modifier(modifier), 2560, count);
        direct_dmabuf(&buffer, &vec![Extent::Fixed(0); count], &offer).is_ok()
    };
    assert!(fits(b"NV12", 0, 2) && !fits(b"NV12", 0, 1) && !fits(b"NV12", 0, 3));
    assert!(!fits(b"NV12", 5, 1) && fits(b"NV12", 5, 4), "compression data in planes of its own");
    assert!(fits(b"XR24", 5, 1) && fits(b"XR24", 5, 3));
}

/// What `choose` makes of these verdicts, from direct to copy.
fn chosen(options: Options, verdicts: [Result<(), Reason>; 4]) -> Choice {
    choose(options, |rung| verdicts[rung as usize].clone())
}

fn wanting(rung: Wanted) -> Options {
    Options { rung, ..Options::default() }
}

#[test]
fn the_ladder_falls_and_says_why() {
    let fallen = [Err(Reason::Unsealed), Err(Reason::NotBuilt), Err(Reason::NotBuilt), Ok(())];
    let Choice::Take { rung: Rung::Copy, refused } = chosen(wanting(Wanted::Auto), fallen) else {
        panic!("a copy does");
    };
    assert_eq!(refused.first(), Some(&Reason::Unsealed));
    assert_eq!(refused.reason(Rung::Bridge), Some(&Reason::NotBuilt));
    assert_eq!(refused.reason(Rung::Copy), None);
    let words = refused.to_string();
    assert!(words.starts_with("direct: ") && words.contains("; compose, bridge: "), "{words}");
}

#[test]
fn nobody_asks_about_a_worse_rung() {
    let choice = choose(Options::default(), |rung| {
        assert_eq!(rung, Rung::Direct);
        Ok(())
    });
    assert_eq!(choice, Choice::Take { rung: Rung::Direct, refused: Refusals::default() });
}

#[test]
fn a_rung_that_was_asked_for_is_the_only_one() {
    for (wanted, rung) in [(Wanted::Direct, 0), (Wanted::Compose, 1), (Wanted::Bridge, 2), (Wanted::Copy, 3)]
    {
        let rung = Rung::SURFACE[rung];
        let all = [Ok(()), Ok(()), Ok(()), Ok(())];
        let Choice::Take { rung: taken, refused } = chosen(wanting(wanted), all.clone()) else {
            panic!("{rung} does");
        };
        assert_eq!(taken, rung);
        assert!(refused.iter().all(|(_, reason)| *reason == Reason::Asked));
        let mut but_one = all;
        but_one[rung as usize] = Err(Reason::NoBuffer);
        let Choice::Refuse(refused) = chosen(wanting(wanted), but_one) else { panic!("only {rung}") };
        assert_eq!(refused.iter().count(), 4);
        assert_eq!(refused.reason(rung), Some(&Reason::NoBuffer));
    }
}

#[test]
fn what_came_in_messages_may_always_be_copied() {
    let messages = || Err(Reason::Messages);
    for wanted in [Wanted::Auto, Wanted::Direct, Wanted::Compose, Wanted::Bridge] {
        let choice = chosen(wanting(wanted), [messages(), messages(), messages(), Ok(())]);
        assert!(matches!(choice, Choice::Take { rung: Rung::Copy, .. }), "{wanted:?}");
    }
}

#[test]
fn a_snapshot_is_never_the_guests_own_buffer() {
    let options = Options { presenting: Presenting::Snapshot, ..Options::default() };
    let Choice::Take { rung, refused } = chosen(options, [Ok(()), Ok(()), Ok(()), Ok(())]) else {
        panic!("compose does");
    };
    assert_eq!((rung, refused.first()), (Rung::Compose, Some(&Reason::Snapshot)));
}

#[test]
fn only_plain_rows_are_readable() {
    let read = |buffer: Dmabuf| readable(&Scanout::Dmabuf(buffer.into()));
    assert_eq!(read(dmabuf(b"AR24", Modifier::LINEAR, 2560)), Ok(Format::Xrgb8888));
    assert_eq!(read(dmabuf(b"XR24", Modifier(9), 2560)), Err(Reason::Tiled(Modifier(9))));
    let planar = dmabuf(b"NV12", Modifier::LINEAR, 640);
    assert_eq!(read(planar), Err(Reason::Unreadable(Fourcc::new(*b"NV12"))));
}
