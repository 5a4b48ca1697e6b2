//! When the next picture is due, and how many there were.

use std::time::Duration;

/// An even beat: pictures that come too late are left out, never hurried after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    period: Duration,
    next: Duration,
}

impl Pace {
    /// A beat of `rate` a second from `now`, a time since boot.
    pub(crate) fn new(rate: u32, now: Duration) -> Self {
        Self { period: Duration::from_secs(1) / rate.max(1), next: now }
    }

    /// Whether a picture is due; if so, the following one is due at the next whole beat.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        let late = (now - self.next).as_nanos() / self.period.as_nanos().max(1);
        self.next += self.period * u32::try_from(late + 1).unwrap_or(u32::MAX);
        true
    }

    /// How long from `now` until the next picture is due.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn beats_come_at_the_rate() {
        let mut pace = Pace::new(10, ms(0));
        let due: Vec<u64> = (0..500).filter(|&now| pace.take(ms(now))).collect();
        assert_eq!(due, [0, 100, 200, 300, 400]);
    }

    #[test]
    fn late_beats_are_left_out_and_the_grid_stays() {
        let mut pace = Pace::new(10, ms(0));
        assert!(pace.take(ms(350)));
        assert_eq!(pace.wait(ms(350)), ms(50));
        assert!(!pace.take(ms(399)));
        assert!(pace.take(ms(400)));
    }

    #[test]
    fn waiting_is_never_negative() {
        assert_eq!(Pace::new(10, ms(5)).wait(ms(900)), ms(0));
    }
}
