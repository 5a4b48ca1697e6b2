//! The keys that the guest believes are down.

use super::{Command, Press, Qnum, keymap};

/// Most keys that can be held at once: a keyboard with every key down.
const CAPACITY: usize = 256;

/// Which keys are held in the guest; none is left behind.
#[derive(Debug, Default, Clone)]
pub struct Keyboard {
    /// In the order in which they went down, so that modifiers are released last.
    held: Vec<Qnum>,
}

impl Keyboard {
    /// A key of the host's went down, by its Linux code. Nothing to send if QEMU has no such key,
    /// or if it is held already: the guest repeats keys by itself.
    pub fn press(&mut self, evdev: u32) -> Option<Command> {
        let key = keymap::qnum(evdev)?;
        if self.held.contains(&key) || self.held.len() == CAPACITY {
            return None;
        }
        self.held.push(key);
        Some(Command::Key(key, Press::Down))
    }

    /// A key of the host's went up. Nothing to send if the guest never saw it go down.
    pub fn release(&mut self, evdev: u32) -> Option<Command> {
        let key = keymap::qnum(evdev)?;
        let index = self.held.iter().position(|held| *held == key)?;
        self.held.remove(index);
        Some(Command::Key(key, Press::Up))
    }

    /// Lets go of every key, the last pressed first.
    pub fn release_all(&mut self) -> impl Iterator<Item = Command> + use<> {
        std::mem::take(&mut self.held).into_iter().rev().map(|key| Command::Key(key, Press::Up))
    }

    /// Whether no key is held.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// Presses keys in this order and releases them in the opposite one, by their Linux codes.
    ///
    /// What the person holds is released first, so that the guest sees the chord alone.
    pub fn chord(&mut self, evdev: &[u32]) -> Vec<Command> {
        let mut commands: Vec<_> = self.release_all().collect();
        commands.extend(evdev.iter().filter_map(|code| self.press(*code)));
        commands.extend(self.release_all());
        commands
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const CTRL: u32 = 29;
    const ALT: u32 = 56;
    const DELETE: u32 = 111;

    #[test]
    fn a_held_key_is_pressed_once() {
        let mut keyboard = Keyboard::default();
        assert_eq!(keyboard.press(CTRL), Some(Command::Key(Qnum(0x1d), Press::Down)));
        assert_eq!(keyboard.press(CTRL), None);
        assert_eq!(keyboard.release(CTRL), Some(Command::Key(Qnum(0x1d), Press::Up)));
        assert_eq!(keyboard.release(CTRL), None);
    }

    #[test]
    fn a_chord_is_pressed_in_order_and_released_backwards() {
        let mut keyboard = Keyboard::default();
        keyboard.press(30);
        let key = |number, press| Command::Key(Qnum(number), press);
        assert_eq!(
            keyboard.chord(&[CTRL, ALT, DELETE]),
            [
                key(0x1e, Press::Up),
                key(0x1d, Press::Down),
                key(0x38, Press::Down),
                key(0xd3, Press::Down),
                key(0xd3, Press::Up),
                key(0x38, Press::Up),
                key(0x1d, Press::Up),
            ]
        );
        assert!(keyboard.is_idle());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_nothing_stays_down(
            typed in prop::collection::vec((0..300_u32, any::<bool>()), 0..400),
        ) {
            let mut keyboard = Keyboard::default();
            let mut down = BTreeSet::new();
            let sent = typed.into_iter().filter_map(|(code, press)| {
                if press { keyboard.press(code) } else { keyboard.release(code) }
            });
            let sent: Vec<_> = sent.collect();
            for command in sent.into_iter().chain(keyboard.release_all()) {
                match command {
                    Command::Key(key, Press::Down) => prop_assert!(down.insert(key), "pressed twice"),
                    Command::Key(key, Press::Up) => prop_assert!(down.remove(&key), "released twice"),
                    _ => unreachable!("a keyboard has keys"),
                }
            }
            prop_assert!(down.is_empty() && keyboard.is_idle());
        }
    }
}
