//! A stand-in, a viewer and a compositor without a screen, and what their meters say.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use harness::desk::{Desk, Find, Output, Sway, SwayConfig};
use harness::process::wait_until;
use harness::usage::{self, Memory};
use harness::viewer::Viewer;
use harness::{Error, Result};
use serde::Deserialize;
use standin::flood::{Flood, Flooded, Until, flood};
use standin::player::{Plan, Summary, play};
use standin::{ConsoleSpec, Listener, Pixels, Release, Standin, pattern, pixman};

use super::blocked;
use super::case::{Case, MainLoop};
use super::meter::{Reading, Spent};

/// How long things may take that take a second or less on an idle computer.
const SOON: Duration = Duration::from_secs(30);

/// How long GTK may take to draw the window for the first time: llvmpipe compiles shaders then.
const SETTLE: Duration = Duration::from_secs(120);

/// When the header bar of a full screen has hidden: that draws the window once more, and where a
/// processor draws it, the first time takes half a second.
const HIDDEN: Duration = Duration::from_secs(5);

/// What a viewer that is done with that may use of a processor while nothing happens.
const IDLE: f64 = 0.03;

/// From the first of many frames until measuring starts.
const WARM_UP: Duration = Duration::from_secs(3);

/// When memory is looked at first.
const EARLY: Duration = Duration::from_secs(10);

/// Milliseconds, as the viewer's statistics have them.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Quantiles {
    pub p50: f64,
    pub p99: f64,
}

/// How the picture got to the screen.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Path {
    pub(crate) rung: String,
    pub(crate) reason: Option<String>,
}

/// A line of the viewer's statistics.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) span: f64,
    pub(crate) committed: u64,
    pub(crate) missed: u64,
    pub(crate) commit: Option<Quantiles>,
    pub(crate) path: Path,
}

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) viewer: Spent,
    pub(crate) compositor: Spent,
    /// Frames a second that were offered, and that were handed to the compositor.
    pub(crate) offered: f64,
    pub(crate) shown: f64,
    /// Frames of those shown that the compositor says nobody saw.
    pub(crate) missed: u64,
    /// Memory early on and at the end.
    pub(crate) memory: (Memory, Memory),
    /// The viewer's statistics, second by second, and of the whole run.
    pub(crate) lines: Vec<Line>,
    pub(crate) whole: Line,
    pub(crate) standin: Summary,
}

impl Outcome {
    /// Frames that were handed to the compositor while the meters ran.
    pub(crate) fn frames(&self) -> f64 {
        self.shown * self.viewer.wall.as_secs_f64()
    }
}

/// What came of a flood.
#[derive(Debug)]
pub(crate) struct Drowned {
    pub(crate) flooded: Flooded,
    pub(crate) viewer: Spent,
    pub(crate) memory: (Memory, Memory),
}

struct Stage {
    qemu: Arc<Standin>,
    listener: Listener,
    viewer: Viewer,
    sway: Sway,
}

/// Plays a case and measures for `length`.
pub(crate) fn run(case: &Case, length: Duration) -> Result<Outcome> {
    let mut stage = Stage::open(case.size, case.present, case.main_loop)?;
    stage.settle(case.size)?;
    let plan = Plan {
        damage: case.damage,
        sealed: case.sealed,
        seconds: (WARM_UP + length).as_secs_f64() + 2.0,
        ..Plan::new(case.mode, case.size.0, case.size.1, 0.0)
    };
    let (qemu, listener) = (stage.qemu.clone(), stage.listener.clone());
    let playing = thread::spawn(move || play(&qemu, &listener, &plan));
    let watched = stage.watch(length)?;
    let standin = playing.join().map_err(|_| Error::failed("the stand-in panicked"))?;
    let standin = standin.map_err(Error::failed)?;
    let whole = stage.close()?;
    let Watched { viewer, compositor, lines, memory } = watched;
    let seconds: f64 = lines.iter().map(|line| line.span).sum();
    let committed: u64 = lines.iter().map(|line| line.committed).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of frames")]
    let (offered, shown) = (standin.frames as f64 / standin.took_s, committed as f64 / seconds);
    let missed = lines.iter().map(|line| line.missed).sum();
    Ok(Outcome { viewer, compositor, offered, shown, missed, memory, lines, whole, standin })
}

