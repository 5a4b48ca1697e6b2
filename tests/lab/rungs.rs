//! Every way to present real dma-bufs, forced in turn: the same pixels each time.

use harness::Result;
use harness::process::wait_until;

use crate::stage::{LIMIT, next_stats, total, wait_for_unique};
use crate::world::{GUEST, World, world};

fn forced(present: &str) -> Result<()> {
    world(&format!("forced-{present}"), |world| {
        world.view_again(present, &[])?;
        wait_for_unique(&world.sway, GUEST, present)?;
        let rung = next_stats(&world.viewer, "a second", |second| {
            second["path"]["rung"].as_str().map(str::to_owned)
        })?;
        assert_eq!(rung, present);
        flips(world, present)
    })
}

/// More than there are buffers to draw into on any rung.
const PICTURES: u64 = 8;

/// Pictures in turn, and the right one at the end.
fn flips(world: &World, present: &str) -> Result<()> {
    let before = world.viewer.stats()?.len();
    world.guest("paint flip")?;
    wait_until("pictures in turn", LIMIT, || {
        let seconds = world.viewer.stats()?.split_off(before);
        Ok((total(&seconds, "committed") >= PICTURES).then_some(()))
    })?;
    world.guest("paint unique")?;
    wait_for_unique(&world.sway, GUEST, present)
}

#[test]
fn direct_shows_the_right_pixels() -> Result<()> {
    forced("direct")
}

#[test]
fn compose_shows_the_right_pixels() -> Result<()> {
    forced("compose")
}

#[test]
fn bridge_shows_the_right_pixels() -> Result<()> {
    forced("bridge")
}

#[test]
fn copy_shows_the_right_pixels() -> Result<()> {
    forced("copy")
}

#[test]
fn gtk_shows_the_right_pixels() -> Result<()> {
    forced("gtk")
}
