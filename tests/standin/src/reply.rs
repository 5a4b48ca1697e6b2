//! What becomes of a message after it was queued: when it left, what came back, and when.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::clock;
use crate::wire::Incoming;

/// How a call ended.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The viewer returned, with these arguments.
    Returned(Arc<Incoming>),
    /// The viewer answered with an error.
    Failed { name: String, text: String },
    /// The connection closed first.
    Closed,
    /// Nothing came in time.
    TimedOut,
}

impl Reply {
    #[must_use]
    pub fn is_returned(&self) -> bool {
        matches!(self, Self::Returned(_))
    }

    /// The error's name, where it is one.
    #[must_use]
    pub fn error_name(&self) -> Option<&str> {
        match self {
            Self::Failed { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// When things happened to a message, on `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub queued: Duration,
    /// All of its bytes were in the socket.
    pub sent: Option<Duration>,
    /// Its reply was read.
    pub answered: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    times: Times,
    discarded: bool,
    reply: Option<Reply>,
}

/// A message's fate, shared between its sender and the connection's threads.
#[derive(Debug)]
pub(crate) struct Fate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Fate {
    pub(crate) fn new() -> Arc<Self> {
        let times = Times { queued: clock::now(), ..Times::default() };
        Arc::new(Self { state: Mutex::new(State { times, ..State::default() }), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds a message's state")
    }

    pub(crate) fn sent(&self) {
        self.lock().times.sent = Some(clock::now());
        self.changed.notify_all();
    }

    pub(crate) fn discarded(&self) {
        self.lock().discarded = true;
        self.changed.notify_all();
    }

    pub(crate) fn settle(&self, reply: Reply) {
        let mut state = self.lock();
        if reply.is_returned() || reply.error_name().is_some() {
            state.times.answered = Some(clock::now());
        }
        state.reply.get_or_insert(reply);
        self.changed.notify_all();
    }
}

/// A message on its way; dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Sent {
    pub(crate) serial: u32,
    pub(crate) fate: Arc<Fate>,
}

impl Sent {
    /// The message's serial number.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    #[must_use]
    pub fn times(&self) -> Times {
        self.fate.lock().times
    }

    /// Whether a later scanout or `Disable` threw the message away before it left.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.fate.lock().discarded
    }

    /// Waits until the message has left, was discarded, or the connection is gone; false after `timeout`.
    #[must_use]
    pub fn wait_sent(&self, timeout: Duration) -> bool {
        let until =
            |state: &mut State| state.times.sent.is_none() && !state.discarded && state.reply.is_none();
        let waited = self.fate.changed.wait_timeout_while(self.fate.lock(), timeout, until);
        !waited.expect("no code panics while it holds a message's state").1.timed_out()
    }
}

/// A call that the viewer should answer.
#[derive(Clone, Debug)]
pub struct PendingReply(pub(crate) Sent);

impl PendingReply {
    /// Waits for the answer. QEMU itself gives up after 1000 ms.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Reply {
        let deadline = Instant::now() + timeout;
        let mut state = self.0.fate.lock();
        loop {
            if let Some(reply) = &state.reply {
                return reply.clone();
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Reply::TimedOut;
            };
            let waited = self.0.fate.changed.wait_timeout(state, left);
            state = waited.expect("no code panics while it holds a message's state").0;
        }
    }

    /// The answer, where it is here already.
    #[must_use]
    pub fn poll(&self) -> Option<Reply> {
        self.0.fate.lock().reply.clone()
    }

    /// From the last byte sent to the answer read; `None` while there is no answer.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        let times = self.0.times();
        // The answer may be read before the writing thread has noted that the call left.
        let sent = times.sent.unwrap_or(times.queued);
        times.answered.map(|answered| answered.saturating_sub(sent))
    }

    /// The message itself.
    #[must_use]
    pub fn sent(&self) -> &Sent {
        &self.0
    }
}
