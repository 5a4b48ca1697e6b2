//! The stand-in as a test holds it: built, connected, driven, and asked what the viewer did.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::auth::Policy;
use crate::conn::Conn;
use crate::console::{ConsoleSpec, Pointer};
use crate::gate::{Gate, Hang};
use crate::listener::Listener;
use crate::machine::{Job, Machine, Options, Sockets, Timing};
use crate::objects::{self, Override, Refusal};
use crate::record::{Call, Record, Recorder};
use crate::release::Release;
use crate::reply::PendingReply;
use crate::wire::{Args, Outgoing};

/// How long `listener` and the like wait before they fail a test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a stand-in cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The viewer did not do in time what the test waited for.
    #[error("waited {waited:?} for {wanted}; {}", list(seen))]
    Timeout { wanted: String, waited: Duration, seen: Vec<Record> },
    #[error("{what}: {error}")]
    Io { what: String, error: std::io::Error },
    #[error("the bus refused {what}: {why}")]
    Bus { what: String, why: String },
}

fn list(seen: &[Record]) -> String {
    if seen.is_empty() {
        return "the viewer did nothing".into();
    }
    let lines: Vec<String> = seen.iter().map(|record| format!("\n  {record}")).collect();
    format!("the viewer did{}", lines.concat())
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |error| Self::Io { what, error }
    }
}

/// How a stand-in is made; the default is QEMU 10.0 with one console and QEMU's own patience.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    release: Release,
    name: String,
    uuid: String,
    consoles: Vec<ConsoleSpec>,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            release: Release::default(),
            name: "standin".into(),
            uuid: "00000000-0000-0000-0000-000000000000".into(),
            consoles: Vec::new(),
            options: Options {
                timing: Timing::default(),
                main_policy: Policy::default(),
                listener_policy: Policy::default(),
                lossy: false,
            },
        }
    }
}

impl Builder {
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// `VM.Name`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// `VM.UUID`.
    pub fn uuid(mut self, uuid: &str) -> Self {
        self.uuid = uuid.into();
        self
    }

    /// Adds a console; the first is number 0. Without any there is one of the default kind.
    pub fn console(mut self, console: ConsoleSpec) -> Self {
        self.consoles.push(console);
        self
    }

    /// How long QEMU waits for the viewer.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.options.timing = timing;
        self
    }

    /// Whom the main connection lets in. Listeners' sockets are made by the viewer itself and have
    /// their own policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.options.main_policy = policy;
        self
    }

    /// Whom listeners' sockets let in.
    pub fn listener_policy(mut self, policy: Policy) -> Self {
        self.options.listener_policy = policy;
        self
    }

    /// Whether scanouts and `Disable` throw away older queued messages, as QEMU 9.2 and later do.
    /// Off unless asked for, so that a test sees every message arrive.
    pub fn lossy(mut self, lossy: bool) -> Self {
        self.options.lossy = lossy;
        self
    }

    /// A machine that nobody is connected to yet.
    pub fn build(mut self) -> Result<Standin, Error> {
        if self.consoles.is_empty() {
            self.consoles.push(ConsoleSpec::default());
        }
        let (jobs, received) = channel();
        let names = (self.name, self.uuid);
        let machine = Machine::new(self.release, names, self.consoles, self.options, jobs.clone());
        let (recorder, gate, sockets) =
            (machine.recorder.clone(), machine.gate.clone(), machine.sockets.clone());
        let main_loop = thread::Builder::new()
            .name("standin main loop".into())
            .spawn(move || machine.run(&received))
            .map_err(Error::io("starting the main loop"))?;
        Ok(Standin {
            recorder,
            gate,
            sockets,
            jobs,
            qmp: crate::qmp::Client::default(),
            main_loop: Some(main_loop),
        })
    }

    /// A machine, and the viewer's end of a peer-to-peer connection to it.
    pub fn p2p(self) -> Result<(Standin, UnixStream), Error> {
        let standin = self.build()?;
        let viewer = standin.connect()?;
        Ok((standin, viewer))
    }
}

/// A running stand-in. Dropping it closes everything at once, as QEMU's death would.
#[derive(Debug)]
pub struct Standin {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) jobs: Sender<Job>,
    pub(crate) qmp: crate::qmp::Client,
    main_loop: Option<JoinHandle<()>>,
}

impl Standin {
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A default machine, and the viewer's end of a peer-to-peer connection to it.
    pub fn p2p() -> Result<(Self, UnixStream), Error> {
        Self::builder().p2p()
    }

