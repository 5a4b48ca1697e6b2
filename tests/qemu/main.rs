//! Stock QEMU under emulation: every way to reach it, what it shows, how it ends.

mod bus;
mod clipboard;
mod conformance;
#[cfg(feature = "gui")]
mod demo;
mod devices;
mod keys;
mod launch;
mod qmp;
mod screenshot;
#[path = "../it/session_watch.rs"]
mod session_watch;
mod support;
