//! A viewer whose main loop is busy for 120 of every 250 ms, as a slow user interface would be.
//!
//! This program becomes that viewer: it runs the same library as `oriel` does, with one more source
//! in GLib's main loop. So the product needs no switch for it.

use std::env;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use gtk::glib;
use harness::Result;
use harness::desk::Desk;
use harness::viewer::Viewer;

/// Tells this program that it is the viewer.
const ROLE: &str = "ORIEL_BENCH_BLOCKED_VIEWER";

const PERIOD: Duration = Duration::from_millis(250);
const BUSY: Duration = Duration::from_millis(120);

/// Whether this process is to be such a viewer.
pub(crate) fn is_wanted() -> bool {
    env::var_os(ROLE).is_some()
}

/// Becomes it; the command line is that of `oriel`.
pub(crate) fn run() -> ExitCode {
    glib::timeout_add(PERIOD, || {
        thread::sleep(BUSY);
        glib::ControlFlow::Continue
    });
    oriel::app::run()
}

/// Starts it on a desktop.
pub(crate) fn start(desk: &impl Desk, subcommand: &str, arguments: &[String]) -> Result<Viewer> {
    let own = env::current_exe().map_err(harness::Error::failed)?;
    let mut command: Command = desk.command(&own.to_string_lossy());
    command.env(ROLE, "1");
    Viewer::start_as(desk, command, subcommand, arguments)
}
