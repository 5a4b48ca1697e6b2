//! When to have QEMU look at a vGPU's picture, beyond the 30 ms at which it looks by itself.
//!
//! A guest that draws into one buffer while another is shown flips between them at its own pace, but
//! QEMU sees at most one flip in 30 ms, and a viewer no more than QEMU (ui/console.c,
//! `GUI_REFRESH_INTERVAL_DEFAULT`; the D-Bus display asks for no other). A monitor can make it look at
//! once ([`Refresher::refresh`](crate::source::Refresher::refresh)): a *kick*. Kicks go in step with
//! the screen, so that a flip is fetched just before the picture that shows it is committed.
//!
//! ```text
//!            flips            measured            it helps
//!  Resting ────────▶ Listening ────────▶ Trying ────────────▶ Lifting
//!     ▲ ▲                ▲                  │ it does not        │ no longer
//!     │ └── no flips     └───── a while ── Useless               └──▶ Listening
//!     └── nobody looks, or no buffer is shown: from everywhere
//! ```
//!
//! Nothing here asks anything or reads a clock. `drive` does what this says.

pub(super) mod drive;

use std::time::Duration;

use crate::clock::Time;
use crate::frame::{Beat, Pulse, USUAL_REFRESH};
use crate::source::Refreshed;
use crate::stats;

/// For so long flips are counted, first without kicks and then with them; of a slow guest, until there
/// are enough, or for the longer time.
const WINDOW: (Duration, Duration) = (Duration::from_millis(600), Duration::from_secs(2));

/// So many flips make a rate.
const ENOUGH: u64 = 15;

/// So often it is looked at whether it still helps.
const CHECK: Duration = Duration::from_secs(3);

/// A guest that has not flipped for so long stands still: eight of QEMU's own looks.
const STILL: Duration = Duration::from_millis(250);

/// A picture that was last seen so long ago is not being looked at: QEMU's own looks make for one every
/// 30 ms, and a compositor that is slow for a moment is no reason to begin anew.
const UNSEEN: Duration = Duration::from_millis(400);

/// So long it is left alone when it did not help, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(320));

/// It helps when there are so many times the flips that there were.
const GAIN: f64 = 1.15;

/// A kick that takes longer is answered by a QEMU that has enough to do: it is left alone, whatever that
/// brings. On a busy computer QEMU may take tens of milliseconds to hear of one.
const SLOW: Duration = Duration::from_millis(250);

/// What there is to go by.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct View {
    /// When the picture was last seen; `None` while nobody presents it.
    pub(super) beat: Option<Beat>,
    /// What the guest's pictures do.
    pub(super) pulse: Pulse,
}

/// What came of a kick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// QEMU has looked.
    Looked(Refreshed),
    /// It does not do that.
    Refused,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Kick at this moment, or now if it has just passed.
    Kick(Time),
    /// Look again at this moment at the latest.
    Wait(Time),
    /// Look again when a picture comes.
    Sleep,
    /// It will never work.
    Over,
}

/// A rate is being measured.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    since: Time,
    flips: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The guest does not flip, or nobody looks.
    Resting,
    /// Its flips are counted without kicks.
    Listening(Count),
    /// Its flips are counted with kicks; how many a second there were without.
    Trying(Count, f64),
    /// Kicks help.
    Lifting(Count, f64),
    /// They do not; flips are counted on, and there were so many a second without kicks.
    Useless {
        until: Time,
        count: Count,
        before: f64,
    },
    /// There is nothing to be had by kicks until other buffers are shown than these.
    Surface {
        buffers: Option<u64>,
    },
    Over,
}

/// Whether it has to be shown that kicks help.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Only a guest that flips is kicked for, and only while that brings more flips.
    #[default]
    Measured,
    /// It is done while a buffer is shown and seen, for who knows better.
    Always,
}

