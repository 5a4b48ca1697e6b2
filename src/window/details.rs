//! What there is to know about a broken connection, to read and to pass on.

use super::i18n::gettext;
use super::{MachineWindow, monospace, words};

impl MachineWindow {
    pub(super) fn show_details(&self) {
        let Some(text) = words::details(&self.shared().known.borrow().state) else { return };
        let copy = (&*gettext("Copy Details"), gettext("Details copied"));
        monospace::present(self, &gettext("Details"), text, copy, (560, 360));
    }
}
