//! What there is to know about a broken connection, to read and to pass on.

use adw::prelude::*;

use super::i18n::gettext;
use super::{MachineWindow, monospace, words};

impl MachineWindow {
    pub(super) fn show_details(&self) {
        let Some(text) = words::details(&self.shared().known.borrow().state) else { return };
        let view = monospace::view(&text, &gettext("Details"));
        let scroller = gtk::ScrolledWindow::builder().child(&view).vexpand(true).build();

        let copy = gtk::Button::builder()
            .label(gettext("_Copy"))
            .use_underline(true)
            .tooltip_text(gettext("Copy Details"))
            .build();
        let header = adw::HeaderBar::new();
        header.pack_start(&copy);
        let bars = adw::ToolbarView::builder().content(&scroller).build();
        bars.add_top_bar(&header);
        let toasts = adw::ToastOverlay::new();
        toasts.set_child(Some(&bars));
        monospace::copy_with(&copy, &toasts, move || text.clone(), gettext("Details copied"));
        let dialog = adw::Dialog::builder()
            .title(gettext("Details"))
            .child(&toasts)
            .content_width(560)
            .content_height(360)
            .build();
        dialog.present(Some(self));
    }
}
