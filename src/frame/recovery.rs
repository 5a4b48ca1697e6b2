//! Notices that a scanout was lost on the way, and asks for it again, seldom.
//!
//! QEMU 9.2 to 11.1 throw a queued `ScanoutDMABUF` away when a `Disable` follows in the same tick
//! (ui/dbus-listener.c, `ddl_discard_display_messages`), which happens at every page flip once a
//! vGPU guest has used more than five buffers. The updates that follow then concern a buffer that
//! was never given to us. Registering a listener again makes QEMU send the current one; but up to
//! 10.2 it leaks the former listener, so this is done as seldom as it helps.

use std::time::Duration;

use super::scanout::{BufferId, Dmabuf, Wire};
use crate::clock::Time;

/// Updates for this long after a `Disable`, and no scanout: it was lost.
const PATIENCE: Duration = Duration::from_millis(200);

/// The shortest time between two requests.
const INTERVAL: Duration = Duration::from_secs(5);

/// The longest time between two requests, reached by doubling while they bring nothing new.
const LONGEST: Duration = Duration::from_secs(320);

#[derive(Debug, Clone, Copy)]
enum Suspicion {
    None,
    /// A `Disable` came, and no scanout since.
    Disabled(Time),
    /// We asked; the buffer that we had then.
    Asked(Option<BufferId>),
}

/// Whether a scanout is missing.
#[derive(Debug)]
pub(super) struct Recovery {
    suspicion: Suspicion,
    not_before: Option<Time>,
    interval: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { suspicion: Suspicion::None, not_before: None, interval: INTERVAL }
    }
}

impl Recovery {
    /// A scanout arrived.
    pub(super) fn announced(&mut self, dmabuf: &Dmabuf, now: Time) {
        if let Suspicion::Asked(had) = self.suspicion {
            let was_lost = had != Some(dmabuf.id());
            self.interval = if was_lost { INTERVAL } else { (self.interval * 2).min(LONGEST) };
            self.not_before = Some(now + self.interval);
        }
        self.suspicion = Suspicion::None;
    }

    /// A `Disable` arrived.
    pub(super) fn disabled(&mut self, now: Time) {
        if matches!(self.suspicion, Suspicion::None) {
            self.suspicion = Suspicion::Disabled(now);
        }
    }

    /// An update arrived; whether to register again.
    pub(super) fn updated(&mut self, shown: Option<&Dmabuf>, now: Time) -> bool {
        let Suspicion::Disabled(since) = self.suspicion else { return false };
        if shown.is_some_and(|dmabuf| dmabuf.wire() == Wire::V2) {
            self.suspicion = Suspicion::None;
            return false;
        }
        if now.since(since) < PATIENCE || self.not_before.is_some_and(|then| now < then) {
            return false;
        }
        self.suspicion = Suspicion::Asked(shown.map(Dmabuf::id));
        self.not_before = Some(now + self.interval);
        true
    }
}
