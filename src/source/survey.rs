//! What machines there are, and which consoles they have: a look from outside, without a session.

use futures_util::future;

use super::bus::{Bus, Found};
use super::{ConnectError, Source, within};
use crate::display1::{CallError, Description, Machine, Peer};

/// How long one machine's consoles may take: one that hangs must not hide the others.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);

/// A machine and what it shows.
#[derive(Debug)]
pub struct Surveyed {
    /// Its unique name, if it is on a bus.
    pub owner: Option<String>,
    /// Who it is, and its consoles; `None` where it does not answer.
    pub answer: Option<(Machine, Vec<(u32, Description)>)>,
}

/// Looks at every machine that can be reached this way. Blocks, for a bounded time.
///
/// # Errors
///
/// When there is no bus, or no such machine.
pub fn survey(source: &Source) -> Result<Vec<Surveyed>, ConnectError> {
    zruntime::block_on(async {
        match source {
            Source::Bus { address, .. } => {
                let bus = Bus::join(address.as_deref()).await?;
                let found = bus.machines().await?;
                Ok(future::join_all(found.into_iter().map(|found| one_of(&bus, found))).await)
            }
            source => {
                let link = source.connect(|_| {}).await?;
                let machine = link.peer.machine().await?;
                let answer = consoles(&link.peer, machine).await?;
                link.close().await;
                Ok(vec![Surveyed { owner: None, answer: Some(answer) }])
            }
        }
    })
}

async fn one_of(bus: &Bus, found: Found) -> Surveyed {
    let Found { owner, machine } = found;
    let peer = Peer::on_bus(bus.connection().clone(), owner.clone());
    let answer = match machine {
        Some(machine) => within(DEADLINE, consoles(&peer, machine)).await.and_then(Result::ok),
        None => None,
    };
    Surveyed { owner: Some(owner.to_string()), answer }
}

async fn consoles(peer: &Peer, machine: Machine) -> Result<(Machine, Vec<(u32, Description)>), CallError> {
    let mut consoles = Vec::new();
    for id in machine.consoles.iter().copied() {
        consoles.push((id, peer.console(id).describe().await?));
    }
    Ok((machine, consoles))
}
