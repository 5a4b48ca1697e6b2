//! What went wrong, in words for people that say what to do about it.

pub(crate) mod libvirt;
pub(super) mod picture;
pub(crate) mod power;
pub(super) mod resolution;

use std::fmt::Write;

use super::i18n::{gettext, gettext_f};
use crate::session::{End, Loss, PowerError, State};
use crate::source::qmp::QmpError;
use crate::source::{ConnectError, Exited, LaunchError, Shutdown};

/// A title, and what there is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) title: String,
    pub(crate) body: String,
    /// Whether something went wrong.
    pub(crate) failed: bool,
}

impl Told {
    fn failed(title: String, body: String) -> Self {
        Self { title, body, failed: true }
    }
}

/// Why there is no connection.
pub(super) fn loss(loss: &Loss) -> Told {
    let (title, body) = match loss {
        Loss::Unreachable(error) => return unreachable(error),
        Loss::Closed => (gettext("Connection Lost"), gettext("The machine has closed the connection.")),
        Loss::Gone => {
            (gettext("Connection Lost"), gettext("The machine is gone. It may have been shut down."))
        }
        Loss::TakenOver => (
            gettext("Shown Elsewhere"),
            gettext("Another viewer has taken over the machine’s display. Reconnect to take it back."),
        ),
        Loss::Display(error) => (
            gettext("No Display"),
            gettext_f("The machine is there, but its display does not work: {error}", &[("error", error)]),
        ),
    };
    Told::failed(title, body)
}

/// Another viewer has the display, and we cannot ask for it again.
pub(super) fn taken_over_for_good() -> Told {
    Told::failed(
        gettext("Shown Elsewhere"),
        gettext(
            "Another viewer has taken over the machine’s display. To see it here again, whoever opened this window has to open another.",
        ),
    )
}

/// Why a machine cannot be reached.
fn unreachable(error: &ConnectError) -> Told {
    match error {
        ConnectError::NoMachine { .. }
        | ConnectError::NoSuchMachine { .. }
        | ConnectError::Ambiguous { .. }
        | ConnectError::NoBus { .. }
        | ConnectError::Silent { .. } => on_bus(error),
        ConnectError::NoSocket { .. }
        | ConnectError::Monitor { .. }
        | ConnectError::NotOpened(_)
        | ConnectError::Qmp(_) => over_qmp(error),
        ConnectError::Descriptor { .. } | ConnectError::UsedUp => by_descriptor(error),
        ConnectError::Peer(error) => cannot_connect(gettext_f(
            "QEMU did not accept Oriel as its display: {error}",
            &[("error", &error.to_string())],
        )),
        ConnectError::Call(error) => cannot_connect(gettext_f(
            "The machine does not answer as it should: {error}",
            &[("error", &error.to_string())],
        )),
        ConnectError::Resources(error) => {
            let values = [("error", &*error.to_string())];
            cannot_connect(gettext_f(
                "This computer does not give Oriel what it needs: {error}. Close other programs and try again.",
                &values,
            ))
        }
        ConnectError::Launch(error) => launch(error),
        ConnectError::Libvirt(error) => libvirt::libvirt(error),
    }
}

fn cannot_connect(body: String) -> Told {
    Told::failed(gettext("Cannot Connect"), body)
}

fn on_bus(error: &ConnectError) -> Told {
    match error {
        ConnectError::NoMachine { .. } => Told::failed(
            gettext("No Machine Found"),
            gettext(
                "No virtual machine shows its display on the bus. Start QEMU with “-display dbus”, or let Oriel start it: “oriel launch”.",
            ),
        ),
        ConnectError::NoSuchMachine { wanted, found, .. } if found.is_empty() => Told::failed(
            gettext_f("No Machine “{name}”", &[("name", wanted)]),
            gettext("No virtual machine shows its display on the bus. Start it with “-display dbus”."),
        ),
        ConnectError::NoSuchMachine { wanted, found, .. } => Told::failed(
            gettext_f("No Machine “{name}”", &[("name", wanted)]),
            gettext_f("These machines are there:{machines}", &[("machines", &listed(found))]),
        ),
        ConnectError::Ambiguous { wanted, found } => Told::failed(
            gettext_f("Several Machines “{name}”", &[("name", wanted)]),
            gettext_f("Say which one by its UUID or bus name:{machines}", &[("machines", &listed(found))]),
        ),
        ConnectError::Silent { .. } => {
            cannot_connect(gettext("The machine does not answer. It may be paused, or very busy."))
        }
        other => cannot_connect(gettext_f(
            "The bus on which the machine should be cannot be reached: {error}",
            &[("error", &other.to_string())],
        )),
    }
}

