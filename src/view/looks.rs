//! How the picture looks: its size, which way up it is, which part of it is seen, what is around it.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use crate::geometry::{Look, Pan, Placement, Rotation, Scaling, Scroll, Step, Zoom};
use crate::present::{Colour, Filter, Paint, Scene, Status};

/// How far a key moves what is seen, in parts of it.
const PART: u32 = 8;

/// The longest time that one step of a push is for: after a pause the picture does not jump.
const LONGEST_STEP: f64 = 0.1;

/// Which way a key moves what is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    Left,
    Right,
    Up,
    Down,
}

/// The pointer pushes a picture that is larger than the window.
#[derive(Debug)]
pub(super) struct Push {
    tick: gtk::TickCallbackId,
}

/// What a push has not done yet: device pixels, and the moment of its last step in microseconds.
#[derive(Debug, Default, Clone, Copy)]
struct Rest {
    x: f64,
    y: f64,
    at: Option<i64>,
}

impl DisplayView {
    /// What was asked for of the picture's size and place.
    pub fn look(&self) -> Look {
        self.imp().look.get()
    }

    /// How the picture takes the room that it has. Zoom and pan begin anew.
    pub fn set_scaling(&self, scaling: Scaling) {
        if self.look().scaling != scaling {
            self.take_look(Look { scaling, zoom: Zoom::NONE, pan: Pan::default(), ..self.look() });
        }
    }

    /// How far the picture is turned.
    pub fn set_rotation(&self, rotation: Rotation) {
        if self.look().rotation != rotation {
            self.take_look(Look { rotation, pan: Pan::default(), ..self.look() });
        }
    }

    /// How much larger the picture is than its scaling makes it.
    pub fn set_zoom(&self, zoom: Zoom) {
        if self.look().zoom != zoom {
            self.take_look(Look { zoom, pan: Pan::default(), ..self.look() });
        }
    }

    /// One step larger or smaller: what is under the pointer stays there, else the middle.
    pub fn zoom(&self, step: Step) {
        if let Some(placement) = self.imp().placement.get() {
            self.take_look(placement.zoomed(step, self.imp().pointer.get()));
        }
    }

    /// How pixels of pictures in another size are mixed.
    pub fn set_filter(&self, filter: Filter) {
        self.take_paint(Paint { filter, ..self.imp().paint.get() });
    }

    /// How pixels of pictures in another size are mixed.
    pub fn filter(&self) -> Filter {
        self.imp().paint.get().filter
    }

    /// Looks as another view does, but for the part of the picture that is seen.
    pub fn look_like(&self, other: &Self) {
        self.take_look(Look { pan: Pan::default(), ..other.look() });
        self.take_paint(other.imp().paint.get());
    }

    /// What is seen beside the picture.
    pub fn set_background(&self, background: Colour) {
        self.take_paint(Paint { background, ..self.imp().paint.get() });
    }

    /// How far the picture can be scrolled, across and down; `None` where all of it is seen.
    pub fn scrolls(&self) -> [Option<Scroll>; 2] {
        let placement = self.imp().placement.get();
        [
            placement.as_ref().and_then(Placement::scroll_across),
            placement.as_ref().and_then(Placement::scroll_down),
        ]
    }

    /// Scroll bars were moved to these values, as in [`Scroll`].
    pub fn scroll_to(&self, across: Option<u32>, down: Option<u32>) {
        if let Some(placement) = self.imp().placement.get() {
            self.take_look(placement.scrolled(across, down));
        }
    }

    /// Moves what is seen by a part of it.
    pub fn pan(&self, toward: Toward) {
        let Some(placement) = self.imp().placement.get() else { return };
        let seen = placement.visible_pixels().size;
        let by = |length: u32| i32::try_from((length / PART).max(1)).unwrap_or(i32::MAX);
        let (right, down) = match toward {
            Toward::Left => (-by(seen.width), 0),
            Toward::Right => (by(seen.width), 0),
            Toward::Up => (0, -by(seen.height)),
            Toward::Down => (0, by(seen.height)),
        };
        self.take_look(placement.panned(right, down));
    }

