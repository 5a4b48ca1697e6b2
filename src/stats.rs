//! What a console's frames did, counted on the way and told once a second.
//!
//! Every event is a few atomic additions: no lock, no allocation, from any thread. Latencies go into
//! histograms whose buckets grow with the value, so p50 and p99 are known to an eighth.

mod histogram;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

pub use histogram::Quantiles;
use histogram::{Buckets, Histogram};

use crate::clock::Time;

/// The way that frames take at the moment, in words: for the overlay, `--stats` and diagnostics.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Path {
    /// How the picture gets to the screen: `direct`, `compose`, `bridge`, `copy`, `gtk`, or `none`.
    pub rung: &'static str,
    /// `live`, or `snapshot` where each update is copied at once.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub presenting: &'static str,
    /// Why it is not the best one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each better rung, and why it did not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<(&'static str, String)>,
    /// What the compositor says that it can do with the guest's buffer: `scanout` (show it as it is) or
    /// `sampled` (draw it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<&'static str>,
    /// What makes the monitor's pixels of the guest's: `exact` (each is one, or a square of them),
    /// `rounded` (the same, if the compositor rounds edges to its pixels), the name of a filter of
    /// ours, or `compositor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<&'static str>,
    /// The DRM format code of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Its DRM format modifier, where it is a dma-buf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifier: Option<String>,
    /// Width and height in guest pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
}

/// Whether QEMU is asked for the picture more often than it looks by itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Boost {
    /// It is not: the display is none that QEMU polls, there is no monitor to ask at, or the person
    /// does not want it.
    #[default]
    None,
    /// It would be if the guest moved, and somebody looked.
    Idle,
    /// It is being found out whether that helps.
    Trial,
    /// It is.
    On,
    /// It has not helped, and is tried again only now and then.
    Useless,
    /// QEMU does not do it.
    Refused,
}

/// The screen size that the guest was asked for last, and what became of that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wish {
    /// Width and height in guest pixels.
    pub size: (u32, u32),
    /// Width and height in millimetres.
    pub millimetres: (u16, u16),
    /// Where the head is among the others, in pixels.
    pub at: (i32, i32),
    /// `waiting`, `followed`, or why it did not: as `unsupported`, `no-agent`.
    pub outcome: &'static str,
    /// Milliseconds until the guest showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        struct Counters {
            $($name: AtomicU64,)*
        }

        /// Events of each kind.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            fn read(&self) -> Counts {
                Counts { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Counts {
            fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }
    };
}

counters! {
    /// Messages about the picture that came in.
    received,
    /// Times that the guest's picture changed, or was said to. QEMU polls a vGPU and says so at every
    /// poll.
    updates,
    /// Times that the guest showed another of its buffers instead of the one before.
    flips,
    /// Refreshes that were asked for at QEMU's monitor, beyond its own polls.
    kicks,
    /// Refreshes at which the same buffer was shown once more, because the guest draws into it.
    resampled,
    /// Updates that were answered.
    replied,
    /// Messages that were refused, or that came too late to matter.
    dropped,
    /// Frames that were overtaken by a newer one before they were shown.
    overtaken,
    /// Frames that were handed to the compositor.
    committed,
    /// Frames that the compositor says were seen.
    presented,
    /// Frames that the compositor says were never seen.
    missed,
    /// Bytes that were copied to show frames.
    copied,
    /// Frames that were drawn by a GPU of ours.
    passes,
    /// Buffers that were made known to the compositor or the GPU.
    imported,
    /// Frames that the compositor says went to the screen without a copy of its own.
    scanned_out,
    /// Frames that waited until nobody drew into their buffer any more.
    waited,
    /// Frames that were shown while somebody still drew into their buffer.
    unfinished,
    /// Times that the guest was asked for a screen size.
    wishes,
}

