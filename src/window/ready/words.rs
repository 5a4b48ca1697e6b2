//! What each edit does, and why, in words for people; and what stands in the way.

use super::known::{Known, Purpose, Trouble};
use crate::host::domain::{
    Definition, Edit, Gl, GraphicsKind, Input, Item, Obstacle, Property, StoreError, Weight,
};
use crate::source::libvirt::LibvirtError;
use crate::window::i18n::{gettext, gettext_f};
use crate::window::words;

/// What a decision is called, and why one would want it.
pub(super) fn item(item: &Item, base: &Definition) -> (String, String) {
    let (title, reason) = match &item.edits[..] {
        [
            Edit::SetProperty { property: Property::Width(width), .. },
            Edit::SetProperty { property: Property::Height(height), .. },
        ] => size(
            (*width, *height),
            &gettext(
                "The guest prefers this size at first. A virtual GPU without an EDID does not start with it",
            ),
        ),
        [edit @ (Edit::Agent | Edit::RedirectUsb), ..] if item.weight == Weight::Needed => (
            edit_words(edit, base).0,
            gettext("So far SPICE does that; without it the machine would not start"),
        ),
        [edit, ..] => edit_words(edit, base),
        [] => Default::default(),
    };
    match item.obstacle.map(obstacle) {
        Some(obstacle) => (title, obstacle),
        None => (title, reason),
    }
}

fn size((width, height): (u32, u32), reason: &str) -> (String, String) {
    let values = [("width", &*width.to_string()), ("height", &*height.to_string())];
    (gettext_f("Start with {width}×{height}", &values), reason.to_owned())
}

pub(super) fn edit_words(edit: &Edit, base: &Definition) -> (String, String) {
    match edit {
        Edit::Display(gl) => display(gl, base),
        Edit::RemoveGraphics(kind) => remove(kind),
        Edit::RemoveSpicePorts => (
            gettext("Remove SPICE’s channels"),
            gettext("Nobody serves them once SPICE is gone, and the machine would not start"),
        ),
        Edit::Sound => (
            gettext("Send sound to the display’s viewer"),
            gettext("What the guest plays is heard where the guest is seen"),
        ),
        Edit::Agent => (
            gettext("Let QEMU talk to the guest’s agent"),
            gettext("For a shared clipboard; the guest needs “spice-vdagent”"),
        ),
        Edit::RedirectUsb => (
            gettext("Redirect USB devices over the display’s connection"),
            gettext("Devices of this computer can be given to the guest while it runs"),
        ),
        Edit::AddInput(Input::Tablet, _) => (
            gettext("Add a tablet"),
            gettext("The guest’s pointer is where yours is, and need not be captured"),
        ),
        Edit::AddInput(Input::Keyboard, _) => (
            gettext("Add a keyboard"),
            gettext("The machine has no USB that one could be connected to by itself"),
        ),
        Edit::ShowVgpu { .. } => (
            gettext("Show what the virtual GPU draws"),
            gettext("Without “display” QEMU shows nothing of it"),
        ),
        Edit::BootVgpu { .. } => (
            gettext("Show the firmware, too"),
            gettext("Without “ramfb” there is no picture before the guest’s driver has started"),
        ),
        Edit::SetProperty { property, .. } => self::property(property),
        Edit::VideoSize { width, height, .. } => {
            size((*width, *height), &gettext("The guest prefers this size at first"))
        }
        Edit::MoveSetArguments => (
            gettext("Say “-set” arguments as overrides"),
            gettext("For devices as libvirt describes them now, QEMU refuses “-set” and does not start"),
        ),
    }
}

fn display(gl: &Gl, base: &Definition) -> (String, String) {
    let old = base.display(&GraphicsKind::Dbus);
    let title = match (&old, gl) {
        (None, Gl::Off) => gettext("Add a D-Bus display"),
        (None, Gl::On(_)) => gettext("Add a D-Bus display that draws with a GPU"),
        (Some(_), Gl::Off) => gettext("Let libvirt hand out the D-Bus display"),
        (Some(_), Gl::On(_)) => gettext("Let the D-Bus display draw with a GPU"),
    };
    let reason = match gl {
        Gl::Off => gettext("It is the kind of display that Oriel shows"),
        Gl::On(None) => {
            gettext("QEMU hands over pictures as the GPU has them; a virtual GPU needs it to start")
        }
        Gl::On(Some(node)) => gettext_f(
            "With {node}. QEMU hands over pictures as the GPU has them; a virtual GPU needs it to start",
            &[("node", node)],
        ),
    };
    (title, reason)
}

