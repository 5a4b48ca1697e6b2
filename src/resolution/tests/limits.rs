//! What is asked of which device: widths, and what it turned out to have.

use proptest::prelude::*;

use super::{Device, Limits, Manner, Policy, SCALES, Verdict, World};
use crate::geometry::Size;

#[test]
fn only_a_device_of_plain_memory_is_asked_for_any_width() {
    for (device, width) in [
        (Device::Virtio, 1366),
        (Device::Vfio, 1360),
        (Device::Vga, 1360),
        (Device::Plain, 1360),
        (Device::Unknown, 1360),
    ] {
        let mut world = World::of(device, Manner::Obeys(40), Policy::FollowWindow, 1.0);
        world.drag(1366, 768);
        world.settle();
        assert_eq!(world.sizes(), [(width, 768)], "{device:?}");
    }
}

/// A virtio-gpu with `edid=off`: Linux makes modes of what it is told, in cells of 8 pixels.
#[test]
fn a_guest_that_rounds_widths_is_asked_for_round_ones() {
    let mut world = World::new(Manner::Cells, Policy::FollowWindow, 1.0);
    world.drag(1366, 768);
    world.settle();
    let Verdict::Followed { size, .. } = world.control.verdict() else { panic!("as well as it can") };
    assert_eq!(size, Size::new(1360, 768));
    world.drag(1365, 768);
    world.settle();
    world.drag(1205, 700);
    world.settle();
    assert_eq!(world.sizes(), [(1366, 768), (1200, 700)]);
    // Behind another connection there may be another.
    world.control.reconnected(world.now);
    assert_eq!(world.control.limits().align, 1);
}

/// Somebody who has chosen a size hears that it is another.
#[test]
fn a_chosen_width_is_not_the_rounded_one() {
    let mut world = World::new(Manner::Cells, Policy::Off, 1.0);
    world.control.choose(Some(Size::new(1366, 768)), world.now);
    world.settle();
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { .. }));
}

#[test]
fn a_choice_outlives_what_a_device_turned_out_to_have() {
    let mut world = World::of(Device::Vfio, Manner::UpTo(1600, 1000), Policy::Off, 1.0);
    for size in [(1800, 1100), (2200, 1400), (2400, 1350)] {
        world.control.choose(Some(Size::new(size.0, size.1)), world.now);
        world.settle();
    }
    assert_eq!(world.control.limits().most, Size::new(1600, 1000));
    assert_eq!(world.sizes(), [(1800, 1100), (2200, 1400)], "it has what it can");
    assert_eq!(world.control.chosen(), Some(Size::new(2400, 1350)), "what the person has said");
    world.control.ask_again(world.now);
    world.settle();
    assert_eq!(world.sizes().last(), Some(&(2400, 1350)));
}

proptest! {
    /// What the window has room for, as far as the device has a mode for it.
    #[test]
    fn the_width_is_the_windows(
        device in prop::sample::select(vec![Device::Virtio, Device::Vfio, Device::Unknown]),
        scale in prop::sample::select(SCALES.to_vec()),
        (width, height) in (400..2400_u32, 300..1300_u32),
    ) {
        let mut world = World::of(device, Manner::Obeys(40), Policy::FollowWindow, scale);
        world.drag(width, height);
        world.settle();
        prop_assert!(world.is_right());
        let Some(&(asked, _)) = world.sizes().last() else { return Ok(()) };
        let Limits { align, .. } = device.limits();
        prop_assert!(align == 1 || asked % align == 0, "{asked}");
        if align == 1 {
            // Pixels in the width, and what is left over so that p of p/q divides.
            let room = f64::from(width) * world.scale.factor();
            let left = room - f64::from(asked);
            let divisor = f64::from(world.scale.grid().pixels);
            prop_assert!(left > -1.0 && left < divisor, "{asked} of {room} at {scale}");
        }
    }
}
