//! QEMU's main loop: one thread that does one thing at a time, and blocks where QEMU blocks.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};

use crate::auth::{self, Policy};
use crate::conn::{Conn, Event};
use crate::console::{Console, ConsoleSpec, Pointer};
use crate::gate::Gate;
use crate::objects::{self, Override, Refusal};
use crate::record::{Call, Recorder};
use crate::release::Release;
use crate::socket::Socket;
use crate::wire::{Args, Incoming, Outgoing, Value};

/// How long QEMU waits for a viewer.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For `GetAll` at registration: GDBus's default.
    pub get_all: Duration,
    /// For `ScanoutMap` and `UpdateDMABUF`: `DBUS_DEFAULT_TIMEOUT` (include/qemu/dbus.h).
    pub reply: Duration,
    /// For authentication on a listener's socket: QEMU waits for ever.
    pub listener_auth: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self { get_all: Duration::from_secs(25), reply: Duration::from_secs(1), listener_auth: None }
    }
}

/// What stays as it was when the machine was built.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) timing: Timing,
    pub(crate) main_policy: Policy,
    pub(crate) listener_policy: Policy,
    pub(crate) lossy: bool,
}

/// Whether the guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    /// Input is dropped without an error (ui/input.c).
    Paused,
}

pub(crate) enum Job {
    /// From the viewer, on a main connection.
    Message(Arc<Conn>, Box<Incoming>),
    MainClosed(Arc<Conn>),
    ListenerClosed {
        console: u32,
        id: u64,
    },
    Run(Box<dyn FnOnce(&mut Machine) + Send>),
    Stop,
}

/// Sockets to wake when the stand-in goes.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    sockets: Vec<Weak<OwnedFd>>,
    ended: bool,
}

impl Sockets {
    pub(crate) fn adopt(&self, fd: OwnedFd, gate: &Arc<Gate>) -> Socket {
        let socket = Socket::new(fd, gate.clone());
        let mut known = self.lock();
        if known.ended {
            socket.shutdown();
        }
        known.sockets.retain(|socket| socket.strong_count() > 0);
        known.sockets.push(socket.downgrade());
        socket
    }

    /// Shuts down every socket there is, and those still to come.
    pub(crate) fn shutdown(&self) {
        let mut known = self.lock();
        known.ended = true;
        for fd in known.sockets.drain(..).filter_map(|fd| fd.upgrade()) {
            // One that has closed already needs no waking.
            let _ = shutdown(&fd, Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no code panics while it holds the sockets")
    }
}

pub(crate) struct Machine {
    pub(crate) release: Release,
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) consoles: Vec<Console>,
    pub(crate) console_ids: Vec<u32>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) options: Options,
    pub(crate) gate: Arc<Gate>,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) jobs: Sender<Job>,
    /// The one viewer of peer to peer, or the bus.
    pub(crate) main: Option<Arc<Conn>>,
    pub(crate) next_listener: u64,
    pub(crate) run_state: RunState,
    /// By method.
    pub(crate) overrides: HashMap<String, Override>,
    pub(crate) clipboard: objects::clipboard::Clipboard,
    hold: Option<Vec<String>>,
    held: Vec<(Arc<Conn>, Outgoing)>,
}

impl Machine {
    pub(crate) fn new(
        release: Release,
        (name, uuid): (String, String),
        consoles: Vec<ConsoleSpec>,
        options: Options,
        jobs: Sender<Job>,
    ) -> Self {
        let consoles: Vec<Console> =
            (0..).zip(consoles).map(|(index, spec)| Console::new(index, spec)).collect();
        Self {
            release,
            name,
            uuid,
            console_ids: consoles.iter().map(|console| console.index).collect(),
            consoles,
            recorder: Arc::default(),
            options,
            gate: Arc::new(Gate::new()),
            sockets: Arc::default(),
            jobs,
            main: None,
            next_listener: 0,
            run_state: RunState::Running,
            overrides: HashMap::new(),
            clipboard: objects::clipboard::Clipboard::default(),
            hold: None,
            held: Vec::new(),
        }
    }

