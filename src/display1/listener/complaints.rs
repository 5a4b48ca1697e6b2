//! Warnings about a peer's mistakes, few enough to be read: a guest may cause thousands a second.

use std::fmt;
use std::time::Duration;

use crate::clock::Time;

/// How many are written in one [`SPAN`].
const BURST: u32 = 4;

/// How long until others may be written.
const SPAN: Duration = Duration::from_secs(5);

/// What has been written lately.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    since: Time,
    count: u32,
}

impl Complaints {
    /// Warns, unless there have been enough warnings of late.
    pub(super) fn warn(&mut self, listener: u32, member: &str, problem: &dyn fmt::Display, now: Time) {
        if self.count > 0 && now.since(self.since) >= SPAN {
            let hidden = self.count.saturating_sub(BURST);
            if hidden > 0 {
                tracing::warn!(console = listener, hidden, "more messages could not be used");
            }
            self.count = 0;
        }
        if self.count == 0 {
            self.since = now;
        }
        self.count = self.count.saturating_add(1);
        if self.count <= BURST {
            tracing::warn!(console = listener, member, %problem, "a message that cannot be used");
        }
    }
}