/// One console's counters, shared by the threads that its frames pass.
#[derive(Debug)]
pub struct Stats {
    start: Time,
    counters: Counters,
    reply: Histogram,
    commit: Histogram,
    present: Histogram,
    slow: Mutex<Slow>,
}

/// What changes rarely or is read once a second.
#[derive(Debug)]
struct Slow {
    path: Path,
    boost: Boost,
    wish: Option<Wish>,
    last: Snapshot,
}

/// What had been counted at some moment: whoever reports keeps its own.
#[derive(Debug, Clone)]
pub struct Snapshot {
    at: Time,
    counts: Counts,
    reply: Buckets,
    commit: Buckets,
    present: Buckets,
}

/// One line of `--stats`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether it is about the whole run rather than the time since the report before.
    pub summary: bool,
    /// Seconds since the start.
    pub seconds: f64,
    /// Seconds that the counts are about.
    pub span: f64,
    /// Commits a second.
    pub rate: f64,
    /// The guest's updates a second.
    pub guest_rate: f64,
    /// Frames a second that the compositor says were seen.
    pub presented_rate: f64,
    /// Whether refreshes are asked for beyond QEMU's own polls.
    pub boost: Boost,
    #[serde(flatten)]
    pub counts: Counts,
    /// From an update's arrival to its reply.
    pub reply: Option<Quantiles>,
    /// From a change's arrival to its commit.
    pub commit: Option<Quantiles>,
    /// From a change's arrival to the moment that it was seen.
    pub present: Option<Quantiles>,
    /// What the guest was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
    pub path: Path,
}

impl Report {
    /// Frames a second that were seen, as far as the compositor says so.
    pub fn seen(&self) -> f64 {
        if self.present.is_some() { self.presented_rate } else { self.rate }
    }
}

impl Stats {
    /// Nothing has happened yet.
    pub fn new(now: Time) -> Self {
        let path = Path { rung: "none", ..Path::default() };
        Self {
            start: now,
            counters: Counters::default(),
            reply: Histogram::default(),
            commit: Histogram::default(),
            present: Histogram::default(),
            slow: Mutex::new(Slow { path, boost: Boost::None, wish: None, last: Snapshot::empty(now) }),
        }
    }

    /// A message about the picture came in.
    pub fn received(&self, _now: Time) {
        self.counters.received.fetch_add(1, Relaxed);
    }

    /// The guest's picture changed, or was said to.
    pub fn updated(&self) {
        self.counters.updates.fetch_add(1, Relaxed);
    }

    /// This many times the guest showed another of its buffers.
    pub fn flipped(&self, times: u64) {
        self.counters.flips.fetch_add(times, Relaxed);
    }

    /// A refresh was asked for at QEMU's monitor.
    pub fn kicked(&self) {
        self.counters.kicks.fetch_add(1, Relaxed);
    }

    /// The same buffer was shown once more.
    pub fn resampled(&self) {
        self.counters.resampled.fetch_add(1, Relaxed);
    }

    /// QEMU is asked for refreshes in this way from now on.
    pub fn boost(&self, boost: Boost) {
        self.slow().boost = boost;
    }

    /// Whether QEMU is asked for refreshes.
    pub fn current_boost(&self) -> Boost {
        self.slow().boost
    }

    /// An update that came in at `received` was answered.
    pub fn replied(&self, received: Time, now: Time) {
        self.counters.replied.fetch_add(1, Relaxed);
        self.reply.record(now.since(received));
    }

    /// A message was refused.
    pub fn dropped(&self) {
        self.counters.dropped.fetch_add(1, Relaxed);
    }

    /// This many frames gave way to a newer one.
    pub fn overtaken(&self, frames: u32) {
        self.counters.overtaken.fetch_add(u64::from(frames), Relaxed);
    }

    /// A frame whose oldest change came in at `received` was handed to the compositor.
    pub fn committed(&self, received: Time, now: Time) {
        self.counters.committed.fetch_add(1, Relaxed);
        self.commit.record(now.since(received));
    }

