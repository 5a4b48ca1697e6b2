//! The picture as a texture that GTK draws: on X11, on Broadway, and wherever there is no surface.
//!
//! A new texture a frame, at GTK's pace: the next frame is taken when the last one has been painted.
//! A window that paints nothing, because nobody sees it, takes nothing.

mod dmabuf;
#[cfg_attr(not(feature = "gl"), path = "gtk/own/absent.rs")]
mod own;
mod texture;
mod turned;

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use ::gtk::prelude::*;
use ::gtk::{gdk, glib, graphene, gsk};

use self::own::Own;
use self::texture::{Drawing, Importer, Made};
use super::ladder::{Choice, Presenting, Reason, Refusals, Rung};
use super::{Fidelity, Kernel, Kind, Scene, Status};
use crate::clock::{self, Time};
use crate::frame::{Audience, Damage, Mailbox, Pacing, Pending, Scanout, Serial};
use crate::geometry::{Device, Placement, Point, Rect, Rotation, Sampling, Size};
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
    presenting: Presenting,
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
    fidelity: Fidelity,
    /// Whether what is drawn is a copy of the update, because that was asked for.
    presenting: Presenting,
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
        (refused, presenting): (Refusals, Presenting),
        changed: Rc<dyn Fn()>,
    ) -> Self {
        let window = native.surface().expect("a realized native has a surface");
        let clock = window.frame_clock();
        let state = RefCell::default();
        let watch = RefCell::default();
        let inner = Rc::new(Inner { window, frames, stats, refused, presenting, changed, state, watch });
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
        let by = (Importer::of(Some(native)), Presenting::Live, &mut Own::default());
        texture::make(scanout, &Damage::whole(scanout.size()), None, &display, by).map(drop)
    }

    /// How the picture gets to the screen at the moment.
    pub fn status(&self) -> Status {
        self.inner.state.borrow().status.clone()
    }

    /// Draws the picture where it belongs, and nothing around it. `origin` is the widget's corner,
    /// counted from the surface's as in [`crate::geometry::Placement`]: `compute_point` plus
    /// `surface_transform`.
    ///
    /// It is drawn in device pixels: there is no rounding then, also at fractional scales, and GTK
    /// scales with the nearest pixel at the screen's resolution instead of the window's
    /// (gsk/gpu/gskgpunodeprocessor.c, `gsk_gpu_node_processor_add_texture_scale_node`).
    pub fn snapshot(&self, snapshot: &::gtk::Snapshot, scene: &Scene, origin: (f64, f64)) {
        self.inner.look(scene);
        let mut state = self.inner.state.borrow_mut();
        if let Step::Waiting(serial, received) = state.step {
            state.step = Step::Drawn(serial, received);
        }
        let Some(drawing) = &mut state.drawing else { return };
        let placement = &scene.placement;
        let scale = placement.scale().factor();
        let Rect { origin: Point { x, y, .. }, .. } = placement.pixels();
        snapshot.save();
        snapshot.translate(&float_point(-origin.0, -origin.1));
        snapshot.scale(narrow(1.0 / scale), narrow(1.0 / scale));
        let seen = placement.visible_pixels().intersection(self.inner.whole_pixels(scale));
        let seen = seen.unwrap_or(Rect::new(0, 0, 0, 0));
        let cut = seen != placement.pixels();
        if cut {
            snapshot.push_clip(&float_rect(seen));
        }
        snapshot.translate(&float_point(f64::from(x), f64::from(y)));
        draw(snapshot, drawing, placement, filter(scene));
        if cut {
            snapshot.pop();
        }
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
    /// The device pixels that lie in the window altogether. Of the last row of a window of 187 units at
    /// 1.1, which are 205.7 pixels, GTK draws seven tenths over what was there before.
    fn whole_pixels(&self, scale: f64) -> Rect<Device> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of a window")]
        let whole = |units: i32| (f64::from(units.max(0)) * scale + 1e-6).floor() as u32;
        Size::new(whole(self.window.width()), whole(self.window.height())).at_origin()
    }

    /// The picture is drawn so from now on: who wants to know is told what becomes of its pixels.
    fn look(&self, scene: &Scene) {
        let fidelity = fidelity(scene);
        let mut state = self.state.borrow_mut();
        if state.fidelity == fidelity {
            return;
        }
        state.fidelity.clone_from(&fidelity);
        let announced = state.announced;
        if let (Status::Showing { fidelity: told, .. }, Some(kind)) = (&mut state.status, announced) {
            *told = fidelity;
            self.stats.path(kind.path(&state.status, state.presenting, None));
            let changed = self.changed.clone();
            // Not while the window draws.
            glib::idle_add_local_once(move || changed());
        }
    }

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
        let by = (Importer::of(native.as_ref()), inner.presenting, &mut self.own);
        let made = texture::make(&pending.scanout, &pending.damage, self.drawing.as_ref(), &display, by);
        let mut is_new = false;
        let choice = match made {
            Ok(drawing) => {
                match drawing.made {
                    Made::Imported => inner.stats.imported(),
                    Made::Copied(bytes) => inner.stats.copied(bytes),
                }
                // What could not be read was imported, and is as the guest draws it.
                let presenting = match drawing.made {
                    Made::Copied(_) => inner.presenting,
                    Made::Imported => Presenting::Live,
                };
                is_new |= std::mem::replace(&mut self.presenting, presenting) != presenting;
                self.drawing = Some(drawing);
                self.step = Step::Waiting(self.pacing.commit(pending.ack, clock::now()), pending.received);
                Choice::Take { rung: Rung::Gtk, refused: inner.refused.clone() }
            }
            Err(reason) => Choice::Refuse(inner.refused.clone().and(Rung::Gtk, reason)),
        };
        let kind = Kind::of(&pending.scanout);
        let status = Status::of(&choice, self.fidelity.clone());
        if is_new || self.announced != Some(kind) || self.status != status {
            inner.stats.path(kind.path(&status, self.presenting, None));
            self.announced = Some(kind);
            self.status = status;
        }
    }
}