    /// Connects a viewer peer to peer; an earlier one is closed once this one has authenticated.
    pub fn connect(&self) -> Result<UnixStream, Error> {
        let (ours, theirs) = UnixStream::pair().map_err(Error::io("making a socket pair"))?;
        self.add_client(ours.into())?;
        Ok(theirs)
    }

    /// Connects a viewer over a socket made elsewhere, as QMP's `add_client` does.
    pub fn add_client(&self, fd: OwnedFd) -> Result<(), Error> {
        self.on_main(move |machine| machine.add_client(fd)).map_err(Error::io("starting a thread"))
    }

    /// The live listener of a console that registered last, waiting for one if there is none.
    pub fn listener(&self, console: u32) -> Result<Listener, Error> {
        self.listener_within(console, PATIENCE)
    }

    /// As `listener`, with the longest time to wait.
    pub fn listener_within(&self, console: u32, timeout: Duration) -> Result<Listener, Error> {
        let live = |listener: &&Listener| listener.console() == console && !listener.is_closed();
        self.wait(timeout, format!("a listener on console {console}"), |_, listeners| {
            listeners.iter().rev().find(live).cloned()
        })
    }

    /// The listener of a console that registered as the `nth`, counted from 0, dead or alive.
    pub fn nth_listener(&self, console: u32, nth: usize) -> Result<Listener, Error> {
        self.wait(PATIENCE, format!("listener {nth} on console {console}"), |_, listeners| {
            listeners.iter().filter(|listener| listener.console() == console).nth(nth).cloned()
        })
    }

    /// The next listener that registered on the same console after this one.
    pub fn listener_after(&self, earlier: &Listener, timeout: Duration) -> Result<Listener, Error> {
        let console = earlier.console();
        self.wait(timeout, format!("another listener on console {console}"), |_, listeners| {
            let later = listeners.iter().skip_while(|listener| !listener.is(earlier)).skip(1);
            later.into_iter().find(|listener| listener.console() == console).cloned()
        })
    }

