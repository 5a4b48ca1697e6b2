//! Why a machine cannot be reached, shaped by what can be done about it.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::bus::Found;
use super::launch::LaunchError;
use super::libvirt::LibvirtError;
use super::qmp::QmpError;
use crate::display1::{CallError, PeerError};

/// Whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// It may work in a moment.
    Later,
    /// It works when the machine has come.
    OnReturn,
    /// Not without somebody doing something about it.
    No,
}

/// Why a machine cannot be reached.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// There is a bus, and no machine on it.
    #[error("no machine on {bus}: none owns the name org.qemu there; start QEMU with '-display dbus'")]
    NoMachine { bus: String },
    /// There are machines, and none is the one that was asked for.
    #[error("no machine '{wanted}' on {bus}; there is:{}", listed(.found))]
    NoSuchMachine { wanted: String, bus: String, found: Vec<Found> },
    /// The name stands for several machines.
    #[error("'{wanted}' is the name of several machines; say which by UUID or unique name:{}", listed(.found))]
    Ambiguous { wanted: String, found: Vec<Found> },
    /// The bus cannot be reached.
    #[error("cannot reach {bus}: {error}")]
    NoBus { bus: String, error: zbus::Error },
    /// The bus, or the machine on it, does not answer.
    #[error("{who} did not answer within {} s", .after.as_secs())]
    Silent { who: String, after: Duration },
    /// No monitor listens at this path.
    #[error("no QMP monitor at {}: {error}", .path.display())]
    NoSocket { path: PathBuf, error: io::Error },
    /// The monitor is another program's, or not one.
    #[error("{}: {error}", .path.display())]
    Monitor { path: PathBuf, error: QmpError },
    /// The monitor has no display for us.
    #[error("QEMU does not open its display: {0}; it has to be started with '-display dbus,p2p=yes'")]
    NotOpened(String),
    /// The monitor failed on the way.
    #[error(transparent)]
    Qmp(QmpError),
    /// The descriptor that was given is of no use.
    #[error("descriptor {number}: {error}")]
    Descriptor { number: i32, error: String },
    /// A descriptor can be connected once.
    #[error("the descriptor that was given has been used up; a new connection takes a new one")]
    UsedUp,
    /// The display let us not in.
    #[error("the display connection failed: {0}")]
    Peer(#[from] PeerError),
    /// The display let us in, and does not answer.
    #[error("the machine does not answer properly: {0}")]
    Call(#[from] CallError),
    /// This process has too much open, or this computer too much running.
    #[error("cannot make a socket or a thread: {0}")]
    Resources(#[from] io::Error),
    /// Our own QEMU does not run.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// libvirt does not give us the machine.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
}

impl ConnectError {
    /// What went wrong with the monitor at `path`.
    pub(super) fn qmp(path: &Path, error: QmpError) -> Self {
        let path = path.to_owned();
        match error {
            QmpError::Io(error) => Self::NoSocket { path, error },
            error => Self::Monitor { path, error },
        }
    }

    /// Whether another attempt makes sense.
    pub fn chance(&self) -> Chance {
        match self {
            Self::NoMachine { .. } | Self::NoSuchMachine { .. } => Chance::OnReturn,
            Self::NoSocket { error, .. } => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Chance::OnReturn,
                io::ErrorKind::PermissionDenied => Chance::No,
                _ => Chance::Later,
            },
            Self::NoBus { .. } | Self::Silent { .. } | Self::Peer(_) | Self::Call(_) => Chance::Later,
            Self::Qmp(error) | Self::Monitor { error, .. } => match error {
                QmpError::Busy(_) | QmpError::Closed | QmpError::Silent { .. } => Chance::Later,
                QmpError::NotQmp(_) | QmpError::Refused { .. } | QmpError::Io(_) => Chance::No,
            },
            Self::Libvirt(error) => of_libvirt(error),
            _ => Chance::No,
        }
    }
}

fn of_libvirt(error: &LibvirtError) -> Chance {
    use LibvirtError as E;
    match error {
        E::NoMachine { .. } | E::Off(_) => Chance::OnReturn,
        E::Absent { .. } | E::Silent { .. } | E::Disconnected | E::Busy(_) | E::NotNow(_) | E::Failed(_) => {
            Chance::Later
        }
        E::NotBuilt
        | E::Refused { .. }
        | E::BadUri { .. }
        | E::NoDisplay { .. }
        | E::Remote(_)
        | E::Rejected(_)
        | E::Cancelled
        | E::Edited
        | E::Unsupported(_) => Chance::No,
    }
}

impl From<QmpError> for ConnectError {
    fn from(error: QmpError) -> Self {
        match error {
            QmpError::Refused { words, .. } => Self::NotOpened(words),
            error => Self::Qmp(error),
        }
    }
}

/// The machines, one a line.
fn listed(found: &[Found]) -> String {
    found.iter().fold(String::new(), |mut lines, found| {
        let _ = write!(lines, "\n  {found}");
        lines
    })
}
