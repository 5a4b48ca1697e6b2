//! `org.qemu.Display1.Clipboard`: one partner, whom QEMU also calls (ui/dbus-clipboard.c).

use std::sync::Arc;

use super::{Answer, Handled, ROOT, arguments, done, failed, interfaces_property, unknown_method};
use crate::conn::Conn;
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Args, Incoming, Interface, Outgoing};

pub(crate) const CLIPBOARD: &str = "org.qemu.Display1.Clipboard";
/// The only type that QEMU knows.
const TEXT: &str = "text/plain;charset=utf-8";
/// Clipboard, primary and secondary.
const SELECTIONS: u32 = 3;

/// The clipboard of the machine.
#[derive(Debug, Default)]
pub(crate) struct Clipboard {
    registered: bool,
    /// What the guest has, as bytes that need not be text.
    pub(crate) text: Option<Vec<u8>>,
}

pub(crate) fn path() -> String {
    format!("{ROOT}/Clipboard")
}

pub(super) fn describe(machine: &Machine) -> (String, Vec<Interface>) {
    (path(), vec![(CLIPBOARD, interfaces_property(machine, &[]))])
}

pub(super) fn handle(machine: &mut Machine, conn: &Arc<Conn>, call: &Incoming) -> Handled {
    if call.member == "Register" {
        return register(machine, conn);
    }
    if !machine.clipboard.registered {
        return Err(failed("Unregistered caller"));
    }
    match call.member.as_str() {
        "Unregister" => {
            machine.clipboard.registered = false;
            machine.recorder.add(None, Call::ClipboardUnregister);
            done()
        }
        "Grab" => {
            let (selection, serial, mimes): (u32, u32, Vec<String>) = arguments(call, "uuas")?;
            check(selection)?;
            machine.recorder.add(None, Call::ClipboardGrab { selection, serial, mimes });
            done()
        }
        "Release" => {
            let (selection,) = arguments(call, "u")?;
            machine.recorder.add(None, Call::ClipboardRelease(selection));
            done()
        }
        "Request" => {
            let (selection, mimes): (u32, Vec<String>) = arguments(call, "uas")?;
            check(selection)?;
            machine.recorder.add(None, Call::ClipboardRequest(selection));
            let Some(text) = machine.clipboard.text.clone() else { return Err(failed("Empty clipboard")) };
            if !mimes.iter().any(|mime| mime == TEXT) {
                return Err(failed("Unhandled MIME types requested"));
            }
            Ok(Answer::Reply(Args::new().str(TEXT).pixels(text)))
        }
        _ => Err(unknown_method(call)),
    }
}

fn check(selection: u32) -> Result<(), super::Refusal> {
    if selection < SELECTIONS {
        return Ok(());
    }
    Err(failed(format!("Invalid clipboard selection: {selection}")))
}

/// QEMU asks its new partner for properties, with its main loop standing still, and tells it to count
/// from 0, before it replies.
fn register(machine: &mut Machine, conn: &Arc<Conn>) -> Handled {
    if machine.clipboard.registered {
        return Err(failed("Clipboard peer already registered!"));
    }
    let get_all =
        Outgoing::call(path(), "org.freedesktop.DBus.Properties", "GetAll", Args::new().str(CLIPBOARD));
    let reply = conn.call(get_all).wait(machine.options.timing.get_all);
    machine.clipboard.registered = true;
    machine.recorder.add(None, Call::ClipboardRegister { answered: reply.is_returned() });
    conn.send(Outgoing::call(path(), CLIPBOARD, "Register", Args::new()).no_reply());
    done()
}
