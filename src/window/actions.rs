//! What can be chosen in the window: its actions, and the few keys that are not the guest's.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, gio, glib};

use super::keys::Chord;
use super::story::serves_once;
use super::{MachineWindow, consoles};
use crate::frame::Screen;
use crate::session::{ConsoleId, Power, State};

impl MachineWindow {
    pub(super) fn install_actions(&self) {
        self.add_action(&gio::PropertyAction::new("fullscreen", self, "fullscreened"));
        self.add_action_entries([
            plain("save-screenshot", Self::save_screenshot),
            plain("copy-screenshot", Self::copy_screenshot),
            plain("reconnect", Self::reconnect),
            plain("details", Self::show_details),
            plain("shut-down", |window| window.remote().power(Power::Down)),
            plain("force-off", Self::ask_to_force_off),
            plain("copy-diagnostics", Self::copy_diagnostics),
            plain("preferences", Self::show_preferences),
            plain("clipboard", Self::show_clipboard),
            plain("ask-clipboard", Self::ask_about_clipboard),
            plain("shortcuts", Self::show_shortcuts),
            plain("about", Self::show_about),
            plain("menu", Self::toggle_menu),
            gio::ActionEntryBuilder::new("copy-ramfb")
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|window: &Self, _, whose| {
                    window.copy_ramfb(whose.and_then(glib::Variant::str).unwrap_or_default());
                })
                .build(),
            gio::ActionEntryBuilder::new("statistics")
                .state(false.to_variant())
                .activate(|window: &Self, _, _| window.toggle_statistics())
                .build(),
            gio::ActionEntryBuilder::new("console")
                .parameter_type(Some(glib::VariantTy::INT32))
                .state(consoles::AUTOMATIC.to_variant())
                .activate(|window: &Self, _, chosen| {
                    window.choose_console(chosen.and_then(glib::Variant::get).unwrap_or(consoles::AUTOMATIC));
                    window.view().grab_focus();
                })
                .build(),
            gio::ActionEntryBuilder::new("fullscreen-all")
                .state(false.to_variant())
                .activate(|window: &Self, _, _| {
                    let filled = window.shared().spread.borrow().is_some();
                    window.fill_monitors(!filled);
                })
                .build(),
            gio::ActionEntryBuilder::new("fullscreen-on")
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|window: &Self, _, meant| {
                    window.fill_monitor(meant.and_then(glib::Variant::str).unwrap_or_default());
                })
                .build(),
            plain("type-clipboard", Self::ask_to_type_clipboard),
            plain("other-keys", Self::ask_for_combination),
            gio::ActionEntryBuilder::new("send-combination")
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|window: &Self, _, written| {
                    window.send_combination(written.and_then(glib::Variant::str).unwrap_or_default());
                })
                .build(),
            gio::ActionEntryBuilder::new("grab")
                .state(false.to_variant())
                .activate(|window: &Self, _, _| window.toggle_grab())
                .build(),
            of_console("to-window", |window, id| window.set_own_window(id, true)),
            of_console("to-tab", |window, id| window.set_own_window(id, false)),
            of_console("hide-console", Self::hide_console),
            gio::ActionEntryBuilder::new("send-key")
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|window: &Self, _, chosen| {
                    if let Some(chord) = chosen.and_then(glib::Variant::str).and_then(Chord::named) {
                        window.view().press_chord(chord.codes);
                        window.view().grab_focus();
                    }
                })
                .build(),
        ]);
    }

    /// F11, Ctrl+Alt+I and those for the picture's looks are ours; the others work where the guest does not have the keyboard.
    pub(super) fn install_keys(&self) {
        let ours = gtk::ShortcutController::new();
        ours.set_propagation_phase(gtk::PropagationPhase::Capture);
        ours.add_shortcut(shortcut(gdk::Key::F11, gdk::ModifierType::empty(), "win.fullscreen"));
        let both = gdk::ModifierType::CONTROL_MASK | gdk::ModifierType::ALT_MASK;
        ours.add_shortcut(shortcut(gdk::Key::i, both, "win.statistics"));
        self.add_look_keys(&ours);
        self.add_controller(ours);

        let control = gdk::ModifierType::CONTROL_MASK;
        let rest = gtk::ShortcutController::new();
        rest.set_propagation_phase(gtk::PropagationPhase::Bubble);
        rest.add_shortcut(shortcut(gdk::Key::F10, gdk::ModifierType::empty(), "win.menu"));
        rest.add_shortcut(shortcut(gdk::Key::question, control, "win.shortcuts"));
        rest.add_shortcut(shortcut(gdk::Key::comma, control, "win.preferences"));
        rest.add_shortcut(shortcut(gdk::Key::r, control, "win.reconnect"));
        rest.add_shortcut(shortcut(gdk::Key::w, control, "window.close"));
        self.add_controller(rest);
    }

    /// Lets those actions be chosen that would do something.
    pub(super) fn update_actions(&self) {
        let known = self.shared().known.borrow();
        let live = self.is_live();
        let down = matches!(known.state, State::Lost { .. } | State::Ended(_));
        let picture =
            self.console().is_some_and(|console| matches!(console.frames.screen(), Screen::Live(_)));
        for (name, enabled) in [
            ("save-screenshot", picture),
            ("copy-screenshot", picture),
            ("send-key", live && self.head().is_some()),
            ("send-combination", live && self.head().is_some()),
            ("other-keys", live && self.head().is_some()),
            ("type-clipboard", live && self.head().is_some()),
            ("grab", live && self.head().is_some()),
            ("preferences", self.imp().settings.store().is_some()),
            ("shut-down", live),
            ("force-off", live),
            ("reconnect", down && !serves_once(self.setup().hold, self.setup().returns)),
        ] {
            let action = self.lookup_action(name).and_downcast::<gio::SimpleAction>();
            action.expect("installed by install_actions()").set_enabled(enabled);
        }
    }

    pub(super) fn set_action_state(&self, name: &str, state: &glib::Variant) {
        if let Some(action) = self.lookup_action(name).and_downcast::<gio::SimpleAction>() {
            action.set_state(state);
        }
    }

    fn toggle_menu(&self) {
        let button = &self.imp().menu_button;
        if self.is_fullscreen() {
            self.imp().bars.set_reveal_top_bars(true);
        }
        button.set_active(!button.is_active());
    }

    fn reconnect(&self) {
        self.remote().reconnect();
    }
}

fn plain(name: &str, act: impl Fn(&MachineWindow) + 'static) -> gio::ActionEntry<MachineWindow> {
    gio::ActionEntryBuilder::new(name).activate(move |window, _, _| act(window)).build()
}

/// An action on the console of the number that it is given.
fn of_console(
    name: &str,
    act: impl Fn(&MachineWindow, ConsoleId) + 'static,
) -> gio::ActionEntry<MachineWindow> {
    gio::ActionEntryBuilder::new(name)
        .parameter_type(Some(glib::VariantTy::INT32))
        .activate(move |window, _, number| {
            let number =
                number.and_then(glib::Variant::get::<i32>).and_then(|number| u32::try_from(number).ok());
            if let Some(number) = number {
                act(window, ConsoleId(number));
            }
        })
        .build()
}

fn shortcut(key: gdk::Key, modifiers: gdk::ModifierType, action: &str) -> gtk::Shortcut {
    gtk::Shortcut::new(Some(gtk::KeyvalTrigger::new(key, modifiers)), Some(gtk::NamedAction::new(action)))
}
