//! Without a desktop: everything that a person would do, done and checked.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use harness::{
    Error, Result,
    desk::{Desk, Find, Layout, Output, Sway, SwayConfig, Window},
    input::{Axis, Input, keys},
    machine::{Machine, Report, Serial, State},
    process::wait_until,
    shot::{Image, Rect},
    usage,
    viewer::Viewer,
};

use crate::{machine, picture::Picture, say, summary::Summary};

/// The screen, in device pixels: the guest's 1280 by 800 fit with a window around them.
const SCREEN: (u32, u32) = (1600, 1000);

/// What the window stands on, and how much of that is in the picture around it.
const BACKGROUND: &str = "#5e5c64";
const MARGIN: i32 = 24;

/// More than the height of a header bar.
const HEADER: i32 = 64;

/// How long things may take that take a second or less on an idle computer.
const SOON: Duration = Duration::from_secs(30);

/// How long an emulated machine may take from its start to the guest.
const BOOT: Duration = Duration::from_secs(240);

/// What is typed: small and large letters, digits, and what needs Shift.
const TEXT: &str = "Hello, guest 42!\n";

/// A demonstration under way.
struct Demo {
    // In the order in which they are to end.
    input: Input,
    viewer: Viewer,
    machine: Machine,
    sway: Sway,
    window: Window,
    checks: Vec<String>,
    before_guest: usize,
}

/// Runs everything; the guest runs for at least `run_time`, and the picture goes to `shot`.
pub(crate) fn run(run_time: Duration, shot: &Path) -> Result<Summary> {
    let mut demo = Demo::start()?;
    demo.see_firmware()?;
    let ready = demo.see_guest()?;
    let picture = demo.find_picture()?;
    demo.type_text()?;
    demo.point(&picture)?;
    demo.run_on(ready + run_time)?;
    demo.take_picture(shot)?;
    demo.close()
}

impl Demo {
    fn start() -> Result<Self> {
        let (width, height) = SCREEN;
        say(format_args!("starting a desktop without a screen, {width} by {height}"));
        let config = SwayConfig {
            outputs: vec![Output::new(width, height)],
            layout: Layout::Floating,
            more: format!("output * bg {BACKGROUND} solid_color"),
            ..SwayConfig::default()
        };
        let sway = Sway::start(config)?;
        let input = Input::connect(&sway)?;
        let machine = machine()?;
        say("starting the machine: oriel launch -- qemu-system-x86_64 ...");
        let mut arguments = vec!["--".into()];
        arguments.extend_from_slice(machine.arguments());
        let mut viewer = Viewer::start(&sway, "launch", &arguments)?;
        let window = wait_until("window of oriel", SOON, || {
            if !viewer.process().is_running()? {
                return Err(Error::failed("oriel ended without a window"));
            }
            sway.window(Find::Pid(viewer.id()))
        });
        let window = window.map_err(|error| error.with_detail(&viewer.process().log()))?;
        // In a corner, so that it can grow with the guest's picture without leaving the screen.
        sway.on(&window, &format!("move absolute position {MARGIN} px {MARGIN} px"))?;
        Ok(Self { input, viewer, machine, sway, window, checks: Vec::new(), before_guest: 0 })
    }

    fn serial(&self) -> &Serial {
        self.machine.serial()
    }

    /// The firmware shows its logo on black. So does QEMU its notice that there is no picture yet,
    /// which is why this looks for more than a line of text.
    fn see_firmware(&mut self) -> Result<()> {
        say("waiting for the firmware's picture");
        let mut below_header = self.content()?;
        below_header.y += HEADER;
        below_header.height -= HEADER;
        let seen = self.sway.wait_for_picture("demo-firmware", BOOT, |screen| {
            let inside = screen.crop(below_header.intersection(screen.rect()));
            let all = inside.width() as usize * inside.height() as usize;
            let black = inside.count(|[r, g, b, _]| r < 8 && g < 8 && b < 8);
            let lit = inside.count(|[r, g, b, _]| r > 60 || g > 60 || b > 60);
            (black * 2 > all && lit > 5000).then_some(lit)
        });
        let lit = seen.map_err(|error| error.with_detail(&self.viewer.process().log()))?;
        self.checked(format_args!("the firmware's picture was shown ({lit} lit pixels)"));
        Ok(())
    }

