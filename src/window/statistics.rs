//! Statistics over the picture: which way it takes and why, both rates, and what that costs.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::i18n::{gettext, gettext_f};
use super::overlay::{Fact, Overlay};
use super::ticking::Ticking;
use super::{MachineWindow, words};
use crate::clock;
use crate::present::{Presenting, Status};
use crate::stats::{Boost, Quantiles, Report, Snapshot, Stats};

/// From one reading to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the panel needs while it is shown.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) panel: Overlay,
    ticking: Ticking,
    reading: RefCell<Option<Reading>>,
}

/// One console's counters, and what they were at the last reading.
#[derive(Debug)]
struct Reading {
    stats: Arc<Stats>,
    last: Snapshot,
    /// What happened in the time before it.
    report: Option<Report>,
}

impl Statistics {
    /// Whether it lies over the picture.
    pub(super) fn is_shown(&self) -> bool {
        self.panel.is_visible()
    }
}

impl MachineWindow {
    pub(super) fn add_statistics(&self) {
        let imp = self.imp();
        let panel = &imp.statistics.panel;
        panel.set_visible(false);
        imp.stage.add_overlay(panel);
        // A page lies over everything.
        panel.insert_before(&*imp.stage, Some(&*imp.page));
        self.connect_console_shown(Self::restart_statistics);
    }

    /// Shows or hides the panel, and remembers that.
    pub(super) fn toggle_statistics(&self) {
        let shown = !self.imp().statistics.is_shown();
        self.show_statistics(shown);
        self.imp().settings.set_statistics(shown);
    }

    pub(super) fn show_statistics(&self, shown: bool) {
        let statistics = &self.imp().statistics;
        self.set_action_state("statistics", &shown.to_variant());
        if shown == statistics.is_shown() {
            return;
        }
        statistics.panel.set_visible(shown);
        self.update_cover();
        statistics.ticking.set(shown, INTERVAL, self, Self::read_statistics);
        if shown {
            self.restart_statistics();
        } else {
            statistics.reading.take();
        }
    }

    /// Another console is shown: counting begins now.
    fn restart_statistics(&self) {
        let statistics = &self.imp().statistics;
        if !statistics.is_shown() {
            return;
        }
        let reading = self.console().map(|console| Reading {
            last: console.stats.snapshot(clock::now()),
            stats: console.stats,
            report: None,
        });
        statistics.reading.replace(reading);
        self.tell_statistics();
    }

    fn read_statistics(&self) {
        if let Some(reading) = &mut *self.imp().statistics.reading.borrow_mut() {
            let (report, last) = reading.stats.since(&reading.last, clock::now());
            (reading.report, reading.last) = (Some(report), last);
        }
        self.tell_statistics();
    }

    pub(super) fn tell_statistics(&self) {
        let statistics = &self.imp().statistics;
        if !statistics.is_shown() {
            return;
        }
        let reading = statistics.reading.borrow();
        let facts = match &*reading {
            Some(Reading { stats, report, .. }) => {
                let whole = stats.summary(clock::now());
                let mut facts = facts(self.view().status().as_ref(), &whole, report.as_ref());
                let place = facts.len().min(3);
                let resolution = self.verdict().and_then(words::resolution::short);
                facts.splice(
                    place..place,
                    resolution.map(|value| Fact { name: gettext("Resolution"), value }),
                );
                facts
            }
            None => vec![Fact { name: gettext("Picture"), value: gettext("No picture") }],
        };
        statistics.panel.show_facts(&facts);
    }
}

/// What the panel says: `whole` is about all the time, `report` about the last second.
fn facts(status: Option<&Status>, whole: &Report, report: Option<&Report>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut tell = |name: String, value: String| facts.push(Fact { name, value });
    let (way, refused) = match status {
        Some(Status::Showing { rung, refused, .. }) => (words::picture::way(*rung), Some(refused)),
        Some(Status::Refused { refused }) => (gettext("None: the last picture stays"), Some(refused)),
        Some(Status::Gone { .. } | Status::Idle) | None => (gettext("None"), None),
    };
    let snapshot = whole.path.presenting == Presenting::Snapshot.name();
    tell(gettext("Way"), if snapshot { gettext_f("{way}, as a snapshot", &[("way", &way)]) } else { way });
    if let Some(why) = refused.and_then(|refused| refused.first()) {
        tell(gettext("Because"), words::picture::reason(why));
    }
    if let Some(Status::Showing { fidelity, .. }) = status
        && let Some(pixels) = words::picture::fidelity(fidelity)
    {
        tell(gettext("Pixels"), pixels);
    }
    let picture = words::picture::layout(&whole.path);
    tell(gettext("Picture"), if picture.is_empty() { gettext("No picture") } else { picture });
    let unknown = || "–".to_owned();
    let rate =
        |rate: fn(&Report) -> f64| report.map_or_else(unknown, |report| format!("{:.1}", rate(report)));
    tell(gettext("Guest"), gettext_f("{rate} updates/s", &[("rate", &rate(|report| report.guest_rate))]));
    if let Some(boost) = boost(whole.boost) {
        tell(gettext("Update rate"), boost);
    }
    tell(gettext("Screen"), gettext_f("{rate} frames/s", &[("rate", &rate(Report::seen))]));
    tell(gettext("To compositor"), report.and_then(|report| report.commit).map_or_else(unknown, latency));
    tell(gettext("To screen"), report.and_then(|report| report.present).map_or_else(unknown, latency));
    let counted = |count: fn(&Report) -> u64| {
        let now = report.map_or(0, count).to_string();
        gettext_f("{now} ({total} in all)", &[("now", &now), ("total", &count(whole).to_string())])
    };
    tell(gettext("Copied"), bytes(report.map_or(0, |report| report.counts.copied)));
    tell(gettext("Imports"), counted(|report| report.counts.imported));
    tell(gettext("Shader passes"), counted(|report| report.counts.passes));
    tell(gettext("Never seen"), counted(never_seen));
    facts
}

/// Whether QEMU is asked for the picture more often than it looks by itself.
fn boost(boost: Boost) -> Option<String> {
    Some(match boost {
        Boost::None => return None,
        Boost::Idle => gettext("can be raised"),
        Boost::Trial => gettext("being tried whether raising helps"),
        Boost::On => gettext("raised to the monitor’s"),
        Boost::Useless => gettext("as the guest’s: raising did not help"),
        Boost::Refused => gettext("as QEMU’s: it refuses more"),
    })
}

/// Pictures that were refused, overtaken by a newer one, or missed by the compositor.
fn never_seen(report: &Report) -> u64 {
    let counts = &report.counts;
    counts.dropped + counts.overtaken + counts.missed
}

/// The usual delay, and the one that one frame in a hundred exceeds.
fn latency(quantiles: Quantiles) -> String {
    let millis = |value: f64| if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
    let values = [("p50", millis(quantiles.p50)), ("p99", millis(quantiles.p99))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    // Translators: The median and the 99th percentile of a delay.
    gettext_f("{p50} ms, p99 {p99} ms", &values)
}

fn bytes(count: u64) -> String {
    let size = glib::format_size(count);
    gettext_f("{size}/s", &[("size", &size)])
}
