//! Whose picture is to be taken next: of machines that can be seen, one after the other, seldom.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::Key;
use crate::clock::Time;
use crate::source::libvirt::is_remote;

/// The time between two pictures of a machine.
const NEAR: Duration = Duration::from_secs(4);

/// The same for a machine on another computer: a picture is some megabytes.
const FAR: Duration = Duration::from_secs(30);

/// The longest time until another picture is tried of a machine that gives none.
const LONGEST: Duration = Duration::from_secs(120);

/// So many pictures may be under way.
const AT_ONCE: usize = 2;

/// Says whose picture is to be taken, and when.
#[derive(Debug, Default)]
pub struct Shutter {
    under_way: Vec<Key>,
    /// When the next picture is due, and how often in a row there was none.
    next: BTreeMap<Key, (Time, u32)>,
}

impl Shutter {
    /// The machine whose picture is to be taken now, among those that can be seen: the one that has
    /// waited longest. It counts as being taken from then on.
    pub fn take(&mut self, seen: &[Key], now: Time) -> Option<Key> {
        if self.under_way.len() >= AT_ONCE {
            return None;
        }
        let waiting = seen.iter().filter(|key| !self.under_way.contains(key));
        let due = waiting.filter_map(|key| match self.next.get(key) {
            None => Some((None, key)),
            Some((at, _)) if *at <= now => Some((Some(*at), key)),
            Some(_) => None,
        });
        let (_, key) = due.min()?;
        self.under_way.push(key.clone());
        Some(key.clone())
    }

    /// A picture has come, or has not.
    pub fn taken(&mut self, key: &Key, worked: bool, now: Time) {
        self.under_way.retain(|other| other != key);
        let failures = match self.next.get(key) {
            _ if worked => 0,
            Some((_, failures)) => failures.saturating_add(1),
            None => 1,
        };
        let pause = match key {
            Key::Domain { uri, .. } if is_remote(uri) => FAR,
            _ => NEAR,
        };
        let pause = (pause * 2_u32.pow(failures.min(6))).min(LONGEST.max(pause));
        self.next.insert(key.clone(), (now + pause, failures));
    }

    /// Something happened to a machine, or it is gone: the next picture is another one, and may come at
    /// once.
    pub fn changed(&mut self, key: &Key) {
        self.next.remove(key);
    }
}
