//! The loop that does what the state says: reach the machine, serve it, wait for it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use futures_util::future::{self, Either};
use futures_util::{FutureExt, select_biased};
use zruntime::SharedRuntime;

use super::queue::Queue;
use super::serve::{self, Known};
use super::state::{Input, Lifecycle, Task};
use super::{Boosting, Choice, ConsoleId, Event, Machine, Options, Request, State};
use crate::clock::{self, Time};
use crate::display1;
use crate::resolution::Answer;
use crate::source::{ConnectError, Ending, Link, PowerError, Source, Stage};

/// What outlasts a connection.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) requests: Receiver<Request>,
    pub(super) input: Arc<Queue>,
    pub(super) events: Sender<Event>,
    /// The consoles that have been told of.
    pub(super) consoles: BTreeMap<ConsoleId, Known>,
    /// Those of several that the guest uses, as was told.
    pub(super) used: BTreeSet<ConsoleId>,
    /// What the person wants, connected or not.
    pub(super) boost: Cell<Boosting>,
    pub(super) choice: Cell<Choice>,
    pub(super) has_clipboard: Cell<bool>,
}

impl Shared {
    /// Tells the rest of the program, which may take its time.
    pub(super) async fn tell(&self, event: Event) {
        // Nobody may listen any more.
        let _ = self.events.send(event).await;
    }

    /// The next request; that nobody is left to ask for anything asks for the end.
    pub(super) async fn request(&self) -> Request {
        let request = self.requests.recv().await.unwrap_or(Request::Close);
        self.note(&request);
        request
    }

    /// Keeps in mind what goes on to hold.
    pub(super) fn note(&self, request: &Request) {
        match *request {
            Request::Boost(boost) => self.boost.set(boost),
            Request::Choose(choice) => self.choice.set(choice),
            Request::OpenClipboard => self.has_clipboard.set(true),
            _ => {}
        }
    }
}

/// Lives a session.
pub(super) async fn run(
    mut source: Source,
    options: Options,
    requests: Receiver<Request>,
    input: Arc<Queue>,
    events: Sender<Event>,
) {
    let Options { boost } = options;
    let (boost, choice) = (Cell::new(boost), Cell::default());
    let (consoles, used, has_clipboard) = (BTreeMap::new(), BTreeSet::new(), Cell::new(false));
    let mut shared = Shared { requests, input, events, consoles, used, boost, choice, has_clipboard };
    let mut lifecycle = Lifecycle::new(source.can_return());
    let mut reached: Option<Reached> = None;
    while let Some(state) = lifecycle.state(clock::now()) {
        tracing::debug!(?state, "session");
        shared.tell(Event::State(state)).await;
        let happened = match (lifecycle.task(), &mut reached) {
            (Task::Serve, Some(Reached { link, machine })) => {
                source.pin(machine);
                serve::serve(link, machine, &mut shared).await
            }
            (Task::Connect | Task::Serve, _) => connect(&source, &mut reached, &shared).await,
            (Task::Wait { until, watch }, held) => {
                wait(&source, held.as_ref().map(|reached| &reached.link), &shared, until, watch).await
            }
            (Task::Stop, _) => break,
        };
        let exited = matches!(happened, Input::Ended(Ending::Exited(_)));
        lifecycle.handle(happened, clock::now());
        // A machine of our own lives on without its display, and must not be forgotten.
        let kept = matches!(lifecycle.task(), Task::Serve | Task::Stop);
        reached = reached.filter(|reached| !exited && (kept || reached.link.is_ours()));
    }
    if let Some(Reached { link, .. }) = reached {
        link.close().await;
    }
    source.settled().await;
}

/// A machine that answers.
#[derive(Debug)]
struct Reached {
    link: Link,
    machine: display1::Machine,
}

/// Reaches the machine, unless the session is to end meanwhile.
async fn connect(source: &Source, reached: &mut Option<Reached>, shared: &Shared) -> Input {
    let stage = |stage| {
        // Where it has no room, it is not worth waiting for.
        let _ = shared.events.try_send(Event::State(State::Connecting(stage)));
    };
    let held = reached.as_mut();
    let reach = async {
        if let Some(Reached { link, machine }) = held {
            link.reopen().await?;
            *machine = link.peer.machine().await?;
            return Ok((machine.clone(), None));
        }
        let link = source.connect(stage).await?;
        stage(Stage::Asking);
        match link.peer.machine().await {
            Ok(machine) => Ok((machine.clone(), Some(Reached { link, machine }))),
            Err(error) => {
                link.close().await;
                Err(ConnectError::Call(error))
            }
        }
    };
    let closed = async {
        loop {
            match shared.request().await {
                Request::Close => return,
                Request::Power(power) => {
                    shared.tell(Event::PowerFailed(power, PowerError::NoMonitor)).await;
                }
                Request::Ask(id, wish) => shared.tell(Event::Asked(id, wish, Answer::Failed)).await,
                Request::Reconnect
                | Request::Boost(_)
                | Request::Choose(_)
                | Request::OpenClipboard
                | Request::Clipboard(_) => {}
            }
        }
    };
    let result = match future::select(pin!(reach), pin!(closed)).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => return Input::Close,
    };
    match result {
        Ok((display1::Machine { name, uuid, .. }, found)) => {
            *reached = found.or(reached.take());
            let monitor = reached.as_ref().and_then(|reached| reached.link.monitor());
            let qemu = monitor.and_then(|monitor| monitor.version().map(str::to_owned));
            Input::Connected(Machine { name, uuid, qemu })
        }
        Err(error) => Input::Unreachable(error),
    }
}

/// Waits for the time, the machine, or the person.
async fn wait(
    source: &Source,
    held: Option<&Link>,
    shared: &Shared,
    until: Option<Time>,
    watch: bool,
) -> Input {
    let Ok(runtime) = SharedRuntime::current() else { return Input::Close };
    let due = async {
        match until {
            Some(at) => runtime.sleep(at.since(clock::now())).await,
            None => future::pending().await,
        }
    };
    let returned = async { if watch { source.returned().await } else { future::pending().await } };
    let ended = async {
        match held {
            Some(link) => link.exited().await,
            None => future::pending().await,
        }
    };
    let (mut due, mut returned, mut ended) = (pin!(due.fuse()), pin!(returned.fuse()), pin!(ended.fuse()));
    loop {
        let request = select_biased! {
            request = pin!(shared.request().fuse()) => request,
            () = due => return Input::Due,
            ending = ended => return Input::Ended(ending),
            result = returned => return match result {
                Ok(()) => Input::Returned,
                Err(error) => Input::Unreachable(error),
            },
        };
        match (request, held) {
            (Request::Close, _) => return Input::Close,
            (Request::Reconnect, _) => return Input::Reconnect,
            (Request::Power(power), link) => {
                let worked = match link {
                    Some(link) => link.power(power).await,
                    None => Err(PowerError::NoMonitor),
                };
                if let Err(error) = worked {
                    shared.tell(Event::PowerFailed(power, error)).await;
                }
            }
            (Request::Ask(id, wish), _) => shared.tell(Event::Asked(id, wish, Answer::Failed)).await,
            (Request::Boost(_) | Request::Choose(_) | Request::OpenClipboard | Request::Clipboard(_), _) => {}
        }
    }
}
