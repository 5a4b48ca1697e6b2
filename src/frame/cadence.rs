//! When the screen last showed a picture of ours and when it will again, told from thread to thread
//! without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Time;

/// What is taken for a refresh where nobody says how long one is.
pub const USUAL_REFRESH: Duration = Duration::from_nanos(16_666_667);

/// The shortest and the longest refresh that is believed: 1000 Hz and 10 Hz.
const BELIEVABLE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// One console's beat, set by whoever presents it, read by whoever works towards it.
///
/// Both numbers are of their own: a reader in between gets the former length with the new moment,
/// which is wrong by nothing that matters.
#[derive(Debug, Default)]
pub struct Cadence {
    /// Nanoseconds on the monotonic clock; 0 while nobody presents.
    seen: AtomicU64,
    /// Nanoseconds; 0 where unknown, or where the screen waits for us (VRR).
    refresh: AtomicU64,
}

/// A moment at which a picture of ours was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// When.
    pub at: Time,
    /// How long until the next one can be; `None` where nobody knows.
    pub refresh: Option<Duration>,
}

impl Beat {
    /// The length of a refresh, or what is usual.
    pub fn interval(self) -> Duration {
        self.refresh.unwrap_or(USUAL_REFRESH)
    }
}

impl Cadence {
    /// A picture was seen at this moment (`wp_presentation_feedback.presented`, or a frame clock), on
    /// a screen that refreshes this often; zero says that it is not known.
    pub fn seen(&self, at: Time, refresh: Duration) {
        let believable = (BELIEVABLE.0..=BELIEVABLE.1).contains(&refresh);
        let nanos = if believable { u64::try_from(refresh.as_nanos()).unwrap_or(0) } else { 0 };
        self.refresh.store(nanos, Relaxed);
        self.seen.store(at.as_nanos(), Relaxed);
    }

    /// Nobody presents any more.
    pub fn stop(&self) {
        self.seen.store(0, Relaxed);
    }

    /// The last beat; `None` while nobody presents.
    pub fn last(&self) -> Option<Beat> {
        let at = self.seen.load(Relaxed);
        let refresh = self.refresh.load(Relaxed);
        let refresh = (refresh != 0).then(|| Duration::from_nanos(refresh));
        (at != 0).then(|| Beat { at: Time::from_nanos(at), refresh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_last_is_told_until_nobody_presents() {
        let cadence = Cadence::default();
        assert_eq!(cadence.last(), None);
        let at = Time::from_millis(5);
        cadence.seen(at, Duration::from_millis(7));
        assert_eq!(cadence.last(), Some(Beat { at, refresh: Some(Duration::from_millis(7)) }));
        cadence.stop();
        assert_eq!(cadence.last(), None);
    }

    #[test]
    fn a_refresh_that_cannot_be_is_unknown() {
        let cadence = Cadence::default();
        for strange in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1)] {
            cadence.seen(Time::from_millis(5), strange);
            let beat = cadence.last().expect("it was seen");
            assert_eq!((beat.refresh, beat.interval()), (None, USUAL_REFRESH));
        }
    }
}
