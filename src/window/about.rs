//! The dialog that says what Oriel is, from what the desktop is told of it.

use adw::prelude::*;

use super::MachineWindow;
use super::i18n::gettext;

const METAINFO: &str = "/io/github/oriel_viewer/Oriel/metainfo.xml";

impl MachineWindow {
    pub(super) fn show_about(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let dialog = adw::AboutDialog::from_appdata(METAINFO, Some(version));
        dialog.set_version(version);
        dialog.set_copyright("© 2026 The Oriel contributors");
        // Translators: Your names, one a line, each with an e-mail address if you like.
        let translators = gettext("translator-credits");
        if translators != "translator-credits" {
            dialog.set_translator_credits(&translators);
        }
        dialog.set_debug_info(&self.diagnostics());
        dialog.set_debug_info_filename("oriel.txt");
        dialog.present(Some(self));
    }

    /// What somebody who is to help needs to know first.
    fn diagnostics(&self) -> String {
        let display = gtk::prelude::WidgetExt::display(self);
        let renderer = self.renderer().map(|renderer| renderer.type_().name());
        [
            format!("Oriel {}", env!("CARGO_PKG_VERSION")),
            format!("GTK {}.{}.{}", gtk::major_version(), gtk::minor_version(), gtk::micro_version()),
            format!("libadwaita {}.{}.{}", adw::major_version(), adw::minor_version(), adw::micro_version()),
            format!("Display: {}", display.type_().name()),
            format!("Renderer: {}", renderer.unwrap_or("none")),
            format!("Picture: {:?}", self.view().status()),
            format!("Path: {:?}", self.console().map(|console| console.stats.current_path())),
        ]
        .join("\n")
    }
}
