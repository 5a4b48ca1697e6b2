//! Codes of keys and buttons (linux/input-event-codes.h), and which keys write a text.

/// Codes as in the kernel's header, with their names.
macro_rules! codes {
    ($($name:ident = $code:literal),* $(,)?) => {
        $(
            #[doc = concat!("Code ", stringify!($code), ".")]
            pub const $name: u32 = $code;
        )*

        /// The kernel's name of a code, as far as it is listed here.
        pub fn name(code: u32) -> Option<&'static str> {
            match code {
                $($code => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

codes! {
    KEY_ESC = 1, KEY_1 = 2, KEY_2 = 3, KEY_3 = 4, KEY_4 = 5, KEY_5 = 6, KEY_6 = 7, KEY_7 = 8, KEY_8 = 9,
    KEY_9 = 10, KEY_0 = 11, KEY_MINUS = 12, KEY_EQUAL = 13, KEY_BACKSPACE = 14, KEY_TAB = 15,
    KEY_Q = 16, KEY_W = 17, KEY_E = 18, KEY_R = 19, KEY_T = 20, KEY_Y = 21, KEY_U = 22, KEY_I = 23,
    KEY_O = 24, KEY_P = 25, KEY_LEFTBRACE = 26, KEY_RIGHTBRACE = 27, KEY_ENTER = 28, KEY_LEFTCTRL = 29,
    KEY_A = 30, KEY_S = 31, KEY_D = 32, KEY_F = 33, KEY_G = 34, KEY_H = 35, KEY_J = 36, KEY_K = 37,
    KEY_L = 38, KEY_SEMICOLON = 39, KEY_APOSTROPHE = 40, KEY_GRAVE = 41, KEY_LEFTSHIFT = 42,
    KEY_BACKSLASH = 43, KEY_Z = 44, KEY_X = 45, KEY_C = 46, KEY_V = 47, KEY_B = 48, KEY_N = 49,
    KEY_M = 50, KEY_COMMA = 51, KEY_DOT = 52, KEY_SLASH = 53, KEY_RIGHTSHIFT = 54, KEY_KPASTERISK = 55,
    KEY_LEFTALT = 56, KEY_SPACE = 57, KEY_CAPSLOCK = 58, KEY_F1 = 59, KEY_F2 = 60, KEY_F3 = 61,
    KEY_F4 = 62, KEY_F5 = 63, KEY_F6 = 64, KEY_F7 = 65, KEY_F8 = 66, KEY_F9 = 67, KEY_F10 = 68,
    KEY_NUMLOCK = 69, KEY_SCROLLLOCK = 70, KEY_KP7 = 71, KEY_102ND = 86, KEY_F11 = 87, KEY_F12 = 88,
    KEY_RO = 89, KEY_KPENTER = 96, KEY_RIGHTCTRL = 97, KEY_SYSRQ = 99, KEY_RIGHTALT = 100, KEY_HOME = 102,
    KEY_UP = 103, KEY_PAGEUP = 104, KEY_LEFT = 105, KEY_RIGHT = 106, KEY_END = 107, KEY_DOWN = 108,
    KEY_PAGEDOWN = 109, KEY_INSERT = 110, KEY_DELETE = 111, KEY_MUTE = 113, KEY_VOLUMEDOWN = 114,
    KEY_VOLUMEUP = 115, KEY_POWER = 116, KEY_PAUSE = 119, KEY_LEFTMETA = 125, KEY_RIGHTMETA = 126,
    KEY_COMPOSE = 127,
    BTN_LEFT = 272, BTN_RIGHT = 273, BTN_MIDDLE = 274, BTN_SIDE = 275, BTN_EXTRA = 276,
}

/// The real modifiers of X11 and xkb, of which the indices are fixed.
pub(super) mod modifier {
    pub(crate) const SHIFT: u32 = 1;
    pub(crate) const LOCK: u32 = 1 << 1;
    pub(crate) const CONTROL: u32 = 1 << 2;
    pub(crate) const ALT: u32 = 1 << 3;
    pub(crate) const NUM: u32 = 1 << 4;
    pub(crate) const SUPER: u32 = 1 << 6;
    pub(crate) const LEVEL3: u32 = 1 << 7;
}

/// The modifier that a key sets while it is held.
pub(super) fn held_modifier(code: u32) -> u32 {
    match code {
        KEY_LEFTSHIFT | KEY_RIGHTSHIFT => modifier::SHIFT,
        KEY_LEFTCTRL | KEY_RIGHTCTRL => modifier::CONTROL,
        KEY_LEFTALT => modifier::ALT,
        KEY_RIGHTALT => modifier::LEVEL3,
        KEY_LEFTMETA | KEY_RIGHTMETA => modifier::SUPER,
        _ => 0,
    }
}

/// The modifier that a key turns on and off.
pub(super) fn locked_modifier(code: u32) -> u32 {
    match code {
        KEY_CAPSLOCK => modifier::LOCK,
        KEY_NUMLOCK => modifier::NUM,
        _ => 0,
    }
}

/// The key that writes a character on an American keyboard, and whether Shift has to be held.
pub fn writing(character: char) -> Option<(u32, bool)> {
    /// Codes from 2 to 53 in order, then the space bar; 0 for keys that write nothing.
    const PLAIN: &str = "1234567890-=\0\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./";
    const SHIFTED: &str = "!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";
    if character == ' ' {
        return Some((KEY_SPACE, false));
    }
    if character == '\0' {
        return None;
    }
    let find = |row: &str| (2..).zip(row.chars()).find_map(|(code, one)| (one == character).then_some(code));
    find(PLAIN).map(|code| (code, false)).or_else(|| find(SHIFTED).map(|code| (code, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_has_a_key() {
        assert!((' '..='~').all(|character| writing(character).is_some()));
        assert_eq!(writing('é'), None);
    }

    #[test]
    fn characters_are_on_their_keys() {
        let table = [
            ('a', KEY_A, false),
            ('A', KEY_A, true),
            ('0', KEY_0, false),
            (')', KEY_0, true),
            ('/', KEY_SLASH, false),
            ('?', KEY_SLASH, true),
            ('\n', KEY_ENTER, false),
            ('\t', KEY_TAB, false),
            ('|', KEY_BACKSLASH, true),
            ('m', KEY_M, false),
            ('"', KEY_APOSTROPHE, true),
            ('~', KEY_GRAVE, true),
            ('{', KEY_LEFTBRACE, true),
        ];
        for (character, code, shift) in table {
            assert_eq!(writing(character), Some((code, shift)), "{character:?}");
        }
        assert_eq!(name(KEY_A), Some("KEY_A"));
    }
}
