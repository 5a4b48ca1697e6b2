//! Fingers on the host's screen, as fingers of the guest's or as its mouse.

use std::cell::{Cell, RefCell};

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use crate::geometry::Placement;
use crate::input::{Button, Deed, FingerId, Fingers, PointerMode, Press, SLOTS, TouchMode};

/// The fingers that are down.
#[derive(Debug)]
pub(super) struct Touching {
    fingers: RefCell<Fingers>,
    mode: Cell<TouchMode>,
    /// The finger that is the mouse of a guest that hears how far it moves.
    mouse: Cell<Option<FingerId>>,
}

impl Default for Touching {
    fn default() -> Self {
        let mut fingers = Fingers::default();
        // QEMU says ten of every machine, whatever its guest has.
        fingers.set_room(u32::try_from(SLOTS).unwrap_or(u32::MAX));
        Self { fingers: RefCell::new(fingers), mode: Cell::default(), mouse: Cell::default() }
    }
}

impl DisplayView {
    /// What fingers are to the guest.
    pub fn set_touch_mode(&self, mode: TouchMode) {
        let touching = &self.imp().touching;
        if touching.mode.get() == mode {
            return;
        }
        self.lift_fingers();
        touching.mode.set(mode);
        let commands = touching.fingers.borrow_mut().set_mode(mode);
        self.send_all(commands);
    }

    /// Takes every finger from the guest's screen, and from its mouse.
    ///
    /// Where a finger's end is told depends on what fingers and the pointer are to the guest: it has to
    /// be told before either changes.
    pub(super) fn lift_fingers(&self) {
        let touching = &self.imp().touching;
        let mut commands = touching.fingers.borrow_mut().cancel_all();
        if touching.mouse.take().is_some() {
            let hands = &mut self.imp().seat.borrow_mut().hands;
            commands.extend(hands.drop_button(Button::Left));
            hands.left();
        }
        self.send_all(commands);
    }

    pub(super) fn touch(&self, event: &gdk::TouchEvent) -> glib::Propagation {
        let finger = FingerId(event.event_sequence().as_ptr().addr() as u64);
        let Some(at) = event.position() else { return glib::Propagation::Proceed };
        self.touched(finger, event.event_type(), at);
        glib::Propagation::Stop
    }

    /// A finger comes, moves or goes, in units from the corner of the window's surface.
    pub fn touched(&self, finger: FingerId, event: gdk::EventType, at: (f64, f64)) {
        let placement = self.seen_placement();
        if event == gdk::EventType::TouchBegin {
            self.grab_focus();
        }
        let is_mouse = self.imp().touching.mode.get() == TouchMode::Mouse;
        if is_mouse && self.imp().seat.borrow().hands.mode() == PointerMode::Relative {
            return self.push_with(finger, event, at, placement.as_ref());
        }
        let mut fingers = self.imp().touching.fingers.borrow_mut();
        let commands = match event {
            gdk::EventType::TouchBegin => {
                let on_picture = placement.and_then(|placed| placed.guest_at(at.0, at.1));
                on_picture.map(|place| fingers.began(finger, place)).unwrap_or_default()
            }
            gdk::EventType::TouchUpdate => {
                let place = placement.map(|placed| placed.nearest_guest(at.0, at.1));
                place.and_then(|place| fingers.moved(finger, place)).into_iter().collect()
            }
            gdk::EventType::TouchEnd => fingers.ended(finger),
            _ => fingers.cancelled(finger),
        };
        drop(fingers);
        self.send_all(commands);
    }

    /// One finger is a mouse whose button is down while it moves.
    fn push_with(
        &self,
        finger: FingerId,
        event: gdk::EventType,
        at: (f64, f64),
        placement: Option<&Placement>,
    ) {
        let touching = &self.imp().touching;
        let held = touching.mouse.get();
        let mut seat = self.imp().seat.borrow_mut();
        let press = match event {
            gdk::EventType::TouchBegin if held.is_none() => {
                touching.mouse.set(Some(finger));
                seat.hands.left();
                Press::Down
            }
            gdk::EventType::TouchUpdate if held == Some(finger) => {
                let command = seat.hands.moved(placement, at.0, at.1);
                drop(seat);
                self.send_all(command);
                return;
            }
            gdk::EventType::TouchEnd | gdk::EventType::TouchCancel if held == Some(finger) => {
                touching.mouse.take();
                Press::Up
            }
            _ => return,
        };
        // A finger is no wish to have the pointer held.
        let commands = seat.hands.button(placement, at, Button::Left, press);
        if press == Press::Up {
            seat.hands.left();
        }
        drop(seat);
        self.act(commands.into_iter().flatten().map(Deed::Send).collect());
    }
}
