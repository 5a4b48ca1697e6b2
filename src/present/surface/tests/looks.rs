//! How the guest's own buffer lies on the surface: its planes, its part that is seen, and which way up.

use wayland_server::protocol::wl_output::Transform;

use super::*;

const NV12: Fourcc = Fourcc::new(*b"NV12");
const YU12: Fourcc = Fourcc::new(*b"YU12");

#[test]
fn every_plane_is_told_as_it_lies() {
    // What a format has, and what a modifier adds.
    for (fourcc, modifier, planes) in [
        (XR24, Modifier::LINEAR, 1),
        (NV12, Modifier::LINEAR, 2),
        (YU12, Modifier::LINEAR, 3),
        (XR24, TILED, 2),
        (XR24, TILED, 3),
        (XR24, TILED, 4),
    ] {
        let rig = Rig::wanting(Wanted::Direct, 5, [sampled(&[(fourcc, modifier)])]);
        let buffer = Buffer { planes, ..Buffer::new(fourcc, modifier) };
        rig.show(&buffer);
        rig.shows(Rung::Direct);
        let seen = rig.compositor.wait("a picture", |seen| commits(seen) == 1);
        let told: Vec<_> = seen.into_iter().filter(|seen| matches!(seen, Seen::Add { .. })).collect();
        let add = |index| {
            let (offset, stride) = buffer.layout(index);
            let index = u32::try_from(index).expect("few");
            Seen::Add { index, inode: buffer.inode(), offset, stride, modifier }
        };
        assert_eq!(told, (0..planes).map(add).collect::<Vec<_>>());
    }
}

/// What the surface was told of its buffer after so much else.
fn shape(seen: &[Seen]) -> Vec<Seen> {
    let told = |seen: &&Seen| matches!(seen, Seen::Transform(_) | Seen::Source(_) | Seen::Destination(..));
    seen.iter().filter(told).cloned().collect()
}

#[test]
fn a_part_of_a_buffer_is_its_viewports_source_and_a_flipped_one_is_turned() {
    let rig = Rig::new(5, [sampled(&[(XR24, TILED)])]);
    let backing = Size::new(80, 48);
    let crop = Rect::new(8, 4, SIZE.0, SIZE.1);
    let plain = Buffer::new(XR24, TILED);
    let cropped = Buffer { backing, crop, ..Buffer::new(XR24, TILED) };
    let flipped = Buffer { backing, crop, y0_top: true, ..Buffer::new(XR24, TILED) };
    let upside_down = Buffer { y0_top: true, ..Buffer::new(XR24, TILED) };
    let source = |y| Seen::Source(Some([8 * 256, y * 256, 64 * 256, 32 * 256]));
    let turned = Seen::Transform(Transform::Flipped180);
    let upright = Seen::Transform(Transform::Normal);
    let first = [upright.clone(), Seen::Source(None), Seen::Destination(64, 32)];
    // Rows 4 to 35 of 48 are rows 12 to 43 from the bottom. What stays as it is, is not told again.
    for (number, (buffer, told)) in [
        (&plain, &first[..]),
        (&cropped, &[source(4)]),
        (&flipped, &[turned.clone(), source(12)]),
        (&upside_down, &[Seen::Source(None)]),
        (&plain, &[upright]),
        (&flipped, &[turned, source(12)]),
    ]
    .into_iter()
    .enumerate()
    {
        let before = rig.compositor.wait("what was before", |seen| commits(seen) >= number).len();
        rig.show(buffer);
        rig.until("a reply", || rig.all_answered());
        let seen = rig.compositor.wait("a commit", |seen| commits(seen) > number);
        assert_eq!(shape(&seen[before..]), told, "buffer {number}");
    }
    rig.shows(Rung::Direct);
}

#[test]
fn damage_is_counted_in_the_buffer() {
    let rig = Rig::new(5, [sampled(&[(XR24, TILED)])]);
    let crop = Rect::new(8, 4, SIZE.0, SIZE.1);
    let buffer = Buffer { backing: Size::new(80, 48), crop, y0_top: true, ..Buffer::new(XR24, TILED) };
    rig.show(&buffer);
    rig.compositor.wait("the whole", |seen| seen.contains(&Seen::Damage([8, 4, 64, 32])));
    // The wire counts the buffer's rows: so does the compositor.
    rig.update([3, 5, 10, 6]);
    rig.compositor.wait("a part", |seen| seen.contains(&Seen::Damage([11, 9, 10, 6])));
}

/// What a guest has in the alpha of its screen means nothing, whatever the format is called.
#[test]
fn all_of_the_picture_is_opaque_whatever_its_format_says() {
    for format in [XR24, AR24] {
        let rig = Rig::new(5, [sampled(&[(format, TILED)])]);
        rig.show(&Buffer::new(AR24, TILED));
        rig.shows(Rung::Direct);
        let seen = rig.compositor.wait("a picture", |seen| commits(seen) == 1);
        let opaque = |seen: &&Seen| matches!(seen, Seen::Opaque(_));
        let told: Vec<_> = seen.iter().filter(opaque).collect();
        assert_eq!(told, [&Seen::Opaque(vec![[0, 0, i32::MAX, i32::MAX]])]);
        let create = Seen::Create { size: (64, 32), format, modifier: TILED, planes: 1 };
        assert!(seen.contains(&create), "{seen:?}");
    }
}
