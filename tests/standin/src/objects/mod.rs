//! The objects under `/org/qemu/Display1`: what there is, its properties, and calls to it.

pub(crate) mod clipboard;
mod console;
mod keyboard;
mod mouse;
mod others;
mod standard;
mod touch;
mod vm;

use std::borrow::Cow;
use std::sync::Arc;

use crate::conn::Conn;
use crate::console::Console;
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Args, Incoming, Interface, Value};

pub(crate) const ROOT: &str = "/org/qemu/Display1";
pub(crate) const VM: &str = "org.qemu.Display1.VM";
pub(crate) const CONSOLE: &str = "org.qemu.Display1.Console";
pub(crate) const KEYBOARD: &str = "org.qemu.Display1.Keyboard";
pub(crate) const MOUSE: &str = "org.qemu.Display1.Mouse";
pub(crate) const TOUCH: &str = "org.qemu.Display1.MultiTouch";

/// How a call is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) name: Cow<'static, str>,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(name: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// An error of QEMU's own domain (ui/dbus-error.c).
pub(crate) fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("org.qemu.Display1.Error.Invalid", text)
}

pub(crate) fn unsupported(text: impl Into<String>) -> Refusal {
    Refusal::new("org.qemu.Display1.Error.Unsupported", text)
}

pub(crate) fn failed(text: impl Into<String>) -> Refusal {
    Refusal::new("org.qemu.Display1.Error.Failed", text)
}

pub(crate) fn invalid_args(text: impl Into<String>) -> Refusal {
    Refusal::new("org.freedesktop.DBus.Error.InvalidArgs", text)
}

fn unknown(text: String) -> Refusal {
    Refusal::new("org.freedesktop.DBus.Error.UnknownMethod", text)
}

pub(crate) fn unknown_method(call: &Incoming) -> Refusal {
    unknown(format!("No such method “{}”", call.member))
}

/// Reads a call's arguments, refusing others as GDBus does before a handler sees them.
pub(crate) fn arguments<T>(call: &Incoming, signature: &str) -> Result<T, Refusal>
where
    T: for<'d> serde::Deserialize<'d> + zbus::Type,
{
    if call.signature != signature {
        let got = &call.signature;
        return Err(invalid_args(format!(
            "Type of message, “({got})”, does not match expected type “({signature})”"
        )));
    }
    call.read().map_err(|error| invalid_args(error.to_string()))
}

/// What a test has calls answered with, in place of what QEMU would do.
#[derive(Debug)]
pub(crate) enum Override {
    Refuse(Refusal),
    Answer { signature: String, bytes: Vec<u8> },
}

/// What a handler has done.
pub(crate) enum Answer {
    /// The reply is still to be sent.
    Reply(Args),
    /// The handler replied itself.
    Done,
}

pub(crate) type Handled = Result<Answer, Refusal>;

/// The reply that says nothing.
pub(crate) fn done() -> Handled {
    Ok(Answer::Reply(Args::new()))
}

/// Every object with its interfaces and properties.
pub(crate) fn all(machine: &Machine) -> Vec<(String, Vec<Interface>)> {
    let mut objects = vec![(format!("{ROOT}/VM"), vec![vm::describe(machine)])];
    objects.push(clipboard::describe(machine));
    objects.extend(others::describe(machine));
    objects.extend(machine.consoles.iter().map(|console| (console.path(), of_console(machine, console))));
    objects
}

/// A console's interfaces, the same for graphic and text ones.
pub(crate) fn of_console(machine: &Machine, console: &Console) -> Vec<Interface> {
    let mut interfaces =
        vec![console::describe(machine, console), keyboard::describe(console), mouse::describe(console)];
    if machine.release.has_interfaces() {
        interfaces.push(touch::describe());
    }
    interfaces
}

/// The `Interfaces` property, where the release has it.
pub(crate) fn interfaces_property(machine: &Machine, names: &[&str]) -> Vec<(&'static str, Value)> {
    if !machine.release.has_interfaces() {
        return Vec::new();
    }
    vec![("Interfaces", Value::Strs(names.iter().map(|&name| name.to_owned()).collect()))]
}

/// Carries out one call and answers it.
pub(crate) fn handle(machine: &mut Machine, conn: &Arc<Conn>, call: &Incoming) {
    let handled = match machine.overrides.get(&call.member) {
        Some(Override::Refuse(refusal)) => Err(refusal.clone()),
        Some(Override::Answer { signature, bytes }) => {
            Ok(Answer::Reply(Args::raw(signature, bytes.clone(), Vec::new())))
        }
        None => dispatch(machine, conn, call),
    };
    match handled {
        Ok(Answer::Reply(args)) => machine.reply(conn, call, args),
        Ok(Answer::Done) => {}
        Err(refusal) => {
            let console = machine.console_at(&call.path).map(|console| console.index);
            let refused = Call::Refused { member: call.member.clone(), error: refusal.text.clone() };
            machine.recorder.add(console, refused);
            machine.reply_error(conn, call, &refusal);
        }
    }
}

fn dispatch(machine: &mut Machine, conn: &Arc<Conn>, call: &Incoming) -> Handled {
    if call.interface.starts_with("org.freedesktop.DBus") {
        return standard::handle(machine, call);
    }
    let path = &call.path;
    let (_, interfaces) = all(machine)
        .into_iter()
        .find(|(name, _)| name == path && !call.interface.is_empty())
        .ok_or_else(|| unknown(format!("Object does not exist at path “{path}”")))?;
    if !interfaces.iter().any(|(name, _)| *name == call.interface) {
        let name = &call.interface;
        return Err(unknown(format!("No such interface “{name}” on object at path {path}")));
    }
    if call.interface == clipboard::CLIPBOARD {
        return clipboard::handle(machine, conn, call);
    }
    let index = machine.console_at(path).map(|console| console.index);
    let Some(index) = index else {
        return Err(unknown_method(call));
    };
    match call.interface.as_str() {
        CONSOLE => console::handle(machine, conn, index, call),
        KEYBOARD => keyboard::handle(machine, index, call),
        MOUSE => mouse::handle(machine, index, call),
        TOUCH => touch::handle(machine, index, call),
        _ => Err(unknown_method(call)),
    }
}
