//! Stock QEMU under emulation: every way to reach it, what it shows, how it ends.

mod bus;
mod clipboard;
mod conformance;
#[cfg(feature = "gui")]
mod demo;
mod devices;
#[cfg(feature = "gui")]
mod gnome;
#[cfg(feature = "gui")]
mod hands;
#[cfg(feature = "gui")]
mod heads;
mod keys;
mod launch;
#[path = "../it/paste.rs"]
mod paste;
#[cfg(feature = "gui")]
mod pointer;
mod qmp;
mod resize;
mod screenshot;
#[path = "../it/session_watch.rs"]
mod session_watch;
mod support;
#[cfg(feature = "gui")]
mod x11;
