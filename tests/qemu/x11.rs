//! A machine with the devices of old before an X server: what they carry, and locks that follow both ways.

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::Result;
use harness::desk::{Desk, Xvfb};
use harness::input::{Axis, XInput, keys};
use harness::machine::{Builder, Display, Report, Running, State};
use harness::process::wait_until;
use harness::viewer::Viewer;
use serde_json::json;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, KeyButMask};
use x11rb::rust_connection::RustConnection;

use crate::support::{BOOT, ORIEL, guest, wait_for_guest};

/// What a running guest does at once, on a computer that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// The path of our settings, as the keyfile backend has it, with what makes locks follow both ways.
const PREFERENCES: &str = "\n[io/github/oriel_viewer/Oriel]\nlock-keys='both'\n";

/// Somebody in front of a guest with a PS/2 keyboard and mouse, which no machine of the usual board is without.
struct Person {
    // In the order in which they are to end.
    _viewer: Viewer,
    machine: Running,
    server: RustConnection,
    screen: Xvfb,
}

impl Person {
    fn sit_down() -> Result<Self> {
        let screen = Xvfb::start(1024, 768)?;
        let keyfile = screen.session().scope().join("config/glib-2.0/settings/keyfile");
        let settings = fs::read_to_string(&keyfile).expect("the desktop's settings");
        fs::write(&keyfile, settings + PREFERENCES).expect("settings");
        let command = screen.session().command("");
        let display = command.get_envs().find_map(|(name, value)| (name == "DISPLAY").then_some(value?));
        let (server, _) = x11rb::connect(display.and_then(|name| name.to_str())).expect("the X server");
        let machine = Builder::new()
            .devices(&[])
            .guest(guest(640, 480))
            .display(Display::DBusP2p)
            .prepare()?
            .start()?;
        let arguments = [Path::new("--qmp"), machine.qmp_socket()?];
        let viewer = Viewer::start_as(&screen, screen.command(ORIEL), "connect", &arguments)?;
        wait_for_guest(machine.serial())?;
        let person = Self { _viewer: viewer, machine, server, screen };
        for device in ["AT Translated", "Mouse"] {
            person.told(&format!("the guest's {device}"), |reports| {
                reports.iter().any(|report| matches!(report, Report::Other(line) if line.starts_with("device ") && line.contains(device)))
            })?;
        }
        XInput::new(&person.screen).move_to(400, 300)?;
        person.take_mouse()?;
        Ok(person)
    }