    fn see_guest(&mut self) -> Result<Instant> {
        say("waiting for the Linux guest");
        let ready = self.serial().guest("Linux guest that draws", BOOT, |report| match report {
            Report::Ready { size, driver } => Some((*size, driver.clone())),
            _ => None,
        });
        let ((width, height), driver) =
            ready.map_err(|error| error.with_detail(&self.viewer.process().log()))?;
        self.before_guest = self.viewer.stats()?.len();
        self.checked(format_args!("Linux came up in {width} by {height}, drawing through {driver}"));
        Ok(Instant::now())
    }

    /// The mode that the guest has now: it follows the window's size.
    fn mode(&self) -> Option<(u32, u32)> {
        let mut modes = self.serial().reports().into_iter().filter_map(|report| match report {
            Report::Ready { size, .. } | Report::Mode { size } => Some(size),
            _ => None,
        });
        modes.next_back()
    }

    /// Where the window is now, in device pixels, which are logical ones here.
    fn content(&self) -> Result<Rect> {
        let window = self.sway.window(Find::Id(self.window.id))?;
        Ok(window.ok_or_else(|| Error::failed("the window has gone"))?.rect)
    }

    /// Waits until the guest's whole picture is on the screen and no longer changes its place.
    fn find_picture(&mut self) -> Result<Picture> {
        let mut before = None;
        let found = wait_until("guest's picture with its four corners in the window", SOON, || {
            let screen = self.sway.screenshot()?;
            let now = match self.mode() {
                Some(mode) => Picture::find(&screen, self.content()?, mode),
                None => None,
            };
            let is_steady = now.is_some() && now == before;
            before = now;
            Ok(now.filter(|picture| is_steady && (!picture.is_exact() || picture.has_exact_corners(&screen))))
        });
        let found = found.map_err(|error| self.with_picture(error))?;
        let (width, height) = found.guest;
        let how = if found.is_exact() { "pixel for pixel" } else { "scaled" };
        self.checked(format_args!(
            "its {width} by {height} pixels were in the window, {how}, with all four corners"
        ));
        Ok(found)
    }

    fn type_text(&mut self) -> Result<()> {
        say("typing");
        self.sway.focus(&self.window)?;
        let before = self.keys().len();
        let expected = expected_keys(TEXT);
        // One at a time, as a slow guest's keyboard holds no more than 32 events.
        for &(code, state) in &expected {
            self.input.key(code, state == State::Down)?;
            let seen = self.serial().expect(&Report::Key { code, state }, SOON);
            seen.map_err(|error| self.with_picture(error))?;
        }
        let arrived = self.keys().split_off(before);
        if arrived != expected {
            return Err(Error::failed(format_args!(
                "the guest saw the keys {arrived:?} instead of {expected:?}"
            )));
        }
        self.checked(format_args!("{} key events arrived in order, with the right codes", expected.len()));
        Ok(())
    }

    /// The keys that the guest has seen go down and up.
    fn keys(&self) -> Vec<(u32, State)> {
        let reports = self.serial().reports().into_iter();
        let keys = reports.filter_map(|report| match report {
            Report::Key { code, state } => Some((code, state)),
            _ => None,
        });
        keys.filter(|(_, state)| *state != State::Repeat).collect()
    }

    /// Moves to places all over the picture, clicks, and turns the wheel.
    fn point(&mut self, picture: &Picture) -> Result<()> {
        say("pointing and clicking");
        let (width, height) = picture.guest;
        let places = [
            (width / 2, height / 2),
            (3, 3),
            (width - 4, 5),
            (7, height - 8),
            (width - 2, height - 2),
            (width / 3, height / 4),
        ];
        let mut worst: f64 = 0.0;
        for place in places {
            let (x, y) = picture.on_screen(place);
            self.input.move_to(x, y)?;
            worst = worst.max(self.see_pointer(place, picture.guest)?);
        }
        for (button, name) in [(keys::BTN_LEFT, "BTN_LEFT"), (keys::BTN_RIGHT, "BTN_RIGHT")] {
            self.input.click(button)?;
            for state in [State::Down, State::Up] {
                self.serial().expect(&Report::Button { name: name.to_owned(), state }, SOON)?;
            }
        }
        self.input.wheel(Axis::Vertical, 1)?;
        self.serial().expect(&Report::Wheel { vertical: -1, horizontal: 0 }, SOON)?;
        let count = places.len();
        self.checked(format_args!(
            "the pointer arrived at {count} places, off by {worst:.2} guest pixels at most"
        ));
        self.checked("both buttons and the wheel arrived");
        Ok(())
    }

