//! Which reply waits for which buffer's release: without I/O.

use std::collections::VecDeque;

use crate::clock::Time;
use crate::frame::{Ack, BufferId, Serial};

/// So many releases in a row that come later than a reply may wait are no accident: this compositor keeps
/// a buffer until it has the next but one, and nobody waits for that any more.
const LATE: u32 = 8;

/// A point that the compositor reaches: the timeline's index, and the point's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) track: usize,
    pub(super) number: u64,
}

/// The releases of one surface's buffers.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// The buffer that was attached last, and its release.
    attached: Option<(BufferId, Point)>,
    /// The release of the one before, where that is another, until the commit.
    replaced: Option<Point>,
    /// Commits, and the releases of what they replaced.
    committed: VecDeque<(Serial, Point)>,
    /// What the commit that was seen has replaced, and those that were never seen because of it.
    awaited: Vec<Point>,
    owed: Option<Owed>,
    /// How many replies in a row have waited in vain.
    late: u32,
}

/// A reply that waits.
#[derive(Debug)]
struct Owed {
    reply: Ack,
    points: Vec<Point>,
    until: Time,
}

impl Releases {
    /// A buffer is attached, and released by this point.
    pub(super) fn attach(&mut self, buffer: BufferId, release: Point) {
        let former = self.attached.replace((buffer, release));
        // A buffer that follows itself is drawn into while it is shown anyway.
        self.replaced = former.filter(|(former, _)| *former != buffer).map(|(_, point)| point);
    }

    /// Something else is attached.
    pub(super) fn detach(&mut self) {
        (self.attached, self.replaced) = (None, None);
    }

    /// What was attached is committed.
    pub(super) fn committed(&mut self, serial: Serial) {
        self.committed.extend(self.replaced.take().map(|point| (serial, point)));
    }

    /// A commit has been seen. The releases to wait for before its reply is given.
    pub(super) fn seen(&mut self, serial: Serial) -> &[Point] {
        self.awaited.clear();
        while let Some((committed, point)) = self.committed.front()
            && *committed <= serial
        {
            self.awaited.push(*point);
            self.committed.pop_front();
        }
        if self.late < LATE { &self.awaited } else { &[] }
    }

    /// Keeps the reply for the commit that was seen last.
    pub(super) fn owe(&mut self, reply: Ack, until: Time) {
        let points = self.awaited.clone();
        self.owed = Some(match self.owed.take() {
            Some(older) => Owed { reply: older.reply.join(reply), points, until: older.until.min(until) },
            None => Owed { reply, points, until },
        });
    }

