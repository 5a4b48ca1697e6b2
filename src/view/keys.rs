//! Keys, and who has the keyboard: the guest, the window or the desktop.

use gdk_wayland::WaylandSurface;
use gdk_wayland::prelude::*;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use super::board::Ear;
use super::hold::identity;
use super::imp::Watched;
use crate::clock;
use crate::input::account::Heard;
use crate::input::grab::{self, Obstacle};
use crate::input::{Deed, Press, Whose};

/// XKB key codes are eight more than Linux's, on Wayland and on X11.
const XKB_OFFSET: u32 = 8;

/// A source's priority: after GDK has told of everything that it has read (`GDK_PRIORITY_EVENTS` is 0),
/// before anything is drawn (`GDK_PRIORITY_REDRAW` is 120).
const AFTER_GDK: i32 = 50;

impl DisplayView {
    /// A key goes down or up while the picture has the focus.
    pub(super) fn key(&self, event: &gdk::KeyEvent) -> glib::Propagation {
        let Some(evdev) = event.keycode().checked_sub(XKB_OFFSET) else { return glib::Propagation::Proceed };
        self.imp().witnessed.take();
        let press = pressed(event);
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
        let events = gtk::EventControllerLegacy::new();
        events.set_propagation_phase(gtk::PropagationPhase::Capture);
        let weak = self.downgrade();
        events.connect_event(move |_, event| {
            let key = event.downcast_ref::<gdk::KeyEvent>();
            if let (Some(key), Some(view)) = (key, weak.upgrade().filter(WidgetExt::is_focus)) {
                view.witnessed(key);
            }
            glib::Propagation::Proceed
        });
        events.upcast()
    }

    fn witnessed(&self, event: &gdk::KeyEvent) {
        self.settle_witnessed();
        let Some(evdev) = event.keycode().checked_sub(XKB_OFFSET) else { return };
        let press = pressed(event);
        if let Some(ear) = &*self.imp().ear.borrow() {
            ear.catch_up();
        }
        let before = self.imp().account.borrow_mut().told(evdev, press, event.time());
        self.take_in(before);
        self.imp().witnessed.set((press == Press::Down).then_some(evdev));
    }

    /// Listens to the compositor's own account of the keyboard.
    pub(super) fn open_ear(&self) {
        let weak = self.downgrade();
        let ear = Ear::open(&self.display(), move |surface, heard| {
            // What is pressed while something else has the focus is that one's, also where it is gone by
            // the time that GDK has told all.
            let is_ours = |view: &Self| view.is_focus() && view.surface_identity() == Some(surface);
            if let Some(view) = weak.upgrade().filter(is_ours) {
                heard.iter().for_each(|one| view.imp().account.borrow_mut().hear(one.clone()));
                view.settle_soon();
            }
        });
        self.imp().ear.replace(ear);
    }

    fn surface_identity(&self) -> Option<usize> {
        let surface = self.native()?.surface()?.downcast::<WaylandSurface>().ok()?;
        identity(&surface.wl_surface()?)
    }

    /// Looks at what GDK has left out, once it has told everything else.
    fn settle_soon(&self) {
        if self.imp().settling.replace(true) {
            return;
        }
        let weak = self.downgrade();
        glib::idle_add_local_full(AFTER_GDK.into(), move || {
            if let Some(view) = weak.upgrade() {
                view.imp().settling.set(false);
                let rest = view.imp().account.borrow_mut().rest();
                view.take_in(rest);
            }
            glib::ControlFlow::Break
        });
    }

    /// Takes in what only the compositor tells.
    fn take_in(&self, heard: Vec<Heard>) {
        if !self.is_focus() {
            return;
        }
        for one in heard {
            let mut seat = self.imp().seat.borrow_mut();
            let now = clock::now();
            let deeds = match one {
                Heard::Key { code, press, .. } => match seat.key(code, press, now) {
                    Whose::Taken(deeds) => deeds,
                    Whose::Windows => Vec::new(),
                },
                Heard::Modifiers { latched, locks } => {
                    let mut deeds = seat.latched(&latched, now);
                    deeds.extend(seat.host_locks(locks));
                    deeds
                }
            };
            drop(seat);
            self.act(deeds);
        }
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
        self.set_robbed(false);
        self.set_obstacle(Obstacle::Unfocused, !focused);
        if focused {
            self.match_locks();
            self.make_up_for_focus();
        } else if self.display().type_().name() == "GdkX11Display" {
            self.look_for_robbers();
        }
    }
}

fn pressed(event: &gdk::KeyEvent) -> Press {
    if event.event_type() == gdk::EventType::KeyPress { Press::Down } else { Press::Up }
}