/// Sends as many small updates as the viewer reads.
pub(crate) fn drown(size: (u32, u32), length: Duration) -> Result<Drowned> {
    const SIDE: u32 = 16;
    let mut stage = Stage::open(size, None, MainLoop::Free)?;
    let format = pixman::X8R8G8B8;
    let stride = pattern::tight(format, SIDE);
    stage.settle(size)?;
    let pixels: Pixels = pattern::render(format, 1, SIDE, SIDE, stride).into();
    let listener = stage.listener.clone();
    let until = Until::For(WARM_UP + length + Duration::from_secs(1));
    let flooding = thread::spawn(move || {
        flood(&listener, Flood { until, ..Flood::count(0) }, |listener, number| {
            let at = |row: u64| i32::try_from(number / row % 16 * 16).unwrap_or(0);
            let side = SIDE.cast_signed();
            listener.update([at(1), at(16), side, side], stride, format, &pixels);
        })
    });
    thread::sleep(WARM_UP);
    let (start, early) = (Reading::of(stage.viewer.id())?, usage::memory(stage.viewer.id())?);
    thread::sleep(length);
    let (end, late) = (Reading::of(stage.viewer.id())?, usage::memory(stage.viewer.id())?);
    let flooded = flooding.join().map_err(|_| Error::failed("the flood panicked"))?;
    stage.close()?;
    Ok(Drowned { flooded, viewer: start.until(&end), memory: (early, late) })
}

struct Watched {
    viewer: Spent,
    compositor: Spent,
    lines: Vec<Line>,
    memory: (Memory, Memory),
}

impl Stage {
    /// The output has the guest's size and the viewer fills it: one guest pixel is one of the screen's.
    fn open((width, height): (u32, u32), present: Option<&str>, main_loop: MainLoop) -> Result<Self> {
        let config = SwayConfig { outputs: vec![Output::new(width, height)], ..Default::default() };
        let sway = Sway::start(config)?;
        let console = ConsoleSpec::sized(width, height);
        let qemu = Standin::builder().release(Release::V10_1).lossy(true).console(console).build();
        let qemu = qemu.map_err(Error::failed)?;
        let socket: PathBuf = sway.session().scope().join("qmp");
        qemu.serve_qmp(&socket).map_err(Error::failed)?;
        let mut arguments = vec!["--qmp".to_owned(), socket.to_string_lossy().into_owned()];
        arguments.extend(["--fullscreen", "--scale", "1:1"].map(str::to_owned));
        arguments.extend(present.into_iter().flat_map(|way| ["--present".to_owned(), way.to_owned()]));
        let mut viewer = match main_loop {
            MainLoop::Free => Viewer::start(&sway, "connect", &arguments),
            MainLoop::Blocked => blocked::start(&sway, "connect", &arguments),
        }?;
        let listener = qemu
            .listener_within(0, SOON)
            .map_err(|error| Error::failed(format_args!("{error}")).with_detail(&viewer.process().log()))?;
        Ok(Self { qemu: Arc::new(qemu), listener, viewer, sway })
    }

    /// Sends one picture and waits until it is on the screen and the window at rest, so that what is
    /// measured is frames and not the program's start.
    fn settle(&mut self, (width, height): (u32, u32)) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(500);
        let format = pixman::X8R8G8B8;
        let stride = pattern::tight(format, width);
        let picture = pattern::render(format, 0, width, height, stride);
        self.listener.scanout(width, height, stride, format, picture);
        self.viewer.wait_for_stats("frame on the screen", SETTLE, |line| {
            // What is committed while the window still finds its size may count as never seen.
            (line["presented"].as_u64()? + line["missed"].as_u64()? > 0).then_some(())
        })?;
        thread::sleep(HIDDEN);
        let viewer = self.viewer.id();
        wait_until("rest of the viewer", SETTLE, || {
            let before = Reading::of(viewer)?;
            thread::sleep(LOOK);
            let spent = before.until(&Reading::of(viewer)?);
            Ok((spent.cpu.as_secs_f64() < spent.wall.as_secs_f64() * IDLE).then_some(()))
        })
    }

    fn watch(&mut self, length: Duration) -> Result<Watched> {
        thread::sleep(WARM_UP);
        let (viewer, compositor) = (self.viewer.id(), self.sway.process().id());
        let first = self.viewer.stats()?.len();
        let start = Instant::now();
        let before = (Reading::of(viewer)?, Reading::of(compositor)?);
        thread::sleep(length.min(EARLY));
        let early = usage::memory(viewer)?;
        thread::sleep(length.saturating_sub(start.elapsed()));
        let after = (Reading::of(viewer)?, Reading::of(compositor)?);
        let late = usage::memory(viewer)?;
        let lines = self.viewer.stats()?.split_off(first).into_iter().map(line);
        Ok(Watched {
            viewer: before.0.until(&after.0),
            compositor: before.1.until(&after.1),
            lines: lines.collect::<Result<_>>()?,
            memory: (early, late),
        })
    }

    /// Closes the window as a person would; gives the statistics of the whole run.
    fn close(mut self) -> Result<Line> {
        let window = self.sway.wait_for_window(Find::Pid(self.viewer.id()), SOON)?;
        self.sway.close(&window)?;
        let (status, summary) = self.viewer.finish(SOON)?;
        if !status.success() {
            return Err(Error::failed(format_args!("the viewer ended with {status}"))
                .with_detail(&self.viewer.process().log()));
        }
        line(summary)
    }
}

fn line(value: serde_json::Value) -> Result<Line> {
    let text = value.to_string();
    serde_json::from_value(value).map_err(|error| Error::failed(format_args!("{error} in {text}")))
}
