//! How large the monitor's pixels are: told again where they are others, once, and with no size for news.

use super::{Device, Manner, Pitch, Policy, Verdict, World};
use crate::geometry::Size;

/// A window on a 27 inch monitor, whose guest has what it was asked for.
fn settled(device: Device, manner: Manner) -> World {
    let mut world = World::of(device, manner, Policy::FollowWindow, 1.0);
    world.move_to_monitor(597);
    world.drag(1600, 900);
    world.settle();
    world
}

fn millimetres(world: &World) -> Vec<u16> {
    world.wishes.iter().map(|(_, wish)| wish.millimetres.width).collect()
}

#[test]
fn another_monitors_density_is_told_once() {
    let mut world = settled(Device::Virtio, Manner::Obeys(40));
    assert_eq!(millimetres(&world), [373]);
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(millimetres(&world), [373, 212]);
    assert_eq!(world.sizes()[1], (1600, 900));
    assert!(matches!(world.control.verdict(), Verdict::Followed { .. }));
    // The window comes and goes, as it does while it lies on both of them, and then stays.
    world.move_to_monitor(597);
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(world.wishes.len(), 2);
}

/// What rounds to the same millimetres is the same for the guest.
#[test]
fn a_density_that_makes_no_millimetre_is_none() {
    let mut world = settled(Device::Virtio, Manner::Obeys(40));
    world.pitch = Some(Pitch::of_monitor(Size::new(25_600, 14_400), (5971, 3351), world.scale));
    world.tell();
    world.settle();
    assert_eq!(world.wishes.len(), 1);
}

/// A wish that was made another one so that QEMU passes it on has no other density.
#[test]
fn nudged_millimetres_are_no_news() {
    let mut world = settled(Device::Virtio, Manner::Ignores);
    world.control.ask_again(world.now);
    world.settle();
    assert_eq!(millimetres(&world), [373, 372]);
    world.move_to_monitor(598);
    world.move_to_monitor(597);
    world.settle();
    assert_eq!(world.wishes.len(), 2);
    // A monitor of the very millimetres that were told by accident: QEMU is to pass this on, too.
    world.move_to_monitor(595);
    world.settle();
    assert_eq!(millimetres(&world), [373, 372, 371]);
    world.settle();
    assert_eq!(world.wishes.len(), 3);
}

/// Each wish disconnects a vfio monitor for a moment, and its EDID has no millimetres of ours.
#[test]
fn a_device_that_passes_no_millimetres_on_is_left_alone() {
    let mut world = settled(Device::Vfio, Manner::Obeys(40));
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(world.wishes.len(), 1);
}

#[test]
fn who_does_not_follow_is_not_told() {
    let mut world = World::new(Manner::Obeys(40), Policy::Off, 1.0);
    world.control.choose(Some(Size::new(1920, 1080)), world.now);
    world.settle();
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(world.wishes.len(), 1);
}

/// The guest has chosen a size of its own, and the window followed it: it keeps that size.
#[test]
fn a_guest_that_went_its_own_way_keeps_its_size() {
    let mut world = settled(Device::Virtio, Manner::Obeys(40));
    world.show(Size::new(1366, 768));
    world.settle();
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900), (1366, 768)]);
    assert_eq!(world.shown, Size::new(1366, 768));
    assert_eq!(millimetres(&world), [373, 181]);
}

/// A guest that takes its time is asked for the same size, not for the one that it still has.
#[test]
fn a_guest_that_has_not_answered_yet_is_asked_for_the_same() {
    let mut world = settled(Device::Virtio, Manner::Obeys(9_000));
    world.drag(1200, 800);
    world.pass(std::time::Duration::from_secs(1));
    world.move_to_monitor(340);
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900), (1200, 800), (1200, 800)]);
    assert_eq!(world.shown, Size::new(1200, 800));
}
