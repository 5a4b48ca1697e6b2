//! GNOME's compositor before a real machine: held, moved, and let go of while QEMU is stopped.

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::Result;
use harness::desk::{Desk, HeadlessMutter};
use harness::input::{RemoteInput, keys};
use harness::machine::{Builder, Display, GuestOptions, Report, Running, State};
use harness::process::wait_until;
use harness::viewer::Viewer;
use rustix::process::Signal;

use crate::support::{BOOT, ORIEL, wait_for_guest};

/// The screen, which the window fills.
const SCREEN: (u32, u32) = (800, 600);

/// What a running guest does at once, on a computer that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// So many movements come before the guest has to have seen them: its device holds few more.
const AT_ONCE: usize = 10;

const SHORTCUT: [u32; 2] = [keys::KEY_LEFTMETA, keys::KEY_X];

/// The largest place of QEMU's touch screen (hw/input/virtio-input-hid.c).
const FAR: u32 = 0x7fff;

struct Person {
    // In the order in which they are to end.
    input: RemoteInput,
    viewer: Viewer,
    machine: Running,
    _desk: HeadlessMutter,
}

impl Person {
    /// In front of a guest with a mouse and a touch screen, which fills the desktop's.
    fn sit_down() -> Result<Self> {
        let desk = HeadlessMutter::start(SCREEN.0, SCREEN.1)?;
        let input = RemoteInput::connect(&desk)?;
        let machine = Builder::new()
            .devices(&["virtio-keyboard-pci", "virtio-mouse-pci", "virtio-multitouch-pci"])
            .guest(GuestOptions { more: "oriel.cursor=no".to_owned(), ..GuestOptions::paint("still") })
            .display(Display::DBusP2p)
            .prepare()?
            .start()?;
        let socket = machine.qmp_socket()?.to_owned();
        let arguments = [Path::new("--fullscreen"), Path::new("--qmp"), &socket];
        let mut command = desk.command(ORIEL);
        // All that the compositor tells the window.
        command.env("WAYLAND_DEBUG", "1");
        let viewer = Viewer::start_as(&desk, command, "connect", &arguments)?;
        wait_for_guest(machine.serial())?;
        let person = Self { input, viewer, machine, _desk: desk };
        person.wait("a guest that fills the screen", BOOT, |reports| {
            let mut modes = reports.iter().filter_map(|report| match report {
                Report::Mode { size } | Report::Ready { size, .. } => Some(*size),
                _ => None,
            });
            modes.next_back() == Some(SCREEN)
        })?;
        Ok(person)
    }

    fn wait(&self, what: &str, limit: Duration, right: impl Fn(&[Report]) -> bool) -> Result<()> {
        let found = wait_until(what, limit, || Ok(right(&self.machine.serial().reports()).then_some(())));
        found.map_err(|error| {
            let reports = self.machine.serial().reports();
            error.with_detail(&format!(
                "the guest told last {:?}",
                &reports[reports.len().saturating_sub(12)..]
            ))
        })
    }

    /// What the compositor has told the window, from a moment on.
    fn told(&self, from: usize) -> Vec<String> {
        let all = fs::read(self.viewer.stderr()).unwrap_or_default();
        let all = String::from_utf8_lossy(&all);
        all.lines().skip(from).map(str::to_owned).collect()
    }

    /// This moment.
    fn now(&self) -> usize {
        self.told(0).len()
    }

    /// Whether the pointer was somewhere on the window.
    fn has_moved(&self, from: usize, at: &str) -> bool {
        self.told(from)
            .iter()
            .any(|line| line.contains("wl_pointer#") && line.contains(".motion(") && line.contains(at))
    }

    /// Whether the window was given another size, or another state.
    fn is_configured(&self, from: usize) -> bool {
        self.told(from).iter().any(|line| line.contains("xdg_toplevel#") && line.contains(".configure("))
    }

    fn see_key(&self, code: u32, state: State) -> Result<()> {
        self.machine.serial().expect(&Report::Key { code, state }, LIMIT)
    }

    /// Clicks until the guest has the desktop's shortcuts, and its mouse the pushes.
    fn take_keyboard(&mut self) -> Result<()> {
        self.input.move_to(400.0, 300.0)?;
        let gives =
            |line: &String| line.contains("keyboard_shortcuts_inhibitor") && line.contains(".active(");
        wait_until("the desktop to give its shortcuts", BOOT, || {
            let from = self.now();
            self.input.click(keys::BTN_LEFT)?;
            // A machine that has just gone on does not get them yet.
            let given = wait_until("the desktop's word", Duration::from_secs(5), || {
                Ok(self.told(from).iter().any(gives).then_some(()))
            });
            Ok(given.ok())
        })?;
        let (before, from) = (self.machine.serial().reports().len(), self.now());
        self.input.chord(&SHORTCUT)?;
        self.input.tap(keys::KEY_B)?;
        let [shortcut, last] = [(keys::KEY_X, State::Down), (keys::KEY_B, State::Up)]
            .map(|(code, state)| Report::Key { code, state });
        self.wait("key of the desktop's shortcut, and another", LIMIT, |reports| {
            reports[before..].contains(&shortcut) && reports[before..].contains(&last)
        })?;
        assert!(!self.is_configured(from), "the desktop has it as well");
        Ok(())
    }

