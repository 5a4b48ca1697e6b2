//! Notices that a scanout was lost on the way, and asks for it again, seldom.
//!
//! QEMU 9.2 to 11.1 throw a queued `ScanoutDMABUF` away when a `Disable` follows in the same tick
//! (ui/dbus-listener.c, `ddl_discard_display_messages`): at a change of virtio-gpu's mode, and at
//! every page flip once a vGPU guest has used more than five buffers. Two things give it away:
//!
//! - updates follow the `Disable`, and concern a buffer that was never given to us; a guest whose
//!   picture stands still sends one, a vGPU one a poll;
//! - the console has another size than what is shown.
//!
//! Registering a listener again makes QEMU send the current one; but up to 10.2 it leaks the former
//! listener, so this is done as seldom as it helps.

use std::time::Duration;

use super::scanout::{Scanout, Wire};
use crate::clock::Time;
use crate::geometry::{Guest, Size};

/// No scanout for this long after what gave it away: it was lost.
const PATIENCE: Duration = Duration::from_millis(200);

/// A `Disable` this soon behind an announcement is of the same tick.
const TICK: Duration = Duration::from_millis(20);

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
    /// What is shown was announced once more: had QEMU gone on to another buffer in that tick, it would
    /// not have.
    Repeated(Time),
    /// A `Disable` came, and nothing since: it may mean what it says.
    Disabled(Time),
    /// Then updates came, of a scanout that did not.
    Missing(Time),
    /// The console has had this size for so long, and what is shown has not.
    Resized(Size<Guest>, Time),
    /// We asked, and no scanout came since.
    Asked,
}

/// Whether a scanout is missing.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    suspicion: Suspicion,
    /// When we asked last, and how often since all was well.
    asked: Option<(Time, u32)>,
    /// The console's size that we asked for: not again, if what came differs still.
    sized: Option<Size<Guest>>,
}

impl Recovery {
    /// A scanout arrived while another, or the same, was shown.
    pub(super) fn announced(&mut self, scanout: &Scanout, shown: &Scanout, now: Time) {
        let repeated = scanout.is_same(shown);
        self.suspicion = if repeated { Suspicion::Repeated(now) } else { Suspicion::None };
    }

    /// A `Disable` arrived.
    pub(super) fn disabled(&mut self, now: Time) {
        self.suspicion = match self.suspicion {
            Suspicion::Repeated(at) if now.since(at) < TICK => Suspicion::None,
            Suspicion::Repeated(_) | Suspicion::None => Suspicion::Disabled(now),
            other => other,
        };
    }

    /// An update of what is shown arrived.
    pub(super) fn updated(&mut self, shown: &Scanout) {
        let Suspicion::Disabled(since) = self.suspicion else { return };
        self.suspicion = if is_lossless(shown) { Suspicion::None } else { Suspicion::Missing(since) };
    }

    /// The console has this size, and this is shown, or will be.
    pub(super) fn compare(&mut self, console: Size<Guest>, shown: &Scanout, now: Time) {
        let lossy = matches!(shown, Scanout::Dmabuf(_)) && !is_lossless(shown) && !console.is_empty();
        let differs = lossy && shown.size() != console;
        if !differs {
            self.sized = None;
        }
        self.suspicion = match self.suspicion {
            Suspicion::Resized(size, since) if differs && size == console => Suspicion::Resized(size, since),
            Suspicion::Resized(..) | Suspicion::None | Suspicion::Repeated(_) | Suspicion::Disabled(_)
                if differs && self.sized != Some(console) =>
            {
                Suspicion::Resized(console, now)
            }
            Suspicion::Resized(..) => Suspicion::None,
            other => other,
        };
    }

    /// When [`Self::ask`] has to be called.
    pub(super) fn due(&self) -> Option<Time> {
        let (Suspicion::Missing(since) | Suspicion::Resized(_, since)) = self.suspicion else { return None };
        let patience = since + PATIENCE;
        Some(self.asked.map_or(patience, |(last, times)| patience.max(last + interval(times))))
    }

    /// Whether to register again at `now`, which then counts as done.
    pub(super) fn ask(&mut self, now: Time) -> bool {
        if self.due().is_none_or(|due| now < due) {
            return false;
        }
        if let Suspicion::Resized(size, _) = self.suspicion {
            self.sized = Some(size);
        }
        let before = match self.asked {
            Some((last, times)) if now.since(last) < interval(times) + CALM => times,
            _ => 0,
        };
        self.suspicion = Suspicion::Asked;
        self.asked = Some((now, before + 1));
        true
    }
}

/// `ScanoutDMABUF2` is none of the messages that are thrown away.
fn is_lossless(shown: &Scanout) -> bool {
    matches!(shown, Scanout::Dmabuf(dmabuf) if dmabuf.wire() == Wire::V2)
}

/// How long the next request waits after so many.
fn interval(requests: u32) -> Duration {
    let doublings = requests.saturating_sub(BURST).min(10);
    (INTERVAL * (1 << doublings)).min(LONGEST)
}
