//! A keyboard and its ways out: what becomes of a key, with the combination that frees it seen first.

use super::grab::{self, Act, Grab};
use super::leash::Leash;
use super::{Button, Chord, Combination, Command, Hands, Leds, Press, Tie, Verdict};
use crate::clock::Time;
use crate::geometry::Placement;

/// What to do, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Tell the guest.
    Send(Command),
    /// Ask the desktop for its shortcuts.
    Ask,
    /// Give them back, and the pointer with them.
    Cancel,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The guest's or ours: the desktop's widgets are not to see it.
    Taken(Vec<Deed>),
    /// The window's: for its menus and buttons.
    Windows,
}

/// Everything that a person does in front of one console.
#[derive(Debug, Default)]
pub struct Seat {
    pub hands: Hands,
    grab: Grab,
    chord: Chord,
    leash: Leash,
}

impl Seat {
    /// Who has the shortcuts.
    pub fn grab(&self) -> &Grab {
        &self.grab
    }

    /// What is to be done with the pointer now: it changes with all that happens here.
    pub fn tie(&self) -> Tie {
        self.leash.tie(self.hands.mode())
    }

    /// Whether a guest with a relative pointer hears of it only while it is held.
    pub fn ties(&self) -> bool {
        self.leash.ties()
    }

    /// How the pointer of such a guest is to be held.
    pub fn set_tie(&mut self, tie: Tie) {
        self.leash.set_tie(tie);
    }

    /// These keys give the keyboard back from now on.
    pub fn set_chord(&mut self, combination: &Combination) {
        self.chord = Chord::new(combination);
    }

    /// Something that concerns the grab happened.
    pub fn handle(&mut self, input: grab::Input, now: Time) -> Vec<Deed> {
        if let grab::Input::Obstacle(_) = input {
            self.chord.forget();
        }
        let acts = self.grab.handle(input, now);
        self.leash.follow(input, &acts, &self.grab);
        acts.into_iter().flat_map(|act| self.deeds(act)).collect()
    }

    /// A key goes down or up, by its Linux code.
    pub fn key(&mut self, evdev: u32, press: Press, now: Time) -> Whose {
        let took = self.grab.takes_keys();
        if self.chord.key(evdev, press) == Verdict::Release && took {
            return Whose::Taken(self.handle(grab::Input::Chord, now));
        }
        if !took {
            return Whose::Windows;
        }
        Whose::Taken(self.hands.key(evdev, press).map(Deed::Send).into_iter().collect())
    }

    /// A key went down that the window keeps for itself: it is not meant to free the keyboard.
    pub fn kept(&mut self) {
        self.chord.spoil();
    }

    /// Sticky keys hold these modifiers, by their Linux codes, until the next key.
    pub fn latched(&mut self, codes: &[u32], now: Time) -> Vec<Deed> {
        if !self.grab.takes_keys() {
            return Vec::new();
        }
        match self.chord.latched(codes) {
            Verdict::Release => self.handle(grab::Input::Chord, now),
            Verdict::Pass => self.hands.latched(codes).into_iter().map(Deed::Send).collect(),
        }
    }

    /// The host's locks are these now, while the keyboard is with the guest.
    pub fn host_locks(&mut self, host: Leds) -> Vec<Deed> {
        if !self.grab.takes_keys() {
            return Vec::new();
        }
        self.hands.host_locks(host).into_iter().map(Deed::Send).collect()
    }

    /// A button goes down or up here; a click is also a wish to be with the guest.
    pub fn button(
        &mut self,
        placement: Option<&Placement>,
        at: (f64, f64),
        (button, press): (Button, Press),
        now: Time,
    ) -> Vec<Deed> {
        self.chord.spoil();
        let commands = self.hands.button(placement, at, button, press);
        let clicked = press == Press::Down && commands.iter().flatten().next().is_some();
        let mut deeds = if clicked { self.handle(grab::Input::Clicked, now) } else { Vec::new() };
        deeds.extend(commands.into_iter().flatten().map(Deed::Send));
        deeds
    }

