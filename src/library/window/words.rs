//! Everything that the library says.

use crate::library::model::{Address, AddressError, Condition, Entry, Group, Obstacle, Place, Primary};
use crate::source::libvirt::{LibvirtError, Operation, SESSION, SYSTEM, Status};
use crate::window::i18n::{gettext, gettext_f};
use crate::window::words::{libvirt, power};

/// What a connection is called.
pub(super) fn connection(uri: &str) -> String {
    match uri {
        SYSTEM => gettext("This Computer"),
        SESSION => gettext("Your Own Machines"),
        uri => Address::host(uri).map_or_else(|| uri.to_owned(), str::to_owned),
    }
}

/// What stands over machines that belong together.
pub(super) fn group(group: &Group) -> Option<String> {
    Some(match group {
        Group::Place(place) => self::place(place),
        Group::Running => gettext("Running"),
        Group::NotRunning => gettext("Not Running"),
        Group::All => return None,
    })
}

/// Where a machine is.
pub(super) fn place(place: &Place) -> String {
    match place {
        Place::Connection(uri) => connection(uri),
        Place::Bus => gettext("On D-Bus"),
        Place::Launched => gettext("Launched Lately"),
    }
}

/// How a machine is.
pub(super) fn condition(condition: Condition, entry: &Entry) -> String {
    let saved = entry.domain().is_some_and(|machine| machine.saved);
    match condition {
        Condition::Known(state) => power::state(state, saved),
        Condition::Stale(state) => {
            let state = power::state(state, saved);
            gettext_f("{state}, when last heard of", &[("state", &state)])
        }
        Condition::OnBus => gettext("Running"),
        Condition::Silent => gettext("Does not answer"),
        Condition::Launched(at) => match launched_at(at) {
            Some(time) => gettext_f("Launched {time}", &[("time", &time)]),
            None => gettext("Launched lately"),
        },
    }
}

fn launched_at(at: u64) -> Option<String> {
    let time = gtk::glib::DateTime::from_unix_local(i64::try_from(at).ok()?).ok()?;
    time.format("%x, %H:%M").ok().map(String::from)
}

/// The displays that a machine has.
pub(super) fn displays(entry: &Entry) -> String {
    let word = |kind: &str| match kind {
        "dbus" => gettext("D-Bus display"),
        "spice" => "SPICE".to_owned(),
        "vnc" => "VNC".to_owned(),
        other => other.to_owned(),
    };
    let words: Vec<String> = entry.displays().into_iter().map(word).collect();
    if words.is_empty() { gettext("no display") } else { words.join(", ") }
}

/// What a machine's one button says.
pub(super) fn primary(primary: Primary) -> String {
    match primary {
        Primary::Open => gettext("_Open"),
        Primary::StartAndOpen | Primary::Launch | Primary::Operate(Operation::Start) => gettext("_Start"),
        Primary::Operate(operation) => power::label(operation),
        Primary::MakeReady => gettext("_Make Ready…"),
        Primary::Nothing(_) => gettext("_Open"),
    }
}

/// The picture on a machine's one button.
pub(super) fn icon(primary: Primary) -> &'static str {
    match primary {
        Primary::Open | Primary::Nothing(_) => "video-display-symbolic",
        Primary::MakeReady => "document-edit-symbolic",
        Primary::Operate(Operation::ForceOff) => "system-shutdown-symbolic",
        Primary::StartAndOpen | Primary::Launch | Primary::Operate(_) => "media-playback-start-symbolic",
    }
}

/// What there is to know about a machine's one button.
pub(super) fn advice(primary: Primary, entry: &Entry) -> Option<String> {
    Some(match primary {
        Primary::MakeReady if entry.displays().is_empty() => {
            gettext("This machine has no display. Oriel can give it one.")
        }
        Primary::MakeReady => gettext(
            "Oriel shows D-Bus displays, and this machine has none. Oriel can change its definition, and says first what will change.",
        ),
        Primary::Nothing(Obstacle::NoConnection) => gettext("libvirt cannot be asked at the moment."),
        Primary::Nothing(Obstacle::Remote) => gettext(
            "This machine runs on another computer, which alone can show its display: start Oriel there. From here it can be switched and looked at.",
        ),
        Primary::Nothing(Obstacle::Passing) => gettext("It goes on by itself in a moment."),
        Primary::Nothing(Obstacle::Silent) => gettext("QEMU does not answer. It may be stopped, or busy."),
        Primary::Open if entry.domain().is_some() => gettext(
            "Only one viewer at a time has this machine’s display: another one that shows it now loses it to Oriel.",
        ),
        _ => return None,
    })
}

/// How a connection is; `None` where there is nothing to say.
pub(super) fn status(uri: &str, status: &Status) -> Option<(String, String)> {
    match status {
        Status::Connected => None,
        Status::Connecting => Some((connection(uri), gettext("Connecting…"))),
        Status::Lost(error) => Some((connection(uri), libvirt::libvirt(error).body)),
    }
}

/// Whether somebody has to do something before a connection can come back.
pub(super) fn needs_retry(status: &Status) -> bool {
    matches!(status, Status::Lost(error) if !error.may_pass())
}

/// Why a machine's definition cannot be shown.
pub(super) fn no_definition(error: &LibvirtError) -> String {
    gettext_f("The definition cannot be read: {error}", &[("error", &power::reason(error))])
}

/// What is wrong with what was typed.
pub(super) fn address(error: AddressError) -> String {
    match error {
        AddressError::Empty => String::new(),
        AddressError::NoScheme => gettext("A connection is a URI such as qemu+ssh://you@host/system."),
        AddressError::Blank => gettext("A URI has no spaces."),
        AddressError::NoDriver => gettext("What stands before “://” is missing, such as qemu."),
        AddressError::NoHost => gettext("The computer’s name is missing after “://”."),
        AddressError::NoPath => gettext("The end is missing: /system or /session."),
    }
}
