//! What goes on while the machine is connected: consoles come and go, frames flow, keys are sent.
//!
//! Nothing here waits for QEMU while something else could be done: every call is a job beside the
//! others, so that a QEMU that hangs holds up neither the end of the session nor other consoles.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream, StreamExt, future, select_biased};

use super::actor::Shared;
use super::boost::Policy;
use super::boost::drive::{self, Monitor};
use super::queue::{Item, Queue};
use super::served::Served;
use super::sizing::Sizing;
use super::state::Input;
use super::watch::{LOOK, Watching};
use super::{
    Boosting, Choice, Console, ConsoleId, ConsoleKind, Event, Hardware, Request, hardware, paste, pulse,
};
use crate::clipboard;
use crate::clock;
use crate::display1::{self, CallError, Change, Description, Frames, Listener, Peer, RegisterError, Report};
use crate::frame::{self, Mailbox};
use crate::geometry::Size;
use crate::resolution::Wish;
use crate::source::{Ending, Link, Power, PowerError, sleep, within};
use crate::stats::Stats;

/// How long the last keys may take on their way to QEMU.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long after a listener's connection the machine's may end: then that is the reason.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many consoles may a machine have: twice what QEMU makes of its largest virtio-gpu.
const MAX_CONSOLES: usize = 32;

/// A console that has been told of.
#[derive(Debug)]
pub(super) struct Known {
    console: Console,
}

/// Something that was being waited for.
pub(super) enum Done {
    Described(ConsoleId, Result<(Description, Hardware), CallError>),
    Registered(ConsoleId, Result<Listener, RegisterError>),
    /// It is time to register a listener again.
    Again(ConsoleId),
    Sized(ConsoleId, Wish, Result<(), CallError>),
    /// The guest has had its time for the last wish.
    Rested,
    Powered(Power, Result<(), PowerError>),
    /// It is time to look which console shows what.
    Look,
    /// A console is not boosted any more.
    Boosted,
    /// Nobody attends to the clipboard any more.
    Attended,
    /// Nobody asks any more whether QEMU answers.
    Felt,
}

type Jobs<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + 'a>>>;

/// What a listener said, and which one of its console.
type Said = (ConsoleId, u32, Report);

/// Whose pictures answer what the person does.
type Touched = Rc<RefCell<HashMap<ConsoleId, Arc<Mailbox>>>>;

/// What happens next.
enum Next {
    Request(Request),
    Ended(Ending),
    Said(Said),
    Done(Done),
    Change(Change),
}

/// Serves a machine until its connection ends or the session does.
pub(super) async fn serve(link: &Link, machine: &display1::Machine, shared: &mut Shared) -> Input {
    let changes = match display1::changes(&link.peer).await {
        Ok(changes) => changes,
        Err(error) => {
            tracing::warn!(%error, "the bus does not tell of changes");
            return Input::Ended(Ending::Closed);
        }
    };
    let input = shared.input.clone();
    input.open();
    let (reports, said) = async_channel::unbounded();
    let watching = Watching::new(shared.choice.get());
    let (consoles, jobs) = (BTreeMap::new(), Jobs::new());
    let (touched, sizing) = (Touched::default(), Sizing::default());
    let (told_watched, clipboard) = (false, None);
    let mut serving =
        Serving { link, shared, consoles, sizing, watching, touched, told_watched, clipboard, jobs, reports };
    serving.set_consoles(&machine.consoles).await;
    serving.attend();
    let worked = serving.feel_pulse();
    let happened = serving.run(changes, said, worked).await;
    if serving.clipboard.is_some() {
        serving.shared.tell(Event::Clipboard(clipboard::Input::Disconnected)).await;
    }
    drop(serving);
    input.close();
    happened
}

/// A connection in use.
pub(super) struct Serving<'a> {
    pub(super) link: &'a Link,
    pub(super) shared: &'a mut Shared,
    pub(super) consoles: BTreeMap<ConsoleId, Served<Listener>>,
    pub(super) sizing: Sizing,
    watching: Watching,
    touched: Touched,
    /// Whether whoever waits for that knows that all is being listened to.
    told_watched: bool,
    /// What is wanted of the machine's clipboard.
    clipboard: Option<Sender<clipboard::Act>>,
    jobs: Jobs<'a>,
    reports: Sender<Said>,
}

