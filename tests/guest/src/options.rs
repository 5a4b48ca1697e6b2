//! What the kernel command line and the serial port ask of the guest.

use crate::paint::Paint;
use crate::size::Size;

/// The `oriel.*` parameters of the kernel command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// `oriel.paint=`: what is drawn.
    pub(crate) paint: Paint,
    /// `oriel.fps=`: new pictures a second, 1 to 240.
    pub(crate) fps: u32,
    /// `oriel.buffers=`: how many pictures take turns, 1 to 16.
    pub(crate) buffers: usize,
    /// `oriel.mode=`: the mode, in place of the one that the display prefers.
    pub(crate) mode: Option<Size>,
    /// `oriel.follow=`: whether a hot-plugged mode is taken.
    pub(crate) follow: bool,
    /// `oriel.cursor=`: whether there is a pointer on the screen.
    pub(crate) cursor: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { paint: Paint::Scene, fps: 30, buffers: 2, mode: None, follow: true, cursor: true }
    }
}

impl Options {
    /// Reads a kernel command line; returns the words that were meant for us but say nothing.
    pub(crate) fn parse(line: &str) -> (Self, Vec<String>) {
        let mut options = Self::default();
        let mut refused = Vec::new();
        for word in line.split_ascii_whitespace() {
            let Some(setting) = word.strip_prefix("oriel.") else {
                continue;
            };
            if options.set(setting).is_none() {
                refused.push(word.to_owned());
            }
        }
        (options, refused)
    }

    fn set(&mut self, setting: &str) -> Option<()> {
        let (name, value) = setting.split_once('=')?;
        match name {
            "paint" => self.paint = value.parse().ok()?,
            "fps" => self.fps = fps(value)?,
            "buffers" => self.buffers = value.parse().ok().filter(|count| (1..=16).contains(count))?,
            "mode" => self.mode = Some(value.parse().ok()?),
            "follow" => self.follow = switch(value)?,
            "cursor" => self.cursor = switch(value)?,
            _ => return None,
        }
        Some(())
    }
}

/// A line that arrived on the serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Switches the display off.
    Blank,
    Unblank,
    /// Sets a mode; `None` returns to the one that the display prefers.
    Mode(Option<Size>),
    Paint(Paint),
    Fps(u32),
    /// Lights one of several displays, counted from 1, or leaves it dark.
    Head {
        number: usize,
        on: bool,
    },
    Cursor(bool),
    /// Writes one pixel into the picture that is shown, at once, and tells nobody.
    Pixel {
        x: u32,
        y: u32,
        color: u32,
    },
    /// Takes the display's driver away.
    Unbind,
    /// Gives it back.
    Bind,
    /// Lets the kernel panic and stay so.
    Crash,
    Reboot,
    PowerOff,
}

impl Command {
    /// Reads one line without its end; `None` if it is no command.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(match words[..] {
            ["blank"] => Self::Blank,
            ["unblank"] => Self::Unblank,
            ["mode", "auto"] => Self::Mode(None),
            ["mode", size] => Self::Mode(Some(size.parse().ok()?)),
            ["paint", paint] => Self::Paint(paint.parse().ok()?),
            ["fps", rate] => Self::Fps(fps(rate)?),
            ["head", number, on] => {
                Self::Head { number: number.parse().ok().filter(|number| *number > 0)?, on: switch(on)? }
            }
            ["cursor", "show"] => Self::Cursor(true),
            ["cursor", "hide"] => Self::Cursor(false),
            ["pixel", x, y, color] => Self::Pixel {
                x: x.parse().ok()?,
                y: y.parse().ok()?,
                color: u32::from_str_radix(color, 16).ok()?,
            },
            ["unbind"] => Self::Unbind,
            ["bind"] => Self::Bind,
            ["crash"] => Self::Crash,
            ["reboot"] => Self::Reboot,
            ["poweroff"] => Self::PowerOff,
            _ => return None,
        })
    }
}

fn fps(text: &str) -> Option<u32> {
    text.parse().ok().filter(|rate| (1..=240).contains(rate))
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "yes" | "on" | "1" => Some(true),
        "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_asks_for_the_scene_at_thirty() {
        let (options, refused) = Options::parse("console=ttyS0 quiet\n");
        assert_eq!(options, Options::default());
        assert!(refused.is_empty());
    }

    #[test]
    fn every_parameter_is_read() {
        let line = "quiet oriel.paint=flip oriel.fps=60 oriel.buffers=16 oriel.mode=1920x1080 oriel.follow=no oriel.cursor=no";
        let (options, refused) = Options::parse(line);
        let expected = Options {
            paint: Paint::Flip,
            fps: 60,
            buffers: 16,
            mode: Some(Size::new(1920, 1080)),
            follow: false,
            cursor: false,
        };
        assert_eq!(options, expected);
        assert!(refused.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named_and_changes_nothing() {
        let (options, refused) = Options::parse("oriel.fps=0 oriel.paint=oils oriel.wings=2 oriel.mode");
        assert_eq!(options, Options::default());
        assert_eq!(refused, ["oriel.fps=0", "oriel.paint=oils", "oriel.wings=2", "oriel.mode"]);
    }

    #[test]
    fn commands_are_read() {
        let read = [
            ("blank", Command::Blank),
            (" unblank \r", Command::Unblank),
            ("mode 800x600", Command::Mode(Some(Size::new(800, 600)))),
            ("mode auto", Command::Mode(None)),
            ("paint unique", Command::Paint(Paint::Unique)),
            ("fps 5", Command::Fps(5)),
            ("cursor hide", Command::Cursor(false)),
            ("head 2 off", Command::Head { number: 2, on: false }),
            ("pixel 3 4 ff8000", Command::Pixel { x: 3, y: 4, color: 0x00ff_8000 }),
            ("unbind", Command::Unbind),
            ("bind", Command::Bind),
            ("crash", Command::Crash),
            ("reboot", Command::Reboot),
            ("poweroff", Command::PowerOff),
        ];
        for (line, command) in read {
            assert_eq!(Command::parse(line), Some(command), "{line:?}");
        }
        for line in
            ["", "mode", "mode 800", "paint", "fps 241", "cursor", "head 0 on", "blank now", "pixel 1 2"]
        {
            assert_eq!(Command::parse(line), None, "{line:?}");
        }
    }
}
