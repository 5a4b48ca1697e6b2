//! What goes wrong with libvirt, in words for people.

use super::Told;
use crate::source::libvirt::LibvirtError;
use crate::window::i18n::{gettext, gettext_f};

/// Why libvirt does not give us a machine.
pub(crate) fn libvirt(error: &LibvirtError) -> Told {
    use LibvirtError as E;
    let cannot = |body| (gettext("Cannot Connect"), body);
    let (title, body) = match error {
        E::NotBuilt => cannot(gettext("This Oriel was built without libvirt.")),
        E::Absent { uri, words } => cannot(gettext_f(
            "libvirt does not answer at {uri}: {error}. Is it installed and running?",
            &[("uri", uri), ("error", words)],
        )),
        E::Refused { uri, words } => cannot(gettext_f(
            "libvirt does not let you in at {uri}: {error}. Ask whoever manages this computer to add you to the group “libvirt”.",
            &[("uri", uri), ("error", words)],
        )),
        E::BadUri { uri, words } => cannot(gettext_f(
            "libvirt knows no connection “{uri}”: {error}",
            &[("uri", uri), ("error", words)],
        )),
        E::Silent { .. } => cannot(gettext(
            "libvirt does not answer. Oriel goes on as soon as it does; restarting libvirt harms no machine.",
        )),
        E::Disconnected => cannot(gettext("The connection to libvirt ended. Oriel connects again.")),
        E::NoMachine { wanted, uri } => (
            gettext("No Such Machine"),
            gettext_f("There is no machine “{name}” on {uri}.", &[("name", wanted), ("uri", uri)]),
        ),
        E::Off(name) => (
            gettext("The Machine Is Off"),
            gettext_f("Start “{name}”, and it is shown from its first picture on.", &[("name", name)]),
        ),
        E::NoDisplay { name, has } => (
            gettext("No Display"),
            gettext_f(
                "“{name}” has no D-Bus display, but: {displays}. It needs a graphics device of the type “dbus” in its definition.",
                &[("name", name), ("displays", has)],
            ),
        ),
        E::Remote(uri) => (
            gettext("No Display"),
            gettext_f(
                "{uri} is another computer. Displays can be opened only on the computer that the machine runs on.",
                &[("uri", uri)],
            ),
        ),
        E::Cancelled => cannot(gettext("It was cancelled.")),
        E::Edited => cannot(gettext("Somebody has changed the machine’s definition in the meantime.")),
        E::Busy(words) | E::NotNow(words) | E::Rejected(words) | E::Unsupported(words) | E::Failed(words) => {
            cannot(gettext_f("libvirt refuses: {error}", &[("error", words)]))
        }
    };
    Told::failed(title, body)
}
