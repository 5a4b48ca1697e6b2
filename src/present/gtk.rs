//! The picture as a texture that GTK draws: on X11, on Broadway, and wherever there is no surface.
//!
//! A new texture a frame, at GTK's pace: the next frame is taken when the last one has been painted.
//! A window that paints nothing, because nobody sees it, takes nothing.

mod dmabuf;
#[cfg_attr(not(feature = "gl"), path = "gtk/own/absent.rs")]
mod own;
mod texture;

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use ::gtk::prelude::*;
use ::gtk::{gdk, glib, graphene};

use self::own::Own;
use self::texture::{Drawing, Importer, Made};
use super::ladder::{Choice, Presenting, Reason, Refusals, Rung};
use super::{Kind, Status};
use crate::clock::{self, Time};
use crate::frame::{Audience, Damage, Mailbox, Pacing, Pending, Scanout, Serial};
use crate::geometry::{Logical, Placement, Rect, Size};
use crate::stats::Stats;

/// How long GTK takes to paint a window that somebody sees: three frames of a slow screen.
const PATIENCE: Duration = Duration::from_millis(50);

/// The newest frame as a texture. Dropping it answers everything.
pub struct Painter {
    inner: Rc<Inner>,
    clock: gdk::FrameClock,
    painted: Option<glib::SignalHandlerId>,
}

struct Inner {
    window: gdk::Surface,
    frames: Arc<Mailbox>,
    stats: Arc<Stats>,
    /// Why there is no surface of ours.
    refused: Refusals,
    changed: Rc<dyn Fn()>,
    state: RefCell<State>,
    /// Runs while a frame waits to be painted.
    watch: RefCell<Option<glib::SourceId>>,
}

#[derive(Debug, Default)]
struct State {
    pacing: Pacing,
    drawing: Option<Drawing>,
    own: Own,
    step: Step,
    status: Status,
    announced: Option<Kind>,
}

/// How far the newest texture has come.
#[derive(Debug, Default, Clone, Copy)]
enum Step {
    /// There is nothing new.
    #[default]
    Done,
    /// It waits for the widget to be drawn.
    Waiting(Serial, Time),
    /// It is part of the frame that GTK paints now.
    Drawn(Serial, Time),
}

impl Painter {
    pub(super) fn new(
        native: &::gtk::Native,
        frames: Arc<Mailbox>,
        stats: Arc<Stats>,
        refused: Refusals,
        changed: Rc<dyn Fn()>,
    ) -> Self {
        let window = native.surface().expect("a realized native has a surface");
        let clock = window.frame_clock();
        let state = RefCell::default();
        let inner =
            Rc::new(Inner { window, frames, stats, refused, changed, state, watch: RefCell::default() });
        let (notice, notices) = async_channel::bounded(1);
        inner.frames.present(clock::now(), move || _ = notice.try_send(()));
        glib::spawn_future_local(Inner::listen(Rc::downgrade(&inner), notices));
        let weak = Rc::downgrade(&inner);
        let painted = clock.connect_after_paint(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.painted();
            }
        });
        Self { inner, clock, painted: Some(painted) }
    }

    /// Whether GTK can draw this picture.
    pub(super) fn check(native: &::gtk::Native, scanout: &Scanout) -> Result<(), Reason> {
        let display = native.display();
        let by = (Importer::of(Some(native)), &mut Own::default());
        texture::make(scanout, &Damage::whole(scanout.size()), None, &display, by).map(drop)
    }

    /// How the picture gets to the screen at the moment.
    pub fn status(&self) -> Status {
        self.inner.state.borrow().status.clone()
    }

    /// Draws the picture where it belongs. `origin` is the widget's corner, counted from the
    /// surface's as in [`Placement`]: `compute_point` plus `surface_transform`.
    ///
    /// Edges stand on whole device pixels, also at fractional scales, and a picture that is 1:1 but
    /// for the rounding of units is drawn exactly 1:1.
    pub fn snapshot(&self, snapshot: &::gtk::Snapshot, placement: &Placement, origin: (f64, f64)) {
        let mut state = self.inner.state.borrow_mut();
        if let Step::Waiting(serial, received) = state.step {
            state.step = Step::Drawn(serial, received);
        }
        let Some(drawing) = &state.drawing else { return };
        let scale = self.inner.window.scale();
        let picture = exact(placement, scale);
        let at = |rect: [f64; 4]| {
            let [x, y, width, height] = rect;
            float_rect(x - origin.0, y - origin.1, width, height)
        };
        snapshot.save();
        snapshot.push_clip(&at(visible(placement, &picture)));
        draw(snapshot, drawing, &at(picture));
        snapshot.pop();
        snapshot.restore();
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        if let Some(handler) = self.painted.take() {
            self.clock.disconnect(handler);
        }
        if let Some(watch) = self.inner.watch.take() {
            watch.remove();
        }
        self.inner.frames.stop_presenting();
    }
}

impl fmt::Debug for Painter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Painter").field("state", &self.inner.state).finish_non_exhaustive()
    }
}

impl Inner {
    async fn listen(inner: Weak<Self>, notices: async_channel::Receiver<()>) {
        while notices.recv().await.is_ok() {
            let Some(inner) = inner.upgrade() else { return };
            inner.take();
            inner.watch();
        }
    }

