//! When to show the next frame: at once, unless two already wait for the screen.
//!
//! ```text
//!        committed          committed
//!  Idle ───────────▶ One ───────────▶ Two
//!   ▲                │ ▲               │
//!   └──────seen──────┘ └─────seen──────┘   the reply goes out
//! ```
//!
//! What is committed before a refresh is shown at that refresh, the newest instead of the others. With
//! only one commit allowed, a guest that draws at the screen's own rate would wait for a whole refresh
//! whenever a picture comes a moment early or a refresh a moment late, and its latency would wander
//! between nothing and a refresh. With two, such a picture is shown at the next refresh.
//!
//! What comes after the second stays in the mailbox, where the newest frame replaces the others; so
//! nothing grows while the compositor says nothing, as it does for a window that nobody sees. Replies
//! do not wait for such a compositor: after [`Pacing::expire`] the guest goes on.

use std::time::Duration;

use super::ack::Ack;
use crate::clock::Time;

/// Tells one commit from the next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(u64);

/// Whether a frame may be committed now.
#[derive(Debug, Default)]
pub struct Pacing {
    state: State,
    last: Serial,
}

/// A frame that waits for the screen.
#[derive(Debug)]
struct InFlight {
    serial: Serial,
    since: Time,
    reply: Reply,
}

#[derive(Debug)]
enum Reply {
    /// Until the frame was seen, so that the guest draws at the pace of the screen.
    Held(Option<Ack>),
    /// The compositor took too long.
    Given,
}

impl InFlight {
    fn is_held(&self) -> bool {
        matches!(self.reply, Reply::Held(_))
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    One(InFlight),
    /// The older first.
    Two(InFlight, InFlight),
}

impl Pacing {
    /// Whether nothing waits for the screen: for who draws one frame a refresh, as GTK does.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether another frame may be committed.
    pub fn has_room(&self) -> bool {
        !matches!(self.state, State::Two(..))
    }

    /// A frame is being committed; its reply is held until [`Self::seen`] with this serial.
    pub fn commit(&mut self, ack: Option<Ack>, now: Time) -> Serial {
        self.last.0 += 1;
        let new = InFlight { serial: self.last, since: now, reply: Reply::Held(ack) };
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => State::One(new),
            State::One(older) | State::Two(_, older) => State::Two(older, new),
        };
        self.last
    }

    /// The compositor has shown that commit, or a later one in its place. The result says whether it
    /// was the last one: nothing that was committed before is on the screen any more. Late words about
    /// what was forgotten mean nothing.
    pub fn seen(&mut self, seen: Serial) -> bool {
        self.state = match std::mem::take(&mut self.state) {
            State::One(only) if only.serial == seen => State::Idle,
            State::Two(older, newer) if newer.serial == seen => {
                // Replies go out in the order of the updates.
                drop(older);
                drop(newer);
                State::Idle
            }
            State::Two(older, newer) if older.serial == seen => State::One(newer),
            other => {
                self.state = other;
                return false;
            }
        };
        self.is_idle()
    }

    /// Takes the replies that [`Self::seen`] with this serial would give, for who waits for more than the
    /// screen, as one; and since when they wait.
    pub fn take_replies(&mut self, seen: Serial) -> Option<(Ack, Time)> {
        let frames = match &mut self.state {
            State::Idle => [None, None],
            State::One(only) => [Some(only), None],
            State::Two(older, newer) => [Some(older), Some(newer)],
        };
        let replies = frames.into_iter().flatten().filter(|frame| frame.serial <= seen);
        let replies = replies.filter_map(|InFlight { since, reply, .. }| match reply {
            Reply::Held(ack) => Some((ack.take()?, *since)),
            Reply::Given => None,
        });
        replies.reduce(|(older, since), (newer, _)| (older.join(newer), since))
    }

    /// When [`Self::expire`] has something to do, if nothing is seen before.
    pub fn deadline(&self, patience: Duration) -> Option<Time> {
        let oldest = match &self.state {
            State::Idle => None,
            State::One(only) => Some(only),
            State::Two(older, newer) => Some(if older.is_held() { older } else { newer }),
        };
        oldest.filter(|frame| frame.is_held()).map(|frame| frame.since + patience)
    }

