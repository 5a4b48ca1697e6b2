//! Tables of what was measured, and how it compares with what was to be reached.

use std::fmt::Write as _;

use super::case::{Case, Kind, MainLoop};
use super::libmks;
use super::stage::{Drowned, Outcome};
use crate::shared::table::Table;
use crate::shared::{NOTHING, median, mib, number};

/// On the direct rung the viewer is to need this part of libmks's processor time, on the compose rung
/// no more than that.
const SHARE: f64 = 0.1;

/// From message to commit on the direct rung, for 99 of a hundred, in milliseconds.
const COMMIT: f64 = 1.0;

/// What a viewer's own memory may grow by, in MiB, and still be flat.
const FLAT: f64 = 1.0;

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    outcomes: Vec<(Case, Outcome)>,
    drowned: Option<Drowned>,
    targets: Vec<(bool, String)>,
}

impl Report {
    /// Adds what came of a case.
    pub(crate) fn add(&mut self, case: Case, outcome: Outcome) {
        self.outcomes.push((case, outcome));
    }

    /// Adds what came of the flood.
    pub(crate) fn add_flood(&mut self, drowned: Drowned) {
        self.drowned = Some(drowned);
    }

    /// All tables, with the targets at the end.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        let parts = [self.frames(), self.blocked(), self.damage(), self.flood(), self.reached()];
        for (title, table) in parts.into_iter().filter(|(_, table)| !table.is_empty()) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{title}\n\n{table}");
        }
        text
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = (&Case, &Outcome)> {
        self.outcomes.iter().filter(move |(case, _)| case.kind == kind).map(|(case, outcome)| (case, outcome))
    }

    fn frames(&mut self) -> (&'static str, Table) {
        let mut table = Table::new(&[
            "60 frames a second",
            "way",
            "shown/s",
            "unseen",
            "CPU ms",
            "libmks",
            "ratio",
            "sway ms",
            "commit p50",
            "p99",
            "reply p50",
            "p99",
            "libmks p99",
            "PSS MiB",
            "end",
            "libmks",
        ]);
        let mut targets = Vec::new();
        for (case, outcome) in self.of(Kind::Frames) {
            let peer = libmks::figures(case.mode, case.size.1);
            let cpu = outcome.viewer.ms_per(outcome.frames());
            let (early, late) = outcome.memory;
            let reply = outcome.standin.reply_latency;
            let commit = Latency::of(outcome);
            table.row(vec![
                case.name.clone(),
                outcome.whole.path.rung.clone(),
                format!("{:.1}", outcome.shown),
                outcome.missed.to_string(),
                format!("{cpu:.3}"),
                number(peer.map(|peer| peer.cpu), 1),
                peer.map_or(NOTHING.to_owned(), |peer| format!("1/{:.0}", peer.cpu / cpu)),
                format!("{:.2}", outcome.compositor.ms_per(outcome.frames())),
                number(commit.p50, 3),
                number(commit.p99, 3),
                number(reply.map(|reply| reply.p50), 1),
                number(reply.map(|reply| reply.p99), 1),
                number(peer.and_then(|peer| peer.reply.1), 1),
                format!("{:.1}", mib(early.proportional)),
                format!("{:.1}", mib(late.proportional)),
                number(peer.map(|peer| peer.memory), 0),
            ]);
            let share = match outcome.whole.path.rung.as_str() {
                "direct" => Some(SHARE),
                "compose" => Some(1.0),
                _ => None,
            };
            if let (Some(peer), Some(share)) = (peer, share) {
                let most = peer.cpu * share;
                targets.push((cpu <= most, format!("{}: {cpu:.3} ms a frame of {most:.2}", case.name)));
            }
            if share == Some(SHARE) {
                targets.push(commit.target(&case.name));
            }
            targets.push(flat(&case.name, early.anonymous, late.anonymous));
        }
        self.targets.extend(targets);
        ("Frames (milliseconds a frame or a message; memory after 10 s and at the end)", table)
    }

    fn blocked(&mut self) -> (&'static str, Table) {
        let mut table =
            Table::new(&["main loop", "way", "offered/s", "shown/s", "CPU ms", "commit p50", "p99"]);
        let mut targets = Vec::new();
        for (case, outcome) in self.of(Kind::Blocked) {
            let commit = Latency::of(outcome);
            table.row(vec![
                case.name.clone(),
                outcome.whole.path.rung.clone(),
                format!("{:.1}", outcome.offered),
                format!("{:.1}", outcome.shown),
                format!("{:.3}", outcome.viewer.ms_per(outcome.frames())),
                number(commit.p50, 3),
                number(commit.p99, 3),
            ]);
            if case.main_loop == MainLoop::Blocked {
                targets.push(commit.target(&case.name));
            }
        }
        self.targets.extend(targets);
        ("Main loop free, and blocked for 120 of every 250 ms", table)
    }

    fn damage(&mut self) -> (&'static str, Table) {
        let mut table =
            Table::new(&["what changes", "way", "shown/s", "CPU ms", "sway ms", "commit p50", "p99"]);
        for (case, outcome) in self.of(Kind::Damage) {
            let commit = Latency::of(outcome);
            table.row(vec![
                case.name.clone(),
                outcome.whole.path.rung.clone(),
                format!("{:.1}", outcome.shown),
                format!("{:.3}", outcome.viewer.ms_per(outcome.frames())),
                format!("{:.2}", outcome.compositor.ms_per(outcome.frames())),
                number(commit.p50, 3),
                number(commit.p99, 3),
            ]);
        }
        ("A small rectangle of a large screen, and all of it", table)
    }

    fn flood(&mut self) -> (&'static str, Table) {
        let mut table = Table::new(&["flood", "updates/s", "CPU µs", "most queued", "PSS MiB", "end"]);
        if let Some(Drowned { flooded, viewer, memory: (early, late) }) = &self.drowned {
            #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
            let rate = flooded.messages as f64 / flooded.took.as_secs_f64();
            table.row(vec![
                "Update of 16x16".to_owned(),
                format!("{rate:.0}"),
                format!("{:.2}", viewer.cpu.as_secs_f64() * 1e6 / (rate * viewer.wall.as_secs_f64())),
                flooded.queue.peak_queued_messages.to_string(),
                format!("{:.1}", mib(early.proportional)),
                format!("{:.1}", mib(late.proportional)),
            ]);
            self.targets.push(flat("flood", early.anonymous, late.anonymous));
        }
        ("As many updates as the viewer reads", table)
    }

    fn reached(&self) -> (&'static str, Table) {
        let mut table = Table::new(&["target", "reached"]);
        for (reached, what) in &self.targets {
            table.row(vec![what.clone(), if *reached { "yes" } else { "NO" }.to_owned()]);
        }
        ("Targets", table)
    }
}

/// From message to commit, in milliseconds.
struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
}

impl Latency {
    /// Of the whole run, from the first message on.
    fn of(outcome: &Outcome) -> Self {
        let p50 = median(outcome.lines.iter().filter_map(|line| Some(line.commit?.p50)).collect());
        Self { p50, p99: outcome.whole.commit.map(|commit| commit.p99) }
    }

    fn target(&self, name: &str) -> (bool, String) {
        let reached = self.p99.is_some_and(|p99| p99 < COMMIT);
        (reached, format!("{name}: p99 to commit {} ms of {COMMIT}", number(self.p99, 3)))
    }
}

fn flat(name: &str, early: u64, late: u64) -> (bool, String) {
    let grown = mib(late) - mib(early);
    (grown < FLAT, format!("{name}: own memory grew by {grown:.2} MiB of {FLAT}"))
}
