//! The thread that holds a connection: makes it, hands it to those who ask, and makes it again.
//!
//! It never speaks to libvirt itself. Connecting and each call have threads of their own; whatever
//! hangs there, this one goes on telling whoever waits that it does. libvirt's keepalive ends what
//! hangs for good.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use async_channel::Sender as Teller;
use virt::connect::Connect;
use virt::error::Error;

use super::super::{Access, Ask, Change, LibvirtError, Machine, Roster, Status};
use super::asking::{self, Asker};
use super::failure;
use super::ffi::{self, Heard, Subscription};

/// How long libvirt may take to let us in before we say that it does not.
const OPENING: Duration = Duration::from_secs(10);

/// When it is tried again after a connection was lost, and at most how long after it was tried last.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A daemon that says nothing for so many seconds, so many times, is given up: 20 s in all.
const KEEPALIVE: (i32, u32) = (5, 3);

/// So many calls may be under way at once.
const CALLS: usize = 32;

/// What the thread is told.
pub(super) enum Message {
    Call(Call),
    /// Is called at every change until it says that that is enough.
    When(Test),
    Watch(Teller<Change>),
    Opened(Attempt, Result<Open, LibvirtError>),
    Happened(Attempt, String),
    Closed(Attempt),
    Listed(Attempt, Result<Vec<Machine>, LibvirtError>),
    Described(Attempt, String, Result<Option<Machine>, LibvirtError>),
    /// Whoever shows the machines wants a connection now.
    Retry,
    /// Nobody has a handle any more.
    Leave,
}

/// Which attempt to connect it is about: what comes late from an earlier one is of no interest.
pub(super) type Attempt = u64;

type Test = Box<dyn FnMut(&Roster) -> bool + Send>;

/// Something that is asked of libvirt.
pub(super) struct Call {
    pub(super) what: &'static str,
    pub(super) patience: Duration,
    pub(super) deadline: Instant,
    pub(super) work: Box<dyn FnOnce(&Connect) + Send>,
    /// Gives whoever waits an error, or tells whether anybody waits.
    pub(super) fail: Fail,
}

type Fail = Box<dyn Fn(Option<LibvirtError>) -> bool + Send>;

/// A connection that stands. In this order: what is subscribed ends before the connection does.
pub(super) struct Open {
    subscription: Option<Subscription>,
    connect: Connect,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call(_) => "Call",
            Self::When(_) => "When",
            Self::Watch(_) => "Watch",
            Self::Opened(..) => "Opened",
            Self::Happened(..) => "Happened",
            Self::Closed(_) => "Closed",
            Self::Listed(..) => "Listed",
            Self::Described(..) => "Described",
            Self::Retry => "Retry",
            Self::Leave => "Leave",
        })
    }
}

enum Phase {
    /// Since when; whether it has been said that it takes long.
    Opening {
        since: Instant,
        told: bool,
    },
    Open(Arc<Open>, Asker),
    /// Until it is tried again by itself, if that may come to anything.
    Waiting {
        until: Option<Instant>,
        error: LibvirtError,
    },
}

struct Actor {
    uri: String,
    access: Access,
    tell: Sender<Message>,
    attempt: Attempt,
    phase: Phase,
    pause: Duration,
    roster: Roster,
    /// Calls that wait for the connection.
    queued: Vec<Call>,
    /// Calls that wait for an answer.
    running: Vec<(Instant, &'static str, Duration, Fail)>,
    count: Arc<AtomicUsize>,
    watchers: Vec<Teller<Change>>,
    tests: Vec<Test>,
}

/// Starts the thread. Where none can be had, whoever asks hears that there is no connection.
pub(super) fn start(uri: String, access: Access, tell: &Sender<Message>, inbox: Receiver<Message>) {
    let tell = tell.clone();
    let run = move || {
        let phase = Phase::Opening { since: Instant::now(), told: false };
        let mut actor = Actor {
            uri,
            access,
            tell,
            attempt: 0,
            phase,
            pause: RETRY.0,
            roster: Roster::default(),
            queued: Vec::new(),
            running: Vec::new(),
            count: Arc::default(),
            watchers: Vec::new(),
            tests: Vec::new(),
        };
        actor.open();
        actor.run(&inbox);
    };
    if let Err(error) = thread::Builder::new().name("oriel-libvirt".into()).spawn(run) {
        tracing::error!(%error, "no thread for libvirt");
    }
}

impl Actor {
    fn run(&mut self, inbox: &Receiver<Message>) {
        loop {
            let message = match self.next_deadline() {
                Some(at) => match inbox.recv_timeout(at.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => None,
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Disconnected) => break,
                },
                None => match inbox.recv() {
                    Ok(message) => Some(message),
                    Err(_) => break,
                },
            };
            match message {
                Some(Message::Leave) => break,
                Some(message) => self.take_in(message),
                None => {}
            }
            self.look_at_the_clock(Instant::now());
        }
        self.leave();
    }

