//! What machines of a platform can have here, as libvirt found out from QEMU (its
//! docs/formatdomaincaps.rst).

use super::edit::Edit;
use crate::markup::{Document, MarkupError};
use crate::source::libvirt::{Platform, Version};

use super::definition::Definition;

/// `qemu:override` is since then; what is older takes it for nothing (libvirt: NEWS.rst, 8.2.0).
const OVERRIDES: Version = Version::new(8, 2, 0);

/// What machines of a platform can have here. Of what a libvirt does not tell, everything counts as
/// possible: it has the last word in any case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// The kinds of `<graphics>`.
    displays: Option<Vec<String>>,
    /// The kinds of `<channel>`.
    channels: Option<Vec<String>>,
    libvirt: Option<Version>,
}

/// Why a machine cannot be made ready here, or not in one respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// QEMU has no D-Bus display, or its module is not installed.
    NoDbusDisplay,
    /// libvirt cannot have QEMU's own agent.
    NoAgent,
    /// libvirt does not know overrides.
    NoOverrides,
}

impl Abilities {
    /// Reads what libvirt says of a platform.
    ///
    /// # Errors
    ///
    /// When it is no XML.
    pub fn read(capabilities: &str) -> Result<Self, MarkupError> {
        let document = Document::parse(capabilities)?;
        let devices = document.root().child("devices");
        let kinds = |device: &str, list: &str| {
            let device = devices?.child(device)?;
            if device.attribute("supported") == Some("no") {
                return Some(Vec::new());
            }
            let list = device.all("enum").find(|own| own.attribute("name") == Some(list))?;
            Some(list.all("value").map(|value| value.text().to_owned()).collect())
        };
        let (displays, channels) = (kinds("graphics", "type"), kinds("channel", "type"));
        Ok(Self { displays, channels, libvirt: None })
    }

    /// Of this libvirt.
    #[must_use]
    pub fn with(self, libvirt: Version) -> Self {
        Self { libvirt: Some(libvirt), ..self }
    }

    /// What stands against an edit.
    pub fn obstacle(&self, edit: &Edit) -> Option<Obstacle> {
        let lacks = |known: &Option<Vec<String>>, kind: &str| {
            known.as_ref().is_some_and(|known| known.iter().all(|known| known != kind))
        };
        match edit {
            Edit::Display(_) if lacks(&self.displays, "dbus") => Some(Obstacle::NoDbusDisplay),
            Edit::Agent if lacks(&self.channels, "qemu-vdagent") => Some(Obstacle::NoAgent),
            Edit::SetProperty { .. } | Edit::MoveSetArguments
                if self.libvirt.is_some_and(|version| version < OVERRIDES) =>
            {
                Some(Obstacle::NoOverrides)
            }
            _ => None,
        }
    }
}

impl Definition {
    /// What the machine is built on.
    pub fn platform(&self) -> Platform {
        let root = self.root();
        let kind = root.child("os").and_then(|os| os.child("type"));
        let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Platform {
            emulator: owned(self.devices().child("emulator").map(|emulator| emulator.text())),
            arch: owned(kind.and_then(|kind| kind.attribute("arch"))),
            machine: owned(kind.and_then(|kind| kind.attribute("machine"))),
            kind: owned(root.attribute("type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Gl;
    use super::*;

    const CAPABILITIES: &str = "<domainCapabilities><devices><graphics supported='yes'><enum name='type'>\
        <value>vnc</value></enum></graphics><channel supported='yes'><enum name='type'><value>pty</value>\
        <value>qemu-vdagent</value></enum></channel></devices></domainCapabilities>";

    #[test]
    fn what_is_told_counts_and_nothing_else() {
        let told = Abilities::read(CAPABILITIES).unwrap();
        assert_eq!(told.obstacle(&Edit::Display(Gl::Off)), Some(Obstacle::NoDbusDisplay));
        assert_eq!(told.obstacle(&Edit::Agent), None);
        let untold = Abilities::read("<domainCapabilities/>").unwrap();
        assert_eq!(untold.obstacle(&Edit::Display(Gl::Off)), None);
        assert_eq!(untold.obstacle(&Edit::MoveSetArguments), None);
        let old = untold.with(Version::new(8, 0, 0));
        assert_eq!(old.obstacle(&Edit::MoveSetArguments), Some(Obstacle::NoOverrides));
        assert!(Abilities::read("<domainCapabilities>").is_err());
    }

    #[test]
    fn a_platform_is_what_a_definition_says() {
        let text = "<domain type='kvm'><os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>\
                    <devices><emulator> /usr/bin/qemu </emulator></devices></domain>";
        let platform = Definition::read(text).unwrap().platform();
        assert_eq!(platform.emulator.as_deref(), Some("/usr/bin/qemu"));
        assert_eq!(platform.arch.as_deref(), Some("x86_64"));
        assert_eq!(platform.machine.as_deref(), Some("pc-q35-10.0"));
        assert_eq!(platform.kind.as_deref(), Some("kvm"));
        let bare = Definition::read("<domain><devices/></domain>").unwrap().platform();
        assert_eq!(bare, Platform::default());
    }
}
