//! The dialog for a size that the menu does not offer.

use adw::prelude::*;
use gtk::glib;

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use crate::frame::Screen;
use crate::resolution::{Limits, NoSize, typed};

const CHOOSE: &str = "choose";

impl MachineWindow {
    pub(super) fn ask_for_size(&self) {
        let limits = self.size_limits();
        let shown = match self.view().screen() {
            Screen::Live(size) => size.to_string(),
            Screen::Waiting | Screen::Off => String::new(),
        };
        let entry = adw::EntryRow::builder()
            .title(gettext("Width × Height"))
            .text(shown)
            .activates_default(true)
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

        let dialog = adw::AlertDialog::builder()
            .heading(gettext("Custom Resolution"))
            .body(gettext("In pixels of the machine’s screen"))
            .extra_child(&content)
            .close_response("cancel")
            .default_response(CHOOSE)
            .build();
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), (CHOOSE, &gettext("_Set"))]);
        dialog.set_response_appearance(CHOOSE, adw::ResponseAppearance::Suggested);
        let check = glib::clone!(
            #[weak]
            dialog,
            #[weak]
            fault,
            move |entry: &adw::EntryRow| {
                let size = typed(&entry.text(), limits);
                dialog.set_response_enabled(CHOOSE, size.is_ok());
                let wrong = size.err().filter(|_| !entry.text().is_empty());
                if wrong.is_some() {
                    entry.add_css_class("error")
                } else {
                    entry.remove_css_class("error")
                }
                fault.set_label(&words(wrong, limits));
            }
        );
        check(&entry);
        entry.connect_changed(check);
        let weak = self.downgrade();
        let text = entry.clone();
        dialog.connect_response(Some(CHOOSE), move |_, _| {
            let (Some(window), Ok(size)) = (weak.upgrade(), typed(&text.text(), limits)) else { return };
            window.add_size(size);
            window.choose_size(size);
        });
        dialog.present(Some(self));
        entry.grab_focus();
    }
}

/// What is wrong with what was typed, or what may be.
fn words(wrong: Option<NoSize>, limits: Limits) -> String {
    let values = [("least", limits.least.to_string()), ("most", limits.most.to_string())];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    match wrong {
        Some(NoSize::Form) => gettext("Two numbers, as in 1920×1080"),
        Some(NoSize::Limits(..)) | None => gettext_f("From {least} to {most}", &values),
    }
}
