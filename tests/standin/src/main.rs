//! The stand-in as a program: a machine on a bus, a QMP socket or an inherited descriptor, and frames at a steady rate.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use serde_json::json;
use standin::flood::{Flood, Until, flood};
use standin::player::{Mode, Pacing, Paint, Plan, play};
use standin::scenario::Scenario;
use standin::{ConsoleSpec, Listener, Pixels, Pointer, Release, Standin, pattern, pixman};

/// QEMU's side of a D-Bus display without a machine behind it.
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("where").required(true))]
struct Cli {
    /// Join the bus at this D-Bus address and own org.qemu there.
    #[arg(long, group = "where", value_name = "BUS")]
    address: Option<String>,
    /// Serve a viewer on this inherited socket.
    #[arg(long, group = "where", value_name = "N")]
    p2p_fd: Option<i32>,
    /// Serve QMP at this path, for getfd and add_client.
    #[arg(long, group = "where", value_name = "PATH")]
    qmp: Option<PathBuf>,

    /// How frames are sent: pixels, map, dmabuf or dmabuf2.
    #[arg(long, default_value = "map")]
    mode: Mode,
    /// The picture's size in pixels.
    #[arg(long, default_value = "1920x1080", value_parser = size)]
    size: (u32, u32),
    /// Frames a second, or `max`.
    #[arg(long, default_value = "60", value_parser = fps)]
    fps: Fps,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Frames rendered beforehand, and buffers to flip between.
    #[arg(long, default_value_t = 3)]
    buffers: usize,
    /// The part that changes, as X,Y,WIDTH,HEIGHT.
    #[arg(long, value_parser = area)]
    damage: Option<[u32; 4]>,
    /// What is written into mapped memory for each frame: stamp or full.
    #[arg(long, default_value = "stamp")]
    paint: Paint,
    /// Whether frames wait for replies, as a virtio-gpu's do: timer or replies.
    #[arg(long, default_value = "timer")]
    pacing: Pacing,
    /// Seal mapped memory against shrinking, which stock QEMU does not.
    #[arg(long)]
    sealed: bool,
    /// Play a named sequence instead of frames.
    #[arg(long, conflicts_with = "flood")]
    scenario: Option<Scenario>,
    /// Send Updates of 16×16 pixels, as many as the viewer reads.
    #[arg(long)]
    flood: bool,

    /// The QEMU release played: 7.2, 8.2, 9.2, 10.0, 10.1 or 11.1.
    #[arg(long, default_value = "10.1", value_parser = release)]
    release: Release,
    #[arg(long, default_value = "standin")]
    name: String,
    #[arg(long, default_value = "00000000-0000-0000-0000-000000000000")]
    uuid: String,
    #[arg(long, default_value_t = 1)]
    consoles: u32,
    /// A pointer without a tablet.
    #[arg(long)]
    relative: bool,
    /// Seconds to wait for a listener on console 0.
    #[arg(long, default_value_t = 60.0)]
    wait: f64,
    /// Seconds to stay after the last frame.
    #[arg(long, default_value_t = 0.0)]
    linger: f64,
    /// Write a summary here, as one JSON object.
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// Write one CSV line a message here, with times of `CLOCK_MONOTONIC`.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Write what the viewer does here as it happens, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum Fps {
    Max,
    Each(f64),
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parsed.ok_or_else(|| "expected WIDTHxHEIGHT, such as 1920x1080".into())
}

fn area(text: &str) -> Result<[u32; 4], String> {
    let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
    numbers.ok().and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| "expected X,Y,WIDTH,HEIGHT".into())
}

fn fps(text: &str) -> Result<Fps, String> {
    match text.parse() {
        _ if text == "max" => Ok(Fps::Max),
        Ok(rate) if rate > 0.0 => Ok(Fps::Each(rate)),
        _ => Err("expected a rate above 0, or max".into()),
    }
}

fn release(text: &str) -> Result<Release, String> {
    let found = Release::ALL.into_iter().find(|release| release.name() == text);
    found.ok_or_else(|| format!("there are {}", Release::ALL.map(Release::name).join(", ")))
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standin: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let qemu = build(cli)?;
    connect(cli, &qemu)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let copying = cli.calls.as_ref().map(|path| scope.spawn(|| copy_calls(&qemu, path, &over)));
        let done = perform(cli, &qemu);
        over.store(true, Ordering::Relaxed);
        if let Some(copying) = copying {
            copying.join().expect("copying calls does not panic")?;
        }
        done
    })
}

