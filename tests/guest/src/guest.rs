//! The guest as a whole: one loop over the display, the input devices, the kernel and the port.

use std::io;
use std::time::Duration;

use evdev::KeyCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::input::{self, Happening, Input, KeyState};
use crate::modules::Modules;
use crate::options::{Command, Options};
use crate::pace::Pace;
use crate::paint::{Facts, Motion, Paint, Painter};
use crate::power::{self, End};
use crate::report::Serial;
use crate::screen::{Screen, Wish};
use crate::size::Size;
use crate::uevent::{Uevent, Uevents};

/// Everything that the guest knows.
#[derive(Debug)]
pub(crate) struct Guest {
    options: Options,
    serial: Serial,
    uevents: Option<Uevents>,
    modules: Option<Modules>,
    screen: Screen,
    power: Power,
    /// The mode that was last reported.
    reported: Size,
    /// The same of the further heads.
    reported_heads: Vec<Size>,
    inputs: Vec<Input>,
    view: View,
    beat: Pace,
    second: Pace,
    end: Option<End>,
}

/// Whether the display is meant to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    Blanked,
}

/// What goes into a picture.
#[derive(Debug)]
struct View {
    painter: Painter,
    paint: Paint,
    /// Pictures shown since boot.
    frames: u64,
    last: String,
    /// In pixels.
    pointer: (i32, i32),
    /// Whether the pictures hold the arrow, because the screen has no cursor.
    draws_pointer: bool,
    /// Whether what is shown is no longer what was asked for.
    stale: bool,
}

impl Guest {
    /// Loads drivers, finds the devices, shows the first picture and reports that it is there.
    pub(crate) fn start(mut serial: Serial) -> Self {
        let line = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
        let (options, refused) = Options::parse(&line);
        for word in refused {
            serial.report(format_args!("ignored: {word}"));
        }
        let now = uptime();
        let mut guest = Self {
            view: View {
                painter: Painter::new(),
                paint: options.paint,
                frames: 0,
                last: "no input yet".to_owned(),
                pointer: (0, 0),
                draws_pointer: false,
                stale: false,
            },
            beat: Pace::new(options.fps, now),
            second: Pace::new(1, now),
            options,
            uevents: None,
            modules: None,
            screen: Screen::Absent,
            power: Power::On,
            reported: Size::NONE,
            reported_heads: Vec::new(),
            inputs: Vec::new(),
            end: None,
            serial,
        };
        guest.uevents = guest.tell_failure("uevents", Uevents::open());
        guest.modules = guest.tell_failure("modules", Modules::open());
        guest.load_modules(None);
        guest.find_screen();
        guest.find_inputs();
        let (size, driver) = (guest.screen.size(), guest.screen.driver());
        guest.serial.report(format_args!("ready {size} driver={driver}"));
        let now = uptime();
        guest.beat = Pace::new(guest.options.fps, now);
        guest.second = Pace::new(1, now + Duration::from_secs(1));
        guest
    }

    /// Runs until something ends the machine.
    pub(crate) fn run(&mut self) -> End {
        loop {
            self.wait();
            self.read_uevents();
            self.read_inputs();
            self.obey();
            self.screen.read_events();
            self.show();
            self.report_frames();
            self.serial.flush();
            if let Some(end) = self.end {
                return end;
            }
        }
    }

    /// Lets go of everything but the port.
    pub(crate) fn stop(self) -> Serial {
        self.serial
    }

