//! Objects of every machine that this stand-in only shows: a viewer must find the consoles among them.

use super::{ROOT, interfaces_property};
use crate::machine::Machine;
use crate::wire::{Interface, Value};

/// The serial port, as a machine without options has it.
pub(super) fn describe(machine: &Machine) -> Vec<(String, Vec<Interface>)> {
    let mut serial = vec![
        ("Name", Value::Str("org.qemu.console.serial.0".into())),
        ("FEOpened", Value::Bool(true)),
        ("Echo", Value::Bool(false)),
        ("Owner", Value::Str(String::new())),
    ];
    serial.extend(interfaces_property(machine, &[]));
    vec![(format!("{ROOT}/Chardev_serial0"), vec![("org.qemu.Display1.Chardev", serial)])]
}
