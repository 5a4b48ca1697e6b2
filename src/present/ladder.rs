//! Which way a picture takes to the screen, and why it is not a better one: choices without I/O.

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use super::Options;
use super::file::{Access, File, Trust};
use crate::frame::{Dmabuf, Mapped, Scanout};
use crate::pixel::{Format, Fourcc, Modifier};

/// What the person asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The best that works.
    #[default]
    Auto,
    /// No copy of a buffer that the guest shares: what cannot be shown without one is refused.
    Direct,
    /// Drawn by us on the GPU, even where the compositor would take the guest's own buffer.
    Compose,
    /// Copied from one GPU to another, even where that is not needed.
    Bridge,
    /// A copy in shared memory, even where the guest's own buffer would do.
    Copy,
    /// Drawn by GTK, even where there could be a surface of our own.
    Gtk,
}

impl Wanted {
    /// The one rung that it names.
    pub const fn only(self) -> Option<Rung> {
        match self {
            Self::Auto => None,
            Self::Direct => Some(Rung::Direct),
            Self::Compose => Some(Rung::Compose),
            Self::Bridge => Some(Rung::Bridge),
            Self::Copy => Some(Rung::Copy),
            Self::Gtk => Some(Rung::Gtk),
        }
    }
}

/// Whether the guest may still draw into what is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presenting {
    /// The guest's buffer is shown as it is at each refresh, also while the guest draws into it.
    #[default]
    Live,
    /// It is copied at the moment of the update: for guests that draw into the buffer being shown.
    Snapshot,
}

impl Presenting {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A way from the guest's picture to the screen, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The compositor gets the guest's own buffer.
    Direct,
    /// We import the guest's buffer and draw it with the GPU that shows the window.
    Compose,
    /// The GPU that has the buffer copies it into one that the other GPU can read.
    Bridge,
    /// What changed is copied into shared memory of ours.
    Copy,
    /// GTK draws a texture.
    Gtk,
}

impl Rung {
    /// The rungs that take a surface of our own, the best first.
    pub const SURFACE: [Self; 4] = [Self::Direct, Self::Compose, Self::Bridge, Self::Copy];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Compose => "compose",
            Self::Bridge => "bridge",
            Self::Copy => "copy",
            Self::Gtk => "gtk",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a rung does not do.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Reason {
    #[error("the picture came in messages")]
    Messages,
    #[error("it was asked for")]
    Asked,
    #[error("a copy of each update was asked for")]
    Snapshot,
    #[error("this build of Oriel has no part that draws with the GPU")]
    NotBuilt,
    #[error("the guest's memory could shrink: it is not sealed and belongs to another user")]
    Unsealed,
    #[error("the guest's memory cannot be shared: {0}")]
    Access(&'static str),
    #[error("the compositor takes no pixels {offset} bytes into a file, with rows of {stride} bytes")]
    Layout { offset: u64, stride: u64 },
    #[error("the compositor takes no shared memory of format {0}")]
    ShmFormat(Fourcc),
    #[error("the compositor has no linux-dmabuf")]
    NoDmabuf,
    #[error("the compositor takes no buffers of format {0} and modifier {1}")]
    DmabufFormat(Fourcc, Modifier),
    #[error("what should be a dma-buf is something else")]
    NoBuffer,
    #[error("the buffer is smaller than its picture")]
    Short,
    #[error("the compositor refused the buffer")]
    Refused,
    #[error("the processor cannot read modifier {0}")]
    Tiled(Modifier),
    #[error("the processor cannot read format {0}")]
    Unreadable(Fourcc),
    #[error("the buffer cannot be read: {0}")]
    Io(String),
    #[error("there is no Wayland compositor")]
    NoWayland,
    #[error("the compositor lacks {0}")]
    NoGlobal(&'static str),
}

/// Why the rungs above a picture's own did not do, the best first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Refusals(Vec<(Rung, Reason)>);

impl Refusals {
    /// No surface of ours at all, for this reason.
    pub fn of_surface(reason: &Reason) -> Self {
        Self(Rung::SURFACE.map(|rung| (rung, reason.clone())).into())
    }

    /// Every rung that was refused, and why.
    pub fn iter(&self) -> impl Iterator<Item = &(Rung, Reason)> {
        self.0.iter()
    }

    /// Why this rung did not do.
    pub fn reason(&self, rung: Rung) -> Option<&Reason> {
        self.0.iter().find(|(refused, _)| *refused == rung).map(|(_, reason)| reason)
    }

    /// The one reason to tell: why it is not the best rung.
    pub fn first(&self) -> Option<&Reason> {
        self.0.first().map(|(_, reason)| reason)
    }

    /// One more, worse than the others.
    #[must_use]
    pub fn and(mut self, rung: Rung, reason: Reason) -> Self {
        self.add(rung, reason);
        self
    }

    fn add(&mut self, rung: Rung, reason: Reason) {
        self.0.push((rung, reason));
    }
}

/// All reasons, rungs with the same one together.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, alike) in self.0.chunk_by(|(_, one), (_, other)| one == other).enumerate() {
            let rungs: Vec<_> = alike.iter().map(|(rung, _)| rung.name()).collect();
            let before = if index == 0 { "" } else { "; " };
            write!(f, "{before}{}: {}", rungs.join(", "), alike[0].1)?;
        }
        Ok(())
    }
}

