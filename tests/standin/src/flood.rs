//! More messages than a viewer can wish for, and what that does to the queue.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock;
use crate::conn::QueueStats;
use crate::listener::Listener;

/// When a flood ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many messages.
    Count(u64),
    /// So much time.
    For(Duration),
}

/// How a listener is flooded.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Messages a second; as many as possible without.
    pub per_second: Option<u32>,
    pub until: Until,
    /// How many messages may wait for the viewer before the flood waits too. QEMU has no such bound;
    /// here it keeps a viewer that does not read from costing the test its memory.
    pub max_queued: usize,
}

impl Flood {
    /// So many messages, as fast as the viewer reads them.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self { per_second: None, until: Until::Count(count), max_queued: 10_000 }
    }
}

/// What became of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flooded {
    pub messages: u64,
    /// From the first message queued to the last one.
    #[serde(rename = "took_ms", with = "clock::millis")]
    pub took: Duration,
    /// For how long `max_queued` messages waited for the viewer.
    #[serde(rename = "held_up_ms", with = "clock::millis")]
    pub held_up: Duration,
    /// The queue at the end; `blocked` says for how long the socket itself was full.
    pub queue: QueueStats,
}

/// Sends message after message; `send` sends the one of the number given. Ends early when the viewer goes.
pub fn flood(listener: &Listener, flood: Flood, mut send: impl FnMut(&Listener, u64)) -> Flooded {
    let start = Instant::now();
    let mut held_up = Duration::ZERO;
    let mut messages = 0;
    let over = |messages| match flood.until {
        Until::Count(count) => messages >= count,
        Until::For(time) => start.elapsed() >= time,
    };
    while !over(messages) && !listener.is_closed() {
        send(listener, messages);
        messages += 1;
        if let Some(rate) = flood.per_second {
            let due = Duration::from_secs(1).mul_f64(messages as f64 / f64::from(rate));
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
        held_up += listener.wait_until_queued_below(flood.max_queued);
    }
    Flooded { messages, took: start.elapsed(), held_up, queue: listener.queue() }
}
