//! What the person prefers, for every machine, and where it is kept.

use std::path::Path;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::MachineWindow;
use crate::present::{Colour, Options, Presenting, Wanted};
use crate::session::Boosting;

const SCHEMA: &str = crate::APP_ID;

/// Whether statistics lie over the picture.
pub(super) const STATISTICS: &str = "statistics";
/// Whether each picture is copied at the moment of its update.
pub(super) const SNAPSHOT: &str = "snapshot";
/// Whether QEMU is asked for a vGPU's picture at the monitor's rate.
pub(super) const RAISE_RATE: &str = "raise-rate";
/// Whether that is also done through libvirt.
pub(super) const RAISE_RATE_OF_LIBVIRT: &str = "raise-rate-of-libvirt";
/// The way that the picture is to take.
pub(super) const PRESENT: &str = "present";

/// The colour around the picture.
pub(super) const BACKGROUND: &str = "background";

/// What the person prefers. Nothing is remembered where the schema is not installed.
#[derive(Debug)]
pub(super) struct Settings(Option<gio::Settings>);

impl Default for Settings {
    fn default() -> Self {
        let store = store();
        if store.is_none() {
            tracing::warn!("the settings' schema {SCHEMA} is not installed: preferences are not remembered");
        }
        Self(store)
    }
}

/// Where preferences are kept; `None` where the schema is not installed.
pub fn store() -> Option<gio::Settings> {
    Some(gio::Settings::new_full(&schema(SCHEMA)?, gio::SettingsBackend::NONE, None))
}

impl Settings {
    /// Where they are kept, if they can be.
    pub(super) fn store(&self) -> Option<&gio::Settings> {
        self.0.as_ref()
    }

    fn is(&self, key: &str) -> bool {
        // As in the schema, which may be missing.
        self.0.as_ref().map_or(key == RAISE_RATE, |store| store.boolean(key))
    }

    /// Whether statistics lie over the picture.
    pub(super) fn statistics(&self) -> bool {
        self.is(STATISTICS)
    }

    pub(super) fn set_statistics(&self, shown: bool) {
        let Some(store) = &self.0 else { return };
        if let Err(error) = store.set_boolean(STATISTICS, shown) {
            tracing::warn!(%error, "a setting cannot be remembered");
        }
    }

    /// The colour around the picture; black where what is kept is none.
    pub(super) fn background(&self) -> Colour {
        let kept = self.0.as_ref().map(|store| store.string(BACKGROUND));
        kept.and_then(|text| Colour::parse(&text)).unwrap_or_default()
    }

    fn present(&self) -> Wanted {
        let chosen = self.0.as_ref().map_or(0, |store| store.enum_(PRESENT));
        WAYS.iter().find(|(number, _)| *number == chosen).map_or(Wanted::Auto, |(_, wanted)| *wanted)
    }
}

/// The ways by their numbers in the schema.
const WAYS: [(i32, Wanted); 6] = [
    (0, Wanted::Auto),
    (1, Wanted::Direct),
    (2, Wanted::Compose),
    (3, Wanted::Bridge),
    (4, Wanted::Copy),
    (5, Wanted::Gtk),
];

impl MachineWindow {
    /// Follows the preferences from now on.
    pub(super) fn watch_settings(&self) {
        self.apply_settings();
        let Some(store) = self.imp().settings.store() else { return };
        store.connect_changed(
            None,
            glib::clone!(
                #[weak(rename_to = window)]
                self,
                move |_, key| match key {
                    STATISTICS => window.show_statistics(window.imp().settings.statistics()),
                    _ => window.apply_settings(),
                }
            ),
        );
    }

    /// Brings picture and machine in line with the preferences; the command line has the last word.
    fn apply_settings(&self) {
        let (setup, settings) = (self.setup(), &self.imp().settings);
        let boost = match (settings.is(RAISE_RATE), settings.is(RAISE_RATE_OF_LIBVIRT)) {
            (true, true) => Boosting::Everywhere,
            (true, false) => Boosting::Auto,
            (false, _) => Boosting::Off,
        };
        if self.is_main() {
            self.remote().set_boost(setup.boost.unwrap_or(boost));
        }
        self.tell_keyboard();
        // Heads to come look like the picture of nothing.
        for view in self.views().into_iter().chain([self.imp().nothing.clone()]) {
            view.set_background(settings.background());
            view.set_options(self.options());
            self.apply_keyboard(&view);
            self.apply_pointer(&view);
        }
    }

    /// How pictures are to be presented.
    pub(super) fn options(&self) -> Options {
        let (setup, settings) = (self.setup(), &self.imp().settings);
        let snapshot = setup.snapshot || settings.is(SNAPSHOT);
        Options {
            rung: setup.present.unwrap_or_else(|| settings.present()),
            presenting: if snapshot { Presenting::Snapshot } else { Presenting::Live },
        }
    }
}

/// A schema of ours, also where it is not installed but built.
pub(super) fn schema(id: &str) -> Option<gio::SettingsSchema> {
    let installed = gio::SettingsSchemaSource::default();
    let source = match option_env!("ORIEL_SCHEMA_DIR") {
        Some(built) => {
            gio::SettingsSchemaSource::from_directory(Path::new(built), installed.as_ref(), false).ok()
        }
        None => installed,
    };
    source?.lookup(id, true)
}

/// What has this number in a list of the schema's; the usual one where none has.
pub(super) fn numbered<T: Copy + Default>(list: &[T], number: i32) -> T {
    usize::try_from(number).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
}

/// The number of one of a list's.
pub(super) fn number_in<T: PartialEq>(list: &[T], wanted: &T) -> i32 {
    list.iter().position(|one| one == wanted).and_then(|at| i32::try_from(at).ok()).unwrap_or(0)
}
