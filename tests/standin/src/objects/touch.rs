//! `org.qemu.Display1.MultiTouch` (8.1): ten fingers.

use super::{Handled, TOUCH, arguments, done, invalid, unknown_method};
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Incoming, Interface, Value};

/// Fingers that QEMU tells apart (include/ui/input.h).
const MAX_SLOTS: u8 = 10;

pub(super) fn describe() -> Interface {
    (TOUCH, vec![("MaxSlots", Value::I32(MAX_SLOTS.into()))])
}

pub(super) fn handle(machine: &mut Machine, index: u32, call: &Incoming) -> Handled {
    if call.member != "SendEvent" {
        return Err(unknown_method(call));
    }
    let (kind, slot, x, y): (u32, u64, f64, f64) = arguments(call, "utdd")?;
    if kind > 3 {
        return Err(invalid("Invalid touch event kind"));
    }
    if slot >= MAX_SLOTS.into() {
        return Err(invalid(format!("Unexpected touch slot number:  {slot} >= {MAX_SLOTS}")));
    }
    machine.recorder.add(Some(index), Call::Touch { kind, slot, x, y });
    done()
}
