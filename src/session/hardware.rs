//! Which device draws a console, as far as its label or QEMU's object tree tells.
//!
//! Over D-Bus a console's `Label` is its device's id, or the name of its type where it has none, with
//! the head behind a dot where there are several (ui/console.c, `qemu_console_get_label`). An id may
//! be any word, so a monitor is asked for the type where there is one.

use std::time::Duration;

use zruntime::SharedRuntime;

use super::ConsoleId;
use crate::display1::Pace;
use crate::frame::PointerKind;
use crate::resolution::Device;
use crate::source::Link;
use crate::source::libvirt::Drawn;
use crate::source::qmp::Client;

/// How long the monitor may take to answer: the picture waits for it, but it waits for QEMU in any case.
const DEADLINE: Duration = Duration::from_secs(3);

/// What a device is to us.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hardware {
    /// A virtual or real GPU that belongs to the guest (`vfio-pci`): QEMU polls it for its picture.
    Vfio { ramfb: Ramfb },
    /// A virtio GPU: the guest waits for our replies.
    VirtioGpu,
    /// A framebuffer that firmware draws into (`ramfb`), and little else.
    Ramfb,
    /// One of QEMU's other displays, as the standard VGA.
    Other,
    /// It has an id of its own, and nobody to ask for more.
    #[default]
    Unknown,
}

/// Whether a vGPU has a framebuffer for the time before the guest's driver is there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ramfb {
    On,
    Off,
    /// Nobody says.
    #[default]
    Unknown,
}

/// Whether anything draws before the guest's own driver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// A display that firmware can draw on is there.
    Draws,
    /// The only display is a vGPU without ramfb: nothing is to be seen before the guest's driver has
    /// started. `ramfb=on` of `vfio-pci-nohotplug` changes that.
    DrawsNothing,
    /// The only display may be a vGPU without ramfb.
    MayDrawNothing,
}

impl Firmware {
    /// What to expect of a machine whose graphical consoles are drawn by these devices.
    pub fn of(devices: impl IntoIterator<Item = Hardware>) -> Self {
        let mut worst = Self::Draws;
        for device in devices {
            worst = match device {
                Hardware::Vfio { ramfb: Ramfb::Off } if worst == Self::Draws => Self::DrawsNothing,
                Hardware::Vfio { ramfb: Ramfb::Off } => worst,
                Hardware::Vfio { ramfb: Ramfb::Unknown } | Hardware::Unknown => Self::MayDrawNothing,
                Hardware::Vfio { ramfb: Ramfb::On }
                | Hardware::VirtioGpu
                | Hardware::Ramfb
                | Hardware::Other => return Self::Draws,
            };
        }
        worst
    }
}

impl Hardware {
    /// What the name of a device's type says (`qemu-system-x86_64 -device help`).
    pub fn of_type(name: &str) -> Self {
        const OTHERS: [&str; 14] = [
            "VGA",
            "secondary-vga",
            "bochs-display",
            "cirrus-vga",
            "isa-cirrus-vga",
            "isa-vga",
            "ati-vga",
            "qxl",
            "qxl-vga",
            "vmware-svga",
            "sm501",
            "cg3",
            "tcx",
            "xenfb",
        ];
        match name {
            // Only the other one has the property.
            "vfio-pci" => Self::Vfio { ramfb: Ramfb::Off },
            "vfio-pci-nohotplug" => Self::Vfio { ramfb: Ramfb::Unknown },
            "ramfb" => Self::Ramfb,
            name if OTHERS.contains(&name) => Self::Other,
            name if VIRTIO.iter().any(|start| name.starts_with(start)) => Self::VirtioGpu,
            _ => Self::Unknown,
        }
    }

    /// What libvirt's definition says of a device.
    fn of_libvirt(drawn: Drawn) -> Self {
        match drawn {
            Drawn::Host { ramfb } => Self::Vfio { ramfb: if ramfb { Ramfb::On } else { Ramfb::Off } },
            Drawn::Model(model) => match model.as_str() {
                "virtio" => Self::VirtioGpu,
                "ramfb" => Self::Ramfb,
                _ => Self::Other,
            },
        }
    }

    /// Who waits for the replies to updates.
    pub fn pace(self) -> Pace {
        match self {
            // Its updates are QEMU's polls, which come whatever we say.
            Self::Vfio { .. } => Pace::AtOnce,
            Self::VirtioGpu | Self::Ramfb | Self::Other | Self::Unknown => Pace::Screen,
        }
    }

    /// How it tells that the guest shows its pointer.
    pub fn pointer_kind(self) -> PointerKind {
        match self {
            Self::Vfio { .. } => PointerKind::Plane,
            Self::VirtioGpu | Self::Ramfb | Self::Other | Self::Unknown => PointerKind::Said,
        }
    }

    /// What it makes of wishes for a size, going by its console's label where the type does not say.
    pub fn device(self, label: &str) -> Device {
        match (self, Device::from_label(label)) {
            (Self::Vfio { .. }, _) => Device::Vfio,
            (Self::VirtioGpu, _) => Device::Virtio,
            (Self::Ramfb, _) => Device::Plain,
            // The type is known, and the label may be any word.
            (Self::Other, Device::Virtio | Device::Vfio | Device::Unknown) => Device::Plain,
            (Self::Other | Self::Unknown, device) => device,
        }
    }

    /// Whether QEMU looks for its picture at intervals of its own.
    pub fn is_polled(self) -> bool {
        matches!(self, Self::Vfio { .. })
    }
}

const VIRTIO: [&str; 4] = ["virtio-gpu", "virtio-vga", "vhost-user-gpu", "vhost-user-vga"];

