//! The parts of the primary menu that depend on the machine.

use adw::subclass::prelude::*;
use gtk::gio;
use gtk::prelude::*;

use super::MachineWindow;
use super::i18n::gettext;
use super::keys::{COMMON, Chord, SINGLE, TERMINALS};

impl MachineWindow {
    /// Fills in what every machine offers, once.
    pub(super) fn fill_menus(&self) {
        let imp = self.imp();
        imp.guest_section.append_submenu(Some(&gettext("Send _Key")), &send_key());
        imp.machine_section.append(Some(&gettext("_Reconnect")), Some("win.reconnect"));
        if self.setup().hold.has_power() {
            imp.machine_section.append(Some(&gettext("Shut _Down")), Some("win.shut-down"));
            imp.machine_section.append(Some(&gettext("Force _Off…")), Some("win.force-off"));
        }
    }

    /// Offers the consoles, as they are now.
    pub(super) fn refill_consoles(&self) {
        let guest = &self.imp().guest_section;
        if guest.n_items() > 1 {
            guest.remove(1);
        }
        if let Some(consoles) = self.consoles_menu() {
            guest.append_submenu(Some(&gettext("_Console")), &consoles);
        }
    }

    /// The keyboard goes back to where it was.
    pub(super) fn menu_toggled(&self) {
        if !self.imp().menu_button.is_active() {
            self.return_focus();
        }
    }

    /// The consoles to choose from, if there is a choice.
    fn consoles_menu(&self) -> Option<gio::Menu> {
        let known = self.imp().known.borrow();
        if known.consoles.len() < 2 {
            return None;
        }
        let menu = gio::Menu::new();
        for console in &known.consoles {
            let item = gio::MenuItem::new(Some(&console.label.replace('_', "__")), None);
            item.set_action_and_target_value(Some("win.console"), Some(&console.id.0.into()));
            menu.append_item(&item);
        }
        Some(menu)
    }
}

fn send_key() -> gio::Menu {
    let menu = gio::Menu::new();
    menu.append_section(None, &chords(COMMON));
    let terminals = gio::Menu::new();
    terminals.append_submenu(Some(&gettext("Switch _Terminal")), &chords(TERMINALS));
    menu.append_section(None, &terminals);
    menu.append_section(None, &chords(SINGLE));
    menu
}

fn chords(chords: &[Chord]) -> gio::Menu {
    let menu = gio::Menu::new();
    for chord in chords {
        let item = gio::MenuItem::new(Some(&chord.label().replace('_', "__")), None);
        item.set_action_and_target_value(Some("win.send-key"), Some(&chord.name.into()));
        menu.append_item(&item);
    }
    menu
}
