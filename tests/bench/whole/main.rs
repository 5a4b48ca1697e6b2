//! The whole program against a stand-in for QEMU, on a compositor without a screen: processor time,
//! latency and memory, beside what libmks needs for the same.
//!
//! `[FILTER...] [--full] [--seconds N]`: cases are named as in `frames/map/1920x1080`. It reports, and
//! fails only when something could not be measured. See `tests/bench/README.md`.
#![allow(clippy::print_stdout, reason = "the tables are the result")]

#[path = "../shared/mod.rs"]
mod shared;

mod blocked;
mod case;
mod libmks;
mod meter;
mod report;
mod stage;

use std::process::ExitCode;
use std::time::Duration;

use self::case::Kind;
use self::report::Report;
use self::shared::args::Args;
use self::shared::say;

/// How long frames are played: with `--full` until memory has had the time to grow.
const SHORT: Duration = Duration::from_secs(30);
const FULL: Duration = Duration::from_secs(120);

/// How long the other cases are measured.
const BRIEF: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    if blocked::is_wanted() {
        return blocked::run();
    }
    match Args::read(std::env::args().skip(1)) {
        Ok(args) => measure(&args),
        Err(error) => {
            say(error);
            ExitCode::from(2)
        }
    }
}

fn measure(args: &Args) -> ExitCode {
    let mut report = Report::default();
    let mut failed = false;
    let long = args.seconds.unwrap_or(if args.full { FULL } else { SHORT });
    let brief = args.seconds.unwrap_or(BRIEF);
    for case in case::all().into_iter().filter(|case| args.want(&case.name)) {
        let length = if case.kind == Kind::Frames { long } else { brief };
        say(format_args!("{} for {} s", case.name, length.as_secs()));
        match stage::run(&case, length) {
            Ok(outcome) => {
                let frames = outcome.frames();
                let reason = outcome.whole.path.reason.as_deref().unwrap_or("the best way there is");
                say(format_args!("  {}: {reason}", outcome.whole.path.rung));
                say(format_args!("  milliseconds a frame: {}", outcome.viewer.explain(frames)));
                report.add(case, outcome);
            }
            Err(error) => {
                say(format_args!("  {}: {error}", case.name));
                failed = true;
            }
        }
    }
    if args.want("flood") {
        say(format_args!("flood for {} s", long.as_secs()));
        match stage::drown((1920, 1080), long) {
            Ok(drowned) => report.add_flood(drowned),
            Err(error) => {
                say(format_args!("  flood: {error}"));
                failed = true;
            }
        }
    }
    println!("{}", report.text());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
