//! `org.qemu.Display1.Keyboard`: keys by qnum, and the guest's lock lights.

use super::{Handled, KEYBOARD, arguments, done, unknown_method};
use crate::console::Console;
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Incoming, Interface, Value};

pub(super) fn describe(console: &Console) -> Interface {
    let properties = vec![("Modifiers", Value::U32(console.spec.modifiers))];
    (KEYBOARD, properties)
}

pub(super) fn handle(machine: &mut Machine, index: u32, call: &Incoming) -> Handled {
    let done_by_viewer = match call.member.as_str() {
        "Press" => Call::KeyPress(arguments::<(u32,)>(call, "u")?.0),
        "Release" => Call::KeyRelease(arguments::<(u32,)>(call, "u")?.0),
        _ => return Err(unknown_method(call)),
    };
    machine.input(index, done_by_viewer);
    done()
}
