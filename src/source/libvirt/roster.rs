//! The machines of one connection as a pure state machine: what happens goes in, changes come out.
//!
//! libvirt's events say that something happened to a machine, not how it is afterwards, and they
//! overtake what was asked before. So each only makes the machine be asked for again; what an answer
//! says counts until the next, and one that was asked before the last event is asked for once more.

use std::collections::BTreeMap;

use super::error::LibvirtError;
use super::machine::Machine;

/// How the connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is being made, and has not been heard of yet.
    Connecting,
    /// The machines are known.
    Connected,
    /// It cannot be made, was lost, or takes longer than it should. It is tried again by itself where
    /// that can come to anything ([`LibvirtError::may_pass`]), else when somebody wants it. Whoever knew
    /// machines keeps them as they were.
    Lost(LibvirtError),
}

/// Something that whoever shows the machines has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Status(Status),
    /// A machine is there, or is another than before.
    Machine(Machine),
    /// The machine with this UUID is gone.
    Gone(String),
}

/// What is to be asked of libvirt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Every machine.
    All,
    /// The machine with this UUID.
    One(String),
}

/// An answer that is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Asked,
    /// And since then something happened: it is to be asked again.
    Outdated,
}

/// The machines of one connection.
#[derive(Debug)]
pub struct Roster {
    status: Status,
    machines: BTreeMap<String, Machine>,
    /// Whether every machine has been asked for.
    all: Option<Question>,
    /// Which have been asked for by themselves.
    questions: BTreeMap<String, Question>,
}

impl Default for Roster {
    fn default() -> Self {
        Self { status: Status::Connecting, machines: BTreeMap::new(), all: None, questions: BTreeMap::new() }
    }
}

impl Roster {
    /// How the connection is.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The machines, by UUID.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    /// The machine with this UUID, name, or number, in this order.
    pub fn find(&self, wanted: &str) -> Option<&Machine> {
        let by_uuid = self.machines().find(|machine| machine.uuid.eq_ignore_ascii_case(wanted));
        let by_name = || self.machines().find(|machine| machine.name == wanted);
        by_uuid.or_else(by_name).or_else(|| self.machines().find(|machine| machine.is_meant(wanted)))
    }

    /// Somebody wants the connection to be made now.
    pub fn opening(&mut self) -> Vec<Change> {
        self.set_status(Status::Connecting).into_iter().collect()
    }

    /// The connection stands.
    pub fn connected(&mut self) -> Ask {
        self.questions.clear();
        self.all = Some(Question::Asked);
        Ask::All
    }

    /// The connection is lost, or could not be made.
    pub fn lost(&mut self, error: LibvirtError) -> Vec<Change> {
        (self.all, self.questions) = (None, BTreeMap::new());
        self.set_status(Status::Lost(error)).into_iter().collect()
    }

    /// Something happened to the machine with this UUID.
    pub fn happened(&mut self, uuid: &str) -> Option<Ask> {
        if let Some(question) = &mut self.all {
            *question = Question::Outdated;
        }
        if let Some(question) = self.questions.get_mut(uuid) {
            *question = Question::Outdated;
            return None;
        }
        if self.all.is_some() {
            // What is being listed may hold it as it was, or not yet.
            return None;
        }
        self.questions.insert(uuid.to_owned(), Question::Asked);
        Some(Ask::One(uuid.to_owned()))
    }

    /// Every machine, as asked for.
    pub fn listed(&mut self, machines: Vec<Machine>) -> (Vec<Change>, Option<Ask>) {
        let Some(question) = self.all.take() else { return (Vec::new(), None) };
        let known = std::mem::take(&mut self.machines);
        let mut changes = Vec::new();
        for machine in machines {
            if known.get(&machine.uuid) != Some(&machine) {
                changes.push(Change::Machine(machine.clone()));
            }
            self.machines.insert(machine.uuid.clone(), machine);
        }
        let gone = known.into_keys().filter(|uuid| !self.machines.contains_key(uuid));
        changes.extend(gone.map(Change::Gone));
        changes.extend(self.set_status(Status::Connected));
        let again = (question == Question::Outdated).then(|| self.connected());
        (changes, again)
    }

    /// A machine, as asked for: `None` where there is none any more.
    pub fn described(&mut self, uuid: &str, machine: Option<Machine>) -> (Option<Change>, Option<Ask>) {
        let Some(question) = self.questions.remove(uuid) else { return (None, None) };
        let change = match machine {
            Some(machine) if self.machines.get(uuid) == Some(&machine) => None,
            Some(machine) => {
                self.machines.insert(uuid.to_owned(), machine.clone());
                Some(Change::Machine(machine))
            }
            None => self.machines.remove(uuid).map(|_| Change::Gone(uuid.to_owned())),
        };
        let again = if question == Question::Outdated { self.happened(uuid) } else { None };
        (change, again)
    }

    /// A machine could not be asked for, and the connection still stands: it stays as it was known.
    pub fn undescribed(&mut self, uuid: &str) -> Option<Ask> {
        let question = self.questions.remove(uuid)?;
        if question == Question::Outdated { self.happened(uuid) } else { None }
    }

    fn set_status(&mut self, status: Status) -> Option<Change> {
        (self.status != status).then(|| {
            self.status = status.clone();
            Change::Status(status)
        })
    }
}