/// The boost of one console.
#[derive(Debug)]
pub(super) struct Boost {
    phase: Phase,
    policy: Policy,
    view: View,
    /// The rate without kicks, of a guest that they have helped.
    proven: Option<f64>,
    /// How long to leave it alone when it does not help.
    pause: Duration,
    /// When the last kick was due: what it came late by must not add up.
    last: Option<Time>,
    /// When the one was sent whose answer is still to come.
    outstanding: Option<Time>,
    /// How long a kick takes, smoothed.
    latency: Duration,
}

impl Default for Boost {
    fn default() -> Self {
        Self {
            phase: Phase::Resting,
            policy: Policy::default(),
            view: View::default(),
            proven: None,
            pause: PAUSE.0,
            last: None,
            outstanding: None,
            latency: Duration::from_millis(1),
        }
    }
}

impl Boost {
    pub(super) fn new(policy: Policy) -> Self {
        let mut boost = Self { policy, ..Self::default() };
        boost.proven = boost.granted();
        boost
    }

    /// The rate that is to be surpassed without having been measured.
    fn granted(&self) -> Option<f64> {
        match self.policy {
            Policy::Measured => None,
            Policy::Always => Some(0.0),
        }
    }

    /// Takes in how things are at `now`.
    pub(super) fn look(&mut self, view: View, now: Time) {
        if self.view.pulse.buffers != view.pulse.buffers {
            // What was measured was measured with other pictures.
            self.proven = self.granted();
            if !matches!(self.phase, Phase::Over) {
                self.phase = Phase::Resting;
            }
        }
        self.view = view;
        self.phase = self.next(now);
    }

    /// The kick that was due `at` has been sent.
    pub(super) fn kicked(&mut self, at: Time, now: Time) {
        (self.last, self.outstanding) = (Some(at), Some(now));
    }

    /// What came of it.
    pub(super) fn answered(&mut self, answer: Answer, now: Time) {
        let sent = self.outstanding.take();
        match answer {
            Answer::Looked(Refreshed::Buffer) => {}
            Answer::Looked(Refreshed::Surface) => {
                self.phase = Phase::Surface { buffers: self.view.pulse.buffers };
                return;
            }
            Answer::Refused => {
                self.phase = Phase::Over;
                return;
            }
        }
        let took = sent.map_or(Duration::ZERO, |sent| now.since(sent));
        self.latency = (self.latency * 3 + took.min(SLOW * 2)) / 4;
        if self.latency > SLOW {
            self.give_up(now);
        }
    }

    /// What to do now.
    pub(super) fn plan(&self, now: Time) -> Plan {
        match self.phase {
            Phase::Over => Plan::Over,
            _ if self.outstanding.is_some() => Plan::Sleep,
            Phase::Resting | Phase::Surface { .. } => Plan::Sleep,
            Phase::Useless { until, .. } => Plan::Wait(until),
            Phase::Listening(count) => Plan::Wait(now.max(count.since + WINDOW.0) + WINDOW.0 / 8),
            Phase::Trying(..) | Phase::Lifting(..) => Plan::Kick(self.next_kick(now)),
        }
    }

    /// What to tell of it.
    pub(super) fn told(&self) -> stats::Boost {
        match self.phase {
            Phase::Resting | Phase::Listening(_) | Phase::Surface { .. } => stats::Boost::Idle,
            Phase::Trying(..) => stats::Boost::Trial,
            Phase::Lifting(..) => stats::Boost::On,
            Phase::Useless { .. } => stats::Boost::Useless,
            Phase::Over => stats::Boost::Refused,
        }
    }