    /// The main loop itself.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        let gate = self.gate.clone();
        for job in jobs {
            if gate.pass_main_loop().is_err() {
                return;
            }
            match job {
                Job::Message(conn, call) => self.message(&conn, &call),
                Job::MainClosed(conn) => self.main_closed(&conn),
                Job::ListenerClosed { console, id } => self.listener_closed(console, id),
                Job::Run(work) => work(&mut self),
                Job::Stop => return,
            }
        }
    }

    fn message(&mut self, conn: &Arc<Conn>, message: &Incoming) {
        // The objects have moved to another viewer: nobody answers here any more.
        let current = self.main.as_ref().is_some_and(|main| Arc::ptr_eq(main, conn));
        if current && message.kind == crate::wire::Kind::Call {
            objects::handle(self, conn, message);
        }
    }

    fn main_closed(&mut self, conn: &Arc<Conn>) {
        self.recorder.add(None, Call::Disconnected);
        if self.main.take_if(|main| Arc::ptr_eq(main, conn)).is_some() {
            self.clipboard = objects::clipboard::Clipboard::default();
        }
    }

    fn listener_closed(&mut self, index: u32, id: u64) {
        if let Some(console) = self.consoles.iter_mut().find(|console| console.index == index) {
            console.listeners.retain(|(listener, _)| *listener != id);
            // QEMU lifts every key when any listener goes (ui/dbus-console.c).
            console.keys_down.clear();
        }
        self.recorder.add(Some(index), Call::ListenerClosed);
    }

    /// Takes what the viewer did with keys or pointer, unless the guest is paused.
    pub(crate) fn input(&mut self, index: u32, call: Call) {
        if self.run_state == RunState::Paused {
            return;
        }
        let keys = &mut self.console_mut(index).keys_down;
        match call {
            Call::KeyPress(key) => drop(keys.insert(key)),
            Call::KeyRelease(key) => drop(keys.remove(&key)),
            _ => {}
        }
        self.recorder.add(Some(index), call);
    }

    pub(crate) fn console_at(&self, path: &str) -> Option<&Console> {
        self.consoles.iter().find(|console| console.path() == path)
    }

    /// A console that a call has been matched to already.
    pub(crate) fn console_mut(&mut self, index: u32) -> &mut Console {
        let console = self.consoles.iter_mut().find(|console| console.index == index);
        console.expect("calls are dispatched to consoles that exist")
    }

    /// Lets a peer-to-peer viewer in. Authentication does not block the main loop.
    pub(crate) fn add_client(&self, fd: OwnedFd) -> io::Result<()> {
        let socket = self.sockets.adopt(fd, &self.gate);
        let policy = self.options.main_policy;
        let jobs = self.jobs.clone();
        thread::Builder::new().name("standin auth".into()).spawn(move || {
            if let Err(error) = auth::serve(&socket, policy, None) {
                tracing::debug!(%error, "a viewer did not authenticate");
                socket.shutdown();
                return;
            }
            // Attached by the main loop; what the viewer sends until then waits in the socket.
            let attach = Job::Run(Box::new(move |machine| {
                if let Err(error) = machine.attach(socket) {
                    tracing::error!(%error, "no threads for a connection");
                }
            }));
            let _ = jobs.send(attach);
        })?;
        Ok(())
    }

    /// Starts a main connection, which takes the place of any other.
    pub(crate) fn attach(&mut self, socket: Socket) -> io::Result<Arc<Conn>> {
        if let Some(old) = self.main.take() {
            old.abort();
        }
        let jobs = self.jobs.clone();
        let conn = Conn::start("standin main", socket, move |conn, event| {
            // Nobody to tell once the main loop has ended.
            let _ = jobs.send(match event {
                Event::Message(message) => Job::Message(conn.clone(), message),
                Event::Closed => Job::MainClosed(conn.clone()),
            });
        })?;
        self.main = Some(conn.clone());
        self.recorder.add(None, Call::Connected);
        Ok(conn)
    }

    pub(crate) fn reply(&mut self, conn: &Arc<Conn>, call: &Incoming, args: Args) {
        self.send_reply(conn, call, Outgoing::reply(call, args));
    }

    pub(crate) fn reply_error(&mut self, conn: &Arc<Conn>, call: &Incoming, refusal: &Refusal) {
        self.send_reply(conn, call, Outgoing::error(call, refusal.name.clone(), &refusal.text));
    }

    fn send_reply(&mut self, conn: &Arc<Conn>, call: &Incoming, reply: Outgoing) {
        if !call.expects_reply() {
            return;
        }
        let held = |members: &Vec<String>| members.is_empty() || members.contains(&call.member);
        if self.hold.as_ref().is_some_and(held) {
            self.held.push((conn.clone(), reply));
        } else {
            conn.send(reply);
        }
    }

    /// Withholds replies to these methods, or to all where none is named.
    pub(crate) fn hold(&mut self, members: Vec<String>) {
        self.hold = Some(members);
    }

    pub(crate) fn release_held(&mut self) {
        self.hold = None;
        for (conn, reply) in self.held.drain(..) {
            conn.send(reply);
        }
    }

    fn signal(&self, path: &str, interface: &'static str, member: &'static str, args: Args) {
        if let Some(main) = &self.main {
            main.send(Outgoing::signal(path.to_owned(), interface, member, args));
        }
    }

    /// `PropertiesChanged` of some properties of one interface.
    pub(crate) fn changed(&self, path: &str, interface: &str, properties: &[(&'static str, Value)]) {
        let args = Args::new().str(interface).properties(properties).strs(&[]);
        self.signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", args);
    }

    /// Gives a console another size and tells about it, if it is another one.
    pub(crate) fn resize(&mut self, index: u32, width: u32, height: u32) {
        let Some(console) = self.consoles.iter_mut().find(|console| console.index == index) else {
            return;
        };
        let mut changed = Vec::new();
        if std::mem::replace(&mut console.spec.width, width) != width {
            changed.push(("Width", Value::U32(width)));
        }
        if std::mem::replace(&mut console.spec.height, height) != height {
            changed.push(("Height", Value::U32(height)));
        }
        if !changed.is_empty() {
            self.changed(&crate::console::path(index), objects::CONSOLE, &changed);
        }
    }

    pub(crate) fn set_pointer(&mut self, index: u32, pointer: Pointer) {
        self.console_mut(index).spec.pointer = pointer;
        let absolute = Value::Bool(pointer == Pointer::Absolute);
        self.changed(&crate::console::path(index), objects::MOUSE, &[("IsAbsolute", absolute)]);
    }

    pub(crate) fn set_modifiers(&mut self, index: u32, modifiers: u32) {
        self.console_mut(index).spec.modifiers = modifiers;
        let value = [("Modifiers", Value::U32(modifiers))];
        self.changed(&crate::console::path(index), objects::KEYBOARD, &value);
    }

    /// Plugs a console in. Before 11.1 nobody is told, as QEMU then had none to plug.
    pub(crate) fn add_console(&mut self, spec: ConsoleSpec) -> u32 {
        let index = self.consoles.iter().map(|console| console.index + 1).max().unwrap_or(0);
        self.consoles.push(Console::new(index, spec));
        if self.release.has_hot_plug() {
            let console = self.consoles.last().expect("one was added");
            let interfaces = objects::of_console(self, console);
            let args = Args::new().path(&console.path()).interfaces(&interfaces);
            self.signal(objects::ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", args);
            self.renumber();
        }
        index
    }

    pub(crate) fn remove_console(&mut self, index: u32) {
        let Some(console) = self.consoles.iter().find(|console| console.index == index) else {
            return;
        };
        let names: Vec<String> =
            objects::of_console(self, console).iter().map(|(name, _)| (*name).to_owned()).collect();
        let args = Args::new().path(&console.path()).strs(&names);
        self.consoles.retain(|console| console.index != index);
        if self.release.has_hot_plug() {
            self.signal(objects::ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", args);
            self.renumber();
        }
    }

    fn renumber(&mut self) {
        self.console_ids = self.consoles.iter().map(|console| console.index).collect();
        let ids = [("ConsoleIDs", Value::U32s(self.console_ids.clone()))];
        self.changed(&format!("{}/VM", objects::ROOT), objects::VM, &ids);
    }
}
