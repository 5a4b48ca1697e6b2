//! What was made for the guest's buffers, kept as long as the guest uses them and no longer.

use std::time::Duration;

use crate::clock::Time;
use crate::frame::BufferId;

/// How many buffers are known at a time: guests flip two to four, a compositor in a guest as many as
/// sixteen, and a change of mode brings new ones before the old ones are idle.
const CAPACITY: usize = 32;

/// How long a buffer that is not shown any more is remembered: longer than any guest's flip.
const IDLE: Duration = Duration::from_secs(2);

/// A buffer is remembered for so many pictures of others, too. Where the screen is slower than the guest,
/// which of its buffers are shown is chance: one of sixteen is left out so often once in ten million times.
const OTHERS: u64 = 256;

/// How long a buffer is remembered if little is shown.
const LONGEST: Duration = Duration::from_secs(60);

/// A bounded map from a buffer's identity to what was made for it, least recently used first out.
#[derive(Debug)]
pub struct Cache<T> {
    entries: Vec<Entry<T>>,
    /// How many times any of them was used.
    uses: u64,
}

#[derive(Debug)]
struct Entry<T> {
    id: BufferId,
    used: Time,
    /// [`Cache::uses`] at that time.
    turn: u64,
    value: T,
}

impl<T> Entry<T> {
    /// When the buffer will have been idle for long enough, with so many uses of any by then.
    fn expiry(&self, uses: u64) -> Time {
        self.used + if uses - self.turn >= OTHERS { IDLE } else { LONGEST }
    }
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), uses: 0 }
    }
}

impl<T> Cache<T> {
    /// What was made for a buffer, which is used now.
    pub fn touch(&mut self, id: BufferId, now: Time) -> Option<&mut T> {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id)?;
        self.uses += 1;
        (entry.used, entry.turn) = (now, self.uses);
        Some(&mut entry.value)
    }

    /// What was made for a buffer.
    pub fn get_mut(&mut self, id: BufferId) -> Option<&mut T> {
        self.entries.iter_mut().find(|entry| entry.id == id).map(|entry| &mut entry.value)
    }

    /// Remembers what was made for a buffer that is used now. Hands out what has to go: what was
    /// remembered for it before, what nobody has used for a while, and the oldest beyond the
    /// capacity.
    pub fn insert(&mut self, id: BufferId, value: T, now: Time) -> Vec<T> {
        self.entries.sort_by_key(|entry| entry.used);
        let excess = (self.entries.len() + 1).saturating_sub(CAPACITY);
        let mut index = 0;
        self.uses += 1;
        let uses = self.uses;
        let gone = self.entries.extract_if(.., |entry| {
            index += 1;
            index <= excess || entry.id == id || now >= entry.expiry(uses)
        });
        let gone = gone.map(|entry| entry.value).collect();
        self.entries.push(Entry { id, used: now, turn: uses, value });
        gone
    }

    /// Hands out what nobody has used for a while, except for what was used last: that is shown.
    pub fn sweep(&mut self, now: Time) -> impl Iterator<Item = T> {
        let newest = self.entries.iter().map(|entry| entry.used).max().unwrap_or_default();
        let uses = self.uses;
        let idle = move |entry: &mut Entry<T>| entry.used < newest && now >= entry.expiry(uses);
        self.entries.extract_if(.., idle).map(|entry| entry.value)
    }

    /// When [`Self::sweep`] will have something to hand out, if nothing is used until then.
    pub fn deadline(&self) -> Option<Time> {
        let newest = self.entries.iter().map(|entry| entry.used).max()?;
        let older = self.entries.iter().filter(|entry| entry.used < newest);
        older.map(|entry| entry.expiry(self.uses)).min()
    }

    /// Forgets all but these.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.entries.retain(|entry| keep(&entry.value));
    }

    /// Forgets everything.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.entries.drain(..).map(|entry| entry.value)
    }

    /// How many buffers are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(inode: u64) -> BufferId {
        BufferId { device: 1, inode, layout: 0 }
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_flipping_guest_costs_nothing_new() {
        let mut cache = Cache::default();
        assert!(cache.insert(id(1), 'a', at(0)).is_empty());
        assert!(cache.insert(id(2), 'b', at(16)).is_empty());
        for flip in 2..1000 {
            assert!(cache.touch(id(1 + flip % 2), at(flip * 16)).is_some());
        }
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = Cache::default();
        for inode in 0..CAPACITY as u64 {
            assert!(cache.insert(id(inode), inode, at(inode)).is_empty());
        }
        cache.touch(id(0), at(100));
        assert_eq!(cache.insert(id(99), 99, at(101)), [1]);
        assert_eq!(cache.len(), CAPACITY);
        assert_eq!(cache.get_mut(id(0)), Some(&mut 0));
    }

    #[test]
    fn what_is_idle_goes_though_nothing_new_comes() {
        let mut cache = Cache::default();
        assert_eq!(cache.deadline(), None);
        cache.insert(id(1), 'a', at(0));
        assert_eq!(cache.deadline(), None, "the one that is shown stays");
        cache.insert(id(2), 'b', at(100));
        cache.insert(id(3), 'c', at(200));
        assert_eq!(cache.deadline(), Some(at(60_000)));
        assert_eq!(cache.sweep(at(59_999)).count(), 0);
        assert_eq!(cache.sweep(at(60_000)).collect::<Vec<_>>(), ['a']);
        assert_eq!(cache.sweep(at(70_000)).collect::<Vec<_>>(), ['b']);
        assert_eq!((cache.len(), cache.deadline()), (1, None));
    }

    #[test]
    fn sixteen_buffers_and_some_of_a_former_mode_have_room() {
        let mut cache = Cache::default();
        let mut made = 0;
        for flip in 0..10_000_u64 {
            let now = at(flip * 16);
            let buffer = if flip < 8 { 100 + flip } else { flip % 16 };
            if cache.touch(id(buffer), now).is_none() {
                made += 1;
                cache.insert(id(buffer), (), now);
            }
            cache.sweep(now).for_each(drop);
        }
        assert_eq!((made, cache.len()), (24, 16));
    }

    #[test]
    fn what_a_slow_screen_leaves_out_by_chance_is_kept() {
        let mut cache = Cache::default();
        cache.insert(id(1), 'a', at(0));
        cache.insert(id(2), 'b', at(0));
        for shown in 2..OTHERS {
            cache.touch(id(2), at(shown * 70));
            assert_eq!(cache.sweep(at(shown * 70)).count(), 0);
        }
        assert_eq!(cache.touch(id(1), at(OTHERS * 70)), Some(&mut 'a'));
    }

    #[test]
    fn buffers_of_a_former_mode_go_with_the_next_new_one() {
        let mut cache = Cache::default();
        cache.insert(id(1), 'a', at(0));
        cache.insert(id(2), 'b', at(1500));
        for _ in 0..OTHERS {
            cache.touch(id(2), at(1500));
        }
        assert_eq!(cache.insert(id(3), 'c', at(2000)), ['a']);
        assert_eq!(cache.insert(id(3), 'd', at(2000)), ['c']);
        assert_eq!(cache.len(), 2);
    }
}