    fn next(&mut self, now: Time) -> Phase {
        match self.phase {
            Phase::Over => Phase::Over,
            Phase::Surface { buffers } if buffers == self.view.pulse.buffers => self.phase,
            Phase::Useless { until, count, before } if now < until => {
                self.stay_useless(until, count, before, now)
            }
            _ if !self.is_wanted(now) => Phase::Resting,
            Phase::Resting | Phase::Surface { .. } | Phase::Useless { .. } => match self.proven {
                Some(before) => Phase::Lifting(self.count(now), before),
                None => Phase::Listening(self.count(now)),
            },
            Phase::Listening(count) => match self.trial_rate(count, now) {
                Some(before) => Phase::Trying(self.count(now), before),
                None => self.phase,
            },
            Phase::Trying(count, before) => match self.trial_rate(count, now) {
                Some(rate) if rate >= before * GAIN => {
                    (self.proven, self.pause) = (Some(before), PAUSE.0);
                    Phase::Lifting(self.count(now), before)
                }
                Some(_) => self.useless(before, now),
                None => self.phase,
            },
            Phase::Lifting(count, before) => match self.rate(count, CHECK, now) {
                Some(rate) if rate >= before * GAIN => Phase::Lifting(self.count(now), before),
                // It draws at another pace now: to be measured anew.
                Some(_) => {
                    self.proven = self.granted();
                    Phase::Listening(self.count(now))
                }
                None => self.phase,
            },
        }
    }

    /// Whether the guest flips, and somebody looks.
    fn is_wanted(&self, now: Time) -> bool {
        let View { beat, pulse } = self.view;
        let seen = beat.is_some_and(|beat| now.since(beat.at) < UNSEEN);
        let flips = pulse.flipped.is_some_and(|flipped| now.since(flipped) < STILL);
        let moves = flips || self.policy == Policy::Always;
        pulse.buffers.is_some() && seen && moves
    }

    fn count(&self, now: Time) -> Count {
        Count { since: now, flips: self.view.pulse.flips }
    }

    /// Flips a second since the count began, once it can be told.
    fn trial_rate(&self, count: Count, now: Time) -> Option<f64> {
        let flips = self.view.pulse.flips.saturating_sub(count.flips);
        let span = if flips >= ENOUGH { WINDOW.0 } else { WINDOW.1 };
        self.rate(count, span, now)
    }

    /// Flips a second since the count began, once it has lasted for `span`.
    fn rate(&self, count: Count, span: Duration, now: Time) -> Option<f64> {
        let lasted = now.since(count.since);
        #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
        let flips = self.view.pulse.flips.saturating_sub(count.flips) as f64;
        (lasted >= span).then(|| flips / lasted.as_secs_f64())
    }

    fn give_up(&mut self, now: Time) {
        self.latency = Duration::from_millis(1);
        // However fast the guest draws.
        self.phase = self.useless(f64::INFINITY, now);
    }

    fn useless(&mut self, before: f64, now: Time) -> Phase {
        self.proven = self.granted();
        let until = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE.1);
        Phase::Useless { until, count: self.count(now), before }
    }

    /// A guest that draws faster than the one that gained nothing is another one.
    fn stay_useless(&mut self, until: Time, count: Count, before: f64, now: Time) -> Phase {
        match self.rate(count, CHECK, now) {
            Some(rate) if rate >= before * GAIN => {
                self.pause = PAUSE.0;
                Phase::Listening(self.count(now))
            }
            Some(_) => Phase::Useless { until, count: self.count(now), before },
            None => self.phase,
        }
    }

    /// The next moment that is a kick's way before the screen's next refresh, and no less than a
    /// refresh after the last one. It may have passed by a quarter of a refresh.
    ///
    /// Compositors take what they show some milliseconds before it is seen, or right after what was
    /// seen before: a quarter of a refresh, 4 ms at most, serves both.
    fn next_kick(&self, now: Time) -> Time {
        let interval = self.view.beat.map_or(USUAL_REFRESH, Beat::interval);
        let margin = (interval / 4).min(Duration::from_millis(4));
        let lead = (self.latency + margin).min(interval * 3 / 4);
        let allowed = self.last.map_or(Time::default(), |last| last + interval);
        let Some(beat) = self.view.beat else { return now.max(allowed) };
        // Neither a beat that trembles nor a timer that is late must cost a whole refresh.
        let tolerance = interval / 4;
        let first = (beat.at + interval).as_nanos().saturating_sub(nanos(lead));
        let earliest = now.max(allowed).as_nanos().saturating_sub(nanos(tolerance));
        let missed = earliest.saturating_sub(first).div_ceil(nanos(interval).max(1));
        Time::from_nanos(first.saturating_add(missed.saturating_mul(nanos(interval)))).max(allowed)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
