//! The keyboard all the way: pressed at the compositor, read back inside the guest.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::Result;
use harness::desk::Desk;
use harness::dice::Dice;
use harness::input::keys;
use harness::machine::{Report, State};
use harness::process::wait_until;
use oriel::input::keymap;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{BOOT, Person};

/// The table that ours was made of; its last column is QEMU's name of each key, where it has one.
const KEYS: &str = include_str!("../../src/input/keymap/keys.tsv");

/// What a running guest does at once, on a computer that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A key that does not come in this time may not come at all.
const SOON: Duration = Duration::from_secs(10);

/// So many events come before the guest has to have seen them: QEMU's device drops what a guest does
/// not fetch (hw/input/virtio-input.c).
const AT_ONCE: usize = 24;

/// Random events in all.
const EVENTS: usize = 10_000;

impl Person {
    /// In front of a guest with a tablet, on a desktop with a shortcut that makes a file.
    fn at_the_keys() -> Result<Self> {
        let mut person = Self::before(&["virtio-keyboard-pci", "virtio-tablet-pci"], "")?;
        for device in ["Keyboard", "Tablet"] {
            let there = |report: &Report| matches!(report, Report::Other(text) if text.contains(device));
            if !person.machine.serial().reports().iter().any(there) {
                person.machine.serial().guest(device, BOOT, |report| there(report).then_some(()))?;
            }
        }
        let shortcut = format!("bindsym Mod4+x exec touch {}", person.mark().display());
        person.sway.run(&shortcut)?;
        person.take_keyboard()?;
        Ok(person)
    }

    /// What the desktop's shortcut makes.
    fn mark(&self) -> std::path::PathBuf {
        self.sway.session().scope().join("shortcut")
    }

    fn click_the_middle(&mut self) -> Result<()> {
        let at = self.window.rect;
        let middle = (f64::from(at.x + at.width / 2), f64::from(at.y + at.height / 2));
        self.input.move_to(middle.0, middle.1)?;
        self.input.click(keys::BTN_LEFT)
    }

    /// Clicks until the desktop's shortcut is the guest's.
    fn take_keyboard(&mut self) -> Result<()> {
        wait_until("the guest to have the desktop's shortcuts", BOOT, || {
            self.click_the_middle()?;
            self.input.chord(&[keys::KEY_LEFTMETA, keys::KEY_X])?;
            self.input.tap(keys::KEY_B)?;
            let mut taken = false;
            // A machine that has just gone on does not get keys yet.
            let heard = self.machine.serial().guest("a key", SOON, |report| match report {
                Report::Key { code: keys::KEY_X, .. } => {
                    taken = true;
                    None
                }
                Report::Key { code: keys::KEY_B, state: State::Up } => Some(()),
                _ => None,
            });
            Ok((taken && heard.is_ok()).then_some(()))
        })
    }

    /// Waits until the guest has seen everything so far.
    fn meet(&mut self) -> Result<()> {
        self.input.tap(keys::KEY_B)?;
        self.machine.serial().expect(&Report::Key { code: keys::KEY_B, state: State::Up }, LIMIT)
    }

    /// Whether the guest's Caps Lock is lit.
    fn is_lit(&self) -> bool {
        let mut lights = self.machine.serial().reports().into_iter().filter_map(|report| match report {
            Report::Other(line) => line.strip_prefix("led CAPSL ").map(|state| state == "1"),
            _ => None,
        });
        lights.next_back().unwrap_or_default()
    }

    /// How often the guest's Caps Lock was pressed, from this report on.
    fn locked_since(&self, report: usize) -> usize {
        let pressed = Report::Key { code: keys::KEY_CAPSLOCK, state: State::Down };
        self.machine.serial().reports()[report..].iter().filter(|report| **report == pressed).count()
    }

    /// Looks elsewhere for a moment; what comes with the keyboard has been seen by then.
    fn go_and_return(&mut self) -> Result<()> {
        self.sway.run("workspace other")?;
        self.sway.run("workspace 1")?;
        self.meet()
    }

    /// Comes back until the guest's light is this, which one press does.
    fn comes_back_to(&mut self, lit: bool) -> Result<()> {
        let before = self.machine.serial().reports().len();
        wait_until(&format!("a guest whose light is {lit}"), LIMIT, || {
            // QEMU tells of the light when it likes.
            self.go_and_return()?;
            Ok((self.is_lit() == lit).then_some(()))
        })?;
        assert_eq!(self.locked_since(before), 1, "once");
        Ok(())
    }

