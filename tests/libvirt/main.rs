//! A real libvirtd, and emulated machines that it runs: every way in which they meet.
//!
//! Each test has a daemon of its own in namespaces of its own (see `daemon`), with its own machines;
//! nothing of this computer's libvirt is touched.

mod daemon;
mod definitions;
#[cfg(feature = "gui")]
mod library;
mod open;
mod ready;
#[path = "../it/session_watch.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod session_watch;
mod shell;
mod watching;
