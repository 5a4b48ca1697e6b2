//! Combinations of keys that the menu does not have: typed in, and remembered of the machine.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::MachineWindow;
use super::i18n::gettext;
use super::keyboard::combination_fault;
use crate::input::Combination;

const SEND: &str = "send";

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
        let entry = adw::EntryRow::builder()
            .title(gettext("Keys, Such as Ctrl+Alt+F2"))
            .activates_default(true)
            .use_markup(false)
            .build();
        let list = gtk::ListBox::builder()
            .selection_mode(gtk::SelectionMode::None)
            .css_classes(["boxed-list"])
            .build();
        list.append(&entry);
        let fault =
            gtk::Label::builder().wrap(true).xalign(0.0).css_classes(["caption", "dim-label"]).build();
        let content = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(12).build();
        content.append(&list);
        content.append(&fault);
        content.append(&self.remembered_rows());
        let dialog = adw::AlertDialog::builder()
            .heading(gettext("Send Other Keys"))
            .body(gettext(
                "They are pressed together in the machine, by their places on an American keyboard.",
            ))
            .extra_child(&content)
            .close_response("cancel")
            .default_response(SEND)
            .build();
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), (SEND, &gettext("_Send"))]);
        dialog.set_response_appearance(SEND, adw::ResponseAppearance::Suggested);
        let check = glib::clone!(
            #[weak]
            dialog,
            #[weak]
            fault,
            move |entry: &adw::EntryRow| {
                let text = entry.text();
                let parsed = text.parse::<Combination>();
                dialog.set_response_enabled(SEND, parsed.is_ok());
                let wrong = parsed.err().filter(|_| !text.is_empty());
                if wrong.is_some() {
                    entry.add_css_class("error");
                } else {
                    entry.remove_css_class("error");
                }
                fault.set_label(&wrong.as_ref().map(combination_fault).unwrap_or_default());
            }
        );
        check(&entry);
        entry.connect_changed(check);
        let (window, text) = (self.downgrade(), entry.clone());
        dialog.connect_response(Some(SEND), move |_, _| {
            let (Some(window), Ok(combination)) = (window.upgrade(), text.text().parse::<Combination>())
            else {
                return;
            };
            let written = combination.to_string();
            window.remember_combination(&written);
            window.send_combination(&written);
        });
        dialog.present(Some(self));
        entry.grab_focus();
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
