//! One window from power-on to desktop and back: firmware, driver, modes, unloading, reset, crash.

use harness::machine::Report;
use harness::{Error, Result};
use serde_json::json;

use crate::stage::{LIMIT, SCREEN, next_stats, total, wait_for_unique};
use crate::world::{Corner, GUEST, World, is_black, world};

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
        let last = pictures.len() - 1;
        assert!(seen < last, "the firmware was seen before the driver");
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
