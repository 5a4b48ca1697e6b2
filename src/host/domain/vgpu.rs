//! Edits of mediated devices: what libvirt has a word for, and what only QEMU has.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::qemu;
use crate::markup::{Fragment, Node, Patch, Splice};

/// A property of QEMU's `vfio-pci` that a display needs and libvirt has no word for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Property {
    /// `x-igd-opregion`: the guest's Intel driver finds its monitors.
    OpRegion(bool),
    /// `xres`, `yres`: the size that the guest prefers at first, in pixels.
    Width(u32),
    Height(u32),
    /// `romfile`: what firmware draws with, as a path on the host.
    Rom(String),
    /// `driver=vfio-pci-nohotplug`: the device that ramfb needs; libvirt chooses it by itself when
    /// `ramfb='on'`.
    NoHotplug,
}

/// How libvirt is told what kind of value a property has (its docs/drvqemu.rst, 'Overriding
/// properties of QEMU devices').
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    String,
    Unsigned,
    Bool,
}

impl ValueKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Unsigned => "unsigned",
            Self::Bool => "bool",
        }
    }
}

impl Property {
    /// QEMU's name for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpRegion(_) => "x-igd-opregion",
            Self::Width(_) => "xres",
            Self::Height(_) => "yres",
            Self::Rom(_) => "romfile",
            Self::NoHotplug => "driver",
        }
    }

    pub(super) fn value(&self) -> (ValueKind, String) {
        match self {
            Self::OpRegion(on) => (ValueKind::Bool, on.to_string()),
            Self::Width(pixels) | Self::Height(pixels) => (ValueKind::Unsigned, pixels.to_string()),
            Self::Rom(path) => (ValueKind::String, path.clone()),
            Self::NoHotplug => (ValueKind::String, "vfio-pci-nohotplug".to_owned()),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name(), self.value().1)
    }
}

/// Switches on what libvirt has an attribute for.
pub(super) fn switch(definition: &Definition, uuid: &str, attribute: &str) -> Patch {
    Patch::new(definition.vgpu(uuid).and_then(|device| device.set(attribute, "on")))
}

pub(super) fn set_property(definition: &Definition, uuid: &str, property: &Property) -> Patch {
    let Some(device) = definition.vgpu(uuid) else { return Patch::default() };
    let (alias, naming) = name_for(definition, device);
    let (kind, value) = property.value();
    let override_ = qemu::set_property(definition, &alias, property.name(), kind, &value);
    Patch::new(naming.into_iter().chain(override_))
}

/// The name by which QEMU will know a device, and what gives it that name if it has none that lasts.
fn name_for(definition: &Definition, device: Node<'_>) -> (String, Option<Splice>) {
    if let Some(name) = device.child("alias").and_then(|alias| alias.attribute("name")) {
        return (name.to_owned(), None);
    }
    // Somebody counted on the name that libvirt gives by itself, which one of our own would replace.
    let by_libvirt = automatic_name(definition, device);
    if let Some(name) = by_libvirt.filter(|name| qemu::mentions(definition, name)) {
        return (name, None);
    }
    let taken = |name: &str| {
        let mut aliases = definition.devices().children().filter_map(|device| device.child("alias"));
        aliases.any(|alias| alias.attribute("name") == Some(name))
    };
    // Names that libvirt keeps begin like this (its docs/formatdomain.rst, 'Device aliases').
    let mut names = (0..).map(|count| match count {
        0 => "ua-vgpu".to_owned(),
        count => format!("ua-vgpu{count}"),
    });
    let name = names.find(|name| !taken(name)).expect("there is no end of names");
    let alias = Fragment::new("alias").with("name", &name);
    let source = device.child("source");
    (name, Some(device.insert(source, &alias)))
}

/// The name that libvirt gives a device when the machine starts: counted over those without one of
/// their own (src/qemu/qemu_alias.c, `qemuAssignDeviceHostdevAlias`). Network cards that are the
/// host's count, too, in an order that is not told.
pub(super) fn automatic_name(definition: &Definition, device: Node<'_>) -> Option<String> {
    let mut cards = definition.devices().all("interface");
    if device.child("alias").is_some() || cards.any(|card| card.attribute("type") == Some("hostdev")) {
        return None;
    }
    let nameless = definition.devices().all("hostdev").filter(|device| device.child("alias").is_none());
    let count = nameless.take_while(|other| *other != device).count();
    Some(format!("hostdev{count}"))
}