    /// A frame whose oldest change came in at `received` was seen at `at`.
    pub fn presented(&self, received: Time, at: Time) {
        self.counters.presented.fetch_add(1, Relaxed);
        self.present.record(at.since(received));
    }

    /// A committed frame was never seen.
    pub fn missed(&self) {
        self.counters.missed.fetch_add(1, Relaxed);
    }

    /// Bytes were copied to show a frame.
    pub fn copied(&self, bytes: u64) {
        self.counters.copied.fetch_add(bytes, Relaxed);
    }

    /// A frame was drawn by a GPU of ours.
    pub fn composed(&self) {
        self.counters.passes.fetch_add(1, Relaxed);
    }

    /// A buffer was made known to the compositor or the GPU.
    pub fn imported(&self) {
        self.counters.imported.fetch_add(1, Relaxed);
    }

    /// A frame that was seen went to the screen as it is.
    pub fn scanned_out(&self) {
        self.counters.scanned_out.fetch_add(1, Relaxed);
    }

    /// A frame waited for its buffer to be finished.
    pub fn waited(&self) {
        self.counters.waited.fetch_add(1, Relaxed);
    }

    /// A frame was shown before its buffer was finished.
    pub fn unfinished(&self) {
        self.counters.unfinished.fetch_add(1, Relaxed);
    }

    /// The guest was asked for a screen size.
    pub fn wished(&self) {
        self.counters.wishes.fetch_add(1, Relaxed);
    }

    /// What became of the last wish, as far as is known.
    pub fn wish(&self, wish: Option<Wish>) {
        self.slow().wish = wish;
    }

    /// Frames take another way from now on.
    pub fn path(&self, path: Path) {
        self.slow().path = path;
    }

    /// The way that frames take.
    pub fn current_path(&self) -> Path {
        self.slow().path.clone()
    }

    /// What happened since the last report.
    pub fn report(&self, now: Time) -> Report {
        let mut slow = self.slow();
        let snapshot = self.snapshot(now);
        let report = snapshot.report(&slow.last, self.start, &slow, false);
        slow.last = snapshot;
        report
    }

    /// What happened since the start.
    pub fn summary(&self, now: Time) -> Report {
        let slow = self.slow();
        self.snapshot(now).report(&Snapshot::empty(self.start), self.start, &slow, true)
    }

    /// What happened since an earlier snapshot of the same console, and the snapshot to go on from.
    ///
    /// For whoever reports beside [`Self::report`], which has only one reader.
    pub fn since(&self, earlier: &Snapshot, now: Time) -> (Report, Snapshot) {
        let snapshot = self.snapshot(now);
        (snapshot.report(earlier, self.start, &self.slow(), false), snapshot)
    }

