//! A machine's switches: which of them do something, and what is lost by it.

use super::machine::{Off, Operation, Paused, State};

/// What is lost when something is done to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// What its guest has not written to disk.
    Unsaved,
    /// What was saved of it.
    Saved,
}

impl State {
    /// What can be done to a machine in this state, in the order of a menu. `saved` tells whether it
    /// goes on from what was saved when it is started.
    pub fn offers(self, saved: bool) -> &'static [Operation] {
        use Operation as O;
        match self {
            Self::Running => &[O::ShutDown, O::Reboot, O::Pause, O::Save, O::Reset, O::ForceOff],
            Self::Paused(Paused::Migrating | Paused::Passing) => &[O::ForceOff],
            Self::Paused(_) => &[O::Resume, O::Save, O::Reset, O::ForceOff],
            // The guest may not have heard it the first time.
            Self::ShuttingDown => &[O::ShutDown, O::Reset, O::ForceOff],
            Self::Asleep => &[O::Wake, O::ForceOff],
            Self::Off(Off::Saved) => &[O::Start, O::ForgetSaved],
            Self::Off(_) if saved => &[O::Start, O::ForgetSaved],
            Self::Off(_) => &[O::Start],
            Self::Crashed => &[O::Reset, O::ForceOff],
            Self::Unknown => &[O::Start, O::Resume, O::ShutDown, O::Reset, O::ForceOff],
        }
    }
}

impl Operation {
    /// Everything that can be done to a machine.
    pub const ALL: [Self; 10] = [
        Self::Start,
        Self::ShutDown,
        Self::Reboot,
        Self::Pause,
        Self::Resume,
        Self::Save,
        Self::ForgetSaved,
        Self::Wake,
        Self::Reset,
        Self::ForceOff,
    ];

    /// Whether it writes all of a machine's memory: it is told how far it is, and can be cancelled.
    pub fn is_long(self) -> bool {
        self == Self::Save
    }

    /// What is lost when this is done: the person is asked first.
    pub fn danger(self) -> Option<Danger> {
        match self {
            Self::Reset | Self::ForceOff => Some(Danger::Unsaved),
            Self::ForgetSaved => Some(Danger::Saved),
            Self::Start
            | Self::ShutDown
            | Self::Reboot
            | Self::Pause
            | Self::Resume
            | Self::Save
            | Self::Wake => None,
        }
    }
}