impl<'a> Serving<'a> {
    async fn run(
        &mut self,
        changes: impl Stream<Item = Change> + Unpin,
        said: Receiver<Said>,
        worked: Sender<ConsoleId>,
    ) -> Input {
        let link = self.link;
        let requests = self.shared.requests.clone();
        let input = self.shared.input.clone();
        let mut ended = pin!(link.ended().fuse());
        let touched = self.touched.clone();
        let mut pump = pin!(pump(&link.peer, &input, &touched, &worked).fuse());
        let mut changes = changes.fuse();
        let mut said = pin!(said.fuse());
        loop {
            let next = select_biased! {
                request = pin!(requests.recv().fuse()) => Next::Request(request.unwrap_or(Request::Close)),
                ending = ended => Next::Ended(ending),
                said = said.select_next_some() => Next::Said(said),
                done = self.jobs.select_next_some() => Next::Done(done),
                change = changes.select_next_some() => Next::Change(change),
                () = pump => continue,
            };
            match next {
                Next::Request(Request::Close) => {
                    let finish = pin!(input.finish());
                    within(FAREWELL, future::select(finish, pump)).await;
                    return Input::Close;
                }
                Next::Request(request) => self.request(request).await,
                Next::Ended(ending) => return Input::Ended(ending),
                Next::Said((id, generation, report)) => self.said(id, generation, report),
                Next::Done(done) => self.done(done).await,
                Next::Change(change) => self.changed(change).await,
            }
            self.tell_watched();
            if let Some(words) = self.broken() {
                // One that another viewer has taken over is so, too.
                return match link.peer.is_forsaken().await {
                    true => Input::Ended(link.ending().await),
                    false => Input::Broken(words),
                };
            }
        }
    }

    async fn request(&mut self, request: Request) {
        self.shared.note(&request);
        match request {
            Request::Ask(id, wish) => self.size(id, wish).await,
            Request::Power(power) => {
                let link = self.link;
                self.job(async move { Done::Powered(power, link.power(power).await) });
            }
            Request::Boost(_) => {
                let ids: Vec<_> = self.consoles.keys().copied().collect();
                ids.into_iter().for_each(|id| self.boost(id));
            }
            Request::Choose(choice) => {
                let active = self.watching.choose(choice);
                self.activate(active).await;
            }
            Request::OpenClipboard => self.attend(),
            Request::Clipboard(act) => {
                // Nobody attends to it where another viewer does.
                let _ = self.clipboard.as_ref().map(|acts| acts.try_send(act));
            }
            Request::Reconnect | Request::Close => {}
        }
    }

    /// Asks whether QEMU answers, after whatever it is told through what is returned.
    fn feel_pulse(&mut self) -> Sender<ConsoleId> {
        let (worked, felt) = async_channel::bounded(1);
        let pulse = pulse::watch(self.link.peer.clone(), felt, self.shared.events.clone());
        self.job(pulse.map(|()| Done::Felt));
        worked
    }

    /// Attends to the clipboard, if anybody wants it.
    fn attend(&mut self) {
        if self.clipboard.is_none() && self.shared.has_clipboard.get() {
            let (acts, wanted) = async_channel::unbounded();
            self.clipboard = Some(acts);
            let attended = paste::attend(self.link.peer.clone(), wanted, self.shared.events.clone());
            self.job(attended.map(|()| Done::Attended));
            if let Some(monitor) = self.link.monitor() {
                let watched = paste::watch_port(monitor, self.shared.events.clone());
                self.job(watched.map(|()| Done::Attended));
            }
        }
    }

    fn said(&mut self, id: ConsoleId, generation: u32, report: Report) {
        let Some(served) = self.consoles.get_mut(&id) else { return };
        let report = served.listening.hear(generation, report);
        self.act(id, report);
    }

