//! How a command ended: the exit codes, as values and as `--help` lists them.

use std::fmt;
use std::process::ExitCode;

use crate::session::{End, Loss};
use crate::source::ConnectError;
use crate::source::libvirt::LibvirtError;

/// The exit codes of every command. `--help` documents them: [`HELP`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done; the window was closed; the machine has shut down.
    Done = 0,
    /// Something else went wrong.
    Error = 1,
    /// The command line says something that does not exist.
    Usage = 2,
    /// There is no machine, or not the one asked for.
    NoMachine = 3,
    /// The connection to the machine broke.
    Lost = 4,
    /// QEMU did not start, or ended with an error.
    Qemu = 5,
    /// The machine showed no picture in time.
    NoPicture = 6,
}

/// The exit codes in words.
pub const HELP: &str = "\
Exit codes:
  0  done; the window was closed, or the machine has shut down
  1  another error
  2  wrong usage
  3  no machine found, or not the one asked for
  4  the connection to the machine was lost
  5  QEMU did not start, or ended with an error
  6  the machine showed no picture in time";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what was asked, and how it ends for that.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    words: String,
}

impl Failure {
    /// A failure in words that say what to do about it.
    pub fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, words: words.into() }
    }

    /// Says on standard error what went wrong. Some of the words may be a machine's own: a terminal
    /// must find nothing in them to obey.
    pub fn report(self) -> Exit {
        let harmless = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
        eprintln!("oriel: {}", self.words.chars().map(harmless).collect::<String>());
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(Exit::from(&error), error.to_string())
    }
}

impl From<&ConnectError> for Exit {
    fn from(error: &ConnectError) -> Self {
        use ConnectError as E;
        match error {
            E::NoMachine { .. } | E::NoSuchMachine { .. } | E::NoSocket { .. } | E::NoBus { .. } => {
                Self::NoMachine
            }
            E::Libvirt(
                LibvirtError::Absent { .. } | LibvirtError::NoMachine { .. } | LibvirtError::Off(_),
            ) => Self::NoMachine,
            E::Launch(_) => Self::Qemu,
            E::Descriptor { .. } => Self::Usage,
            _ => Self::Error,
        }
    }
}

impl From<&Loss> for Exit {
    fn from(loss: &Loss) -> Self {
        match loss {
            Loss::Unreachable(error) => Self::from(error.as_ref()),
            Loss::Closed | Loss::Gone | Loss::TakenOver => Self::Lost,
            Loss::Display(_) => Self::Error,
        }
    }
}

impl From<&End> for Exit {
    fn from(end: &End) -> Self {
        match end {
            End::Exited(exited) if !exited.status.success() => Self::Qemu,
            End::Exited(_) | End::Shutdown(_) => Self::Done,
            End::Gone => Self::Lost,
        }
    }
}

/// Says on standard error or output, as clap has it, what the command line should have said.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Standard output may be closed: nothing is left to say then.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
