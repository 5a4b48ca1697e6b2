//! From Linux key codes to the numbers that QEMU gives keys.

mod table;

use super::Qnum;

/// The number for a Linux key code (`KEY_*` in input-event-codes.h), whatever the keyboard's layout.
///
/// GDK's hardware key codes are eight more. `None` for codes that no AT keyboard has.
pub fn qnum(evdev: u32) -> Option<Qnum> {
    let number = *table::QNUMS.get(usize::try_from(evdev).ok()?)?;
    (number != 0).then_some(Qnum(number))
}

/// Linux' name of a key code, in small letters and without `KEY_`.
pub fn name(evdev: u32) -> Option<&'static str> {
    table::NAMES.get(usize::try_from(evdev).ok()?).copied().filter(|name| !name.is_empty())
}

/// The key code with this name, as [`name`] gives it.
pub fn code(name: &str) -> Option<u32> {
    let index = table::NAMES.iter().position(|known| !known.is_empty() && *known == name)?;
    u32::try_from(index).ok()
}

/// Every key code that QEMU has a number for.
pub fn codes() -> impl Iterator<Item = u32> {
    (0..).take(table::QNUMS.len()).filter(|code| qnum(*code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that ours was made of.
    const KEYS: &str = include_str!("keymap/keys.tsv");

    #[test]
    fn the_table_is_that_of_its_source() {
        let mut rows = 0;
        for row in KEYS.lines().filter(|row| !row.starts_with('#')) {
            let [code, linux, number, _] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
            let code = code.parse().unwrap();
            let number = u8::from_str_radix(number.trim_start_matches("0x"), 16).unwrap();
            assert_eq!(qnum(code), Some(Qnum(number)), "{row}");
            let name = name(code).map_or("-".to_owned(), |name| format!("KEY_{}", name.to_uppercase()));
            assert_eq!(name, linux, "{row}");
            rows += 1;
        }
        assert_eq!(codes().count(), rows);
    }

    #[test]
    fn the_main_block_has_its_scan_codes() {
        for code in 1..=83 {
            assert_eq!(qnum(code).map(|Qnum(number)| u32::from(number)), Some(code));
        }
    }

    #[test]
    fn prefixed_keys_have_the_high_bit() {
        for (name, number) in [
            ("rightctrl", 0x9d),
            ("rightalt", 0xb8),
            ("up", 0xc8),
            ("delete", 0xd3),
            ("pause", 0xc6),
            ("leftmeta", 0xdb),
            ("sysrq", 0x54),
            ("yen", 0x7d),
            ("katakanahiragana", 0x70),
            ("hangeul", 0x72),
            ("hanja", 0x71),
            ("f24", 0x6f),
            ("playpause", 0xa2),
        ] {
            assert_eq!(code(name).and_then(qnum), Some(Qnum(number)), "{name}");
        }
    }

    #[test]
    fn no_two_keys_share_a_number() {
        let mut numbers: Vec<_> = codes().filter_map(qnum).collect();
        // A code that Linux does not use any more, for what is Print now.
        assert_eq!(qnum(84), qnum(99));
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all - 1);
    }

    #[test]
    fn unknown_codes_have_none() {
        for code in [0, 170, 174, 240, 0x160, u32::MAX] {
            assert_eq!(qnum(code), None, "{code}");
        }
        assert_eq!(code(""), None);
    }
}
