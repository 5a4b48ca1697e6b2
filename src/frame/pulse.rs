//! What a guest's pictures did lately, in numbers that any thread may look at without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::scanout::Scanout;
use crate::clock::Time;

/// One console's numbers.
#[derive(Debug, Default)]
pub(super) struct Counters {
    frames: AtomicU64,
    flips: AtomicU64,
    /// Nanoseconds; 0 before the first.
    flipped: AtomicU64,
    /// [`Pulse::buffers`]; 0 for none.
    buffers: AtomicU64,
    /// Nanoseconds; 0 before the first time.
    touched: AtomicU64,
}

/// How a console's picture has moved so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Times that the picture changed, or was said to.
    pub frames: u64,
    /// Times that one buffer gave way to another of the same shape: what a guest does that draws
    /// into one while the other is shown.
    pub flips: u64,
    /// When the last of those was.
    pub flipped: Option<Time>,
    /// What the buffers have in common that are shown in turn: size, format and layout, as a number
    /// that only compares; `None` while no dma-buf is shown.
    pub buffers: Option<u64>,
    /// When the person last did something to the guest.
    pub touched: Option<Time>,
}

impl Counters {
    /// The picture changed.
    pub(super) fn frame(&self) {
        self.frames.fetch_add(1, Relaxed);
    }

    /// Something else is shown than before.
    pub(super) fn shown(&self, before: &Scanout, now: &Scanout, at: Time) {
        let buffers = likeness(now);
        if buffers.is_some() && now.is_like(before) && !before.is_same(now) {
            self.flips.fetch_add(1, Relaxed);
            self.flipped.store(at.as_nanos(), Relaxed);
        }
        self.buffers.store(buffers.unwrap_or(0), Relaxed);
    }

    /// The person did something.
    pub(super) fn touched(&self, now: Time) {
        self.touched.store(now.as_nanos(), Relaxed);
    }

    pub(super) fn read(&self) -> Pulse {
        let (flipped, buffers) = (self.flipped.load(Relaxed), self.buffers.load(Relaxed));
        let touched = self.touched.load(Relaxed);
        Pulse {
            frames: self.frames.load(Relaxed),
            flips: self.flips.load(Relaxed),
            flipped: (flipped != 0).then(|| Time::from_nanos(flipped)),
            buffers: (buffers != 0).then_some(buffers),
            touched: (touched != 0).then(|| Time::from_nanos(touched)),
        }
    }
}

/// The same for all buffers between which a guest flips.
fn likeness(scanout: &Scanout) -> Option<u64> {
    let Scanout::Dmabuf(dmabuf) = scanout else { return None };
    Some(dmabuf.id().layout.max(1))
}
