//! One console's picture in one window, whichever way it takes.

use std::rc::Rc;
use std::sync::Arc;

use ::gtk::prelude::*;

use super::ladder::{Presenting, Reason, Refusals, Wanted};
use super::{Facts, Options, Status, gtk, surface};
use crate::frame::Mailbox;
use crate::stats::Stats;

/// One console's picture in one window.
///
/// A mailbox has one output at a time: close the old one before opening the next.
#[derive(Debug)]
pub enum Output {
    /// On a surface of our own; the widget leaves a hole or is covered.
    Surface(surface::Handle),
    /// Drawn in the widget's `snapshot`.
    Drawn(gtk::Painter),
}

impl Output {
    /// Shows `frames` in the window `native`, which must be realized: on a surface of our own where
    /// the compositor has what that takes, and drawn by GTK elsewhere, or when asked.
    ///
    /// `changed` is called on the main thread when the picture is to be drawn again
    /// ([`Output::Drawn`]) and when [`Self::status`] is another. On [`Status::Refused`] with
    /// [`Wanted::Auto`], see whether GTK takes the picture: [`Self::check_drawn`].
    pub fn open(
        native: &impl IsA<::gtk::Native>,
        frames: Arc<Mailbox>,
        stats: Arc<Stats>,
        options: Options,
        changed: impl Fn() + 'static,
    ) -> Self {
        let changed: Rc<dyn Fn()> = Rc::new(changed);
        let reason = if options.rung == Wanted::Gtk {
            Reason::Asked
        } else {
            let (frames, stats) = (frames.clone(), stats.clone());
            match surface::Handle::open(native.upcast_ref(), frames, stats, options, changed.clone()) {
                Ok(handle) => return Self::Surface(handle),
                Err(reason) => reason,
            }
        };
        tracing::info!(%reason, "GTK draws the picture");
        let how = (Refusals::of_surface(&reason), options.presenting);
        Self::Drawn(gtk::Painter::new(native.upcast_ref(), frames, stats, how, changed))
    }

    /// Whether GTK can draw the picture that `frames` has now.
    ///
    /// # Errors
    ///
    /// Why not: then the last picture may as well stay where it is.
    pub fn check_drawn(native: &impl IsA<::gtk::Native>, frames: &Mailbox) -> Result<(), Reason> {
        let scanout = frames.current();
        scanout.map_or(Ok(()), |scanout| gtk::Painter::check(native.upcast_ref(), &scanout))
    }

    /// Has GTK draw what no surface of ours could show; `refused` says why. The output that refused it
    /// is closed before.
    pub fn open_drawn(
        native: &impl IsA<::gtk::Native>,
        frames: Arc<Mailbox>,
        stats: Arc<Stats>,
        (refused, presenting): (Refusals, Presenting),
        changed: impl Fn() + 'static,
    ) -> Self {
        tracing::info!("GTK draws the picture: {refused}");
        let how = (refused, presenting);
        Self::Drawn(gtk::Painter::new(native.upcast_ref(), frames, stats, how, Rc::new(changed)))
    }

    /// How the picture gets to the screen at the moment.
    pub fn status(&self) -> Status {
        match self {
            Self::Surface(handle) => handle.status(),
            Self::Drawn(painter) => painter.status(),
        }
    }

    /// What is known of the compositor and the GPU.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Surface(handle) => handle.facts(),
            Self::Drawn(_) => Facts::default(),
        }
    }

    /// Stops presenting: the picture goes, everything that waits is answered.
    pub fn close(self) {
        drop(self);
    }
}
