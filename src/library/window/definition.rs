//! The dialog that shows a machine's definition, to read and to copy.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::LibraryWindow;
use crate::window::i18n::{gettext, gettext_f};

impl LibraryWindow {
    /// Shows the definition as it is now, once that has come.
    pub(super) fn want_definition(&self) {
        let key = self.imp().chosen.borrow().clone();
        if let Some(key) = key {
            self.imp().definition_wanted.set(true);
            self.host().define(&key);
        }
    }

    pub(super) fn show_definition(&self) {
        let Some(text) = self.imp().definition.borrow().clone() else { return };
        let name = self.chosen().map(|entry| entry.name().to_owned()).unwrap_or_default();
        let view = gtk::TextView::builder()
            .editable(false)
            .cursor_visible(false)
            .monospace(true)
            .top_margin(12)
            .bottom_margin(12)
            .left_margin(12)
            .right_margin(12)
            .css_classes(["inline"])
            .build();
        view.buffer().set_text(&text);
        view.update_property(&[gtk::accessible::Property::Label(&gettext("Definition"))]);
        let scroller = gtk::ScrolledWindow::builder().child(&view).vexpand(true).build();
        let copy = gtk::Button::builder()
            .label(gettext("_Copy"))
            .use_underline(true)
            .tooltip_text(gettext("Copy Definition"))
            .build();
        let header = adw::HeaderBar::new();
        header.pack_start(&copy);
        let bars = adw::ToolbarView::builder().content(&scroller).build();
        bars.add_top_bar(&header);
        let toasts = adw::ToastOverlay::new();
        toasts.set_child(Some(&bars));
        copy.connect_clicked(glib::clone!(
            #[weak]
            toasts,
            move |button| {
                button.clipboard().set_text(&text);
                toasts.add_toast(adw::Toast::new(&gettext("Definition copied")));
            }
        ));
        let dialog = adw::Dialog::builder()
            .title(gettext_f("Definition of {name}", &[("name", &name)]))
            .child(&toasts)
            .content_width(720)
            .content_height(560)
            .build();
        dialog.present(Some(self));
    }
}
