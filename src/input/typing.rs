//! A text as keystrokes, for guests without an agent: typed as a person at their keyboard would.
//!
//! What a key types is for the guest's layout to say, which nobody tells us: the person chooses it.

mod layouts;

use std::collections::BTreeSet;
use std::time::Duration;

use unicode_normalization::char::decompose_canonical;

use super::{Command, Leds, Press, keymap};

/// Linux codes of keys that every layout has.
const ENTER: u32 = 28;
const TAB: u32 = 15;
const SPACE: u32 = 57;
const SHIFT: u32 = 42;
const ALT_GR: u32 = 100;
const CAPS_LOCK: u32 = 58;

/// How long a key stays down or up. QEMU's PS/2 keyboard has room for 16 codes (hw/input/ps2.c), which
/// a guest that is busy does not fetch at once.
pub const PACE: Duration = Duration::from_millis(12);

/// The longest text that is typed, in characters: half an hour.
pub const LONGEST: usize = 64 * 1024;

/// What the keys of a keyboard type.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// As xkeyboard-config names it, with a variant after a plus sign.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// By Linux code: alone, with Shift, with AltGr, with both; dead keys as combining characters.
    keys: &'static [(u32, [char; 4])],
}

impl Layout {
    /// Every layout that there is.
    pub fn all() -> &'static [Self] {
        layouts::LAYOUTS
    }

    /// The layout with this id. Of one that is unknown, the language alone will do: "de+foo" is "de".
    pub fn named(id: &str) -> Option<&'static Self> {
        let exactly = |id: &str| Self::all().iter().find(|layout| layout.id == id);
        exactly(id).or_else(|| exactly(id.split('+').next()?))
    }

    fn key(&self, wanted: char) -> Option<Stroke> {
        let places = self.keys.iter().flat_map(|(code, levels)| {
            levels.iter().enumerate().map(move |(level, typed)| (*code, level, *typed))
        });
        let found = places.filter(|(_, _, typed)| *typed == wanted);
        let (code, level, _) = found.min_by_key(|(_, level, _)| *level)?;
        Some(Stroke { code, shift: level & 1 != 0, alt_gr: level & 2 != 0 })
    }

    /// The keys that type a character, one after the other.
    fn strokes(&self, wanted: char) -> Option<Vec<Stroke>> {
        let plain = |code| Stroke { code, shift: false, alt_gr: false };
        match wanted {
            '\n' => return Some(vec![plain(ENTER)]),
            '\t' => return Some(vec![plain(TAB)]),
            ' ' => return Some(vec![plain(SPACE)]),
            '\0' => return None,
            _ => {}
        }
        let direct = self.key(wanted).filter(|_| !is_combining(wanted));
        // A dead key and a space type the accent alone; with AltGr, other systems type other things.
        let accent =
            ACCENTS.iter().find(|(sign, _)| *sign == wanted).and_then(|(_, accent)| self.key(*accent));
        match (direct, accent) {
            (Some(direct), accent) if accent.is_none() || !direct.alt_gr => return Some(vec![direct]),
            (_, Some(accent)) => return Some(vec![accent, plain(SPACE)]),
            _ if is_combining(wanted) => return None,
            _ => {}
        }
        let mut parts = Vec::new();
        decompose_canonical(wanted, |part| parts.push(part));
        let [base, accent] = parts[..] else { return None };
        Some(vec![self.key(accent)?, self.key(base)?])
    }
}

/// Signs that a dead key types before a space.
const ACCENTS: [(char, char); 5] =
    [('^', '\u{302}'), ('`', '\u{300}'), ('~', '\u{303}'), ('\'', '\u{301}'), ('"', '\u{308}')];

fn is_combining(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

/// A key with the modifiers that it is pressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stroke {
    code: u32,
    shift: bool,
    alt_gr: bool,
}

impl Stroke {
    /// The keys in the order in which they go down.
    fn keys(self) -> impl DoubleEndedIterator<Item = u32> {
        let modifiers = [(SHIFT, self.shift), (ALT_GR, self.alt_gr)];
        let held = modifiers.into_iter().filter_map(|(code, held)| held.then_some(code));
        held.chain([self.code])
    }

    fn down(self) -> Vec<Command> {
        self.keys().filter_map(|code| key(code, Press::Down)).collect()
    }

    fn up(self) -> Vec<Command> {
        self.keys().rev().filter_map(|code| key(code, Press::Up)).collect()
    }
}

fn key(code: u32, press: Press) -> Option<Command> {
    keymap::qnum(code).map(|number| Command::Key(number, press))
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Characters that have been typed.
    pub done: usize,
    /// Characters of the text.
    pub total: usize,
}

