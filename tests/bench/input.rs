//! From an event of the compositor to QEMU's socket: how long the pointer takes, at rest and while the
//! picture moves.
//!
//! `[FILTER...] [--full] [--seconds N]`, as for `whole`: cases are `still` and `moving`. What is measured
//! begins when a virtual pointer's request is written to sway, and ends when the stand-in for QEMU has read
//! the call: sway, Oriel and two sockets.
#![allow(clippy::print_stdout, reason = "the tables are the result")]

#[path = "shared/args.rs"]
mod args;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::desk::{Desk, Output, Sway, SwayConfig};
use harness::input::Input;
use harness::viewer::Viewer;
use harness::{Error, Result};
use standin::{Call, ConsoleSpec, Listener, Standin, clock, pattern, pixman};

use self::args::Args;

/// The screen and the guest's picture, which fills it.
const SIZE: (u32, u32) = (1280, 720);

const SOON: Duration = Duration::from_secs(60);

/// How long one motion may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two motions: more than a frame, so that each stands alone, and never in step with frames.
const PAUSE: Duration = Duration::from_millis(23);

/// From the window's first picture until it is at rest.
const SETTLE: Duration = Duration::from_secs(6);

/// How long a case is measured.
const LENGTH: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("bench: {error}");
            return ExitCode::from(2);
        }
    };
    println!("| case | motions | p50 ms | p99 ms | worst ms |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let mut outcome = ExitCode::SUCCESS;
    for (name, moves) in [("still", false), ("moving", true)] {
        if !args.want(name) {
            continue;
        }
        match measure(moves, args.seconds.unwrap_or(LENGTH)) {
            Ok(mut times) => {
                times.sort_unstable();
                let at =
                    |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
                println!("| {name} | {} | {:.3} | {:.3} | {:.3} |", times.len(), at(50), at(99), at(100));
            }
            Err(error) => {
                eprintln!("bench: {name}: {error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

/// How long each motion took.
fn measure(moves: bool, length: Duration) -> Result<Vec<Duration>> {
    let (width, height) = SIZE;
    let config = SwayConfig { outputs: vec![Output::new(width, height)], ..Default::default() };
    let sway = Sway::start(config)?;
    let qemu =
        Standin::builder().console(ConsoleSpec::sized(width, height)).build().map_err(Error::failed)?;
    let socket = sway.session().scope().join("qmp");
    qemu.serve_qmp(&socket).map_err(Error::failed)?;
    let arguments = ["--qmp".into(), socket.into_os_string(), "--fullscreen".into()];
    let _viewer = Viewer::start(&sway, "connect", &arguments)?;
    let listener = qemu.listener_within(0, SOON).map_err(Error::failed)?;
    let mut input = Input::connect(&sway)?;
    draw(&listener, 0);
    thread::sleep(SETTLE);
    let stop = Arc::new(AtomicBool::new(!moves));
    let drawing = thread::spawn({
        let stop = stop.clone();
        move || {
            for number in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                draw(&listener, number);
                thread::sleep(Duration::from_millis(16));
            }
        }
    });
    let times = motions(&mut input, &qemu, length);
    stop.store(true, Ordering::Relaxed);
    drawing.join().map_err(|_| Error::failed("the picture's thread panicked"))?;
    times
}

fn draw(listener: &Listener, number: u32) {
    let (width, height) = SIZE;
    let format = pixman::X8R8G8B8;
    let stride = pattern::tight(format, width);
    listener.scanout(width, height, stride, format, pattern::render(format, number, width, height, stride));
}

fn motions(input: &mut Input, qemu: &Standin, length: Duration) -> Result<Vec<Duration>> {
    // The first says that the pointer has come, which GTK has to find out.
    input.move_to(640.5, 360.5)?;
    thread::sleep(Duration::from_secs(1));
    let (began, mut times) = (Instant::now(), Vec::new());
    for step in 0_u32.. {
        if began.elapsed() > length {
            break;
        }
        let place = (100 + step * 7 % 1000, 300 + step * 3 % 300);
        let sent = clock::now();
        input.move_to(f64::from(place.0) + 0.5, f64::from(place.1) + 0.5)?;
        let wanted = Call::SetAbsPosition { x: place.0, y: place.1 };
        let deadline = Instant::now() + PATIENCE;
        let came = loop {
            let records = qemu.records();
            let found = records.iter().rev().take_while(|record| record.at >= sent);
            if let Some(record) = found.into_iter().find(|record| record.call == wanted) {
                break record.at;
            }
            if Instant::now() > deadline {
                return Err(Error::failed(format_args!("no {wanted:?} within {PATIENCE:?}")));
            }
            thread::sleep(Duration::from_millis(1));
        };
        times.push(came.saturating_sub(sent));
        qemu.clear_calls();
        thread::sleep(PAUSE);
    }
    Ok(times)
}