    fn act(&mut self, id: ConsoleId, report: Option<Report>) {
        match report {
            Some(Report::Resync) => self.register(id),
            Some(Report::Closed(reason)) => {
                tracing::warn!(%id, %reason, "no more frames come");
                self.again(id);
            }
            None => {}
        }
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Described(id, Ok((description, hardware))) => {
                self.described(id, description, hardware).await;
            }
            Done::Described(id, Err(error @ CallError::Refused { .. })) => {
                tracing::warn!(%id, %error, "a console that is none");
                self.remove(id).await;
            }
            Done::Described(id, Err(CallError::TimedOut(_))) => self.describe(id),
            Done::Described(id, Err(error)) => {
                tracing::warn!(%id, %error, "a console does not say what it is");
                // It is not waited for.
                self.consoles.remove(&id);
            }
            Done::Registered(id, result) => self.registered(id, result),
            Done::Again(id) => self.register(id),
            Done::Sized(id, wish, result) => self.sized(id, wish, result).await,
            Done::Rested => self.rested().await,
            Done::Powered(_, Ok(())) | Done::Boosted | Done::Attended | Done::Felt => {}
            Done::Look => self.look().await,
            Done::Powered(power, Err(error)) => self.shared.tell(Event::PowerFailed(power, error)).await,
        }
    }

    async fn changed(&mut self, change: Change) {
        match change {
            Change::Size { console, width, height } => {
                let Some(known) = self.shared.consoles.get_mut(&ConsoleId(console)) else { return };
                let size = &mut known.console.size;
                *size = Size::new(width.unwrap_or(size.width), height.unwrap_or(size.height));
                let size = *size;
                match self.consoles.get(&ConsoleId(console)).and_then(|served| served.listening.present()) {
                    // Its thread also sees to it when the time comes to act on the size.
                    Some(listener) => listener.set_console_size(size),
                    None => known.tell_size(),
                }
            }
            Change::Leds { console, leds } => self.tell(console, |id| Event::Leds(id, leds)).await,
            Change::Pointer { console, pointer } => {
                self.tell(console, |id| Event::PointerMode(id, pointer)).await;
            }
            Change::Consoles(ids) => self.set_consoles(&ids).await,
            Change::Added(id) => self.add(ConsoleId(id)),
            Change::Removed(id) => self.remove(ConsoleId(id)).await,
        }
    }

    /// Tells of a console, if it has been told of before.
    async fn tell(&self, console: u32, event: impl FnOnce(ConsoleId) -> Event) {
        let id = ConsoleId(console);
        if self.shared.consoles.contains_key(&id) {
            self.shared.tell(event(id)).await;
        }
    }

    /// These are the consoles, and no others.
    async fn set_consoles(&mut self, ids: &[u32]) {
        let gone = |id: &ConsoleId| !ids.contains(&id.0);
        let known = self.shared.consoles.keys().chain(self.consoles.keys());
        let gone: BTreeSet<ConsoleId> = known.copied().filter(gone).collect();
        for id in gone {
            self.remove(id).await;
        }
        if ids.len() > MAX_CONSOLES {
            tracing::warn!(count = ids.len(), "more consoles than a machine has");
        }
        for id in ids.iter().take(MAX_CONSOLES) {
            self.add(ConsoleId(*id));
        }
    }

    fn add(&mut self, id: ConsoleId) {
        if self.consoles.contains_key(&id) || self.consoles.len() >= MAX_CONSOLES {
            return;
        }
        self.consoles.insert(id, Served::default());
        self.describe(id);
    }

    async fn remove(&mut self, id: ConsoleId) {
        self.consoles.remove(&id);
        self.watching.remove(id);
        self.shared.used.remove(&id);
        self.touched.borrow_mut().remove(&id);
        if self.shared.choice.get() == Choice::Console(id) {
            self.shared.choice.set(Choice::Automatic);
        }
        if self.shared.consoles.remove(&id).is_some() {
            self.shared.tell(Event::ConsoleRemoved(id)).await;
        }
    }

    fn describe(&mut self, id: ConsoleId) {
        let console = self.link.peer.console(id.0);
        let link = self.link;
        self.job(async move {
            let described = async {
                let description = console.describe().await?;
                let hardware = hardware::find(link, &description.label, description.head).await;
                Ok((description, hardware))
            };
            Done::Described(id, described.await)
        });
    }

    async fn described(&mut self, id: ConsoleId, description: Description, hardware: Hardware) {
        if !self.consoles.contains_key(&id) {
            return;
        }
        let Description { leds, pointer, graphic, .. } = description;
        self.know(id, description, hardware).await;
        self.shared.tell(Event::Leds(id, leds)).await;
        self.shared.tell(Event::PointerMode(id, pointer)).await;
        if graphic {
            self.register(id);
            self.watch(id);
            self.boost(id);
        }
    }

    /// Tells of the console, unless it is the one that was there before the connection broke.
    async fn know(&mut self, id: ConsoleId, description: Description, hardware: Hardware) {
        if let Some(known) = self.shared.consoles.get_mut(&id) {
            if known.is(&description) {
                known.console.size = description.size;
                known.console.hardware = hardware;
                known.tell_size();
                return;
            }
            self.shared.consoles.remove(&id);
            self.shared.tell(Event::ConsoleRemoved(id)).await;
        }
        let known = Known::new(id, description, hardware);
        known.tell_size();
        let console = known.console.clone();
        self.shared.consoles.insert(id, known);
        self.shared.tell(Event::ConsoleAdded(console)).await;
    }

    /// Asks for a console's frames, with a new listener beside the one that there may be.
    fn register(&mut self, id: ConsoleId) {
        let Some(known) = self.shared.consoles.get(&id) else { return };
        let Some(generation) = self.consoles.get_mut(&id).and_then(|served| served.listening.begin()) else {
            return;
        };
        tracing::debug!(%id, generation, "asking for frames");
        let reports = self.reports.clone();
        let report = move |report| {
            // The connection may have been given up.
            let _ = reports.try_send((id, generation, report));
        };
        let console = self.link.peer.console(id.0);
        let Console { frames: mailbox, stats, hardware, .. } = known.console.clone();
        mailbox.set_pointer_kind(hardware.pointer_kind());
        let frames = Frames { mailbox, stats, pace: hardware.pace() };
        self.job(async move { Done::Registered(id, Listener::register(&console, frames, report).await) });
    }

    fn registered(&mut self, id: ConsoleId, result: Result<Listener, RegisterError>) {
        let Some(served) = self.consoles.get_mut(&id) else { return };
        match result {
            Ok(listener) => {
                let early = served.listening.arrived(Some(listener));
                self.act(id, early);
            }
            Err(error) => {
                tracing::warn!(%id, %error, "the display cannot be had");
                served.listening.arrived(None);
                self.again(id);
            }
        }
    }

    /// Lets a machine run that waits until it is watched, once it is so on every console that can be.
    fn tell_watched(&mut self) {
        let kind = |id| self.shared.consoles.get(id).map(|known| known.console.kind);
        let awaited = self.consoles.iter().any(|(id, served)| served.is_awaited(kind(id)));
        // Once: it may be another start that waits later, of which this connection is not.
        if !awaited && !std::mem::replace(&mut self.told_watched, true) {
            self.link.watched();
        }
    }

    /// Registers again in a moment, but not for ever.
    fn again(&mut self, id: ConsoleId) {
        let Some(served) = self.consoles.get_mut(&id) else { return };
        if served.broke(clock::now()) {
            self.job(async move {
                sleep(PATIENCE).await;
                Done::Again(id)
            });
        }
    }

    /// Whether all displays are broken, and how.
    fn broken(&self) -> Option<String> {
        let all = !self.consoles.is_empty() && self.consoles.values().all(Served::is_broken);
        all.then(|| "QEMU takes no listener, or parts with it at once".to_owned())
    }

    /// Has an eye on a console, if there are others to choose from.
    fn watch(&mut self, id: ConsoleId) {
        let Some(known) = self.shared.consoles.get(&id) else { return };
        self.watching.add(&known.console);
        self.touched.borrow_mut().insert(id, known.console.frames.clone());
        if self.watching.has_choice() && !self.watching.looking {
            self.watching.looking = true;
            self.look_soon();
        }
    }

    fn look_soon(&mut self) {
        self.job(async {
            sleep(LOOK).await;
            Done::Look
        });
    }

    async fn look(&mut self) {
        self.watching.looking = self.watching.has_choice();
        let active = self.watching.look(self.shared.consoles.values().map(|known| &known.console));
        for (id, used) in self.watching.use_changed(&mut self.shared.used) {
            tracing::debug!(%id, used, "the guest's use of a console");
            self.shared.tell(Event::InUse(id, used)).await;
        }
        self.activate(active).await;
        if self.watching.looking {
            self.look_soon();
        }
    }

    async fn activate(&self, active: Option<ConsoleId>) {
        if let Some(id) = active {
            tracing::debug!(%id, "the console to look at");
            self.shared.tell(Event::ActiveConsole(id)).await;
        }
    }

    /// Asks for a console's picture at the screen's pace, if QEMU polls it, we hold the monitor, and
    /// the person does not mind. Whatever was asked for before ends.
    fn boost(&mut self, id: ConsoleId) {
        let Some(served) = self.consoles.get_mut(&id) else { return };
        served.boost = None;
        let Some(known) = self.shared.consoles.get(&id) else { return };
        let Console { label, head, hardware, frames, stats, .. } = known.console.clone();
        let boosting = self.shared.boost.get();
        let policy = match boosting {
            Boosting::Auto | Boosting::Everywhere => Policy::Measured,
            Boosting::Always => Policy::Always,
            Boosting::Off => return,
        };
        let Some(refresher) = self.link.refresher().filter(|_| hardware.is_polled()) else { return };
        if refresher.taints() && boosting == Boosting::Auto {
            return;
        }
        let Some(device) = hardware::address(id, &label, head) else {
            tracing::info!(%id, "a vGPU without an id, and not the first console: QEMU shows 33 frames a second");
            return;
        };
        let (hold, released) = async_channel::bounded::<()>(1);
        served.boost = Some(hold);
        self.job(async move {
            let drive = pin!(drive::drive(Monitor { refresher, device }, policy, &frames, &stats));
            future::select(drive, pin!(released.recv())).await;
            Done::Boosted
        });
    }

    pub(super) fn job(&mut self, job: impl Future<Output = Done> + 'a) {
        self.jobs.push(Box::pin(job));
    }
}

