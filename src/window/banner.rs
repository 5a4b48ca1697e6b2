//! The banner above a picture that cannot be shown: what was refused, by whom, and what to try.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::{MachineWindow, words};
use crate::present::Status;

impl MachineWindow {
    pub(super) fn watch_refusals(&self) {
        self.view().connect_status_changed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.tell_refusal()
        ));
        self.connect_console_shown(|window| window.imp().banner.set_revealed(false));
    }

    fn tell_refusal(&self) {
        let banner = self.imp().banner.get();
        match self.view().status() {
            Some(Status::Refused { refused }) => {
                let path = self.console().map(|console| console.stats.current_path()).unwrap_or_default();
                let words = words::picture::refusal(&refused, &path);
                if !banner.is_revealed() {
                    self.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
                }
                banner.set_title(&glib::markup_escape_text(&words));
                banner.set_revealed(true);
            }
            Some(Status::Showing { .. }) => banner.set_revealed(false),
            // Another output is on its way: it says what comes next.
            Some(Status::Idle | Status::Gone { .. }) | None => {}
        }
    }
}
