//! All machines and connections, as a state machine: news go in, what has to be drawn anew comes out.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Condition, Primary};
use super::entry::{Answer, Entry, Key, Launched, Place, What};
use crate::source::libvirt::{Change, Operation, Status};

/// What there is to hear.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// There is a connection now.
    Added(String),
    /// A connection is not wanted any more.
    Removed(String),
    /// Something happened on a connection.
    Libvirt(String, Change),
    /// All machines on the bus: unique name, and who they say they are.
    Bus(Vec<(String, Option<Answer>)>),
    /// All that was launched lately.
    Launched(Vec<Launched>),
    /// This is being done to a machine, so far in hundredths where that is known.
    Doing(Key, Operation, Option<u8>),
    /// It is over, however it went.
    Done(Key),
}

/// What has to be drawn anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Machine(Key),
    Gone(Key),
    Connection(String),
}

/// All machines and connections.
#[derive(Debug, Default)]
pub struct Shelf {
    connections: BTreeMap<String, Status>,
    entries: BTreeMap<Key, Entry>,
    doing: BTreeMap<Key, (Operation, Option<u8>)>,
}

impl Shelf {
    /// The connections and how they are.
    pub fn connections(&self) -> impl Iterator<Item = (&str, &Status)> {
        self.connections.iter().map(|(uri, status)| (uri.as_str(), status))
    }

    /// The machines.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// A machine.
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// How a machine is.
    pub fn condition(&self, entry: &Entry) -> Condition {
        let connected = match entry.key.place() {
            Place::Connection(uri) => self.connections.get(&uri) == Some(&Status::Connected),
            Place::Bus | Place::Launched => true,
        };
        Condition::of(entry, connected)
    }

    /// What a machine's one button does.
    pub fn primary(&self, entry: &Entry) -> Primary {
        Primary::of(entry, self.condition(entry))
    }

    /// What is being done to a machine.
    pub fn doing(&self, key: &Key) -> Option<(Operation, Option<u8>)> {
        self.doing.get(key).copied()
    }

    /// Takes in what happened.
    pub fn hear(&mut self, news: News) -> Vec<Effect> {
        match news {
            News::Added(uri) => {
                self.connections.entry(uri.clone()).or_insert(Status::Connecting);
                vec![Effect::Connection(uri)]
            }
            News::Removed(uri) => {
                self.connections.remove(&uri);
                let mut effects = self.keep(&Place::Connection(uri.clone()), Vec::new());
                effects.push(Effect::Connection(uri));
                effects
            }
            News::Libvirt(uri, change) => self.changed(uri, change),
            News::Bus(found) => {
                let entries = found
                    .into_iter()
                    .map(|(owner, machine)| Entry { key: Key::Bus { owner }, what: What::Bus(machine) });
                self.keep(&Place::Bus, entries.collect())
            }
            News::Launched(launched) => {
                let entries = launched.into_iter().map(|launched| Entry {
                    key: Key::Launched { id: launched.id() },
                    what: What::Launched(launched),
                });
                self.keep(&Place::Launched, entries.collect())
            }
            News::Doing(key, operation, part) => {
                self.doing.insert(key.clone(), (operation, part));
                vec![Effect::Machine(key)]
            }
            News::Done(key) => self.doing.remove(&key).map(|_| Effect::Machine(key)).into_iter().collect(),
        }
    }

    fn changed(&mut self, uri: String, change: Change) -> Vec<Effect> {
        // It may be told of what happened before it was given up.
        let Some(known) = self.connections.get_mut(&uri) else { return Vec::new() };
        match change {
            Change::Status(status) => {
                *known = status;
                let place = Place::Connection(uri.clone());
                let theirs = self.entries.keys().filter(|key| key.place() == place);
                let machines = theirs.cloned().map(Effect::Machine).collect::<Vec<_>>();
                [vec![Effect::Connection(uri)], machines].concat()
            }
            Change::Machine(machine) => {
                let key = Key::Domain { uri, uuid: machine.uuid.clone() };
                self.put(Entry { key, what: What::Domain(machine) }).into_iter().collect()
            }
            Change::Gone(uuid) => self.remove(Key::Domain { uri, uuid }).into_iter().collect(),
        }
    }

    /// These machines, and no others, are at a place.
    fn keep(&mut self, place: &Place, entries: Vec<Entry>) -> Vec<Effect> {
        let stay: BTreeSet<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
        let here = self.entries.keys().filter(|key| key.place() == *place && !stay.contains(key));
        let gone: Vec<Key> = here.cloned().collect();
        let mut effects: Vec<Effect> = gone.into_iter().filter_map(|key| self.remove(key)).collect();
        effects.extend(entries.into_iter().filter_map(|entry| self.put(entry)));
        effects
    }

    fn put(&mut self, entry: Entry) -> Option<Effect> {
        if self.entries.get(&entry.key) == Some(&entry) {
            return None;
        }
        let key = entry.key.clone();
        self.entries.insert(key.clone(), entry);
        Some(Effect::Machine(key))
    }

    fn remove(&mut self, key: Key) -> Option<Effect> {
        self.doing.remove(&key);
        self.entries.remove(&key).map(|_| Effect::Gone(key))
    }
}
