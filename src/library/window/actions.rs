//! What can be chosen in the library, for the window and for the machine that is looked at.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, gio, glib};

use super::LibraryWindow;
use super::memory::{GROUPINGS, SORTS};
use crate::library::model::{Key, Primary};
use crate::source::libvirt::Operation;
use crate::window::i18n::gettext;
use crate::window::{power, ready};

impl LibraryWindow {
    pub(super) fn install_actions(&self) {
        let (sort, grouping) = self.imp().memory.order();
        let sort = SORTS.iter().find(|(_, other)| *other == sort).map_or("name", |(name, _)| name);
        let grouping =
            GROUPINGS.iter().find(|(_, other)| *other == grouping).map_or("place", |(name, _)| name);
        self.add_action_entries([
            chosen("primary", |window, key| window.act(key)),
            chosen("cancel-work", |window, key| window.host().cancel(key)),
            chosen("open", |window, key| window.open(key)),
            chosen("make-ready", Self::make_ready),
            chosen("open-in-manager", |window, key| window.host().open_manager(Some(key))),
            chosen("launcher", Self::toggle_launcher),
            chosen("forget", |window, key| window.host().forget(key)),
            chosen("definition", |window, _| window.want_definition()),
            plain("connections", Self::show_connections),
            plain("manager", |window| window.host().open_manager(None)),
            plain("about", Self::show_about),
            plain("search", Self::search),
            plain("menu", |window| window.imp().menu_button.popup()),
            plain("row-menu", Self::pop_up_here),
            gio::ActionEntryBuilder::new("power")
                .parameter_type(Some(glib::VariantTy::STRING))
                .activate(|window: &Self, _, which| {
                    let operation = which.and_then(glib::Variant::str).and_then(power::named);
                    let key = window.imp().chosen.borrow().clone();
                    if let (Some(operation), Some(key)) = (operation, key) {
                        window.operate(&key, operation);
                    }
                })
                .build(),
            choice("sort", sort, |window, name| {
                if let Some((_, sort)) = SORTS.iter().find(|(other, _)| *other == name) {
                    window.imp().memory.set_sort(*sort);
                }
            }),
            choice("group", grouping, |window, name| {
                if let Some((_, grouping)) = GROUPINGS.iter().find(|(other, _)| *other == name) {
                    window.imp().memory.set_grouping(*grouping);
                }
            }),
        ]);
        self.install_keys();
    }

    fn install_keys(&self) {
        let keys = gtk::ShortcutController::new();
        let (control, none) = (gdk::ModifierType::CONTROL_MASK, gdk::ModifierType::empty());
        for (key, modifiers, action) in [
            (gdk::Key::f, control, "win.search"),
            (gdk::Key::w, control, "window.close"),
            (gdk::Key::F10, none, "win.menu"),
            (gdk::Key::F10, gdk::ModifierType::SHIFT_MASK, "win.row-menu"),
            (gdk::Key::Menu, none, "win.row-menu"),
        ] {
            let trigger = gtk::KeyvalTrigger::new(key, modifiers);
            keys.add_shortcut(gtk::Shortcut::new(Some(trigger), Some(gtk::NamedAction::new(action))));
        }
        self.add_controller(keys);
    }

    /// Lets those actions be chosen that would do something.
    pub(super) fn update_actions(&self) {
        let chosen = self.chosen();
        let primary = chosen.as_ref().map(|entry| {
            let shelf = self.imp().shelf.borrow();
            (shelf.primary(entry), shelf.doing(&entry.key).is_none())
        });
        let doing = chosen.as_ref().and_then(|entry| self.imp().shelf.borrow().doing(&entry.key));
        let acts = primary.is_some_and(|(primary, free)| free && !matches!(primary, Primary::Nothing(_)));
        let domain = chosen.as_ref().is_some_and(|entry| entry.domain().is_some());
        let host = self.host();
        for (name, enabled) in [
            ("primary", acts),
            ("cancel-work", doing.is_some_and(|(operation, _)| operation.is_long())),
            ("open", chosen.as_ref().is_some_and(|entry| entry.has_display())),
            ("power", domain),
            ("make-ready", domain),
            ("open-in-manager", domain && host.has_manager()),
            ("launcher", domain),
            ("definition", domain),
            ("manager", host.has_manager()),
        ] {
            let action = self.lookup_action(name).and_downcast::<gio::SimpleAction>();
            action.expect("installed by install_actions()").set_enabled(enabled);
        }
    }