/// Which rung a picture takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This one; `refused` says why not those above it.
    Take { rung: Rung, refused: Refusals },
    /// None that a surface of ours has.
    Refuse(Refusals),
}

/// Picks the best rung of a surface of ours that the person allows and that does.
///
/// `check` is asked about one rung after the other, the best first, until one does.
pub fn choose(options: Options, mut check: impl FnMut(Rung) -> Result<(), Reason>) -> Choice {
    let mut refused = Refusals::default();
    for rung in Rung::SURFACE {
        match permit(options, rung, &refused).and_then(|()| check(rung)) {
            Ok(()) => return Choice::Take { rung, refused },
            Err(reason) => refused.add(rung, reason),
        }
    }
    Choice::Refuse(refused)
}

/// Whether the person wants this rung, after what those above it have said.
fn permit(options: Options, rung: Rung, refused: &Refusals) -> Result<(), Reason> {
    if let Some(only) = options.rung.only().filter(|only| *only != rung) {
        // There is no buffer that a copy would betray.
        let messages = rung == Rung::Copy && refused.reason(only) == Some(&Reason::Messages);
        return if messages { Ok(()) } else { Err(Reason::Asked) };
    }
    if rung == Rung::Direct && options.presenting == Presenting::Snapshot {
        return Err(Reason::Snapshot);
    }
    Ok(())
}

/// What a compositor takes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Formats of `wl_shm`.
    pub shm: HashSet<Fourcc>,
    /// Formats of `zwp_linux_dmabuf_v1`, where there is one.
    pub dmabuf: Option<HashSet<(Fourcc, Modifier)>>,
}

/// A `wl_shm` pool over a file of the guest's, and the buffer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    pub size: i32,
    pub offset: i32,
    pub width: i32,
    pub height: i32,
    pub stride: i32,
    pub format: Fourcc,
}

/// Whether, and how, a file that QEMU draws into can be a `wl_shm` pool itself.
///
/// A pool that shrinks costs us the connection (compositors answer the SIGBUS with an error on it),
/// so the file must be sealed against that, or be our own user's, who could end us anyway. A
/// compositor maps a pool readable and writable. libwayland and wlroots want whole rows within the
/// pool; pixman wants offset and stride in words, and other renderers rows of whole pixels.
pub fn direct_map(mapped: &Mapped, file: &File, offer: &Offer) -> Result<Pool, Reason> {
    match file.access {
        Access::Shared => {}
        Access::ReadOnly => return Err(Reason::Access("it may only be read")),
        Access::Sealed => return Err(Reason::Access("it is sealed against writing")),
        Access::Stream => return Err(Reason::Access("it is no file of memory")),
    }
    if file.trust == Trust::Foreign {
        return Err(Reason::Unsealed);
    }
    let format = mapped.format().opaque().fourcc();
    if !offer.shm.contains(&format) {
        return Err(Reason::ShmFormat(format));
    }
    let (offset, stride) = (u64::from(mapped.offset()), u64::from(mapped.stride()));
    let end = offset + stride * u64::from(mapped.size().height);
    let pixel = u64::from(mapped.format().bytes_per_pixel());
    let aligned = offset.is_multiple_of(4) && stride.is_multiple_of(4) && stride.is_multiple_of(pixel);
    let unfit = || Reason::Layout { offset, stride };
    if !aligned || end > file.length {
        return Err(unfit());
    }
    let int = |value: u64| i32::try_from(value).map_err(|_| unfit());
    Ok(Pool {
        size: int(end)?,
        offset: int(offset)?,
        width: int(u64::from(mapped.size().width))?,
        height: int(u64::from(mapped.size().height))?,
        stride: int(stride)?,
        format,
    })
}

