//! Every member of QEMU's interfaces that we use, with its types, as ui/dbus-display1.xml has them.
//!
//! The methods that QEMU calls on us are in [`decode::Method`](super::decode::Method). A test holds
//! both against the QEMU that is installed.

use super::interface;

/// A method that we call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    pub interface: &'static str,
    pub member: &'static str,
    /// The D-Bus types of its arguments.
    pub signature: &'static str,
}

/// A property that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Property {
    pub interface: &'static str,
    pub name: &'static str,
    /// Its D-Bus type.
    pub signature: &'static str,
}

macro_rules! calls {
    ($($name:ident = $interface:ident, $member:literal, $signature:literal;)*) => {
        $(
            pub(super) const $name: Call =
                Call { interface: interface::$interface, member: $member, signature: $signature };
        )*
        /// Every method that we call.
        pub const CALLS: &[Call] = &[$($name,)*];
    };
}

macro_rules! properties {
    ($($name:ident = $interface:ident, $property:literal, $signature:literal;)*) => {
        $(
            pub(super) const $name: Property =
                Property { interface: interface::$interface, name: $property, signature: $signature };
        )*
        /// Every property that we read.
        pub const PROPERTIES: &[Property] = &[$($name,)*];
    };
}

calls! {
    REGISTER_LISTENER = CONSOLE, "RegisterListener", "h";
    SET_UI_INFO = CONSOLE, "SetUIInfo", "qqiiuu";
    KEY_PRESS = KEYBOARD, "Press", "u";
    KEY_RELEASE = KEYBOARD, "Release", "u";
    BUTTON_PRESS = MOUSE, "Press", "u";
    BUTTON_RELEASE = MOUSE, "Release", "u";
    SET_ABS_POSITION = MOUSE, "SetAbsPosition", "uu";
    REL_MOTION = MOUSE, "RelMotion", "ii";
    SEND_EVENT = MULTI_TOUCH, "SendEvent", "utdd";
    CLIPBOARD_REGISTER = CLIPBOARD, "Register", "";
    CLIPBOARD_UNREGISTER = CLIPBOARD, "Unregister", "";
    CLIPBOARD_GRAB = CLIPBOARD, "Grab", "uuas";
    CLIPBOARD_RELEASE = CLIPBOARD, "Release", "u";
    CLIPBOARD_REQUEST = CLIPBOARD, "Request", "uas";
}

properties! {
    NAME = VM, "Name", "s";
    UUID = VM, "UUID", "s";
    CONSOLE_IDS = VM, "ConsoleIDs", "au";
    LABEL = CONSOLE, "Label", "s";
    HEAD = CONSOLE, "Head", "u";
    TYPE = CONSOLE, "Type", "s";
    WIDTH = CONSOLE, "Width", "u";
    HEIGHT = CONSOLE, "Height", "u";
    DEVICE_ADDRESS = CONSOLE, "DeviceAddress", "s";
    MODIFIERS = KEYBOARD, "Modifiers", "u";
    IS_ABSOLUTE = MOUSE, "IsAbsolute", "b";
    MAX_SLOTS = MULTI_TOUCH, "MaxSlots", "i";
}
