//! The dialog that shows a machine's definition, to read and to copy.

use adw::subclass::prelude::*;

use super::LibraryWindow;
use super::facts::Fact;
use crate::window::i18n::{gettext, gettext_f};
use crate::window::monospace;

/// What is known of the chosen machine's definition.
#[derive(Debug, Default)]
pub(super) struct Definition {
    /// What of it is said beside the machine's screens.
    pub(super) drawing: Vec<Fact>,
    /// Whether it is to be shown as soon as it comes.
    pub(super) is_wanted: bool,
}

impl LibraryWindow {
    /// Shows the definition as it is now, once that has come.
    pub(super) fn want_definition(&self) {
        let key = self.imp().chosen.borrow().clone();
        if let Some(key) = key {
            self.imp().definition.borrow_mut().is_wanted = true;
            self.host().define(&key);
        }
    }

    pub(super) fn show_definition(&self, text: String) {
        let name = self.chosen().map(|entry| entry.name().to_owned()).unwrap_or_default();
        let title = gettext_f("Definition of {name}", &[("name", &name)]);
        let copy = (&*gettext("Copy Definition"), gettext("Definition copied"));
        monospace::present(self, &title, text, copy, (720, 560));
    }
}
