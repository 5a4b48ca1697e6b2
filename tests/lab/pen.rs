//! A pen on a tablet, from the kernel through the compositor and the program into the guest.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use evdev::uinput::VirtualDevice;
use evdev::{
    AbsInfo, AbsoluteAxisCode, AttributeSet, BusType, EventType, InputEvent, InputId, KeyCode, PropType,
    UinputAbsSetup,
};
use harness::desk::{Output, Renderer, Sway, SwayConfig};
use harness::machine::{GuestOptions, Report, Running, State};
use harness::process::wait_until;
use harness::{Doing, Result};

use crate::stage::{Evidence, LIMIT, SCREEN, nested, view, wait_for_driver, wait_for_unique};

/// Units of the tablet on a pixel of the screen.
const FINE: i32 = 16;

/// The buttons on the pen, and what GTK makes of them.
const BUTTONS: [(KeyCode, &str); 2] =
    [(KeyCode::BTN_STYLUS, "BTN_MIDDLE"), (KeyCode::BTN_STYLUS2, "BTN_RIGHT")];

/// How a hand holds the pen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grip {
    /// Above the tablet.
    Hovering,
    /// On it.
    Drawing,
    /// Above it, with this of [`BUTTONS`] pressed.
    Pressing(usize),
}

struct Pen(VirtualDevice);

impl Pen {
    /// A tablet of the screen's shape, with a pen that has a tip and two buttons.
    fn plug_in() -> Result<Self> {
        Self::build().doing("make a tablet")
    }

    fn build() -> std::io::Result<Self> {
        let axis = |code, most: i32, resolution| {
            UinputAbsSetup::new(code, AbsInfo::new(0, 0, most, 0, 0, resolution))
        };
        let across = axis(AbsoluteAxisCode::ABS_X, SCREEN.0.cast_signed() * FINE - 1, 100);
        let down = axis(AbsoluteAxisCode::ABS_Y, SCREEN.1.cast_signed() * FINE - 1, 100);
        let pressure = axis(AbsoluteAxisCode::ABS_PRESSURE, 1023, 0);
        let keys = [KeyCode::BTN_TOOL_PEN, KeyCode::BTN_TOUCH, KeyCode::BTN_STYLUS, KeyCode::BTN_STYLUS2];
        let mut device = VirtualDevice::builder()?
            .name("Oriel test pen")
            // Nobody knows this one, so nobody knows better how it behaves.
            .input_id(InputId::new(BusType::BUS_USB, 0x1209, 0x0001, 1))
            .with_properties(&AttributeSet::from_iter([PropType::DIRECT]))?
            .with_keys(&AttributeSet::from_iter(keys))?
            .with_absolute_axis(&across)?
            .with_absolute_axis(&down)?
            .with_absolute_axis(&pressure)?
            .build()?;
        for node in device.enumerate_dev_nodes_blocking()? {
            introduce(&node?)?;
        }
        Ok(Self(device))
    }

    /// Holds it over a pixel's middle. A hand trembles, which is smoothed out; a pen that tells nothing for
    /// 50 ms is taken to be gone.
    fn hold(&mut self, (x, y): (u32, u32), grip: Grip) -> Result<()> {
        let middle = |pixel: u32| pixel.cast_signed() * FINE + FINE / 2;
        let at = |axis: AbsoluteAxisCode, value| InputEvent::new(EventType::ABSOLUTE.0, axis.0, value);
        for step in 0..12 {
            let mut events = vec![
                at(AbsoluteAxisCode::ABS_X, middle(x) + step % 2),
                at(AbsoluteAxisCode::ABS_Y, middle(y) + step % 2),
                at(AbsoluteAxisCode::ABS_PRESSURE, if grip == Grip::Drawing { 500 + step } else { 0 }),
                key(KeyCode::BTN_TOUCH, grip == Grip::Drawing),
                key(KeyCode::BTN_TOOL_PEN, true),
            ];
            events.extend((0..).zip(BUTTONS).map(|(n, (code, _))| key(code, grip == Grip::Pressing(n))));
            self.send(&events)?;
        }
        Ok(())
    }

    fn lift(&mut self) -> Result<()> {
        self.send(&[key(KeyCode::BTN_TOUCH, false), key(KeyCode::BTN_TOOL_PEN, false)])
    }

    fn send(&mut self, events: &[InputEvent]) -> Result<()> {
        self.0.emit(events).doing("use the pen")
    }
}

fn key(code: KeyCode, down: bool) -> InputEvent {
    InputEvent::new(EventType::KEY.0, code.0, i32::from(down))
}

/// Says of a device what udev would: compositors ask it, and here it is not running.
fn introduce(node: &Path) -> std::io::Result<()> {
    let number = fs::metadata(node)?.rdev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let known = PathBuf::from("/run/udev/data");
    fs::create_dir_all(&known)?;
    fs::write(known.join(format!("c{major}:{minor}")), "E:ID_INPUT=1\nE:ID_INPUT_TABLET=1\n")
}

