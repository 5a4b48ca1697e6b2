//! A real libvirtd, and emulated machines that it runs: every way in which they meet.
//!
//! Each test has a daemon of its own in namespaces of its own (see `daemon`), with its own machines;
//! nothing of this computer's libvirt is touched.

mod boost;
mod daemon;
mod definitions;
#[cfg(feature = "gui")]
#[path = "../gui/window/desk.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod desk;
#[cfg(feature = "gui")]
mod desktop;
#[cfg(feature = "gui")]
mod library;
#[cfg(feature = "gui")]
mod moving;
mod open;
mod own;
mod ready;
mod remote;
#[cfg(feature = "gui")]
mod saving;
#[path = "../it/screen.rs"]
mod screen;
#[path = "../it/session_watch.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod session_watch;
mod shell;
#[cfg(feature = "gui")]
#[path = "../gui/window/stage.rs"]
mod stage;
mod watching;
#[cfg(feature = "gui")]
mod window;

/// The test as which this program, started once more, shows the window.
#[cfg(feature = "gui")]
const STAGE: &str = "window::a_machine_is_made_ready_in_its_window";
