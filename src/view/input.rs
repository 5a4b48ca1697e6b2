//! Buttons, wheel and motion: from GDK's events to commands, in their order.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use super::hold::UNITS_PER_CLICK;
use crate::clock;
use crate::input::{Button, Press, grab};

/// 120ths in a click of the wheel.
const CLICK: f64 = 120.0;

impl DisplayView {
    /// One controller for everything, so that no key overtakes a click.
    pub(super) fn add_input(&self) {
        let events = gtk::EventControllerLegacy::new();
        let weak = self.downgrade();
        events.connect_event(move |_, event| {
            weak.upgrade().map_or(glib::Propagation::Proceed, |view| view.hear(event))
        });
        self.add_controller(events);

        // Coming and going are no events that travel from widget to widget.
        let motion = gtk::EventControllerMotion::new();
        let weak = self.downgrade();
        motion.connect_enter(move |_, x, y| {
            if let Some(view) = weak.upgrade() {
                let (left, top) = view.origin();
                view.catch_up();
                view.gdk_moved((left + x, top + y));
            }
        });
        let weak = self.downgrade();
        motion.connect_leave(move |_| _ = weak.upgrade().inspect(Self::gdk_left));
        self.add_controller(motion);
    }

    fn hear(&self, event: &gdk::Event) -> glib::Propagation {
        self.catch_up();
        if let Some(key) = event.downcast_ref::<gdk::KeyEvent>() {
            return self.key(key);
        }
        if let Some(button) = event.downcast_ref::<gdk::ButtonEvent>() {
            return self.button(button);
        }
        if let Some(scroll) = event.downcast_ref::<gdk::ScrollEvent>() {
            return self.scroll(scroll);
        }
        if let Some(touch) = event.downcast_ref::<gdk::TouchEvent>() {
            return self.touch(touch);
        }
        if event.event_type() == gdk::EventType::MotionNotify {
            self.motion(event);
        }
        glib::Propagation::Proceed
    }

    fn motion(&self, event: &gdk::Event) {
        let Some(at) = event.position() else { return };
        if event.device_tool().is_some() {
            // A pen's place is not the mouse's.
            self.follow_push(Some(at));
            self.point(at.0, at.1);
        } else {
            self.gdk_moved(at);
        }
    }

    pub(super) fn point(&self, x: f64, y: f64) {
        if self.wants_hold() {
            return;
        }
        let placement = self.seen_placement();
        let command = self.imp().seat.borrow_mut().hands.moved(placement.as_ref(), x, y);
        self.send_all(command);
    }

    /// The picture has moved under the pointer.
    pub(super) fn point_again(&self) {
        if let Some((x, y)) = self.imp().pointer.get() {
            self.point(x, y);
        }
    }

    fn button(&self, event: &gdk::ButtonEvent) -> glib::Propagation {
        let press = if event.event_type() == gdk::EventType::ButtonPress { Press::Down } else { Press::Up };
        if press == Press::Down {
            self.imp().wish.set(Some((clock::now(), grab::Input::Clicked)));
            self.grab_focus();
        }
        let button = match event.button() {
            gdk::BUTTON_PRIMARY => Button::Left,
            gdk::BUTTON_MIDDLE => Button::Middle,
            gdk::BUTTON_SECONDARY => Button::Right,
            // Mice that have those to go back and forward have them besides, or as these.
            8 | 11 => Button::Side,
            9 | 10 => Button::Extra,
            _ => return glib::Propagation::Proceed,
        };
        let Some(at) = event.position() else { return glib::Propagation::Proceed };
        self.before_button(event.time());
        let placement = self.seen_placement();
        let done = (button, press);
        let deeds = self.imp().seat.borrow_mut().button(placement.as_ref(), at, done, clock::now());
        self.act(deeds);
        glib::Propagation::Stop
    }

    fn scroll(&self, event: &gdk::ScrollEvent) -> glib::Propagation {
        let (across, down) = match event.direction() {
            gdk::ScrollDirection::Up => (0.0, -CLICK),
            gdk::ScrollDirection::Down => (0.0, CLICK),
            gdk::ScrollDirection::Left => (-CLICK, 0.0),
            gdk::ScrollDirection::Right => (CLICK, 0.0),
            _ => {
                let (across, down) = event.deltas();
                let unit = match event.unit() {
                    gdk::ScrollUnit::Surface => CLICK / UNITS_PER_CLICK,
                    _ => CLICK,
                };
                (across * unit, down * unit)
            }
        };
        if !self.is_wheel_told() {
            self.turn(across, down);
        }
        glib::Propagation::Stop
    }

    /// The wheel turned by so many 120ths of a click, to the right and down.
    pub(super) fn turn(&self, across: f64, down: f64) {
        let commands = self.imp().seat.borrow_mut().hands.turned(across, down);
        self.send_all(commands);
    }
}
