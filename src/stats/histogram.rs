//! Durations in buckets that grow with the value: eight to each doubling, from 1 µs to over a minute.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

/// Buckets to a doubling, as a power of two: a value is known to an eighth.
const FINE: u32 = 3;
/// Shorter than 2^10 ns is as good as nothing.
const FIRST: u32 = 10;
/// 2^37 ns is over two minutes: longer is one bucket.
const LAST: u32 = 37;
const BUCKETS: usize = ((LAST - FIRST) << FINE) as usize;

/// A histogram that any thread may add to.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    max: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone)]
pub(super) struct Buckets {
    counts: [u64; BUCKETS],
    max: u64,
}

/// How long half of them took at most, and 99 of a hundred, and the longest; in milliseconds.
///
/// The longest is of all time: which of them fell into a span of time is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: array::from_fn(|_| AtomicU64::new(0)), max: AtomicU64::new(0) }
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], max: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.max.fetch_max(nanos, Relaxed);
    }

    pub(super) fn read(&self) -> Buckets {
        Buckets {
            counts: array::from_fn(|index| self.buckets[index].load(Relaxed)),
            max: self.max.load(Relaxed),
        }
    }
}

impl Buckets {
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let counts = array::from_fn(|index| self.counts[index].saturating_sub(earlier.counts[index]));
        Self { counts, max: self.max }
    }

    /// `None` where nothing was recorded.
    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        let total: u64 = self.counts.iter().sum();
        (total > 0).then(|| Quantiles {
            p50: self.quantile(total, 50),
            p99: self.quantile(total, 99),
            max: millis(self.max),
        })
    }

    fn quantile(&self, total: u64, percent: u64) -> f64 {
        let wanted = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        millis(found.map_or(self.max, middle).min(self.max))
    }
}

fn bucket(nanos: u64) -> usize {
    let value = nanos.clamp(1 << FIRST, (1 << LAST) - 1);
    let octave = value.ilog2();
    let fine = (value >> (octave - FINE)) & ((1 << FINE) - 1);
    (((octave - FIRST) << FINE) as usize) + usize::try_from(fine).unwrap_or_default()
}

/// Nanoseconds in the middle of a bucket.
fn middle(index: usize) -> u64 {
    let octave = index >> FINE;
    let fine = index & ((1 << FINE) - 1);
    let eighth = 1_u64 << (octave + FIRST as usize - FINE as usize);
    eighth * (8 + fine as u64) + eighth / 2
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of at most minutes")]
fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_have_buckets() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn a_value_is_known_to_an_eighth(nanos in 1024..60_000_000_000_u64) {
            let known = middle(bucket(nanos));
            prop_assert!(known.abs_diff(nanos) <= nanos / 8, "{} for {}", known, nanos);
        }

        #[test]
        fn buckets_are_in_order(a in 0..u64::MAX, b in 0..u64::MAX) {
            prop_assert!((a <= b) == (bucket(a) <= bucket(b)) || bucket(a) == bucket(b));
        }
    }
}