    /// The keys and buttons that are down, going by all that the guest has reported.
    fn held(&self) -> BTreeSet<String> {
        let mut held = BTreeSet::new();
        for report in self.machine.serial().reports() {
            let (name, state) = match report {
                Report::Key { code, state } => (format!("key {code}"), state),
                Report::Button { name, state } => (name, state),
                _ => continue,
            };
            match state {
                State::Down | State::Repeat => held.insert(name),
                State::Up => held.remove(&name),
            };
        }
        held
    }

    /// Waits until nothing is held in the guest.
    fn wait_for_nothing_held(&self, when: &str) -> Result<()> {
        wait_until(&format!("a guest in which nothing is held {when}"), LIMIT, || {
            let held = self.held();
            Ok(held.is_empty().then_some(()))
        })
        .map_err(|error| error.with_detail(&format!("{:?}", self.held())))
    }

    /// Leaves for another workspace with all that is down, lets go of it there, and comes back.
    fn look_away(&mut self, down: &mut BTreeSet<u32>) -> Result<()> {
        self.meet()?;
        self.sway.run("workspace other")?;
        self.wait_for_nothing_held("while the person is elsewhere")?;
        for code in std::mem::take(down) {
            if code < keys::BTN_LEFT {
                self.input.key(code, false)?
            } else {
                self.input.button(code, false)?
            }
        }
        self.sway.run("workspace 1")?;
        self.take_keyboard()
    }
}

/// The keys that QEMU has a name for. F11 is the window's, the power key switches the guest off, and B is
/// pressed after each of them.
fn table() -> Vec<u32> {
    let rows = KEYS.lines().filter(|row| !row.starts_with('#'));
    let named = rows.map(|row| row.split('\t').collect::<Vec<_>>()).filter(|row| row[3] != "-");
    let codes = named.map(|row| row[0].parse::<u32>().expect("a code"));
    codes.filter(|code| ![keys::KEY_F11, keys::KEY_POWER, keys::KEY_B].contains(code)).collect()
}

#[test]
fn keys_of_a_person_are_the_guests_and_never_stay_held() -> Result<()> {
    let mut person = Person::at_the_keys()?;
    locks_are_the_same_on_both_sides(&mut person)?;
    every_key_once(&mut person)?;
    every_button_once(&mut person)?;
    whatever_is_done_nothing_stays_held(&mut person)?;
    a_qemu_that_hangs_traps_nobody(&mut person)?;
    a_qemu_that_hangs_loses_the_keyboard(&mut person)?;
    Ok(())
}

/// The guest's kernel lights its keyboard, QEMU tells of that, and Oriel presses what differs: once.
fn locks_are_the_same_on_both_sides(person: &mut Person) -> Result<()> {
    person.input.tap(keys::KEY_CAPSLOCK)?;
    wait_until("a light that follows its key", LIMIT, || Ok(person.is_lit().then_some(())))?;
    // The host's changes, and the guest does not see the key.
    for lit in [false, true] {
        person.sway.run("workspace other")?;
        person.input.tap(keys::KEY_CAPSLOCK)?;
        person.comes_back_to(lit)?;
    }
    // The guest's changes, and the host does not see the key.
    let somebody = json!({ "keys": [{ "type": "qcode", "data": "caps_lock" }] });
    person.machine.qmp()?.execute("send-key", somebody)?;
    wait_until("a light that somebody else switches", LIMIT, || Ok((!person.is_lit()).then_some(())))?;
    person.comes_back_to(true)?;
    // As everything is now.
    let before = person.machine.serial().reports().len();
    person.go_and_return()?;
    assert_eq!(person.locked_since(before), 0, "they are the same");
    person.input.tap(keys::KEY_CAPSLOCK)?;
    wait_until("a light that goes out", LIMIT, || Ok((!person.is_lit()).then_some(())))
}

/// The whole table, as the compositor sends it and the guest's kernel sees it.
fn every_key_once(person: &mut Person) -> Result<()> {
    // What was pressed before has been seen by then.
    person.input.tap(keys::KEY_F5)?;
    person.machine.serial().expect(&Report::Key { code: keys::KEY_F5, state: State::Up }, LIMIT)?;
    for code in table() {
        person.input.tap(code)?;
        let mut seen = Vec::new();
        person.input.tap(keys::KEY_B)?;
        person.machine.serial().guest("a key", LIMIT, |report| match report {
            // How long the emulator takes between the two is no matter of ours.
            Report::Key { state: State::Repeat, .. } => None,
            Report::Key { code, state } => {
                seen.push((*code, *state));
                (*code == keys::KEY_B && *state == State::Up).then_some(())
            }
            _ => None,
        })?;
        seen.retain(|(seen, _)| *seen != keys::KEY_B);
        let number = keymap::qnum(code);
        let same = |seen: u32| keymap::qnum(seen) == number;
        assert!(
            matches!(seen[..], [(down, State::Down), (up, State::Up)] if same(down) && same(up)),
            "key {code} was seen as {seen:?}"
        );
    }
    Ok(())
}