    /// Sleeps until something can be read or a picture is due.
    fn wait(&self) {
        let now = uptime();
        let mut sleep = self.second.wait(now);
        if self.screen.is_free() && self.power == Power::On && self.moves() {
            sleep = sleep.min(self.beat.wait(now));
        }
        let mut ready = vec![PollFd::new(&self.serial, self.serial.interest())];
        ready.extend(self.uevents.iter().map(|uevents| PollFd::new(uevents, PollFlags::IN)));
        ready.extend(self.inputs.iter().map(|input| PollFd::new(input, PollFlags::IN)));
        ready.extend(self.screen.events().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let sleep = Timespec::try_from(sleep).expect("at most a second");
        // An interrupted wait is a short one.
        let _ = poll(&mut ready, Some(&sleep));
    }

    fn read_uevents(&mut self) {
        while let Some(event) = self.uevents.as_ref().and_then(Uevents::next) {
            match event {
                Uevent::NeedsDriver(alias) => self.load_modules(Some(&alias)),
                Uevent::DisplaysChanged if self.options.follow => self.update_mode(),
                Uevent::NewCard if !matches!(self.screen, Screen::Kms(_)) => self.find_screen(),
                Uevent::NewInput(node) if !self.inputs.iter().any(|input| input.is_at(&node)) => {
                    if let Some(input) = self.tell_failure(&node, Input::open(&node)) {
                        self.add_input(input);
                    }
                }
                Uevent::DisplaysChanged | Uevent::NewCard | Uevent::NewInput(_) => {}
            }
        }
    }

    fn load_modules(&mut self, alias: Option<&str>) {
        let Some(modules) = &mut self.modules else {
            return;
        };
        let failures = match alias {
            Some(alias) => modules.load_for(alias),
            None => modules.load_for_present_devices(),
        };
        for failure in failures {
            self.serial.report(format_args!("trouble: {failure}"));
        }
    }

    fn find_inputs(&mut self) {
        let (inputs, failures) = input::open_all();
        for failure in failures {
            self.serial.report(format_args!("trouble: input: {failure}"));
        }
        inputs.into_iter().for_each(|input| self.add_input(input));
    }

    fn add_input(&mut self, input: Input) {
        self.serial.report(format_args!("device {}", input.title()));
        self.inputs.push(input);
    }

    fn read_inputs(&mut self) {
        let mut happenings = Vec::new();
        let mut gone = Vec::new();
        self.inputs.retain_mut(|input| match input.read() {
            Ok(new) => {
                happenings.extend(new);
                true
            }
            Err(_) => {
                gone.push(input.title());
                false
            }
        });
        happenings.into_iter().for_each(|happening| self.take(happening));
        gone.iter().for_each(|title| self.serial.report(format_args!("gone {title}")));
    }

    fn take(&mut self, happening: Happening) {
        self.serial.report(happening);
        if !matches!(happening, Happening::Led { .. }) {
            self.view.last = happening.to_string();
        }
        match happening {
            Happening::Key { key: KeyCode::KEY_POWER, state: KeyState::Down } => {
                self.serial.report("power");
                self.end = Some(End::PowerOff);
            }
            Happening::Abs { .. } | Happening::Rel { .. } => self.move_pointer(happening),
            _ => {}
        }
    }

    fn move_pointer(&mut self, motion: Happening) {
        let size = self.screen.size();
        let (right, bottom) = (size.width.cast_signed() - 1, size.height.cast_signed() - 1);
        if right < 0 || bottom < 0 {
            return;
        }
        let (x, y) = match motion {
            Happening::Abs { at, of } => (scaled(at.0, of.0, right), scaled(at.1, of.1, bottom)),
            Happening::Rel { by } => {
                (self.view.pointer.0.saturating_add(by.0), self.view.pointer.1.saturating_add(by.1))
            }
            _ => return,
        };
        self.view.pointer = (x.clamp(0, right), y.clamp(0, bottom));
        self.place_pointer();
    }

    fn place_pointer(&mut self) {
        let at = self.options.cursor.then_some(self.view.pointer);
        let has_cursor = self.screen.point(at);
        self.view.draws_pointer = self.options.cursor && !has_cursor;
    }

    fn obey(&mut self) {
        for command in self.serial.commands() {
            match command {
                Ok(command) => self.obey_one(command),
                Err(line) => self.serial.report(format_args!("ignored: {line}")),
            }
        }
    }

    fn obey_one(&mut self, command: Command) {
        match command {
            Command::Blank => {
                self.power = Power::Blanked;
                let outcome = self.screen.blank();
                self.tell_failure("blank", outcome);
                self.report_mode();
            }
            Command::Unblank => {
                self.power = Power::On;
                self.update_mode();
            }
            Command::Mode(mode) => {
                self.options.mode = mode;
                self.update_mode();
            }
            Command::Paint(paint) => {
                self.view.paint = paint;
                self.view.stale = true;
            }
            Command::Fps(rate) => {
                self.options.fps = rate;
                self.beat = Pace::new(rate, uptime());
            }
            Command::Head { number, on } => {
                self.screen.light(number - 1, on);
                self.update_mode();
            }
            Command::Cursor(shown) => {
                self.options.cursor = shown;
                self.place_pointer();
            }
            Command::Pixel { x, y, color } => self.screen.poke(x, y, color),
            Command::Unbind => self.unbind(),
            Command::Bind => {
                let outcome = power::bind();
                self.tell_failure("bind", outcome);
            }
            Command::Crash => {
                let outcome = power::crash();
                self.tell_failure("crash", outcome);
            }
            Command::Reboot => self.end = Some(End::Reboot),
            Command::PowerOff => self.end = Some(End::PowerOff),
        }
    }

    /// The device stays, and goes on showing whatever it showed last.
    fn unbind(&mut self) {
        self.screen = Screen::Absent;
        let outcome = power::unbind();
        self.tell_failure("unbind", outcome);
        self.report_mode();
    }

    fn find_screen(&mut self) {
        self.screen = Screen::find(self.options.buffers);
        self.update_mode();
    }

    /// Sets the mode that is wished for, if that is another, and reports it.
    fn update_mode(&mut self) {
        if self.power == Power::Blanked {
            return;
        }
        let wish = self.options.mode.map_or(Wish::Preferred, Wish::Exactly);
        let driver = self.screen.driver().to_owned();
        let view = &mut self.view;
        let outcome = self.screen.set_mode(wish, &mut |head, canvas| {
            let facts = Facts { head, ..facts(view.frames, &view.last, None, &driver) };
            view.painter.draw(view.paint, canvas, &facts);
        });
        self.tell_failure("mode", outcome);
        self.report_mode();
    }

    /// Reports the mode, if it is another than was last reported.
    fn report_mode(&mut self) {
        self.report_heads();
        let size = self.screen.size();
        if std::mem::replace(&mut self.reported, size) == size {
            return;
        }
        self.serial.report(format_args!("mode {size}"));
        if size != Size::NONE {
            self.view.pointer = (size.width.cast_signed() / 2, size.height.cast_signed() / 2);
            self.place_pointer();
        }
    }

    /// Reports the further heads, as [`Self::report_mode`] does the first.
    fn report_heads(&mut self) {
        let sizes: Vec<_> = self.screen.sizes().into_iter().skip(1).collect();
        let before = std::mem::replace(&mut self.reported_heads, sizes.clone());
        for (index, size) in sizes.into_iter().enumerate() {
            if before.get(index).copied().unwrap_or(Size::NONE) != size {
                self.serial.report(format_args!("head {} {size}", index + 2));
            }
        }
    }

    fn moves(&self) -> bool {
        self.view.paint.motion(self.screen.size()) != Motion::None
    }

    /// Shows the next picture, if one is due and the last one has been taken.
    fn show(&mut self) {
        if !self.screen.is_free() || self.power == Power::Blanked {
            return;
        }
        if std::mem::take(&mut self.view.stale) {
            return self.redraw();
        }
        if !self.moves() || !self.beat.take(uptime()) {
            return;
        }
        match self.view.paint.motion(self.screen.size()) {
            Motion::Whole => self.redraw(),
            Motion::Part(area) => {
                let view = &mut self.view;
                let outcome = self.screen.touch_up(area, &mut |_, canvas| {
                    view.painter.draw_part(view.paint, canvas, &facts(view.frames, &view.last, None, ""));
                });
                self.count(outcome);
            }
            Motion::None => {}
        }
    }

    /// Shows a whole new picture.
    fn redraw(&mut self) {
        let driver = self.screen.driver().to_owned();
        let view = &mut self.view;
        let outcome = self.screen.show(&mut |head, canvas| {
            let pointer = (view.draws_pointer && head == 0).then_some(view.pointer);
            let facts = Facts { head, ..facts(view.frames, &view.last, pointer, &driver) };
            view.painter.draw(view.paint, canvas, &facts);
        });
        self.count(outcome);
    }

    fn count(&mut self, outcome: io::Result<()>) {
        if self.tell_failure("frame", outcome).is_some() {
            self.view.frames += 1;
        }
    }

    fn report_frames(&mut self) {
        let now = uptime();
        if self.second.take(now) && self.moves() && self.screen.size() != Size::NONE {
            let frames = self.view.frames;
            self.serial.report(format_args!(
                "frame {frames} at {}.{:03}",
                now.as_secs(),
                now.subsec_millis()
            ));
        }
    }

    fn tell_failure<T>(&mut self, what: &str, outcome: io::Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.serial.report(format_args!("trouble: {what}: {error}"));
                None
            }
        }
    }
}

fn facts<'a>(frame: u64, last: &'a str, pointer: Option<(i32, i32)>, driver: &'a str) -> Facts<'a> {
    Facts { time: uptime(), frame, driver, last, pointer, head: 0 }
}

/// A device's coordinate as a pixel: 0 is the first, `of` the last.
fn scaled(at: i32, of: i32, last: i32) -> i32 {
    let pixel = i64::from(at) * i64::from(last) / i64::from(of.max(1));
    i32::try_from(pixel).unwrap_or(0)
}

/// Time since the machine started.
fn uptime() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_coordinates_span_the_picture() {
        assert_eq!(scaled(0, 32767, 1279), 0);
        assert_eq!(scaled(32767, 32767, 1279), 1279);
        assert_eq!(scaled(16384, 32767, 1279), 639);
        assert_eq!(scaled(5, 0, 1279), 6395);
    }
}
