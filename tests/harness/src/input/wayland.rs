//! A virtual pointer and keyboard for wlroots compositors (wlr-virtual-pointer, virtual-keyboard).

use std::{
    fs::File,
    io::Write,
    os::{fd::AsFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use rustix::fs::{MemfdFlags, memfd_create};
use wayland_client::{
    Connection, Dispatch, EventQueue, QueueHandle, delegate_noop,
    globals::{GlobalListContents, registry_queue_init},
    protocol::{wl_pointer, wl_registry, wl_seat},
};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::{
    zwp_virtual_keyboard_manager_v1::ZwpVirtualKeyboardManagerV1,
    zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1,
};
use wayland_protocols_wlr::virtual_pointer::v1::client::{
    zwlr_virtual_pointer_manager_v1::ZwlrVirtualPointerManagerV1,
    zwlr_virtual_pointer_v1::ZwlrVirtualPointerV1,
};

use super::keys;
use crate::{
    desk::Sway,
    error::{Doing, Error, Result},
};

/// The compositor completes it with its own xkb data. `evdev` key codes are the kernel's plus 8.
const KEYMAP: &str = "xkb_keymap {
    xkb_keycodes { include \"evdev+aliases(qwerty)\" };
    xkb_types { include \"complete\" };
    xkb_compatibility { include \"complete\" };
    xkb_symbols { include \"pc+us+inet(evdev)\" };
};
";

/// Steps of the absolute pointer per logical pixel: fractions are needed on scaled outputs.
const STEPS: f64 = 4096.0;

/// What a mouse wheel moves one notch by, as libinput counts it.
const NOTCH: f64 = 15.0;

/// Which way a wheel turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Positive is down.
    Vertical,
    /// Positive is right.
    Horizontal,
}

/// A pointer and a keyboard on a sway; both are unplugged when this is dropped.
///
/// Every call returns after the compositor has handled it.
#[derive(Debug)]
pub struct Input {
    queue: EventQueue<State>,
    pointer: ZwlrVirtualPointerV1,
    keyboard: ZwpVirtualKeyboardV1,
    /// Size of the whole layout, in logical pixels.
    layout: (f64, f64),
    held: Vec<u32>,
    locked: u32,
    began: Instant,
}

#[derive(Debug)]
struct State;

impl Input {
    /// Plugs a pointer and a keyboard into a sway.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn connect(sway: &Sway) -> Result<Self> {
        let socket = UnixStream::connect(sway.socket()?).doing("connect to the compositor")?;
        let connection = Connection::from_socket(socket).map_err(Error::failed)?;
        let (globals, queue) = registry_queue_init::<State>(&connection).map_err(Error::failed)?;
        let handle = queue.handle();
        let seat: wl_seat::WlSeat = globals.bind(&handle, 1..=5, ()).map_err(Error::failed)?;
        let pointers: ZwlrVirtualPointerManagerV1 =
            globals.bind(&handle, 1..=2, ()).map_err(Error::failed)?;
        let keyboards: ZwpVirtualKeyboardManagerV1 =
            globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let pointer = pointers.create_virtual_pointer(Some(&seat), &handle, ());
        let keyboard = keyboards.create_virtual_keyboard(&seat, &handle, ());
        upload_keymap(&keyboard)?;
        let mut input = Self {
            queue,
            pointer,
            keyboard,
            layout: (0.0, 0.0),
            held: Vec::new(),
            locked: 0,
            began: Instant::now(),
        };
        input.layout_changed(sway)?;
        input.flush()?;
        Ok(input)
    }

    /// Has to be called after outputs or their scales have changed: positions are parts of the whole.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn layout_changed(&mut self, sway: &Sway) -> Result<()> {
        let outputs = sway.outputs()?;
        let right = outputs.iter().map(|one| one.rect.right()).max();
        let bottom = outputs.iter().map(|one| one.rect.bottom()).max();
        let (Some(right), Some(bottom)) = (right, bottom) else {
            return Err(Error::failed("there is no output"));
        };
        self.layout = (f64::from(right), f64::from(bottom));
        Ok(())
    }

    /// Moves the pointer to a place of the layout, in logical pixels.
    ///
    /// # Errors
    /// When the compositor has ended, and for places outside the layout.
    pub fn move_to(&mut self, x: f64, y: f64) -> Result<()> {
        let steps = |at: f64, size: f64| {
            if !(0.0..=size).contains(&at) {
                return Err(Error::failed(format_args!(
                    "{x},{y} is outside the layout of {:?}",
                    self.layout
                )));
            }
            // A layout of less than 2^20 pixels has less than 2^32 steps.
            // One step more, because clients get 1/256 of a pixel, rounded down.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Ok((at * STEPS).round() as u32 + 1)
        };
        let extent = |size: f64| steps(size, size).map(|most| most - 1);
        let (width, height) = (extent(self.layout.0)?, extent(self.layout.1)?);
        let (px, py) = (steps(x, self.layout.0)?.min(width), steps(y, self.layout.1)?.min(height));
        self.pointer.motion_absolute(self.now(), px, py, width, height);
        self.end_frame()
    }

    /// Moves the pointer to the last pixel of the layout, where next to nothing of it can be seen.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn park(&mut self) -> Result<()> {
        self.move_to(self.layout.0 - 1.0, self.layout.1 - 1.0)
    }

    /// Moves the pointer by this many logical pixels.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn move_by(&mut self, dx: f64, dy: f64) -> Result<()> {
        self.pointer.motion(self.now(), dx, dy);
        self.end_frame()
    }

    /// Presses or releases a button.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn button(&mut self, button: u32, pressed: bool) -> Result<()> {
        let state =
            if pressed { wl_pointer::ButtonState::Pressed } else { wl_pointer::ButtonState::Released };
        self.pointer.button(self.now(), button, state);
        self.end_frame()
    }

    /// Presses and releases a button.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn click(&mut self, button: u32) -> Result<()> {
        self.button(button, true)?;
        self.button(button, false)
    }

    /// Turns a wheel by whole notches.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn wheel(&mut self, axis: Axis, notches: i32) -> Result<()> {
        self.pointer.axis_source(wl_pointer::AxisSource::Wheel);
        self.pointer.axis_discrete(self.now(), axis.into(), NOTCH * f64::from(notches), notches);
        self.end_frame()
    }

    /// Scrolls as two fingers do, by logical pixels.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn scroll(&mut self, axis: Axis, pixels: f64) -> Result<()> {
        self.pointer.axis_source(wl_pointer::AxisSource::Finger);
        self.pointer.axis(self.now(), axis.into(), pixels);
        self.end_frame()
    }

    /// Presses or releases a key, with its modifiers.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn key(&mut self, code: u32, pressed: bool) -> Result<()> {
        self.keyboard.key(self.now(), code, u32::from(pressed));
        self.held.retain(|&held| held != code);
        if pressed {
            self.held.push(code);
            self.locked ^= keys::locked_modifier(code);
        }
        // wlroots leaves modifiers to the client: they are the client's own part of the state.
        let depressed = self.held.iter().map(|&held| keys::held_modifier(held)).fold(0, |all, one| all | one);
        self.keyboard.modifiers(depressed, 0, self.locked, 0);
        self.flush()
    }

    /// Presses and releases a key.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn tap(&mut self, code: u32) -> Result<()> {
        self.key(code, true)?;
        self.key(code, false)
    }

    /// Presses keys one after the other and releases them in the opposite order.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn chord(&mut self, codes: &[u32]) -> Result<()> {
        for &code in codes {
            self.key(code, true)?;
        }
        for &code in codes.iter().rev() {
            self.key(code, false)?;
        }
        Ok(())
    }

    /// Holds these modifiers as sticky keys do, without any key: a mask of xkb's real ones.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn latch(&mut self, mask: u32) -> Result<()> {
        self.keyboard.modifiers(0, mask, self.locked, 0);
        self.flush()
    }

    /// Types a text as on an American keyboard.
    ///
    /// # Errors
    /// When the compositor has ended, and for characters that no key writes.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        for character in text.chars() {
            let found = keys::writing(character);
            match found.ok_or_else(|| Error::failed(format_args!("no key writes {character:?}")))? {
                (code, true) => self.chord(&[keys::KEY_LEFTSHIFT, code])?,
                (code, false) => self.tap(code)?,
            }
        }
        Ok(())
    }

    fn end_frame(&mut self) -> Result<()> {
        self.pointer.frame();
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.queue.roundtrip(&mut State).map(drop).map_err(Error::failed)
    }

    /// Milliseconds, from a beginning that does not matter.
    fn now(&self) -> u32 {
        let since: Duration = self.began.elapsed();
        u32::try_from(since.as_millis()).unwrap_or(u32::MAX)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        for code in std::mem::take(&mut self.held) {
            self.keyboard.key(self.now(), code, 0);
        }
        self.keyboard.destroy();
        self.pointer.destroy();
        // The compositor may have ended before.
        let _ = self.flush();
    }
}

impl From<Axis> for wl_pointer::Axis {
    fn from(axis: Axis) -> Self {
        match axis {
            Axis::Vertical => Self::VerticalScroll,
            Axis::Horizontal => Self::HorizontalScroll,
        }
    }
}

fn upload_keymap(keyboard: &ZwpVirtualKeyboardV1) -> Result<()> {
    /// `wl_keyboard.keymap_format.xkb_v1`.
    const XKB_V1: u32 = 1;
    let mut text = KEYMAP.as_bytes().to_vec();
    text.push(0);
    let mut file =
        File::from(memfd_create("keymap", MemfdFlags::CLOEXEC).doing("make a file for the keymap")?);
    file.write_all(&text).doing("write the keymap")?;
    let size = u32::try_from(text.len()).map_err(Error::failed)?;
    keyboard.keymap(XKB_V1, file.as_fd(), size);
    Ok(())
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for State {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

delegate_noop!(State: ignore wl_seat::WlSeat);
delegate_noop!(State: ZwlrVirtualPointerManagerV1);
delegate_noop!(State: ZwlrVirtualPointerV1);
delegate_noop!(State: ZwpVirtualKeyboardManagerV1);
delegate_noop!(State: ZwpVirtualKeyboardV1);
