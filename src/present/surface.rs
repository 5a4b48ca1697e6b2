//! A surface of our own under or above the window's, committed by a thread of its own.
//!
//! The compositor composes it with GTK's; GTK's frame clock and main loop have no part in showing a
//! frame. What GTK must do is to commit the window's surface when the picture moves:
//!
//! 1. The main thread makes the subsurface synchronised, sets its new position and stacking, and
//!    commits its new size: the compositor holds all of that back, and whatever the presenter
//!    commits meanwhile.
//! 2. GTK draws the window's next frame and commits it: the hole or the bars, the picture's place and
//!    the picture's size change in one refresh. `gdk_wayland_surface_force_next_commit` (GTK 4.18)
//!    sees to the commit where GTK has nothing to draw.
//! 3. After that frame the main thread makes the subsurface desynchronised again.
//!
//! The picture is behind the window, which leaves a transparent hole, whenever the window draws. In
//! front of it the compositor could hide the window altogether, and then tells GDK nothing of the
//! frames that it has drawn; GDK, waiting for that, would draw no more: no dialog, not even another
//! size. A window that has drawn nothing for a moment is waiting for nothing: the picture then comes
//! to the front, where the compositor may scan it out directly, and goes back with the window's next
//! frame.
//!
//! The subsurface exists while the window is mapped: GDK gives a window that was hidden and is shown
//! again another `wl_surface`. While nobody sees the window the compositor sends no frame callbacks,
//! so nothing is taken from the mailbox, which keeps the newest frame for the moment when it does.

mod buffers;
mod composed;
#[cfg_attr(not(feature = "gl"), path = "surface/composer/absent.rs")]
mod composer;
mod copier;
mod explicit;
mod foreign;
mod globals;
mod shared;
mod stage;
mod thread;
mod wait;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::gtk::glib;
use ::gtk::prelude::*;
use gdk_wayland::prelude::*;
use gdk_wayland::{WaylandDisplay, WaylandSurface};

pub use self::foreign::connect;
use self::shared::Shared;
use super::ladder::Reason;
use super::timeline::Kernel;
use super::{Facts, Options, Scene, Stacking, Status};
use crate::frame::Mailbox;
use crate::stats::Stats;

/// How long a window draws nothing before the picture comes to the front.
const QUIET: Duration = Duration::from_millis(500);

/// Globals without which there is no surface of ours.
const NEEDED: [&str; 4] = ["wl_compositor", "wl_subcompositor", "wp_viewporter", "wl_shm"];

/// The main thread's hold on the surface. Dropping it takes the picture away.
///
/// The presenter's thread is not waited for: it may be waiting for the main loop to read the
/// connection with it. It ends within moments, and holds nothing that anyone else needs.
pub struct Handle {
    anchor: Rc<Anchor>,
    handlers: Vec<(glib::Object, Option<glib::SignalHandlerId>)>,
}

/// The surface's place in the window.
struct Anchor {
    window: WaylandSurface,
    shared: Arc<Shared>,
    frames: Arc<Mailbox>,
    scene: Cell<Option<Scene>>,
    stacking: Cell<Stacking>,
    status: RefCell<Status>,
    changed: Rc<dyn Fn()>,
    drawn: Cell<Instant>,
    raising: RefCell<Option<glib::SourceId>>,
}

impl Handle {
    pub(super) fn open(
        native: &::gtk::Native,
        frames: Arc<Mailbox>,
        stats: Arc<Stats>,
        options: Options,
        changed: Rc<dyn Fn()>,
    ) -> Result<Self, Reason> {
        let surface = native.surface().ok_or(Reason::NoWayland)?;
        let window = surface.downcast::<WaylandSurface>().map_err(|_| Reason::NoWayland)?;
        let display = window.display().downcast::<WaylandDisplay>().map_err(|_| Reason::NoWayland)?;
        if let Some(missing) = NEEDED.into_iter().find(|name| !display.query_registry(name)) {
            return Err(Reason::NoGlobal(missing));
        }
        let connection = foreign::connect(&display).ok_or(Reason::NoWayland)?;
        let (notice, notices) = async_channel::bounded(1);
        let io = |error: rustix::io::Errno| Reason::Io(error.to_string());
        let shared = Arc::new(Shared::new(notice).map_err(io)?);
        let start = thread::Start {
            connection,
            shared: shared.clone(),
            frames: frames.clone(),
            stats,
            options,
            timelines: Box::new(Kernel),
        };
        std::thread::Builder::new()
            .name("oriel-present".into())
            .spawn(move || thread::run(start))
            .map_err(|error| Reason::Io(error.to_string()))?;
        let anchor = Rc::new(Anchor {
            window,
            shared,
            frames,
            scene: Cell::new(None),
            stacking: Cell::default(),
            status: RefCell::default(),
            changed,
            drawn: Cell::new(Instant::now()),
            raising: RefCell::default(),
        });
        glib::spawn_future_local(Anchor::listen(Rc::downgrade(&anchor), notices));
        let handlers = anchor.connect();
        Ok(Self { anchor, handlers })
    }