    /// Everything the viewer did, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.records().into_iter().map(|record| record.call).collect()
    }

    /// Everything the viewer did to one console, in order.
    #[must_use]
    pub fn calls_on(&self, console: u32) -> Vec<Call> {
        let of_it = |record: &Record| record.console == Some(console);
        self.records().into_iter().filter(of_it).map(|record| record.call).collect()
    }

    /// Everything the viewer did, with times and consoles.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.recorder.records()
    }

    /// What was recorded, as soon as there are `count` records or `timeout` is over.
    #[must_use]
    pub fn wait_for_records(&self, count: usize, timeout: Duration) -> Vec<Record> {
        let enough = |records: &[Record]| (records.len() >= count).then(|| records.to_vec());
        self.recorder.wait(timeout, |records, _| enough(records)).unwrap_or_else(|seen| seen)
    }

    /// Forgets what was recorded so far.
    pub fn clear_calls(&self) {
        self.recorder.clear();
    }

    /// Waits until the calls so far are as wanted, and returns them.
    pub fn wait_for(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&[Call]) -> bool,
    ) -> Result<Vec<Call>, Error> {
        self.wait(timeout, "the calls wanted".into(), |records, _| {
            let calls: Vec<Call> = records.iter().map(|record| record.call.clone()).collect();
            wanted(&calls).then_some(calls)
        })
    }

    fn wait<T>(
        &self,
        timeout: Duration,
        wanted: String,
        found: impl FnMut(&[Record], &[Listener]) -> Option<T>,
    ) -> Result<T, Error> {
        let late = |seen| Error::Timeout { wanted, waited: timeout, seen };
        self.recorder.wait(timeout, found).map_err(late)
    }

    /// The keys that are down on a console, by qnum.
    #[must_use]
    pub fn keys_down(&self, console: u32) -> Vec<u32> {
        self.on_main(move |machine| {
            let console = machine.consoles.iter().find(|other| other.index == console);
            console.map(|console| console.keys_down.iter().copied().collect()).unwrap_or_default()
        })
    }

    /// Gives a console another size, told by `PropertiesChanged`. Well-formed scanouts do it by themselves.
    pub fn resize(&self, console: u32, width: u32, height: u32) {
        self.post(move |machine| machine.resize(console, width, height));
    }

    /// A guest's driver switches the pointer: `IsAbsolute` changes.
    pub fn set_pointer(&self, console: u32, pointer: Pointer) {
        self.post(move |machine| machine.set_pointer(console, pointer));
    }

    /// The guest sets its lock lights: 1 scroll, 2 num, 4 caps.
    pub fn set_modifiers(&self, console: u32, modifiers: u32) {
        self.post(move |machine| machine.set_modifiers(console, modifiers));
    }

    /// What the guest has to paste from here on, as bytes that need not be text.
    pub fn set_clipboard(&self, text: Option<&[u8]>) {
        let text = text.map(<[u8]>::to_vec);
        self.on_main(move |machine| machine.clipboard.text = text);
    }

    /// Calls the viewer's clipboard, as QEMU does when the guest copies or pastes: `Register`, `Grab`,
    /// `Release` or `Request`, or anything else.
    pub fn call_clipboard(&self, interface: &str, member: &str, args: Args) -> PendingReply {
        let (interface, member) = (interface.to_owned(), member.to_owned());
        self.on_main(move |machine| {
            let main = machine.main.as_ref().expect("a viewer is connected");
            main.call(Outgoing::call(objects::clipboard::path(), interface, member, args))
        })
    }

    /// Plugs a console in and says which number it has.
    pub fn add_console(&self, console: ConsoleSpec) -> u32 {
        self.on_main(move |machine| machine.add_console(console))
    }

    /// Unplugs a console. Its listeners stay connected, as QEMU's do.
    pub fn remove_console(&self, console: u32) {
        self.post(move |machine| machine.remove_console(console));
    }

    /// Withholds replies to these methods that the viewer calls; to all where none is named.
    pub fn hold_replies(&self, members: &[&str]) {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.on_main(move |machine| machine.hold(members));
    }

    /// Sends what was withheld, in order, and withholds no more.
    pub fn release_replies(&self) {
        self.on_main(Machine::release_held);
    }

    /// Has every call of a method fail, until `answer_properly`.
    pub fn refuse(&self, member: &str, error: &str, text: &str) {
        let refusal = Refusal::new(error.to_owned(), text);
        let member = member.to_owned();
        self.on_main(move |machine| machine.overrides.insert(member, Override::Refuse(refusal)));
    }

    /// Has every call of a method answered with arguments that need not be what it returns, nor what
    /// their signature says, until `answer_properly`.
    pub fn answer_wrongly(&self, member: &str, signature: &str, bytes: &[u8]) {
        let answer = Override::Answer { signature: signature.into(), bytes: bytes.to_vec() };
        let member = member.to_owned();
        self.on_main(move |machine| machine.overrides.insert(member, answer));
    }

    /// Ends what `refuse` and `answer_wrongly` began.
    pub fn answer_properly(&self) {
        self.on_main(|machine| machine.overrides.clear());
    }

    /// Sends any signal to the viewer.
    pub fn signal(&self, path: &str, interface: &str, member: &str, args: Args) {
        let signal = Outgoing::signal(path.to_owned(), interface.to_owned(), member.to_owned(), args);
        self.to_main_connection(|main| drop(main.send(signal)));
    }

    /// Sends bytes that need not be a message on the viewer's main connection.
    pub fn main_bytes(&self, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.to_main_connection(|main| drop(main.send_bytes(bytes)));
    }

    fn to_main_connection(&self, send: impl FnOnce(&Conn) + Send + 'static) {
        self.on_main(|machine| {
            if let Some(main) = &machine.main {
                send(main);
            }
        });
    }

    /// Stops QEMU's main loop, or the whole process. Until `resume`, of the methods here only
    /// those that ask what the viewer did return.
    pub fn hang(&self, hang: Hang) {
        self.gate.hang(hang);
    }

    pub fn resume(&self) {
        self.gate.resume();
    }

    /// Closes the viewer's main connection, with the listeners' left open.
    pub fn disconnect(&self) {
        self.to_main_connection(Conn::abort);
    }

    /// Has the main loop do something after what it has to do already.
    pub(crate) fn post(&self, work: impl FnOnce(&mut Machine) + Send + 'static) {
        self.jobs.send(Job::Run(Box::new(work))).expect("the main loop runs as long as the stand-in");
    }

    /// Has the main loop do something, and waits for it.
    pub(crate) fn on_main<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Machine) -> T + Send + 'static,
    ) -> T {
        let (done, result) = channel();
        self.post(move |machine| {
            // The receiver waits below.
            let _ = done.send(work(machine));
        });
        result.recv().expect("the main loop does all of its work")
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.gate.end();
        self.sockets.shutdown();
        // Fails where the main loop has met the closed gate already.
        let _ = self.jobs.send(Job::Stop);
        if let Some(main_loop) = self.main_loop.take()
            && main_loop.join().is_err()
            && !thread::panicking()
        {
            panic!("the stand-in's main loop panicked");
        }
    }
}
