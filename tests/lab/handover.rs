//! One window from power-on to desktop and back: firmware, driver, modes, unloading, reset, crash.

use harness::machine::Report;
use harness::shot::Image;
use harness::{Error, Result};
use serde_json::json;

use crate::stage::{LIMIT, SCREEN, next_stats, total, unique, wait_for_unique};
use crate::world::{Corner, GUEST, STRIDE, World, is_black, world};

/// Whether these are the firmware's first lines: letters of its gray, on black, and nothing else.
fn is_firmware(corner: &Image) -> bool {
    const GRAY: [u8; 3] = [170; 3];
    let letters = corner.count(|pixel| pixel[..3] == GRAY);
    letters > 0 && letters == corner.count(|pixel| pixel[..3] != [0; 3])
}

/// Whether the guest's unique picture begins where it has to, and nothing is beside it.
fn is_guests(corner: &Image) -> bool {
    let guest = unique(GUEST);
    let (left, top) = ((SCREEN.0 - GUEST.0) / 2, (SCREEN.1 - GUEST.1) / 2);
    let want = |x: u32, y: u32| match (x.checked_sub(left), y.checked_sub(top)) {
        (Some(x), Some(y)) => guest.get(x, y),
        _ => [0, 0, 0, 255],
    };
    let want = Image::from_fn(corner.width(), corner.height(), |x, y| want(x * STRIDE, y * STRIDE));
    matches!(corner.compare(&want), Ok(None))
}

#[test]
fn power_on_leads_from_the_firmware_to_the_driver_without_a_black_frame() -> Result<()> {
    world("power-on", |world| {
        let pictures = &world.power_on;
        let seen = pictures.iter().position(|picture| !is_black(picture));
        let seen = seen.ok_or_else(|| Error::failed("nothing was ever seen"))?;
        if let Some(black) = pictures[seen..].iter().position(is_black) {
            pictures[seen + black].keep("power-on.black")?;
            return Err(Error::failed(format_args!(
                "picture {} of {} is black",
                seen + black,
                pictures.len()
            )));
        }
        // What ramfb shows was there before anything of the vGPU's.
        if !is_firmware(&pictures[seen]) {
            pictures[seen].keep("power-on.first")?;
            return Err(Error::failed("the first picture is not the firmware's"));
        }
        assert!(pictures.last().is_some_and(is_guests), "the guest's picture is the last one");
        let stats = world.viewer.stats()?;
        assert_eq!(world.rung()?, "direct");
        assert_eq!(total(&stats, "copied"), 0, "no byte was copied since power-on");
        Ok(())
    })
}

#[test]
fn modes_change_within_the_window() -> Result<()> {
    world("modes", |world| {
        for size in [(800, 600), SCREEN, GUEST] {
            world.guest(&format!("mode {}x{}", size.0, size.1))?;
            wait_for_unique(&world.sway, size, "mode")?;
            assert_eq!(world.rung()?, "direct");
        }
        Ok(())
    })
}

#[test]
fn the_driver_goes_and_comes_back() -> Result<()> {
    world("driver", |world| {
        let corner = Corner::watch(&world.sway)?;
        world.guest("unbind")?;
        world.machine.serial().expect(&Report::Mode { size: (0, 0) }, LIMIT)?;
        // QEMU has polled the display after that.
        next_stats(&world.viewer, "a second without a driver", |_| Some(()))?;
        world.guest("bind")?;
        world.settle()?;
        let black = corner.finish()?.iter().filter(|picture| is_black(picture)).count();
        assert_eq!(black, 0, "the last picture stays until there is another");
        assert_eq!(world.rung()?, "direct");
        Ok(())
    })
}

/// Last, because the machine stays as it is then.
#[test]
fn the_last_picture_outlives_a_reset_and_a_crash() -> Result<()> {
    world("reset", |world: &mut World| {
        world.machine.qmp()?.execute("system_reset", json!({}))?;
        world.wait_for_driver()?;
        world.settle()?;
        assert_eq!(world.rung()?, "direct");
        world.guest("crash")?;
        for _ in 0..3 {
            next_stats(&world.viewer, "a second after the crash", |_| Some(()))?;
        }
        wait_for_unique(&world.sway, GUEST, "crashed")?;
        assert!(world.viewer.process().is_running()?);
        // Nobody can go on with a machine that has crashed.
        Err(Error::failed("crashed"))
    })
    .or_else(|error| if error.to_string() == "crashed" { Ok(()) } else { Err(error) })
}
