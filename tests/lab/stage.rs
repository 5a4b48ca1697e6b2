//! What every test here needs: a desktop that takes dma-bufs, the real program on it, and what they show.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use harness::desk::{Desk, Find, Output, Renderer, Sway, SwayConfig};
use harness::machine::{Builder, Display, GuestOptions, Report, Running};
use harness::process::wait_until;
use harness::shot::{self, Image};
use harness::viewer::{Viewer, program};
use harness::{Doing, Result};
use serde_json::Value;

/// Longer than anything takes here, on an emulated processor that others want as well.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The screen, and what ramfb shows: a guest's picture of this size fills it pixel for pixel.
pub(crate) const SCREEN: (u32, u32) = (1024, 768);

/// A desktop with OpenGL and linux-dmabuf.
pub(crate) fn desk() -> Result<Sway> {
    let outputs = vec![Output::new(SCREEN.0, SCREEN.1)];
    Sway::start(SwayConfig { outputs, renderer: Renderer::Gles, ..SwayConfig::default() })
}

/// The program, filling the screen with the guest's pixels as they are. Its standard error is the
/// trace of the Wayland protocol.
pub(crate) fn view(sway: &Sway, present: &str, source: &[&str]) -> Result<Viewer> {
    let mut command = traced(sway)?;
    if present != "gtk" {
        // What GTK draws is of no interest then, and compiling shaders takes long here.
        command.env("GSK_RENDERER", "cairo");
    }
    let _ = fs::remove_file(sway.session().scope().join("stats.jsonl"));
    let mut arguments = vec!["--fullscreen", "--scale", "1:1", "--present", present];
    arguments.extend(source);
    let viewer = Viewer::start_as(sway, command, "connect", &arguments)?;
    let found = sway.wait_for_window(Find::Pid(viewer.id()), LIMIT);
    if let Err(error) = found {
        Evidence { desk: Some((sway, &viewer)), machine: None }.keep("no-window")?;
        return Err(error);
    }
    Ok(viewer)
}

/// The program in a window that its person may resize.
pub(crate) fn view_window(sway: &Sway, source: &[&str]) -> Result<Viewer> {
    let mut command = traced(sway)?;
    command.env("GSK_RENDERER", "cairo");
    Viewer::start_as(sway, command, "connect", &[&["--scale", "1:1"], source].concat())
}

fn traced(sway: &Sway) -> Result<Command> {
    let mut command = sway.command(&program()?.to_string_lossy());
    // The render node is this machine's GPU.
    command.env("WAYLAND_DEBUG", "1").env("RUST_LOG", "oriel=trace").env_remove("LIBGL_ALWAYS_SOFTWARE");
    Ok(command)
}

/// What a test has to show of itself when it fails.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) desk: Option<(&'a Sway, &'a Viewer)>,
    pub(crate) machine: Option<&'a Running>,
}

impl<'a> Evidence<'a> {
    /// Of a viewer of a machine.
    pub(crate) fn of(sway: &'a Sway, viewer: &'a Viewer, machine: &'a Running) -> Self {
        Self { desk: Some((sway, viewer)), machine: Some(machine) }
    }

    /// Leaves logs, trace, statistics and a screenshot among the artefacts.
    pub(crate) fn keep(&self, name: &str) -> Result<()> {
        let dir = shot::artifacts().join(name);
        fs::create_dir_all(&dir).doing(format_args!("make {}", dir.display()))?;
        // What is missing is no reason to lose the rest.
        let copy = |from: &Path, to: &str| drop(fs::copy(from, dir.join(to)));
        if let Some(machine) = self.machine {
            let _ = fs::write(dir.join("serial.log"), machine.serial().lines().join("\n"));
            copy(machine.stderr(), "qemu.log");
        }
        let Some((sway, viewer)) = self.desk else { return Ok(()) };
        copy(sway.process().stderr(), "sway.log");
        copy(viewer.stderr(), "oriel.wayland.log");
        copy(&sway.session().scope().join("stats.jsonl"), "stats.jsonl");
        if let Ok(picture) = sway.screenshot() {
            picture.save(&dir.join("screen.png"))?;
        }
        Ok(())
    }

