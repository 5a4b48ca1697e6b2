//! A machine as libvirt describes it.

#[cfg(any(test, feature = "libvirt"))]
use crate::markup::{Document, MarkupError};

/// A machine as libvirt describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What tells it from all others; names can change.
    pub uuid: String,
    pub name: String,
    /// What a person called it beside its name.
    pub title: Option<String>,
    /// libvirt's number for it, while it runs.
    pub id: Option<u32>,
    pub state: State,
    /// Whether it is still there when it is off.
    pub persistent: bool,
    /// Whether it goes on from where it was saved when it is started.
    pub saved: bool,
    /// Its displays, in the order in which libvirt counts them.
    pub displays: Vec<Display>,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Paused(Paused),
    /// It has been told to, and does.
    ShuttingDown,
    /// Its guest sleeps: the power button or a key wakes it.
    Asleep,
    Off(Off),
    Crashed,
    /// A state that came after libvirt 11.
    Unknown,
}

/// Why a machine is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    ByUser,
    /// A disk failed, or is full.
    IoError,
    Migrating,
    /// It goes on by itself: it is being saved, dumped, started, ended.
    Passing,
    /// The guest's watchdog has found it hanging.
    Watchdog,
    /// QEMU or the guest cannot go on.
    Failed,
    Other,
}

/// Why a machine is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// The guest has shut down.
    ShutDown,
    /// It was switched off.
    Forced,
    Crashed,
    Migrated,
    Saved,
    /// QEMU did not start, or ended by itself.
    Failed,
    Other,
}

/// A way to see a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Display {
    /// A D-Bus display that libvirt opens for us; its place among the machine's displays.
    Peer { index: u32 },
    /// A D-Bus display on a bus: the machine's own, which it has while it runs, or a chosen one.
    Bus { address: Option<String> },
    /// Another program's: "spice", "vnc".
    Other { kind: String },
}

/// What can be done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Start,
    /// Asks the guest.
    ShutDown,
    /// Asks the guest.
    Reboot,
    /// As the button on the case.
    Reset,
    /// As pulling the plug.
    ForceOff,
    Pause,
    Resume,
    /// Writes its memory to disk and ends it; starting it goes on from there.
    Save,
    /// Throws away what was saved.
    ForgetSaved,
    Wake,
}

/// Whether a machine that was started was watched from its first picture on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstPicture {
    /// It ran only once its displays were being listened to.
    Seen,
    /// It runs, and nobody watched its beginning.
    Missed,
}

/// Which of a machine's definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// As it runs.
    Current,
    /// As it will be started the next time, with everything that it takes to define it again.
    Next,
}

impl State {
    /// As libvirt numbers states and their reasons (include/libvirt/libvirt-domain.h,
    /// `virDomainState`, `virDomainPausedReason`, `virDomainShutoffReason`).
    pub fn from_libvirt(state: u32, reason: i32) -> Self {
        match state {
            1 | 2 => Self::Running,
            3 => Self::Paused(match reason {
                1 => Paused::ByUser,
                2 | 12 | 13 => Paused::Migrating,
                3 | 4 | 8 | 9 | 11 => Paused::Passing,
                5 => Paused::IoError,
                6 => Paused::Watchdog,
                10 | 14 => Paused::Failed,
                _ => Paused::Other,
            }),
            4 => Self::ShuttingDown,
            5 => Self::Off(match reason {
                1 => Off::ShutDown,
                2 => Off::Forced,
                3 => Off::Crashed,
                4 => Off::Migrated,
                5 => Off::Saved,
                6 | 8 => Off::Failed,
                _ => Off::Other,
            }),
            6 => Self::Crashed,
            7 => Self::Asleep,
            _ => Self::Unknown,
        }
    }

    /// Whether there is a QEMU, and with it a display.
    pub fn is_on(self) -> bool {
        !matches!(self, Self::Off(_))
    }

    /// A word for it, as `oriel list` says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused(_) => "paused",
            Self::ShuttingDown => "shutting-down",
            Self::Asleep => "asleep",
            Self::Off(_) => "off",
            Self::Crashed => "crashed",
            Self::Unknown => "unknown",
        }
    }
}

impl Machine {
    /// Whether a person who says this means this machine: its UUID, name, or number.
    pub fn is_meant(&self, wanted: &str) -> bool {
        self.uuid.eq_ignore_ascii_case(wanted)
            || self.name == wanted
            || self.id.is_some_and(|id| id.to_string() == wanted)
    }

    /// Takes in what a definition says.
    #[cfg(any(test, feature = "libvirt"))]
    pub(super) fn describe(&mut self, definition: &str) -> Result<(), MarkupError> {
        let document = Document::parse(definition)?;
        let root = document.root();
        self.title = root.child("title").map(|title| title.text().to_owned()).filter(|text| !text.is_empty());
        let devices = root.child("devices");
        let graphics = devices.into_iter().flat_map(|devices| devices.all("graphics"));
        self.displays = graphics
            .zip(0..)
            .map(|(graphics, index)| {
                let kind = graphics.attribute("type").unwrap_or_default();
                let p2p = graphics.attribute("p2p") == Some("yes");
                match kind {
                    "dbus" if p2p => Display::Peer { index },
                    "dbus" => Display::Bus { address: graphics.attribute("address").map(str::to_owned) },
                    kind => Display::Other { kind: kind.to_owned() },
                }
            })
            .collect();
        Ok(())
    }
}

impl Display {
    /// A word for it, as `oriel list` says it.
    pub fn word(&self) -> &str {
        match self {
            Self::Peer { .. } | Self::Bus { .. } => "dbus",
            Self::Other { kind } => kind,
        }
    }
}

impl Operation {
    /// What it is called where it is asked for.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start the machine",
            Self::ShutDown => "shut the machine down",
            Self::Reboot => "reboot the machine",
            Self::Reset => "reset the machine",
            Self::ForceOff => "switch the machine off",
            Self::Pause => "pause the machine",
            Self::Resume => "resume the machine",
            Self::Save => "save the machine",
            Self::ForgetSaved => "forget what was saved",
            Self::Wake => "wake the machine",
        }
    }
}
