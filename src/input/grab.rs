//! Who has the keyboard's shortcuts, the guest or the desktop, and every way back to the desktop.
//!
//! A desktop may be asked for them (`zwp_keyboard_shortcuts_inhibit`, or a grab on X11), may take its
//! time, may refuse without a word, and may take them back. The way back never depends on the guest,
//! nor on QEMU: it is decided here.

use std::time::Duration;

use crate::clock::Time;

/// A desktop that has not said yes for so long has refused, or asks the person just now; it can still
/// say yes.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the shortcuts are taken by themselves.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Only when asked for in the menu.
    Never,
    #[default]
    Click,
    /// When the pointer is over the picture.
    Hover,
    /// For as long as the window fills the screen.
    Fullscreen,
}

/// What keeps keys from the guest altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// The keyboard is elsewhere.
    Unfocused,
    /// The screen is locked.
    Locked,
    /// There is no connection to the machine.
    Disconnected,
    /// The machine's QEMU does not answer.
    Hung,
    /// The window closes.
    Closed,
}

impl Obstacle {
    pub const ALL: [Self; 5] = [Self::Unfocused, Self::Locked, Self::Disconnected, Self::Hung, Self::Closed];
}

/// Why the desktop has its shortcuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freed {
    /// Nobody has asked for them.
    Unasked,
    /// The person pressed the combination: keys go to the window until they come back.
    Chord,
    /// The desktop took them back, as GNOME does for Super+Escape.
    Desktop,
    /// The pointer left the picture, or the window fills the screen no longer.
    Left,
    Obstacle(Obstacle),
}

/// Who has the shortcuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The desktop.
    Free(Freed),
    /// The desktop, which has been asked for them.
    Asked { since: Time },
    /// The desktop, which does not give them away.
    Refused,
    /// The guest.
    Held,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The person clicked into the picture.
    Clicked,
    /// The pointer came over the picture.
    Entered,
    /// The pointer left the picture.
    Left,
    /// The window fills the screen, or no longer.
    Fullscreen(bool),
    /// The person asks for it, in the menu or by a key.
    Wanted,
    /// The person wants the keyboard back.
    Chord,
    /// The desktop says yes.
    Granted,
    /// The desktop takes the shortcuts back.
    Withdrawn,
    Obstacle(Obstacle),
    Cleared(Obstacle),
    Preference(When),
    /// It is the time that [`Grab::due`] named.
    Due,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Ask the desktop for its shortcuts.
    Ask,
    /// Give them back: destroy the inhibitor and the pointer's lock, rather than wait for anybody.
    Cancel,
    /// Let go of every key and button that the guest holds.
    LetGo,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Grab {
    state: State,
    when: When,
    obstacles: Vec<Obstacle>,
    is_fullscreen: bool,
}

impl Default for Grab {
    /// A window that nobody looks at yet, of a machine that is not there yet.
    fn default() -> Self {
        let (state, when) = (State::Free(Freed::Unasked), When::default());
        let obstacles = vec![Obstacle::Unfocused, Obstacle::Disconnected];
        Self { state, when, obstacles, is_fullscreen: false }
    }
}

impl Grab {
    /// Who has the shortcuts.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether keys are the guest's; its shortcuts among them, if it has those.
    pub fn takes_keys(&self) -> bool {
        self.obstacles.is_empty() && self.state != State::Free(Freed::Chord)
    }

    /// When to come back with [`Input::Due`].
    pub fn due(&self) -> Option<Time> {
        match self.state {
            State::Asked { since } => Some(since + PATIENCE),
            _ => None,
        }
    }

