//! The dialog of libvirt's connections: those that there are, how they are, and new ones.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::memory::connections;
use super::{LibraryWindow, words};
use crate::library::model::Address;
use crate::source::libvirt::{LibvirtError, Status, is_remote};
use crate::window::i18n::{gettext, gettext_f};

impl LibraryWindow {
    pub(super) fn show_connections(&self) {
        let dialog = adw::PreferencesDialog::builder().title(gettext("Connections")).build();
        dialog.add(&self.connections_page());
        dialog.present(Some(self));
    }

    /// A connection came, went, or is otherwise: the dialog, if it is shown, says so.
    pub(super) fn connections_changed(&self) {
        self.imp().connections.upgrade().inspect(|list| self.fill(list));
    }

    fn connections_page(&self) -> adw::PreferencesPage {
        let page = adw::PreferencesPage::new();
        let list = gtk::ListBox::builder()
            .selection_mode(gtk::SelectionMode::None)
            .css_classes(["boxed-list"])
            .build();
        self.fill(&list);
        self.imp().connections.set(Some(&list));
        let there = adw::PreferencesGroup::builder()
            .title(gettext("libvirt"))
            .description(gettext("Those of this computer are found by themselves."))
            .build();
        there.add(&list);
        page.add(&there);
        page.add(&self.new_connection());
        page
    }

    fn fill(&self, list: &gtk::ListBox) {
        list.remove_all();
        let added = connections();
        let shelf = self.imp().shelf.borrow();
        for (uri, status) in shelf.connections() {
            let row = adw::ActionRow::builder()
                .use_markup(false)
                .title(words::connection(uri))
                .subtitle(format!("{uri}\n{}", how(status)))
                .build();
            if added.iter().any(|other| other == uri) {
                row.add_suffix(&self.remove_button(uri));
            }
            list.append(&row);
        }
        list.set_visible(list.first_child().is_some());
    }

    fn remove_button(&self, uri: &str) -> gtk::Button {
        let words = gettext_f("Remove {connection}", &[("connection", &words::connection(uri))]);
        let button = gtk::Button::builder()
            .icon_name("user-trash-symbolic")
            .valign(gtk::Align::Center)
            .tooltip_text(&words)
            .css_classes(["flat"])
            .build();
        button.update_property(&[gtk::accessible::Property::Label(&words)]);
        let (weak, uri) = (self.downgrade(), uri.to_owned());
        button.connect_clicked(move |_| {
            let Some(window) = weak.upgrade() else { return };
            let mut rest = connections();
            rest.retain(|other| *other != uri);
            window.imp().memory.set_connections(&rest);
            window.host().remove(&uri);
        });
        button
    }

    fn new_connection(&self) -> adw::PreferencesGroup {
        let group = adw::PreferencesGroup::builder()
            .title(gettext("New Connection"))
            .description(gettext(
                "Such as qemu+ssh://you@host/system, or only you@host. Machines of another computer can be switched and looked at from here; their displays can be opened only there.",
            ))
            .build();
        let entry = adw::EntryRow::builder().title(gettext("URI")).show_apply_button(true).build();
        entry.set_input_purpose(gtk::InputPurpose::Url);
        let hint =
            gtk::Label::builder().wrap(true).xalign(0.0).margin_top(6).css_classes(["caption"]).build();
        group.add(&entry);
        group.add(&hint);
        entry.connect_changed(glib::clone!(
            #[weak]
            hint,
            move |entry| {
                let words = match Address::parse(&entry.text()) {
                    Ok(address) if is_remote(address.as_str()) => gettext(
                        "Over SSH, libvirt asks nobody for a password: it needs a key that the other computer knows.",
                    ),
                    Ok(_) => String::new(),
                    Err(error) => words::address(error),
                };
                entry.remove_css_class("error");
                hint.set_label(&words);
            }
        ));
        let weak = self.downgrade();
        entry.connect_apply(move |entry| {
            let Some(window) = weak.upgrade() else { return };
            match Address::parse(&entry.text()) {
                Ok(address) => {
                    window.add_connection(&address);
                    entry.set_text("");
                }
                Err(error) => {
                    entry.add_css_class("error");
                    hint.set_label(&words::address(error));
                }
            }
        });
        group
    }

    fn add_connection(&self, address: &Address) {
        let mut all = connections();
        let uri = address.as_str().to_owned();
        if !all.contains(&uri) {
            all.push(uri);
            self.imp().memory.set_connections(&all);
        }
        self.host().add(address.as_str());
    }
}

fn how(status: &Status) -> String {
    match status {
        Status::Connected => gettext("Connected"),
        Status::Connecting => gettext("Connecting…"),
        Status::Lost(LibvirtError::Refused { .. }) => gettext("Refused"),
        Status::Lost(LibvirtError::Silent { .. }) => gettext("Does not answer"),
        Status::Lost(_) => gettext("Not connected"),
    }
}