/// A desktop that takes this machine's devices.
fn desk() -> Result<Sway> {
    Sway::start(SwayConfig {
        outputs: vec![Output::new(SCREEN.0, SCREEN.1)],
        renderer: Renderer::Gles,
        takes_devices: true,
        ..SwayConfig::default()
    })
}

fn machine() -> Result<Running> {
    let guest = GuestOptions {
        mode: Some(SCREEN),
        more: "oriel.cursor=no".to_owned(),
        ..GuestOptions::paint("unique")
    };
    let machine = nested(guest, 192, "virtio-vga").devices(&["virtio-tablet-pci"]).prepare()?.start()?;
    wait_for_driver(&machine, "virtio_gpu")?;
    Ok(machine)
}

/// Holds the pen, and sees what the guest makes of it.
struct Hand<'a> {
    pen: &'a mut Pen,
    machine: &'a Running,
}

impl Hand<'_> {
    fn draw(&mut self) -> Result<()> {
        self.until("a pen that comes", (400, 300), Grip::Hovering, |new| !new.is_empty())?;
        // One that says that it goes is believed to be there until then.
        self.pen.hold((400, 300), Grip::Hovering)?;
        self.pen.lift()?;
        let (from, to) = ((200, 150), (800, 600));
        for place in [(0, 0), (SCREEN.0 - 1, SCREEN.1 - 1), from] {
            self.until(&format!("a pen over {place:?}"), place, Grip::Hovering, |new| is_at(new, place))?;
        }
        assert_eq!(told_buttons(&self.machine.serial().reports()), 0, "it only hovered");
        self.until("a tip", from, Grip::Drawing, |new| has_button(new, "BTN_LEFT", State::Down))?;
        self.until("a line", to, Grip::Drawing, |new| is_at(new, to))?;
        self.until("a lifted tip", to, Grip::Hovering, |new| has_button(new, "BTN_LEFT", State::Up))?;
        for (n, (_, name)) in BUTTONS.into_iter().enumerate() {
            self.until(name, to, Grip::Pressing(n), |new| has_button(new, name, State::Down))?;
            self.until(name, to, Grip::Hovering, |new| has_button(new, name, State::Up))?;
        }
        // Taken away while it draws.
        self.until("a tip again", to, Grip::Drawing, |new| has_button(new, "BTN_LEFT", State::Down))?;
        let before = self.machine.serial().reports().len();
        self.pen.lift()?;
        wait_until("a pen that is taken away", LIMIT, || {
            let new = self.machine.serial().reports().split_off(before);
            Ok(has_button(&new, "BTN_LEFT", State::Up).then_some(()))
        })?;
        let reports = self.machine.serial().reports();
        assert_eq!(told_buttons(&reports), 8, "each button once: {reports:?}");
        Ok(())
    }

    /// Holds the pen there until the guest's reports since are `right`.
    fn until(
        &mut self,
        what: &str,
        place: (u32, u32),
        grip: Grip,
        right: impl Fn(&[Report]) -> bool,
    ) -> Result<()> {
        let before = self.machine.serial().reports().len();
        let found = wait_until(what, LIMIT, || {
            self.pen.hold(place, grip)?;
            let new = self.machine.serial().reports().split_off(before);
            Ok(right(&new).then_some(()))
        });
        found.map_err(|error| {
            let new = self.machine.serial().reports().split_off(before);
            error.with_detail(&format!("the guest told {new:?}"))
        })
    }
}

/// Whether the guest's pointer was there, but for a pixel: the compositor smooths what a pen does.
fn is_at(reports: &[Report], (x, y): (u32, u32)) -> bool {
    let near = |at: i32, of: i32, pixel: u32, size: u32| {
        let expected = pixel.cast_signed() * of / size.cast_signed();
        at.abs_diff(expected) <= of.unsigned_abs() / size
    };
    reports.iter().any(|report| match report {
        Report::Abs { at, of } => near(at.0, of.0, x, SCREEN.0) && near(at.1, of.1, y, SCREEN.1),
        _ => false,
    })
}

fn has_button(reports: &[Report], wanted: &str, then: State) -> bool {
    reports
        .iter()
        .any(|report| matches!(report, Report::Button { name, state } if name == wanted && *state == then))
}

/// How often a button went down or up.
fn told_buttons(reports: &[Report]) -> usize {
    reports.iter().filter(|report| matches!(report, Report::Button { .. })).count()
}

#[test]
fn a_pen_points_and_draws_in_the_guest() -> Result<()> {
    let mut pen = Pen::plug_in()?;
    let (sway, machine) = (desk()?, machine()?);
    let viewer = view(&sway, "auto", &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
    Evidence::of(&sway, &viewer, &machine).of_failure("pen", || {
        wait_for_unique(&sway, SCREEN, "pen")?;
        Hand { pen: &mut pen, machine: &machine }.draw()
    })
}
