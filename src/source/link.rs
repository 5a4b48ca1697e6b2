//! A machine that has been reached: its display, and what else we hold of it.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{self, Either};
use thiserror::Error;

use super::launch::{Child, Exited};
use super::libvirt::{self, LibvirtError};
use super::qmp::{Client, QmpError, Shutdown};
use super::refresh::Refresher;
use super::{ConnectError, bus, hand_over, within};
use crate::display1::Peer;

/// How long after one of QEMU's sockets the other may end.
const OTHER_SOCKET: Duration = Duration::from_secs(1);

/// How long after its display a QEMU of ours may end.
const EXIT: Duration = Duration::from_secs(5);

/// A machine that has been reached.
#[derive(Debug)]
pub struct Link {
    /// Its display.
    pub peer: Peer,
    /// What else we hold of it.
    pub keep: Keep,
}

/// What we hold of a machine beside its display.
#[derive(Debug)]
pub enum Keep {
    /// Nothing: it is on a bus.
    Bus,
    /// Nothing: somebody else gave us the socket.
    Fd,
    /// Its monitor.
    Qmp(Client),
    /// The process, and its monitor.
    Child { child: Child, monitor: Client },
    /// What libvirt can do with it.
    Libvirt(libvirt::Reached),
}

/// What a monitor can do to its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Press the power button: the guest shuts down, if it listens.
    Down,
    /// End QEMU at once.
    Quit,
}

impl Link {
    /// Waits for the end.
    pub async fn ended(&self) -> Ending {
        match &self.keep {
            Keep::Fd | Keep::Qmp(_) => self.peer.closed().await,
            Keep::Bus => {
                let (closed, left) = (pin!(self.peer.closed()), pin!(bus::departure(&self.peer)));
                if let Either::Right(_) = future::select(closed, left).await {
                    return Ending::Gone;
                }
            }
            Keep::Libvirt(_) => {
                let (closed, left) = (pin!(self.peer.closed()), pin!(bus::departure(&self.peer)));
                future::select(closed, left).await;
            }
            Keep::Child { child, .. } => {
                let (closed, exited) = (pin!(self.peer.closed()), pin!(child.exited()));
                if let Either::Right((exited, _)) = future::select(closed, exited).await {
                    return Ending::Exited(exited);
                }
            }
        }
        self.ending().await
    }

    /// Why the display is gone: after it is.
    pub async fn ending(&self) -> Ending {
        match self.ending_as_told().await {
            // QEMU itself says that it is there, for somebody else.
            Ending::Closed if self.peer.is_forsaken().await => Ending::TakenOver,
            ending => ending,
        }
    }

    /// What those say of it whom we hold beside the display.
    async fn ending_as_told(&self) -> Ending {
        match &self.keep {
            Keep::Bus | Keep::Fd => Ending::Closed,
            Keep::Libvirt(reached) => reached.ending().await,
            // Both sockets end with QEMU; which shows first is chance.
            Keep::Qmp(monitor) => match within(OTHER_SOCKET, monitor.ended()).await {
                Some(Some(shutdown)) => Ending::Shutdown(shutdown),
                Some(None) => Ending::Gone,
                None => Ending::TakenOver,
            },
            Keep::Child { child, .. } => {
                within(EXIT, child.exited()).await.map_or(Ending::TakenOver, Ending::Exited)
            }
        }
    }

    /// Whether the machine is one that we started.
    pub fn is_ours(&self) -> bool {
        matches!(self.keep, Keep::Child { .. })
    }

    /// Its monitor, where we hold one.
    pub fn monitor(&self) -> Option<&Client> {
        match &self.keep {
            Keep::Qmp(monitor) | Keep::Child { monitor, .. } => Some(monitor),
            Keep::Bus | Keep::Fd | Keep::Libvirt(_) => None,
        }
    }

    /// Who can have QEMU look at a display at once.
    pub fn refresher(&self) -> Option<Refresher<'_>> {
        match &self.keep {
            Keep::Qmp(monitor) | Keep::Child { monitor, .. } => Some(Refresher::Monitor(monitor)),
            Keep::Libvirt(reached) => Some(Refresher::Libvirt(reached)),
            Keep::Bus | Keep::Fd => None,
        }
    }

    /// What libvirt can tell of the machine, where it is one of libvirt's.
    pub fn libvirt(&self) -> Option<&libvirt::Reached> {
        match &self.keep {
            Keep::Libvirt(reached) => Some(reached),
            _ => None,
        }
    }

    /// Tells that all of the machine's displays are being listened to: one that waits for that runs.
    pub fn watched(&self) {
        if let Keep::Libvirt(reached) = &self.keep {
            reached.watched();
        }
    }

    /// Waits for the end of a machine of our own, whether or not its display is connected.
    pub async fn exited(&self) -> Ending {
        match &self.keep {
            Keep::Child { child, .. } => Ending::Exited(child.exited().await),
            Keep::Bus | Keep::Fd | Keep::Qmp(_) | Keep::Libvirt(_) => future::pending().await,
        }
    }

    /// Opens the display of a machine of our own once more.
    ///
    /// # Errors
    ///
    /// When it does not open.
    pub async fn reopen(&mut self) -> Result<(), ConnectError> {
        if let Keep::Child { child, monitor } = &self.keep {
            self.peer = child.or_exit(hand_over(monitor)).await?;
        }
        Ok(())
    }

    /// Works the machine's switches.
    ///
    /// # Errors
    ///
    /// When there is no monitor, or it refuses.
    pub async fn power(&self, power: Power) -> Result<(), PowerError> {
        if let Keep::Libvirt(reached) = &self.keep {
            return Ok(reached.power(power).await?);
        }
        let monitor = self.monitor().ok_or(PowerError::NoMonitor)?;
        Ok(match power {
            Power::Down => monitor.power_down().await,
            Power::Quit => monitor.quit().await,
        }?)
    }

    /// Lets go of the machine; one of our own ends. Says how, if it is one.
    pub async fn close(self) -> Option<Exited> {
        let Self { peer, keep } = self;
        // It may take the socket with it before it answers.
        let _ = within(OTHER_SOCKET, peer.connection().clone().close()).await;
        match keep {
            Keep::Child { child, monitor } => Some(child.end(&monitor).await),
            Keep::Bus | Keep::Fd | Keep::Qmp(_) | Keep::Libvirt(_) => None,
        }
    }
}

/// Why a machine's switch does not work.
#[derive(Debug, Error)]
pub enum PowerError {
    #[error("there is no monitor: the machine can only be shut down from inside, or where it was started")]
    NoMonitor,
    #[error(transparent)]
    Refused(#[from] QmpError),
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The machine has shut down.
    Shutdown(Shutdown),
    /// Our QEMU has ended.
    Exited(Exited),
    /// The machine is gone from its bus, or its monitor from its socket.
    Gone,
    /// The machine is still there, but its display is not ours: another viewer has it.
    TakenOver,
    /// The connection is closed; nobody says why.
    Closed,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown(shutdown) => shutdown.fmt(f),
            Self::Exited(exited) => exited.fmt(f),
            Self::Gone => f.write_str("the machine is gone"),
            Self::TakenOver => f.write_str("another viewer has taken over the display"),
            Self::Closed => f.write_str("the connection was closed"),
        }
    }
}