    /// Takes in what happened at `now`; says what to do, in this order.
    pub fn handle(&mut self, input: Input, now: Time) -> Vec<Act> {
        match input {
            Input::Clicked => self.come(self.when != When::Never && self.when != When::Fullscreen, now),
            Input::Entered if self.when == When::Hover => self.come(true, now),
            Input::Entered => Vec::new(),
            Input::Wanted => self.want(now),
            Input::Left => self.leave(When::Hover),
            Input::Fullscreen(is_fullscreen) => {
                self.is_fullscreen = is_fullscreen;
                if is_fullscreen {
                    self.come(self.when == When::Fullscreen, now)
                } else {
                    self.leave(When::Fullscreen)
                }
            }
            Input::Chord => self.free(Freed::Chord),
            Input::Granted => self.granted(),
            Input::Withdrawn => self.withdrawn(),
            Input::Obstacle(obstacle) => {
                if !self.obstacles.contains(&obstacle) {
                    self.obstacles.push(obstacle);
                }
                self.free(Freed::Obstacle(obstacle))
            }
            Input::Cleared(obstacle) => {
                self.obstacles.retain(|one| *one != obstacle);
                let fills = self.when == When::Fullscreen && self.is_fullscreen;
                if fills && self.obstacles.is_empty() { self.come(true, now) } else { Vec::new() }
            }
            Input::Preference(when) => {
                self.when = when;
                if when == When::Never { self.give_back(Freed::Unasked) } else { Vec::new() }
            }
            Input::Due => {
                if self.due().is_some_and(|due| due <= now) {
                    self.state = State::Refused;
                }
                Vec::new()
            }
        }
    }

    /// The person turns to the guest: keys are its again, and shortcuts if they are to be.
    fn come(&mut self, take: bool, now: Time) -> Vec<Act> {
        if !self.obstacles.is_empty() || !matches!(self.state, State::Free(_)) {
            return Vec::new();
        }
        if !take {
            self.state = State::Free(Freed::Unasked);
            return Vec::new();
        }
        self.state = State::Asked { since: now };
        vec![Act::Ask]
    }

    /// Unlike other reasons, a wish asks a desktop once more that has refused.
    fn want(&mut self, now: Time) -> Vec<Act> {
        if self.state == State::Refused && self.obstacles.is_empty() {
            self.state = State::Asked { since: now };
            // A desktop does not listen to somebody whose question it holds already.
            return vec![Act::Cancel, Act::Ask];
        }
        self.come(true, now)
    }

    fn leave(&mut self, when: When) -> Vec<Act> {
        if self.when == when { self.give_back(Freed::Left) } else { Vec::new() }
    }

    fn granted(&mut self) -> Vec<Act> {
        match self.state {
            State::Asked { .. } | State::Refused => {
                self.state = State::Held;
                Vec::new()
            }
            // Too late.
            State::Free(_) => vec![Act::Cancel],
            State::Held => Vec::new(),
        }
    }

    fn withdrawn(&mut self) -> Vec<Act> {
        match self.state {
            State::Held => self.free(Freed::Desktop),
            State::Asked { .. } => {
                self.state = State::Refused;
                Vec::new()
            }
            State::Free(_) | State::Refused => Vec::new(),
        }
    }

    fn give_back(&mut self, why: Freed) -> Vec<Act> {
        if matches!(self.state, State::Free(_)) { Vec::new() } else { self.free(why) }
    }

