//! A dialog with a line to fill in, which says what is wrong with it.

use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::MachineWindow;
use super::i18n::gettext;

/// What is asked, and how.
pub(super) struct Line<'a> {
    pub(super) heading: &'a str,
    pub(super) body: &'a str,
    pub(super) title: &'a str,
    /// What stands there to begin with.
    pub(super) text: &'a str,
    /// What is said of a line with which nothing is wrong, or which is empty.
    pub(super) hint: String,
    /// The label of the button that accepts it.
    pub(super) accept: &'a str,
}

const ACCEPT: &str = "accept";

impl MachineWindow {
    /// Asks for a line; `read` makes of it what is wanted, or tells what is wrong. `extra` is shown below.
    pub(super) fn ask_for_line<T: 'static>(
        &self,
        line: Line<'_>,
        extra: Option<&gtk::Widget>,
        read: impl Fn(&str) -> Result<T, String> + 'static,
        then: impl Fn(&Self, T) + 'static,
    ) {
        let Line { heading, body, title, text, hint, accept } = line;
        let entry = adw::EntryRow::builder()
            .title(title)
            .text(text)
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
        extra.into_iter().for_each(|extra| content.append(extra));
        let dialog = adw::AlertDialog::builder()
            .heading(heading)
            .body(body)
            .extra_child(&content)
            .close_response("cancel")
            .default_response(ACCEPT)
            .build();
        dialog.add_responses(&[("cancel", &gettext("_Cancel")), (ACCEPT, accept)]);
        dialog.set_response_appearance(ACCEPT, adw::ResponseAppearance::Suggested);
        let read = Rc::new(read);
        let check = glib::clone!(
            #[weak]
            dialog,
            #[weak]
            fault,
            #[strong]
            read,
            move |entry: &adw::EntryRow| {
                let text = entry.text();
                let wrong = read(&text).err();
                dialog.set_response_enabled(ACCEPT, wrong.is_none());
                match wrong.filter(|_| !text.is_empty()) {
                    Some(wrong) => {
                        entry.add_css_class("error");
                        fault.set_label(&wrong);
                    }
                    None => {
                        entry.remove_css_class("error");
                        fault.set_label(&hint);
                    }
                }
            }
        );
        check(&entry);
        entry.connect_changed(check);
        let (window, text) = (self.downgrade(), entry.clone());
        dialog.connect_response(Some(ACCEPT), move |_, _| {
            if let (Some(window), Ok(value)) = (window.upgrade(), read(&text.text())) {
                then(&window, value);
            }
        });
        dialog.present(Some(self));
        entry.grab_focus();
    }
}
