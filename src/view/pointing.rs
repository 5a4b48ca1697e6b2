//! Where the pointer is and how far it was pushed, told to the guest at once and in order.
//!
//! GDK's events say whether the pointer is over the picture, and bring the buttons; positions, pushes
//! and the wheel come from [`Holder`] where there is one, which knows them a frame earlier. What comes
//! after a button waits until GDK has told of the button.

use std::cell::{Cell, RefCell};

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use super::hold::{Happened, Holder, How};
use crate::geometry::{Logical, Rect};
use crate::input::{Delta, Leds, PointerMode, Speed, Tie};

/// After all that GDK has to tell, before anything is laid out or drawn.
const AFTER_GDK: i32 = 10;

/// What is known of the pointer.
#[derive(Debug, Default)]
pub(super) struct Pointing {
    holder: RefCell<Option<Holder>>,
    /// Whether it is over the picture, as GDK says.
    inside: Cell<bool>,
    /// Where it is in the surface, where that is known earlier than from GDK.
    latest: Cell<Option<(f64, f64)>>,
    /// The place that the guest was told last.
    told: Cell<Option<(f64, f64)>>,
    /// Whether GDK's own report of the wheel is the one that counts.
    is_wheel_late: Cell<bool>,
    /// What happened after a button of which GDK has not told yet.
    later: RefCell<Vec<Happened>>,
    waiting: RefCell<Option<glib::SourceId>>,
    asked: Cell<Option<(How, Rect<Logical>)>>,
    held: Cell<Option<How>>,
}

impl DisplayView {
    /// How a relative pointer is held while the person is with the guest.
    pub fn set_tie(&self, tie: Tie) {
        self.imp().seat.borrow_mut().set_tie(tie);
        self.follow_tie();
    }

    /// How fast a relative pointer moves.
    pub fn set_speed(&self, speed: Speed) {
        self.imp().seat.borrow_mut().hands.set_speed(speed);
    }

    /// Whether the pointer is held to the picture, so that the person needs a way out.
    pub fn holds_pointer(&self) -> bool {
        self.imp().pointing.held.get().is_some()
    }

    /// Calls `changed` when [`Self::holds_pointer`] is another.
    pub fn connect_hold_changed(&self, changed: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("hold-changed", false, glib::closure_local!(move |view: Self| changed(&view)))
    }

    /// Hears of the pointer on this surface from now on.
    pub(super) fn open_holder(&self, surface: &gdk::Surface) {
        let weak = self.downgrade();
        let tell =
            move |happened: &[Happened]| _ = weak.upgrade().inspect(|view| view.hear_at_once(happened));
        self.imp().pointing.holder.replace(Holder::open(surface, tell));
    }

    pub(super) fn close_holder(&self) {
        let pointing = &self.imp().pointing;
        if let Some(waiting) = pointing.waiting.take() {
            waiting.remove();
        }
        pointing.later.take();
        self.let_go_of_pointer(None);
        let holder = pointing.holder.take();
        drop(holder);
        pointing.inside.set(false);
        pointing.latest.set(None);
        self.set_held(None);
    }

    /// Sets the host's lock keys; whether a program may.
    pub(super) fn set_host_locks(&self, locks: Leds) -> bool {
        self.imp().pointing.holder.borrow().as_ref().is_some_and(|holder| holder.set_locks(locks))
    }

    /// Whether the keyboard would be this process's, if nobody had grabbed it, as far as is known.
    pub(super) fn is_focus_ours(&self) -> bool {
        self.imp().pointing.holder.borrow().as_ref().is_some_and(Holder::is_focus_ours)
    }

    /// Takes in what has happened before something of GDK's is heard.
    pub(super) fn catch_up(&self) {
        if let Ok(holder) = self.imp().pointing.holder.try_borrow()
            && let Some(holder) = &*holder
        {
            holder.catch_up();
        }
    }

    /// Holds the pointer to the picture, or lets it go, as the seat wants it now.
    pub(super) fn follow_tie(&self) {
        let pointing = &self.imp().pointing;
        let how = match self.imp().seat.borrow().tie() {
            Tie::Lock => Some(How::Lock),
            Tie::Confine => Some(How::Confine),
            Tie::Free => None,
        };
        let region = self.seen_placement().and_then(|placed| inner(placed.visible()));
        let wanted = how.zip(region);
        if pointing.asked.get() == wanted {
            return;
        }
        match wanted {
            Some((how, region)) => {
                pointing.asked.set(wanted);
                if let Some(holder) = &*pointing.holder.borrow() {
                    holder.hold(region, how, self.imp().pointer.get());
                }
            }
            None => self.let_go_of_pointer(self.place_to_return()),
        }
    }

    fn let_go_of_pointer(&self, place: Option<(f64, f64)>) {
        let pointing = &self.imp().pointing;
        if pointing.asked.take().is_none() {
            return;
        }
        if let Some(holder) = &*pointing.holder.borrow() {
            holder.release(place, self.imp().pointer.get());
        }
    }

    fn set_held(&self, held: Option<How>) {
        let pointing = &self.imp().pointing;
        // How far it is from where it was before is no movement.
        self.imp().seat.borrow_mut().hands.left();
        pointing.told.set(None);
        if pointing.held.replace(held) == held {
            return;
        }
        self.follow_pointer();
        self.emit_by_name::<()>("hold-changed", &[]);
    }

