//! Proof that the compositor shows the guest's very buffers, and that many of them cost nothing.

use std::time::Duration;

use harness::Result;
use harness::desk::Desk;
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

/// QEMU 10.0 keeps five buffers, and its `Disable` for each older one throws the next one's announcement
/// away: most flips never reach us, and all that do are buffers that the compositor knows by then.
#[test]
fn sixteen_buffers_and_their_disables_neither_blacken_nor_copy() -> Result<()> {
    world("sixteen", |world| {
        let skip = world.viewer.stats()?.len();
        let corner = Corner::watch(&world.sway)?;
        world.guest("paint flip")?;
        world.guest("fps 60")?;
        let mut frames = 0;
        while frames < 100 {
            frames += next_stats(&world.viewer, "flips", |second| second["updates"].as_u64())?;
        }
        let flips = world.viewer.stats()?.split_off(skip);
        let pictures = corner.finish()?;
        let black = pictures.iter().filter(|picture| is_black(picture)).count();
        world.settle()?;
        assert_eq!(black, 0, "of {} pictures", pictures.len());
        assert!(total(&flips, "imported") <= 16, "each buffer is made known once: {flips:#?}");
        assert_eq!(total(&flips, "copied"), 0);
        assert!(total(&flips, "committed") > 0, "something was shown");
        assert!(flips.iter().all(|second| second["path"]["rung"] == "direct"));
        Ok(())
    })
}