/// What GTK has for a filter: none that keeps enlarged pixels sharp, and for shrunk ones mipmaps.
fn filter(scene: &Scene) -> gsk::ScalingFilter {
    let (across, down) = scene.placement.zoom();
    match scene.kernel() {
        Kernel::Nearest => gsk::ScalingFilter::Nearest,
        Kernel::Area | Kernel::Sharpen if across < 1.0 || down < 1.0 => gsk::ScalingFilter::Trilinear,
        _ => gsk::ScalingFilter::Linear,
    }
}

/// What becomes of the guest's pixels.
fn fidelity(scene: &Scene) -> Fidelity {
    match (scene.placement.sampling(), filter(scene)) {
        (Sampling::OneToOne | Sampling::Whole(_), _) => Fidelity::Exact,
        (Sampling::Scaled, gsk::ScalingFilter::Nearest) => Fidelity::Gtk(Kernel::Nearest),
        (Sampling::Scaled, gsk::ScalingFilter::Trilinear) => Fidelity::Gtk(Kernel::Area),
        (Sampling::Scaled, _) => Fidelity::Gtk(Kernel::Linear),
    }
}

/// Draws a texture such that its picture, turned, fills the placement's size from here on.
fn draw(
    snapshot: &::gtk::Snapshot,
    drawing: &mut Drawing,
    placement: &Placement,
    filter: gsk::ScalingFilter,
) {
    let (texture, shape, rotation) = drawing.turned(placement.rotation());
    let turned = placement.device_size();
    let (width, height) = (f64::from(turned.width), f64::from(turned.height));
    match rotation {
        Rotation::None => {}
        Rotation::Right => turn(snapshot, (width, 0.0), 90.0),
        Rotation::Half => turn(snapshot, (width, height), 180.0),
        Rotation::Left => turn(snapshot, (0.0, height), 270.0),
    }
    let upright = rotation.turn_size(turned);
    if shape.flipped {
        snapshot.translate(&float_point(0.0, f64::from(upright.height)));
        snapshot.scale(1.0, -1.0);
    }
    let crop = shape.crop;
    let across = f64::from(upright.width) / f64::from(crop.size.width);
    let down = f64::from(upright.height) / f64::from(crop.size.height);
    let bounds = graphene::Rect::new(
        narrow(-f64::from(crop.origin.x) * across),
        narrow(-f64::from(crop.origin.y) * down),
        narrow(f64::from(shape.buffer.width) * across),
        narrow(f64::from(shape.buffer.height) * down),
    );
    let whole = crop == shape.buffer.at_origin();
    if !whole {
        snapshot.push_clip(&float_rect(upright.at_origin()));
    }
    snapshot.append_scaled_texture(texture, filter, &bounds);
    if !whole {
        snapshot.pop();
    }
}

/// Turns all that follows, clockwise, around a corner that goes here.
fn turn(snapshot: &::gtk::Snapshot, (x, y): (f64, f64), degrees: f32) {
    snapshot.translate(&float_point(x, y));
    snapshot.rotate(degrees);
}

fn float_rect(rect: Rect<Device>) -> graphene::Rect {
    let Rect { origin, size } = rect;
    graphene::Rect::new(
        narrow(origin.x.into()),
        narrow(origin.y.into()),
        narrow(size.width.into()),
        narrow(size.height.into()),
    )
}

fn float_point(x: f64, y: f64) -> graphene::Point {
    graphene::Point::new(narrow(x), narrow(y))
}

#[expect(clippy::cast_possible_truncation, reason = "what GTK counts in")]
fn narrow(value: f64) -> f32 {
    value as f32
}
