//! The desktop's shortcuts: asked for on the guest's behalf, and given back.
//!
//! On Wayland GDK asks the compositor (`zwp_keyboard_shortcuts_inhibit_v1`), which may say nothing at
//! all; on X11 it grabs the keyboard. Both tell by `shortcuts-inhibited` of the window's surface.

use std::time::Duration;

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::DisplayView;
use crate::clock::{self, Time};
use crate::input::grab::{Input, Obstacle, State, When};
use crate::input::{Combination, Sync};

/// Whoever has the keyboard instead has heard of it by then.
const SETTLED: Duration = Duration::from_millis(500);

/// A click that long ago was the one that gave the window the keyboard.
const RECENTLY: Duration = Duration::from_millis(700);

impl DisplayView {
    /// Who has the desktop's shortcuts.
    pub fn grab(&self) -> State {
        self.imp().seat.borrow().grab().state()
    }

    /// Whether keys are the guest's, its shortcuts or not.
    pub fn takes_keys(&self) -> bool {
        self.imp().seat.borrow().grab().takes_keys()
    }

    /// Whether another program has grabbed the keyboard that the window would have, as on X11.
    pub fn is_robbed(&self) -> bool {
        self.imp().robbed.get()
    }

    /// When the guest is given the desktop's shortcuts by itself.
    pub fn set_grab_when(&self, when: When) {
        self.tell_seat(Input::Preference(when));
    }

    /// The keys that give the keyboard back.
    pub fn set_release_keys(&self, combination: &Combination) {
        self.imp().seat.borrow_mut().set_chord(combination);
    }

    /// Which way lock keys are kept the same.
    pub fn set_lock_sync(&self, sync: Sync) {
        self.imp().seat.borrow_mut().hands.set_lock_sync(sync);
    }

    /// Gives the guest the keyboard, with the desktop's shortcuts as far as the desktop lets go of them.
    pub fn take_keyboard(&self) {
        // A menu that this was chosen in may still be about to close.
        self.imp().wish.set(Some((clock::now(), Input::Wanted)));
        self.grab_focus();
        self.tell_seat(Input::Wanted);
    }

    /// Gives the keyboard to the window, and the desktop its shortcuts.
    pub fn give_keyboard_back(&self) {
        self.imp().wish.take();
        self.tell_seat(Input::Chord);
    }

    /// Calls `changed` when [`Self::grab`], [`Self::takes_keys`] or [`Self::is_robbed`] is another.
    pub fn connect_grab_changed(&self, changed: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("grab-changed", false, glib::closure_local!(move |view: Self| changed(&view)))
    }

    /// Something keeps keys from the guest, or no longer.
    pub fn set_obstacle(&self, obstacle: Obstacle, stands: bool) {
        if stands {
            self.lift_fingers();
        }
        let input = if stands { Input::Obstacle } else { Input::Cleared };
        self.tell_seat(input(obstacle));
    }

    /// Something happened that concerns who has the keyboard.
    pub(super) fn tell_seat(&self, input: Input) {
        let deeds = self.imp().seat.borrow_mut().handle(input, clock::now());
        self.act(deeds);
    }

    pub(super) fn ask_for_shortcuts(&self) {
        if let Some(toplevel) = self.toplevel() {
            toplevel.inhibit_system_shortcuts(gdk::Event::NONE);
        }
    }

    /// Destroys the inhibitor or ends the grab: GDK asks nobody twice while it holds either.
    pub(super) fn give_shortcuts_back(&self) {
        let Some(toplevel) = self.toplevel() else { return };
        self.imp().giving_back.set(true);
        toplevel.restore_system_shortcuts();
        self.imp().giving_back.set(false);
    }

    /// Listens to what the desktop says of its shortcuts.
    pub(super) fn watch_shortcuts(&self, surface: &gdk::Surface) -> Option<glib::SignalHandlerId> {
        let toplevel = surface.downcast_ref::<gdk::Toplevel>()?;
        let weak = self.downgrade();
        Some(toplevel.connect_shortcuts_inhibited_notify(move |toplevel| {
            let Some(view) = weak.upgrade().filter(|view| !view.imp().giving_back.get()) else { return };
            // It may have been another picture of the window that asked.
            if !matches!(view.grab(), State::Free(_)) {
                let granted = toplevel.is_shortcuts_inhibited();
                view.tell_seat(if granted { Input::Granted } else { Input::Withdrawn });
            }
        }))
    }

    /// The window fills the screen, or no longer.
    pub(super) fn follow_fullscreen(&self, window: &gtk::Window) {
        self.tell_seat(Input::Fullscreen(window.is_fullscreen()));
    }

    /// The keyboard came after the click or the choice that it came for, or while the pointer was here already.
    pub(super) fn make_up_for_focus(&self) {
        let wish = self.imp().wish.take().filter(|(at, _)| clock::now().since(*at) < RECENTLY);
        if let Some((_, wish)) = wish {
            self.tell_seat(wish);
        }
        let hover = self.imp().hover.borrow().clone();
        if hover.is_some_and(|hover| hover.contains_pointer()) {
            self.tell_seat(Input::Entered);
        }
    }

    /// The window has the keyboard no longer: looks who has it, once that has come to rest.
    pub(super) fn look_for_robbers(&self) {
        let weak = self.downgrade();
        glib::timeout_add_local_once(SETTLED, move || {
            if let Some(view) = weak.upgrade() {
                view.set_robbed(view.would_have_keyboard() && view.is_focus_ours());
            }
        });
    }

    /// Whether nobody in this process had the keyboard after the view.
    fn would_have_keyboard(&self) -> bool {
        let Some(window) = self.root().and_downcast::<gtk::Window>() else { return false };
        let application = window.application();
        let is_last =
            application.and_then(|application| application.active_window()).as_ref() == Some(&window);
        let nobody = gtk::Window::list_toplevels()
            .iter()
            .filter_map(|widget| widget.downcast_ref::<gtk::Window>())
            .all(|window| !window.is_active());
        is_last && nobody && self.is_focus()
    }

    pub(super) fn set_robbed(&self, robbed: bool) {
        if self.imp().robbed.replace(robbed) != robbed {
            self.emit_by_name::<()>("grab-changed", &[]);
        }
    }

    /// Tells those who listen, and comes back where the desktop may stay silent.
    pub(super) fn follow_grab(&self) {
        let imp = self.imp();
        let now = Some((self.grab(), self.takes_keys()));
        if imp.grab_told.replace(now) == now {
            return;
        }
        if let Some(source) = imp.due.take() {
            source.remove();
        }
        let due = imp.seat.borrow().grab().due();
        if let Some(due) = due {
            imp.due.replace(Some(self.come_back_at(due)));
        }
        self.emit_by_name::<()>("grab-changed", &[]);
    }

    fn come_back_at(&self, due: Time) -> glib::SourceId {
        let weak = self.downgrade();
        let wait = due.since(clock::now()) + Duration::from_millis(1);
        glib::timeout_add_local_once(wait, move || {
            if let Some(view) = weak.upgrade() {
                view.imp().due.take();
                view.tell_seat(Input::Due);
            }
        })
    }

    fn toplevel(&self) -> Option<gdk::Toplevel> {
        self.native().and_then(|native| native.surface()).and_downcast()
    }
}
