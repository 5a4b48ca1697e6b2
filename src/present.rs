//! The picture on the screen: on a Wayland surface of our own, or drawn by GTK where there is none.
//!
//! ```text
//!  Mailbox ──▶ surface::thread ──┬─ direct: the guest's own buffer as a wl_buffer
//!                 ▲              ├─ compose: drawn by us, with the GPU
//!         where it stands        ├─ bridge: copied by the GPU that has it, for the one that shows it
//!                 │              └─ copy: what changed, into shared memory of ours
//!                 │
//!  view ──────▶ Output ────▶ gtk::Painter: a texture, drawn by the widget
//! ```
//!
//! What can be decided without a display is decided in pure modules: [`ladder`] (which way, and why
//! not a better one), [`viewport`] (which part goes where), [`slots`] (what a copy has to copy),
//! [`scene`] and [`filter`] (which pixels it makes), [`view`] and [`expand`] (where they come from),
//! [`choices`] (for which buffers that is known), [`cache`] (which buffers stay known), [`table`]
//! (which formats the compositor takes).

pub mod cache;
pub mod choices;
pub mod expand;
pub mod facts;
pub mod fence;
pub mod file;
pub mod filter;
#[cfg(feature = "gl")]
pub mod gpu;
#[cfg(feature = "gui")]
pub mod gtk;
pub mod ladder;
pub mod mapping;
pub mod motion;
#[cfg(feature = "gui")]
mod output;
pub mod owner;
pub mod readback;
pub mod rows;
pub mod scene;
pub mod slots;
#[cfg(feature = "gui")]
pub mod surface;
pub mod table;
#[cfg(feature = "gui")]
pub mod timeline;
pub mod view;
pub mod viewport;

pub use facts::Facts;
pub use filter::{Filter, Kernel};
pub use ladder::{Presenting, Refusals, Rung, Wanted};
#[cfg(feature = "gui")]
pub use output::Output;
pub use scene::{Colour, Fidelity, Paint, Scene};

use crate::frame::Scanout;
use crate::geometry::{Guest, Size};
use crate::pixel::{Fourcc, Modifier};
use crate::stats::Path;
use table::Fit;

/// What the person asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The way that the picture is to take.
    pub rung: Wanted,
    /// Whether it is copied at the moment of each update.
    pub presenting: Presenting,
}

/// Where the picture may be in the stack of the window's own drawing.
///
/// In both cases the window leaves a transparent hole for it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Stacking {
    /// In front of the window while that has nothing to draw: the compositor may scan it out directly.
    #[default]
    Above,
    /// Behind the window: dialogs and overlays are seen.
    Below,
}

/// How the picture gets to the screen at the moment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Status {
    /// No picture has been shown yet.
    #[default]
    Idle,
    /// It is shown this way; `refused` says why not a better one.
    Showing { rung: Rung, refused: Refusals, fidelity: Fidelity },
    /// It cannot be shown this way: let GTK draw it ([`Wanted::Gtk`]), unless the person asked for
    /// this way alone.
    Refused { refused: Refusals },
    /// The compositor is gone.
    Gone { reason: String },
}

impl Status {
    /// What the ladder has chosen, and what that makes of the pixels.
    pub fn of(choice: &ladder::Choice, fidelity: Fidelity) -> Self {
        match choice {
            ladder::Choice::Take { rung, refused } => {
                Self::Showing { rung: *rung, refused: refused.clone(), fidelity }
            }
            ladder::Choice::Refuse(refused) => Self::Refused { refused: refused.clone() },
        }
    }
}

/// What reports tell of a picture, and what decides about its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    size: Size<Guest>,
    fourcc: Option<Fourcc>,
    modifier: Option<Modifier>,
}

#[cfg_attr(not(feature = "gui"), expect(dead_code, reason = "only a display has a path"))]
impl Kind {
    /// Of this picture.
    pub fn of(scanout: &Scanout) -> Self {
        let (fourcc, modifier) = match scanout {
            Scanout::Blank => (None, None),
            Scanout::Pixels(pixels) => (Some(pixels.format().fourcc()), None),
            Scanout::Mapped(mapped) => (Some(mapped.format().fourcc()), None),
            Scanout::Dmabuf(dmabuf) => (Some(dmabuf.fourcc()), Some(dmabuf.modifier())),
        };
        Self { size: scanout.size(), fourcc, modifier }
    }

    fn path(self, status: &Status, presenting: Presenting, fit: Option<Fit>) -> Path {
        let none = Refusals::default();
        let (rung, refused, sampling) = match status {
            Status::Showing { rung, refused, fidelity } => (rung.name(), refused, fidelity.name()),
            Status::Refused { refused } => ("none", refused, None),
            Status::Idle | Status::Gone { .. } => ("none", &none, None),
        };
        let reason = match status {
            Status::Gone { reason } => Some(reason.clone()),
            _ => refused.first().map(ToString::to_string),
        };
        let told = |(rung, reason): &(Rung, ladder::Reason)| (rung.name(), reason.to_string());
        Path {
            rung,
            presenting: presenting.name(),
            reason,
            refused: refused.iter().map(told).collect(),
            fit: fit.map(Fit::name),
            sampling,
            format: self.fourcc.map(|fourcc| fourcc.to_string()),
            modifier: self.modifier.map(|modifier| modifier.to_string()),
            size: Some((self.size.width, self.size.height)),
        }
    }
}
