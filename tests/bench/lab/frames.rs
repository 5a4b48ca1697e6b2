//! A stand-in that flips among real dma-bufs, a viewer, and a compositor that takes them.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, thread};

use harness::desk::{Desk, Output, Renderer, Sway, SwayConfig};
use harness::viewer::Viewer;
use harness::{Doing, Error, Result};
use serde_json::Value;
use standin::{ConsoleSpec, Dmabuf, Listener, Standin};

use super::meter::{Reading, Spent};
use super::probe;
use super::stage::{LIMIT, total};
use super::vgem::buffers;

/// How often a second the stand-in flips.
const RATE: u32 = 10;

/// How often a second while it shows each buffer for the first time: so seldom that none is skipped.
const SLOW: u32 = 2;

const BUFFERS: u8 = 16;

/// What is new in each frame: of pictures of any size as much, because an emulated processor that draws
/// 1920x1080 shows less than what is offered, and what is skipped has been received and waits all the same.
const CHANGED: [i32; 4] = [0, 0, 640, 480];

/// How many frames are shown before measuring starts: each buffer is imported, and shaders are compiled.
const WARM: u64 = 2 * BUFFERS as u64;

/// How long the protocol is traced, in a run of its own because tracing costs.
const TRACED: Duration = Duration::from_secs(5);

/// Who shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Our surface and our thread.
    Oriel,
    /// What GTK has for that; see [`probe`].
    Gtk(probe::Way),
}

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) rung: String,
    /// Flips that were sent while the meters ran.
    pub(crate) offered: f64,
    pub(crate) spent: Spent,
    /// The statistics of those seconds.
    lines: Vec<Value>,
    /// From message to commit, p50 and p99 in milliseconds, of all frames from the first on.
    pub(crate) commit: Option<(f64, f64)>,
    /// `wl_display.sync` in five seconds more.
    pub(crate) round_trips: usize,
}

impl Way {
    pub(crate) const ALL: [Self; 3] =
        [Self::Oriel, Self::Gtk(probe::Way::Offload), Self::Gtk(probe::Way::Libmks)];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Oriel => "oriel",
            Self::Gtk(way) => way.name(),
        }
    }

    fn start(self, sway: &Sway, socket: &str, traced: bool) -> Result<Viewer> {
        let mut command = match self {
            Self::Oriel => {
                let mut command = sway.command(&harness::viewer::program()?.to_string_lossy());
                // What GTK draws is of no interest then, and compiling shaders takes long here.
                command.env("GSK_RENDERER", "cairo");
                command
            }
            Self::Gtk(way) => probe::command(sway, way)?,
        };
        // The render node is this machine's GPU.
        command.env_remove("LIBGL_ALWAYS_SOFTWARE");
        if traced {
            command.env("WAYLAND_DEBUG", "1");
        }
        let _ = fs::remove_file(sway.session().scope().join("stats.jsonl"));
        let arguments = ["--fullscreen", "--scale", "1:1", "--qmp", socket];
        Viewer::start_as(sway, command, "connect", &arguments)
    }
}

impl Outcome {
    /// Frames that were committed while the meters ran.
    pub(crate) fn shown(&self) -> f64 {
        let committed = u32::try_from(total(&self.lines, "committed")).unwrap_or(u32::MAX);
        let seconds: f64 = self.lines.iter().filter_map(|line| line["span"].as_f64()).sum();
        f64::from(committed) / seconds * self.spent.wall.as_secs_f64()
    }

    /// Of a frame that is received and shown: an emulated compositor leaves some out, and what is left
    /// out has been received all the same.
    pub(crate) fn ms_a_frame(&self) -> f64 {
        let received: Duration = self.spent.of_threads("oriel-listener");
        let rest = self.spent.cpu.saturating_sub(received);
        received.as_secs_f64() * 1e3 / self.offered + rest.as_secs_f64() * 1e3 / self.shown()
    }

    pub(crate) fn count(&self, counter: &str) -> String {
        total(&self.lines, counter).to_string()
    }
}

