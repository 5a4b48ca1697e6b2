//! Fingers on a screen, each in a slot of the guest's, or as the one pointer of a guest that has none.

use super::{Button, Command, Press};
use crate::geometry::{Guest, Point};

/// The most fingers that QEMU tells apart (include/ui/input.h, `INPUT_EVENT_SLOTS_MAX`).
pub const SLOTS: usize = 10;

/// What a finger does (ui/dbus-display1.xml, `MultiTouch.SendEvent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Touch {
    Begin = 0,
    Update = 1,
    End = 2,
    Cancel = 3,
}

/// What fingers are to the guest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TouchMode {
    /// Fingers: for guests with a touch screen.
    #[default]
    Fingers,
    /// The first of them is a mouse with its left button down.
    Mouse,
}

/// A finger of the host's, by a number that is its own while it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FingerId(pub u64);

/// The fingers on the screen.
#[derive(Debug, Default, Clone)]
pub struct Fingers {
    mode: TouchMode,
    /// By slot: which finger, and where it was last.
    slots: [Option<(FingerId, Point<Guest>)>; SLOTS],
    /// How many the guest takes.
    room: usize,
}

impl Fingers {
    /// The guest takes this many fingers (`MultiTouch.MaxSlots`).
    pub fn set_room(&mut self, slots: u32) {
        self.room = usize::try_from(slots).map_or(SLOTS, |slots| slots.min(SLOTS));
    }

    /// Fingers are this from now on; says what to send so that none stays down.
    pub fn set_mode(&mut self, mode: TouchMode) -> Vec<Command> {
        let commands = self.cancel_all();
        self.mode = mode;
        commands
    }

    /// A finger comes down here. One that finds no slot is not there for the guest.
    pub fn began(&mut self, finger: FingerId, at: Point<Guest>) -> Vec<Command> {
        // One that was never seen to leave.
        let mut commands = self.cancelled(finger);
        let room = match self.mode {
            TouchMode::Fingers => self.room,
            TouchMode::Mouse => 1,
        };
        let Some(slot) = self.slots[..room].iter().position(Option::is_none) else { return commands };
        self.slots[slot] = Some((finger, at));
        match self.mode {
            TouchMode::Fingers => commands.push(event(Touch::Begin, slot, at)),
            TouchMode::Mouse => {
                commands.extend([Command::MoveTo(at), Command::Button(Button::Left, Press::Down)]);
            }
        }
        commands
    }

    /// A finger is here now.
    pub fn moved(&mut self, finger: FingerId, at: Point<Guest>) -> Option<Command> {
        let slot = self.slot(finger)?;
        let (_, before) = self.slots[slot].replace((finger, at))?;
        (before != at).then(|| match self.mode {
            TouchMode::Fingers => event(Touch::Update, slot, at),
            TouchMode::Mouse => Command::MoveTo(at),
        })
    }

    /// A finger leaves, from where it was last.
    pub fn ended(&mut self, finger: FingerId) -> Vec<Command> {
        self.gone(finger, Touch::End)
    }

    /// The desktop takes a finger for itself, as for a gesture of its own.
    pub fn cancelled(&mut self, finger: FingerId) -> Vec<Command> {
        self.gone(finger, Touch::Cancel)
    }

    /// Lets go of everything.
    pub fn cancel_all(&mut self) -> Vec<Command> {
        let fingers = self.slots.into_iter().flatten();
        fingers.flat_map(|(finger, _)| self.cancelled(finger)).collect()
    }

    fn gone(&mut self, finger: FingerId, touch: Touch) -> Vec<Command> {
        let Some(slot) = self.slot(finger) else { return Vec::new() };
        let Some((_, at)) = self.slots[slot].take() else { return Vec::new() };
        vec![match self.mode {
            TouchMode::Fingers => event(touch, slot, at),
            TouchMode::Mouse => Command::Button(Button::Left, Press::Up),
        }]
    }

    fn slot(&self, finger: FingerId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_some_and(|(known, _)| known == finger))
    }
}

fn event(touch: Touch, slot: usize, at: Point<Guest>) -> Command {
    Command::Touch { touch, slot: u8::try_from(slot).expect("at most ten slots"), at }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fingers(room: u32) -> Fingers {
        let mut fingers = Fingers::default();
        fingers.set_room(room);
        fingers
    }

    fn at(x: i32) -> Point<Guest> {
        Point::new(x, 0)
    }

    #[test]
    fn each_finger_has_a_slot_until_it_leaves() {
        let mut fingers = fingers(10);
        assert_eq!(fingers.began(FingerId(7), at(1)), [event(Touch::Begin, 0, at(1))]);
        assert_eq!(fingers.began(FingerId(9), at(2)), [event(Touch::Begin, 1, at(2))]);
        assert_eq!(fingers.moved(FingerId(9), at(3)), Some(event(Touch::Update, 1, at(3))));
        assert_eq!(fingers.moved(FingerId(9), at(3)), None, "it has not moved");
        assert_eq!(fingers.ended(FingerId(7)), [event(Touch::End, 0, at(1))]);
        assert_eq!(fingers.began(FingerId(8), at(4)), [event(Touch::Begin, 0, at(4))]);
        assert_eq!(fingers.cancel_all(), [event(Touch::Cancel, 0, at(4)), event(Touch::Cancel, 1, at(3))]);
        assert_eq!(fingers.ended(FingerId(8)), []);
    }

    #[test]
    fn a_finger_too_many_is_not_there() {
        let mut fingers = fingers(1);
        fingers.began(FingerId(1), at(1));
        assert_eq!(fingers.began(FingerId(2), at(2)), []);
        assert_eq!(fingers.moved(FingerId(2), at(3)), None);
        assert_eq!(fingers.ended(FingerId(2)), []);
    }

    #[test]
    fn the_first_finger_can_be_a_mouse() {
        let mut fingers = fingers(0);
        assert_eq!(fingers.set_mode(TouchMode::Mouse), []);
        let down = [Command::MoveTo(at(1)), Command::Button(Button::Left, Press::Down)];
        assert_eq!(fingers.began(FingerId(1), at(1)), down);
        assert_eq!(fingers.began(FingerId(2), at(9)), []);
        assert_eq!(fingers.moved(FingerId(1), at(2)), Some(Command::MoveTo(at(2))));
        assert_eq!(fingers.set_mode(TouchMode::Fingers), [Command::Button(Button::Left, Press::Up)]);
    }

    proptest! {
        #[test]
        fn every_slot_begins_and_ends_once(
            steps in prop::collection::vec((0..4_u8, 0..14_u64, 0..5_i32), 0..200),
            room in 0..12_u32,
        ) {
            let mut fingers = fingers(room);
            let mut sent = Vec::new();
            for (step, finger, x) in steps {
                let finger = FingerId(finger);
                match step {
                    0 => sent.extend(fingers.began(finger, at(x))),
                    1 => sent.extend(fingers.moved(finger, at(x))),
                    2 => sent.extend(fingers.ended(finger)),
                    _ => sent.extend(fingers.cancelled(finger)),
                }
            }
            sent.extend(fingers.cancel_all());
            let mut down = [false; SLOTS];
            for command in sent {
                let Command::Touch { touch, slot, .. } = command else { panic!("{command:?}") };
                let down = &mut down[usize::from(slot)];
                prop_assert_eq!(*down, touch != Touch::Begin, "{:?}", command);
                *down = matches!(touch, Touch::Begin | Touch::Update);
            }
            prop_assert_eq!(down, [false; SLOTS]);
        }
    }
}
