//! A session under test, whose events are awaited one by one.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use oriel::session::{Console, Event, Machine, Options, Session, State};
use oriel::source::Source;
use zruntime::{SharedRuntime, block_on};

/// How long anything that is bound to happen may take on a busy computer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Watch {
    pub(crate) session: Session,
    events: Receiver<Event>,
}

impl Watch {
    pub(crate) fn start(source: Source) -> Self {
        Self::start_with(source, Options::default())
    }

    pub(crate) fn start_with(source: Source, options: Options) -> Self {
        let (session, events) = Session::start_with(source, options);
        let (pass_on, received) = mpsc::channel();
        thread::spawn(move || {
            while let Ok(event) = events.recv_blocking() {
                if pass_on.send(event).is_err() {
                    return;
                }
            }
        });
        Self { session, events: received }
    }

    /// What the first event that `wanted` takes comes to; others are passed over.
    pub(crate) fn until<T>(&self, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else { panic!("no {what}; instead: {seen:#?}") };
            seen.push(format!("{event:?}").chars().take(120).collect::<String>());
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    pub(crate) fn live(&self) -> Machine {
        self.until("connection", |event| match event {
            Event::State(State::Live(machine)) => Some(machine),
            _ => None,
        })
    }

    pub(crate) fn console(&self) -> Console {
        self.until("console", |event| match event {
            Event::ConsoleAdded(console) => Some(console),
            _ => None,
        })
    }

    /// The first state that is neither connecting nor live.
    pub(crate) fn down(&self) -> State {
        self.until("loss or end", |event| match event {
            Event::State(state @ (State::Lost { .. } | State::Ended(_))) => Some(state),
            _ => None,
        })
    }

    /// Closes the session and waits until it has ended.
    pub(crate) fn close(self) {
        self.session.close();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the session does not end"),
            }
        }
    }
}

/// What a future comes to.
pub(crate) fn in_time<T>(what: &str, wait: impl Future<Output = T>) -> T {
    block_on(async {
        let runtime = SharedRuntime::current().unwrap();
        match select(pin!(wait), runtime.sleep(PATIENCE)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => panic!("it did not come to this: {what}"),
        }
    })
}

/// Waits for what another thread brings about.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it did not come to this: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
