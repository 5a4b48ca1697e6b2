//! Whether to show the same buffer once more at the screen's next refresh, because the guest draws
//! into it while it is shown.
//!
//! A guest that flips says when there is something new: it shows another buffer. One that does not
//! says nothing, and QEMU, which looks at a vGPU's plane every 30 ms, announces all of it each time,
//! changed or not (hw/vfio/display.c). The compositor reads the very buffer, but only when it is told
//! to. So while something moves it is told at every refresh; and while nothing does, as seldom as
//! QEMU says so.
//!
//! That something moves shows in a sample of the pixels, where they can be read. Where they cannot,
//! as in a tiled buffer, what the person does at the guest stands for it.

use std::time::Duration;

use crate::clock::Time;

/// A buffer that has been shown for so long is one that the guest draws into.
const STEADY: Duration = Duration::from_millis(300);

/// Something that has not moved for so long stands still: seven of QEMU's looks.
const MOTION: Duration = Duration::from_millis(220);

/// So long after the person did something the guest may still be answering it.
const ECHO: Duration = Duration::from_millis(400);

/// What is known of one buffer's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A digest of some of them.
    Digest(u64),
    /// They cannot be read.
    Unreadable,
}

/// What has been seen of a picture lately.
#[derive(Debug, Default)]
pub struct Resampling {
    /// Since when the same buffer is shown.
    same_since: Option<Time>,
    last: Option<Sample>,
    moved: Option<Time>,
}

impl Resampling {
    /// Another buffer is shown, or other than whole changes are told: the guest speaks for itself.
    pub fn flipped(&mut self, now: Time) {
        *self = Self { same_since: Some(now), last: None, moved: None };
    }

    /// Whether the buffer has been shown for so long that its pixels are worth a look.
    pub fn is_steady(&self, now: Time) -> bool {
        self.same_since.is_some_and(|since| now.since(since) >= STEADY)
    }

    /// A steady buffer is shown once more, and this was seen of it; `touched` is when the person last
    /// did something.
    pub fn sampled(&mut self, sample: Sample, touched: Option<Time>, now: Time) {
        let moves = match (self.last, sample) {
            (Some(Sample::Digest(before)), Sample::Digest(after)) => before != after,
            (_, Sample::Unreadable) => touched.is_some_and(|touched| now.since(touched) < ECHO),
            _ => false,
        };
        self.last = Some(sample);
        if moves {
            self.moved = Some(now);
        }
    }

    /// Whether to show the same once more at the next refresh.
    pub fn is_wanted(&self, now: Time) -> bool {
        self.is_steady(now) && self.moved.is_some_and(|moved| now.since(moved) < MOTION)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_millis(1000);

    fn after(millis: u64) -> Time {
        START + Duration::from_millis(millis)
    }

    /// A buffer that is shown since the start.
    fn steady() -> Resampling {
        let mut resampling = Resampling::default();
        resampling.flipped(START);
        resampling
    }

    #[test]
    fn what_moves_is_shown_again_and_what_stands_still_is_not() {
        let mut resampling = steady();
        resampling.sampled(Sample::Digest(1), None, after(400));
        assert!(!resampling.is_wanted(after(400)), "nothing to compare with");
        resampling.sampled(Sample::Digest(1), None, after(430));
        assert!(!resampling.is_wanted(after(430)));
        resampling.sampled(Sample::Digest(2), None, after(460));
        assert!(resampling.is_wanted(after(460)) && resampling.is_wanted(after(660)));
        assert!(!resampling.is_wanted(after(700)), "it stands still");
    }

    #[test]
    fn a_guest_that_flips_speaks_for_itself() {
        let mut resampling = steady();
        resampling.sampled(Sample::Digest(1), None, after(400));
        resampling.sampled(Sample::Digest(2), None, after(430));
        assert!(resampling.is_wanted(after(440)));
        resampling.flipped(after(450));
        assert!(!resampling.is_wanted(after(450)) && !resampling.is_steady(after(700)));
    }

    #[test]
    fn what_cannot_be_read_moves_when_the_person_does() {
        let mut resampling = steady();
        resampling.sampled(Sample::Unreadable, None, after(400));
        assert!(!resampling.is_wanted(after(400)));
        resampling.sampled(Sample::Unreadable, Some(after(390)), after(430));
        assert!(resampling.is_wanted(after(440)));
        resampling.sampled(Sample::Unreadable, Some(after(390)), after(800));
        assert!(!resampling.is_wanted(after(800)), "long ago");
    }

    proptest! {
        #[test]
        fn only_motion_of_a_steady_buffer_is_shown_again(
            events in prop::collection::vec((0..100_u64, 0..8_u8, 0..3_u64), 0..200),
        ) {
            let mut resampling = Resampling::default();
            let (mut now, mut flipped, mut changed, mut last) = (START, None, None, None);
            for (pass, what, digest) in events {
                now = now + Duration::from_millis(pass);
                if what == 0 {
                    resampling.flipped(now);
                    (flipped, changed, last) = (Some(now), None, None);
                } else if resampling.is_steady(now) {
                    resampling.sampled(Sample::Digest(digest), None, now);
                    if last.replace(digest).is_some_and(|last| last != digest) {
                        changed = Some(now);
                    }
                }
                if resampling.is_wanted(now) {
                    let lately = |at: Option<Time>, span| at.is_some_and(|at| now.since(at) < span);
                    prop_assert!(lately(changed, MOTION) && !lately(flipped, STEADY));
                }
            }
        }
    }
}
