//! Who has the keyboard, as a person sees it and chooses it.
//!
//! - `lock`: whether the screen is locked.
//! - `preferences`: when the guest takes it, which keys give it back, what becomes of lock keys.
//! - `words`: what is said of it, and how each desktop is told to let go of its shortcuts.

mod lock;
mod preferences;
mod words;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use self::words::{Desktop, Holder};
use super::MachineWindow;
use super::i18n::{gettext, gettext_f};
use crate::input::grab::Obstacle;
use crate::view::DisplayView;

pub(super) use self::preferences::group;
pub(super) use self::words::fault as combination_fault;

/// What the window shows of the keyboard.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    button: gtk::MenuButton,
    title: gtk::Label,
    explanation: gtk::Label,
    command: gtk::Label,
    lights: gtk::Label,
    /// What was said last.
    told: Cell<Option<Holder>>,
    /// Whether the person has been told how to have it back from a picture that fills the screen.
    hinted: Cell<bool>,
    hint: RefCell<Option<adw::Toast>>,
    /// Tells when the screen is locked.
    lock: RefCell<Option<Rc<lock::Watch>>>,
}

impl MachineWindow {
    /// A button in the header bar that shows who has the keyboard, and says more when it is pressed.
    pub(super) fn add_keyboard(&self) {
        let parts = &self.imp().keyboard;
        parts.button.set_focus_on_click(false);
        parts.button.set_popover(Some(&parts.popover()));
        parts.button.connect_active_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |button| {
                if !button.is_active() {
                    window.return_focus();
                    window.tell_keyboard();
                }
            }
        ));
        self.imp().header.pack_end(&parts.button);
    }

    /// Keeps keys from the guest while the screen is locked: that is somebody else's hands.
    pub(super) fn watch_screen_lock(&self) {
        let watch = lock::Watch::start(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |locked| window.set_screen_locked(locked || window.is_screen_locked())
        ));
        self.imp().keyboard.lock.replace(Some(watch));
        let Some(application) = self.application() else { return };
        application.connect_screensaver_active_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.set_screen_locked(window.is_screen_locked())
        ));
    }

    fn is_screen_locked(&self) -> bool {
        self.application().is_some_and(|application| application.is_screensaver_active())
            || self.imp().keyboard.lock.borrow().as_ref().is_some_and(|watch| watch.is_locked())
    }

    /// Somebody's hand on a picture has come past every lock: what says otherwise has not been taken back.
    pub(super) fn watch_hands(view: &DisplayView) {
        let events = gtk::EventControllerLegacy::new();
        events.set_propagation_phase(gtk::PropagationPhase::Capture);
        events.connect_event(|events, event| {
            if matches!(event.event_type(), gdk::EventType::ButtonPress | gdk::EventType::TouchBegin)
                && let Some(window) = events.widget().and_then(|view| view.root()).and_downcast::<Self>()
            {
                window.doubt_lock();
            }
            glib::Propagation::Proceed
        });
        view.add_controller(events);
    }

    fn doubt_lock(&self) {
        if let Some(watch) = &*self.imp().keyboard.lock.borrow() {
            watch.doubt();
        }
    }

    fn set_screen_locked(&self, locked: bool) {
        self.views().iter().for_each(|view| view.set_obstacle(Obstacle::Locked, locked));
    }

    /// A new picture begins with what is known and preferred.
    pub(super) fn prepare_keyboard(&self, view: &DisplayView) {
        let locked = self.is_screen_locked();
        let hangs = self.shared().known.borrow().hangs;
        for (obstacle, stands) in
            [(Obstacle::Locked, locked), (Obstacle::Disconnected, !self.is_live()), (Obstacle::Hung, hangs)]
        {
            if stands {
                view.set_obstacle(obstacle, true);
            }
        }
        self.apply_keyboard(view);
    }

    /// Brings a picture in line with the preferences.
    pub(super) fn apply_keyboard(&self, view: &DisplayView) {
        let chosen = self.imp().settings.keyboard();
        view.set_grab_when(chosen.when);
        view.set_release_keys(&chosen.release);
        view.set_lock_sync(chosen.locks);
    }

    /// The guest gets the keyboard with the desktop's shortcuts, or the window has it back.
    pub(super) fn toggle_grab(&self) {
        let view = self.view();
        let has = self.action_state("grab").is_some_and(|state| state.get() == Some(true));
        self.doubt_lock();
        self.imp().keyboard.button.popdown();
        if has {
            view.give_keyboard_back();
        } else {
            view.take_keyboard();
        }
    }

    /// Brings what is seen of the keyboard in line with who has it.
    pub(super) fn tell_keyboard(&self) {
        let (imp, view) = (self.imp(), self.view());
        let parts = &imp.keyboard;
        let mut holder = holder(&view);
        // Looking at this takes the keyboard from the guest: what is shown is what was before.
        let looks = parts.button.is_active() || imp.menu_button.is_active();
        if let (Holder::Nobody, true, Some(before)) = (holder, looks, parts.told.get()) {
            holder = before;
        }
        parts.button.set_visible(self.is_live() && self.head().is_some());
        let keys = imp.settings.keyboard().release.to_string();
        let facts = words::facts(holder, &keys, Desktop::here());
        parts.button.set_icon_name(holder.icon());
        parts.button.set_tooltip_text(Some(&facts.title));
        parts.button.update_property(&[
            gtk::accessible::Property::Label(&gettext("Keyboard")),
            gtk::accessible::Property::Description(&facts.title),
        ]);
        for (class, wanted) in [("accent", Holder::Guest), ("warning", Holder::Refused)] {
            if holder == wanted {
                parts.button.add_css_class(class);
            } else {
                parts.button.remove_css_class(class);
            }
        }
        parts.title.set_label(&facts.title);
        parts.explanation.set_label(&facts.explanation);
        parts.command.set_label(facts.command.as_deref().unwrap_or_default());
        parts.command.set_visible(facts.command.is_some());
        let lights = words::lights(self.lights());
        parts.lights.set_visible(lights.is_some());
        parts.lights.set_label(&lights.unwrap_or_default());
        let taken = matches!(holder, Holder::Guest | Holder::Asked | Holder::Refused);
        self.set_action_state("grab", &taken.to_variant());
        view.update_property(&[gtk::accessible::Property::Description(&words::way_out(&keys))]);
        if parts.told.replace(Some(holder)) != Some(holder) {
            self.keyboard_moved(holder, &keys);
        }
    }

    /// What the title says while the guest or another program has the keyboard.
    pub(super) fn keyboard_subtitle(&self) -> Option<String> {
        let keys = self.imp().settings.keyboard().release.to_string();
        match holder(&self.view()) {
            Holder::Guest => Some(words::way_out(&keys)),
            // Nor does the button's own menu open without the keyboard.
            Holder::Robber => Some(words::facts(Holder::Robber, &keys, Desktop::here()).title),
            _ => None,
        }
    }

    fn keyboard_moved(&self, holder: Holder, keys: &str) {
        let parts = &self.imp().keyboard;
        self.tell_title();
        if let Some(toast) = parts.hint.take() {
            toast.dismiss();
        }
        match holder {
            Holder::Guest => {
                let words =
                    gettext_f("The machine has the keyboard. {keys} gives it back.", &[("keys", keys)]);
                self.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
                if self.is_fullscreen() && !parts.hinted.replace(true) {
                    let toast = adw::Toast::new(&glib::markup_escape_text(&words));
                    self.toast(&toast);
                    parts.hint.replace(Some(toast));
                }
            }
            Holder::Refused => {
                let words = gettext("The desktop keeps its shortcuts for itself.");
                self.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
            }
            Holder::Window => {
                let words = gettext("The window has the keyboard: Tab moves on, F10 opens the menu.");
                self.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
            }
            Holder::Shared | Holder::Asked | Holder::Robber | Holder::Nobody => {}
        }
    }
}

fn holder(view: &DisplayView) -> Holder {
    Holder::of(view.grab(), view.takes_keys(), view.is_robbed())
}

impl Keyboard {
    fn popover(&self) -> gtk::Popover {
        self.title.add_css_class("heading");
        self.command.add_css_class("monospace");
        self.command.set_selectable(true);
        let column = gtk::Box::builder()
            .orientation(gtk::Orientation::Vertical)
            .spacing(12)
            .margin_top(12)
            .margin_bottom(12)
            .margin_start(12)
            .margin_end(12)
            .build();
        self.lights.add_css_class("caption");
        for label in [&self.title, &self.explanation, &self.command, &self.lights] {
            label.set_wrap(true);
            label.set_natural_wrap_mode(gtk::NaturalWrapMode::None);
            label.set_max_width_chars(44);
            label.set_xalign(0.0);
            column.append(label);
        }
        let give = gtk::CheckButton::with_mnemonic(&gettext("_Give the Machine All Keys"));
        give.set_action_name(Some("win.grab"));
        column.append(&give);
        gtk::Popover::builder().child(&column).build()
    }
}