fn build(cli: &Cli) -> Result<Standin, standin::Error> {
    let (width, height) = cli.size;
    let pointer = if cli.relative { Pointer::Relative } else { Pointer::Absolute };
    let builder = Standin::builder().release(cli.release).name(&cli.name).uuid(&cli.uuid).lossy(true);
    let console = |builder: standin::Builder, head| {
        builder.console(ConsoleSpec { head, pointer, ..ConsoleSpec::sized(width, height) })
    };
    (0..cli.consoles).fold(builder, console).build()
}

fn connect(cli: &Cli, qemu: &Standin) -> Result<(), Box<dyn Error>> {
    if let Some(address) = &cli.address {
        qemu.join(address)?;
    } else if let Some(path) = &cli.qmp {
        qemu.serve_qmp(path)?;
    } else if let Some(number) = cli.p2p_fd {
        qemu.add_client(inherited(number)?)?;
    }
    Ok(())
}

/// Takes a descriptor that this process was started with, without trusting that there is one.
fn inherited(number: i32) -> Result<OwnedFd, String> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let own = pidfd_open(getpid(), PidfdFlags::empty());
    own.and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty()))
        .map_err(|error| format!("taking descriptor {number}: {error}"))
}

fn perform(cli: &Cli, qemu: &Standin) -> Result<(), Box<dyn Error>> {
    let listener = qemu.listener_within(0, Duration::from_secs_f64(cli.wait))?;
    let (stats, log) = if let Some(scenario) = cli.scenario {
        let played = scenario.play(qemu, &listener, Duration::from_millis(30))?;
        let replies = played.replies.iter().filter(|reply| reply.is_returned()).count();
        let shown = format!("{:?}", played.shown);
        let stats = json!({"scenario": scenario.name(), "shown": shown, "returned": replies});
        thread::sleep(Duration::from_secs_f64(cli.linger));
        (stats, None)
    } else if cli.flood {
        (serde_json::to_value(drown(cli, &listener))?, None)
    } else {
        let summary = play(qemu, &listener, &plan(cli))?;
        thread::sleep(Duration::from_secs_f64(cli.linger));
        (serde_json::to_value(&summary)?, Some(summary.log_csv()))
    };
    if let Some(path) = &cli.stats {
        std::fs::write(path, format!("{stats:#}\n"))?;
    }
    if let (Some(path), Some(log)) = (&cli.log, log) {
        std::fs::write(path, log)?;
    }
    Ok(())
}

fn plan(cli: &Cli) -> Plan {
    Plan {
        fps: match cli.fps {
            Fps::Max => None,
            Fps::Each(rate) => Some(rate),
        },
        buffers: cli.buffers,
        damage: cli.damage,
        paint: cli.paint,
        pacing: cli.pacing,
        sealed: cli.sealed,
        ..Plan::new(cli.mode, cli.size.0, cli.size.1, cli.seconds)
    }
}

fn drown(cli: &Cli, listener: &Listener) -> standin::flood::Flooded {
    const SIDE: u32 = 16;
    let format = pixman::X8R8G8B8;
    let stride = pattern::tight(format, SIDE);
    let frames: Vec<Pixels> =
        (0..8).map(|frame| pattern::render(format, frame, SIDE, SIDE, stride).into()).collect();
    let until = Until::For(Duration::from_secs_f64(cli.seconds));
    flood(listener, Flood { until, ..Flood::count(0) }, |listener, number| {
        let pixels = &frames[usize::try_from(number % 8).expect("below 8")];
        listener.update([0, 0, SIDE.cast_signed(), SIDE.cast_signed()], stride, format, pixels);
    })
}

fn copy_calls(qemu: &Standin, path: &Path, over: &AtomicBool) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    let mut written = 0;
    loop {
        let last = over.load(Ordering::Relaxed);
        let records = qemu.wait_for_records(written + 1, Duration::from_millis(100));
        for record in &records[written..] {
            writeln!(file, "{}", serde_json::to_string(record)?)?;
        }
        written = records.len();
        if last {
            return Ok(());
        }
    }
}
