//! One guest, every display: what stock QEMU, viewer and compositor need to show a guest that flips
//! 30 new pictures a second; and QEMU's memory when a guest draws without end.
//!
//! `[none|oriel|gtk|vnc|spice|flood...] [--full] [--seconds N] [--rounds N]`. It reports, and fails only
//! when something could not be measured. Needs QEMU and the test guest; see `tests/bench/README.md`.
#![allow(clippy::print_stdout, reason = "the tables are the result")]

#[path = "../shared/mod.rs"]
mod shared;

mod flood;
mod frames;
mod show;

use std::process::ExitCode;
use std::time::Duration;

use self::frames::Costs;
use self::shared::args::Args;
use self::shared::say;
use self::show::Way;

/// How long each display is measured in each round, and how many rounds there are.
const SHORT: (Duration, usize) = (Duration::from_secs(10), 3);
const FULL: (Duration, usize) = (Duration::from_secs(30), 5);

fn main() -> ExitCode {
    match Args::read(std::env::args().skip(1)) {
        Ok(args) => measure(&args),
        Err(error) => {
            say(error);
            ExitCode::from(2)
        }
    }
}

fn measure(args: &Args) -> ExitCode {
    let mut failed = false;
    let usual = if args.full { FULL } else { SHORT };
    let (length, rounds) = (args.seconds.unwrap_or(usual.0), args.rounds.unwrap_or(usual.1));
    let mut ways: Vec<Way> = Vec::new();
    for way in Way::ALL.into_iter().filter(|way| args.want(way.name())) {
        match way.lacks() {
            Some(reason) => say(format_args!("skipping {}: {reason}", way.name())),
            None => ways.push(way),
        }
    }
    let mut costs = Costs::new();
    // In turns, so that whatever else the computer does falls on all alike.
    for round in 1..=rounds {
        for &way in &ways {
            say(format_args!("{} for {} s, round {round} of {rounds}", way.name(), length.as_secs()));
            match frames::measure(way, length) {
                Ok(cost) => {
                    say(format_args!("  {cost:.2?}"));
                    costs.entry(way).or_default().push(cost);
                }
                Err(error) => {
                    say(format_args!("  {}: {error}", way.name()));
                    failed = true;
                }
            }
        }
    }
    let table = frames::table(&costs);
    if !table.is_empty() {
        println!("\nMilliseconds of processor time a guest frame (medians of {rounds} rounds)\n\n{table}");
        println!("{}", frames::verdict(&costs).unwrap_or_default());
    }
    if args.want("flood") {
        say(format_args!("flood for {} s", length.as_secs()));
        match flood::measure(length) {
            Ok(growth) => println!("\nQEMU's own memory under a flood\n\n{}", flood::table(&growth)),
            Err(error) => {
                say(format_args!("  flood: {error}"));
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