fn remove(kind: &GraphicsKind) -> (String, String) {
    let name = match kind {
        GraphicsKind::Spice => "SPICE",
        GraphicsKind::Vnc => "VNC",
        GraphicsKind::Sdl => "SDL",
        GraphicsKind::Rdp => "RDP",
        other => other.as_str(),
    };
    let reason = match kind {
        GraphicsKind::Spice | GraphicsKind::Vnc => {
            gettext("While a GPU draws, QEMU has no room for it beside the D-Bus display")
        }
        _ => gettext("QEMU has no room for it beside the D-Bus display"),
    };
    (gettext_f("Remove the {kind} display", &[("kind", name)]), reason)
}

fn property(property: &Property) -> (String, String) {
    let value = property.to_string();
    match property {
        Property::OpRegion(_) => (
            gettext("Tell Intel’s driver of its monitor"),
            gettext_f(
                "“{property}”: without it the driver in the guest may find no monitor",
                &[("property", &value)],
            ),
        ),
        Property::Rom(_) => (
            gettext("Give the firmware a driver for the virtual GPU"),
            gettext_f("“{property}”", &[("property", &value)]),
        ),
        Property::Width(_) | Property::Height(_) | Property::NoHotplug => (
            gettext_f("Set “{property}”", &[("property", &value)]),
            gettext("A property of QEMU’s that libvirt has no word for"),
        ),
    }
}

fn obstacle(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NoDbusDisplay => gettext(
            "QEMU has no D-Bus display here. Distributions have it in a package of its own, such as qemu-system-modules-opengl or qemu-ui-dbus",
        ),
        Obstacle::NoAgent => {
            gettext("This libvirt or QEMU cannot do that: it takes libvirt 8.4 and QEMU 6.1")
        }
        Obstacle::NoOverrides => gettext("This libvirt cannot do that: it takes libvirt 8.2"),
    }
}

/// What decisions of this weight are called.
pub(super) fn weight(weight: Weight) -> String {
    match weight {
        Weight::Needed => gettext("Needed for a Picture"),
        Weight::Useful => gettext("Recommended"),
        Weight::Extra => gettext("Optional"),
    }
}

/// What the dialog is about.
pub(super) fn about(known: &Known, purpose: &Purpose) -> String {
    let offer = &known.offer;
    let name = [("name", known.machine.name.as_str())];
    if matches!(purpose, Purpose::Edits(_)) {
        return gettext_f(
            "With this in its definition “{name}” starts so. A guest that remembers a resolution of its own may still change it.",
            &name,
        );
    }
    if offer.items().is_empty() {
        return gettext_f(
            "“{name}” is ready: its definition has everything that Oriel can make use of.",
            &name,
        );
    }
    if offer.is_settled() {
        return gettext_f("“{name}” is ready. Each change can be taken back.", &name);
    }
    if offer.base().display(&GraphicsKind::Dbus).is_none() {
        return gettext_f(
            "“{name}” has no display that Oriel can show. These changes of its definition give it one. Nothing happens before you apply them.",
            &name,
        );
    }
    gettext_f(
        "These changes of the definition of “{name}” let Oriel show it better. Nothing happens before you apply them.",
        &name,
    )
}

/// What a person has to know of the state that the machine is in.
pub(super) fn notice(known: &Known) -> Option<String> {
    let machine = &known.machine;
    if !machine.persistent {
        return Some(gettext(
            "This machine has no definition that lasts: it is gone when it is off. Whoever starts it has to change it.",
        ));
    }
    if machine.state.is_on() {
        return Some(gettext(
            "The machine is running and stays as it is. Changes take effect after a shutdown and a start; a reboot is not enough.",
        ));
    }
    machine.saved.then(|| {
        gettext(
            "The machine is saved and goes on as it was. Changes take effect after a shutdown and a start.",
        )
    })
}

/// Why nothing can be offered: a title, and what there is to say.
pub(super) fn trouble(trouble: &Trouble) -> (String, String) {
    match trouble {
        Trouble::Libvirt(error) => libvirt(error),
        Trouble::Definition(error) => (
            gettext("Definition Not Understood"),
            gettext_f("{error}. Nothing was changed.", &[("error", &error.to_string())]),
        ),
        Trouble::Edit(error) => (
            gettext("Definition Cannot Be Changed"),
            gettext_f("{error}. Nothing was changed.", &[("error", &error.to_string())]),
        ),
    }
}

/// Why a definition is not another: a title, and what there is to say.
pub(super) fn failure(error: &StoreError) -> (String, String) {
    match error {
        StoreError::Backup(error) => (
            gettext("No Backup"),
            gettext_f(
                "The definition could not be kept as it is, so nothing was changed: {error}",
                &[("error", &error.to_string())],
            ),
        ),
        StoreError::Libvirt(LibvirtError::Rejected(words)) => (
            gettext("libvirt Rejects the Definition"),
            gettext_f("{error}\n\nNothing was changed.", &[("error", words)]),
        ),
        StoreError::Libvirt(error) => libvirt(error),
    }
}

fn libvirt(error: &LibvirtError) -> (String, String) {
    let told = words::libvirt::libvirt(error);
    (told.title, told.body)
}
