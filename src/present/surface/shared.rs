//! What the main thread and the presenter's share: the stage, a way to wake, and the status.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::EventfdFlags;

use super::stage::Stage;
use crate::frame::Mailbox;
use crate::present::{Facts, Status};

#[derive(Debug)]
pub(super) struct Shared {
    stage: Mutex<Stage>,
    run: Mutex<Run>,
    status: Mutex<Status>,
    facts: Mutex<Facts>,
    /// How many times more the GPU is to be lost before a frame.
    #[cfg(all(test, feature = "gl"))]
    pub(super) losses: std::sync::atomic::AtomicU32,
    wake: OwnedFd,
    /// Tells the main thread to look at the stage and the status; one word is enough.
    notice: async_channel::Sender<()>,
}

/// Whether the presenter is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    On,
    Stop,
}

impl Shared {
    pub(super) fn new(notice: async_channel::Sender<()>) -> rustix::io::Result<Self> {
        Ok(Self {
            stage: Mutex::default(),
            run: Mutex::new(Run::On),
            status: Mutex::new(Status::Idle),
            facts: Mutex::default(),
            #[cfg(all(test, feature = "gl"))]
            losses: 0.into(),
            wake: rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            notice,
        })
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        lock(&self.stage)
    }

    /// Becomes readable when there is something to do.
    pub(super) fn waker(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Wakes the presenter. Never blocks: a full counter is readable already.
    pub(super) fn wake(&self) {
        _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Makes [`Self::waker`] unreadable until the next [`Self::wake`].
    pub(super) fn clear(&self) {
        _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// Ends the presenter soon, and answers at once what waits for it.
    pub(super) fn stop(&self, frames: &Mailbox) {
        let mut run = lock(&self.run);
        if *run == Run::On {
            *run = Run::Stop;
            frames.stop_presenting();
        }
        drop(run);
        self.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        *lock(&self.run) == Run::Stop
    }

    /// Does something that must not happen after [`Self::stop`].
    pub(super) fn unless_stopped(&self, act: impl FnOnce()) {
        let run = lock(&self.run);
        if *run == Run::On {
            act();
        }
    }

    pub(super) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Whether the status is another now.
    pub(super) fn set_status(&self, status: Status) -> bool {
        let mut held = lock(&self.status);
        let changed = *held != status;
        *held = status;
        drop(held);
        if changed {
            self.notify();
        }
        changed
    }

    /// What is known of the compositor and the GPU. Locked for moments only.
    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        lock(&self.facts)
    }

    pub(super) fn notify(&self) {
        _ = self.notice.try_send(());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
