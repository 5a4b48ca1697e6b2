//! Input on an X server through its XTEST extension, by way of xdotool(1).

use std::time::Duration;

use super::{Axis, keys};
use crate::{
    desk::{Desk, Session},
    error::{Error, Result},
};

const LIMIT: Duration = Duration::from_secs(10);

/// X key codes are the kernel's plus 8, as with every evdev keyboard.
const OFFSET: u32 = 8;

/// The pointer and the keyboard of an X server.
#[derive(Debug)]
pub struct XInput<'a> {
    session: &'a Session,
}

impl<'a> XInput<'a> {
    /// Input on this desktop's X server; for a nested mutter that is its screen.
    pub fn new(desk: &'a impl Desk) -> Self {
        Self { session: desk.session() }
    }

    /// Moves the pointer to a pixel of the screen.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn move_to(&self, x: i32, y: i32) -> Result<()> {
        self.run(&["mousemove", "--sync", &x.to_string(), &y.to_string()])
    }

    /// Moves the pointer by pixels.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn move_by(&self, dx: i32, dy: i32) -> Result<()> {
        self.run(&["mousemove_relative", "--", &dx.to_string(), &dy.to_string()])
    }

    /// Presses or releases a button, given by its evdev code.
    ///
    /// # Errors
    /// When the server has ended or X has no such button.
    pub fn button(&self, button: u32, pressed: bool) -> Result<()> {
        let number = x_button(button)?;
        self.run(&[if pressed { "mousedown" } else { "mouseup" }, number])
    }

    /// Presses and releases a button, given by its evdev code.
    ///
    /// # Errors
    /// When the server has ended or X has no such button.
    pub fn click(&self, button: u32) -> Result<()> {
        self.run(&["click", x_button(button)?])
    }

    /// Turns a wheel by whole notches, positive ones downwards and to the right.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn wheel(&self, axis: Axis, notches: i32) -> Result<()> {
        let button = match (axis, notches < 0) {
            (Axis::Vertical, true) => "4",
            (Axis::Vertical, false) => "5",
            (Axis::Horizontal, true) => "6",
            (Axis::Horizontal, false) => "7",
        };
        (0..notches.unsigned_abs()).try_for_each(|_| self.run(&["click", button]))
    }

    /// Presses or releases a key, given by its evdev code.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn key(&self, code: u32, pressed: bool) -> Result<()> {
        self.run(&[if pressed { "keydown" } else { "keyup" }, &(code + OFFSET).to_string()])
    }

    /// Presses and releases a key, given by its evdev code.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn tap(&self, code: u32) -> Result<()> {
        self.key(code, true)?;
        self.key(code, false)
    }

    /// Gives the keyboard to a window; without a window manager nobody else would.
    ///
    /// # Errors
    /// When no window has this title.
    pub fn focus(&self, title: &str) -> Result<()> {
        self.run(&["search", "--onlyvisible", "--name", &format!("^{title}$"), "windowfocus", "--sync"])
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.session.command("xdotool");
        command.args(arguments);
        self.session.scope().run("xdotool", command, LIMIT).map(drop)
    }
}

fn x_button(code: u32) -> Result<&'static str> {
    match code {
        keys::BTN_LEFT => Ok("1"),
        keys::BTN_MIDDLE => Ok("2"),
        keys::BTN_RIGHT => Ok("3"),
        keys::BTN_SIDE => Ok("8"),
        keys::BTN_EXTRA => Ok("9"),
        _ => Err(Error::failed(format_args!("X has no button for code {code}"))),
    }
}
