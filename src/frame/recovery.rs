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
//! A change of the mode begins with a black surface of the new size, which often does arrive: then it is
//! doubted, and the old picture stays until the request is answered.
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

/// So long the old picture stays for a scanout that is doubted.
const DOUBT: Duration = Duration::from_millis(500);

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

/// What a lost scanout was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Another buffer like the one before: guests flip all the time, and what is lost is soon replaced.
    Flip,
    /// Another mode: seldom, and what is shown is wrong altogether.
    Mode,
}

#[derive(Debug, Default, Clone, Copy)]
enum Suspicion {
    #[default]
    None,
    /// What is shown was announced once more: had QEMU gone on to another buffer in that tick, it would
    /// not have.
    Repeated(Time),
    /// A scanout of another size was announced, and nothing since: it may be the black one that comes first.
    Changed,
    /// A `Disable` came, and nothing since: it may mean what it says.
    Disabled(Loss, Time),
    /// Then updates came, of a scanout that did not.
    Missing(Loss, Time),
    /// The console has had this size for so long, and what is shown has not.
    Resized(Size<Guest>, Time),
    /// We asked, and nothing came since.
    Asked(Loss),
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
    /// A picture arrived that is no dma-buf: there is none to be missed.
    pub(super) fn replaced(&mut self) {
        self.suspicion = Suspicion::None;
    }

    /// A scanout arrived while another, or the same, was shown.
    pub(super) fn announced(&mut self, scanout: &Scanout, shown: &Scanout, now: Time) {
        self.suspicion = if is_lossless(scanout) {
            Suspicion::None
        } else if scanout.is_same(shown) {
            Suspicion::Repeated(now)
        } else if scanout.size() != shown.size() {
            Suspicion::Changed
        } else {
            Suspicion::None
        };
    }

    /// A `Disable` arrived.
    pub(super) fn disabled(&mut self, now: Time) {
        self.suspicion = match self.suspicion {
            Suspicion::Repeated(at) if now.since(at) < TICK => Suspicion::None,
            Suspicion::Changed => Suspicion::Disabled(Loss::Mode, now),
            // What was asked for may be lost as well.
            Suspicion::Asked(loss) => Suspicion::Disabled(loss, now),
            Suspicion::Repeated(_) | Suspicion::None => Suspicion::Disabled(Loss::Flip, now),
            other => other,
        };
    }

    /// An update of what is shown arrived.
    pub(super) fn updated(&mut self, shown: &Scanout) {
        self.suspicion = match self.suspicion {
            Suspicion::Changed => Suspicion::None,
            Suspicion::Disabled(..) if is_lossless(shown) => Suspicion::None,
            Suspicion::Disabled(loss, since) => Suspicion::Missing(loss, since),
            other => other,
        };
    }

    /// Until when the scanout that was announced last should not be shown, because a better one will
    /// soon be asked for.
    pub(super) fn doubted_until(&self) -> Option<Time> {
        let (Suspicion::Disabled(Loss::Mode, since) | Suspicion::Missing(Loss::Mode, since)) = self.suspicion
        else {
            return None;
        };
        let soon = self.asked.is_none_or(|(last, _)| last + INTERVAL <= since + PATIENCE);
        soon.then_some(since + DOUBT)
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
            known @ (Suspicion::Disabled(Loss::Mode, _) | Suspicion::Missing(Loss::Mode, _)) => known,
            _ if differs && self.sized != Some(console) => Suspicion::Resized(console, now),
            Suspicion::Resized(..) => Suspicion::None,
            other => other,
        };
    }

    /// When [`Self::ask`] has to be called.
    pub(super) fn due(&self) -> Option<Time> {
        let (since, apart) = match (self.suspicion, self.asked) {
            (Suspicion::Missing(Loss::Flip, since), Some((_, times))) => (since, interval(times)),
            // Nothing came of it: it met another that was under way, or QEMU was too busy.
            (Suspicion::Asked(_), Some((last, times))) => (last, interval(times)),
            (Suspicion::Missing(_, since) | Suspicion::Resized(_, since), _) => (since, INTERVAL),
            _ => return None,
        };
        let patience = since + PATIENCE;
        Some(self.asked.map_or(patience, |(last, _)| patience.max(last + apart)))
    }

    /// Whether to register again at `now`, which then counts as done.
    pub(super) fn ask(&mut self, now: Time) -> bool {
        if self.due().is_none_or(|due| now < due) {
            return false;
        }
        let loss = match self.suspicion {
            Suspicion::Missing(loss, _) | Suspicion::Asked(loss) => loss,
            _ => Loss::Mode,
        };
        if let Suspicion::Resized(size, _) = self.suspicion {
            self.sized = Some(size);
        }
        let before = match self.asked {
            Some((last, times)) if now.since(last) < interval(times) + CALM => times,
            _ => 0,
        };
        self.suspicion = Suspicion::Asked(loss);
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
