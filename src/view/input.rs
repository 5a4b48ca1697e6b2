//! Keys, buttons, wheel and motion: from GDK's events to commands, in their order.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use crate::input::{Button, Leds, Press};

/// XKB key codes are eight more than Linux's, on Wayland and on X11.
const XKB_OFFSET: u32 = 8;

/// Logical units that a touch pad's fingers move for what a wheel's click is.
const UNITS_PER_CLICK: f64 = 10.0;

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

        let focus = gtk::EventControllerFocus::new();
        let weak = self.downgrade();
        focus.connect_leave(move |_| {
            if let Some(view) = weak.upgrade() {
                view.release_all();
            }
        });
        let weak = self.downgrade();
        focus.connect_enter(move |_| {
            if let Some(view) = weak.upgrade() {
                view.match_locks();
            }
        });
        self.add_controller(focus);
    }

    /// A window that is no longer active has lost the keyboard, though its focus stays.
    pub(super) fn watch_window(&self) {
        let Some(window) = self.root().and_downcast::<gtk::Window>() else { return };
        let weak = self.downgrade();
        let handler = window.connect_is_active_notify(move |window| {
            let Some(view) = weak.upgrade() else { return };
            if !window.is_active() {
                view.release_all();
            } else if view.has_focus() {
                view.match_locks();
            }
        });
        self.imp().window.replace(Some((window, handler)));
    }

    fn hear(&self, event: &gdk::Event) -> glib::Propagation {
        if let Some(key) = event.downcast_ref::<gdk::KeyEvent>() {
            return self.key(key);
        }
        if let Some(button) = event.downcast_ref::<gdk::ButtonEvent>() {
            return self.button(button);
        }
        if let Some(scroll) = event.downcast_ref::<gdk::ScrollEvent>() {
            return self.scroll(scroll);
        }
        match event.event_type() {
            gdk::EventType::MotionNotify | gdk::EventType::EnterNotify => self.motion(event),
            gdk::EventType::LeaveNotify => {
                self.follow_push(None);
                self.imp().hands.borrow_mut().left();
            }
            _ => {}
        }
        glib::Propagation::Proceed
    }

    fn key(&self, event: &gdk::KeyEvent) -> glib::Propagation {
        let Some(evdev) = event.keycode().checked_sub(XKB_OFFSET) else { return glib::Propagation::Proceed };
        let press = if event.event_type() == gdk::EventType::KeyPress { Press::Down } else { Press::Up };
        let command = self.imp().hands.borrow_mut().key(evdev, press);
        self.send_all(command);
        glib::Propagation::Stop
    }

    fn motion(&self, event: &gdk::Event) {
        let Some((x, y)) = event.position() else { return };
        self.follow_push(Some((x, y)));
        self.point(x, y);
    }

    fn point(&self, x: f64, y: f64) {
        let placement = self.seen_placement();
        let command = self.imp().hands.borrow_mut().moved(placement.as_ref(), x, y);
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
            self.grab_focus();
        }
        let button = match event.button() {
            gdk::BUTTON_PRIMARY => Button::Left,
            gdk::BUTTON_MIDDLE => Button::Middle,
            gdk::BUTTON_SECONDARY => Button::Right,
            8 => Button::Side,
            9 => Button::Extra,
            _ => return glib::Propagation::Proceed,
        };
        let Some(at) = event.position() else { return glib::Propagation::Proceed };
        let placement = self.seen_placement();
        let commands = self.imp().hands.borrow_mut().button(placement.as_ref(), at, button, press);
        self.send_all(commands.into_iter().flatten());
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
        let commands = self.imp().hands.borrow_mut().turned(across, down);
        self.send_all(commands);
        glib::Propagation::Stop
    }

    /// The keyboard has come to the guest: its locks become the host's.
    fn match_locks(&self) {
        let Some(keyboard) = self.display().default_seat().and_then(|seat| seat.keyboard()) else { return };
        let mut host = Leds::default();
        if keyboard.is_caps_locked() {
            host = host.with(Leds::CAPS);
        }
        if keyboard.is_num_locked() {
            host = host.with(Leds::NUM);
        }
        let commands = self.imp().hands.borrow_mut().match_locks(host);
        self.send_all(commands);
    }
}
