//! What is remembered of a machine's clipboard: what the person let happen, and how.

use gtk::gio;
use gtk::prelude::*;

use crate::clipboard::{Consent, LineEnds, Settings};

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
        to_guest: at(&CONSENTS, store.enum_(TO_GUEST)),
        to_host: at(&CONSENTS, store.enum_(TO_HOST)),
        primary: store.boolean(PRIMARY),
        longest: usize::try_from(store.uint(LONGEST)).unwrap_or(usize::MAX).saturating_mul(MIB),
        line_ends: at(&ENDS, store.enum_(LINE_ENDS)),
    }
}

/// Keeps it.
pub(super) fn write(store: &gio::Settings, settings: &Settings) {
    let done = store
        .set_enum(TO_GUEST, place(&CONSENTS, settings.to_guest))
        .and_then(|()| store.set_enum(TO_HOST, place(&CONSENTS, settings.to_host)))
        .and_then(|()| store.set_boolean(PRIMARY, settings.primary))
        .and_then(|()| store.set_uint(LONGEST, u32::try_from(settings.longest / MIB).unwrap_or(u32::MAX)))
        .and_then(|()| store.set_enum(LINE_ENDS, place(&ENDS, settings.line_ends)));
    if let Err(error) = done {
        tracing::warn!(%error, "what was decided about the clipboard cannot be remembered");
    }
}

fn at<T: Copy + Default>(list: &[T], number: i32) -> T {
    usize::try_from(number).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
}

/// The number of one of a list's entries.
pub(super) fn place<T: Copy + PartialEq>(list: &[T], one: T) -> i32 {
    list.iter().position(|other| *other == one).and_then(|at| i32::try_from(at).ok()).unwrap_or_default()
}
