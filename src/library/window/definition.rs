//! The dialog that shows a machine's definition, to read and to copy.

use adw::subclass::prelude::*;

use super::LibraryWindow;
use crate::window::i18n::{gettext, gettext_f};
use crate::window::monospace;

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
        let title = gettext_f("Definition of {name}", &[("name", &name)]);
        let copy = (&*gettext("Copy Definition"), gettext("Definition copied"));
        monospace::present(self, &title, text, copy, (720, 560));
    }
}
