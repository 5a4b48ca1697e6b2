//! A machine that we start ourselves: QEMU with us as its display, which never outlives us.
//!
//! - `arguments`: the command as the person wrote it, completed or refused.
//! - `agent`: the clipboard that it is given, if it has none.
//! - [`guard`]: the step between us and QEMU that ties its life to ours.
//! - `child`: the process, its last words, its end.
//!
//! QEMU gets a monitor of its own beside those that its command asks for: one end of a socket pair,
//! which nobody else can reach, and which leaves no file behind. The display is asked for over it.

mod agent;
mod arguments;
mod child;
pub mod guard;
mod tail;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use super::qmp::QmpError;

use self::child::Over;

pub use self::arguments::Refusal;
pub use self::child::{Child, Exited};

/// Why a machine of our own does not run.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The command contradicts what we are for.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No process could be made.
    #[error("cannot start {}: {error}", .program.display())]
    Spawn { program: PathBuf, error: io::Error },
    /// QEMU ended before its display was there.
    #[error("{0}")]
    Exited(Exited),
    /// QEMU runs, and its monitor does not work.
    #[error("QEMU has started, and its monitor does not work: {0}")]
    Monitor(QmpError),
}

/// A command that starts QEMU with us as its display.
#[derive(Debug, Clone)]
pub struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
    /// The program that becomes QEMU when [`guard::intercept`] sees its arguments.
    guard: PathBuf,
    /// The process that was started last.
    last: Arc<Mutex<Option<Over>>>,
}

impl Launch {
    /// Completes a command as it would be typed without us: the program and its arguments.
    ///
    /// # Errors
    ///
    /// When it asks for another display, or for what would part QEMU from us.
    pub fn new(command: impl IntoIterator<Item = OsString>) -> Result<Self, LaunchError> {
        let mut command = command.into_iter();
        let program = command.next().ok_or(Refusal::Empty)?;
        let arguments = arguments::complete(command.collect())?;
        Ok(Self { program, arguments, guard: "/proc/self/exe".into(), last: Arc::default() })
    }

    /// Starts QEMU through this program instead of the one that runs: it has to be Oriel.
    #[must_use]
    pub fn guarded_by(self, guard: impl Into<PathBuf>) -> Self {
        Self { guard: guard.into(), ..self }
    }

    /// The program that is started.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Starts QEMU. It ends, at the latest, with the thread that calls this.
    ///
    /// # Errors
    ///
    /// When no process can be made. A program that does not exist shows in [`Child::exited`].
    pub(super) async fn start(&self) -> Result<Child, LaunchError> {
        let agent = agent::arguments(&self.program, &self.arguments).await;
        let child = Child::spawn(self, agent)
            .map_err(|error| LaunchError::Spawn { program: self.program.clone().into(), error })?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(child.over());
        Ok(child)
    }

    /// Completes when the process that was started last has ended.
    pub(super) async fn settled(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(last) = last {
            last.wait().await;
        }
    }
}
