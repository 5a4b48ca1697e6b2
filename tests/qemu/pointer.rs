//! The pointer all the way: moved at the compositor, held and freed by Oriel, told by the guest itself.

use harness::desk::{Desk, Find};
use harness::input::{Axis, keys};
use harness::machine::{Report, State};
use harness::process::wait_until;
use harness::{Error, Result};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{LIMIT, Person, SCREEN};

/// The header's height in logical pixels.
const HEADER: u32 = 46;

/// So many movements come before the guest has to have seen them: its device holds few more.
const AT_ONCE: usize = 10;

/// Buttons beside the first, with the kernel's names.
const BUTTONS: [(u32, &str); 4] = [
    (keys::BTN_RIGHT, "BTN_RIGHT"),
    (keys::BTN_MIDDLE, "BTN_MIDDLE"),
    (keys::BTN_SIDE, "BTN_SIDE"),
    (keys::BTN_EXTRA, "BTN_EXTRA"),
];

impl Person {
    /// In front of a guest with a mouse.
    fn at_the_mouse() -> Result<Self> {
        let devices = ["virtio-keyboard-pci", "virtio-mouse-pci", "qemu-xhci,id=usb"];
        let person = Self::before(&devices, "output * bg #5e5c64 solid_color")?;
        person.wait_for_device("Mouse")?;
        Ok(person)
    }

    fn wait_for_device(&self, kind: &str) -> Result<()> {
        let is_it = |report: &Report| matches!(report, Report::Other(line) if line.starts_with("device ") && line.contains(kind));
        self.told(&format!("the guest's {kind}"), |reports| reports.iter().any(is_it).then_some(()))
    }

    fn told<T>(&self, what: &str, told: impl Fn(&[Report]) -> Option<T>) -> Result<T> {
        let found = wait_until(what, LIMIT, || Ok(told(&self.machine.serial().reports())));
        found.map_err(|error| {
            let reports = self.machine.serial().reports();
            let last = &reports[reports.len().saturating_sub(12)..];
            error.with_detail(&format!(
                "the guest told last {last:?}\n{:?}",
                std::fs::read_to_string(self.viewer.stderr())
            ))
        })
    }

    fn see_button(&self, name: &str, state: State) -> Result<()> {
        self.machine.serial().expect(&Report::Button { name: name.to_owned(), state }, LIMIT)
    }

    fn click(&mut self) -> Result<()> {
        self.input.click(keys::BTN_LEFT)?;
        self.see_button("BTN_LEFT", State::Down)?;
        self.see_button("BTN_LEFT", State::Up)
    }

    /// Buttons beside the first: QEMU's USB devices have three.
    fn buttons(&mut self, buttons: &[(u32, &str)]) -> Result<()> {
        for (code, name) in buttons {
            self.input.click(*code)?;
            self.see_button(name, State::Down)?;
            self.see_button(name, State::Up)?;
        }
        Ok(())
    }