    /// Does what a machine's one button says.
    pub(super) fn act(&self, key: &Key) {
        let primary = {
            let shelf = self.imp().shelf.borrow();
            match shelf.get(key) {
                Some(entry) if shelf.doing(key).is_none() => shelf.primary(entry),
                _ => return,
            }
        };
        match primary {
            Primary::Open => self.open(key),
            Primary::StartAndOpen => {
                // The window first: it sees the machine from its first frame on.
                self.open(key);
                self.operate(key, Operation::Start);
            }
            Primary::Operate(operation) => self.operate(key, operation),
            Primary::MakeReady => self.make_ready(key),
            Primary::Launch => self.host().launch(key),
            Primary::Nothing(_) => {}
        }
    }

    fn open(&self, key: &Key) {
        self.imp().memory.opened(key);
        self.host().open(key);
        self.imp().list.invalidate_sort();
    }

    /// Does something to a machine; where something is lost, the person is asked first.
    fn operate(&self, key: &Key, operation: Operation) {
        let (name, free) = {
            let shelf = self.imp().shelf.borrow();
            let Some(entry) = shelf.get(key) else { return };
            (entry.name().to_owned(), shelf.doing(key).is_none())
        };
        if !free {
            return;
        }
        let (weak, key) = (self.downgrade(), key.clone());
        glib::spawn_future_local(async move {
            let Some(window) = weak.upgrade() else { return };
            if power::confirmed(&window, operation, &name).await {
                window.host().operate(&key, operation);
            }
        });
    }

    /// Looks for something else.
    fn search(&self) {
        let imp = self.imp();
        imp.split.set_show_content(false);
        imp.search_button.set_active(true);
        imp.search_entry.grab_focus();
        imp.search_entry.select_region(0, -1);
    }

    fn toggle_launcher(&self, key: &Key) {
        let host = self.host();
        let name = self.imp().shelf.borrow().get(key).map(|entry| entry.name().to_owned());
        let (name, words) = if host.has_launcher(key) {
            (None, gettext("Removed from applications"))
        } else {
            (name, gettext("Added to applications"))
        };
        host.set_launcher(key, name.as_deref());
        if host.has_launcher(key) == name.is_some() {
            self.say(&words);
        }
        self.chosen_changed();
    }

    fn show_about(&self) {
        crate::window::about::present(self, "");
    }
}

fn plain(name: &str, act: impl Fn(&LibraryWindow) + 'static) -> gio::ActionEntry<LibraryWindow> {
    gio::ActionEntryBuilder::new(name).activate(move |window, _, _| act(window)).build()
}

/// An action on the machine that is looked at.
fn chosen(name: &str, act: impl Fn(&LibraryWindow, &Key) + 'static) -> gio::ActionEntry<LibraryWindow> {
    plain(name, move |window| {
        let key = window.imp().chosen.borrow().clone();
        key.inspect(|key| act(window, key));
    })
}

/// An action that is one of several.
fn choice(
    name: &str,
    state: &str,
    act: impl Fn(&LibraryWindow, &str) + 'static,
) -> gio::ActionEntry<LibraryWindow> {
    gio::ActionEntryBuilder::new(name)
        .parameter_type(Some(glib::VariantTy::STRING))
        .state(state.to_variant())
        .activate(move |window: &LibraryWindow, action, chosen| {
            let Some(chosen) = chosen.and_then(glib::Variant::str) else { return };
            action.set_state(&chosen.to_variant());
            act(window, chosen);
            window.order_changed();
        })
        .build()
}

impl LibraryWindow {
    /// Offers to make a machine ready for a display of ours.
    fn make_ready(&self, key: &Key) {
        let Key::Domain { uri, uuid } = key else { return };
        if let Some(hypervisor) = self.host().hypervisor(uri) {
            ready::present(self, &hypervisor, uuid);
        }
    }
}
