//! How often a GPU may be lost before it is given up: whatever resets it might do so forever.

use std::time::Duration;

use crate::clock::Time;

/// So many losses within [`SPAN`] are one too many.
const MOST: usize = 4;
const SPAN: Duration = Duration::from_secs(60);

/// The last times that a GPU was lost.
#[derive(Debug, Default)]
pub struct Losses(Vec<Time>);

impl Losses {
    /// It was lost once more. Whether it is worth another attempt.
    pub fn another(&mut self, now: Time) -> bool {
        self.0.retain(|lost| now.since(*lost) < SPAN);
        self.0.push(now);
        self.0.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_lost_again_and_again_is_given_up() {
        let mut losses = Losses::default();
        for lost in 0..3 {
            assert!(losses.another(Time::from_millis(lost * 1000)));
        }
        assert!(!losses.another(Time::from_millis(3000)));
        // Some rest, and it is tried again.
        assert!(losses.another(Time::from_millis(63_000)));
    }
}
