//! The dialog that lists the keys which are not the guest's.

use adw::prelude::*;
use gtk::gdk;

use super::MachineWindow;
use super::i18n::gettext;

impl MachineWindow {
    pub(super) fn show_shortcuts(&self) {
        let always = adw::PreferencesGroup::builder()
            .title(gettext("Always"))
            .description(gettext("All other keys go to the machine while its picture has the keyboard."))
            .build();
        let (none, control) = (gdk::ModifierType::empty(), gdk::ModifierType::CONTROL_MASK);
        always.add(&row(&gettext("Fullscreen"), gdk::Key::F11, none));
        let both = control | gdk::ModifierType::ALT_MASK;
        always.add(&row(&gettext("Statistics"), gdk::Key::i, both));
        for (title, key) in Self::look_shortcuts() {
            always.add(&row(&title, key, both));
        }

        let pages = adw::PreferencesGroup::builder()
            .title(gettext("While There Is No Picture"))
            .description(gettext("These also work after a click into the header bar."))
            .build();
        pages.add(&row(&gettext("Reconnect"), gdk::Key::r, control));
        pages.add(&row(&gettext("Main Menu"), gdk::Key::F10, none));
        pages.add(&row(&gettext("Preferences"), gdk::Key::comma, control));
        pages.add(&row(&gettext("Keyboard Shortcuts"), gdk::Key::question, control));
        pages.add(&row(&gettext("Close Window"), gdk::Key::w, control));

        let page = adw::PreferencesPage::new();
        page.add(&always);
        page.add(&pages);
        let bars = adw::ToolbarView::builder().content(&page).build();
        bars.add_top_bar(&adw::HeaderBar::new());
        let dialog = adw::Dialog::builder()
            .title(gettext("Keyboard Shortcuts"))
            .child(&bars)
            .content_width(420)
            .build();
        dialog.present(Some(self));
    }
}

/// What a key does, and the key as it is printed on the person's keyboard.
fn row(title: &str, key: gdk::Key, modifiers: gdk::ModifierType) -> adw::ActionRow {
    let written = gtk::accelerator_get_label(key, modifiers);
    let keys = gtk::Box::builder().spacing(6).valign(gtk::Align::Center).build();
    // A plus at the end is the key itself.
    let plus = written.ends_with('+').then_some("+");
    for part in written.split('+').filter(|part| !part.is_empty()).chain(plus) {
        keys.append(&gtk::Label::builder().label(part).css_classes(["keycap"]).build());
    }
    let row = adw::ActionRow::builder().title(title).use_markup(false).build();
    let accessible: &gtk::Widget = row.upcast_ref();
    accessible.update_property(&[gtk::accessible::Property::KeyShortcuts(&written)]);
    row.add_suffix(&keys);
    row
}
