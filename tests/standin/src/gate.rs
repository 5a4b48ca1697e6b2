//! Where the stand-in's threads wait while it plays a QEMU that hangs.

use std::sync::{Condvar, Mutex, MutexGuard};

/// How much of QEMU has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hang {
    /// The main loop: calls stay unanswered, while GDBus's own thread still reads the sockets.
    MainLoop,
    /// The whole process, as by `SIGSTOP`: nothing is read or written either.
    Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Hung(Hang),
    Ended,
}

/// The state that every thread checks before it does anything.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// Says that the stand-in has been dropped.
#[derive(Debug)]
pub(crate) struct Ended;

impl Gate {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Running), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the gate's lock is never held across a panic")
    }

    fn set(&self, state: State) {
        let mut now = self.lock();
        if *now != State::Ended {
            *now = state;
        }
        self.changed.notify_all();
    }

    pub(crate) fn hang(&self, hang: Hang) {
        self.set(State::Hung(hang));
    }

    pub(crate) fn resume(&self) {
        self.set(State::Running);
    }

    pub(crate) fn end(&self) {
        self.set(State::Ended);
    }

    /// Waits until the main loop may run.
    pub(crate) fn pass_main_loop(&self) -> Result<(), Ended> {
        self.pass(|state| matches!(state, State::Hung(_)))
    }

    /// Waits until sockets may be read and written.
    pub(crate) fn pass_socket(&self) -> Result<(), Ended> {
        self.pass(|state| state == State::Hung(Hang::Process))
    }

    fn pass(&self, blocked: impl Fn(State) -> bool) -> Result<(), Ended> {
        let state = self
            .changed
            .wait_while(self.lock(), |state| blocked(*state))
            .expect("the gate's lock is never held across a panic");
        if *state == State::Ended { Err(Ended) } else { Ok(()) }
    }
}
