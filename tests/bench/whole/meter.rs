//! Processor time of a program between two moments, thread by thread.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use harness::{Result, usage};

/// A program's processor time at one moment.
#[derive(Debug)]
pub(crate) struct Reading {
    at: Instant,
    threads: HashMap<u32, (String, Duration)>,
}

/// What was used from one moment to another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    /// Of all threads that lived at the end.
    pub(crate) cpu: Duration,
    /// Real time.
    pub(crate) wall: Duration,
    /// The same by the threads' names.
    pub(crate) by_thread: BTreeMap<String, Duration>,
}

impl Reading {
    /// Reads the meter of a process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let at = Instant::now();
        let threads = usage::threads(pid)?.into_iter();
        Ok(Self { at, threads: threads.map(|one| (one.id, (one.name, one.cpu))).collect() })
    }

    /// What was used from here to `later`.
    pub(crate) fn until(&self, later: &Self) -> Spent {
        let mut by_thread = BTreeMap::<_, Duration>::new();
        for (id, (name, cpu)) in &later.threads {
            let before = self.threads.get(id).map_or(Duration::ZERO, |(_, cpu)| *cpu);
            *by_thread.entry(name.clone()).or_default() += cpu.saturating_sub(before);
        }
        Spent { cpu: by_thread.values().sum(), wall: later.at - self.at, by_thread }
    }
}

impl Spent {
    /// Milliseconds of processor time for each of so many frames.
    pub(crate) fn ms_per(&self, frames: f64) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / frames
    }

    /// Processor time of the threads whose names begin so.
    #[allow(dead_code, reason = "not all benchmarks tell threads apart")]
    pub(crate) fn of_threads(&self, name: &str) -> Duration {
        self.by_thread.iter().filter(|(thread, _)| thread.starts_with(name)).map(|(_, cpu)| *cpu).sum()
    }

    /// The threads that used most, with milliseconds a frame.
    pub(crate) fn explain(&self, frames: f64) -> String {
        let mut threads: Vec<_> = self.by_thread.iter().collect();
        threads.sort_by_key(|(_, cpu)| std::cmp::Reverse(**cpu));
        let said = threads.iter().map(|(name, cpu)| (name, cpu.as_secs_f64() * 1e3 / frames));
        let worth = said.filter(|(_, ms)| *ms >= 0.005).map(|(name, ms)| format!("{name} {ms:.3}"));
        worth.collect::<Vec<_>>().join(", ")
    }
}
