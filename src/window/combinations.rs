//! Combinations of keys that the menu does not have: typed in, and remembered of the machine.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::MachineWindow;
use super::i18n::gettext;
use super::keyboard::combination_fault;
use super::line::Line;
use crate::input::Combination;

/// So many are remembered, the last one first.
const MOST: usize = 12;

impl MachineWindow {
    /// Sends keys that were sent before, or that a script names.
    pub(super) fn send_combination(&self, written: &str) {
        match written.parse::<Combination>() {
            Ok(combination) => {
                self.view().press_chord(combination.codes());
                self.view().grab_focus();
            }
            Err(error) => tracing::warn!(%error, written, "no such combination of keys"),
        }
    }

    /// Asks for keys to send.
    pub(super) fn ask_for_combination(&self) {
        let line = Line {
            heading: &gettext("Send Other Keys"),
            body: &gettext(
                "They are pressed together in the machine, by their places on an American keyboard.",
            ),
            title: &gettext("Keys, Such as Ctrl+Alt+F2"),
            text: "",
            hint: String::new(),
            accept: &gettext("_Send"),
        };
        let read = |text: &str| text.parse::<Combination>().map_err(|wrong| combination_fault(&wrong));
        self.ask_for_line(line, Some(self.remembered_rows().upcast_ref()), read, |window, combination| {
            let written = combination.to_string();
            window.remember_combination(&written);
            window.send_combination(&written);
        });
    }

    /// Those that are remembered, each with a button to forget it.
    fn remembered_rows(&self) -> adw::PreferencesGroup {
        let group = adw::PreferencesGroup::new();
        for written in self.combinations() {
            let row = adw::ActionRow::builder().title(&written).use_markup(false).build();
            let forget = gtk::Button::builder()
                .icon_name("user-trash-symbolic")
                .tooltip_text(gettext("Forget"))
                .valign(gtk::Align::Center)
                .css_classes(["flat"])
                .build();
            forget.connect_clicked(glib::clone!(
                #[weak(rename_to = window)]
                self,
                #[weak]
                group,
                #[weak]
                row,
                move |_| {
                    window.forget_combination(&written);
                    group.remove(&row);
                }
            ));
            row.add_suffix(&forget);
            group.add(&row);
        }
        group
    }

    fn remember_combination(&self, written: &str) {
        let mut all = self.combinations();
        all.retain(|one| one != written);
        all.insert(0, written.to_owned());
        all.truncate(MOST);
        self.set_combinations(&all);
    }

    fn forget_combination(&self, written: &str) {
        let mut all = self.combinations();
        all.retain(|one| one != written);
        self.set_combinations(&all);
    }

    fn combinations(&self) -> Vec<String> {
        self.shared().combinations.borrow().clone()
    }

    fn set_combinations(&self, all: &[String]) {
        self.shared().combinations.replace(all.to_vec());
        self.keep_combinations(all);
        self.shared().windows().iter().for_each(Self::refill_combinations);
    }

    /// Offers what is remembered in the menu.
    pub(super) fn refill_combinations(&self) {
        let menu: &gio::Menu = &self.imp().combinations;
        menu.remove_all();
        for written in self.combinations() {
            let item = gio::MenuItem::new(Some(&written.replace('_', "__")), None);
            item.set_action_and_target_value(Some("win.send-combination"), Some(&written.to_variant()));
            menu.append_item(&item);
        }
        menu.append(Some(&gettext("_Other Keys…")), Some("win.other-keys"));
    }
}