    fn deeds(&mut self, act: Act) -> Vec<Deed> {
        match act {
            Act::Ask => vec![Deed::Ask],
            Act::Cancel => vec![Deed::Cancel],
            Act::LetGo => self.hands.let_go().into_iter().map(Deed::Send).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::grab::{Input, Obstacle, State, When};
    use super::*;
    use crate::input::Qnum;

    const NOW: Time = Time::from_millis(1);

    fn ready() -> Seat {
        let mut seat = Seat::default();
        seat.handle(Input::Cleared(Obstacle::Unfocused), NOW);
        seat.handle(Input::Cleared(Obstacle::Disconnected), NOW);
        seat
    }

    fn send(number: u8, press: Press) -> Deed {
        Deed::Send(Command::Key(Qnum(number), press))
    }

    #[test]
    fn the_combination_frees_whatever_the_guest_was_told_before() {
        let mut seat = ready();
        seat.handle(Input::Clicked, NOW);
        seat.handle(Input::Granted, NOW);
        seat.key(29, Press::Down, NOW);
        seat.key(56, Press::Down, NOW);
        let up = [Deed::Cancel, send(0x38, Press::Up), send(0x1d, Press::Up)];
        assert_eq!(seat.key(56, Press::Up, NOW), Whose::Taken(up.to_vec()));
        assert_eq!(seat.key(29, Press::Up, NOW), Whose::Windows);
        assert_eq!(seat.key(15, Press::Down, NOW), Whose::Windows, "Tab moves between buttons now");
    }

    #[test]
    fn other_combinations_are_the_guests() {
        let mut seat = ready();
        for (code, press) in [(29, Press::Down), (56, Press::Down), (60, Press::Down)] {
            assert_ne!(seat.key(code, press, NOW), Whose::Windows);
        }
        let up = seat.key(60, Press::Up, NOW);
        assert_eq!(up, Whose::Taken(vec![send(0x3c, Press::Up)]));
        for code in [56, 29] {
            seat.key(code, Press::Up, NOW);
        }
        assert!(seat.grab().takes_keys());
    }

    #[test]
    fn sticky_modifiers_are_held_for_one_key() {
        let mut seat = ready();
        assert_eq!(seat.latched(&[29], NOW), [send(0x1d, Press::Down)]);
        assert_eq!(seat.key(46, Press::Down, NOW), Whose::Taken(vec![send(0x2e, Press::Down)]));
        assert_eq!(seat.latched(&[], NOW), [send(0x1d, Press::Up)]);
        seat.latched(&[29], NOW);
        seat.latched(&[29, 56], NOW);
        assert_eq!(seat.grab().state(), State::Free(grab::Freed::Chord), "and free the keyboard");
    }

    fn events() -> impl Strategy<Value = Event> {
        let obstacle = prop::sample::select(Obstacle::ALL.to_vec());
        let when = prop::sample::select(vec![When::Never, When::Click, When::Hover, When::Fullscreen]);
        let other = prop::sample::select(vec![
            Input::Clicked,
            Input::Entered,
            Input::Left,
            Input::Wanted,
            Input::Chord,
            Input::Granted,
            Input::Withdrawn,
            Input::Due,
            Input::Fullscreen(true),
            Input::Fullscreen(false),
        ]);
        let code = prop::sample::select(vec![29, 97, 56, 100, 42, 30, 31, 58, 60, 125]);
        let press = prop::sample::select(vec![Press::Down, Press::Up]);
        let button = prop::sample::select(vec![Button::Left, Button::Right]);
        let latched = prop::sample::subsequence(vec![29, 42, 56], 0..=3);
        prop_oneof![
            6 => (code, press.clone()).prop_map(|(code, press)| Event::Key(code, press)),
            2 => (button, press).prop_map(|(button, press)| Event::Button(button, press)),
            1 => latched.prop_map(Event::Latched),
            1 => obstacle.clone().prop_map(|obstacle| Event::Grab(Input::Obstacle(obstacle))),
            2 => obstacle.prop_map(|obstacle| Event::Grab(Input::Cleared(obstacle))),
            1 => when.prop_map(|when| Event::Grab(Input::Preference(when))),
            2 => other.prop_map(Event::Grab),
        ]
    }

    #[derive(Debug, Clone)]
    enum Event {
        Key(u32, Press),
        Button(Button, Press),
        Latched(Vec<u32>),
        Grab(Input),
    }

    /// What the guest and the desktop make of it.
    #[derive(Debug, Default)]
    struct Others {
        down: BTreeSet<Qnum>,
        buttons: BTreeSet<Button>,
        asked: bool,
    }

    impl Others {
        fn take(&mut self, deeds: Vec<Deed>) {
            for deed in deeds {
                match deed {
                    Deed::Ask => assert!(!std::mem::replace(&mut self.asked, true), "asked twice"),
                    Deed::Cancel => self.asked = false,
                    Deed::Send(Command::Key(key, Press::Down)) => {
                        assert!(self.down.insert(key), "{key:?} twice")
                    }
                    Deed::Send(Command::Key(key, Press::Up)) => {
                        assert!(self.down.remove(&key), "{key:?} was up")
                    }
                    Deed::Send(Command::Button(button, Press::Down)) => assert!(self.buttons.insert(button)),
                    Deed::Send(Command::Button(button, Press::Up)) => assert!(self.buttons.remove(&button)),
                    Deed::Send(_) => {}
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn who_is_freed_holds_nothing(events in prop::collection::vec(events(), 0..120)) {
            let (mut seat, mut others) = (ready(), Others::default());
            for event in events {
                let before = seat.grab().state();
                let freed = matches!(event, Event::Grab(Input::Obstacle(_) | Input::Chord));
                let deeds = match event {
                    Event::Key(code, press) => match seat.key(code, press, NOW) {
                        Whose::Taken(deeds) => deeds,
                        Whose::Windows => Vec::new(),
                    },
                    Event::Button(button, press) => seat.button(None, (0.0, 0.0), (button, press), NOW),
                    Event::Latched(codes) => seat.latched(&codes, NOW),
                    Event::Grab(input) => seat.handle(input, NOW),
                };
                others.take(deeds);
                let after = seat.grab().state();
                let left = !matches!(before, State::Free(_)) && matches!(after, State::Free(_));
                if freed || left {
                    prop_assert!(others.buttons.is_empty(), "{:?}", others);
                }
                if freed || left || !seat.grab().takes_keys() {
                    prop_assert_eq!(seat.tie(), Tie::Free);
                    prop_assert!(others.down.is_empty(), "{:?}", others);
                }
                prop_assert_eq!(others.asked, !matches!(after, State::Free(_)), "{:?}", after);
            }
        }
    }
}