fn over_qmp(error: &ConnectError) -> Told {
    match error {
        ConnectError::NoSocket { path, error } => {
            let values = [("path", &*path.display().to_string()), ("error", &*error.to_string())];
            cannot_connect(gettext_f("No machine listens at {path}: {error}", &values))
        }
        ConnectError::Monitor { path, error: QmpError::Busy(_) } => cannot_connect(gettext_f(
            "The machine’s monitor at {path} is in use. It takes one program at a time: close the other one.",
            &[("path", &path.display().to_string())],
        )),
        ConnectError::Monitor { path, error } => {
            let values = [("path", &*path.display().to_string()), ("error", &*error.to_string())];
            cannot_connect(gettext_f(
                "What listens at {path} is not a machine’s QMP monitor: {error}",
                &values,
            ))
        }
        ConnectError::NotOpened(words) => cannot_connect(gettext_f(
            "The machine has no display for Oriel. Start QEMU with “-display dbus,p2p=yes”. QEMU says: {words}",
            &[("words", words)],
        )),
        other => cannot_connect(gettext_f(
            "The machine’s monitor does not answer as it should: {error}",
            &[("error", &other.to_string())],
        )),
    }
}

fn by_descriptor(error: &ConnectError) -> Told {
    match error {
        ConnectError::UsedUp => Told::failed(
            gettext("Connection Lost"),
            gettext(
                "The connection that this window was given is used up. Whoever opened it has to open another.",
            ),
        ),
        other => cannot_connect(gettext_f(
            "The connection that this window was given cannot be used: {error}",
            &[("error", &other.to_string())],
        )),
    }
}

fn launch(error: &LaunchError) -> Told {
    let title = gettext("Cannot Start the Machine");
    match error {
        LaunchError::Exited(exited) => Told { title, ..self::exited(exited) },
        LaunchError::Spawn { program, error } => {
            let values = [("program", &*program.display().to_string()), ("error", &*error.to_string())];
            Told::failed(
                title,
                gettext_f("{program} cannot be started: {error}. Is QEMU installed?", &values),
            )
        }
        LaunchError::Refused(_) | LaunchError::Monitor(_) => Told::failed(
            title,
            gettext_f(
                "The machine was not started as Oriel needs it: {error}",
                &[("error", &error.to_string())],
            ),
        ),
    }
}

/// How a machine ended.
pub(super) fn end(end: &End) -> Told {
    let shut_down = |body| Told { title: gettext("Machine Shut Down"), body, failed: false };
    match end {
        End::Shutdown(shutdown) if shutdown.reason == Shutdown::SAVED => Told {
            title: gettext("Machine Saved"),
            body: gettext("What its memory holds is on disk. It goes on from there when it is started."),
            failed: false,
        },
        End::Shutdown(shutdown) if shutdown.reason == Shutdown::MOVED => Told {
            title: gettext("Moved to Another Computer"),
            body: gettext(
                "The machine runs on there. If it is started here as well, both write to its disks.",
            ),
            failed: false,
        },
        End::Shutdown(shutdown) if shutdown.guest => shut_down(gettext("The guest system has shut down.")),
        End::Shutdown(_) => shut_down(gettext("It was ended from outside.")),
        End::Exited(exited) if exited.status.success() => shut_down(gettext("QEMU has ended.")),
        End::Exited(exited) => self::exited(exited),
        End::Gone => Told {
            title: gettext("Machine Gone"),
            body: gettext("The machine went away and has not come back. It may have been shut down."),
            failed: false,
        },
    }
}

/// QEMU's last line says most: what it complains about ends it.
fn exited(exited: &Exited) -> Told {
    let title = gettext("QEMU Stopped With an Error");
    let last = exited.words.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
    let body = match last {
        Some(line) => gettext_f("QEMU says: {words}", &[("words", without_program(line))]),
        None => {
            gettext_f("QEMU has said nothing about it ({status}).", &[("status", &exited.status.to_string())])
        }
    };
    Told::failed(title, body)
}

/// A line of QEMU's without its own name before it.
fn without_program(line: &str) -> &str {
    match line.split_once(": ") {
        Some((program, words)) if program.contains("qemu") && !program.contains(' ') => words,
        _ => line,
    }
}

/// Why a machine's switch does not work.
pub(super) fn power(error: &PowerError) -> String {
    match error {
        PowerError::NoMonitor => gettext("This machine can only be shut down from inside"),
        PowerError::Refused(error) => {
            gettext_f("The machine cannot be shut down: {error}", &[("error", &error.to_string())])
        }
        PowerError::Libvirt(error) => {
            gettext_f("The machine cannot be shut down: {error}", &[("error", &error.to_string())])
        }
    }
}

/// Everything there is to know, for those who look into it: untranslated, as it would be in a log.
pub(super) fn details(state: &State) -> Option<String> {
    match state {
        State::Lost { reason, .. } => Some(match reason {
            Loss::Unreachable(error) => match &**error {
                ConnectError::Launch(LaunchError::Exited(exited)) => transcript(exited),
                error => chain(error),
            },
            reason => chain(reason),
        }),
        State::Ended(End::Exited(exited)) => Some(transcript(exited)),
        State::Ended(End::Shutdown(shutdown)) => Some(shutdown.reason.clone()),
        _ => None,
    }
}

fn transcript(exited: &Exited) -> String {
    let mut text = format!("QEMU: {}\n", exited.status);
    for line in &exited.words {
        let _ = write!(text, "\n{line}");
    }
    text
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            let _ = write!(text, "\n{words}");
        }
        cause = error.source();
    }
    text
}

fn listed(found: &[impl ToString]) -> String {
    found.iter().fold(String::new(), |mut lines, machine| {
        let _ = write!(lines, "\n{}", machine.to_string());
        lines
    })
}

#[cfg(test)]
mod tests;
