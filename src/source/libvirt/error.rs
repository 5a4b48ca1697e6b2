//! Why something cannot be done through libvirt, shaped by what can be done about it.

use std::time::Duration;

use thiserror::Error;

/// Why something cannot be done through libvirt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LibvirtError {
    /// This program cannot speak to libvirt.
    #[error("this build of oriel does not speak to libvirt (it was built without the feature 'libvirt')")]
    NotBuilt,
    /// Nobody listens there: libvirt is not installed, or not running.
    #[error("libvirt does not answer at {uri}: {words}")]
    Absent { uri: String, words: String },
    /// The person may not, or did not want to say who they are.
    #[error("libvirt refuses access to {uri}: {words}")]
    Refused { uri: String, words: String },
    /// libvirt cannot make anything of the URI.
    #[error("'{uri}' is no connection that libvirt knows: {words}")]
    BadUri { uri: String, words: String },
    /// It is there, and does not answer.
    #[error("libvirt did not {what} within {} s", .after.as_secs())]
    Silent { what: &'static str, after: Duration },
    /// The connection ended while it was asked.
    #[error("the connection to libvirt ended")]
    Disconnected,
    /// No machine has this name, UUID or id.
    #[error("there is no machine '{wanted}' on {uri}")]
    NoMachine { wanted: String, uri: String },
    /// The machine is not running.
    #[error("the machine '{0}' is off")]
    Off(String),
    /// The machine has no display that we can open.
    #[error("the machine '{name}' has no D-Bus display; it has: {has}")]
    NoDisplay { name: String, has: String },
    /// The display is on a computer that cannot be reached over this connection.
    #[error("displays are opened on the computer that the machine runs on, and {0} is another one")]
    Remote(String),
    /// Something else is being done to the machine.
    #[error("the machine is busy: {0}")]
    Busy(String),
    /// It cannot be done in the state that the machine is in.
    #[error("not now: {0}")]
    NotNow(String),
    /// Somebody wanted what was being done to come to nothing.
    #[error("it was cancelled")]
    Cancelled,
    /// libvirt does not take the definition.
    #[error("libvirt rejects the definition: {0}")]
    Rejected(String),
    /// The definition that was to be replaced is not the machine's any more.
    #[error("somebody has changed the definition in the meantime")]
    Edited,
    /// This libvirt, or what it drives, cannot do that.
    #[error("libvirt cannot do that: {0}")]
    Unsupported(String),
    /// Anything else, in libvirt's words.
    #[error("libvirt: {0}")]
    Failed(String),
}

impl LibvirtError {
    /// Whether trying again by itself can come to anything: a refused person would be asked for a
    /// password over and over, and a URI that means nothing goes on meaning nothing.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::NotBuilt | Self::Refused { .. } | Self::BadUri { .. })
    }

    /// Whether the connection is of no use any more, or never was.
    pub fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::NotBuilt
                | Self::Absent { .. }
                | Self::Refused { .. }
                | Self::BadUri { .. }
                | Self::Silent { .. }
                | Self::Disconnected
        )
    }
}