    /// Where the picture is to be from the window's next frame on; `None` takes it away.
    ///
    /// Position, size and what the window draws in the same frame appear together.
    pub fn place(&self, scene: Option<Scene>, stacking: Stacking) {
        self.anchor.scene.set(scene);
        self.anchor.stacking.set(stacking);
        self.anchor.arrange();
    }

    /// How the picture gets to the screen at the moment.
    pub fn status(&self) -> Status {
        self.anchor.shared.status()
    }

    /// What the presenter knows of the compositor and the GPU.
    pub fn facts(&self) -> Facts {
        self.anchor.shared.facts().clone()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        for (object, handler) in &mut self.handlers {
            if let Some(handler) = handler.take() {
                object.disconnect(handler);
            }
        }
        if let Some(raising) = self.anchor.raising.take() {
            raising.remove();
        }
        self.anchor.shared.stop(&self.anchor.frames);
        self.anchor.shared.stage().abandon();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("scene", &self.anchor.scene).finish_non_exhaustive()
    }
}

impl Anchor {
    fn connect(self: &Rc<Self>) -> Vec<(glib::Object, Option<glib::SignalHandlerId>)> {
        let weak = Rc::downgrade(self);
        let mapped = self.window.connect_mapped_notify(move |_| {
            if let Some(anchor) = weak.upgrade() {
                anchor.follow_window();
            }
        });
        let clock = self.window.frame_clock();
        let weak = Rc::downgrade(self);
        let drawing = clock.connect_before_paint(move |_| {
            if let Some(anchor) = weak.upgrade()
                && anchor.shared.stage().parent_draws()
            {
                anchor.window.force_next_commit();
            }
        });
        let weak = Rc::downgrade(self);
        // GDK commits in its own handler of this signal or before, and was connected first.
        let drawn = clock.connect_after_paint(move |_| {
            if let Some(anchor) = weak.upgrade() {
                anchor.shared.stage().parent_committed();
                anchor.drawn.set(Instant::now());
                anchor.raise_soon();
            }
        });
        let clock: glib::Object = clock.upcast();
        vec![
            (self.window.clone().upcast(), Some(mapped)),
            (clock.clone(), Some(drawing)),
            (clock, Some(drawn)),
        ]
    }

    /// Sees to it that the picture comes to the front once the window is quiet, if it may be there.
    ///
    /// All of it happens when GDK has nothing better to do: what it has told the compositor and not
    /// committed yet, it commits first.
    fn raise_soon(self: &Rc<Self>) {
        if self.stacking.get() == Stacking::Below || self.raising.borrow().is_some() {
            return;
        }
        let weak = Rc::downgrade(self);
        let ask = move || {
            let Some(anchor) = weak.upgrade() else { return glib::ControlFlow::Break };
            if anchor.drawn.get().elapsed() < QUIET {
                return glib::ControlFlow::Continue;
            }
            anchor.raising.take();
            if anchor.stacking.get() == Stacking::Above {
                anchor.shared.stage().ask();
                anchor.shared.wake();
            }
            glib::ControlFlow::Break
        };
        let source = glib::timeout_add_local_full(QUIET, glib::Priority::LOW, ask);
        self.raising.replace(Some(source));
    }

    /// Puts the picture in front if the window is still quiet.
    fn raise(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let raise = move || {
            if let Some(anchor) = weak.upgrade().filter(|anchor| anchor.stacking.get() == Stacking::Above) {
                anchor.shared.stage().raise();
                anchor.shared.wake();
            }
            glib::ControlFlow::Break
        };
        glib::idle_add_local_full(glib::Priority::LOW, raise);
    }

    /// Does on the main thread what the presenter asks for.
    async fn listen(anchor: Weak<Self>, notices: async_channel::Receiver<()>) {
        while notices.recv().await.is_ok() {
            let Some(anchor) = anchor.upgrade() else { return };
            anchor.arrange();
            anchor.raise();
            anchor.raise_soon();
            let status = anchor.shared.status();
            if anchor.status.replace(status.clone()) != status {
                (anchor.changed)();
            }
        }
    }

    fn follow_window(&self) {
        if self.window.is_mapped() {
            self.arrange();
        } else {
            self.shared.stage().abandon();
        }
    }

    /// Brings the surface where it is to be, with the window's next frame.
    fn arrange(&self) {
        let mut stage = self.shared.stage();
        if stage.objects.is_none() || !self.window.is_mapped() {
            return;
        }
        if !stage.has_role() {
            let Some(parent) = self.window.wl_surface() else { return };
            stage.adopt(&parent);
        }
        let placed = stage.place(self.scene.get());
        let changed = (self.stacking.get() == Stacking::Below && stage.lower()) || placed;
        drop(stage);
        if changed {
            self.window.force_next_commit();
            self.window.queue_render();
            self.shared.wake();
        }
    }
}

#[cfg(test)]
mod tests;