impl Known {
    fn new(id: ConsoleId, description: Description, hardware: Hardware) -> Self {
        let Description { label, graphic, head, device, size, .. } = description;
        let kind = if graphic { ConsoleKind::Graphic } else { ConsoleKind::Text };
        let (frames, stats) = (Arc::new(Mailbox::default()), Arc::new(Stats::new(clock::now())));
        let console = Console { id, label, kind, head, device, hardware, size, frames, stats };
        Self { console }
    }

    /// Whether this is the console that is described.
    fn is(&self, description: &Description) -> bool {
        let Console { label, kind, head, device, .. } = &self.console;
        let graphic = *kind == ConsoleKind::Graphic;
        (label, graphic, head, device)
            == (&description.label, description.graphic, &description.head, &description.device)
    }

    /// Tells the picture which size it should have.
    fn tell_size(&self) {
        let size = frame::Event::ConsoleSize(self.console.size);
        if let Err(error) = self.console.frames.apply(size, clock::now()) {
            tracing::warn!(id = %self.console.id, %error, "a console of an impossible size");
        }
    }
}

/// Sends what the person does, one after the other. Ends when nothing can be sent any more.
async fn pump(peer: &Peer, input: &Queue, touched: &Touched, worked: &Sender<ConsoleId>) {
    let mut consoles = HashMap::new();
    loop {
        match input.next().await {
            Item::Command(id, command) => {
                let console = consoles.entry(id).or_insert_with(|| peer.console(id.0));
                if let Err(error) = console.send(command).await {
                    tracing::debug!(%error, "input cannot be sent");
                    return;
                }
                // Once is enough.
                let _ = worked.try_send(id);
                if let Some(frames) = touched.borrow().get(&id) {
                    frames.touch(clock::now());
                }
            }
            Item::Flush(done) => {
                let _ = done.try_send(());
            }
        }
    }
}
