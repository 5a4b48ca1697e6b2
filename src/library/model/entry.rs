//! A machine, wherever it comes from.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::source::libvirt::{self, Display, SESSION, SYSTEM};

/// What tells a machine from every other. Names do not: two connections may each have a "web".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One of libvirt's, by its connection and its UUID.
    Domain { uri: String, uuid: String },
    /// One on the session bus, by its unique name.
    Bus { owner: String },
    /// One that was started with `oriel launch`, by its command.
    Launched { id: String },
}

/// Where a machine comes from. In this order: this computer's, the person's own, other connections by
/// their URI, and what libvirt does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// The libvirt connection with this URI.
    Connection(String),
    /// The session bus.
    Bus,
    /// The list of what was launched lately.
    Launched,
}

/// A machine in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    pub what: What,
}

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Domain(libvirt::Machine),
    /// `None` where it does not answer.
    Bus(Option<Answer>),
    Launched(Launched),
}

/// Who a machine on a bus says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub name: String,
    pub uuid: Option<String>,
}

/// A machine that was started with `oriel launch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// What QEMU was told to call it, else its program.
    pub name: String,
    /// QEMU and its arguments, as they were typed.
    pub command: Vec<String>,
    /// The folder that its paths count from.
    pub folder: String,
    /// When it was started last, in seconds since 1970.
    pub at: u64,
}

impl Key {
    /// Where the machine comes from.
    pub fn place(&self) -> Place {
        match self {
            Self::Domain { uri, .. } => Place::Connection(uri.clone()),
            Self::Bus { .. } => Place::Bus,
            Self::Launched { .. } => Place::Launched,
        }
    }
}

impl Place {
    fn rank(&self) -> (u8, &str) {
        match self {
            Self::Connection(uri) if uri == SYSTEM => (0, ""),
            Self::Connection(uri) if uri == SESSION => (1, ""),
            Self::Connection(uri) => (2, uri),
            Self::Bus => (3, ""),
            Self::Launched => (4, ""),
        }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Launched {
    /// A machine that is being started at `at` with this command, in this folder.
    pub fn new(command: Vec<String>, folder: String, at: u64) -> Self {
        let name = named(&command).unwrap_or_else(|| {
            let program = command.first().map(String::as_str).unwrap_or_default();
            program.rsplit('/').next().unwrap_or_default().to_owned()
        });
        Self { name, command, folder, at }
    }

    /// What tells it from others: the same command in the same folder is the same machine.
    pub fn id(&self) -> String {
        // Neither paths nor arguments can hold this character.
        [std::slice::from_ref(&self.folder), &self.command].concat().join("\0")
    }
}

/// The name in QEMU's `-name web` or `-name guest=web,debug-threads=on` (qemu-options.hx).
fn named(command: &[String]) -> Option<String> {
    let at = command.iter().position(|word| word == "-name" || word == "--name")?;
    let mut parts = command.get(at + 1)?.split(',');
    let found = parts.find_map(|part| match part.split_once('=') {
        Some(("guest", name)) => Some(name),
        Some(_) => None,
        None => Some(part),
    });
    found.filter(|name| !name.is_empty()).map(str::to_owned)
}

impl Entry {
    /// What it is called.
    pub fn name(&self) -> &str {
        match &self.what {
            What::Domain(machine) => machine.title.as_deref().unwrap_or(&machine.name),
            What::Bus(Some(answer)) => &answer.name,
            What::Bus(None) => match &self.key {
                Key::Bus { owner } => owner,
                Key::Domain { .. } | Key::Launched { .. } => "",
            },
            What::Launched(launched) => &launched.name,
        }
    }

    /// Its UUID, where it has one.
    pub fn uuid(&self) -> Option<&str> {
        match &self.what {
            What::Domain(machine) => Some(&machine.uuid),
            What::Bus(Some(answer)) => answer.uuid.as_deref(),
            What::Bus(None) | What::Launched(_) => None,
        }
    }

    /// What libvirt says of it.
    pub fn domain(&self) -> Option<&libvirt::Machine> {
        match &self.what {
            What::Domain(machine) => Some(machine),
            What::Bus(_) | What::Launched(_) => None,
        }
    }

    /// The kinds of its displays, as "dbus" or "spice", each once.
    pub fn displays(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = match &self.what {
            What::Domain(machine) => machine.displays.iter().map(Display::word).collect(),
            What::Bus(_) | What::Launched(_) => vec!["dbus"],
        };
        kinds.dedup();
        kinds
    }

    /// Whether there is a display that Oriel can show.
    pub fn has_display(&self) -> bool {
        self.displays().contains(&"dbus")
    }
}