    /// Whether the pointer pushes the picture.
    pub fn is_pushed(&self) -> bool {
        self.imp().push.borrow().is_some()
    }

    /// Calls `changed` when [`Self::look`] or [`Self::scrolls`] are others, or [`Self::is_pushed`] ends.
    pub fn connect_look_changed(&self, changed: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("look-changed", false, glib::closure_local!(move |view: Self| changed(&view)))
    }

    /// Place and paint of the picture.
    pub(super) fn scene(&self) -> Option<Scene> {
        Some(Scene { placement: self.imp().placement.get()?, paint: self.imp().paint.get() })
    }

    /// Where the picture is seen: not quite where it is meant to be while only a viewport shows it.
    pub(super) fn seen_placement(&self) -> Option<Placement> {
        let placement = self.imp().placement.get()?;
        match self.status() {
            Some(Status::Showing { fidelity, .. }) if !fidelity.is_placed() => Some(placement.as_viewport()),
            _ => Some(placement),
        }
    }

    /// What is around the picture, as GTK has it.
    pub(super) fn background(&self) -> gdk::RGBA {
        let [red, green, blue] = self.imp().paint.get().background.parts();
        gdk::RGBA::new(red, green, blue, 1.0)
    }

    /// The pointer is here, in the surface: near an edge it pushes a larger picture, until it goes
    /// elsewhere or the picture ends.
    pub(super) fn follow_push(&self, at: Option<(f64, f64)>) {
        let imp = self.imp();
        imp.pointer.set(at);
        let pushes = self.pushing().is_some();
        if !pushes {
            let push = imp.push.take();
            if let Some(push) = push {
                push.tick.remove();
                self.tell_look();
            }
            return;
        }
        if imp.push.borrow().is_none() {
            let rest = std::cell::Cell::new(Rest::default());
            let tick = self.add_tick_callback(move |view, clock| {
                let step = view.push(rest.get(), clock.frame_time());
                match step {
                    Some(left) => rest.set(left),
                    None => {
                        view.imp().push.take();
                        view.tell_look();
                    }
                }
                if step.is_some() { glib::ControlFlow::Continue } else { glib::ControlFlow::Break }
            });
            imp.push.replace(Some(Push { tick }));
        }
    }

    /// Device pixels a second.
    fn pushing(&self) -> Option<(f64, f64)> {
        let (x, y) = self.imp().pointer.get()?;
        self.imp().placement.get()?.push(x, y)
    }

    /// One step of a push; `None` when it is over.
    fn push(&self, rest: Rest, now: i64) -> Option<Rest> {
        let (right, down) = self.pushing()?;
        let Some(before) = rest.at else { return Some(Rest { at: Some(now), ..rest }) };
        #[expect(clippy::cast_precision_loss, reason = "a moment")]
        let seconds = ((now - before) as f64 / 1e6).clamp(0.0, LONGEST_STEP);
        let (x, y) = (rest.x + right * seconds, rest.y + down * seconds);
        #[expect(clippy::cast_possible_truncation, reason = "a few pixels")]
        let whole = (x.trunc() as i32, y.trunc() as i32);
        if whole != (0, 0) {
            self.take_look(self.imp().placement.get()?.panned(whole.0, whole.1));
            self.point_again();
        }
        Some(Rest { x: x.fract(), y: y.fract(), at: Some(now) })
    }

    fn take_look(&self, look: Look) {
        let former = self.imp().look.replace(look);
        if former == look {
            return;
        }
        if (former.scaling, former.zoom, former.rotation) != (look.scaling, look.zoom, look.rotation) {
            self.queue_resize();
        }
        self.place();
        self.tell_look();
    }

    fn take_paint(&self, paint: Paint) {
        if self.imp().paint.replace(paint) != paint {
            self.place();
        }
    }

    /// Says that the look or what can be scrolled is another, or that the picture is pushed no longer.
    pub(super) fn tell_look(&self) {
        self.emit_by_name::<()>("look-changed", &[]);
    }
}
