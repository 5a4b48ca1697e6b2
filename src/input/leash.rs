//! Whether a relative pointer is held to the picture: while the person is with the guest, no longer.

use super::PointerMode;
use super::grab::{Act, Grab, Input};

/// What is to be done with the pointer of a guest that hears how far it moves, not where it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tie {
    /// It stays where it is while the mouse moves: no edge ends a movement.
    #[default]
    Lock,
    /// It stays within the picture.
    Confine,
    /// Nothing: it moves the guest's while it is over the picture.
    Free,
}

/// Follows who the person is with.
///
/// Unlike the keyboard's shortcuts a pointer is held only once the person has said so with a click, or
/// in the menu: nobody is to be caught for coming by, or for making a window large.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Leash {
    tie: Tie,
    is_with_guest: bool,
}

impl Leash {
    pub(super) fn set_tie(&mut self, tie: Tie) {
        self.tie = tie;
    }

    /// What the grab made of what happened.
    pub(super) fn follow(&mut self, input: Input, acts: &[Act], grab: &Grab) {
        if acts.contains(&Act::LetGo) || !grab.takes_keys() {
            self.is_with_guest = false;
        } else if matches!(input, Input::Clicked | Input::Wanted) {
            self.is_with_guest = true;
        }
    }

    /// What is to be done with the pointer now.
    pub(super) fn tie(self, mode: PointerMode) -> Tie {
        match mode {
            PointerMode::Relative if self.is_with_guest => self.tie,
            _ => Tie::Free,
        }
    }

    /// Whether a guest with a relative pointer hears of it only while it is held.
    pub(super) fn ties(self) -> bool {
        self.tie != Tie::Free
    }
}

#[cfg(test)]
mod tests {
    use super::super::grab::{Freed, Obstacle, State, When};
    use super::*;
    use crate::clock::Time;

    const NOW: Time = Time::from_millis(1);

    struct Person {
        grab: Grab,
        leash: Leash,
    }

    impl Person {
        fn new(when: When) -> Self {
            let mut person = Self { grab: Grab::default(), leash: Leash::default() };
            for obstacle in [Obstacle::Unfocused, Obstacle::Disconnected] {
                person.does(Input::Cleared(obstacle));
            }
            person.does(Input::Preference(when));
            person
        }

        fn does(&mut self, input: Input) -> Tie {
            let acts = self.grab.handle(input, NOW);
            self.leash.follow(input, &acts, &self.grab);
            self.leash.tie(PointerMode::Relative)
        }
    }

    #[test]
    fn a_click_ties_whatever_becomes_of_the_shortcuts() {
        for when in [When::Never, When::Click, When::Hover, When::Fullscreen] {
            let mut person = Person::new(when);
            assert_eq!(person.does(Input::Entered), Tie::Free, "{when:?}");
            assert_eq!(person.does(Input::Fullscreen(true)), Tie::Free, "{when:?}");
            assert_eq!(person.does(Input::Clicked), Tie::Lock, "{when:?}");
            assert_eq!(person.leash.tie(PointerMode::Absolute), Tie::Free);
            assert_eq!(person.does(Input::Chord), Tie::Free, "{when:?}");
            assert_eq!(person.does(Input::Clicked), Tie::Lock, "{when:?}");
        }
    }

    #[test]
    fn every_obstacle_frees_and_its_end_does_not_tie() {
        for obstacle in Obstacle::ALL {
            let mut person = Person::new(When::Click);
            assert_eq!(person.does(Input::Clicked), Tie::Lock);
            assert_eq!(person.does(Input::Obstacle(obstacle)), Tie::Free, "{obstacle:?}");
            assert_eq!(person.does(Input::Clicked), Tie::Free, "{obstacle:?}");
            assert_eq!(person.does(Input::Cleared(obstacle)), Tie::Free, "{obstacle:?}");
        }
    }

    #[test]
    fn a_desktop_that_takes_its_shortcuts_back_gets_the_pointer() {
        let mut person = Person::new(When::Click);
        person.does(Input::Clicked);
        assert_eq!(person.does(Input::Granted), Tie::Lock);
        assert_eq!(person.does(Input::Withdrawn), Tie::Free);
        assert_eq!(person.grab.state(), State::Free(Freed::Desktop));
    }
}
