//! `org.qemu.Display1.Mouse`: buttons and motion, refused as QEMU refuses them (ui/dbus-console.c).

use super::{Handled, MOUSE, arguments, done, invalid, unknown_method};
use crate::console::{Console, Pointer};
use crate::machine::Machine;
use crate::record::Call;
use crate::wire::{Incoming, Interface, Value};

pub(super) fn describe(console: &Console) -> Interface {
    let properties = vec![("IsAbsolute", Value::Bool(console.spec.pointer == Pointer::Absolute))];
    (MOUSE, properties)
}

pub(super) fn handle(machine: &mut Machine, index: u32, call: &Incoming) -> Handled {
    let spec = &machine.console_mut(index).spec;
    let done_by_viewer = match call.member.as_str() {
        "Press" => Call::MousePress(arguments::<(u32,)>(call, "u")?.0),
        "Release" => Call::MouseRelease(arguments::<(u32,)>(call, "u")?.0),
        "SetAbsPosition" => {
            let (x, y) = arguments(call, "uu")?;
            if spec.pointer != Pointer::Absolute {
                return Err(invalid("Mouse is not absolute"));
            }
            if x >= spec.width || y >= spec.height {
                return Err(invalid("Invalid mouse position"));
            }
            Call::SetAbsPosition { x, y }
        }
        "RelMotion" => {
            let (dx, dy) = arguments(call, "ii")?;
            if spec.pointer != Pointer::Relative {
                return Err(invalid("Mouse is not relative"));
            }
            Call::RelMotion { dx, dy }
        }
        _ => return Err(unknown_method(call)),
    };
    machine.input(index, done_by_viewer);
    done()
}
