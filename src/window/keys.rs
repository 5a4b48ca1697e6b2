//! The keys that the menu can send: those that the desktop keeps for itself, or that keyboards lack.

use gtk::gdk;

/// Keys pressed together.
pub(super) struct Chord {
    /// How actions call it.
    pub(super) name: &'static str,
    /// How it is written, in GTK's words for keys.
    pub(super) key: gdk::Key,
    pub(super) modifiers: gdk::ModifierType,
    /// The keys in the order in which they go down (`KEY_*` in input-event-codes.h).
    pub(super) codes: &'static [u32],
}

impl Chord {
    /// The chord that actions call by this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        [COMMON, TERMINALS, SINGLE].into_iter().flatten().find(|chord| chord.name == name)
    }

    /// As it is printed on the person's keyboard.
    pub(super) fn label(&self) -> String {
        // One Super key does what the other does: its side says nothing.
        gtk::accelerator_get_label(self.key, self.modifiers).trim_end_matches(" L").to_owned()
    }
}

const CTRL_ALT: gdk::ModifierType = gdk::ModifierType::CONTROL_MASK.union(gdk::ModifierType::ALT_MASK);
const ALT: gdk::ModifierType = gdk::ModifierType::ALT_MASK;
const NONE: gdk::ModifierType = gdk::ModifierType::empty();

const LEFT_CTRL: u32 = 29;
const LEFT_ALT: u32 = 56;

/// Left Shift: it wakes a machine, and does nothing else.
pub(super) const WAKE: &[u32] = &[42];

const fn chord(
    name: &'static str,
    key: gdk::Key,
    modifiers: gdk::ModifierType,
    codes: &'static [u32],
) -> Chord {
    Chord { name, key, modifiers, codes }
}

/// What people look for first.
pub(super) const COMMON: &[Chord] = &[
    chord("ctrl-alt-delete", gdk::Key::Delete, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 111]),
    chord("ctrl-alt-backspace", gdk::Key::BackSpace, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 14]),
    chord("alt-tab", gdk::Key::Tab, ALT, &[LEFT_ALT, 15]),
    chord("alt-f4", gdk::Key::F4, ALT, &[LEFT_ALT, 62]),
];

/// Keys that are missing on small keyboards, or taken by the desktop or by us.
pub(super) const SINGLE: &[Chord] = &[
    chord("print", gdk::Key::Print, NONE, &[99]),
    chord("pause", gdk::Key::Pause, NONE, &[119]),
    chord("scroll-lock", gdk::Key::Scroll_Lock, NONE, &[70]),
    chord("super", gdk::Key::Super_L, NONE, &[125]),
    chord("menu", gdk::Key::Menu, NONE, &[127]),
    chord("f11", gdk::Key::F11, NONE, &[87]),
];

/// Linux' virtual terminals.
pub(super) const TERMINALS: &[Chord] = &[
    chord("ctrl-alt-f1", gdk::Key::F1, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 59]),
    chord("ctrl-alt-f2", gdk::Key::F2, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 60]),
    chord("ctrl-alt-f3", gdk::Key::F3, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 61]),
    chord("ctrl-alt-f4", gdk::Key::F4, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 62]),
    chord("ctrl-alt-f5", gdk::Key::F5, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 63]),
    chord("ctrl-alt-f6", gdk::Key::F6, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 64]),
    chord("ctrl-alt-f7", gdk::Key::F7, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 65]),
    chord("ctrl-alt-f8", gdk::Key::F8, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 66]),
    chord("ctrl-alt-f9", gdk::Key::F9, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 67]),
    chord("ctrl-alt-f10", gdk::Key::F10, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 68]),
    chord("ctrl-alt-f11", gdk::Key::F11, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 87]),
    chord("ctrl-alt-f12", gdk::Key::F12, CTRL_ALT, &[LEFT_CTRL, LEFT_ALT, 88]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::input::keymap;

    #[test]
    fn every_chord_has_a_name_of_its_own_and_keys_that_qemu_knows() {
        let all: Vec<_> = [COMMON, TERMINALS, SINGLE].into_iter().flatten().collect();
        let names: BTreeSet<_> = all.iter().map(|chord| chord.name).collect();
        assert_eq!(names.len(), all.len());
        for chord in &all {
            let known = chord.codes.iter().all(|code| keymap::qnum(*code).is_some());
            assert!(known && Chord::named(chord.name).is_some(), "{}", chord.name);
        }
    }
}
