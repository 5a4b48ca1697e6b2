//! `org.qemu.Display1.Console`: listeners, the size wanted, and what the console is.

use std::sync::Arc;

use super::{Answer, CONSOLE, Handled, KEYBOARD, MOUSE, TOUCH, arguments, done, interfaces_property};
use super::{unknown_method, unsupported};
use crate::conn::Conn;
use crate::console::{Console, ConsoleKind};
use crate::machine::Machine;
use crate::record::{Call, UiInfo};
use crate::register;
use crate::wire::{Incoming, Interface, Value};

pub(super) fn describe(machine: &Machine, console: &Console) -> Interface {
    let spec = &console.spec;
    let kind = match spec.kind {
        ConsoleKind::Graphic => "Graphic",
        ConsoleKind::Text => "Text",
    };
    let mut properties = vec![
        ("Label", Value::Str(spec.label.clone())),
        ("Head", Value::U32(spec.head)),
        ("Type", Value::Str(kind.into())),
        ("Width", Value::U32(spec.width)),
        ("Height", Value::U32(spec.height)),
        ("DeviceAddress", Value::Str(spec.device_address.clone())),
    ];
    properties.extend(interfaces_property(machine, &[KEYBOARD, MOUSE, TOUCH]));
    (CONSOLE, properties)
}

pub(super) fn handle(machine: &mut Machine, conn: &Arc<Conn>, index: u32, call: &Incoming) -> Handled {
    match call.member.as_str() {
        "RegisterListener" => {
            register::register(machine, conn, index, call)?;
            Ok(Answer::Done)
        }
        "SetUIInfo" => set_ui_info(machine, index, call),
        _ => Err(unknown_method(call)),
    }
}

fn set_ui_info(machine: &mut Machine, index: u32, call: &Incoming) -> Handled {
    let (width_mm, height_mm, xoff, yoff, width, height) = arguments(call, "qqiiuu")?;
    let info = UiInfo { width_mm, height_mm, xoff, yoff, width, height };
    let console = machine.console_mut(index);
    if !console.spec.resizable {
        return Err(unsupported("SetUIInfo is not supported"));
    }
    console.ui_info = Some(info);
    machine.recorder.add(Some(index), Call::SetUiInfo(info));
    done()
}
