//! The keys that give the keyboard back: noticed here, before anything else, whoever hangs.

use super::{Combination, Press, keymap};

/// Keys of the same kind on both sides, of which either will do where the left one is asked for.
const SIDES: [(u32, u32); 4] = [(29, 97), (42, 54), (56, 100), (125, 126)];

/// What a key is, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// None of our business: it is the guest's.
    Pass,
    /// The person wants the keyboard back. The key itself is not the guest's.
    Release,
}

/// How far the person has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Progress {
    #[default]
    Waiting,
    /// All of its keys are down, and none else was pressed since.
    Complete,
    /// Something else was pressed with it: it was meant for the guest.
    Spoiled,
}

/// Watches for a combination.
///
/// One of modifiers alone, as Ctrl+Alt, is meant once they are let go of: Ctrl+Alt+F2 goes to the
/// guest. One with another key is meant as soon as that is pressed.
#[derive(Debug, Clone)]
pub struct Chord {
    keys: Vec<u32>,
    /// What is down on the host, by what it counts as.
    down: Vec<u32>,
    progress: Progress,
}

impl Default for Chord {
    /// Ctrl+Alt, as QEMU, virt-viewer and virt-manager have it.
    fn default() -> Self {
        Self::of(&[29, 56])
    }
}

impl Chord {
    /// Watches for this combination.
    pub fn new(combination: &Combination) -> Self {
        Self::of(combination.codes())
    }

    fn of(codes: &[u32]) -> Self {
        Self { keys: codes.to_vec(), down: Vec::new(), progress: Progress::Waiting }
    }

    /// A key of the host's went down or up, whoever it is for.
    pub fn key(&mut self, evdev: u32, press: Press) -> Verdict {
        let key = self.counts_as(evdev);
        match press {
            Press::Down if self.down.contains(&key) => Verdict::Pass,
            Press::Down => self.pressed(key),
            Press::Up => self.released(key),
        }
    }

    /// Another thing was done with the keys held: a click, a turn of the wheel.
    pub fn spoil(&mut self) {
        if !self.down.is_empty() {
            self.progress = Progress::Spoiled;
        }
    }

    /// Sticky keys hold these; a person who needs them cannot hold several at once.
    pub fn latched(&mut self, codes: &[u32]) -> Verdict {
        let mut latched: Vec<_> = codes.iter().map(|code| self.counts_as(*code)).collect();
        latched.sort_unstable();
        latched.dedup();
        let complete = latched.len() == self.keys.len() && latched.iter().all(|key| self.keys.contains(key));
        if complete { Verdict::Release } else { Verdict::Pass }
    }

    /// The keyboard is elsewhere: what goes up there is not seen here.
    pub fn forget(&mut self) {
        self.down.clear();
        self.progress = Progress::Waiting;
    }

    fn pressed(&mut self, key: u32) -> Verdict {
        self.down.push(key);
        let complete =
            self.down.len() == self.keys.len() && self.keys.iter().all(|one| self.down.contains(one));
        match self.progress {
            Progress::Waiting if complete && !is_modifier(key) => {
                self.progress = Progress::Spoiled;
                return Verdict::Release;
            }
            Progress::Waiting if complete => self.progress = Progress::Complete,
            // Keys that are none of it, or too many.
            Progress::Waiting if self.keys.contains(&key) => {}
            Progress::Waiting | Progress::Complete | Progress::Spoiled => self.progress = Progress::Spoiled,
        }
        Verdict::Pass
    }

    fn released(&mut self, key: u32) -> Verdict {
        let Some(index) = self.down.iter().position(|down| *down == key) else { return Verdict::Pass };
        self.down.remove(index);
        let meant = self.progress == Progress::Complete;
        if meant {
            self.progress = Progress::Spoiled;
        }
        if self.down.is_empty() {
            self.progress = Progress::Waiting;
        }
        if meant { Verdict::Release } else { Verdict::Pass }
    }

    /// The left key, where either side will do.
    fn counts_as(&self, evdev: u32) -> u32 {
        let side = SIDES
            .iter()
            .find(|(left, right)| *right == evdev && !self.keys.contains(right) && self.keys.contains(left));
        side.map_or(evdev, |(left, _)| *left)
    }
}

fn is_modifier(key: u32) -> bool {
    SIDES.iter().any(|(left, right)| key == *left || key == *right) || keymap::name(key) == Some("capslock")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that go down, and up if negative.
    fn verdicts(chord: &mut Chord, keys: &[i32]) -> Vec<Verdict> {
        let press = |key: i32| if key < 0 { Press::Up } else { Press::Down };
        keys.iter().map(|key| chord.key(key.unsigned_abs(), press(*key))).collect()
    }

    fn releases(chord: &mut Chord, keys: &[i32]) -> Option<usize> {
        let verdicts = verdicts(chord, keys);
        assert!(verdicts.iter().filter(|verdict| **verdict == Verdict::Release).count() <= 1);
        verdicts.iter().position(|verdict| *verdict == Verdict::Release)
    }

    #[test]
    fn modifiers_alone_are_meant_when_let_go_of() {
        let mut chord = Chord::default();
        assert_eq!(releases(&mut chord, &[29, 56, -56, -29]), Some(2));
        assert_eq!(releases(&mut chord, &[56, 29, -56, -29]), Some(2), "in any order, and again");
        assert_eq!(releases(&mut chord, &[97, 56, -97, -56]), Some(2), "on either side");
        assert_eq!(
            releases(&mut chord, &[29, 29, 56, 56, -29, -56]),
            Some(4),
            "keys that repeat are no others"
        );
    }

    #[test]
    fn what_goes_on_is_the_guests() {
        let mut chord = Chord::default();
        for keys in [
            &[29, 56, 60, -60, -56, -29][..],
            &[30, 29, 56, -56, -29, -30],
            &[29, 42, 56, -56, -42, -29],
            &[29, -29, 56, -56],
        ] {
            assert_eq!(releases(&mut chord, keys), None, "{keys:?}");
        }
        verdicts(&mut chord, &[29, 56]);
        chord.spoil();
        assert_eq!(releases(&mut chord, &[-29, -56]), None, "a drag");
        assert_eq!(releases(&mut chord, &[29, 56, -29, -56]), Some(2), "and then it works again");
    }

    #[test]
    fn another_key_is_meant_at_once() {
        let mut chord = Chord::new(&"ctrl+alt+g".parse().unwrap());
        assert_eq!(releases(&mut chord, &[29, 56, 34, -34, -56, -29]), Some(2));
        assert_eq!(releases(&mut chord, &[29, 56, -56, -29]), None);
    }

    #[test]
    fn one_key_will_do() {
        let mut chord = Chord::new(&"right ctrl".parse().unwrap());
        assert_eq!(releases(&mut chord, &[97, -97]), Some(1));
        assert_eq!(releases(&mut chord, &[29, -29]), None, "the right one was asked for");
        assert_eq!(releases(&mut chord, &[97, 30, -30, -97]), None);
    }

    #[test]
    fn sticky_keys_need_not_be_held() {
        let mut chord = Chord::default();
        assert_eq!(chord.latched(&[29]), Verdict::Pass);
        assert_eq!(chord.latched(&[56, 29]), Verdict::Release);
        assert_eq!(chord.latched(&[56, 29, 42]), Verdict::Pass);
    }

    #[test]
    fn what_went_up_elsewhere_is_forgotten() {
        let mut chord = Chord::default();
        verdicts(&mut chord, &[29]);
        chord.forget();
        assert_eq!(releases(&mut chord, &[56, -56]), None);
    }
}
