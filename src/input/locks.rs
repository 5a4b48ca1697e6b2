//! The lock keys of host and guest, kept the same without pressing one twice.
//!
//! A guest tells of its locks by the lights that it sets, a moment after a key was pressed, or never.
//! So what it should come to is remembered here, and what it tells is held against that.

use std::collections::VecDeque;

use super::Leds;

/// The most changes that are waited for; a guest without lights never tells.
const MOST_AWAITED: usize = 8;

/// Linux codes of lock keys with their lights. Hosts do not report Scroll Lock.
const KEYS: [(u32, Leds); 2] = [(58, Leds::CAPS), (69, Leds::NUM)];

/// Which way locks are kept the same.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sync {
    /// Neither: for hosts on which Caps Lock is another key.
    Off,
    /// The guest's become the host's.
    #[default]
    ToGuest,
    /// That, and what the guest changes by itself becomes the host's, where the host can be told.
    Both,
}

/// The locks of both.
#[derive(Debug, Default, Clone)]
pub struct Locks {
    sync: Sync,
    /// The host's; `None` while the keyboard is elsewhere.
    host: Option<Leds>,
    /// What the guest told last; `None` until it has told of any.
    told: Option<Leds>,
    /// The guest's as they should be by now; `None` until it has told of any.
    guest: Option<Leds>,
    /// What the guest is still to tell of, after each key.
    awaited: VecDeque<Leds>,
}

impl Locks {
    /// Keeps them the same this way from now on.
    pub fn set_sync(&mut self, sync: Sync) {
        self.sync = sync;
    }

    /// Which way they are kept the same.
    pub fn sync(&self) -> Sync {
        self.sync
    }

    /// The guest's locks, as they should be by now.
    pub fn guest(&self) -> Option<Leds> {
        self.guest
    }

    /// The keyboard comes to the guest, with the host's locks like this: the keys to press in the
    /// guest, by their Linux codes.
    ///
    /// None until the guest has shown that it drives its lights: QEMU says 0 before that
    /// (ui/dbus-console.c).
    pub fn focused(&mut self, host: Leds) -> Vec<u32> {
        self.host = Some(host);
        self.awaited.clear();
        self.match_guest(host)
    }

    /// The keyboard is elsewhere.
    pub fn unfocused(&mut self) {
        self.host = None;
    }

    /// The host's locks changed while the keyboard was with the guest: the keys to press in the guest.
    ///
    /// None where the guest has had the same key: then it has changed already.
    pub fn host_changed(&mut self, host: Leds) -> Vec<u32> {
        match self.host.replace(host) {
            Some(before) if before == host => Vec::new(),
            _ => self.match_guest(host),
        }
    }

    /// A key was passed on to the guest as it went down, by its Linux code.
    pub fn passed(&mut self, evdev: u32) {
        let Some((_, light)) = KEYS.iter().find(|(code, _)| *code == evdev) else { return };
        if let Some(guest) = self.guest {
            self.expect(guest.toggled(*light));
        }
    }

    /// The guest set its lights: what the host's locks should become, if it changed them by itself and
    /// the host is to follow.
    ///
    /// What it has told before is no news, nor is a guest that has never told of any.
    pub fn lit(&mut self, lights: Leds) -> Option<Leds> {
        if self.told.unwrap_or_default() == lights {
            return None;
        }
        self.told = Some(lights);
        let awaited = self.awaited.iter().position(|expected| expected.with_scroll_of(lights) == lights);
        if let Some(index) = awaited {
            self.awaited.drain(..=index);
            return None;
        }
        self.awaited.clear();
        let before = self.guest.replace(lights);
        let host = self.host.filter(|_| self.sync == Sync::Both && before.is_some())?;
        let wanted = lights.with_scroll_of(host);
        (wanted != host).then_some(wanted)
    }

    fn match_guest(&mut self, host: Leds) -> Vec<u32> {
        let Some(guest) = self.guest.filter(|_| self.sync != Sync::Off) else { return Vec::new() };
        let wrong = KEYS.iter().filter(|(_, light)| host.contains(*light) != guest.contains(*light));
        let codes: Vec<_> = wrong.map(|(code, _)| *code).collect();
        for code in &codes {
            self.passed(*code);
        }
        codes
    }

