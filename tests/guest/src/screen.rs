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

/// Draws one picture.
type DrawOne<'a> = dyn FnMut(&mut Canvas<'_>) + 'a;

/// Draws the picture of the head with this number, counted from 0.
pub(crate) type Draw<'a> = dyn FnMut(usize, &mut Canvas<'_>) + 'a;

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

    /// The size of what the first head shows; [`Size::NONE`] while that is off or gone.
    pub(crate) fn size(&self) -> Size {
        self.sizes().first().copied().unwrap_or(Size::NONE)
    }

    /// The size of what each head shows.
    pub(crate) fn sizes(&self) -> Vec<Size> {
        match self {
            Self::Kms(kms) => kms.sizes(),
            Self::Fbdev(fbdev) => vec![fbdev.size()],
            Self::Absent => vec![],
        }
    }

    /// Takes up what the displays can show now; draws the first picture with `draw` before it is
    /// shown.
    pub(crate) fn set_mode(&mut self, wish: Wish, draw: &mut Draw<'_>) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.set_mode(wish, draw),
            Self::Fbdev(fbdev) => fbdev.show(&mut |canvas| draw(0, canvas)),
            Self::Absent => Ok(()),
        }
    }

    /// Lights the head with this number, counted from 0, from the next mode on; or leaves it dark.
    pub(crate) fn light(&mut self, number: usize, on: bool) {
        if let Self::Kms(kms) = self {
            kms.light(number, on);
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
    pub(crate) fn show(&mut self, draw: &mut Draw<'_>) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.flip(draw),
            Self::Fbdev(fbdev) => fbdev.show(&mut |canvas| draw(0, canvas)),
            Self::Absent => Ok(()),
        }
    }

    /// Draws on the picture that is shown, within `area` alone.
    pub(crate) fn touch_up(&mut self, area: Area, draw: &mut Draw<'_>) -> io::Result<()> {
        match self {
            Self::Kms(kms) => kms.touch_up(area, draw),
            Self::Fbdev(fbdev) => fbdev.touch_up(area, &mut |canvas| draw(0, canvas)),
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
