//! The updates that QEMU waits for us to answer, in order, and the bell that other threads ring.
//!
//! An update is answered when its picture has been taken, after one refresh of the screen at the
//! latest, and at once while nobody seems to look: a hidden window's presenter takes nothing, and the
//! guest must not be held up by that.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::clock::Time;
use crate::frame::{Ack, Acknowledge, USUAL_REFRESH};
use crate::geometry::{Guest, Size};

/// How long a presenter may keep an update, whatever the screen's refresh. QEMU gives up after a
/// second, and a virtio guest waits that long.
const LONGEST: Duration = Duration::from_millis(250);

/// A presenter that has used nothing for so long, while updates came, has a window that nobody sees.
const HIDDEN: Duration = Duration::from_millis(250);

/// How many unanswered updates are told apart; with more, the oldest are answered. QEMU sends one
/// for each damaged rectangle, and a poll of a vGPU at 33 Hz.
const CAPACITY: usize = 1024;

/// What other threads share with the loop: how far they have come, and how to wake it.
#[derive(Debug)]
pub(super) struct Bell {
    /// The newest ticket that has been used up; tickets count from 1.
    through: AtomicU64,
    /// The console's width and height from elsewhere, 32 bits each; 0 where there is no news.
    size: AtomicU64,
    /// Whether the loop waits in the kernel, so that a write is needed to wake it.
    asleep: AtomicBool,
    wake: OwnedFd,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (through, size) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { through, size, asleep: AtomicBool::new(false), wake })
    }

    /// Leaves word of the console's size.
    pub(super) fn tell_size(&self, size: Size<Guest>) {
        self.size.store(u64::from(size.width) << 32 | u64::from(size.height), Ordering::SeqCst);
        self.ring();
    }

    fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // It can only fail when the counter is full, and then the loop wakes anyway.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}

impl Acknowledge for Bell {
    fn acknowledge(&self, through: u64) {
        self.through.fetch_max(through, Ordering::SeqCst);
        self.ring();
    }
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    serial: u32,
    since: Time,
}

/// The unanswered updates, oldest first.
#[derive(Debug)]
pub(super) struct Tickets {
    bell: Arc<Bell>,
    waiting: VecDeque<Waiting>,
    /// The ticket of the last update that was answered.
    answered: u64,
    /// How long an update may be kept: one refresh of the screen.
    patience: Duration,
    /// The newest ticket that was seen to be used up.
    used: u64,
    /// When the first update came that was answered without having been used, since one was.
    unused: Option<Time>,
}

/// An update that is to be answered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// The message that the reply refers to.
    pub(super) serial: u32,
    /// When it was received.
    pub(super) received: Time,
}

