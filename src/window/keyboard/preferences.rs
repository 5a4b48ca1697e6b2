//! When the guest takes the keyboard, which keys give it back, what becomes of lock keys.

use adw::prelude::*;
use gtk::{gio, glib};

use super::words::{Desktop, fault};
use crate::input::grab::When;
use crate::input::{Combination, Sync};
use crate::window::i18n::gettext;
use crate::window::preferences::choice;
use crate::window::settings::{Settings, numbered};

/// When the guest takes the desktop's shortcuts by itself.
const GRAB: &str = "grab";
/// The keys that give the keyboard back.
const RELEASE: &str = "release-keys";
/// Which way lock keys are kept the same.
const LOCKS: &str = "lock-keys";

/// What is taken where nothing else is kept.
const CTRL_ALT: &str = "Ctrl+Alt";

/// In the order of their numbers in the schema.
const WHEN: [When; 4] = [When::Never, When::Click, When::Hover, When::Fullscreen];
const SYNC: [Sync; 3] = [Sync::Off, Sync::ToGuest, Sync::Both];

/// What the person prefers.
#[derive(Debug)]
pub(in crate::window) struct Chosen {
    pub(in crate::window) when: When,
    pub(in crate::window) release: Combination,
    pub(in crate::window) locks: Sync,
}

impl Settings {
    /// What the person prefers of the keyboard.
    pub(in crate::window) fn keyboard(&self) -> Chosen {
        let Some(store) = self.store() else {
            return Chosen { when: When::default(), release: ctrl_alt(), locks: Sync::default() };
        };
        Chosen {
            when: numbered(&WHEN, store.enum_(GRAB)),
            release: release(store),
            locks: numbered(&SYNC, store.enum_(LOCKS)),
        }
    }
}

fn ctrl_alt() -> Combination {
    CTRL_ALT.parse().expect("a combination")
}

/// The keys that are kept, or the usual ones where those are none: nobody is to be locked in.
fn release(store: &gio::Settings) -> Combination {
    store.string(RELEASE).parse().unwrap_or_else(|error| {
        tracing::warn!(%error, "the release keys that are kept are none");
        ctrl_alt()
    })
}

/// The preferences of the keyboard.
pub(in crate::window) fn group(store: &gio::Settings) -> adw::PreferencesGroup {
    let group = adw::PreferencesGroup::builder()
        .title(gettext("Keyboard"))
        .description(gettext(
            "With all keys, the machine also gets those that the desktop takes for itself, such as Alt+Tab.",
        ))
        .build();
    let when = [
        gettext("Only When Chosen in the Menu"),
        gettext("When You Click Into the Picture"),
        gettext("When the Pointer Is Over the Picture"),
        gettext("While the Picture Fills the Screen"),
    ];
    group.add(&choice(
        store,
        GRAB,
        &gettext("Give the Machine All Keys"),
        "",
        &when,
        &["never", "click", "hover", "fullscreen"],
    ));
    group.add(&release_keys(store));
    let mut locks = vec![gettext("Leave Alone"), gettext("As on This Computer")];
    // No client of Wayland may set the desktop's: it is offered there only to those who have chosen it.
    if Desktop::here() == Desktop::X11 || store.string(LOCKS) == "both" {
        locks.push(gettext("Both Follow Each Other"));
    }
    group.add(&choice(
        store,
        LOCKS,
        &gettext("Caps Lock and Num Lock"),
        &gettext("When the machine gets the keyboard"),
        &locks,
        &["off", "to-guest", "both"],
    ));
    group
}

/// The keys that give the keyboard back, as people write them.
fn release_keys(store: &gio::Settings) -> adw::EntryRow {
    let row = adw::EntryRow::builder()
        .title(gettext("Keys That Give the Keyboard Back"))
        .text(release(store).to_string())
        .use_markup(false)
        .show_apply_button(true)
        .build();
    let check = |row: &adw::EntryRow| {
        let parsed = row.text().parse::<Combination>();
        let words = parsed.as_ref().err().map(fault);
        row.set_tooltip_text(words.as_deref());
        match words {
            Some(words) => {
                row.add_css_class("error");
                let accessible: &gtk::Widget = row.upcast_ref();
                accessible.update_property(&[gtk::accessible::Property::Description(&words)]);
            }
            None => row.remove_css_class("error"),
        }
        parsed.ok()
    };
    row.connect_changed(move |row| drop(check(row)));
    let store = store.clone();
    row.connect_apply(move |row| {
        let Some(combination) = check(row) else { return };
        let written = combination.to_string();
        if let Err(error) = store.set_string(RELEASE, &written) {
            tracing::warn!(%error, "a setting cannot be remembered");
        }
        // As we write it; not while the row is still at it.
        let row = row.downgrade();
        glib::idle_add_local_once(move || {
            if let Some(row) = row.upgrade() {
                row.set_text(&written);
            }
        });
    });
    row
}