/// What can be known of a plane's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Its length in bytes, 0 where unknown.
    Fixed(u64),
    /// It is no buffer at all.
    NoBuffer,
}

/// Whether a dma-buf can be given to the compositor as it is, and in which format.
///
/// A compositor ends the connection over a plane that reaches beyond its buffer.
pub fn direct_dmabuf(dmabuf: &Dmabuf, extents: &[Extent], offer: &Offer) -> Result<Fourcc, Reason> {
    let Some(formats) = &offer.dmabuf else { return Err(Reason::NoDmabuf) };
    let modifier = dmabuf.modifier();
    let opaque = dmabuf.fourcc().opaque();
    let known = [opaque, dmabuf.fourcc()].into_iter().find(|format| formats.contains(&(*format, modifier)));
    let format = known.ok_or(Reason::DmabufFormat(opaque, modifier))?;
    let height = u64::from(dmabuf.backing().height);
    for (index, (plane, extent)) in dmabuf.planes().iter().zip(extents).enumerate() {
        let Extent::Fixed(length) = *extent else { return Err(Reason::NoBuffer) };
        // The first plane has all rows; others may be subsampled or hold compression data.
        let rows = if index == 0 && modifier == Modifier::LINEAR { height } else { 1 };
        let needed = u64::from(plane.offset) + u64::from(plane.stride) * rows;
        if length > 0 && needed > length {
            return Err(Reason::Short);
        }
    }
    Ok(format)
}

/// Whether the processor can read a picture row by row, and in which format.
pub fn readable(scanout: &Scanout) -> Result<Format, Reason> {
    match scanout {
        Scanout::Blank => Err(Reason::Short),
        Scanout::Pixels(pixels) => Ok(pixels.format()),
        Scanout::Mapped(mapped) => Ok(mapped.format()),
        Scanout::Dmabuf(dmabuf) => {
            if dmabuf.modifier() != Modifier::LINEAR {
                return Err(Reason::Tiled(dmabuf.modifier()));
            }
            let format = Format::from_fourcc(dmabuf.fourcc().opaque());
            let format = format.filter(|_| dmabuf.planes().len() == 1);
            format.ok_or(Reason::Unreadable(dmabuf.fourcc()))
        }
    }
}

#[cfg(test)]
mod tests {
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
        Offer { shm: shm.into(), dmabuf: Some([(Format::Xrgb8888.fourcc(), Modifier::LINEAR)].into()) }
    }

    fn dmabuf(fourcc: &[u8; 4], modifier: Modifier, stride: u32) -> Dmabuf {
        let backing = Size::new(640, 480);
        Dmabuf::new(DmabufParts {
            file: (1, 2),
            planes: vec![Plane { fd: fd(), offset: 0, stride }],
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
        assert_eq!(
            direct_dmabuf(&alpha, &[Extent::Fixed(2560 * 480)], &offer()),
            Ok(Format::Xrgb8888.fourcc())
        );
        assert_eq!(direct_dmabuf(&alpha, &[Extent::Fixed(2560 * 480 - 1)], &offer()), Err(Reason::Short));
        assert_eq!(direct_dmabuf(&alpha, &[Extent::Fixed(0)], &offer()), Ok(Format::Xrgb8888.fourcc()));
        let tiled = dmabuf(b"XR24", Modifier(1 << 56 | 2), 2560);
        let reason = Reason::DmabufFormat(Format::Xrgb8888.fourcc(), tiled.modifier());
        assert_eq!(direct_dmabuf(&tiled, &[Extent::Fixed(0)], &offer()), Err(reason));
        assert_eq!(direct_dmabuf(&alpha, &[Extent::NoBuffer], &offer()), Err(Reason::NoBuffer));
        let none = Offer { dmabuf: None, ..offer() };
        assert_eq!(direct_dmabuf(&alpha, &[Extent::Fixed(0)], &none), Err(Reason::NoDmabuf));
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
        for (wanted, rung) in
            [(Wanted::Direct, 0), (Wanted::Compose, 1), (Wanted::Bridge, 2), (Wanted::Copy, 3)]
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
}