    /// A thousand movements, which the guest is to see to the last part of the last.
    fn push(&mut self) -> Result<()> {
        let before = way(&self.machine.serial().reports());
        for round in 1..=1000 / AT_ONCE {
            for _ in 0..AT_ONCE {
                self.input.move_by(1.25, -0.75)?;
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            let moved = (round * AT_ONCE) as i32;
            // Parts wait until they are whole.
            let expected = (moved * 5 / 4, -(moved * 3 / 4));
            self.told(&format!("movement by {expected:?}"), |reports| {
                let now = way(reports);
                (now == (before.0 + expected.0, before.1 + expected.1)).then_some(())
            })?;
        }
        Ok(())
    }

    /// Turns the wheel; one click after the other, as the guest's device holds only so many.
    fn wheel(&mut self) -> Result<()> {
        let mut expected = turned(&self.machine.serial().reports());
        for notches in [3, -5, 1, -1, 4] {
            self.input.wheel(Axis::Vertical, notches)?;
            expected -= notches;
            self.see_turned(expected)?;
        }
        // Fingers on a touch pad: ten units are a click.
        for _ in 0..5 {
            for _ in 0..5 {
                self.input.scroll(Axis::Vertical, 2.0)?;
            }
            expected -= 1;
            self.see_turned(expected)?;
        }
        Ok(())
    }

    fn see_turned(&self, expected: i32) -> Result<()> {
        let seen = |reports: &[Report]| (turned(reports) == expected).then_some(());
        self.told(&format!("a wheel that is at {expected}"), seen)
    }

    /// The pointer beside the picture, as the compositor draws it.
    fn is_pointer_at(&self, x: u32, y: u32, header: &harness::shot::Image) -> Result<bool> {
        let screen = self.sway.screenshot()?;
        Ok((0..12).any(|step| screen.get(x + step / 2, y + step) != header.get(x + step / 2, y + step)))
    }

    fn corners(&mut self, scale: f64) -> Result<()> {
        self.sway.set_scale("HEADLESS-1", scale)?;
        self.input.layout_changed(&self.sway)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let top = (f64::from(HEADER) * scale) as u32;
        let (width, height) = (SCREEN.0, SCREEN.1 - top);
        self.told(&format!("a guest of {width} by {height}"), |reports| {
            let mut modes = reports.iter().filter_map(|report| match report {
                Report::Mode { size } | Report::Ready { size, .. } => Some(*size),
                _ => None,
            });
            (modes.next_back() == Some((width, height))).then_some(())
        })?;
        for place in [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (301, 225)] {
            let at = |pixel: u32| (f64::from(pixel) + 0.5) / scale;
            // QEMU: ui/input.c, `qemu_input_scale_axis`.
            let units = |pixel: u32, of: u32| i32::try_from(pixel * 0x7fff / of).expect("15 bits");
            let expected =
                Report::Abs { at: (units(place.0, width), units(place.1, height)), of: (0x7fff, 0x7fff) };
            let before = self.machine.serial().reports().len();
            let what = format!("{expected:?} at {place:?} of {width} by {height} at {scale}");
            let seen = wait_until(&what, LIMIT, || {
                // QEMU may not have heard yet that the guest has taken to a tablet.
                self.input.move_to(at(300), at(300))?;
                self.input.move_to(at(place.0), at(place.1 + top))?;
                let reports = self.machine.serial().reports();
                Ok(reports[before..].contains(&expected).then_some(()))
            });
            seen.map_err(|error| {
                let reports = self.machine.serial().reports();
                error.with_detail(&format!("the guest told {:?}", &reports[before..]))
            })?;
        }
        Ok(())
    }
}

/// How far the guest's mouse has gone.
fn way(reports: &[Report]) -> (i32, i32) {
    reports.iter().fold((0, 0), |sum, report| match report {
        Report::Rel { by } => (sum.0 + by.0, sum.1 + by.1),
        _ => sum,
    })
}

/// How far the guest's wheel has turned upwards.
fn turned(reports: &[Report]) -> i32 {
    let turns = reports.iter().map(|report| match report {
        Report::Wheel { vertical, .. } => *vertical,
        _ => 0,
    });
    turns.sum()
}

/// Locked, moved, freed while QEMU is stopped, and a tablet after it.
#[test]
fn the_pointer_is_exact_in_the_guest_and_free_without_qemu() -> Result<()> {
    let mut person = Person::at_the_mouse()?;
    let (middle, beside) = ((384.0, 300.0), (200.0, 20.0));
    person.input.move_to(middle.0, middle.1)?;
    person.click()?;
    person.push()?;
    person.wheel()?;
    person.buttons(&BUTTONS)?;

    let header = person.sway.screenshot()?;
    person.machine.process().signal(Signal::STOP)?;
    person.input.move_to(beside.0, beside.1)?;
    assert!(!person.is_pointer_at(200, 20, &header)?, "it is locked");
    person.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT])?;
    wait_until("a free pointer, though QEMU is stopped", LIMIT, || {
        // Somewhere else first: where it was let go is not where it was locked for the compositor.
        person.input.move_to(beside.0 + 60.0, beside.1)?;
        person.input.move_to(beside.0, beside.1)?;
        Ok(person.is_pointer_at(200, 20, &header)?.then_some(()))
    })?;
    person.machine.process().signal(Signal::CONT)?;

    person.machine.qmp()?.execute("device_add", json!({ "driver": "usb-tablet", "bus": "usb.0" }))?;
    person.wait_for_device("Tablet")?;
    for scale in [1.0, 1.5, 2.0] {
        person.corners(scale)?;
    }
    person.buttons(&BUTTONS[..2])?;
    let window = person.window.id;
    person.sway.window(Find::Id(window))?.map(drop).ok_or_else(|| Error::failed("the window has gone"))
}
