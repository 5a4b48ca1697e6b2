//! What `--stats` writes: one JSON object a second, and a summary at the end.
//!
//! On a thread of its own, so that a busy main loop delays no line.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock::{self, Time};
use crate::session::{Console, ConsoleId};
use crate::stats::{Report, Stats};

/// From one line to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    console: u32,
    #[serde(flatten)]
    report: &'a Report,
}

/// The consoles that are seen, each with what its frames do.
type Shown = Arc<Mutex<Vec<(ConsoleId, Arc<Stats>)>>>;

/// Writes lines until it is told to finish.
#[derive(Debug)]
pub(super) struct Writer {
    shown: Shown,
    stop: Sender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Writes to the file at `path`, which is emptied; to standard error where it is `-`.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match path.to_str() {
            Some("-") => Box::new(io::stderr()),
            _ => Box::new(
                File::create(path)
                    .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?,
            ),
        };
        let shown = Shown::default();
        let (stop, stopped) = mpsc::channel();
        let looked_at = shown.clone();
        let thread = thread::Builder::new()
            .name("oriel-stats".into())
            .spawn(move || write(out, &looked_at, |until| wait(&stopped, until)))?;
        Ok(Self { shown, stop, thread: Mutex::new(Some(thread)) })
    }

    /// These consoles are seen from now on: the lines are about them.
    pub(super) fn show(&self, consoles: &[Console]) {
        // The last ones stay: their summaries are to come.
        if !consoles.is_empty() {
            let shown = consoles.iter().map(|Console { id, stats, .. }| (*id, stats.clone())).collect();
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        }
    }

    /// Writes the summary.
    pub(super) fn finish(&self) {
        // It may have ended before, when its file could not be written.
        let _ = self.stop.send(());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the statistics are not complete");
        }
    }
}

/// Whether the time has come, and not the end.
fn wait(stopped: &mpsc::Receiver<()>, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    matches!(stopped.recv_timeout(left), Err(RecvTimeoutError::Timeout))
}

/// Writes a line for each console as often as `wait` says that its time has come, then the summaries.
fn write(mut out: impl Write, shown: &Shown, mut wait: impl FnMut(Instant) -> bool) {
    let shown = || shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut next = Instant::now() + INTERVAL;
    let mut written = Ok(());
    while written.is_ok() && wait(next) {
        next += INTERVAL;
        written = lines(&mut out, &shown(), Stats::report);
    }
    if written.is_ok() {
        written = lines(&mut out, &shown(), Stats::summary);
    }
    if let Err(error) = written {
        tracing::error!(%error, "statistics cannot be written");
    }
}

fn lines(
    out: &mut impl Write,
    shown: &[(ConsoleId, Arc<Stats>)],
    report: fn(&Stats, Time) -> Report,
) -> io::Result<()> {
    shown.iter().try_for_each(|(id, stats)| line(out, *id, &report(stats, clock::now())))
}

fn line(out: &mut impl Write, ConsoleId(console): ConsoleId, report: &Report) -> io::Result<()> {
    // In one piece: serde_json writes each punctuation mark by itself.
    let mut line = serde_json::to_vec(&Line { console, report })?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written when the time comes this often before the end.
    fn written(shown: &Shown, mut times: u32) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        write(&mut out, shown, |_| {
            let more = times > 0;
            times = times.saturating_sub(1);
            more
        });
        let text = String::from_utf8(out).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_a_second_and_a_summary_at_the_end() {
        let stats = Arc::new(Stats::new(clock::now()));
        stats.received(clock::now());
        let shown = Shown::default();
        *shown.lock().unwrap() = vec![(ConsoleId(2), stats)];
        let lines = written(&shown, 2);
        let summaries: Vec<_> = lines.iter().map(|line| line["summary"].as_bool().unwrap()).collect();
        assert_eq!(summaries, [false, false, true]);
        assert!(lines.iter().all(|line| line["console"] == 2));
        assert_eq!(lines[2]["received"], 1);
    }

    #[test]
    fn of_several_consoles_each_has_its_lines() {
        let stats = || Arc::new(Stats::new(clock::now()));
        let shown = Shown::new(Mutex::new(vec![(ConsoleId(0), stats()), (ConsoleId(1), stats())]));
        let consoles: Vec<_> =
            written(&shown, 1).iter().map(|line| line["console"].as_u64().unwrap()).collect();
        assert_eq!(consoles, [0, 1, 0, 1]);
    }

    #[test]
    fn without_a_console_there_is_nothing_to_say() {
        assert!(written(&Shown::default(), 1).is_empty());
    }
}