impl Tickets {
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        let waiting = VecDeque::with_capacity(CAPACITY);
        Self { bell, waiting, answered: 0, patience: USUAL_REFRESH, used: 0, unused: None }
    }

    /// The screen refreshes this often.
    pub(super) fn set_refresh(&mut self, refresh: Duration) {
        self.patience = refresh.min(LONGEST);
    }

    /// Keeps an update in mind; it is answered when the value drops.
    pub(super) fn issue(&mut self, serial: u32, now: Time) -> Ack {
        self.waiting.push_back(Waiting { serial, since: now });
        Ack::new(self.bell.clone(), self.answered + self.waiting.len() as u64)
    }

    /// The next update that has been used, or has waited long enough.
    pub(super) fn due(&mut self, now: Time) -> Option<Due> {
        let Waiting { serial, since } = *self.waiting.front()?;
        let through = self.bell.through.load(Ordering::SeqCst);
        if std::mem::replace(&mut self.used, through) < through {
            self.unused = None;
        }
        if through <= self.answered {
            if now < self.due_at(since) && self.waiting.len() < CAPACITY {
                return None;
            }
            self.unused.get_or_insert(since);
        }
        self.waiting.pop_front();
        self.answered += 1;
        Some(Due { serial, received: since })
    }

    /// When the oldest has waited long enough.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.waiting.front().map(|oldest| self.due_at(oldest.since))
    }

    /// When an update that came then has waited long enough.
    fn due_at(&self, since: Time) -> Time {
        let hidden = self.unused.is_some_and(|unused| since.since(unused) >= HIDDEN);
        if hidden { since } else { since + self.patience }
    }

    /// The console's size, once for each time that it was told.
    pub(super) fn size(&self) -> Option<Size<Guest>> {
        let packed = self.bell.size.swap(0, Ordering::SeqCst);
        let low = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
        (packed != 0).then(|| Size::new(low(packed >> 32), low(packed)))
    }

    /// Announces that the loop is about to sleep; false if there is something to do first.
    pub(super) fn fall_asleep(&self) -> bool {
        self.bell.asleep.store(true, Ordering::SeqCst);
        let used = !self.waiting.is_empty() && self.bell.through.load(Ordering::SeqCst) > self.answered;
        let idle = !used && self.bell.size.load(Ordering::SeqCst) == 0;
        if !idle {
            self.bell.asleep.store(false, Ordering::SeqCst);
        }
        idle
    }

    /// The loop is awake again. `rung` says whether the bell's descriptor was readable.
    pub(super) fn wake_up(&self, rung: bool) {
        self.bell.asleep.store(false, Ordering::SeqCst);
        if rung {
            let mut count = [0; 8];
            // Nothing to read is as good.
            let _ = rustix::io::read(&self.bell.wake, &mut count);
        }
    }

    /// Readable when somebody rang.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.wake.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1000);

    #[test]
    fn an_update_is_due_when_its_ack_drops_and_not_before() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let ack = tickets.issue(7, START);
        assert_eq!(tickets.due(START), None);
        drop(ack);
        assert_eq!(tickets.due(START), Some(Due { serial: 7, received: START }));
        assert_eq!(tickets.due(START), None);
    }

    #[test]
    fn a_later_ack_answers_the_earlier_in_order() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let joined = tickets.issue(1, START).join(tickets.issue(2, START));
        drop(joined);
        let serials: Vec<_> = std::iter::from_fn(|| tickets.due(START)).map(|due| due.serial).collect();
        assert_eq!(serials, [1, 2]);
    }

    #[test]
    fn a_presenter_that_keeps_an_update_too_long_is_overruled() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let kept = tickets.issue(1, START);
        let deadline = tickets.deadline().unwrap();
        assert_eq!(deadline, START + USUAL_REFRESH);
        assert_eq!(tickets.due(deadline).map(|due| due.serial), Some(1));
        let next = tickets.issue(2, deadline);
        drop(kept);
        assert_eq!(tickets.due(deadline), None, "an ack that comes late answers nothing twice");
        drop(next);
        assert_eq!(tickets.due(deadline).map(|due| due.serial), Some(2));
    }

    #[test]
    fn an_update_is_kept_for_one_refresh_of_the_screen_and_never_for_long() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let kept = tickets.issue(1, START);
        for (refresh, patience) in [(7, 7), (100, 100), (9000, 250)] {
            tickets.set_refresh(Duration::from_millis(refresh));
            assert_eq!(tickets.deadline(), Some(START + Duration::from_millis(patience)));
        }
        drop(kept);
    }

    #[test]
    fn who_takes_nothing_for_long_is_not_waited_for_until_something_is_taken() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let mut now = START;
        let mut kept = Vec::new();
        let mut waits = Vec::new();
        for serial in 0..30 {
            kept.push(tickets.issue(serial, now));
            let due = tickets.deadline().unwrap();
            waits.push(due.since(now));
            assert!(tickets.due(due).is_some());
            now = due + Duration::from_millis(1);
        }
        assert_eq!(waits[..5], [USUAL_REFRESH; 5], "it may only be slow");
        assert_eq!(waits[20..], [Duration::ZERO; 10], "nobody looks");
        // The window is seen again: the newest picture is taken, and with it all replies.
        kept.push(tickets.issue(30, now));
        kept.clear();
        assert!(tickets.due(now).is_some());
        let _kept = tickets.issue(31, now);
        assert_eq!(tickets.deadline(), Some(now + USUAL_REFRESH));
    }

    #[test]
    fn many_updates_of_one_picture_that_is_late_are_no_sign_of_a_hidden_window() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let kept: Vec<_> = (0..100).map(|serial| tickets.issue(serial, START)).collect();
        while tickets.due(START + USUAL_REFRESH).is_some() {}
        let later = START + USUAL_REFRESH * 2;
        let _next = tickets.issue(100, later);
        assert_eq!(tickets.deadline(), Some(later + USUAL_REFRESH));
        drop(kept);
    }

    #[test]
    fn a_flood_of_kept_updates_takes_no_more_memory() {
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        let mut kept = tickets.issue(0, START);
        let room = tickets.waiting.capacity();
        for serial in 1..100_000 {
            kept = kept.join(tickets.issue(serial, START));
            while tickets.due(START).is_some() {}
        }
        assert_eq!(tickets.waiting.capacity(), room);
        assert_eq!(tickets.waiting.len(), CAPACITY - 1);
    }

    #[test]
    fn the_bell_rings_only_for_a_loop_that_sleeps() {
        let rung = |tickets: &Tickets| {
            let mut count = [0; 8];
            rustix::io::read(&tickets.bell.wake, &mut count).is_ok()
        };
        let mut tickets = Tickets::new(Arc::new(Bell::new().unwrap()));
        drop(tickets.issue(1, START));
        assert!(!rung(&tickets));
        assert!(!tickets.fall_asleep(), "there is an update to answer first");
        assert!(tickets.due(START).is_some());
        assert!(tickets.fall_asleep());
        drop(tickets.issue(2, START));
        assert!(rung(&tickets));
    }
}
