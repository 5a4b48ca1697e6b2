//! The lock keys of host and guest: the host's told to the seat, and set where a program may do that.
//!
//! On Wayland the compositor's account tells of them ([`board`](super::board)), and nobody but it sets them.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use crate::input::Leds;

/// After GDK has told of every key that it has read (`GDK_PRIORITY_EVENTS` is 0).
const AFTER_GDK: i32 = 50;

impl DisplayView {
    /// The guest's lock lights.
    pub fn set_leds(&self, lights: Leds) {
        let wanted = self.imp().seat.borrow_mut().hands.set_lights(lights);
        if let Some(wanted) = wanted
            && self.set_host_locks(wanted)
        {
            self.host_locks_are(wanted);
        }
    }

    /// The keyboard has come to the guest: its locks become the host's.
    pub(super) fn match_locks(&self) {
        let Some(host) = self.host_locks() else { return };
        let commands = self.imp().seat.borrow_mut().hands.match_locks(host);
        self.send_all(commands);
    }

    /// Follows the host's locks while the keyboard is with the guest, on X11.
    pub(super) fn watch_locks(&self) {
        if self.display().type_().name() != "GdkX11Display" {
            return;
        }
        let Some(keyboard) = self.host_keyboard() else { return };
        for property in ["notify::caps-lock-state", "notify::num-lock-state"] {
            let changed = glib::closure_local!(
                #[watch(rename_to = view)]
                self,
                move |_: gdk::Device, _: glib::ParamSpec| view.follow_locks_soon()
            );
            keyboard.connect_closure(property, false, changed);
        }
    }

    /// GDK tells of a lock before it tells of the key that the guest is to have, too.
    fn follow_locks_soon(&self) {
        let weak = self.downgrade();
        glib::idle_add_local_full(AFTER_GDK.into(), move || {
            if let Some(view) = weak.upgrade()
                && let Some(host) = view.host_locks()
            {
                view.host_locks_are(host);
            }
            glib::ControlFlow::Break
        });
    }

    fn host_locks_are(&self, host: Leds) {
        let deeds = self.imp().seat.borrow_mut().host_locks(host);
        self.act(deeds);
    }

    fn host_locks(&self) -> Option<Leds> {
        let keyboard = self.host_keyboard()?;
        let mut host = Leds::default();
        if keyboard.is_caps_locked() {
            host = host.with(Leds::CAPS);
        }
        if keyboard.is_num_locked() {
            host = host.with(Leds::NUM);
        }
        Some(host)
    }

    fn host_keyboard(&self) -> Option<gdk::Device> {
        self.display().default_seat()?.keyboard()
    }
}
