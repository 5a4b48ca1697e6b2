//! The interfaces of D-Bus itself, as GDBus provides them on every object.

use super::{Answer, Handled, ROOT, Refusal, all, arguments, invalid_args, unknown_method};
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Args, Incoming, Interface};

pub(super) fn handle(machine: &mut Machine, call: &Incoming) -> Handled {
    match (call.interface.as_str(), call.member.as_str()) {
        ("org.freedesktop.DBus.Properties", "Get") => get(machine, call),
        ("org.freedesktop.DBus.Properties", "GetAll") => get_all(machine, call),
        ("org.freedesktop.DBus.Properties", "Set") => set(call),
        ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects") if call.path == ROOT => {
            machine.recorder.add(None, Call::GetManagedObjects);
            Ok(Answer::Reply(Args::new().objects(&all(machine))))
        }
        ("org.freedesktop.DBus.Introspectable", "Introspect") => {
            Ok(Answer::Reply(Args::new().str(&introspect(machine, &call.path))))
        }
        ("org.freedesktop.DBus.Peer", "Ping") => Ok(Answer::Reply(Args::new())),
        ("org.freedesktop.DBus.Peer", "GetMachineId") => Ok(Answer::Reply(Args::new().str(&"0".repeat(32)))),
        _ => Err(unknown_method(call)),
    }
}

fn find(machine: &Machine, path: &str, interface: &str) -> Result<Interface, Refusal> {
    let object = all(machine).into_iter().find(|(name, _)| name == path);
    let interfaces = object.map(|(_, interfaces)| interfaces).unwrap_or_default();
    interfaces
        .into_iter()
        .find(|(name, _)| *name == interface)
        .ok_or_else(|| invalid_args(format!("No such interface “{interface}”")))
}

fn record(machine: &Machine, call: &Incoming, interface: &str, property: &str) {
    let console = machine.console_at(&call.path).map(|console| console.index);
    let read = Call::ReadProperty { interface: interface.into(), property: property.into() };
    machine.recorder.add(console, read);
}

fn get(machine: &Machine, call: &Incoming) -> Handled {
    let (interface, property): (String, String) = arguments(call, "ss")?;
    record(machine, call, &interface, &property);
    let (_, properties) = find(machine, &call.path, &interface)?;
    let (_, value) = properties
        .iter()
        .find(|(name, _)| *name == property)
        .ok_or_else(|| invalid_args(format!("No such property “{property}”")))?;
    Ok(Answer::Reply(Args::new().variant(value)))
}

fn set(call: &Incoming) -> Handled {
    // The value is a variant of any type, and is not read.
    let (_, property): (String, String) = arguments(call, "ssv")?;
    Err(invalid_args(format!("Property “{property}” is not writable")))
}

fn get_all(machine: &Machine, call: &Incoming) -> Handled {
    let (interface,): (String,) = arguments(call, "s")?;
    record(machine, call, &interface, "");
    let (_, properties) = find(machine, &call.path, &interface)?;
    Ok(Answer::Reply(Args::new().properties(&properties)))
}

/// Names only: no viewer needs the signatures from here.
fn introspect(machine: &Machine, path: &str) -> String {
    let mut xml = String::from("<node>");
    for (name, interfaces) in all(machine) {
        if name == path {
            for (interface, _) in interfaces {
                xml += &format!("<interface name=\"{interface}\"/>");
            }
        } else if let Some(child) = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) {
            xml += &format!("<node name=\"{child}\"/>");
        }
    }
    xml + "</node>"
}
