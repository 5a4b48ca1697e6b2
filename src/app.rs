//! The program around the library: command line, logging, and what each command does.
//!
//! - [`cli`]: what can be said on the command line, as values.
//! - `logging`: where the program's words about itself go.
//! - [`exit`]: how a command ended, for scripts.
//! - `list`, `screenshot`, `completions`: commands that need no display server.
//! - `gui`: `oriel`, `oriel connect` and `oriel launch`, in builds that have a window.

pub mod cli;
mod completions;
pub mod exit;
#[cfg(feature = "gui")]
pub mod gui;
mod list;
mod logging;
mod screenshot;

use std::process::ExitCode;

use clap::Parser;

use self::cli::{Cli, Command, ConnectOptions};
use self::exit::{Exit, Failure};
use crate::clock;
use crate::library::launched;
use crate::library::model::Launched;
use crate::source::{ConnectError, launch, libvirt};

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    if let Some(error) = launch::guard::intercept(std::env::args_os()) {
        return Failure::new(Exit::Qemu, error.to_string()).report().into();
    }
    if let Some(done) = libvirt::guard::intercept(std::env::args_os()) {
        let reported = done.map_err(|error| Failure::from(ConnectError::from(error)).report());
        return reported.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    logging::start(cli.verbose);
    let done = match cli.command.unwrap_or_default() {
        Command::Library(library) => Ok(browse(library)),
        Command::Connect(connect) => connect.options().map(open),
        Command::Launch(launch) => {
            let words = launch.words();
            launch.options().map(|options| open_launched(options, words))
        }
        Command::List(list) => list::run(list),
        Command::Screenshot(screenshot) => screenshot::run(screenshot),
        Command::Completions { shell } => completions::run(shell),
    };
    done.unwrap_or_else(|error| error.report()).into()
}

/// Opens a window on the machine.
#[cfg(feature = "gui")]
fn open(options: ConnectOptions) -> Exit {
    gui::run(options)
}

/// Opens a window on a machine that is started, and remembers how.
fn open_launched(options: ConnectOptions, words: Option<Vec<String>>) -> Exit {
    let folder = std::env::current_dir().ok().and_then(|folder| folder.into_os_string().into_string().ok());
    if let (Some(words), Some(folder), Some(place)) = (words, folder, launched::place())
        && cfg!(feature = "gui")
        && let Err(error) = launched::remember(&place, Launched::new(words, folder, clock::date()))
    {
        tracing::warn!(%error, "the machine will not be found in the library");
    }
    open(options)
}

/// Shows the library of machines.
#[cfg(feature = "gui")]
fn browse(library: cli::Library) -> Exit {
    gui::library::run(library.shelves())
}

/// This build has no window.
#[cfg(not(feature = "gui"))]
fn browse(_: cli::Library) -> Exit {
    no_window()
}

/// This build has no window.
#[cfg(not(feature = "gui"))]
fn open(_: ConnectOptions) -> Exit {
    no_window()
}

#[cfg(not(feature = "gui"))]
fn no_window() -> Exit {
    tracing::error!(
        "this build of oriel has no window (it was built without the feature 'gui'); \
         'oriel list' and 'oriel screenshot' work"
    );
    Exit::Error
}