/// Shows frames of a size and measures for `length`.
pub(crate) fn run(way: Way, size: (u32, u32), length: Duration) -> Result<Outcome> {
    // Larger than the picture: GDK hears of no frame of a window that is covered by what it has offloaded
    // (sway 1.10 tells nobody of what is not seen), and draws no more.
    let outputs = vec![Output::new(1936, 1096)];
    let sway = Sway::start(SwayConfig { outputs, renderer: Renderer::Gles, ..SwayConfig::default() })?;
    let buffers = buffers(BUFFERS, size)?;
    let round_trips = {
        let mut stage = Stage::open(way, &sway, size, &buffers, true)?;
        stage.warm_up()?;
        let before = stage.round_trips()?;
        stage.play(RATE, TRACED);
        stage.round_trips()? - before
    };
    let mut stage = Stage::open(way, &sway, size, &buffers, false)?;
    stage.warm_up()?;
    let skip = stage.viewer.stats()?.len();
    let before = Reading::of(stage.viewer.id())?;
    let offered = stage.play(RATE, length);
    let spent = before.until(&Reading::of(stage.viewer.id())?);
    let lines = stage.viewer.stats()?.split_off(skip);
    let last = lines.last().ok_or_else(|| Error::failed("no second was counted"))?;
    let rung = last["path"]["rung"].as_str().unwrap_or("").to_owned();
    let commit = quantiles(&lines);
    Ok(Outcome { rung, offered, spent, lines, commit, round_trips })
}

/// The middle of the seconds' p50, and the worst of their p99: with ten frames a second, each
/// second's p99 is its slowest frame.
fn quantiles(lines: &[Value]) -> Option<(f64, f64)> {
    let all =
        |name: &str| -> Vec<f64> { lines.iter().filter_map(|line| line["commit"][name].as_f64()).collect() };
    let mut slowest = all("p99");
    slowest.sort_unstable_by(f64::total_cmp);
    Some((super::shared::median(all("p50"))?, *slowest.last()?))
}

struct Stage<'a> {
    // Kept for its sockets.
    _qemu: Standin,
    listener: Listener,
    viewer: Viewer,
    buffers: &'a [(OwnedFd, Dmabuf)],
}

impl<'a> Stage<'a> {
    fn open(
        way: Way,
        sway: &Sway,
        size: (u32, u32),
        buffers: &'a [(OwnedFd, Dmabuf)],
        traced: bool,
    ) -> Result<Self> {
        let qemu = Standin::builder().console(ConsoleSpec::sized(size.0, size.1)).build();
        let qemu = qemu.map_err(Error::failed)?;
        let socket: PathBuf = sway.session().scope().join("standin.qmp");
        let _ = fs::remove_file(&socket);
        qemu.serve_qmp(&socket).map_err(Error::failed)?;
        let mut viewer = way.start(sway, &socket.to_string_lossy(), traced)?;
        let listener = qemu
            .listener_within(0, LIMIT)
            .map_err(|error| Error::failed(format_args!("{error}")).with_detail(&viewer.process().log()))?;
        Ok(Self { _qemu: qemu, listener, viewer, buffers })
    }

    /// Plays until each buffer has been shown.
    fn warm_up(&mut self) -> Result<()> {
        let end = Instant::now() + LIMIT;
        let turn = Duration::from_secs(1) * u32::from(BUFFERS) / SLOW;
        loop {
            self.play(SLOW, turn);
            let seconds = self.viewer.stats()?;
            if total(&seconds, "committed") >= WARM {
                return Ok(());
            }
            if Instant::now() > end {
                let last = seconds.last().map(Value::to_string).unwrap_or_default();
                return Err(Error::failed(format_args!("nothing is shown: {last}"))
                    .with_detail(&self.viewer.process().log()));
            }
        }
    }

    /// Flips so many times a second; says how often.
    fn play(&self, rate: u32, length: Duration) -> f64 {
        let (period, start) = (Duration::from_secs(1) / rate, Instant::now());
        let mut flips = 0;
        for (file, dmabuf) in self.buffers.iter().cycle() {
            let due = start + period * flips;
            if due >= start + length {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let _ = self.listener.scanout_dmabuf(file, *dmabuf);
            drop(self.listener.update_dmabuf(CHANGED));
            flips += 1;
        }
        f64::from(flips)
    }

    /// How often the viewer has waited for the compositor, by its trace.
    fn round_trips(&self) -> Result<usize> {
        let trace = fs::read_to_string(self.viewer.stderr()).doing("read the protocol's trace")?;
        Ok(trace.lines().filter(|line| line.contains("wl_display") && line.contains(".sync(")).count())
    }
}
