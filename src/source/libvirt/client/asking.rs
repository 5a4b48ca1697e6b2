//! Asks libvirt how its machines are, one after the other, on a thread that may wait for that.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{Error, ErrorNumber};

use super::super::{Ask, LibvirtError, Machine, State};
use super::actor::{Attempt, Message, Open};
use super::failure;

/// Takes questions; the answers come as messages.
pub(super) struct Asker(Sender<Ask>);

impl Asker {
    pub(super) fn ask(&self, ask: Ask) {
        // Where there is no thread any more, the connection is at its end.
        let _ = self.0.send(ask);
    }
}

/// Starts to answer questions, until nobody asks any more.
pub(super) fn start(attempt: Attempt, open: &Arc<Open>, tell: &Sender<Message>) -> Asker {
    let (sender, asks) = mpsc::channel();
    let (open, tell_all) = (open.clone(), tell.clone());
    let work = move || {
        for ask in asks {
            let answer = match ask {
                Ask::All => Message::Listed(attempt, all(open.connect())),
                Ask::One(uuid) => {
                    let found = one(open.connect(), &uuid);
                    Message::Described(attempt, uuid, found)
                }
            };
            if tell_all.send(answer).is_err() {
                return;
            }
        }
    };
    if let Err(error) = thread::Builder::new().name("oriel-libvirt-ask".into()).spawn(work) {
        // As if it had been asked.
        let _ = tell.send(Message::Listed(attempt, Err(LibvirtError::Failed(error.to_string()))));
    }
    Asker(sender)
}

fn all(connect: &Connect) -> Result<Vec<Machine>, LibvirtError> {
    let domains = connect.list_all_domains(0).map_err(|error| failure::of_call(&error, connect, ""))?;
    let mut machines = Vec::new();
    for domain in &domains {
        match describe(domain) {
            Ok(machine) => machines.push(machine),
            // It went between the question and the next.
            Err(error) if error.code() == ErrorNumber::NoDomain => {}
            Err(error) if failure::is_over(connect) => return Err(failure::of_call(&error, connect, "")),
            // One that libvirt cannot describe must not hide the others.
            Err(error) => tracing::warn!(%error, "libvirt does not describe a machine"),
        }
    }
    Ok(machines)
}

fn one(connect: &Connect, uuid: &str) -> Result<Option<Machine>, LibvirtError> {
    let found = Domain::lookup_by_uuid_string(connect, uuid).and_then(|domain| describe(&domain));
    match found {
        Ok(machine) => Ok(Some(machine)),
        Err(error) if error.code() == ErrorNumber::NoDomain => Ok(None),
        Err(error) => Err(failure::of_call(&error, connect, "")),
    }
}

fn describe(domain: &Domain) -> Result<Machine, Error> {
    let (state, reason) = domain.get_state()?;
    let definition = domain.get_xml_desc(0)?;
    let mut machine = Machine {
        uuid: domain.get_uuid_string()?,
        name: domain.get_name()?,
        title: None,
        id: domain.get_id(),
        state: State::from_libvirt(state, reason),
        persistent: domain.is_persistent()?,
        // Not every driver can save machines.
        saved: domain.has_managed_save(0).unwrap_or(false),
        displays: Vec::new(),
    };
    if let Err(error) = machine.describe(&definition) {
        tracing::warn!(name = machine.name, %error, "a definition that cannot be read");
    }
    Ok(machine)
}
