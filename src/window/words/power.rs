//! A machine's states and switches, in words.

use crate::source::libvirt::{Danger, LibvirtError, Off, Operation, Paused, State};
use crate::window::i18n::{gettext, gettext_f};

/// What is asked before something is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) body: String,
    /// The button that does it.
    pub(crate) button: String,
}

/// What a switch is called in a menu.
pub(crate) fn label(operation: Operation) -> String {
    match operation {
        Operation::Start => gettext("_Start"),
        Operation::ShutDown => gettext("Shut _Down"),
        Operation::Reboot => gettext("_Reboot"),
        Operation::Reset => gettext("R_eset…"),
        Operation::ForceOff => gettext("_Force Off…"),
        Operation::Pause => gettext("_Pause"),
        Operation::Resume => gettext("_Resume"),
        Operation::Save => gettext("Sa_ve and Stop"),
        Operation::ForgetSaved => gettext("Forget What Was _Saved…"),
        Operation::Wake => gettext("_Wake"),
    }
}

/// What is going on while it is done.
pub(crate) fn doing(operation: Operation, part: Option<u8>) -> String {
    let words = match operation {
        Operation::Start => gettext("Starting…"),
        Operation::ShutDown => gettext("Asking it to shut down…"),
        Operation::Reboot => gettext("Asking it to reboot…"),
        Operation::Reset => gettext("Resetting…"),
        Operation::ForceOff => gettext("Forcing off…"),
        Operation::Pause => gettext("Pausing…"),
        Operation::Resume => gettext("Resuming…"),
        Operation::Save => gettext("Saving…"),
        Operation::ForgetSaved => gettext("Forgetting what was saved…"),
        Operation::Wake => gettext("Waking…"),
    };
    match part {
        // Translators: What is being done, and how much of it: “Saving… 40 %”.
        Some(part) => gettext_f("{doing} {percent} %", &[("doing", &words), ("percent", &part.to_string())]),
        None => words,
    }
}

/// What the person is asked first, where something is lost.
pub(crate) fn question(operation: Operation, name: &str) -> Option<Question> {
    let values = [("name", name)];
    let body = match operation.danger()? {
        Danger::Unsaved => {
            gettext("What its guest has not written to disk is lost, and may leave damaged files.")
        }
        Danger::Saved => gettext(
            "The machine starts anew the next time: what its programs had not stored is lost. Its disks stay as they are.",
        ),
    };
    let (title, button) = match operation {
        Operation::Reset => (gettext_f("Reset “{name}”?", &values), gettext("_Reset")),
        Operation::ForgetSaved => {
            (gettext_f("Forget What Was Saved of “{name}”?", &values), gettext("_Forget"))
        }
        _ => (gettext_f("Force “{name}” Off?", &values), gettext("_Force Off")),
    };
    Some(Question { title, body, button })
}

/// That something did not work, and why.
pub(crate) fn failure(operation: Operation, name: &str, error: &LibvirtError) -> String {
    let why = reason(error);
    let values = [("name", name), ("error", why.as_str())];
    if (operation, error) == (Operation::Save, &LibvirtError::Cancelled) {
        return gettext_f("Saving “{name}” was cancelled: it runs on", &values);
    }
    match operation {
        Operation::Start => gettext_f("“{name}” does not start: {error}", &values),
        Operation::ShutDown => gettext_f("“{name}” cannot be asked to shut down: {error}", &values),
        Operation::Reboot => gettext_f("“{name}” cannot be asked to reboot: {error}", &values),
        Operation::Reset => gettext_f("“{name}” cannot be reset: {error}", &values),
        Operation::ForceOff => gettext_f("“{name}” cannot be forced off: {error}", &values),
        Operation::Pause => gettext_f("“{name}” cannot be paused: {error}", &values),
        Operation::Resume => gettext_f("“{name}” cannot go on: {error}", &values),
        Operation::Save => gettext_f("“{name}” cannot be saved: {error}", &values),
        Operation::ForgetSaved => {
            gettext_f("What was saved of “{name}” cannot be forgotten: {error}", &values)
        }
        Operation::Wake => gettext_f("“{name}” cannot be woken: {error}", &values),
    }
}

/// Why, as part of a sentence.
pub(crate) fn reason(error: &LibvirtError) -> String {
    match error {
        LibvirtError::Refused { words, .. } => {
            gettext_f("libvirt does not let you do that ({error})", &[("error", words)])
        }
        LibvirtError::Silent { .. } => gettext("libvirt does not answer; it may still come to pass"),
        LibvirtError::Disconnected => gettext("the connection to libvirt ended"),
        LibvirtError::NoMachine { .. } => gettext("there is no such machine any more"),
        LibvirtError::Cancelled => gettext("it was cancelled"),
        LibvirtError::Busy(words) => {
            gettext_f("something else is being done to it ({error})", &[("error", words)])
        }
        LibvirtError::Absent { words, .. }
        | LibvirtError::BadUri { words, .. }
        | LibvirtError::NotNow(words)
        | LibvirtError::Rejected(words)
        | LibvirtError::Unsupported(words)
        | LibvirtError::Failed(words) => words.clone(),
        error => error.to_string(),
    }
}

/// How a machine is.
pub(crate) fn state(state: State, saved: bool) -> String {
    match state {
        State::Running => gettext("Running"),
        State::Paused(why) => match why {
            Paused::IoError => gettext("Paused: a disk failed, or is full"),
            Paused::Watchdog => gettext("Paused: its watchdog found it hanging"),
            Paused::Migrating => gettext("Moving between computers"),
            Paused::Failed => gettext("Paused: QEMU cannot go on"),
            Paused::Passing => gettext("Paused for a moment"),
            Paused::ByUser | Paused::Other => gettext("Paused"),
        },
        State::ShuttingDown => gettext("Shutting down"),
        State::Asleep => gettext("Asleep"),
        State::Off(Off::Saved) => gettext("Saved"),
        State::Off(_) if saved => gettext("Saved"),
        State::Off(Off::Crashed) => gettext("Off: it crashed"),
        State::Off(Off::Failed) => gettext("Off: QEMU failed"),
        State::Off(Off::Migrated) => gettext("Moved to another computer"),
        State::Off(Off::ShutDown | Off::Forced | Off::Other) => gettext("Off"),
        State::Crashed => gettext("Crashed"),
        State::Unknown => gettext("In a state that Oriel does not know"),
    }
}