    /// Gives the replies of frames that have waited for so long, in order. Whether there are such
    /// frames: the compositor shows nothing at the moment.
    pub fn expire(&mut self, now: Time, patience: Duration) -> bool {
        let give = |frame: &mut InFlight| {
            if now.since(frame.since) >= patience {
                frame.reply = Reply::Given;
            }
            !frame.is_held()
        };
        match &mut self.state {
            State::Idle => false,
            State::One(only) => give(only),
            State::Two(older, newer) => {
                let late = give(older);
                give(newer);
                late
            }
        }
    }

    /// Nothing more will be heard of what was committed: its surface was taken away.
    pub fn forget(&mut self) {
        self.state = State::Idle;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use super::super::ack::Acknowledge;
    use super::*;

    const START: Time = Time::from_millis(1000);

    #[derive(Default)]
    struct Replies(AtomicU64, Mutex<Vec<u64>>);

    impl Acknowledge for Replies {
        fn acknowledge(&self, through: u64) {
            self.0.store(through, Ordering::Relaxed);
            self.1.lock().unwrap().push(through);
        }
    }

    #[test]
    fn two_commits_wait_and_their_replies_with_them() {
        let replies = Arc::new(Replies::default());
        let mut pacing = Pacing::default();
        let first = pacing.commit(Some(Ack::new(replies.clone(), 7)), START);
        assert!(pacing.has_room());
        let second = pacing.commit(Some(Ack::new(replies.clone(), 8)), START);
        assert!(!pacing.has_room());
        assert_eq!(replies.0.load(Ordering::Relaxed), 0);
        assert!(!pacing.seen(first), "the second is still to be seen");
        assert!(pacing.has_room());
        assert_eq!(replies.0.load(Ordering::Relaxed), 7);
        assert!(pacing.seen(second));
        assert_eq!(replies.0.load(Ordering::Relaxed), 8);
    }

    #[test]
    fn a_commit_that_was_replaced_is_answered_with_the_one_that_was_seen() {
        let replies = Arc::new(Replies::default());
        let mut pacing = Pacing::default();
        let first = pacing.commit(Some(Ack::new(replies.clone(), 1)), START);
        let second = pacing.commit(Some(Ack::new(replies.clone(), 2)), START);
        assert!(pacing.seen(second));
        assert_eq!(*replies.1.lock().unwrap(), [1, 2]);
        assert!(!pacing.seen(first));
    }

    #[test]
    fn late_words_about_a_former_commit_mean_nothing() {
        let replies = Arc::new(Replies::default());
        let mut pacing = Pacing::default();
        let first = pacing.commit(Some(Ack::new(replies.clone(), 1)), START);
        pacing.forget();
        assert_eq!(*replies.1.lock().unwrap(), [1]);
        let second = pacing.commit(Some(Ack::new(replies.clone(), 2)), START);
        assert!(!pacing.seen(first));
        assert_eq!(*replies.1.lock().unwrap(), [1]);
        assert!(pacing.seen(second));
        assert_eq!(*replies.1.lock().unwrap(), [1, 2]);
    }

    #[test]
    fn a_compositor_that_shows_nothing_holds_no_reply() {
        let patience = Duration::from_millis(25);
        let replies = Arc::new(Replies::default());
        let mut pacing = Pacing::default();
        assert_eq!(pacing.deadline(patience), None);
        let first = pacing.commit(Some(Ack::new(replies.clone(), 1)), START);
        pacing.commit(Some(Ack::new(replies.clone(), 2)), Time::from_millis(1010));
        assert_eq!(pacing.deadline(patience), Some(Time::from_millis(1025)));
        assert!(!pacing.expire(Time::from_millis(1024), patience));
        assert!(pacing.expire(Time::from_millis(1025), patience));
        assert_eq!(*replies.1.lock().unwrap(), [1]);
        assert!(!pacing.has_room(), "both may still be shown");
        assert_eq!(pacing.deadline(patience), Some(Time::from_millis(1035)));
        assert!(pacing.expire(Time::from_millis(1035), patience));
        assert_eq!(pacing.deadline(patience), None, "nobody waits any more");
        assert_eq!(*replies.1.lock().unwrap(), [1, 2]);
        assert!(!pacing.seen(first), "the second is still under way");
        assert!(pacing.has_room());
        assert_eq!(*replies.1.lock().unwrap(), [1, 2], "nothing is answered twice");
    }
}
