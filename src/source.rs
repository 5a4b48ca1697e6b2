//! Ways to reach a machine, all ending in a [`Link`]: a bus, a QMP socket, a descriptor, a start.
//!
//! - [`bus`]: machines that queue for the name `org.qemu` on a D-Bus.
//! - [`qmp`]: a machine whose monitor hands a connection of ours to its display.
//! - [`fd`]: a connected socket that was inherited.
//! - [`launch`]: a machine that we start ourselves.
//! - [`libvirt`]: machines that libvirt runs.
//!
//! [`survey`] looks at what there is without staying.

pub mod bus;
pub mod fd;
pub mod launch;
pub mod libvirt;
pub mod qmp;
mod refresh;

mod error;
mod link;
mod place;
mod survey;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use zruntime::SharedRuntime;

use crate::display1::{Machine, Peer};

pub use self::error::{Chance, ConnectError};
pub use self::fd::Inherited;
pub use self::launch::{Exited, Launch, LaunchError};
pub use self::link::{Ending, Keep, Link, Power, PowerError};
pub use self::place::Place;
pub use self::qmp::Shutdown;
pub use self::refresh::{RefreshError, Refreshed, Refresher};
pub use self::survey::{Surveyed, survey};

/// What QMP's `add_client` calls the D-Bus display.
const PROTOCOL: &str = "@dbus-display";

/// What QEMU calls a machine without a name, before its own version (ui/dbus.c).
const UNNAMED: &str = "QEMU ";

/// A way to reach a machine, which may be gone again and again.
#[derive(Debug)]
pub enum Source {
    /// A machine on the bus with this address, or else on the session bus; the one with this name,
    /// UUID or unique name, or else the first.
    Bus { address: Option<String>, machine: Option<String> },
    /// The machine whose QMP monitor listens at a path.
    Qmp(Place),
    /// The machine at the other end of a connected socket.
    Fd(Inherited),
    /// A machine that is started for us.
    Launch(Launch),
    /// A machine that libvirt runs.
    Libvirt(libvirt::Domain),
}

impl Source {
    /// The machine at the other end of the inherited descriptor with this number, which nothing
    /// else in this process may use.
    ///
    /// # Errors
    ///
    /// When there is no such descriptor, or it is no connected stream socket.
    pub fn inherited(number: u32) -> Result<Self, ConnectError> {
        Inherited::take(number).map(Self::Fd)
    }

    /// The machine at the other end of this connected socket.
    ///
    /// # Errors
    ///
    /// When it is no connected stream socket.
    pub fn socket(descriptor: OwnedFd) -> Result<Self, ConnectError> {
        Inherited::new(descriptor).map(Self::Fd)
    }

    /// The machine whose QMP monitor listens at this path.
    pub fn qmp(socket: impl Into<PathBuf>) -> Self {
        Self::Qmp(Place::new(socket.into()))
    }

    /// Reaches the machine. `stage` hears what is being done after [`Stage::Reaching`]. Every step has a deadline, but for a
    /// machine of our own, which may take its time to start and is watched instead.
    ///
    /// # Errors
    ///
    /// When it cannot be reached this time; [`ConnectError::chance`] says whether another attempt
    /// makes sense.
    pub async fn connect(&self, stage: impl Fn(Stage)) -> Result<Link, ConnectError> {
        match self {
            Self::Bus { address, machine } => {
                bus::connect(address.as_deref(), machine.as_deref(), stage).await
            }
            Self::Qmp(place) => {
                let monitor = place.connect().await?;
                stage(Stage::Opening);
                let peer = hand_over(&monitor).await?;
                Ok(Link { peer, keep: Keep::Qmp(monitor) })
            }
            Self::Fd(inherited) => {
                let socket = inherited.use_up()?;
                stage(Stage::Opening);
                Ok(Link { peer: Peer::p2p(socket).await?, keep: Keep::Fd })
            }
            Self::Launch(launch) => {
                stage(Stage::Starting);
                let child = launch.start().await?;
                let monitor = child.monitor().await?;
                stage(Stage::Opening);
                let peer = child.or_exit(hand_over(&monitor)).await?;
                Ok(Link { peer, keep: Keep::Child { child, monitor } })
            }
            Self::Libvirt(domain) => domain.connect(stage).await,
        }
    }

    /// Holds on to the machine that was reached: connecting again finds this one or none. One that
    /// has neither UUID nor name cannot be told from another.
    pub fn pin(&mut self, found: &Machine) {
        if let Self::Bus { machine, .. } = self {
            let is_name = !found.name.is_empty() && !found.name.starts_with(UNNAMED);
            let named = is_name.then(|| found.name.clone());
            *machine = found.uuid.clone().or(named).or_else(|| machine.take());
        }
    }

    /// Completes when the machine may have come back; never where it cannot.
    ///
    /// # Errors
    ///
    /// When its place can no longer be watched.
    pub async fn returned(&self) -> Result<(), ConnectError> {
        match self {
            Self::Bus { address, machine } => bus::arrival(address.as_deref(), machine.as_deref()).await,
            Self::Qmp(place) => Ok(place.renewed().await?),
            Self::Libvirt(domain) => {
                domain.returned().await;
                Ok(())
            }
            Self::Fd(_) | Self::Launch(_) => std::future::pending().await,
        }
    }

    /// Completes when a machine of our own, if one was started, has ended. One that nobody holds any
    /// more is being ended.
    pub async fn settled(&self) {
        if let Self::Launch(launch) = self {
            launch.settled().await;
        }
    }

    /// Whether [`Self::returned`] can ever complete.
    pub fn can_return(&self) -> bool {
        matches!(self, Self::Bus { .. } | Self::Qmp { .. } | Self::Libvirt(_))
    }
}

/// What is being done to reach a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking for it.
    Reaching,
    /// QEMU starts.
    Starting,
    /// It is there; its display is being asked for.
    Opening,
    /// Its display is there; its consoles are being asked for.
    Asking,
}

/// A connection of ours to the display, handed over by its monitor.
async fn hand_over(monitor: &qmp::Client) -> Result<Peer, ConnectError> {
    let (ours, theirs) = UnixStream::pair()?;
    monitor.add_client(PROTOCOL, theirs.into()).await?;
    Ok(Peer::p2p(ours).await?)
}

/// What `work` brings within `span`.
pub(crate) async fn within<T>(span: Duration, work: impl Future<Output = T>) -> Option<T> {
    // Without a runtime there is no clock, nor any I/O that could come true.
    SharedRuntime::current().ok()?.timeout(span, work).await.ok()
}

/// Waits for so long.
pub(crate) async fn sleep(span: Duration) {
    within(span, std::future::pending::<()>()).await;
}
