//! `org.qemu.Display1` on the wire: calls to QEMU, and the ordered loop that hears its frames.
//!
//! - [`Peer`]: a QEMU at the other end of a D-Bus connection, on a bus or over a socket of its own.
//! - [`Console`]: one of its displays: what it is, what the person does to it, what changes.
//! - [`Clipboard`]: what is copied here and pasted there; both sides ask.
//! - [`Listener`]: the connection that QEMU sends a console's frames over, on its own thread.
//! - [`decode`]: the only door for a peer's unchecked numbers.
//!
//! The listener does not use zbus: it must never fall behind QEMU, which has no back-pressure, and
//! never hold more than one message in memory, which may be 128 MiB. So it reads frames into one
//! buffer, in order, on a thread that waits for nothing else; [`wire`] holds what little of D-Bus
//! that takes. A picture of 1920×1080 in a message costs 2.5 to 3.0 ms of that thread so, its copy
//! into the framebuffer included, and 3.2 to 3.8 ms over zbus, which keeps some messages in memory.

pub mod auth;
mod change;
pub mod clipboard;
mod console;
pub mod decode;
mod listener;
pub mod member;
mod peer;
mod socket;
pub mod wire;

pub use change::{Change, changes};
pub use clipboard::Clipboard;
pub use console::{Console, Description, UiInfo};
pub use listener::{Closed, Frames, Listener, Pace, RegisterError, Report};
pub use peer::{CallError, Machine, Peer, PeerError};

use std::time::Duration;

/// The root of QEMU's objects, an `ObjectManager` (ui/dbus.c).
pub const ROOT: &str = "/org/qemu/Display1";

/// The machine itself.
pub const VM_PATH: &str = "/org/qemu/Display1/VM";

/// The clipboard, which QEMU and the viewer have at the same place.
pub const CLIPBOARD_PATH: &str = "/org/qemu/Display1/Clipboard";

/// The object that the viewer shows QEMU on a listener connection.
pub const LISTENER_PATH: &str = "/org/qemu/Display1/Listener";

/// Interface names, as in QEMU's ui/dbus-display1.xml.
pub mod interface {
    pub const VM: &str = "org.qemu.Display1.VM";
    pub const CONSOLE: &str = "org.qemu.Display1.Console";
    pub const KEYBOARD: &str = "org.qemu.Display1.Keyboard";
    pub const MOUSE: &str = "org.qemu.Display1.Mouse";
    pub const MULTI_TOUCH: &str = "org.qemu.Display1.MultiTouch";
    pub const CLIPBOARD: &str = "org.qemu.Display1.Clipboard";
    pub const LISTENER: &str = "org.qemu.Display1.Listener";
    pub const LISTENER_MAP: &str = "org.qemu.Display1.Listener.Unix.Map";
    pub const LISTENER_DMABUF2: &str = "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2";
    pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
    pub const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
    pub const PEER: &str = "org.freedesktop.DBus.Peer";
    pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
}

/// How long a call to QEMU may take before it counts as hung. QEMU answers from its main loop, which
/// firmware and snapshots may hold up for seconds.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How long QEMU may take over the few lines of authentication.
pub const AUTH_DEADLINE: Duration = Duration::from_secs(10);
