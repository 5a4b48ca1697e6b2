//! Notices that a scanout was lost on the way, and asks for it again, seldom.
//!
//! QEMU 9.2 to 11.1 throw a queued `ScanoutDMABUF` away when a `Disable` follows in the same tick
//! (ui/dbus-listener.c, `ddl_discard_display_messages`), which happens at every page flip once a
//! vGPU guest has used more than five buffers. The updates that follow then concern a buffer that
//! was never given to us. Registering a listener again makes QEMU send the current one; but up to
//! 10.2 it leaks the former listener, so this is done as seldom as it helps.

use std::time::Duration;

use super::scanout::{Dmabuf, Wire};
use crate::clock::Time;

/// Updates for this long after a `Disable`, and no scanout: it was lost.
const PATIENCE: Duration = Duration::from_millis(200);

/// The shortest time between two requests.
const INTERVAL: Duration = Duration::from_secs(5);

/// The longest time between two requests.
const LONGEST: Duration = Duration::from_secs(320);

/// So many requests are made at the shortest interval, which then doubles: a guest changes its mode a few
/// times when it starts, but one that flips among many buffers loses every one of them, and each request
/// would leave one more listener that QEMU works for.
const BURST: u32 = 3;

/// Without a request for so long, all is well again.
const CALM: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Clone, Copy)]
enum Suspicion {
    #[default]
    None,
    /// A `Disable` came, and no scanout since.
    Disabled(Time),
    /// We asked, and no scanout came since.
    Asked,
}

/// Whether a scanout is missing.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    suspicion: Suspicion,
    /// When we asked last, and how often since all was well.
    asked: Option<(Time, u32)>,
}

impl Recovery {
    /// A scanout arrived.
    pub(super) fn announced(&mut self) {
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
        if now.since(since) < PATIENCE {
            return false;
        }
        let before = match self.asked {
            Some((last, times)) if now.since(last) < interval(times) => return false,
            Some((last, times)) if now.since(last) < interval(times) + CALM => times,
            _ => 0,
        };
        self.suspicion = Suspicion::Asked;
        self.asked = Some((now, before + 1));
        true
    }
}

/// How long the next request waits after so many.
fn interval(requests: u32) -> Duration {
    let doublings = requests.saturating_sub(BURST).min(10);
    (INTERVAL * (1 << doublings)).min(LONGEST)
}