    /// What the compositor has told; what comes after a button waits for GDK.
    fn hear_at_once(&self, happened: &[Happened]) {
        let pointing = &self.imp().pointing;
        let mut later = pointing.later.borrow_mut();
        let is_button = |one: &Happened| matches!(one, Happened::Button(_));
        let end = match later.is_empty() {
            true => happened.iter().position(is_button).unwrap_or(happened.len()),
            false => 0,
        };
        later.extend_from_slice(&happened[end..]);
        if !later.is_empty() && pointing.waiting.borrow().is_none() {
            let weak = self.downgrade();
            let heard = move || {
                if let Some(view) = weak.upgrade() {
                    view.imp().pointing.waiting.take();
                    let later = view.imp().pointing.later.take();
                    view.pass_on(&later);
                }
                glib::ControlFlow::Break
            };
            let source = glib::idle_add_local_full(glib::Priority::from(AFTER_GDK), heard);
            pointing.waiting.replace(Some(source));
        }
        drop(later);
        self.pass_on(&happened[..end]);
    }

    /// GDK is about to tell of the button of this moment: what came before it goes before it.
    pub(super) fn before_button(&self, time: u32) {
        let pointing = &self.imp().pointing;
        let before = {
            let mut later = pointing.later.borrow_mut();
            let Some(at) = later.iter().position(|one| *one == Happened::Button(time)) else { return };
            later.drain(..=at).collect::<Vec<_>>()
        };
        self.pass_on(&before);
    }

    /// Tells the guest; one motion of several that follow each other.
    fn pass_on(&self, happened: &[Happened]) {
        let pointing = &self.imp().pointing;
        let (mut pushed, mut moved) = (None, false);
        for one in happened {
            if !matches!(one, Happened::Pushed(_)) {
                self.push_by(pushed.take());
            }
            match *one {
                Happened::Moved(x, y) => {
                    pointing.latest.set(Some((x, y)));
                    moved = true;
                }
                Happened::Pushed(delta) => {
                    let sum = pushed.get_or_insert_with(Delta::default);
                    sum.x += delta.x;
                    sum.y += delta.y;
                    sum.raw_x += delta.raw_x;
                    sum.raw_y += delta.raw_y;
                }
                Happened::Turned(across, down) => {
                    self.point_at_once(std::mem::take(&mut moved));
                    self.turn_at_once(across, down);
                }
                Happened::Button(_) => self.point_at_once(std::mem::take(&mut moved)),
                Happened::Left => {
                    moved = false;
                    pointing.latest.set(None);
                    pointing.told.set(None);
                }
                Happened::Held(how) => self.set_held(Some(how)),
                Happened::Loosened => self.set_held(None),
            }
        }
        self.push_by(pushed);
        self.point_at_once(moved);
    }

    fn push_by(&self, delta: Option<Delta>) {
        // Once it is to be let go, nothing more of it is the guest's.
        let is_guests = self.holds_pointer() && self.imp().pointing.asked.get().is_some();
        let Some(delta) = delta.filter(|_| is_guests) else { return };
        let placement = self.seen_placement();
        let command = self.imp().seat.borrow_mut().hands.pushed(placement.as_ref(), delta);
        self.send_all(command);
    }

    fn turn_at_once(&self, across: f64, down: f64) {
        let pointing = &self.imp().pointing;
        // GDK may find out that it is over the picture with this very turn.
        pointing.is_wheel_late.set(!pointing.inside.get());
        if pointing.inside.get() {
            self.turn(across, down);
        }
    }

    fn point_at_once(&self, moved: bool) {
        let pointing = &self.imp().pointing;
        if !moved || !pointing.inside.get() {
            return;
        }
        if let Some(at) = pointing.latest.get() {
            self.follow_push(Some(at));
            self.point_from(at);
        }
    }

    /// GDK says that the pointer is here, over the picture.
    pub(super) fn gdk_moved(&self, at: (f64, f64)) {
        let pointing = &self.imp().pointing;
        pointing.inside.set(true);
        match pointing.latest.get() {
            // The place that GDK tells of is an older one.
            Some(latest) => {
                if pointing.later.borrow().is_empty() {
                    self.follow_push(Some(latest));
                    self.point_from(latest);
                }
            }
            None => {
                self.follow_push(Some(at));
                self.point_from(at);
            }
        }
    }

    /// GDK says that the pointer is over the picture no longer.
    pub(super) fn gdk_left(&self) {
        self.imp().pointing.inside.set(false);
        self.imp().pointing.told.set(None);
        self.follow_push(None);
        self.points_no_more();
        self.imp().seat.borrow_mut().hands.left();
    }

    /// Whether the wheel that GDK tells of has been told the guest already.
    pub(super) fn is_wheel_told(&self) -> bool {
        let pointing = &self.imp().pointing;
        pointing.latest.get().is_some() && !pointing.is_wheel_late.get()
    }

    fn point_from(&self, at: (f64, f64)) {
        let pointing = &self.imp().pointing;
        if self.holds_pointer() || pointing.told.replace(Some(at)) == Some(at) {
            return;
        }
        self.point(at.0, at.1);
    }

    /// Whether a relative pointer has to be held before the guest hears of it.
    pub(super) fn wants_hold(&self) -> bool {
        let seat = self.imp().seat.borrow();
        let is_tied = seat.hands.mode() == PointerMode::Relative && seat.ties();
        is_tied && self.imp().pointing.holder.borrow().as_ref().is_some_and(Holder::can_hold)
    }
}

/// Without its outermost units: a pointer on the very edge is over its neighbours for GTK.
fn inner(seen: Rect<Logical>) -> Option<Rect<Logical>> {
    let (width, height) = (seen.size.width.checked_sub(2)?, seen.size.height.checked_sub(2)?);
    let inner = Rect::new(seen.origin.x + 1, seen.origin.y + 1, width, height);
    (!inner.is_empty()).then_some(inner)
}
