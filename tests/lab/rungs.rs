//! Every way to present real dma-bufs, forced in turn: the same pixels each time.

use harness::Result;

use crate::stage::{next_stats, wait_for_unique};
use crate::world::{GUEST, world};

fn forced(present: &str) -> Result<()> {
    world(&format!("forced-{present}"), |world| {
        world.view_again(present, &[])?;
        wait_for_unique(&world.sway, GUEST, present)?;
        let rung = next_stats(&world.viewer, "a second", |second| {
            second["path"]["rung"].as_str().map(str::to_owned)
        })?;
        assert_eq!(rung, present);
        Ok(())
    })
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