/// Also those that a tablet has for browsers.
fn every_button_once(person: &mut Person) -> Result<()> {
    let before = person.machine.serial().reports().len();
    let buttons = [keys::BTN_LEFT, keys::BTN_RIGHT, keys::BTN_MIDDLE, keys::BTN_SIDE, keys::BTN_EXTRA];
    buttons.iter().try_for_each(|code| person.input.click(*code))?;
    let last = Report::Button { name: "BTN_EXTRA".to_owned(), state: State::Up };
    person.machine.serial().expect(&last, LIMIT)?;
    let reports = person.machine.serial().reports();
    let seen = reports[before..].iter().filter_map(|report| match report {
        Report::Button { name, state } => Some((name.as_str(), *state)),
        _ => None,
    });
    let names = buttons.iter().filter_map(|code| keys::name(*code));
    let expected: Vec<_> = names.flat_map(|name| [(name, State::Down), (name, State::Up)]).collect();
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    Ok(())
}

/// Keys and buttons in any order, with the person looking elsewhere in between. Alt is not among them:
/// with Ctrl it would free the keyboard, which has tests of its own.
fn whatever_is_done_nothing_stays_held(person: &mut Person) -> Result<()> {
    let choice = [
        keys::KEY_A,
        keys::KEY_S,
        keys::KEY_D,
        keys::KEY_F,
        keys::KEY_1,
        keys::KEY_LEFTSHIFT,
        keys::KEY_RIGHTSHIFT,
        keys::KEY_LEFTCTRL,
        keys::KEY_LEFTMETA,
        keys::KEY_F5,
        keys::KEY_CAPSLOCK,
    ];
    let buttons = [keys::BTN_LEFT, keys::BTN_RIGHT, keys::BTN_MIDDLE];
    let (mut dice, mut down) = (Dice::default(), BTreeSet::new());
    for event in 1..=EVENTS {
        let is_button = dice.throw(5) == 0;
        let code =
            if is_button { buttons[dice.throw(buttons.len())] } else { choice[dice.throw(choice.len())] };
        let press = down.insert(code);
        if !press {
            down.remove(&code);
        }
        if is_button {
            person.input.button(code, press)?
        } else {
            person.input.key(code, press)?
        }
        if event % AT_ONCE == 0 {
            person.meet()?;
        }
        if event % 1000 == 0 {
            person.look_away(&mut down)?;
        }
    }
    person.wait_for_nothing_held("after all")
}

/// Nor has the person to know the combination: a machine that does not answer loses the keyboard.
fn a_qemu_that_hangs_loses_the_keyboard(person: &mut Person) -> Result<()> {
    let _ = std::fs::remove_file(person.mark());
    person.machine.process().signal(Signal::STOP)?;
    person.input.tap(keys::KEY_A)?;
    let mark = person.mark();
    wait_until("the desktop's shortcut", LIMIT, || {
        // What comes before is the guest's when it goes on, and its device holds little.
        std::thread::sleep(Duration::from_secs(1));
        person.input.chord(&[keys::KEY_LEFTMETA, keys::KEY_X])?;
        Ok(mark.exists().then_some(()))
    })?;
    person.machine.process().signal(Signal::CONT)?;
    person.take_keyboard()?;
    person.wait_for_nothing_held("after a hang")
}

/// Without an answer of anybody's the desktop has its shortcut back; what was held comes up when the
/// machine goes on.
fn a_qemu_that_hangs_traps_nobody(person: &mut Person) -> Result<()> {
    person.input.key(keys::KEY_LEFTSHIFT, true)?;
    person.input.key(keys::KEY_A, true)?;
    person.machine.serial().expect(&Report::Key { code: keys::KEY_A, state: State::Down }, LIMIT)?;
    let _ = std::fs::remove_file(person.mark());
    person.machine.process().signal(Signal::STOP)?;
    for code in [keys::KEY_A, keys::KEY_LEFTSHIFT] {
        person.input.key(code, false)?;
    }
    person.input.key(keys::KEY_F, true)?;
    person.input.key(keys::KEY_F, false)?;
    person.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT])?;
    let mark = person.mark();
    wait_until("the desktop's shortcut", LIMIT, || {
        person.input.chord(&[keys::KEY_LEFTMETA, keys::KEY_X])?;
        Ok(mark.exists().then_some(()))
    })?;
    person.machine.process().signal(Signal::CONT)?;
    person.take_keyboard()?;
    person.wait_for_nothing_held("after a hang")
}