    /// Pushes, which the guest is to see to the last part of the last.
    fn push(&self) -> Result<()> {
        let before = way(&self.machine.serial().reports());
        for round in 1..=300 / AT_ONCE {
            for _ in 0..AT_ONCE {
                self.input.move_by(1.25, -0.75)?;
            }
            let moved = i32::try_from(round * AT_ONCE).expect("few");
            // Parts wait until they are whole.
            let expected = (before.0 + moved * 5 / 4, before.1 - moved * 3 / 4);
            self.wait(&format!("mouse at {expected:?}"), LIMIT, |reports| way(reports) == expected)?;
        }
        Ok(())
    }

    /// Without an answer of QEMU's pointer and shortcut are the desktop's again.
    fn comes_back_from_a_stopped_qemu(&mut self) -> Result<()> {
        self.input.key(keys::KEY_LEFTSHIFT, true)?;
        self.see_key(keys::KEY_LEFTSHIFT, State::Down)?;
        self.machine.process().signal(Signal::STOP)?;
        self.input.key(keys::KEY_LEFTSHIFT, false)?;
        let from = self.now();
        self.input.move_to(600.0, 100.0)?;
        self.input.tap(keys::KEY_F)?;
        let is_key = |line: &String| line.contains("wl_keyboard#") && line.contains(".key(");
        wait_until("a key", LIMIT, || Ok(self.told(from).iter().any(is_key).then_some(())))?;
        assert!(!self.has_moved(from, ""), "it is locked");

        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT])?;
        let from = self.now();
        let mut x = 500.0;
        let freed = wait_until("a free pointer, though QEMU is stopped", LIMIT, || {
            x = if x < 600.0 { x + 1.0 } else { 500.0 };
            self.input.move_to(x, 200.0)?;
            Ok(self.has_moved(from, "").then_some(()))
        });
        freed.map_err(|error| error.with_detail(&self.told(from).join("\n")))?;
        let from = self.now();
        self.input.chord(&SHORTCUT)?;
        wait_until("the desktop's shortcut", LIMIT, || Ok(self.is_configured(from).then_some(())))?;
        let from = self.now();
        self.input.chord(&SHORTCUT)?;
        wait_until("the desktop's shortcut once more", LIMIT, || Ok(self.is_configured(from).then_some(())))?;
        self.machine.process().signal(Signal::CONT)?;
        self.take_keyboard()?;
        self.wait("guest in which nothing is held", LIMIT, |reports| {
            let mut held = Vec::new();
            for report in reports {
                let Report::Key { code, state } = report else { continue };
                held.retain(|one| one != code);
                held.extend((*state != State::Up).then_some(*code));
            }
            held.is_empty()
        })?;
        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT])
    }

    /// Two fingers, as the guest's own touch screen tells of them.
    fn fingers(&self) -> Result<()> {
        let unit = |pixel: u32, of: u32| pixel * FAR / of;
        let at = |x: u32, y: u32| format!("{} {} of {FAR} {FAR}", unit(x, SCREEN.0), unit(y, SCREEN.1));
        let see = |line: &str| {
            let told = Report::Other(format!("touch {line}"));
            self.wait(&format!("{told:?}"), LIMIT, |reports| reports.contains(&told))
        };
        self.input.touch(0, 100.5, 200.5)?;
        see(&format!("0 {}", at(100, 200)))?;
        self.input.touch(1, 300.5, 210.5)?;
        see(&format!("1 {}", at(300, 210)))?;
        self.input.slide(1, 310.5, 220.5)?;
        see(&format!("1 {}", at(310, 220)))?;
        self.input.lift(0)?;
        see("0 up")?;
        self.input.lift(1)?;
        see("1 up")
    }
}

/// How far the guest's mouse has gone.
fn way(reports: &[Report]) -> (i32, i32) {
    reports.iter().fold((0, 0), |sum, report| match report {
        Report::Rel { by } => (sum.0 + by.0, sum.1 + by.1),
        _ => sum,
    })
}

#[test]
fn on_gnome_a_stopped_qemu_holds_neither_pointer_nor_keys() -> Result<()> {
    let mut person = Person::sit_down()?;
    person.take_keyboard()?;
    person.push()?;
    person.fingers()?;
    person.comes_back_from_a_stopped_qemu()
}