    /// When a reply is given at the latest.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.owed.as_ref().map(|owed| owed.until)
    }

    /// Gives the reply that is due.
    pub(super) fn sweep(&mut self, now: Time, is_reached: impl Fn(Point) -> bool) {
        let Some(owed) = &mut self.owed else { return };
        owed.points.retain(|point| !is_reached(*point));
        if owed.points.is_empty() {
            self.late = 0;
        } else if now >= owed.until {
            self.late += 1;
        } else {
            return;
        }
        self.owed = None;
    }

    /// Gives all replies, and waits for nothing that is under way.
    pub(super) fn clear(&mut self) {
        let late = self.late;
        *self = Self { late, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;
    use crate::frame::{Acknowledge, Pacing};

    #[derive(Default)]
    struct Replies(AtomicU64);

    impl Acknowledge for Replies {
        fn acknowledge(&self, through: u64) {
            self.0.fetch_max(through, SeqCst);
        }
    }

    struct Rig {
        releases: Releases,
        pacing: Pacing,
        replies: Arc<Replies>,
        commits: u64,
    }

    const START: Time = Time::from_millis(1000);
    const LATEST: Time = Time::from_millis(1025);

    impl Rig {
        fn new() -> Self {
            let (releases, replies) = (Releases::default(), Arc::default());
            Self { releases, pacing: Pacing::default(), replies, commits: 0 }
        }

        fn commit(&mut self, buffer: u64) -> Serial {
            self.commits += 1;
            let id = BufferId { device: 1, inode: buffer, layout: 0 };
            self.releases.attach(id, point(self.commits));
            let ack = Ack::new(self.replies.clone(), self.commits);
            let serial = self.pacing.commit(Some(ack), START);
            self.releases.committed(serial);
            serial
        }

        /// What its reply waits for.
        fn seen(&mut self, serial: Serial) -> Vec<Point> {
            let awaited = self.releases.seen(serial).to_vec();
            if !awaited.is_empty() {
                let (reply, since) = self.pacing.take_replies(serial).expect("a reply");
                assert_eq!(since, START);
                self.releases.owe(reply, LATEST);
            }
            self.pacing.seen(serial);
            awaited
        }

        fn answered(&self) -> u64 {
            self.replies.0.load(SeqCst)
        }
    }

    fn point(number: u64) -> Point {
        Point { track: 0, number }
    }

    #[test]
    fn a_reply_waits_until_the_buffer_before_is_released() {
        let mut rig = Rig::new();
        let (first, second) = (rig.commit(1), rig.commit(2));
        assert_eq!(rig.seen(first), []);
        assert_eq!(rig.answered(), 1, "nothing was shown before the first");
        assert_eq!(rig.seen(second), [point(1)]);
        rig.releases.sweep(START, |_| false);
        assert_eq!((rig.answered(), rig.releases.deadline()), (1, Some(LATEST)));
        rig.releases.sweep(START, |reached| reached == point(1));
        assert_eq!((rig.answered(), rig.releases.deadline()), (2, None));
    }

    #[test]
    fn a_commit_waits_for_what_it_replaced_and_not_for_what_replaces_it() {
        let mut rig = Rig::new();
        let (first, second) = (rig.commit(1), rig.commit(2));
        rig.seen(first);
        let third = rig.commit(3);
        assert_eq!(rig.seen(second), [point(1)]);
        assert_eq!(rig.seen(third), [point(2)]);
        // Two replies wait: the newer one stands for both.
        rig.releases.sweep(START, |reached| reached == point(2));
        assert_eq!(rig.answered(), 3);
    }

    #[test]
    fn a_commit_that_was_never_seen_waits_with_the_next() {
        let mut rig = Rig::new();
        let first = rig.commit(1);
        rig.seen(first);
        rig.commit(2);
        let third = rig.commit(3);
        // The compositor has shown the third instead of the second.
        assert_eq!(rig.seen(third), [point(1), point(2)]);
        rig.releases.sweep(START, |reached| reached == point(2));
        assert_eq!(rig.answered(), 1);
        rig.releases.sweep(START, |reached| reached == point(1));
        assert_eq!(rig.answered(), 3);
    }

    #[test]
    fn a_buffer_that_follows_itself_or_something_else_waits_for_nothing() {
        let mut rig = Rig::new();
        for _ in 0..3 {
            let serial = rig.commit(1);
            assert_eq!(rig.seen(serial), []);
        }
        rig.releases.detach();
        let serial = rig.commit(2);
        assert_eq!(rig.seen(serial), []);
        assert_eq!(rig.answered(), 4);
    }

    #[test]
    fn who_releases_too_late_is_waited_for_a_few_times() {
        let mut rig = Rig::new();
        for _ in 0..LATE {
            let former = rig.commit(1);
            rig.seen(former);
            rig.releases.clear();
            let (first, second) = (rig.commit(1), rig.commit(2));
            rig.seen(first);
            assert!(!rig.seen(second).is_empty());
            let before = rig.answered();
            rig.releases.sweep(START, |_| false);
            assert_eq!(rig.answered(), before);
            rig.releases.sweep(LATEST, |_| false);
            assert_eq!(rig.answered(), before + 1);
        }
        let (first, second) = (rig.commit(1), rig.commit(2));
        assert_eq!((rig.seen(first), rig.seen(second)), (vec![], vec![]));
        assert_eq!(rig.answered(), rig.commits);
    }
}
