//! Keys that are pressed together, as people write them: "Ctrl+Alt+F2".
//!
//! Names are those of the keys of an American keyboard, for a combination is sent by the place of its
//! keys; what they mean is for the guest to say.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::keymap;

/// The most keys in one combination.
const MOST: usize = 8;

/// Keys of which the name has two words, as we write them.
const TWO_WORDS: [(&str, &str); 4] = [
    ("rightctrl", "RightCtrl"),
    ("rightshift", "RightShift"),
    ("rightmeta", "RightSuper"),
    ("rightalt", "AltGr"),
];

/// What people call keys that Linux calls otherwise; the first of several is how we write it.
const NAMES: [(&str, &str); 47] = [
    ("ctrl", "leftctrl"),
    ("control", "leftctrl"),
    ("rightcontrol", "rightctrl"),
    ("shift", "leftshift"),
    ("alt", "leftalt"),
    ("altgr", "rightalt"),
    ("super", "leftmeta"),
    ("win", "leftmeta"),
    ("windows", "leftmeta"),
    ("meta", "leftmeta"),
    ("logo", "leftmeta"),
    ("cmd", "leftmeta"),
    ("rightsuper", "rightmeta"),
    ("rightwin", "rightmeta"),
    ("menu", "compose"),
    ("print", "sysrq"),
    ("printscreen", "sysrq"),
    ("prtsc", "sysrq"),
    ("break", "pause"),
    ("del", "delete"),
    ("ins", "insert"),
    ("esc", "esc"),
    ("escape", "esc"),
    ("return", "enter"),
    ("spacebar", "space"),
    ("bksp", "backspace"),
    ("pgup", "pageup"),
    ("prior", "pageup"),
    ("pgdn", "pagedown"),
    ("pgdown", "pagedown"),
    ("next", "pagedown"),
    ("caps", "capslock"),
    ("num", "numlock"),
    ("scroll", "scrolllock"),
    ("tilde", "grave"),
    ("backtick", "grave"),
    ("equals", "equal"),
    ("quote", "apostrophe"),
    ("period", "dot"),
    ("hyphen", "minus"),
    ("plus", "kpplus"),
    ("asterisk", "kpasterisk"),
    ("leftbracket", "leftbrace"),
    ("rightbracket", "rightbrace"),
    ("arrowup", "up"),
    ("arrowdown", "down"),
    ("hangul", "hangeul"),
];

/// Before Linux' own name of a key, where people call another key so.
const PLAIN: &str = "key";

/// What stands on keys that have a sign rather than a name.
const SIGNS: [(char, &str); 11] = [
    ('-', "minus"),
    ('=', "equal"),
    ('[', "leftbrace"),
    (']', "rightbrace"),
    (';', "semicolon"),
    ('\'', "apostrophe"),
    ('`', "grave"),
    ('\\', "backslash"),
    (',', "comma"),
    ('.', "dot"),
    ('/', "slash"),
];

/// Keys in the order in which they go down; at least one, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Combination(Vec<u32>);

/// Why a text is no combination.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CombinationError {
    #[error("no keys: write them as in Ctrl+Alt+F2")]
    Empty,
    #[error("a key is missing beside a '+'")]
    Gap,
    #[error("there is no key {name:?}{}", hint(.similar.as_deref()))]
    Unknown { name: String, similar: Option<String> },
    #[error("{0:?} stands there twice")]
    Twice(String),
    #[error("more than {MOST} keys at once")]
    TooMany,
}

fn hint(similar: Option<&str>) -> String {
    similar.map(|similar| format!("; did you mean {similar:?}?")).unwrap_or_default()
}

impl Combination {
    /// The keys' Linux codes.
    pub fn codes(&self) -> &[u32] {
        &self.0
    }
}

impl FromStr for Combination {
    type Err = CombinationError;

    fn from_str(text: &str) -> Result<Self, CombinationError> {
        if text.trim().is_empty() {
            return Err(CombinationError::Empty);
        }
        let mut codes = Vec::new();
        for part in text.split('+').map(str::trim) {
            if part.is_empty() {
                return Err(CombinationError::Gap);
            }
            let code = find(part)?;
            if codes.contains(&code) {
                return Err(CombinationError::Twice(part.to_owned()));
            }
            if codes.len() == MOST {
                return Err(CombinationError::TooMany);
            }
            codes.push(code);
        }
        Ok(Self(codes))
    }
}

