//! Machines on a D-Bus: each owns, or queues for, the name `org.qemu` (QEMU: ui/dbus.c).

mod follow;

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::{OwnedUniqueName, WellKnownName};

use super::link::{Keep, Link};
use super::{ConnectError, Stage, within};
use crate::display1::{CALL_DEADLINE, Machine, Peer};

pub use self::follow::follow;

/// The name that every QEMU asks its bus for.
const NAME: WellKnownName<'static> = WellKnownName::from_static_str_unchecked("org.qemu");

/// How long a bus may take to let us in and to answer.
const BUS_DEADLINE: Duration = Duration::from_secs(5);

/// How long a machine may take to say who it is: one that hangs must not hide the others.
const IDENTIFY_DEADLINE: Duration = Duration::from_secs(3);

/// How often the queue is looked at after somebody has joined the bus.
const LOOKS: u32 = 10;

/// The time between these looks.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// A machine on a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its unique name.
    pub owner: OwnedUniqueName,
    /// Who it is; `None` where it did not say in time.
    pub machine: Option<Machine>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.machine {
            Some(Machine { name, uuid, .. }) => {
                let uuid = uuid.as_deref().unwrap_or("no UUID");
                write!(f, "{name} ({uuid}, {})", self.owner)
            }
            None => write!(f, "{} (does not answer)", self.owner),
        }
    }
}

/// Which of the machines is meant.
#[derive(Debug, PartialEq, Eq)]
enum Choice<'a> {
    One(&'a Found),
    None,
    Several(Vec<Found>),
    /// The one that is meant does not answer.
    Silent(&'a Found),
}

/// A bus, in words and as a connection.
#[derive(Debug)]
pub struct Bus {
    connection: Connection,
    words: String,
}

impl Bus {
    /// Joins the bus with this address, or else the session bus.
    ///
    /// # Errors
    ///
    /// When it cannot be reached.
    pub async fn join(address: Option<&str>) -> Result<Self, ConnectError> {
        let words =
            address.map_or_else(|| "the session bus".to_owned(), |address| format!("the bus at {address}"));
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::session(),
        };
        match within(BUS_DEADLINE, builder.method_timeout(CALL_DEADLINE).build()).await {
            Some(Ok(connection)) => Ok(Self { connection, words }),
            Some(Err(error)) => Err(ConnectError::NoBus { bus: words, error }),
            None => Err(ConnectError::Silent { who: words, after: BUS_DEADLINE }),
        }
    }

    /// The connection to it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The machines on it, in the order in which they queue.
    ///
    /// # Errors
    ///
    /// When the bus does not say.
    pub async fn machines(&self) -> Result<Vec<Found>, ConnectError> {
        let owners = self.owners().await?;
        Ok(future::join_all(owners.into_iter().map(|owner| self.identify(owner))).await)
    }

    async fn owners(&self) -> Result<Vec<OwnedUniqueName>, ConnectError> {
        let asked = async {
            let bus = DBusProxy::new(&self.connection).await?;
            Ok::<_, zbus::Error>(bus.list_queued_owners(NAME).await)
        };
        match within(BUS_DEADLINE, asked).await {
            Some(Ok(Ok(owners))) => Ok(owners),
            Some(Ok(Err(zbus::fdo::Error::NameHasNoOwner(_)))) => Ok(Vec::new()),
            Some(Ok(Err(error))) => Err(ConnectError::NoBus { bus: self.words.clone(), error: error.into() }),
            Some(Err(error)) => Err(ConnectError::NoBus { bus: self.words.clone(), error }),
            None => Err(ConnectError::Silent { who: self.words.clone(), after: BUS_DEADLINE }),
        }
    }

    async fn identify(&self, owner: OwnedUniqueName) -> Found {
        let peer = Peer::on_bus(self.connection.clone(), owner.clone());
        let machine = match within(IDENTIFY_DEADLINE, peer.machine()).await {
            Some(Ok(machine)) => Some(machine),
            Some(Err(error)) => {
                tracing::warn!(%owner, %error, "a machine that does not say who it is");
                None
            }
            None => None,
        };
        Found { owner, machine }
    }

    /// The machine that is meant.
    ///
    /// # Errors
    ///
    /// When it is not there, or several are.
    pub(super) async fn machine(self, wanted: Option<&str>) -> Result<Peer, ConnectError> {
        let found = self.machines().await?;
        let owner = self.choose(wanted, found)?;
        Ok(Peer::on_bus(self.connection, owner))
    }

    /// Picks the machine that is meant.
    fn choose(&self, wanted: Option<&str>, found: Vec<Found>) -> Result<OwnedUniqueName, ConnectError> {
        match choose(wanted, &found) {
            Choice::One(found) => Ok(found.owner.clone()),
            Choice::Several(found) => {
                Err(ConnectError::Ambiguous { wanted: wanted.unwrap_or_default().to_owned(), found })
            }
            Choice::Silent(found) => Err(ConnectError::Silent {
                who: format!("the machine {}", found.owner),
                after: IDENTIFY_DEADLINE,
            }),
            Choice::None => Err(match wanted.filter(|_| !found.is_empty()) {
                Some(wanted) => {
                    ConnectError::NoSuchMachine { wanted: wanted.to_owned(), bus: self.words.clone(), found }
                }
                None => ConnectError::NoMachine { bus: self.words.clone() },
            }),
        }
    }
}