/// A console's label without its head.
pub(super) fn device_name(label: &str, head: u32) -> &str {
    label.strip_suffix(&format!(".{head}")).unwrap_or(label)
}

/// How a monitor names the device with this label: by its id, which a type's name is not, or not at all
/// where it draws the first console. `None` where it cannot be named.
#[expect(clippy::option_option, reason = "a name that is not needed is not one that is missing")]
pub(super) fn address(id: ConsoleId, label: &str, head: u32) -> Option<Option<(String, u32)>> {
    let name = device_name(label, head);
    if id == ConsoleId(0) {
        return Some(None);
    }
    (Hardware::of_type(name) == Hardware::Unknown).then(|| Some((name.to_owned(), head)))
}

/// Which device has this label: as QEMU's object tree or libvirt has it, or else as it sounds.
pub(super) async fn find(link: &Link, label: &str, head: u32) -> Hardware {
    let name = device_name(label, head);
    let sounds = Hardware::of_type(name);
    let Ok(runtime) = SharedRuntime::current() else { return sounds };
    let asked = async {
        match (link.monitor(), link.libvirt()) {
            (Some(monitor), _) => ask(monitor, name, sounds).await,
            (None, Some(reached)) => reached.drawn_by(name).await.map_or(sounds, Hardware::of_libvirt),
            (None, None) => sounds,
        }
    };
    runtime.timeout(DEADLINE, asked).await.unwrap_or(sounds)
}

/// Devices with an id are below `/machine/peripheral`, others without a name of their own below
/// `/machine/peripheral-anon` (system/qdev-monitor.c, `qdev_set_id`).
async fn ask(monitor: &Client, name: &str, sounds: Hardware) -> Hardware {
    let path = format!("/machine/peripheral/{name}");
    let found = match monitor.qom_get(&path, "type").await {
        Ok(kind) => (Hardware::of_type(kind.as_str().unwrap_or_default()), path),
        Err(_) if sounds == (Hardware::Vfio { ramfb: Ramfb::Unknown }) => {
            let Some(path) = unnamed(monitor, name).await else { return sounds };
            (sounds, path)
        }
        Err(_) => return sounds,
    };
    match found {
        (Hardware::Vfio { ramfb: Ramfb::Unknown }, path) => {
            let ramfb = match monitor.qom_get(&path, "ramfb").await.map(|value| value.as_bool()) {
                Ok(Some(true)) => Ramfb::On,
                Ok(Some(false)) => Ramfb::Off,
                _ => Ramfb::Unknown,
            };
            Hardware::Vfio { ramfb }
        }
        (kind, _) => kind,
    }
}

/// The only device of a type among those without an id.
async fn unnamed(monitor: &Client, name: &str) -> Option<String> {
    const FOLDER: &str = "/machine/peripheral-anon";
    let wanted = format!("child<{name}>");
    let children = monitor.qom_list(FOLDER).await.ok()?;
    let mut found = children.into_iter().filter(|(_, kind)| *kind == wanted);
    match (found.next(), found.next()) {
        (Some((child, _)), None) => Some(format!("{FOLDER}/{child}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_known_by_the_names_of_their_types() {
        let of = Hardware::of_type;
        assert_eq!(of("vfio-pci"), Hardware::Vfio { ramfb: Ramfb::Off });
        assert_eq!(of("vfio-pci-nohotplug"), Hardware::Vfio { ramfb: Ramfb::Unknown });
        for name in ["virtio-vga", "virtio-gpu-gl-pci", "virtio-gpu-pci", "vhost-user-vga"] {
            assert_eq!(of(name), Hardware::VirtioGpu, "{name}");
        }
        assert_eq!(
            (of("ramfb"), of("VGA"), of("hostdev0")),
            (Hardware::Ramfb, Hardware::Other, Hardware::Unknown)
        );
    }

    #[test]
    fn the_type_counts_for_more_than_the_label() {
        assert_eq!(Hardware::VirtioGpu.device("VGA"), Device::Virtio);
        assert_eq!(Hardware::Other.device("VGA"), Device::Vga);
        assert_eq!(Hardware::Other.device("virtio-of-mine"), Device::Plain);
        assert_eq!(Hardware::Unknown.device("hostdev0"), Device::Vfio);
        assert_eq!(Hardware::Unknown.device("screen"), Device::Unknown);
    }

    #[test]
    fn the_head_is_no_part_of_the_device() {
        assert_eq!(device_name("video0.1", 1), "video0");
        assert_eq!(device_name("video0.1", 0), "video0.1", "an id may have a dot of its own");
        assert_eq!(device_name("virtio-vga", 0), "virtio-vga");
    }

    #[test]
    fn only_a_guest_that_waits_is_made_to() {
        assert_eq!(Hardware::Vfio { ramfb: Ramfb::On }.pace(), Pace::AtOnce);
        assert_eq!(Hardware::VirtioGpu.pace(), Pace::Screen);
        assert_eq!(Hardware::Unknown.pace(), Pace::Screen);
    }

    #[test]
    fn firmware_draws_where_any_display_lets_it() {
        let vgpu = |ramfb| Hardware::Vfio { ramfb };
        assert_eq!(Firmware::of([]), Firmware::Draws);
        assert_eq!(Firmware::of([vgpu(Ramfb::Off)]), Firmware::DrawsNothing);
        assert_eq!(Firmware::of([vgpu(Ramfb::Unknown)]), Firmware::MayDrawNothing);
        assert_eq!(Firmware::of([Hardware::Unknown, vgpu(Ramfb::Off)]), Firmware::MayDrawNothing);
        assert_eq!(Firmware::of([vgpu(Ramfb::Off), Hardware::Other]), Firmware::Draws);
        assert_eq!(Firmware::of([vgpu(Ramfb::On)]), Firmware::Draws);
    }
}