impl fmt::Display for Combination {
    /// A text that is the same combination when it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, code) in self.0.iter().enumerate() {
            let linux = keymap::name(*code).unwrap_or_default();
            let ours = NAMES.iter().find(|(_, known)| *known == linux).map_or(linux, |(ours, _)| ours);
            if index > 0 {
                f.write_str("+")?;
            }
            if let Some((_, words)) = TWO_WORDS.iter().find(|(known, _)| *known == linux) {
                f.write_str(words)?;
                continue;
            }
            if find(ours) != Ok(*code) {
                f.write_str(PLAIN)?;
            }
            let mut letters = ours.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).try_for_each(|letter| fmt::Write::write_char(f, letter))?;
        }
        Ok(())
    }
}

/// The key that a person calls so.
fn find(written: &str) -> Result<u32, CombinationError> {
    let mut signs = written.chars();
    if let (Some(sign), None) = (signs.next(), signs.next())
        && let Some((_, name)) = SIGNS.iter().find(|(known, _)| *known == sign)
    {
        return Ok(keymap::code(name).expect("the table has every sign's key"));
    }
    let name: String = written.chars().filter(|c| !" _-".contains(*c)).flat_map(char::to_lowercase).collect();
    let linux = NAMES.iter().find(|(ours, _)| *ours == name).map_or(name.as_str(), |(_, linux)| linux);
    let plain = name.strip_prefix(PLAIN).and_then(keymap::code);
    keymap::code(linux).or(plain).ok_or_else(|| {
        let all = NAMES.iter().map(|(ours, _)| *ours).chain((0..256).filter_map(keymap::name));
        let near = all.map(|known| (distance(&name, known), known.len(), known)).min();
        let similar = near.filter(|(distance, ..)| distance.saturating_mul(3) <= name.chars().count());
        let similar = similar.map(|(.., known)| known.to_owned());
        CombinationError::Unknown { name: written.chars().take(32).collect(), similar }
    })
}

/// How many letters have to be added, left out or exchanged (Levenshtein); names are short.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.chars().enumerate() {
            let exchanged = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str) -> Vec<u32> {
        text.parse::<Combination>().unwrap().codes().to_vec()
    }

    fn words(text: &str) -> String {
        text.parse::<Combination>().unwrap_err().to_string()
    }

    #[test]
    fn people_write_keys_in_many_ways() {
        for text in ["ctrl+alt+F2", "Control + Alt + f2", "CTRL+left_alt+F2", "left-ctrl+alt+f2"] {
            assert_eq!(codes(text), [29, 56, 60], "{text}");
        }
        assert_eq!(codes("AltGr+Print Screen+b"), [100, 99, 48]);
        assert_eq!(codes("super+-"), [125, 12]);
        assert_eq!(codes("Right Ctrl"), [97]);
        assert_eq!(Combination(vec![97, 54, 126, 100]).to_string(), "RightCtrl+RightShift+RightSuper+AltGr");
        assert_eq!(codes("ctrl+plus"), [29, 78]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(words(" "), "no keys: write them as in Ctrl+Alt+F2");
        assert_eq!(words("ctrl++"), "a key is missing beside a '+'");
        assert_eq!(words("ctrl+F99"), r#"there is no key "F99"; did you mean "f9"?"#);
        assert_eq!(words("ö"), r#"there is no key "ö""#);
        assert_eq!(words("ctrl+control"), r#""control" stands there twice"#);
        assert_eq!(words("a+b+c+d+e+f+g+h+i"), "more than 8 keys at once");
    }

    #[test]
    fn every_name_of_ours_is_a_key() {
        for (ours, linux) in NAMES {
            assert!(keymap::code(linux).is_some(), "{ours}");
            assert!(ours == linux || keymap::code(ours).is_none_or(|code| keymap::qnum(code).is_some()));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(codes in prop::collection::btree_set(1..240_u32, 1..MOST)) {
            let named = |code: &u32| keymap::name(*code).is_some();
            let keys: Vec<_> = codes.into_iter().filter(named).collect();
            prop_assume!(!keys.is_empty());
            let text = Combination(keys.clone()).to_string();
            prop_assert_eq!(text.parse::<Combination>(), Ok(Combination(keys)), "{}", text);
        }

        #[test]
        fn no_text_does_harm(text in ".{0,80}") {
            let _ = text.parse::<Combination>();
        }
    }
}
