//! Proof that the compositor shows the guest's very buffers, and that many of them cost nothing.

use std::thread;
use std::time::Duration;

use harness::desk::Desk;
use harness::{Error, Result};
use rustix::process::Signal;

use crate::dmabuf::held_by;
use crate::stage::{next_stats, total};
use crate::world::{Corner, is_black, world};

/// A colour that is nowhere in the unique picture of 640x480.
const MARK: (&str, [u8; 3]) = ("ff00ff", [255, 0, 255]);

#[test]
fn the_compositor_shows_the_guests_very_buffer() -> Result<()> {
    world("very-buffer", |world| {
        let of_qemu = held_by(world.machine.id(), "mbochs")?;
        let of_sway = held_by(world.sway.process().id(), "mbochs")?;
        assert!(!of_qemu.is_empty(), "QEMU shows a buffer of the vGPU");
        assert!(
            of_qemu.intersection(&of_sway).next().is_some(),
            "what the compositor has, {of_sway:?}, is what QEMU has, {of_qemu:?}"
        );
        // From here on nothing can go to the compositor or come from it: the viewer stands still.
        world.viewer.process().signal(Signal::STOP)?;
        world.guest(&format!("pixel 512 384 {}", MARK.0))?;
        let seen = world.sway.wait_for_picture("marked", Duration::from_secs(30), |image| {
            // The picture is in the middle of the screen.
            (image.get(192 + 512, 144 + 384)[..3] == MARK.1).then_some(())
        });
        world.viewer.process().signal(Signal::CONT)?;
        seen?;
        world.settle_after_mark()
    })
}

#[test]
fn sixteen_buffers_take_turns_without_imports_or_copies() -> Result<()> {
    world("sixteen", |world| {
        let corner = Corner::watch(&world.sway)?;
        world.guest("paint flip")?;
        world.guest("fps 60")?;
        // Every buffer has been seen after so long; QEMU itself keeps five and drops the others.
        thread::sleep(Duration::from_secs(8));
        let skip = world.viewer.stats()?.len();
        for _ in 0..5 {
            next_stats(&world.viewer, "a second of flips", |_| Some(()))?;
        }
        let steady = world.viewer.stats()?.split_off(skip);
        let pictures = corner.finish()?;
        let black = pictures.iter().filter(|picture| is_black(picture)).count();
        world.settle()?;
        assert_eq!(black, 0, "of {} pictures", pictures.len());
        assert_eq!(total(&steady, "imported"), 0, "{steady:#?}");
        assert_eq!(total(&steady, "copied"), 0);
        if total(&steady, "committed") == 0 {
            return Err(Error::failed("nothing was shown"));
        }
        assert!(steady.iter().all(|second| second["path"]["rung"] == "direct"));
        Ok(())
    })
}
