//! A vGPU's pointer: it has no hot spot, and QEMU tells nobody of it who comes later.

use std::fs;

use harness::desk::{Desk, Sway};
use harness::input::Input;
use harness::shot::{Image, Rect};
use harness::{Doing, Result};

use crate::stage::{LIMIT, SCREEN, unique, wait_for_unique};
use crate::world::{GUEST, World, world};

/// The pixel of the guest that the person points to.
const PLACE: (u32, u32) = (301, 225);

/// How much of the screen right and below of it is looked at: more than a pointer's shape.
const AROUND: u32 = 80;

/// The cursor plane of all vGPUs that there are, as machine/cursor.h has it: its shape and its corner.
fn set_plane(shape: u8, (x, y): (u32, u32)) -> Result<()> {
    fs::write("/sys/module/mbochs/parameters/cursor", format!("{shape},{x},{y}"))
        .doing("set what the cursor plane shows")
}

/// The shape of no pointer.
const NONE: u8 = 0;

/// A pixel of a shape, where it is opaque.
fn pixel_of(shape: u8, x: u32, y: u32) -> Option<[u8; 4]> {
    if shape == NONE {
        return None;
    }
    let inside = |at: u32| u8::try_from(at).ok().filter(|at| *at < 8 + 8 * shape);
    let (x, y) = (inside(x)?, inside(y)?);
    Some([0x80 + (shape << 4), 0x80 + x, 0x80 + y, 255])
}

/// The guest's picture right of and below [`PLACE`], with a shape whose corner is there.
fn with_shape(shape: u8) -> Image {
    let bare = unique(GUEST);
    Image::from_fn(AROUND, AROUND, |x, y| {
        pixel_of(shape, x, y).unwrap_or_else(|| bare.get(PLACE.0 + x, PLACE.1 + y))
    })
}

/// What is seen there.
fn part(screen: &Image) -> Image {
    let ((x, y), side) = (on_screen(PLACE), AROUND.cast_signed());
    screen.crop(Rect::new(x.cast_signed(), y.cast_signed(), side, side))
}

/// Where a pixel of the guest is on the screen.
fn on_screen((x, y): (u32, u32)) -> (u32, u32) {
    ((SCREEN.0 - GUEST.0) / 2 + x, (SCREEN.1 - GUEST.1) / 2 + y)
}

/// Waits until this shape is seen, with its corner where the person points, and nothing else.
fn wait_for_shape(sway: &Sway, name: &str, shape: u8) -> Result<()> {
    let want = with_shape(shape);
    sway.wait_for_picture(name, LIMIT, |screen| matches!(part(screen).compare(&want), Ok(None)).then_some(()))
}

/// Waits until a pointer is seen that is none of the guest's.
fn wait_for_arrow(sway: &Sway) -> Result<()> {
    let bare = with_shape(NONE);
    sway.wait_for_picture("arrow", LIMIT, |screen| {
        let seen = part(screen);
        let of_the_guest = (0..8).any(|n| (1..=2).any(|shape| Some(seen.get(n, n)) == pixel_of(shape, n, n)));
        let differs = seen.compare(&bare).is_ok_and(|found| found.is_some());
        (differs && !of_the_guest).then_some(())
    })
}

fn point(input: &mut Input) -> Result<()> {
    let (x, y) = on_screen(PLACE);
    input.move_to(f64::from(x) + 0.5, f64::from(y) + 0.5)
}

#[test]
fn a_vgpus_pointer_has_its_hot_spot_in_the_corner_and_is_not_told_to_who_comes_later() -> Result<()> {
    world("pointer", |world| {
        let outcome = wear(world);
        set_plane(NONE, (0, 0))?;
        outcome
    })
}

fn wear(world: &mut World) -> Result<()> {
    let mut input = Input::connect(&world.sway)?;
    point(&mut input)?;
    wait_for_shape(&world.sway, "no pointer", NONE)?;
    for shape in [1, 2, NONE, 1] {
        set_plane(shape, PLACE)?;
        wait_for_shape(&world.sway, &format!("shape-{shape}"), shape)?;
    }

    // A viewer that comes later is told that there is none, until the guest moves it; of which shape it is
    // when that changes.
    world.view_again("auto", &[])?;
    input.park()?;
    wait_for_unique(&world.sway, GUEST, "later")?;
    point(&mut input)?;
    set_plane(1, (PLACE.0 + 1, PLACE.1))?;
    wait_for_arrow(&world.sway)?;
    set_plane(2, PLACE)?;
    wait_for_shape(&world.sway, "told", 2)
}
