//! What is remembered of a machine's clipboard: what the person let happen, and how.

use gtk::gio;
use gtk::prelude::*;

use crate::clipboard::{Consent, LineEnds, Settings};
use crate::window::settings::{number_in, numbered};

const TO_GUEST: &str = "clipboard-to-machine";
const TO_HOST: &str = "clipboard-from-machine";
const PRIMARY: &str = "clipboard-selected";
const LONGEST: &str = "clipboard-longest";
const LINE_ENDS: &str = "clipboard-line-ends";

/// Bytes that the schema counts as one.
pub(super) const MIB: usize = 1024 * 1024;

/// In the order of their numbers in the schema.
const CONSENTS: [Consent; 3] = [Consent::Unasked, Consent::Given, Consent::Refused];
pub(super) const ENDS: [LineEnds; 3] = [LineEnds::Auto, LineEnds::Unix, LineEnds::Windows];

/// What the person wants of this machine.
pub(super) fn read(store: &gio::Settings) -> Settings {
    Settings {
        to_guest: numbered(&CONSENTS, store.enum_(TO_GUEST)),
        to_host: numbered(&CONSENTS, store.enum_(TO_HOST)),
        primary: store.boolean(PRIMARY),
        longest: usize::try_from(store.uint(LONGEST)).unwrap_or(usize::MAX).saturating_mul(MIB),
        line_ends: numbered(&ENDS, store.enum_(LINE_ENDS)),
    }
}

/// Keeps it.
pub(super) fn write(store: &gio::Settings, settings: &Settings) {
    let done = store
        .set_enum(TO_GUEST, number_in(&CONSENTS, &settings.to_guest))
        .and_then(|()| store.set_enum(TO_HOST, number_in(&CONSENTS, &settings.to_host)))
        .and_then(|()| store.set_boolean(PRIMARY, settings.primary))
        .and_then(|()| store.set_uint(LONGEST, u32::try_from(settings.longest / MIB).unwrap_or(u32::MAX)))
        .and_then(|()| store.set_enum(LINE_ENDS, number_in(&ENDS, &settings.line_ends)));
    if let Err(error) = done {
        tracing::warn!(%error, "what was decided about the clipboard cannot be remembered");
    }
}
