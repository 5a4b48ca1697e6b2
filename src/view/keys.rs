//! Keys, and who has the keyboard: the guest, the window or the desktop.

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use super::imp::Watched;
use crate::clock;
use crate::input::grab::{self, Obstacle};
use crate::input::{Deed, Leds, Press, Whose};

/// XKB key codes are eight more than Linux's, on Wayland and on X11.
const XKB_OFFSET: u32 = 8;

impl DisplayView {
    /// A key goes down or up while the picture has the focus.
    pub(super) fn key(&self, event: &gdk::KeyEvent) -> glib::Propagation {
        let Some(evdev) = event.keycode().checked_sub(XKB_OFFSET) else { return glib::Propagation::Proceed };
        self.imp().witnessed.take();
        let press = if event.event_type() == gdk::EventType::KeyPress { Press::Down } else { Press::Up };
        let whose = self.imp().seat.borrow_mut().key(evdev, press, clock::now());
        match whose {
            Whose::Taken(deeds) => {
                self.act(deeds);
                glib::Propagation::Stop
            }
            Whose::Windows => glib::Propagation::Proceed,
        }
    }

    /// Does it, in this order.
    pub(super) fn act(&self, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Send(command) => self.send_all([command]),
                Deed::Ask => self.ask_for_shortcuts(),
                Deed::Cancel => self.give_shortcuts_back(),
            }
        }
        self.follow_grab();
        self.follow_tie();
    }

    pub(super) fn watch_focus(&self) {
        let focus = gtk::EventControllerFocus::new();
        let weak = self.downgrade();
        focus.connect_leave(move |_| {
            if let Some(view) = weak.upgrade() {
                view.set_obstacle(Obstacle::Unfocused, true);
            }
        });
        let weak = self.downgrade();
        focus.connect_enter(move |_| {
            if let Some(view) = weak.upgrade() {
                // GTK says that it has the focus only when everybody has heard of it.
                view.follow_focus(true);
            }
        });
        self.add_controller(focus);

        let hover = gtk::EventControllerMotion::new();
        let weak = self.downgrade();
        hover.connect_enter(move |_, _, _| {
            if let Some(view) = weak.upgrade() {
                view.tell_seat(grab::Input::Entered);
            }
        });
        let weak = self.downgrade();
        hover.connect_leave(move |_| {
            if let Some(view) = weak.upgrade() {
                view.tell_seat(grab::Input::Left);
                // GTK tells controllers of events nothing of this.
                view.gdk_left();
            }
        });
        self.imp().hover.replace(Some(hover.clone()));
        self.add_controller(hover);
    }

    /// A window that is no longer active has lost the keyboard, though its focus stays.
    pub(super) fn watch_window(&self) {
        let Some(window) = self.root().and_downcast::<gtk::Window>() else { return };
        let weak = self.downgrade();
        let active = window.connect_is_active_notify(move |_| {
            if let Some(view) = weak.upgrade() {
                view.follow_focus(view.has_focus());
            }
        });
        let weak = self.downgrade();
        let filled = window.connect_fullscreened_notify(move |window| {
            if let Some(view) = weak.upgrade() {
                view.follow_fullscreen(window);
            }
        });
        let witness = self.witness();
        window.add_controller(witness.clone());
        self.follow_fullscreen(&window);
        self.imp().window.replace(Some(Watched { window, handlers: vec![active, filled], witness }));
    }

    pub(super) fn unwatch_window(&self) {
        if let Some(Watched { window, handlers, witness }) = self.imp().window.take() {
            handlers.into_iter().for_each(|handler| window.disconnect(handler));
            window.remove_controller(&witness);
        }
    }

    /// Sees each key before the window's own shortcuts do: one that they keep is part of no combination
    /// that frees the keyboard.
    fn witness(&self) -> gtk::EventController {
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        let weak = self.downgrade();
        keys.connect_key_pressed(move |_, _, code, _| {
            if let Some(view) = weak.upgrade().filter(gtk::prelude::WidgetExt::is_focus) {
                view.settle_witnessed();
                view.imp().witnessed.set(Some(code));
            }
            glib::Propagation::Proceed
        });
        let weak = self.downgrade();
        keys.connect_key_released(move |_, _, _, _| _ = weak.upgrade().inspect(Self::settle_witnessed));
        keys.upcast()
    }

    fn settle_witnessed(&self) {
        if self.imp().witnessed.take().is_some() {
            self.imp().seat.borrow_mut().kept();
        }
    }

    /// The keyboard may have come to the guest: then its locks become the host's.
    fn follow_focus(&self, is_focus: bool) {
        let active = self.root().and_downcast::<gtk::Window>().is_some_and(|window| window.is_active());
        let focused = active && is_focus;
        self.set_obstacle(Obstacle::Unfocused, !focused);
        if focused {
            self.match_locks();
            self.make_up_for_focus();
        }
    }

    fn match_locks(&self) {
        let Some(keyboard) = self.display().default_seat().and_then(|seat| seat.keyboard()) else { return };
        let mut host = Leds::default();
        if keyboard.is_caps_locked() {
            host = host.with(Leds::CAPS);
        }
        if keyboard.is_num_locked() {
            host = host.with(Leds::NUM);
        }
        let commands = self.imp().seat.borrow_mut().hands.match_locks(host);
        self.send_all(commands);
    }
}