    fn next_deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Opening { since, told: false } => Some(since + OPENING),
            Phase::Waiting { until, .. } => until,
            Phase::Opening { .. } | Phase::Open(..) => None,
        };
        let queued = self.queued.iter().map(|call| call.deadline);
        let running = self.running.iter().map(|(deadline, ..)| *deadline);
        queued.chain(running).chain(phase).min()
    }

    fn look_at_the_clock(&mut self, now: Instant) {
        let late = |what, after| Some(LibvirtError::Silent { what, after });
        self.queued.retain(|call| {
            if now < call.deadline {
                return true;
            }
            let _ = (call.fail)(late(call.what, call.patience));
            false
        });
        self.running.retain(|(deadline, what, after, fail)| {
            if now < *deadline {
                return fail(None);
            }
            // The answer may have come at this very moment.
            let _ = fail(late(what, *after));
            false
        });
        match &mut self.phase {
            Phase::Opening { since, told } if !*told && now >= *since + OPENING => {
                *told = true;
                let error = LibvirtError::Silent { what: "let us in", after: OPENING };
                let changes = self.roster.lost(error);
                self.changed(changes);
            }
            Phase::Waiting { until: Some(until), .. } if now >= *until => self.open(),
            _ => {}
        }
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Call(call) => self.call(call),
            Message::When(mut test) => {
                let is_enough = test(&self.roster);
                self.tests.extend((!is_enough).then_some(test));
            }
            Message::Watch(teller) => {
                let all = self.roster.machines().cloned().map(Change::Machine);
                let status = Change::Status(self.roster.status().clone());
                // Whoever asked may have gone.
                let told = all.chain([status]).all(|change| teller.try_send(change).is_ok());
                self.watchers.extend(told.then_some(teller));
            }
            Message::Opened(attempt, result) if attempt == self.attempt => self.opened(result),
            Message::Happened(attempt, uuid) if attempt == self.attempt => {
                let ask = self.roster.happened(&uuid);
                self.ask(ask);
            }
            Message::Closed(attempt) if attempt == self.attempt => {
                if matches!(self.phase, Phase::Open(..)) {
                    self.fall(LibvirtError::Disconnected);
                }
            }
            Message::Listed(attempt, Ok(machines)) if attempt == self.attempt => {
                let (changes, ask) = self.roster.listed(machines);
                self.pause = RETRY.0;
                self.changed(changes);
                self.ask(ask);
            }
            Message::Listed(attempt, Err(error)) if attempt == self.attempt => self.fall(error),
            Message::Described(attempt, uuid, result) if attempt == self.attempt => {
                let (change, ask) = match result {
                    Ok(machine) => self.roster.described(&uuid, machine),
                    Err(error) => {
                        tracing::warn!(uuid, %error, "libvirt does not describe a machine");
                        (None, self.roster.undescribed(&uuid))
                    }
                };
                self.changed(change.into_iter().collect());
                self.ask(ask);
            }
            Message::Retry => {
                if matches!(self.phase, Phase::Waiting { .. }) {
                    self.pause = RETRY.0;
                    self.open();
                    let changes = self.roster.opening();
                    self.changed(changes);
                }
            }
            // Of an attempt that was given up; a connection that it made ends here, and may take its time.
            Message::Opened(_, Ok(open)) => let_go(open),
            _ => {}
        }
    }

    /// Tries to connect, on a thread that may hang.
    fn open(&mut self) {
        self.attempt += 1;
        self.phase = Phase::Opening { since: Instant::now(), told: false };
        let (attempt, uri, access, tell) = (self.attempt, self.uri.clone(), self.access, self.tell.clone());
        let work = move || {
            let result = open(&uri, access, attempt, &tell);
            if let Err(unsent) = tell.send(Message::Opened(attempt, result)) {
                // Nobody wants it any more; this thread may wait for its end.
                drop(unsent);
            }
        };
        if let Err(error) = thread::Builder::new().name("oriel-libvirt-open".into()).spawn(work) {
            self.fall(LibvirtError::Failed(error.to_string()));
        }
    }

    fn opened(&mut self, result: Result<Open, LibvirtError>) {
        match result {
            Ok(open) => {
                tracing::info!(uri = self.uri, "connected to libvirt");
                let open = Arc::new(open);
                let asker = asking::start(self.attempt, &open, &self.tell);
                self.phase = Phase::Open(open, asker);
                let ask = self.roster.connected();
                self.ask(Some(ask));
                for call in std::mem::take(&mut self.queued) {
                    self.call(call);
                }
            }
            Err(error) => self.fall(error),
        }
    }

    /// There is no connection; it is tried again in a while.
    fn fall(&mut self, error: LibvirtError) {
        if self.roster.status() != &Status::Lost(error.clone()) {
            tracing::info!(uri = self.uri, %error, "no connection to libvirt");
        }
        // Whatever still comes from it is of no interest.
        self.attempt += 1;
        let until = error.may_pass().then(|| Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(RETRY.1);
        let phase = Phase::Waiting { until, error: error.clone() };
        if let Phase::Open(open, _) = std::mem::replace(&mut self.phase, phase) {
            let_go(open);
        }
        for call in std::mem::take(&mut self.queued) {
            let _ = (call.fail)(Some(error.clone()));
        }
        let changes = self.roster.lost(error);
        self.changed(changes);
    }

    fn ask(&mut self, ask: Option<Ask>) {
        if let (Phase::Open(_, asker), Some(ask)) = (&self.phase, ask) {
            asker.ask(ask);
        }
    }

    fn call(&mut self, call: Call) {
        match &self.phase {
            Phase::Opening { .. } => self.queued.push(call),
            Phase::Waiting { error, .. } => _ = (call.fail)(Some(error.clone())),
            Phase::Open(open, _) => {
                if self.count.fetch_add(1, Ordering::Relaxed) >= CALLS {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    let words = format!("{CALLS} calls to libvirt are under way already");
                    let _ = (call.fail)(Some(LibvirtError::Busy(words)));
                    return;
                }
                let (open, count) = (open.clone(), self.count.clone());
                let work = move || {
                    (call.work)(&open.connect);
                    // It may be the last to hold the connection, whose end may take its time.
                    drop(open);
                    count.fetch_sub(1, Ordering::Relaxed);
                };
                match thread::Builder::new().name("oriel-libvirt-call".into()).spawn(work) {
                    Ok(_) => self.running.push((call.deadline, call.what, call.patience, call.fail)),
                    Err(error) => {
                        self.count.fetch_sub(1, Ordering::Relaxed);
                        let _ = (call.fail)(Some(LibvirtError::Failed(error.to_string())));
                    }
                }
            }
        }
    }

    fn changed(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            self.watchers.retain(|watcher| watcher.try_send(change.clone()).is_ok());
        }
        let roster = &self.roster;
        self.tests.retain_mut(|test| !test(roster));
    }

    fn leave(&mut self) {
        for call in std::mem::take(&mut self.queued) {
            let _ = (call.fail)(Some(LibvirtError::Disconnected));
        }
        let gone = Phase::Waiting { until: None, error: LibvirtError::Disconnected };
        if let Phase::Open(open, _) = std::mem::replace(&mut self.phase, gone) {
            let_go(open);
        }
    }
}

