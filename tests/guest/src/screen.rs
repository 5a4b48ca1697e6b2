//! The guest's screen: a DRM card, a frame buffer left by the firmware, or none.

use std::io;

use rustix::fd::BorrowedFd;

use self::fbdev::Fbdev;
use self::kms::Kms;
use crate::paint::{Area, Canvas};
use crate::size::Size;

mod fbdev;
mod kms;
mod mode;

/// How the mode of a card is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// What the display prefers.
    Preferred,
    /// This, whether the display lists it or not.
    Exactly(Size),
}

/// What there is to draw on.
#[derive(Debug)]
pub(crate) enum Screen {
    Kms(Kms),
    Fbdev(Fbdev),
    Absent,
}

impl Screen {
    /// Finds the best there is: a card with a display, any card, the firmware's frame buffer. On a
    /// card up to `buffers` pictures take turns.
    pub(crate) fn find(buffers: usize) -> Self {
        if let Some(kms) = Kms::find(buffers) {
            return Self::Kms(kms);
        }
        Fbdev::find().map_or(Self::Absent, Self::Fbdev)
    }

    /// The kernel's name for what drives the screen.
    pub(crate) fn driver(&self) -> &str {
        match self {
            Self::Kms(kms) => kms.driver(),
            Self::Fbdev(fbdev) => fbdev.driver(),
            Self::Absent => "none",
        }
    }

    /// The size of what is shown; [`Size::NONE`] while the display is off or gone.
    pub(crate) fn size(&self) -> Size {
        match self {
            Self::Kms(kms) => kms.size(),
            Self::Fbdev(fbdev) => fbdev.size(),
            Self::Absent => Size::NONE,
        }
    }

    /// Takes up what the displays can show now; draws the first picture with `draw` before it is
    /// shown.
    pub(crate) fn set_mode(&mut self, wish: Wish, draw: &mut dyn FnMut(&mut Canvas<'_>)) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.set_mode(wish, draw),
            Self::Fbdev(fbdev) => fbdev.show(draw),
            Self::Absent => Ok(()),
        }
    }

    /// Switches the display off.
    pub(crate) fn blank(&mut self) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.blank(),
            Self::Fbdev(fbdev) => fbdev.show(&mut |canvas| {
                for y in 0..canvas.size().height {
                    canvas.row(y).fill(0);
                }
            }),
            Self::Absent => Ok(()),
        }
    }

    /// Whether a frame may be drawn: the last one has been taken.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Kms(kms) => kms.is_free(),
            Self::Fbdev(_) => true,
            Self::Absent => false,
        }
    }

    /// Draws a whole frame aside and shows it.
    pub(crate) fn show(&mut self, draw: &mut dyn FnMut(&mut Canvas<'_>)) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.flip(draw),
            Self::Fbdev(fbdev) => fbdev.show(draw),
            Self::Absent => Ok(()),
        }
    }

    /// Draws on the picture that is shown, within `area` alone.
    pub(crate) fn touch_up(&mut self, area: Area, draw: &mut dyn FnMut(&mut Canvas<'_>)) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.touch_up(area, draw),
            Self::Fbdev(fbdev) => fbdev.touch_up(area, draw),
            Self::Absent => Ok(()),
        }
    }

    /// Writes one pixel into the picture that is shown, and does nothing else.
    pub(crate) fn poke(&mut self, x: u32, y: u32, color: u32) {
        if let Self::Kms(kms) = self {
            kms.poke(x, y, color);
        }
    }

    /// Shows the pointer at a place, or none; says whether the screen has a cursor of its own.
    pub(crate) fn point(&mut self, at: Option<(i32, i32)>) -> bool {
        match self {
            Self::Kms(kms) => kms.point(at),
            Self::Fbdev(_) | Self::Absent => false,
        }
    }

    /// What becomes readable when a flip is done.
    pub(crate) fn events(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Kms(kms) => Some(kms.events()),
            Self::Fbdev(_) | Self::Absent => None,
        }
    }

    /// Takes note of flips that are done.
    pub(crate) fn read_events(&mut self) {
        if let Self::Kms(kms) = self {
            kms.read_events();
        }
    }
}
