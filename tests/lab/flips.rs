//! Ten thousand flips among sixteen dma-bufs, faster than any guest's: nothing grows.

use std::os::fd::OwnedFd;
use std::time::Duration;

use harness::desk::{Desk, Sway};
use harness::process::wait_until;
use harness::usage::memory;
use harness::viewer::Viewer;
use harness::{Error, Result};
use standin::{ConsoleSpec, Dmabuf, Listener, Reply, Standin};

use crate::dmabuf::descriptors;
use crate::stage::{Evidence, LIMIT, desk, next_stats, total, view};
use crate::vgem::buffers;

const SIZE: (u32, u32) = (640, 480);
const BUFFERS: u8 = 16;
const FLIPS: usize = 10_000;
/// After so many of them everything has been seen.
const WARM: usize = 1_000;

/// What may come and go in pools and caches, in bytes.
const SLACK: u64 = 4 << 20;

/// What the viewer and the compositor hold: open files, and memory of the viewer's own.
#[derive(Clone, Copy, Debug)]
struct Held {
    viewer: usize,
    compositor: usize,
    memory: u64,
}

impl Held {
    fn now(viewer: u32, compositor: u32) -> Result<Self> {
        Ok(Self {
            viewer: descriptors(viewer)?,
            compositor: descriptors(compositor)?,
            memory: memory(viewer)?.anonymous,
        })
    }
}

fn flip(listener: &Listener, buffers: &[(OwnedFd, Dmabuf)], flips: usize) -> Result<()> {
    let (width, height) = (SIZE.0.cast_signed(), SIZE.1.cast_signed());
    for (file, dmabuf) in buffers.iter().cycle().take(flips) {
        let _ = listener.scanout_dmabuf(file, *dmabuf);
        let reply = listener.update_dmabuf([0, 0, width, height]).wait(Duration::from_secs(5));
        if matches!(reply, Reply::TimedOut) {
            return Err(Error::failed("an update was not answered"));
        }
    }
    Ok(())
}

#[test]
fn ten_thousand_flips_among_sixteen_buffers_leave_nothing_behind() -> Result<()> {
    let sway = desk()?;
    let qemu =
        Standin::builder().console(ConsoleSpec::sized(SIZE.0, SIZE.1)).build().map_err(Error::failed)?;
    let socket = sway.session().scope().join("standin.qmp");
    qemu.serve_qmp(&socket).map_err(Error::failed)?;
    let viewer = view(&sway, "auto", &["--qmp", &socket.to_string_lossy()])?;
    let evidence = Evidence { desk: Some((&sway, &viewer)), machine: None };
    evidence.of_failure("flips", || flip_and_weigh(&qemu, &sway, &viewer))
}

fn flip_and_weigh(qemu: &Standin, sway: &Sway, viewer: &Viewer) -> Result<()> {
    let listener = qemu.listener_within(0, LIMIT).map_err(Error::failed)?;

    let buffers = buffers(BUFFERS, SIZE)?;
    flip(&listener, &buffers, WARM)?;
    wait_until("direct rung", LIMIT, || {
        flip(&listener, &buffers, buffers.len())?;
        Ok(viewer.stats()?.last().is_some_and(|last| last["path"]["rung"] == "direct").then_some(()))
    })?;
    next_stats(viewer, "a second", |_| Some(()))?;
    let seconds = viewer.stats()?.len();
    let before = Held::now(viewer.id(), sway.process().id())?;
    flip(&listener, &buffers, FLIPS - WARM)?;
    next_stats(viewer, "a second", |_| Some(()))?;
    let after = Held::now(viewer.id(), sway.process().id())?;
    let stats = viewer.stats()?.split_off(seconds);
    let flat = after.viewer <= before.viewer
        && after.compositor <= before.compositor + 1
        && after.memory <= before.memory + SLACK;
    assert!(flat, "{before:?} became {after:?}");
    assert_eq!(total(&stats, "imported"), 0);
    assert_eq!(total(&stats, "copied"), 0);
    assert!(total(&stats, "committed") > 0, "frames were shown");
    Ok(())
}
