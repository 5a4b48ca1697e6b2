//! The dialog that says what Oriel is, from what the desktop is told of it.

use adw::prelude::*;

use super::MachineWindow;
use super::i18n::gettext;

const METAINFO: &str = "/io/github/oriel_viewer/Oriel/metainfo.xml";

impl MachineWindow {
    pub(super) fn show_about(&self) {
        present(self, &self.diagnostics());
    }
}

/// Says what Oriel is, over this window; `facts` is for those who are to help.
pub(crate) fn present(parent: &impl IsA<gtk::Widget>, facts: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let dialog = adw::AboutDialog::from_appdata(METAINFO, Some(version));
    dialog.set_version(version);
    dialog.set_copyright("© 2026 The Oriel contributors");
    // Translators: Your names, one a line, each with an e-mail address if you like.
    let translators = gettext("translator-credits");
    if translators != "translator-credits" {
        dialog.set_translator_credits(&translators);
    }
    if !facts.is_empty() {
        dialog.set_debug_info(facts);
        dialog.set_debug_info_filename("oriel.txt");
    }
    dialog.present(Some(parent));
}
