//! One of libvirt's machines as a way to its display.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use super::{
    Access, Display, Drawn, FirstPicture, Hypervisor, LibvirtError, Machine, Off, Operation, State, Status,
    Which,
};
use crate::display1::Peer;
use crate::source::link::Power;
use crate::source::{Chance, ConnectError, Ending, Keep, Link, Shutdown, Stage, bus, within};

/// How long after its display a machine may be told to have ended.
const ENDING: std::time::Duration = std::time::Duration::from_secs(3);

/// One of libvirt's machines, by its connection and its UUID, name or number.
#[derive(Debug)]
pub struct Domain {
    hypervisor: Hypervisor,
    /// What it was called first; once it was found, its UUID.
    wanted: Mutex<String>,
}

/// A machine that was reached over libvirt.
#[derive(Debug)]
pub struct Reached {
    hypervisor: Hypervisor,
    uuid: String,
}

impl Domain {
    /// The machine on the connection with this URI. Begins to connect.
    pub fn new(uri: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::on(Hypervisor::connect(uri, Access::Full), wanted)
    }

    /// The machine on a connection that there is already.
    pub fn on(hypervisor: Hypervisor, wanted: impl Into<String>) -> Self {
        Self { hypervisor, wanted: Mutex::new(wanted.into()) }
    }

    /// The connection that it is on.
    pub fn hypervisor(&self) -> &Hypervisor {
        &self.hypervisor
    }

    /// How libvirt describes it.
    ///
    /// # Errors
    ///
    /// When there is no connection, or no such machine.
    pub async fn machine(&self) -> Result<Machine, LibvirtError> {
        let machine = self.hypervisor.find(&self.wanted()).await?;
        // It may be called otherwise when it is looked for again.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&machine.uuid);
        Ok(machine)
    }

    /// Opens its display, if it is on.
    pub(in crate::source) async fn connect(&self, stage: impl Fn(Stage)) -> Result<Link, ConnectError> {
        let machine = self.machine().await?;
        if !machine.state.is_on() {
            return Err(LibvirtError::Off(machine.name).into());
        }
        stage(Stage::Opening);
        let opened = self.open(&machine).await;
        if opened.as_ref().is_err_and(|error| error.chance() == Chance::No) {
            // Nobody will watch it from here: it need not wait for that.
            self.hypervisor.watched(&machine.uuid, FirstPicture::Missed);
        }
        let peer = opened?;
        let reached = Reached { hypervisor: self.hypervisor.clone(), uuid: machine.uuid };
        Ok(Link { peer, keep: Keep::Libvirt(reached) })
    }

    async fn open(&self, machine: &Machine) -> Result<Peer, ConnectError> {
        let ours = machine.displays.iter().find(|display| !matches!(display, Display::Other { .. }));
        match ours {
            Some(_) if is_remote(self.hypervisor.uri()) => {
                Err(LibvirtError::Remote(self.hypervisor.uri().to_owned()).into())
            }
            Some(Display::Peer { index }) => {
                let socket = self.hypervisor.open_display(&machine.uuid, *index).await?;
                Ok(Peer::p2p(UnixStream::from(socket)).await?)
            }
            Some(Display::Bus { address: Some(address) }) => {
                let bus = bus::Bus::join(Some(address)).await?;
                bus.machine(Some(&machine.uuid)).await
            }
            Some(Display::Bus { address: None } | Display::Other { .. }) | None => {
                let kinds: Vec<&str> = machine.displays.iter().map(Display::word).collect();
                let has = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
                Err(LibvirtError::NoDisplay { name: machine.name.clone(), has }.into())
            }
        }
    }

    /// Completes when it runs.
    pub(in crate::source) async fn returned(&self) {
        let wanted = self.wanted();
        let runs = self.hypervisor.when(move |roster| {
            let connected = roster.status() == &Status::Connected;
            roster.find(&wanted).filter(|machine| connected && machine.state.is_on()).map(|_| ())
        });
        if runs.await.is_none() {
            std::future::pending().await
        }
    }

    /// What it is called: by its UUID, once it was found.
    pub fn wanted(&self) -> String {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // Whoever wanted to watch it has gone.
        self.hypervisor.watched(&self.wanted(), FirstPicture::Missed);
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hypervisor.uri())
    }
}

impl Reached {
    /// Why the display ended, as far as libvirt knows: after it did.
    pub(in crate::source) async fn ending(&self) -> Ending {
        let uuid = self.uuid.clone();
        let over = self.hypervisor.when(move |roster| {
            if !matches!(roster.status(), Status::Connected) {
                return Some(Ending::Closed);
            }
            match roster.find(&uuid).map(|machine| machine.state) {
                None => Some(Ending::Gone),
                Some(State::Off(why)) => Some(ended(why)),
                Some(_) => None,
            }
        });
        // A machine that runs on has given its display to another viewer.
        within(ENDING, over).await.map_or(Ending::TakenOver, |ending| ending.unwrap_or(Ending::Closed))
    }

    /// All that the machine shows is seen from now on.
    pub(in crate::source) fn watched(&self) {
        self.hypervisor.watched(&self.uuid, FirstPicture::Seen);
    }

    /// Has libvirt pass a command on to QEMU's monitor.
    pub(in crate::source) async fn monitor(&self, command: String) -> Result<String, LibvirtError> {
        self.hypervisor.monitor(&self.uuid, command).await
    }

    /// What draws with this name while the machine runs; `None` where libvirt does not say.
    pub async fn drawn_by(&self, alias: &str) -> Option<Drawn> {
        let current = self.hypervisor.definition(&self.uuid, Which::Current).await.ok()?;
        Drawn::read(&current, alias)
    }

    pub(in crate::source) async fn power(&self, power: Power) -> Result<(), LibvirtError> {
        let operation = match power {
            Power::Down => Operation::ShutDown,
            Power::Quit => Operation::ForceOff,
        };
        self.hypervisor.operate(&self.uuid, operation).await
    }
}

fn ended(why: Off) -> Ending {
    let reason = match why {
        Off::ShutDown => return Ending::Shutdown(Shutdown { guest: true, reason: "guest-shutdown".into() }),
        Off::Forced => "host-destroyed",
        Off::Saved => Shutdown::SAVED,
        Off::Migrated => Shutdown::MOVED,
        Off::Crashed | Off::Failed | Off::Other => return Ending::Gone,
    };
    Ending::Shutdown(Shutdown { guest: false, reason: reason.into() })
}

/// Whether a connection leads to another computer (libvirt: docs/uri.rst): its sockets cannot be
/// handed to us.
pub fn is_remote(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let (_, transport) = scheme.split_once('+').unwrap_or((scheme, ""));
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    !host.is_empty() && transport != "unix"
}
