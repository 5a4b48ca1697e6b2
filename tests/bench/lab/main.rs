//! Real dma-bufs in the lab machine: what a frame costs on the direct rung and by GTK's ways, and how
//! often a vGPU's flips arrive.
//!
//! `[FILTER...] [--seconds N]`: cases are named as in `steady/oriel/1920x1080` and `boost`. It reports,
//! and fails only when something could not be measured. See `tests/bench/README.md`.
#![allow(clippy::print_stdout, reason = "the tables are the result")]

#[path = "../../lab/boost.rs"]
mod boost;
mod frames;
#[path = "../../lab/mdev.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod mdev;
#[path = "../whole/meter.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod meter;
mod probe;
#[path = "../../it/screen.rs"]
mod screen;
#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod shared;
#[path = "../../lab/stage.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod stage;
#[path = "../../lab/vgem.rs"]
mod vgem;

use std::process::ExitCode;
use std::time::Duration;

use harness::Result;

use self::boost::Rates;
use self::frames::{Outcome, Way};
use self::shared::args::Args;
use self::shared::table::Table;
use self::shared::{number, say};

/// How long frames are counted.
const LENGTH: Duration = Duration::from_secs(30);

const SIZES: [(u32, u32); 2] = [(640, 480), (1920, 1080)];

/// A frame of the larger size may cost so many times one of the smaller.
const GROWTH: f64 = 1.15;

fn main() -> ExitCode {
    if let Some(way) = probe::wanted() {
        return probe::run(way);
    }
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            say(error);
            return ExitCode::from(2);
        }
    };
    let steady = measure_steady(&args);
    let boost = measure_boost(&args);
    for outcome in [&steady, &boost] {
        if let Err(error) = outcome {
            say(error);
        }
    }
    if steady.is_ok() && boost.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure_steady(args: &Args) -> Result<()> {
    let mut table = Table::new(&[
        "16 dma-bufs in turn",
        "way",
        "offered/s",
        "shown/s",
        "CPU ms a frame",
        "commit p50 ms",
        "p99 ms",
        "imports",
        "bytes copied",
        "shader passes",
        "round trips",
    ]);
    let mut of_oriel = Vec::new();
    for way in Way::ALL {
        for size in SIZES {
            let name = format!("steady/{}/{}x{}", way.name(), size.0, size.1);
            if !args.want(&name) {
                continue;
            }
            let length = args.seconds.unwrap_or(LENGTH);
            say(format_args!("{name} for {} s", length.as_secs()));
            let outcome = frames::run(way, size, length)?;
            say(format_args!("  milliseconds a frame: {}", outcome.spent.explain(outcome.shown())));
            if way == Way::Oriel {
                of_oriel.push(outcome.ms_a_frame());
            }
            table.row(row(&name, &outcome));
        }
    }
    if !table.is_empty() {
        println!("Steady frames\n\n{table}");
    }
    if let [small, large] = of_oriel[..] {
        let reached = if large <= small * GROWTH { "yes" } else { "NO" };
        println!(
            "A frame of 1920x1080 costs {:.2} times one of 640x480, of {GROWTH}: {reached}\n",
            large / small
        );
    }
    Ok(())
}

fn row(name: &str, outcome: &Outcome) -> Vec<String> {
    let seconds = outcome.spent.wall.as_secs_f64();
    vec![
        name.to_owned(),
        outcome.rung.clone(),
        number(Some(outcome.offered / seconds), 1),
        number(Some(outcome.shown() / seconds), 1),
        number(Some(outcome.ms_a_frame()), 3),
        number(outcome.commit.map(|commit| commit.0), 2),
        number(outcome.commit.map(|commit| commit.1), 2),
        outcome.count("imported"),
        outcome.count("copied"),
        outcome.count("composed"),
        outcome.round_trips.to_string(),
    ]
}

fn measure_boost(args: &Args) -> Result<()> {
    if !args.want("boost") {
        return Ok(());
    }
    say("boost");
    let rates = boost::measure(120)?;
    let mut table =
        Table::new(&["a vGPU that flips 120 times a second", "flips/s", "updates/s", "guest's own/s"]);
    let cases = [("QEMU's own polls", rates.plain), ("boosted", rates.boosted), ("hidden", rates.hidden)];
    for (name, Rates { flips, updates, guest }) in cases {
        let numbers = [flips, updates, guest].map(|rate| number(Some(rate), 1));
        table.row([vec![name.to_owned()], numbers.to_vec()].concat());
    }
    println!("What of it reaches the viewer, and what the guest draws\n\n{table}");
    Ok(())
}
