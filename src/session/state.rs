//! Where a session stands and what it does next: what happened goes in, what to do comes out.
//!
//! QEMU 9.0 to 10.2 never forget a listener whose viewer went away, and work on for each
//! (reference: ui/dbus-listener.c; mended in 11.0). So connections that break again and again are
//! not made again and again, whatever the reason.

use std::sync::Arc;
use std::time::Duration;

use super::{End, Loss, Machine};
use crate::clock::Time;
use crate::source::{Chance, ConnectError, Ending, Stage};

/// The longest time between two attempts, reached by doubling from a second.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A machine that is gone for so long has ended.
const FAREWELL: Duration = Duration::from_secs(10);

/// A connection that stood for so long was none that breaks at once.
const LASTING: Duration = Duration::from_secs(10);

/// After so many connections in a row that did not last, only the person connects again.
const SHORT_LIVES: u32 = 5;

/// Where a session stands.
#[derive(Debug, Clone)]
pub enum State {
    /// The machine is being reached.
    Connecting(Stage),
    /// The machine is connected.
    Live(Machine),
    /// There is no connection. Without `retry`, the next attempt is made when the machine comes
    /// back, or when the person asks for it.
    Lost { reason: Loss, retry: Option<Duration> },
    /// The machine has ended. If it comes back, so does the session.
    Ended(End),
}

/// What happened.
#[derive(Debug)]
pub(super) enum Input {
    /// The machine has been reached.
    Connected(Machine),
    /// The machine could not be reached.
    Unreachable(ConnectError),
    /// The connection ended.
    Ended(Ending),
    /// The connection stands, but shows nothing and will not.
    Broken(String),
    /// The time has come that [`Task::Wait`] named.
    Due,
    /// The machine seems to be there again.
    Returned,
    /// The person asks for another attempt.
    Reconnect,
    /// The session is to end.
    Close,
}

/// What is to be done until something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Reach the machine.
    Connect,
    /// Carry on with the connection.
    Serve,
    /// Wait: until this time, where there is one, and for the machine's return, if `watch`.
    Wait { until: Option<Time>, watch: bool },
    /// End.
    Stop,
}

#[derive(Debug)]
enum Phase {
    Connecting,
    Live { machine: Machine, since: Time },
    Lost { reason: Loss, next: Next },
    Ended { end: End, watch: bool },
    Closed,
}

/// What comes after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another attempt.
    Retry(Time),
    /// The machine's return.
    Return,
    /// The machine's return, or else its end.
    ReturnBefore(Time),
    /// What the person decides.
    Nothing,
}

/// The life of a session.
#[derive(Debug)]
pub(super) struct Lifecycle {
    phase: Phase,
    /// Whether the machine's return can be noticed, and trying again costs nothing: not where a
    /// descriptor is used up, or a machine would be started again.
    can_return: bool,
    /// Attempts that failed, since a connection lasted.
    failures: u32,
    /// Connections that did not last, since one did.
    short_lives: u32,
}

impl Lifecycle {
    /// At the beginning: to be connected.
    pub(super) fn new(can_return: bool) -> Self {
        Self { phase: Phase::Connecting, can_return, failures: 0, short_lives: 0 }
    }

    /// Where it stands.
    pub(super) fn state(&self, now: Time) -> Option<State> {
        Some(match &self.phase {
            Phase::Connecting => State::Connecting(Stage::Reaching),
            Phase::Live { machine, .. } => State::Live(machine.clone()),
            Phase::Lost { reason, next } => {
                let retry = match next {
                    Next::Retry(at) => Some(at.since(now)),
                    _ => None,
                };
                State::Lost { reason: reason.clone(), retry }
            }
            Phase::Ended { end, .. } => State::Ended(end.clone()),
            Phase::Closed => return None,
        })
    }

    /// What is to be done.
    pub(super) fn task(&self) -> Task {
        match self.phase {
            Phase::Connecting => Task::Connect,
            Phase::Live { .. } => Task::Serve,
            Phase::Lost { next, .. } => match next {
                Next::Retry(at) => Task::Wait { until: Some(at), watch: false },
                Next::Return => Task::Wait { until: None, watch: true },
                Next::ReturnBefore(end) => Task::Wait { until: Some(end), watch: true },
                Next::Nothing => Task::Wait { until: None, watch: false },
            },
            Phase::Ended { watch, .. } => Task::Wait { until: None, watch },
            Phase::Closed => Task::Stop,
        }
    }

    /// Takes in what happened at `now`.
    pub(super) fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Close => self.phase = Phase::Closed,
            Input::Connected(machine) => self.phase = Phase::Live { machine, since: now },
            Input::Unreachable(error) => self.unreachable(error, now),
            Input::Ended(ending) => self.ended(ending, now),
            Input::Broken(words) => self.lose(Loss::Display(words), Next::Nothing),
            Input::Due => self.due(),
            Input::Returned => self.phase = Phase::Connecting,
            Input::Reconnect => {
                (self.failures, self.short_lives) = (0, 0);
                self.phase = Phase::Connecting;
            }
        }
    }

    fn unreachable(&mut self, error: ConnectError, now: Time) {
        self.failures += 1;
        let next = match error.chance() {
            _ if !self.can_return => Next::Nothing,
            Chance::Later => Next::Retry(now + self.wait()),
            Chance::OnReturn => Next::Return,
            Chance::No => Next::Nothing,
        };
        if let ConnectError::Launch(crate::source::LaunchError::Exited(exited)) = error {
            self.phase = Phase::Ended { end: End::Exited(exited), watch: false };
            return;
        }
        self.lose(Loss::Unreachable(Arc::new(error)), next);
    }

    fn ended(&mut self, ending: Ending, now: Time) {
        let lasted = matches!(self.phase, Phase::Live { since, .. } if now.since(since) >= LASTING);
        (self.failures, self.short_lives) =
            if lasted { (0, 0) } else { (self.failures, self.short_lives + 1) };
        let worn_out = self.short_lives >= SHORT_LIVES;
        let watch = self.can_return && !worn_out;
        match ending {
            Ending::Shutdown(shutdown) => self.phase = Phase::Ended { end: End::Shutdown(shutdown), watch },
            Ending::Exited(exited) => self.phase = Phase::Ended { end: End::Exited(exited), watch: false },
            Ending::Gone if watch => self.lose(Loss::Gone, Next::ReturnBefore(now + FAREWELL)),
            Ending::Gone => self.lose(Loss::Gone, Next::Nothing),
            Ending::Closed if watch => self.lose(Loss::Closed, Next::Retry(now + self.wait())),
            Ending::Closed => self.lose(Loss::Closed, Next::Nothing),
            // Two viewers that take it from each other help nobody.
            Ending::TakenOver => self.lose(Loss::TakenOver, Next::Nothing),
        }
    }

    fn due(&mut self) {
        match self.phase {
            Phase::Lost { next: Next::ReturnBefore(_), .. } => {
                self.phase = Phase::Ended { end: End::Gone, watch: self.can_return };
            }
            Phase::Lost { .. } => self.phase = Phase::Connecting,
            _ => {}
        }
    }

    fn lose(&mut self, reason: Loss, next: Next) {
        self.phase = Phase::Lost { reason, next };
    }

    /// How long to wait before the next attempt: 1, 2, 4, 8, 15, 15, ... seconds.
    fn wait(&self) -> Duration {
        let doublings = (self.failures + self.short_lives).saturating_sub(1).min(10);
        Duration::from_secs(1 << doublings).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests;