/// Reaches a machine on a bus.
pub(super) async fn connect(
    address: Option<&str>,
    wanted: Option<&str>,
    stage: impl Fn(Stage),
) -> Result<Link, ConnectError> {
    let bus = Bus::join(address).await?;
    let peer = bus.machine(wanted).await?;
    stage(Stage::Opening);
    Ok(Link { peer, keep: Keep::Bus })
}

/// Completes when the machine is on the bus.
pub(super) async fn arrival(address: Option<&str>, wanted: Option<&str>) -> Result<(), ConnectError> {
    let bus = Bus::join(address).await?;
    let failed = |error| ConnectError::NoBus { bus: bus.words.clone(), error };
    let proxy = DBusProxy::new(&bus.connection).await.map_err(failed)?;
    // Those behind the first in the queue own no name that changes: every newcomer may be one.
    let mut changes = proxy.receive_name_owner_changed().await.map_err(failed)?;
    let mut known = Vec::new();
    let mut looks = 0;
    loop {
        let owners = bus.owners().await?;
        if owners != known {
            let found = future::join_all(owners.iter().cloned().map(|owner| bus.identify(owner))).await;
            if matches!(choose(wanted, &found), Choice::One(_)) {
                return Ok(());
            }
            let all_answer = found.iter().all(|found| found.machine.is_some());
            known = if all_answer { owners } else { Vec::new() };
            looks = if all_answer { looks } else { looks.max(1) };
        }
        // A newcomer asks for its name a moment after it has joined; that it then queues for it is
        // told to nobody.
        if looks > 0 {
            looks -= 1;
            within(LOOK_AGAIN, changes.next()).await;
        } else if changes.next().await.is_some() {
            looks = LOOKS;
        } else {
            return Err(failed(zbus::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset))));
        }
    }
}

/// Completes when the machine has left the bus.
pub(super) async fn departure(peer: &Peer) {
    let left = async {
        let owner = peer.owner()?;
        let proxy = DBusProxy::new(peer.connection()).await.ok()?;
        let mut changes = proxy.receive_name_owner_changed_with_args(&[(0, owner.as_str())]).await.ok()?;
        if !proxy.name_has_owner(owner.into()).await.ok()? {
            return Some(());
        }
        loop {
            let change = changes.next().await?;
            if change.args().ok()?.new_owner().is_none() {
                return Some(());
            }
        }
    };
    if left.await.is_none() {
        // Whether the connection still stands is for others to see.
        future::pending().await
    }
}

fn choose<'a>(wanted: Option<&str>, found: &'a [Found]) -> Choice<'a> {
    let Some(wanted) = wanted else {
        let answering = found.iter().find(|found| found.machine.is_some());
        return match (answering, found.first()) {
            (Some(found), _) => Choice::One(found),
            (None, Some(found)) => Choice::Silent(found),
            (None, None) => Choice::None,
        };
    };
    if let Some(found) = found.iter().find(|found| found.owner == wanted) {
        return if found.machine.is_some() { Choice::One(found) } else { Choice::Silent(found) };
    }
    let by = |is: &dyn Fn(&Machine) -> bool| -> Vec<&'a Found> {
        found.iter().filter(|found| found.machine.as_ref().is_some_and(is)).collect()
    };
    let mut matching =
        by(&|machine| machine.uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(wanted)));
    if matching.is_empty() {
        matching = by(&|machine| machine.name == wanted);
    }
    match matching.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(one),
        several => Choice::Several(several.iter().copied().cloned().collect()),
    }
}
