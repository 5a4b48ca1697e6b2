//! `org.qemu.Display1.VM`: the machine's name and its consoles.

use super::{VM, interfaces_property};
use crate::machine::Machine;
use crate::wire::{Interface, Value};

pub(super) fn describe(machine: &Machine) -> Interface {
    let mut properties = vec![
        ("Name", Value::Str(machine.name.clone())),
        ("UUID", Value::Str(machine.uuid.clone())),
        ("ConsoleIDs", Value::U32s(machine.console_ids.clone())),
    ];
    // QEMU never fills it.
    properties.extend(interfaces_property(machine, &[]));
    (VM, properties)
}
