//! The machines on a bus, as they come and go.

use std::pin::pin;
use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_util::StreamExt;
use futures_util::future;
use zbus::fdo::DBusProxy;
use zbus::names::OwnedUniqueName;
use zruntime::SharedRuntime;

use super::{Bus, ConnectError, Found, LOOK_AGAIN, LOOKS, within};

/// How long after it ended a bus is looked for again.
const BUS_AGAIN: Duration = Duration::from_secs(10);

/// Tells all machines on a bus, now and whenever they are others: on a thread of its own, until nobody
/// listens any more. Where there is no bus, there are none until there is one.
pub fn follow(address: Option<String>) -> Receiver<Vec<Found>> {
    let (tell, told) = async_channel::unbounded();
    let work = move || {
        zruntime::block_on(async {
            let (nobody, look) = (pin!(tell.closed()), pin!(look_on(address.as_deref(), &tell)));
            future::select(nobody, look).await;
        });
    };
    if let Err(error) = thread::Builder::new().name("oriel-bus".into()).spawn(work) {
        tracing::error!(%error, "no thread for the bus");
    }
    told
}

async fn look_on(address: Option<&str>, tell: &Sender<Vec<Found>>) {
    loop {
        if let Err(error) = look(address, tell).await {
            tracing::info!(%error, "no machines from the bus");
        }
        if tell.send(Vec::new()).await.is_err() {
            return;
        }
        let Ok(runtime) = SharedRuntime::current() else { return };
        runtime.sleep(BUS_AGAIN).await;
    }
}

async fn look(address: Option<&str>, tell: &Sender<Vec<Found>>) -> Result<(), ConnectError> {
    let bus = Bus::join(address).await?;
    let failed = |error| ConnectError::NoBus { bus: bus.words.clone(), error };
    let proxy = DBusProxy::new(&bus.connection).await.map_err(failed)?;
    let mut changes = proxy.receive_name_owner_changed().await.map_err(failed)?;
    let mut known: Option<Vec<Found>> = None;
    let mut looks = 0;
    loop {
        let owners = bus.owners().await?;
        // Those that answered are not asked again; one that did not may have been starting.
        let answered = known.iter().flatten().filter(|found| found.machine.is_some()).cloned();
        let answered: Vec<Found> = answered.filter(|found| owners.contains(&found.owner)).collect();
        let is_new = |owner: &&OwnedUniqueName| !answered.iter().any(|found| found.owner == **owner);
        let asked = owners.iter().filter(|owner| is_new(owner)).cloned().map(|owner| bus.identify(owner));
        let fresh = future::join_all(asked).await;
        let all: Vec<Found> = answered.into_iter().chain(fresh).collect();
        if known.as_ref() != Some(&all) {
            known = Some(all.clone());
            if tell.send(all).await.is_err() {
                return Ok(());
            }
        }
        // That a newcomer then queues for the name is told to nobody.
        if looks > 0 {
            looks -= 1;
            within(LOOK_AGAIN, changes.next()).await;
            continue;
        }
        if changes.next().await.is_none() {
            return Ok(());
        }
        looks = LOOKS;
    }
}
