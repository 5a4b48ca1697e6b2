//! Which consoles of a machine are seen, and which of them in windows of their own: a pure function.
//!
//! A console is seen while the guest uses it, unless the person has put it away; and one that the
//! guest does not use while the person wants to see it. Something is always seen.

use std::collections::BTreeSet;

use crate::session::ConsoleId;

/// What is known of one console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: ConsoleId,
    /// Whether the guest shows something on it; never of a console of text.
    pub(super) in_use: bool,
    /// Whether it can have pictures.
    pub(super) graphic: bool,
}

/// What the person wants of the consoles, as far as they have said anything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    /// They are to have windows of their own.
    pub(super) windows: BTreeSet<ConsoleId>,
    /// They are not to be seen, though the guest uses them.
    pub(super) put_away: BTreeSet<ConsoleId>,
    /// They are to be seen, though the guest does not use them.
    pub(super) opened: BTreeSet<ConsoleId>,
}

/// Where consoles are seen; each is in one of the lists at most.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Arrangement {
    /// As tabs of the main window, from left to right.
    pub(super) tabs: Vec<ConsoleId>,
    /// Each in a window of its own.
    pub(super) windows: Vec<ConsoleId>,
}

impl Wishes {
    /// The person wants to see this console.
    pub(super) fn open(&mut self, id: ConsoleId) {
        self.put_away.remove(&id);
        self.opened.insert(id);
    }

    /// The person wants to see no more of it.
    pub(super) fn put_away(&mut self, id: ConsoleId) {
        self.opened.remove(&id);
        self.put_away.insert(id);
    }

    /// The guest has begun or ceased to use it: what was wished for before that is over.
    pub(super) fn use_changed(&mut self, id: ConsoleId) {
        self.opened.remove(&id);
        self.put_away.remove(&id);
    }

    /// Where the consoles are seen; `target` is the one that the main window is to show, if any.
    pub(super) fn arrange(&self, consoles: &[Candidate], target: Option<ConsoleId>) -> Arrangement {
        let wanted = |console: &&Candidate| {
            let opened = self.opened.contains(&console.id) || target == Some(console.id);
            (console.in_use || opened) && !self.put_away.contains(&console.id)
        };
        let mut seen: Vec<_> = consoles.iter().filter(wanted).map(|console| console.id).collect();
        if seen.is_empty() {
            let graphic = || consoles.iter().filter(|console| console.graphic);
            let left = graphic().find(|console| !self.put_away.contains(&console.id));
            seen.extend(left.or_else(|| graphic().next()).map(|console| console.id));
        }
        let (windows, tabs) = seen.into_iter().partition(|id| self.windows.contains(id));
        Arrangement { tabs, windows }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn consoles(in_use: &[bool]) -> Vec<Candidate> {
        (0..)
            .zip(in_use)
            .map(|(id, &in_use)| Candidate { id: ConsoleId(id), in_use, graphic: true })
            .collect()
    }

    fn arranged(wishes: &Wishes, in_use: &[bool], target: Option<u32>) -> (Vec<u32>, Vec<u32>) {
        let found = wishes.arrange(&consoles(in_use), target.map(ConsoleId));
        let numbers = |ids: Vec<ConsoleId>| ids.into_iter().map(|id| id.0).collect();
        (numbers(found.tabs), numbers(found.windows))
    }

    #[test]
    fn what_the_guest_uses_is_seen() {
        let mut wishes = Wishes::default();
        assert_eq!(arranged(&wishes, &[true, false], Some(0)), (vec![0], vec![]));
        assert_eq!(arranged(&wishes, &[true, true], Some(0)), (vec![0, 1], vec![]));
        wishes.windows.insert(ConsoleId(1));
        assert_eq!(arranged(&wishes, &[true, true], Some(0)), (vec![0], vec![1]));
        assert_eq!(
            arranged(&wishes, &[true, false], Some(0)),
            (vec![0], vec![]),
            "a disabled head is hidden"
        );
        assert_eq!(arranged(&wishes, &[true, true], Some(0)), (vec![0], vec![1]), "and comes back");
    }

    #[test]
    fn what_is_put_away_comes_back_with_the_guests_next_use() {
        let mut wishes = Wishes::default();
        wishes.put_away(ConsoleId(1));
        assert_eq!(arranged(&wishes, &[true, true], Some(0)), (vec![0], vec![]));
        wishes.use_changed(ConsoleId(1));
        assert_eq!(arranged(&wishes, &[true, true], Some(0)), (vec![0, 1], vec![]));
        wishes.open(ConsoleId(2));
        assert_eq!(arranged(&wishes, &[true, true, false], Some(0)), (vec![0, 1, 2], vec![]));
        wishes.use_changed(ConsoleId(2));
        assert_eq!(arranged(&wishes, &[true, true, false], Some(0)), (vec![0, 1], vec![]));
    }

    #[test]
    fn a_machine_that_shows_nothing_has_a_window_all_the_same() {
        let mut wishes = Wishes::default();
        assert_eq!(arranged(&wishes, &[false, false], None), (vec![0], vec![]));
        wishes.put_away(ConsoleId(0));
        assert_eq!(arranged(&wishes, &[true, false], None), (vec![1], vec![]));
        assert_eq!(arranged(&wishes, &[], None), (vec![], vec![]));
        let text = Candidate { id: ConsoleId(3), in_use: false, graphic: false };
        assert_eq!(wishes.arrange(&[text], None), Arrangement::default());
        assert_eq!(wishes.arrange(&[text], Some(ConsoleId(3))).tabs, [ConsoleId(3)]);
    }

    proptest! {
        #[test]
        fn each_is_seen_once_and_something_always(
            in_use in prop::collection::vec(any::<bool>(), 1..6),
            sets in prop::collection::vec((0..3_u8, 0..6_u32), 0..12),
            target in prop::option::of(0..6_u32),
        ) {
            let mut wishes = Wishes::default();
            for (set, id) in sets {
                let set = match set {
                    0 => &mut wishes.windows,
                    1 => &mut wishes.put_away,
                    _ => &mut wishes.opened,
                };
                set.insert(ConsoleId(id));
            }
            let Arrangement { tabs, windows } = wishes.arrange(&consoles(&in_use), target.map(ConsoleId));
            let all: Vec<_> = tabs.iter().chain(&windows).copied().collect();
            prop_assert!(!all.is_empty());
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
            prop_assert!(all.iter().all(|id| (id.0 as usize) < in_use.len()));
        }
    }
}