/// A text that is being typed. It has to be sent to its end, or [cancelled](Typing::cancel).
#[derive(Debug, Clone)]
pub struct Typing {
    /// Each stroke, and how many characters are done after it.
    strokes: Vec<(Stroke, usize)>,
    at: usize,
    /// The stroke that is down.
    held: Option<Stroke>,
    total: usize,
    untypable: Vec<char>,
}

impl Typing {
    /// Prepares to type as much of a text as the layout has keys for, in a guest with these lights.
    ///
    /// A lit Caps Lock is put out before and lit again after, for it would turn every letter over.
    pub fn new(text: &str, layout: &Layout, lights: Leds) -> Self {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let (mut strokes, mut untypable, mut total) = (Vec::new(), BTreeSet::new(), 0);
        let caps = Stroke { code: CAPS_LOCK, shift: false, alt_gr: false };
        let is_lit = lights.contains(Leds::CAPS);
        strokes.extend(is_lit.then_some((caps, 0)));
        for character in text.chars().take(LONGEST) {
            total += 1;
            match layout.strokes(character) {
                Some(found) => strokes.extend(found.into_iter().map(|stroke| (stroke, total))),
                None => drop(untypable.insert(character)),
            }
        }
        strokes.extend(is_lit.then_some((caps, total)));
        Self { strokes, at: 0, held: None, total, untypable: untypable.into_iter().collect() }
    }

    /// Characters of the text that the layout has no keys for; they are left out.
    pub fn untypable(&self) -> &[char] {
        &self.untypable
    }

    /// How long it takes in all.
    pub fn duration(&self) -> Duration {
        PACE * u32::try_from(self.strokes.len() * 2).unwrap_or(u32::MAX)
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let done = if self.at == self.strokes.len() && self.held.is_none() {
            self.total
        } else {
            self.at.checked_sub(1).map_or(0, |last| self.strokes[last].1.saturating_sub(1))
        };
        Progress { done, total: self.total }
    }

    /// What to send now; after [`PACE`] comes more. `None` at the end.
    pub fn step(&mut self) -> Option<Vec<Command>> {
        if let Some(held) = self.held.take() {
            return Some(held.up());
        }
        let (stroke, _) = *self.strokes.get(self.at)?;
        self.at += 1;
        self.held = Some(stroke);
        Some(stroke.down())
    }

    /// Nothing is typed for a while; what to send so that nothing stays held. The next step goes on.
    pub fn pause(&mut self) -> Vec<Command> {
        self.held.take().map(Stroke::up).unwrap_or_default()
    }