    /// Every way out goes through here.
    fn free(&mut self, why: Freed) -> Vec<Act> {
        let before = std::mem::replace(&mut self.state, State::Free(why));
        match before {
            State::Free(_) => vec![Act::LetGo],
            State::Asked { .. } | State::Refused | State::Held => vec![Act::Cancel, Act::LetGo],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1000);
    const LATER: Time = Time::from_millis(5000);

    fn ready(when: When) -> Grab {
        let mut grab = Grab::default();
        grab.handle(Input::Preference(when), START);
        grab.handle(Input::Cleared(Obstacle::Disconnected), START);
        grab.handle(Input::Cleared(Obstacle::Unfocused), START);
        assert!(grab.takes_keys());
        grab
    }

    fn held(when: When, by: Input) -> Grab {
        let mut grab = ready(when);
        assert_eq!(grab.handle(by, START), [Act::Ask], "{when:?}");
        assert_eq!(grab.handle(Input::Granted, START), []);
        assert_eq!(grab.state(), State::Held);
        grab
    }

    #[test]
    fn each_preference_has_its_trigger_and_the_menu_always_works() {
        let triggers = [Input::Clicked, Input::Entered, Input::Fullscreen(true)];
        for (when, works) in [
            (When::Never, [false, false, false]),
            (When::Click, [true, false, false]),
            (When::Hover, [true, true, false]),
            (When::Fullscreen, [false, false, true]),
        ] {
            for (trigger, works) in triggers.into_iter().zip(works) {
                let acts = ready(when).handle(trigger, START);
                assert_eq!(acts, if works { vec![Act::Ask] } else { vec![] }, "{when:?} {trigger:?}");
            }
            held(when, Input::Wanted);
        }
    }

    #[test]
    fn every_way_out_gives_all_back_at_once() {
        let obstacles = Obstacle::ALL.map(Input::Obstacle);
        for way in obstacles.into_iter().chain([Input::Chord, Input::Withdrawn]) {
            let mut grab = held(When::Click, Input::Clicked);
            assert_eq!(grab.handle(way, LATER), [Act::Cancel, Act::LetGo], "{way:?}");
            assert!(matches!(grab.state(), State::Free(_)), "{way:?}");
        }
        let mut grab = held(When::Hover, Input::Entered);
        assert_eq!(grab.handle(Input::Left, LATER), [Act::Cancel, Act::LetGo]);
        let mut grab = held(When::Fullscreen, Input::Fullscreen(true));
        assert_eq!(grab.handle(Input::Fullscreen(false), LATER), [Act::Cancel, Act::LetGo]);
    }

    #[test]
    fn after_the_combination_keys_are_the_windows_until_the_person_comes_back() {
        for back in [Input::Clicked, Input::Wanted] {
            let mut grab = held(When::Click, Input::Clicked);
            grab.handle(Input::Chord, LATER);
            assert!(!grab.takes_keys());
            assert_eq!(grab.handle(back, LATER), [Act::Ask]);
            assert!(grab.takes_keys());
        }
        let mut grab = ready(When::Never);
        assert_eq!(grab.handle(Input::Chord, LATER), [Act::LetGo]);
        assert!(!grab.takes_keys());
        assert_eq!(grab.handle(Input::Clicked, LATER), []);
        assert!(grab.takes_keys(), "without the shortcuts");
        grab.handle(Input::Chord, LATER);
        grab.handle(Input::Obstacle(Obstacle::Unfocused), LATER);
        grab.handle(Input::Cleared(Obstacle::Unfocused), LATER);
        assert!(grab.takes_keys(), "from another window");
    }

    #[test]
    fn a_desktop_that_says_nothing_has_refused_and_may_think_better_of_it() {
        let mut grab = ready(When::Click);
        grab.handle(Input::Clicked, START);
        assert_eq!(grab.due(), Some(START + PATIENCE));
        grab.handle(Input::Due, START);
        assert_eq!(grab.state(), State::Asked { since: START }, "not yet");
        grab.handle(Input::Due, LATER);
        assert_eq!(grab.state(), State::Refused);
        assert!(grab.takes_keys(), "all but the shortcuts");
        assert_eq!(grab.handle(Input::Clicked, LATER), [], "it is not asked for every click");
        assert_eq!(grab.handle(Input::Wanted, LATER), [Act::Cancel, Act::Ask]);
        grab.handle(Input::Due, LATER + PATIENCE);
        grab.handle(Input::Granted, LATER);
        assert_eq!(grab.state(), State::Held);
    }

    #[test]
    fn a_yes_that_comes_too_late_is_given_back() {
        let mut grab = ready(When::Click);
        grab.handle(Input::Clicked, START);
        grab.handle(Input::Obstacle(Obstacle::Hung), START);
        assert_eq!(grab.handle(Input::Granted, LATER), [Act::Cancel]);
        assert!(matches!(grab.state(), State::Free(_)));
    }

    #[test]
    fn nothing_is_asked_for_a_machine_that_cannot_have_it() {
        for obstacle in Obstacle::ALL {
            let mut grab = ready(When::Click);
            grab.handle(Input::Obstacle(obstacle), START);
            assert_eq!(grab.handle(Input::Clicked, START), [], "{obstacle:?}");
            assert_eq!(grab.handle(Input::Wanted, START), [], "{obstacle:?}");
            assert!(!grab.takes_keys());
        }
    }

    #[test]
    fn a_window_that_fills_the_screen_takes_them_again_when_the_person_is_back() {
        let mut grab = held(When::Fullscreen, Input::Fullscreen(true));
        grab.handle(Input::Obstacle(Obstacle::Unfocused), LATER);
        assert_eq!(grab.handle(Input::Cleared(Obstacle::Unfocused), LATER), [Act::Ask]);
    }
}