    /// Does what may fail, by an error or by an assertion, and keeps the evidence if it does.
    pub(crate) fn of_failure<T>(self, name: &str, test: impl FnOnce() -> Result<T>) -> Result<T> {
        settled(panic::catch_unwind(AssertUnwindSafe(test)), || self.keep(name))
    }
}

/// Hands on how a test ended, after something else if it ended badly.
pub(crate) fn settled<T>(
    outcome: thread::Result<Result<T>>,
    if_badly: impl FnOnce() -> Result<()>,
) -> Result<T> {
    if !matches!(outcome, Ok(Ok(_)))
        && let Err(error) = if_badly()
    {
        // The test's own end says more.
        eprintln!("no evidence: {error}");
    }
    outcome.unwrap_or_else(|assertion| panic::resume_unwind(assertion))
}

/// A machine in this one with this display device alone, whose guest does nothing that takes long.
pub(crate) fn nested(guest: GuestOptions, memory: u32, video: &str) -> Builder {
    let more = format!("{} mitigations=off nokaslr cryptomgr.notests", guest.more);
    nested_without_guest(memory, video).guest(GuestOptions { more, ..guest }).unpacked_kernel()
}

/// The same, where the firmware is all that runs.
pub(crate) fn nested_without_guest(memory: u32, video: &str) -> Builder {
    Builder::new().kvm().memory(memory).video(video).devices(&[]).display(Display::DBusGl)
}

/// Waits until the guest draws by means of this driver.
pub(crate) fn wait_for_driver(machine: &Running, wanted: &str) -> Result<()> {
    machine.serial().guest("a mode of the guest", LIMIT, |report| {
        matches!(report, Report::Ready { driver, .. } if driver == wanted).then_some(())
    })
}

/// What the guest draws when it is told `paint unique`: no two pixels are alike.
pub(crate) fn unique(size: (u32, u32)) -> Image {
    Image::from_fn(size.0, size.1, |x, y| {
        let [_, red, green, blue] = ((x & 0xfff) << 12 | y & 0xfff).to_be_bytes();
        [red, green, blue, 255]
    })
}

/// Waits until a guest's unique picture of this size is in the middle of the screen, every pixel of it.
pub(crate) fn wait_for_unique(sway: &Sway, size: (u32, u32), name: &str) -> Result<()> {
    let want = unique(size);
    let (left, top) = ((SCREEN.0 - size.0) / 2, (SCREEN.1 - size.1) / 2);
    let exact = |image: &Image| {
        // A few pixels tell whether it is worth looking at all of them.
        let looks =
            (0..size.0.min(size.1)).step_by(37).all(|n| image.get(left + n, top + n) == want.get(n, n));
        let all =
            || image.crop(harness::shot::Rect { x: left.cast_signed(), y: top.cast_signed(), ..want.rect() });
        (looks && matches!(all().compare(&want), Ok(None))).then_some(())
    };
    sway.wait_for_picture(name, LIMIT, exact)
}

/// Waits for the first second of statistics after now that `check` accepts.
pub(crate) fn next_stats<T>(viewer: &Viewer, what: &str, check: impl Fn(&Value) -> Option<T>) -> Result<T> {
    let seen = viewer.stats()?.len();
    let found = wait_until(what, LIMIT, || Ok(viewer.stats()?.iter().skip(seen).find_map(&check)));
    found.map_err(|error| match viewer.stats().ok().and_then(|all| all.last().cloned()) {
        Some(last) => error.with_detail(&format!("the statistics end with {last}")),
        None => error,
    })
}

/// Adds up a counter over some seconds of statistics.
pub(crate) fn total(seconds: &[Value], counter: &str) -> u64 {
    seconds.iter().filter_map(|second| second[counter].as_u64()).sum()
}