    /// What has been counted so far.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        Snapshot {
            at: now,
            counts: self.counters.read(),
            reply: self.reply.read(),
            commit: self.commit.read(),
            present: self.present.read(),
        }
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    fn empty(at: Time) -> Self {
        Self {
            at,
            counts: Counts::default(),
            reply: Buckets::default(),
            commit: Buckets::default(),
            present: Buckets::default(),
        }
    }

    fn report(&self, earlier: &Self, start: Time, slow: &Slow, summary: bool) -> Report {
        let counts = self.counts.since(&earlier.counts);
        let span = self.at.since(earlier.at).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
        let rate = |count: u64| if span > 0.0 { count as f64 / span } else { 0.0 };
        Report {
            summary,
            seconds: self.at.since(start).as_secs_f64(),
            span,
            rate: rate(counts.committed),
            guest_rate: rate(counts.updates),
            presented_rate: rate(counts.presented),
            boost: slow.boost,
            counts,
            reply: self.reply.since(&earlier.reply).quantiles(),
            commit: self.commit.since(&earlier.commit).quantiles(),
            present: self.present.since(&earlier.present).quantiles(),
            wish: slow.wish.clone(),
            path: slow.path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_report_is_about_the_time_since_the_last() {
        let stats = Stats::new(at(1000));
        for frame in 0..60 {
            stats.received(at(1000 + frame));
            stats.committed(at(1000), at(1000) + Duration::from_micros(500));
        }
        let first = stats.report(at(2000));
        assert_eq!((first.counts.received, first.counts.committed), (60, 60));
        assert!((first.rate - 60.0).abs() < 1e-9);
        let second = stats.report(at(3000));
        assert_eq!(second.counts, Counts::default());
        assert_eq!((second.commit, second.seconds), (None, 2.0));
        let summary = stats.summary(at(3000));
        assert!(summary.summary);
        assert_eq!((summary.counts.committed, summary.span), (60, 2.0));
    }

    #[test]
    fn whoever_keeps_a_snapshot_disturbs_nobody() {
        let stats = Stats::new(at(0));
        let mine = stats.snapshot(at(0));
        stats.received(at(1));
        assert_eq!(stats.report(at(500)).counts.received, 1);
        stats.received(at(600));
        let (report, mine) = stats.since(&mine, at(1000));
        assert_eq!((report.counts.received, report.span), (2, 1.0));
        assert_eq!(stats.since(&mine, at(2000)).0.counts.received, 0);
        assert_eq!(stats.report(at(2000)).counts.received, 1);
    }

    #[test]
    fn both_rates_are_told() {
        let stats = Stats::new(at(1000));
        for frame in 0..30 {
            stats.updated();
            stats.presented(at(1000 + frame), at(1001 + frame));
            stats.presented(at(1000 + frame), at(1002 + frame));
        }
        stats.boost(Boost::On);
        let report = stats.report(at(2000));
        assert!((report.guest_rate - 30.0).abs() < 1e-9, "{report:?}");
        assert!((report.presented_rate - 60.0).abs() < 1e-9, "{report:?}");
        let line = serde_json::to_value(&report).expect("JSON");
        assert_eq!((line["boost"].as_str(), line["updates"].as_u64()), (Some("on"), Some(30)));
    }

    #[test]
    fn what_became_of_a_wish_is_told() {
        let stats = Stats::new(at(0));
        let line = serde_json::to_value(stats.report(at(1000))).expect("JSON");
        assert!(line.get("wish").is_none());
        let wish = Wish {
            size: (1600, 900),
            millimetres: (423, 238),
            at: (0, 0),
            outcome: "followed",
            after: Some(40.0),
        };
        stats.wished();
        stats.wish(Some(wish));
        let line = serde_json::to_value(stats.report(at(2000))).expect("JSON");
        assert_eq!((line["wishes"].as_u64(), line["wish"]["size"][0].as_u64()), (Some(1), Some(1600)));
        assert_eq!(line["wish"]["outcome"], "followed");
    }

    #[test]
    fn latencies_come_out_in_milliseconds() {
        let stats = Stats::new(at(0));
        for _ in 0..98 {
            stats.replied(at(10), at(11));
        }
        stats.replied(at(10), at(60));
        stats.replied(at(10), at(60));
        let reply = stats.summary(at(100)).reply.expect("replies");
        assert!((0.9..=1.2).contains(&reply.p50), "{reply:?}");
        assert!((45.0..=57.0).contains(&reply.p99), "{reply:?}");
        assert!((reply.max - 50.0).abs() < 1e-9, "{reply:?}");
    }

    #[test]
    fn a_report_is_one_line_of_json() {
        let stats = Stats::new(at(0));
        stats.path(Path { rung: "copy", reason: Some("unsealed".into()), ..Path::default() });
        let line = serde_json::to_string(&stats.report(at(1000))).expect("JSON");
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["path"]["rung"], "copy");
        assert_eq!(value["committed"], 0);
        assert_eq!(value["summary"], false);
    }
}