    fn expect(&mut self, lights: Leds) {
        self.guest = Some(lights);
        if self.awaited.len() == MOST_AWAITED {
            self.awaited.pop_front();
        }
        self.awaited.push_back(lights);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: Leds = Leds::from_bits(0);
    const CAPS: u32 = 58;
    const NUM: u32 = 69;

    /// A guest that has told of its lights, with the keyboard.
    fn with(lights: Leds, host: Leds) -> Locks {
        let mut locks = Locks::default();
        locks.lit(lights.with(Leds::SCROLL));
        locks.lit(lights);
        locks.focused(host);
        locks
    }

    #[test]
    fn the_guest_follows_the_host_when_the_keyboard_comes() {
        let mut locks = Locks::default();
        assert_eq!(locks.focused(Leds::CAPS), [] as [u32; 0], "a guest without lights");
        locks.lit(Leds::NUM);
        assert_eq!(locks.focused(Leds::CAPS), [CAPS, NUM]);
        assert_eq!(locks.focused(Leds::CAPS), [] as [u32; 0], "once");
        locks.set_sync(Sync::Off);
        assert_eq!(locks.focused(NONE), [] as [u32; 0]);
    }

    #[test]
    fn a_guest_that_has_told_nothing_new_is_not_asked_again() {
        let mut locks = Locks::default();
        locks.lit(NONE);
        assert_eq!(locks.focused(Leds::CAPS), [] as [u32; 0], "QEMU says 0 of a guest without lights");
        locks.lit(Leds::NUM);
        assert_eq!(locks.focused(NONE), [NUM]);
        locks.lit(Leds::NUM);
        assert_eq!(locks.focused(NONE), [] as [u32; 0], "it was asked, and has not told yet");
        locks.lit(NONE);
        assert_eq!(locks.focused(Leds::CAPS), [CAPS]);
    }

    #[test]
    fn a_key_that_both_get_is_pressed_once() {
        let mut locks = with(NONE, NONE);
        locks.passed(CAPS);
        assert_eq!(locks.host_changed(Leds::CAPS), [] as [u32; 0]);
        assert_eq!(locks.lit(Leds::CAPS), None);
        assert_eq!(locks.host_changed(NONE), [CAPS], "a keyboard on the screen, of which we see no keys");
    }

    #[test]
    fn a_caps_lock_that_is_another_key_on_the_host_stays_one() {
        let mut locks = with(NONE, NONE);
        locks.passed(CAPS);
        assert_eq!(locks.host_changed(NONE), [] as [u32; 0]);
    }

    #[test]
    fn what_the_guest_changes_by_itself_the_host_may_follow() {
        let mut locks = with(NONE, NONE);
        assert_eq!(locks.lit(Leds::NUM), None, "only where it is wanted");
        locks.set_sync(Sync::Both);
        assert_eq!(locks.lit(NONE), None, "it is that already");
        assert_eq!(locks.lit(Leds::NUM), Some(Leds::NUM));
        assert_eq!(locks.lit(Leds::SCROLL.with(Leds::NUM)), Some(Leds::NUM), "without Scroll Lock");
        locks.unfocused();
        assert_eq!(locks.lit(Leds::CAPS), None, "not behind the person's back");
    }

    #[test]
    fn lights_that_come_late_change_nothing() {
        let mut locks = with(NONE, NONE);
        locks.set_sync(Sync::Both);
        for host in [Leds::CAPS, NONE] {
            locks.passed(CAPS);
            locks.host_changed(host);
        }
        assert_eq!(locks.lit(Leds::CAPS), None);
        assert_eq!(locks.lit(NONE), None);
        assert_eq!(locks.guest(), Some(NONE));
    }

    proptest! {
        /// A guest that does as it is told ends up like the host, however late it tells.
        #[test]
        fn they_end_up_the_same(steps in prop::collection::vec((0..5_u8, any::<bool>()), 0..60)) {
            let mut locks = with(NONE, NONE);
            let (mut host, mut guest) = (NONE, NONE);
            let mut told = VecDeque::new();
            let hear = |locks: &mut Locks, lights| {
                let _ = locks.lit(lights);
            };
            for (step, is_caps) in steps {
                let (code, light) = if is_caps { (CAPS, Leds::CAPS) } else { (NUM, Leds::NUM) };
                let press = |codes: Vec<u32>, guest: &mut Leds, told: &mut VecDeque<Leds>| {
                    for code in codes {
                        let light = if code == CAPS { Leds::CAPS } else { Leds::NUM };
                        *guest = guest.toggled(light);
                        told.push_back(*guest);
                    }
                };
                match step {
                    0 | 1 => {
                        locks.passed(code);
                        press(vec![code], &mut guest, &mut told);
                        host = host.toggled(light);
                        press(locks.host_changed(host), &mut guest, &mut told);
                    }
                    2 => {
                        host = host.toggled(light);
                        press(locks.host_changed(host), &mut guest, &mut told);
                    }
                    3 => told.pop_front().into_iter().for_each(|lights| hear(&mut locks, lights)),
                    _ => {
                        told.drain(..).for_each(|lights| hear(&mut locks, lights));
                        locks.unfocused();
                        host = host.toggled(light);
                        press(locks.focused(host), &mut guest, &mut told);
                    }
                }
                if told.len() >= MOST_AWAITED {
                    told.drain(..).for_each(|lights| hear(&mut locks, lights));
                }
            }
            told.drain(..).for_each(|lights| hear(&mut locks, lights));
            prop_assert_eq!(host, guest);
            prop_assert_eq!(locks.guest(), Some(guest));
        }
    }
}