/// Connects, and asks to be told of what happens.
fn open(uri: &str, access: Access, attempt: Attempt, tell: &Sender<Message>) -> Result<Open, LibvirtError> {
    ffi::run_events().map_err(LibvirtError::Failed)?;
    let refused = |error: Error| failure::of_opening(&error, uri);
    let connect = match access {
        Access::Full => Connect::open(Some(uri)),
        Access::ReadOnly => Connect::open_read_only(Some(uri)),
    };
    let connect = connect.map_err(refused)?;
    if let Err(error) = connect.set_keep_alive(KEEPALIVE.0, KEEPALIVE.1) {
        // A driver in this very process has nothing to keep alive.
        tracing::debug!(uri, %error, "no keepalive");
    }
    let tell = tell.clone();
    let heard = move |heard| {
        // Nobody may listen any more.
        let _ = tell.send(match heard {
            Heard::Happened(uuid) => Message::Happened(attempt, uuid),
            Heard::Closed => Message::Closed(attempt),
        });
    };
    let subscription = Subscription::new(&connect, heard).map_err(refused)?;
    Ok(Open { subscription: Some(subscription), connect })
}

impl Open {
    pub(super) fn connect(&self) -> &Connect {
        &self.connect
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.subscription.take();
    }
}

/// Ends a connection, or our part in it, on a thread that may wait for libvirt to hear of it.
fn let_go(open: impl Send + 'static) {
    if let Err(error) = thread::Builder::new().name("oriel-libvirt-end".into()).spawn(move || drop(open)) {
        tracing::debug!(%error, "a connection to libvirt ends here and now");
    }
}
