//! How a machine is, and what can be done with it: rules, in one place.

use super::entry::{Entry, Key, What};
use crate::source::libvirt::{Machine, Operation, Paused, State, is_remote};

/// How a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As libvirt says.
    Known(State),
    /// As it was when libvirt was last heard of.
    Stale(State),
    /// It runs, on a bus.
    OnBus,
    /// It is on a bus and does not answer.
    Silent,
    /// It was launched at this time, in seconds since 1970.
    Launched(u64),
}

/// What a machine's one button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primary {
    /// Shows it.
    Open,
    /// Starts it, and shows it from its first frame on.
    StartAndOpen,
    /// Does this to it.
    Operate(Operation),
    /// Offers to give it a display.
    MakeReady,
    /// Starts the command once more.
    Launch,
    /// Nothing, because of this.
    Nothing(Obstacle),
}

/// Why a machine's button does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// libvirt cannot be asked now.
    NoConnection,
    /// Its display is on another computer.
    Remote,
    /// It goes on by itself in a moment.
    Passing,
    /// It does not answer.
    Silent,
}

impl Condition {
    /// How a machine is, on a connection that stands or does not.
    pub fn of(entry: &Entry, connected: bool) -> Self {
        match &entry.what {
            What::Domain(machine) if connected => Self::Known(machine.state),
            What::Domain(machine) => Self::Stale(machine.state),
            What::Bus(Some(_)) => Self::OnBus,
            What::Bus(None) => Self::Silent,
            What::Launched(launched) => Self::Launched(launched.at),
        }
    }

    /// Whether it can have a picture.
    pub fn has_picture(self) -> bool {
        match self {
            Self::Known(state) => state.is_on(),
            Self::OnBus => true,
            Self::Stale(_) | Self::Silent | Self::Launched(_) => false,
        }
    }

    /// What can be done to it through libvirt, in the order of a menu.
    pub fn offers(self, saved: bool) -> &'static [Operation] {
        match self {
            Self::Known(state) => state.offers(saved),
            Self::Stale(_) | Self::OnBus | Self::Silent | Self::Launched(_) => &[],
        }
    }

    /// Where it stands among others: those that run before those that do not.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::OnBus | Self::Known(State::Running | State::ShuttingDown) => 0,
            Self::Known(State::Paused(_) | State::Asleep) => 1,
            Self::Known(State::Crashed | State::Unknown) | Self::Silent => 2,
            Self::Known(State::Off(_)) => 3,
            Self::Launched(_) => 4,
            Self::Stale(_) => 5,
        }
    }
}

impl Primary {
    /// What a machine's one button does.
    pub fn of(entry: &Entry, condition: Condition) -> Self {
        match (&entry.what, condition) {
            (_, Condition::Stale(_)) => Self::Nothing(Obstacle::NoConnection),
            (What::Domain(machine), Condition::Known(state)) => of_domain(entry, machine, state),
            (What::Bus(Some(_)), _) => Self::Open,
            (What::Launched(_), _) => Self::Launch,
            (What::Bus(None) | What::Domain(_), _) => Self::Nothing(Obstacle::Silent),
        }
    }
}

fn of_domain(entry: &Entry, machine: &Machine, state: State) -> Primary {
    let remote = match &entry.key {
        Key::Domain { uri, .. } => is_remote(uri),
        Key::Bus { .. } | Key::Launched { .. } => false,
    };
    let shown = entry.has_display() && !remote;
    match state {
        State::Crashed => Primary::Operate(Operation::ForceOff),
        // What is done to it now would wait, or spoil what goes on.
        State::Paused(Paused::Migrating | Paused::Passing) if !shown => Primary::Nothing(Obstacle::Passing),
        State::Paused(
            Paused::ByUser | Paused::IoError | Paused::Watchdog | Paused::Failed | Paused::Other,
        ) => Primary::Operate(Operation::Resume),
        State::Asleep if !shown => Primary::Operate(Operation::Wake),
        State::Off(_) if shown => Primary::StartAndOpen,
        State::Off(_) if remote || !machine.persistent => Primary::Operate(Operation::Start),
        _ if shown => Primary::Open,
        _ if remote => Primary::Nothing(Obstacle::Remote),
        _ => Primary::MakeReady,
    }
}
