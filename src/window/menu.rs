//! The parts of the primary menu that depend on the machine.

use adw::subclass::prelude::*;
use gtk::gio;

use super::MachineWindow;
use super::i18n::gettext;
use super::keys::{COMMON, Chord, SINGLE, TERMINALS};

impl MachineWindow {
    /// Fills in what every machine offers, once.
    pub(super) fn fill_menus(&self) {
        let imp = self.imp();
        imp.guest_section.append_submenu(Some(&gettext("R_esolution")), &imp.resolution.menu);
        imp.picture_section.append_submenu(Some(&gettext("Fi_lter")), &Self::filter_menu());
        imp.guest_section.append(Some(&gettext("_Give the Machine All Keys")), Some("win.grab"));
        imp.guest_section.append_submenu(Some(&gettext("Send _Key")), &self.send_key());
        imp.guest_section
            .append(Some(&gettext("_Type Clipboard Into the Machine…")), Some("win.type-clipboard"));
        imp.guest_section.append(Some(&gettext("Cl_ipboard…")), Some("win.clipboard"));
        imp.machine_section.append(Some(&gettext("_Reconnect")), Some("win.reconnect"));
        if self.setup().managed.is_some() {
            imp.machine_section.append(Some(&gettext("_Make Ready…")), Some("win.make-ready"));
        }
        if self.setup().hold.has_power() {
            imp.machine_section.append(Some(&gettext("Shut _Down")), Some("win.shut-down"));
            imp.machine_section.append(Some(&gettext("Force _Off…")), Some("win.force-off"));
        }
    }

    /// The keyboard goes back to where it was.
    pub(super) fn menu_toggled(&self) {
        if !self.imp().menu_button.is_active() {
            self.return_focus();
            self.tell_keyboard();
        }
    }
}

impl MachineWindow {
    fn send_key(&self) -> gio::Menu {
        let menu = gio::Menu::new();
        menu.append_section(None, &chords(COMMON));
        let terminals = gio::Menu::new();
        terminals.append_submenu(Some(&gettext("Switch _Terminal")), &chords(TERMINALS));
        menu.append_section(None, &terminals);
        menu.append_section(None, &chords(SINGLE));
        self.refill_combinations();
        menu.append_section(None, &self.imp().combinations);
        menu
    }
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
