//! The step between us and QEMU: it ties QEMU's life to ours, then becomes QEMU.
//!
//! A viewer that is killed leaves a machine that nobody sees. Linux can signal a process when its
//! parent ends, but the process has to ask for that itself, between its birth and QEMU's start,
//! where a library may not run code safely. So we start ourselves anew, with a command that only
//! asks and then executes QEMU, which inherits the wish. QEMU could watch its parent itself only
//! from 10.2 on (`-run-with exit-with-parent=on`).
//!
//! The signal is SIGTERM, on which QEMU closes its disk images properly. It does not reach a QEMU
//! that changes its user (`-run-with user=`) or has capabilities from its file, which drop the wish,
//! nor one behind a wrapper that stays.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal};
use thiserror::Error;

/// The first argument of a program that is to become QEMU: no command for people. The second is the
/// number of the process that starts it, and the rest is QEMU's command.
pub const COMMAND: &str = "guard-qemu";

/// Why QEMU was not started.
#[derive(Debug, Error)]
pub enum GuardError {
    #[error("{COMMAND} expects a process number and a command")]
    Arguments,
    #[error("what was to start QEMU has ended")]
    Orphaned,
    #[error("cannot start {}: {error}", .program.display())]
    Start { program: OsString, error: io::Error },
}

/// If these arguments, which begin with the program's own name, ask for it, becomes QEMU, which then
/// ends when the process that started this one does. Returns only if they do not, or it cannot.
pub fn intercept(arguments: impl IntoIterator<Item = OsString>) -> Option<GuardError> {
    let mut arguments = arguments.into_iter().skip(1);
    arguments.next().filter(|first| first == COMMAND)?;
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse().ok());
    let (Some(parent), Some(program)) = (parent, arguments.next()) else {
        return Some(GuardError::Arguments);
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
        return Some(GuardError::Start { program, error: error.into() });
    }
    if rustix::process::getppid().map(Pid::as_raw_pid) != Some(parent) {
        return Some(GuardError::Orphaned);
    }
    let error = Command::new(&program).args(arguments).exec();
    Some(GuardError::Start { program, error })
}
