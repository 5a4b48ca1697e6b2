//! One window from power-on to desktop and back: firmware, driver, modes, unloading, reset, crash.

use harness::desk::Capture;
use harness::machine::Report;
use harness::shot::Image;
use harness::{Error, Result};
use serde_json::json;

use crate::stage::{LIMIT, SCREEN, next_stats, total, wait_for_unique};
use crate::world::{CORNER, World, world};

/// Whether nothing can be seen in a picture.
fn is_black(image: &Image) -> bool {
    image.count(|pixel| pixel[..3].iter().any(|&part| part > 40)) == 0
}

#[test]
fn power_on_leads_from_the_firmware_to_the_driver_without_a_black_frame() -> Result<()> {
    world("power-on", |world| {
        let frames = &world.power_on;
        let first = frames.iter().position(|frame| !is_black(&frame.image));
        let first = first.ok_or_else(|| Error::failed("no frame of the firmware was seen"))?;
        let driver = frames.last().map(|frame| frame.image.clone());
        let before = frames[first..].iter().take_while(|frame| Some(&frame.image) != driver.as_ref()).count();
        for (number, frame) in frames.iter().enumerate().skip(first) {
            if is_black(&frame.image) {
                frame.image.keep("black")?;
                return Err(Error::failed(format_args!(
                    "frame {number} of {} is black, {:?} after the start",
                    frames.len(),
                    frame.at
                )));
            }
        }
        assert!(before > 0, "the firmware's picture was seen before the driver's");
        let stats = world.viewer.stats()?;
        assert_eq!(world.rung()?, "direct");
        assert_eq!(total(&stats, "copied"), 0, "no byte was copied since power-on");
        Ok(())
    })
}

#[test]
fn modes_change_within_the_window() -> Result<()> {
    world("modes", |world| {
        for size in [(800, 600), (640, 480), SCREEN] {
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
        let capture = Capture::start(&world.sway, CORNER)?;
        world.guest("unbind")?;
        world.machine.serial().expect(&Report::Mode { size: (0, 0) }, LIMIT)?;
        // QEMU has polled the display after that.
        next_stats(&world.viewer, "a second without a driver", |_| Some(()))?;
        world.guest("bind")?;
        world.settle()?;
        let black = capture.finish()?.iter().filter(|frame| is_black(&frame.image)).count();
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
        wait_for_unique(&world.sway, SCREEN, "crashed")?;
        assert!(world.viewer.process().is_running()?);
        // Nobody can go on with a machine that has crashed.
        Err(Error::failed("crashed"))
    })
    .or_else(|error| if error.to_string() == "crashed" { Ok(()) } else { Err(error) })
}
