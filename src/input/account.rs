//! One account of a keyboard out of two: GDK's, which leaves keys out, and the compositor's own.
//!
//! GDK drops keys that have no symbol in the host's layout (gdk/wayland/gdkseat-wayland.c,
//! `deliver_key_event`), and knows nothing of modifiers that sticky keys hold. What it does tell of goes
//! through the window first, whose shortcuts may keep it. So GDK's account is followed, and the
//! compositor's fills its gaps, in their order.

use std::collections::VecDeque;

use super::{Leds, Press};

/// So much may wait: more than a person does between two turns of the main loop.
const MOST: usize = 256;

/// What the compositor tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A key goes down or up, by its Linux code, at this time of the compositor's in milliseconds.
    Key { code: u32, press: Press, time: u32 },
    /// Sticky keys hold these modifiers, by their Linux codes; the host's locks are these.
    Modifiers { latched: Vec<u32>, locks: Leds },
}

/// What the compositor has told, and GDK not yet.
#[derive(Debug, Default)]
pub struct Account {
    waiting: VecDeque<Heard>,
}

impl Account {
    /// The compositor tells.
    pub fn hear(&mut self, heard: Heard) {
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.waiting.push_back(heard);
    }

    /// GDK tells of a key: what happened before it that GDK kept to itself.
    ///
    /// Nothing where the compositor has not told of it: keys that GDK repeats by itself.
    pub fn told(&mut self, code: u32, press: Press, time: u32) -> Vec<Heard> {
        let key = Heard::Key { code, press, time };
        let Some(index) = self.waiting.iter().position(|heard| *heard == key) else { return Vec::new() };
        let mut before: Vec<_> = self.waiting.drain(..=index).collect();
        before.pop();
        before
    }

    /// GDK has told all that it will: what it kept to itself.
    pub fn rest(&mut self) -> Vec<Heard> {
        self.waiting.drain(..).collect()
    }
}

/// The Linux codes of the modifiers that sticky keys hold, from a mask of xkb's real modifiers, whose
/// places are fixed: Shift, Lock, Control and five more, by custom Alt, Num Lock, none, Super, AltGr.
pub fn latched(mask: u32) -> Vec<u32> {
    const CODES: [(u32, u32); 5] = [(0, 42), (2, 29), (3, 56), (6, 125), (7, 100)];
    CODES.iter().filter(|(bit, _)| mask & 1 << bit != 0).map(|(_, code)| *code).collect()
}

/// The locks in such a mask.
pub fn locks(mask: u32) -> Leds {
    let caps = if mask & 1 << 1 != 0 { Leds::CAPS } else { Leds::default() };
    let num = if mask & 1 << 4 != 0 { Leds::NUM } else { Leds::default() };
    caps.with(num)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(code: u32, press: Press, time: u32) -> Heard {
        Heard::Key { code, press, time }
    }

    #[test]
    fn gaps_are_filled_where_they_were() {
        let mut account = Account::default();
        let modifiers = Heard::Modifiers { latched: vec![42], locks: Leds::default() };
        for heard in [key(192, Press::Down, 1), modifiers.clone(), key(30, Press::Down, 2)] {
            account.hear(heard);
        }
        assert_eq!(account.told(30, Press::Down, 2), [key(192, Press::Down, 1), modifiers]);
        assert_eq!(account.told(30, Press::Down, 77), [], "a key that repeats");
        account.hear(key(192, Press::Up, 3));
        assert_eq!(account.rest(), [key(192, Press::Up, 3)]);
        assert_eq!(account.rest(), []);
    }

    #[test]
    fn masks_have_their_modifiers() {
        assert_eq!(latched(0b1000_1101), [42, 29, 56, 100]);
        assert_eq!(latched(0b0001_0010), [] as [u32; 0], "locks are none");
        assert_eq!(locks(0b0001_0010), Leds::CAPS.with(Leds::NUM));
        assert_eq!(locks(0b1110_1101), Leds::default());
    }

    proptest! {
        /// Whatever GDK leaves out, both accounts together are the compositor's, in its order.
        #[test]
        fn nothing_is_lost_nor_twice(
            keys in prop::collection::vec((0..4_u32, any::<bool>(), any::<bool>()), 0..100),
            turns in prop::collection::vec(1..9_usize, 100),
        ) {
            let all: Vec<_> = (0..).zip(&keys).map(|(time, (code, down, _))| {
                key(*code, if *down { Press::Down } else { Press::Up }, time)
            }).collect();
            let (mut account, mut seen) = (Account::default(), Vec::new());
            let mut rest = &all[..];
            let mut kept = keys.iter().map(|(.., kept)| *kept);
            for turn in turns {
                let (now, later) = rest.split_at(turn.min(rest.len()));
                now.iter().for_each(|heard| account.hear(heard.clone()));
                for heard in now {
                    let Heard::Key { code, press, time } = heard else { unreachable!() };
                    if !kept.next().unwrap() {
                        seen.extend(account.told(*code, *press, *time));
                        seen.push(heard.clone());
                    }
                }
                seen.extend(account.rest());
                rest = later;
            }
            prop_assert_eq!(seen, all);
        }
    }
}
