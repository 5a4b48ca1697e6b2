//! The dialog of preferences, each of which takes effect at once.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, gio};

use super::MachineWindow;
use super::i18n::gettext;
use super::settings::{BACKGROUND, PRESENT, RAISE_RATE, RAISE_RATE_OF_LIBVIRT, SNAPSHOT, STATISTICS};
use crate::present::Colour;

impl MachineWindow {
    pub(super) fn show_preferences(&self) {
        let Some(store) = self.imp().settings.store() else { return };
        let page = adw::PreferencesPage::new();
        for group in [
            picture(store),
            super::keyboard::group(store),
            super::pointer::group(store),
            rate(store),
            way(store),
        ] {
            page.add(&group);
        }
        page.add(&self.clipboard_group());
        let dialog = adw::PreferencesDialog::builder().title(gettext("Preferences")).build();
        dialog.add(&page);
        dialog.present(Some(self));
    }
}

fn picture(store: &gio::Settings) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder().title(gettext("Picture")).build();
    group.add(&background(store));
    group.add(&switch(
        store,
        STATISTICS,
        &gettext("Statistics"),
        &gettext("Show over the picture which way it takes, how often and how fast"),
    ));
    group.add(&switch(
        store,
        SNAPSHOT,
        &gettext("Snapshots"),
        &gettext(
            "For guests that draw into the picture that is being shown: copy it at each update, so that it is never seen half drawn",
        ),
    ));
    group
}

/// The colour around the picture.
fn background(store: &gio::Settings) -> adw::ActionRow {
    let title = gettext("Background");
    let dialog = gtk::ColorDialog::builder().title(&title).with_alpha(false).build();
    let button = gtk::ColorDialogButton::builder().dialog(&dialog).valign(gtk::Align::Center).build();
    let colour = Colour::parse(&store.string(BACKGROUND)).unwrap_or_default();
    let [red, green, blue] = colour.parts();
    button.set_rgba(&gdk::RGBA::new(red, green, blue, 1.0));
    let store = store.clone();
    button.connect_rgba_notify(move |button| {
        let rgba = button.rgba();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of 1")]
        let byte = |part: f32| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
        let colour = Colour([rgba.red(), rgba.green(), rgba.blue()].map(byte));
        if let Err(error) = store.set_string(BACKGROUND, &colour.to_string()) {
            tracing::warn!(%error, "a setting cannot be remembered");
        }
    });
    let row = adw::ActionRow::builder()
        .title(title)
        .subtitle(gettext("The colour around the picture"))
        .use_markup(false)
        .activatable_widget(&button)
        .build();
    row.add_suffix(&button);
    row
}

fn rate(store: &gio::Settings) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder()
        .title(gettext("Virtual GPUs"))
        .description(gettext(
            "By itself QEMU looks for a new picture of a virtual GPU 33 times a second. Oriel can have it look as often as your monitor shows one.",
        ))
        .build();
    group.add(&switch(
        store,
        RAISE_RATE,
        &gettext("Raise the Update Rate"),
        &gettext("Of machines that Oriel has started, or reached by their QMP socket"),
    ));
    group.add(&switch(
        store,
        RAISE_RATE_OF_LIBVIRT,
        &gettext("Also Through libvirt"),
        &gettext(
            "libvirt marks a machine as “tainted” when anything else uses its monitor: it runs as before, but support may refuse to look into it",
        ),
    ));
    group
}

fn way(store: &gio::Settings) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder()
        .title(gettext("Advanced"))
        .description(gettext("What cannot take the chosen way is not shown."))
        .build();
    let ways = [
        gettext("Automatic"),
        gettext("The guest’s own buffer"),
        gettext("Drawn by the GPU"),
        gettext("Copied between GPUs"),
        gettext("Copied by the processor"),
        gettext("Drawn by GTK"),
    ];
    let nicks = &["auto", "direct", "compose", "bridge", "copy", "gtk"];
    group.add(&choice(store, PRESENT, &gettext("Way to the Screen"), "", &ways, nicks));
    group
}

/// One of several, by its nick in the schema.
pub(super) fn choice(
    store: &gio::Settings,
    key: &str,
    title: &str,
    subtitle: &str,
    labels: &[String],
    nicks: &'static [&'static str],
) -> adw::ComboRow {
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let model = gtk::StringList::new(&labels);
    let row =
        adw::ComboRow::builder().title(title).subtitle(subtitle).use_markup(false).model(&model).build();
    store
        .bind(key, &row, "selected")
        .mapping(move |nick, _| {
            let place = nicks.iter().position(|known| Some(*known) == nick.str())?;
            u32::try_from(place).ok().map(Into::into)
        })
        .set_mapping(move |place, _| {
            let place: u32 = place.get().ok()?;
            nicks.get(usize::try_from(place).ok()?).map(|nick| nick.to_variant())
        })
        .build();
    row
}

/// On or off.
pub(super) fn switch(store: &gio::Settings, key: &str, title: &str, subtitle: &str) -> adw::SwitchRow {
    let row = adw::SwitchRow::builder().title(title).subtitle(subtitle).use_markup(false).build();
    store.bind(key, &row, "active").build();
    row
}