    /// Sees to it that nobody waits for a window that is not painted because nobody sees it.
    fn watch(self: &Rc<Self>) {
        if self.watch.borrow().is_some() || self.state.borrow().pacing.is_idle() {
            return;
        }
        let weak = Rc::downgrade(self);
        let look = move || {
            let Some(inner) = weak.upgrade() else { return glib::ControlFlow::Break };
            let unseen = inner.state.borrow_mut().pacing.expire(clock::now(), PATIENCE);
            if unseen {
                inner.frames.set_audience(Audience::Away);
            }
            if unseen || inner.state.borrow().pacing.is_idle() {
                inner.watch.take();
                return glib::ControlFlow::Break;
            }
            glib::ControlFlow::Continue
        };
        self.watch.replace(Some(glib::timeout_add_local(PATIENCE, look)));
    }

    /// Makes the newest frame a texture, if the last one has been painted.
    fn take(&self) {
        if !self.state.borrow().pacing.is_idle() {
            return;
        }
        let Some(pending) = self.frames.take() else { return };
        self.stats.overtaken(pending.events.saturating_sub(1));
        self.state.borrow_mut().prepare(pending, self);
        (self.changed)();
    }

    /// GTK has painted a frame: if ours was in it, it is seen.
    fn painted(self: &Rc<Self>) {
        let Step::Drawn(serial, received) = self.state.borrow().step else { return };
        let now = clock::now();
        self.stats.committed(received, now);
        self.frames.set_audience(Audience::Watching);
        self.frames.cadence().seen(now, refresh(&self.window.frame_clock()));
        let mut state = self.state.borrow_mut();
        state.step = Step::Done;
        state.pacing.seen(serial);
        drop(state);
        self.take();
        self.watch();
    }
}

/// How long the screen takes for one of its pictures, as GTK has heard; zero where it has not.
fn refresh(clock: &gdk::FrameClock) -> Duration {
    let (interval, _) = clock.refresh_info(clock.frame_time());
    Duration::from_micros(u64::try_from(interval).unwrap_or(0))
}

impl State {
    fn prepare(&mut self, pending: Pending, inner: &Inner) {
        let display = inner.window.display();
        let native = ::gtk::Native::for_surface(&inner.window);
        let by = (Importer::of(native.as_ref()), &mut self.own);
        let made = texture::make(&pending.scanout, &pending.damage, self.drawing.as_ref(), &display, by);
        let choice = match made {
            Ok(drawing) => {
                match drawing.made {
                    Made::Imported => inner.stats.imported(),
                    Made::Copied(bytes) => inner.stats.copied(bytes),
                }
                self.drawing = Some(drawing);
                self.step = Step::Waiting(self.pacing.commit(pending.ack, clock::now()), pending.received);
                Choice::Take { rung: Rung::Gtk, refused: inner.refused.clone() }
            }
            Err(reason) => Choice::Refuse(inner.refused.clone().and(Rung::Gtk, reason)),
        };
        let kind = Kind::of(&pending.scanout);
        let status = Status::of(&choice);
        if self.announced != Some(kind) || self.status != status {
            inner.stats.path(kind.path(&status, Presenting::Live, None));
            self.announced = Some(kind);
            self.status = status;
        }
    }
}

/// The whole picture's place in units, such that its edges are whole device pixels.
fn exact(placement: &Placement, scale: f64) -> [f64; 4] {
    let Rect { origin, .. } = placement.picture();
    let (device, guest) = (placement.device_size(), placement.guest());
    let nearly = device.width.abs_diff(guest.width) <= 1 && device.height.abs_diff(guest.height) <= 1;
    let size = if nearly { guest.cast() } else { device };
    let edge = |units: i32| (f64::from(units) * scale).round() / scale;
    [edge(origin.x), edge(origin.y), f64::from(size.width) / scale, f64::from(size.height) / scale]
}

/// What of the picture is seen, in units: all of it, or what the area leaves.
fn visible(placement: &Placement, picture: &[f64; 4]) -> [f64; 4] {
    let seen = placement.visible();
    if seen == placement.picture() {
        return *picture;
    }
    let Size::<Logical> { width, height, .. } = seen.size;
    [f64::from(seen.origin.x), f64::from(seen.origin.y), f64::from(width), f64::from(height)]
}

/// Draws a texture such that its picture fills `place`.
fn draw(snapshot: &::gtk::Snapshot, drawing: &Drawing, place: &graphene::Rect) {
    let shape = &drawing.shape;
    #[expect(clippy::cast_precision_loss, reason = "sides of at most 16384 pixels")]
    let (across, down) =
        (place.width() / shape.crop.size.width as f32, place.height() / shape.crop.size.height as f32);
    snapshot.translate(&graphene::Point::new(place.x(), place.y()));
    if shape.flipped {
        snapshot.translate(&graphene::Point::new(0.0, place.height()));
        snapshot.scale(1.0, -1.0);
    }
    #[expect(clippy::cast_precision_loss, reason = "sides of at most 16384 pixels")]
    let bounds = graphene::Rect::new(
        -(shape.crop.origin.x as f32) * across,
        -(shape.crop.origin.y as f32) * down,
        shape.buffer.width as f32 * across,
        shape.buffer.height as f32 * down,
    );
    let whole = shape.crop == shape.buffer.at_origin();
    if !whole {
        snapshot.push_clip(&graphene::Rect::new(0.0, 0.0, place.width(), place.height()));
    }
    snapshot.append_texture(&drawing.texture, &bounds);
    if !whole {
        snapshot.pop();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what GTK counts in")]
fn float_rect(x: f64, y: f64, width: f64, height: f64) -> graphene::Rect {
    graphene::Rect::new(x as f32, y as f32, width as f32, height as f32)
}