    fn hands(&self) -> XInput<'_> {
        XInput::new(&self.screen)
    }

    /// Clicks until the guest has keyboard and mouse. Nobody but us gives the window the keyboard.
    fn take_mouse(&self) -> Result<()> {
        let click = Report::Button { name: "BTN_LEFT".to_owned(), state: State::Up };
        let key = Report::Key { code: keys::KEY_B, state: State::Up };
        wait_until("a guest that has keyboard and mouse", BOOT, || {
            let before = self.machine.serial().reports().len();
            self.hands().focus(".+")?;
            self.hands().click(keys::BTN_LEFT)?;
            self.hands().tap(keys::KEY_B)?;
            let heard = wait_until("a click and a key", Duration::from_secs(5), || {
                let reports = self.machine.serial().reports();
                let reports = &reports[before..];
                Ok((reports.contains(&click) && reports.contains(&key)).then_some(()))
            });
            Ok(heard.ok())
        })
    }

    fn told(&self, what: &str, right: impl Fn(&[Report]) -> bool) -> Result<()> {
        let found = wait_until(what, LIMIT, || Ok(right(&self.machine.serial().reports()).then_some(())));
        found.map_err(|error| {
            let reports = self.machine.serial().reports();
            let last = &reports[reports.len().saturating_sub(12)..];
            error.with_detail(&format!("the guest told last {last:?}"))
        })
    }

    fn buttons_and_wheels(&self) -> Result<()> {
        for (code, name) in [
            (keys::BTN_RIGHT, "BTN_RIGHT"),
            (keys::BTN_MIDDLE, "BTN_MIDDLE"),
            (keys::BTN_SIDE, "BTN_SIDE"),
            (keys::BTN_EXTRA, "BTN_EXTRA"),
        ] {
            for pressed in [true, false] {
                self.hands().button(code, pressed)?;
                let state = if pressed { State::Down } else { State::Up };
                self.machine.serial().expect(&Report::Button { name: name.to_owned(), state }, LIMIT)?;
            }
        }
        let (mut up, mut right) = turned(&self.machine.serial().reports());
        for (axis, notches) in [
            (Axis::Vertical, 2),
            (Axis::Horizontal, 3),
            (Axis::Horizontal, -5),
            (Axis::Vertical, -3),
            (Axis::Horizontal, 1),
        ] {
            match axis {
                Axis::Vertical => up -= notches,
                Axis::Horizontal => right += notches,
            }
            self.hands().wheel(axis, notches)?;
            self.told(&format!("wheels at {up} and {right}"), |reports| turned(reports) == (up, right))?;
        }
        Ok(())
    }

    /// Whether Caps Lock and Num Lock of the X server are on.
    fn host_locks(&self) -> (bool, bool) {
        let root = self.server.setup().roots[0].root;
        let state = self.server.query_pointer(root).expect("a request").reply().expect("an answer");
        (state.mask.contains(KeyButMask::LOCK), state.mask.contains(KeyButMask::MOD2))
    }

    /// The same of the guest's lights.
    fn guest_locks(&self) -> (bool, bool) {
        let mut lit = (false, false);
        for report in self.machine.serial().reports() {
            match report {
                Report::Other(line) if line.starts_with("led CAPSL ") => lit.0 = line.ends_with('1'),
                Report::Other(line) if line.starts_with("led NUML ") => lit.1 = line.ends_with('1'),
                _ => {}
            }
        }
        lit
    }

    fn see_locks(&self, caps: bool, num: bool) -> Result<()> {
        let found = wait_until("locks of both sides", LIMIT, || {
            Ok((self.host_locks() == (caps, num) && self.guest_locks() == (caps, num)).then_some(()))
        });
        let are = || format!("host {:?}, guest {:?}", self.host_locks(), self.guest_locks());
        found.map_err(|error| error.with_detail(&are()))
    }

    /// Somebody else presses a key of the guest's: its locks change by themselves.
    fn press_behind(&self, key: &str) -> Result<()> {
        let keys = json!({ "keys": [{ "type": "qcode", "data": key }] });
        self.machine.qmp()?.execute("send-key", keys).map(drop)
    }

    fn locks(&self) -> Result<()> {
        let before = self.machine.serial().reports().len();
        self.hands().tap(keys::KEY_CAPSLOCK)?;
        self.see_locks(true, false)?;
        self.press_behind("num_lock")?;
        self.see_locks(true, true)?;
        self.press_behind("caps_lock")?;
        self.see_locks(false, true)?;
        self.hands().tap(keys::KEY_NUMLOCK)?;
        self.see_locks(false, false)?;
        self.hands().tap(keys::KEY_B)?;
        self.machine.serial().expect(&Report::Key { code: keys::KEY_B, state: State::Up }, LIMIT)?;
        let reports = self.machine.serial().reports();
        let pressed = reports[before..].iter().filter_map(|report| match report {
            Report::Key { code, state: State::Down } if *code != keys::KEY_B => Some(*code),
            _ => None,
        });
        let expected = [keys::KEY_CAPSLOCK, keys::KEY_NUMLOCK, keys::KEY_CAPSLOCK, keys::KEY_NUMLOCK];
        assert_eq!(pressed.collect::<Vec<_>>(), expected, "nothing is pressed twice");
        Ok(())
    }
}

/// How far the guest's wheels have turned, up and to the right.
fn turned(reports: &[Report]) -> (i32, i32) {
    reports.iter().fold((0, 0), |sum, report| match report {
        Report::Wheel { vertical, horizontal } => (sum.0 + vertical, sum.1 + horizontal),
        _ => sum,
    })
}

#[test]
fn devices_of_old_turn_both_wheels_and_their_lights_are_the_x_servers() -> Result<()> {
    let person = Person::sit_down()?;
    person.buttons_and_wheels()?;
    person.locks()
}