    /// Stops here; what to send so that nothing stays held, nor Caps Lock otherwise than it was.
    pub fn cancel(mut self) -> Vec<Command> {
        let mut commands = self.pause();
        let is_caps = |stroke: &(Stroke, usize)| stroke.0.code == CAPS_LOCK;
        let (sent, left) = self.strokes.split_at(self.at);
        if sent.first().is_some_and(is_caps)
            && let Some((caps, _)) = left.last().filter(|stroke| is_caps(stroke))
        {
            commands.extend(caps.down());
            commands.extend(caps.up());
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::Qnum;

    fn layout(id: &str) -> &'static Layout {
        Layout::named(id).unwrap()
    }

    /// The Linux codes of all that goes down, in order.
    fn pressed(text: &str, id: &str) -> Vec<u32> {
        let mut typing = Typing::new(text, layout(id), Leds::default());
        let mut codes = Vec::new();
        while let Some(commands) = typing.step() {
            for command in commands {
                if let Command::Key(number, Press::Down) = command {
                    codes.extend(keymap::codes().find(|code| keymap::qnum(*code) == Some(number)));
                }
            }
        }
        codes
    }

    #[test]
    fn each_layout_types_in_its_own_way() {
        assert_eq!(pressed("aZ-\n", "us"), [30, 42, 44, 12, 28]);
        assert_eq!(pressed("aZ-\n", "de"), [30, 42, 21, 53, 28]);
        assert_eq!(pressed("aZ-\n", "fr"), [16, 42, 17, 7, 28]);
        assert_eq!(pressed("@{€", "de"), [100, 16, 100, 8, 100, 18]);
        assert_eq!(pressed("я", "ru"), [44]);
    }

    #[test]
    fn accents_are_typed_with_dead_keys() {
        assert_eq!(pressed("ê", "de"), [41, 18], "circumflex, then e");
        assert_eq!(pressed("^", "de"), [41, 57], "circumflex, then space");
        assert_eq!(pressed("É", "es"), [40, 42, 18]);
        assert_eq!(pressed("\"'", "us+intl"), [42, 40, 57, 40, 57]);
    }

    #[test]
    fn what_cannot_be_typed_is_told_and_left_out() {
        let typing = Typing::new("a→ж→\u{301}\0", layout("us"), Leds::default());
        assert_eq!(typing.untypable(), ['\0', '\u{301}', 'ж', '→']);
        assert_eq!(pressed("a→b", "us"), [30, 48]);
    }

    #[test]
    fn lines_end_once() {
        assert_eq!(pressed("\r\n\n\r", "us"), [28, 28, 28]);
    }

    #[test]
    fn caps_lock_is_put_out_for_as_long_as_it_takes() {
        let caps = |press| Command::Key(Qnum(0x3a), press);
        let mut typing = Typing::new("ab", layout("us"), Leds::CAPS);
        assert_eq!(typing.step(), Some(vec![caps(Press::Down)]));
        let (mut sent, copy) = (Vec::new(), typing.clone());
        assert_eq!(copy.cancel(), [Press::Up, Press::Down, Press::Up].map(caps));
        while let Some(commands) = typing.step() {
            sent.extend(commands);
        }
        assert_eq!(sent[sent.len() - 2..], [Press::Down, Press::Up].map(caps));
        assert_eq!(typing.cancel(), []);
    }

    #[test]
    fn a_pause_holds_nothing_and_loses_nothing() {
        let key = |number, press| Command::Key(Qnum(number), press);
        let mut typing = Typing::new("Ab", layout("us"), Leds::default());
        assert_eq!(typing.pause(), [], "nothing is held yet");
        assert_eq!(typing.step(), Some(vec![key(0x2a, Press::Down), key(0x1e, Press::Down)]));
        assert_eq!(typing.pause(), [key(0x1e, Press::Up), key(0x2a, Press::Up)]);
        assert_eq!(typing.pause(), []);
        assert_eq!(typing.step(), Some(vec![key(0x30, Press::Down)]));
        assert_eq!(typing.step(), Some(vec![key(0x30, Press::Up)]));
        assert_eq!(typing.step(), None);
    }

    #[test]
    fn progress_counts_characters() {
        let mut typing = Typing::new("aÊ", layout("de"), Leds::default());
        assert_eq!(typing.progress(), Progress { done: 0, total: 2 });
        assert_eq!(typing.duration(), PACE * 6);
        let mut seen = Vec::new();
        while typing.step().is_some() {
            seen.push(typing.progress().done);
        }
        assert_eq!(seen, [0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn every_latin_layout_types_what_programs_are_written_in() {
        let ascii: String = (' '..='~').collect();
        for layout in Layout::all() {
            let typing = Typing::new(&ascii, layout, Leds::default());
            if !["gr", "il", "rs", "ru", "ua"].contains(&layout.id) {
                assert!(typing.untypable().is_empty(), "{}: {:?}", layout.id, typing.untypable());
            }
        }
    }

    #[test]
    fn every_layout_has_a_name_of_its_own() {
        let ids: BTreeSet<_> = Layout::all().iter().map(|layout| layout.id).collect();
        assert_eq!(ids.len(), Layout::all().len());
        assert_eq!(Layout::named("de+nodeadkeys"), Layout::named("de"));
        assert_eq!(Layout::named("xx"), None);
        let codes = Layout::all().iter().flat_map(|layout| layout.keys);
        for (code, _) in codes {
            assert!(keymap::qnum(*code).is_some(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn nothing_stays_down_wherever_it_stops(
            text in "[a-zA-Zäöüéê€@{}\\n ]{0,20}",
            steps in 0..60_usize,
            caps in any::<bool>(),
        ) {
            let lights = if caps { Leds::CAPS } else { Leds::default() };
            let mut typing = Typing::new(&text, layout("de"), lights);
            let mut commands: Vec<_> = (0..steps).map_while(|_| typing.step()).flatten().collect();
            commands.extend(typing.cancel());
            let (mut down, mut toggles) = (BTreeSet::new(), 0);
            for command in commands {
                match command {
                    Command::Key(number, Press::Down) => {
                        prop_assert!(down.insert(number));
                        toggles += usize::from(number == Qnum(0x3a));
                    }
                    Command::Key(number, Press::Up) => prop_assert!(down.remove(&number)),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert!(down.is_empty());
            prop_assert_eq!(toggles % 2, 0, "Caps Lock is as it was");
        }
    }
}