    /// Waits until the guest has the pointer at a place; gives how far off it is, in guest pixels.
    fn see_pointer(&self, place: (u32, u32), size: (u32, u32)) -> Result<f64> {
        let mut nearest = None;
        let seen = self.serial().guest(&format!("pointer at {place:?} in the guest"), SOON, |report| {
            let Report::Abs { at, of } = report else { return None };
            let off = |at: i32, of: i32, place: u32, size: u32| {
                (f64::from(at) * f64::from(size) / (f64::from(of) + 1.0) - f64::from(place)).abs()
            };
            let off = off(at.0, of.0, place.0, size.0).max(off(at.1, of.1, place.1, size.1));
            nearest = Some(nearest.map_or(off, |nearest: f64| nearest.min(off)));
            (off <= 1.0).then_some(off)
        });
        seen.map_err(|error| match nearest {
            Some(off) => error.with_detail(&format!("it came no nearer than {off:.1} pixels")),
            None => error,
        })
    }

    fn run_on(&mut self, until: Instant) -> Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        say(format_args!("letting the guest draw for another {} s", left.as_secs()));
        match self.viewer.process().wait(left) {
            Ok(status) => Err(Error::failed(format_args!("oriel ended by itself with {status}"))
                .with_detail(&self.viewer.process().log())),
            Err(_still_running) => Ok(()),
        }
    }

    fn take_picture(&mut self, file: &Path) -> Result<()> {
        let mode = self.mode().unwrap_or_default();
        let window = self.content()?;
        let shot = self.sway.wait_for_picture("demo-shot", SOON, |screen: &Image| {
            let around = Rect::new(
                window.x - MARGIN,
                window.y - MARGIN,
                window.width + 2 * MARGIN,
                window.height + 2 * MARGIN,
            );
            Picture::find(screen, window, mode).map(|_| screen.crop(around.intersection(screen.rect())))
        })?;
        shot.save(file)?;
        self.checked(format_args!("a picture with the guest in it is in {}", file.display()));
        Ok(())
    }

    /// Closes the window as its button would: the guest is asked first, and everything ends.
    fn close(mut self) -> Result<Summary> {
        say("closing the window");
        let machines = usage::descendants(self.viewer.id())?;
        self.sway.close(&self.window)?;
        let asked = self.serial().expect(&Report::Power, SOON);
        asked.map_err(|error| error.with_detail(&self.viewer.process().log()))?;
        let (status, _) = self.viewer.finish(SOON * 2)?;
        if !status.success() {
            return Err(Error::failed(format_args!("oriel ended with {status}"))
                .with_detail(&self.viewer.process().log()));
        }
        let is_left = |pid: &&u32| Path::new("/proc").join(pid.to_string()).exists();
        if let Some(pid) = machines.iter().find(is_left) {
            return Err(Error::failed(format_args!("process {pid} of the machine still runs")));
        }
        self.checked("closing the window pressed the guest's power button, and QEMU ended");
        let stats = self.viewer.stats()?;
        Ok(Summary { checks: self.checks, stats, before_guest: self.before_guest })
    }

    fn checked(&mut self, what: impl ToString) {
        let what = what.to_string();
        say(&what);
        self.checks.push(what);
    }

    /// Keeps what is on the screen now for the one who has to find out.
    fn with_picture(&self, error: Error) -> Error {
        match self.sway.screenshot().and_then(|screen| screen.keep("demo-failed")) {
            Ok(path) => error.with_detail(&format!("the screen is in {}", path.display())),
            Err(_) => error,
        }
    }
}

/// What a keyboard sends for a text.
fn expected_keys(text: &str) -> Vec<(u32, State)> {
    let mut events = Vec::new();
    for (code, shift) in text.chars().filter_map(keys::writing) {
        let tap = [(code, State::Down), (code, State::Up)];
        if shift {
            events.push((keys::KEY_LEFTSHIFT, State::Down));
            events.extend(tap);
            events.push((keys::KEY_LEFTSHIFT, State::Up));
        } else {
            events.extend(tap);
        }
    }
    events
}
