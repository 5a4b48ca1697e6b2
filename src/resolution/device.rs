//! What a display device makes of a wish for a size, as far as its name tells.

use crate::geometry::{Guest, Size};

/// The kinds of display devices that QEMU has, by what they do with `SetUIInfo`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// virtio-gpu and virtio-vga: a new EDID and an interrupt for the guest
    /// (`virtio_gpu_ui_info`, hw/display/virtio-gpu-base.c).
    Virtio,
    /// A vfio device: a new EDID if it has a region for one, else the wish is accepted and nothing
    /// happens (`vfio_display_edid_ui_info`, hw/vfio/display.c).
    Vfio,
    /// VGA and bochs-display: the EDID is fixed when the machine starts.
    Vga,
    /// ramfb, qxl, cirrus and others: the guest alone decides.
    Plain,
    /// The name says nothing.
    #[default]
    Unknown,
}

/// What may be asked of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    pub least: Size<Guest>,
    pub most: Size<Guest>,
    /// What the width is a multiple of.
    pub align: u32,
}

/// Properties in the machine's definition that make a size the first one after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// `xres` and `yres` of the device: of vfio-pci with `display=on`, which then needs an EDID
    /// region (hw/vfio/pci.c); of virtio-gpu and of VGA devices.
    Properties(Size<Guest>),
}

impl Limits {
    /// What every guest can show, and no driver or EDID stumbles over.
    ///
    /// The least are the smallest modes with which a desktop still shows its settings. The most is
    /// what the frames' side allows. EDIDs hold any width, but where a guest computes a mode itself it
    /// is a multiple of 8 (CVT 1.2, the cell; `drm_cvt_mode` in Linux), as vGPUs' pitches want it.
    pub const COMMON: Self = Self { least: Size::new(320, 200), most: Size::new(16_384, 16_384), align: 8 };

    /// The nearest size within the limits.
    #[must_use]
    pub fn clamp(self, size: Size<Guest>) -> Size<Guest> {
        Size::new(
            size.width.clamp(self.least.width, self.most.width),
            size.height.clamp(self.least.height, self.most.height),
        )
    }

    /// Whether a size is within the limits.
    pub fn allow(self, size: Size<Guest>) -> bool {
        self.clamp(size) == size
    }
}

impl Device {
    /// The device of a console by its `Label`: the type's name, or whatever `id=` the machine gave the
    /// device, with the head's number behind a dot if it has several (`qemu_console_get_label`,
    /// ui/console.c). libvirt names host devices `hostdev0` and so on, of which only those of vfio have
    /// a display (`qemuAssignDeviceHostdevAlias`).
    pub fn from_label(label: &str) -> Self {
        let name = match label.rsplit_once('.') {
            Some((name, head)) if head.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => label,
        };
        let starts = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
        if starts(&["virtio-gpu", "virtio-vga", "vhost-user-gpu", "vhost-user-vga"]) {
            Self::Virtio
        } else if starts(&["vfio-pci", "hostdev"]) {
            Self::Vfio
        } else if starts(&["VGA", "secondary-vga", "bochs-display", "isa-vga"]) {
            Self::Vga
        } else if starts(&["ramfb", "qxl", "cirrus-vga", "isa-cirrus-vga", "vmware-svga", "ati-vga"]) {
            Self::Plain
        } else {
            Self::Unknown
        }
    }

    /// What may be asked of it, as far as its kind tells.
    ///
    /// Of virtio-gpu any width: its guests take the EDID's first timing as it is (Linux'
    /// `virtio_gpu_conn_get_modes`, and `SetCustomDisplay` of the driver for Windows), and its buffers
    /// are plain memory. A vGPU's hardware scans them out, and VGA's modes are in characters of 8.
    pub fn limits(self) -> Limits {
        match self {
            Self::Virtio => Limits { align: 1, ..Limits::COMMON },
            Self::Vfio | Self::Vga | Self::Plain | Self::Unknown => Limits::COMMON,
        }
    }

    /// Whether the guest is told the millimetres: vfio sets none in its EDID.
    pub fn tells_millimetres(self) -> bool {
        matches!(self, Self::Virtio | Self::Unknown)
    }

    /// What to write into the machine's definition so that it starts with this size.
    pub fn keep(self, size: Size<Guest>) -> Option<Keep> {
        match self {
            Self::Virtio | Self::Vfio | Self::Vga => Some(Keep::Properties(size)),
            Self::Plain | Self::Unknown => None,
        }
    }
}

impl Keep {
    /// As an addition to the device's `-device` argument.
    pub fn argument(self) -> String {
        let Self::Properties(size) = self;
        format!("xres={},yres={}", size.width, size.height)
    }

    /// As a part of libvirt's definition of a machine with such a device, `alias` being the device's
    /// there.
    ///
    /// `video` has an element for it (formatdomain, "Video devices"), `hostdev` has none: there QEMU's
    /// properties are set past libvirt (drvqemu, "Overriding properties of QEMU devices", from 8.2).
    pub fn libvirt(self, device: Device, alias: &str) -> String {
        let Self::Properties(Size { width, height, .. }) = self;
        match device {
            Device::Vfio => format!(
                "\
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  …
  <qemu:override>
    <qemu:device alias='{alias}'>
      <qemu:frontend>
        <qemu:property name='xres' type='unsigned' value='{width}'/>
        <qemu:property name='yres' type='unsigned' value='{height}'/>
      </qemu:frontend>
    </qemu:device>
  </qemu:override>
</domain>
"
            ),
            _ => format!(
                "\
<video>
  <model type='{}'>
    <resolution x='{width}' y='{height}'/>
  </model>
</video>
",
                if device == Device::Vga { "vga" } else { "virtio" }
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_devices() {
        for (label, device) in [
            ("virtio-vga", Device::Virtio),
            ("virtio-gpu-pci.1", Device::Virtio),
            ("virtio-gpu-gl-pci", Device::Virtio),
            ("vfio-pci-nohotplug", Device::Vfio),
            ("hostdev0", Device::Vfio),
            ("VGA", Device::Vga),
            ("bochs-display", Device::Vga),
            ("ramfb", Device::Plain),
            ("qxl-vga", Device::Plain),
            ("video0", Device::Unknown),
            ("", Device::Unknown),
        ] {
            assert_eq!(Device::from_label(label), device, "{label}");
        }
    }

    #[test]
    fn a_size_is_kept_where_a_property_does_it() {
        let size = Size::new(1920, 1080);
        let argument = Device::Vfio.keep(size).map(Keep::argument);
        assert_eq!(argument.as_deref(), Some("xres=1920,yres=1080"));
        let keep = Keep::Properties(size);
        let fragment = keep.libvirt(Device::Virtio, "video0");
        assert!(fragment.contains("<resolution x='1920' y='1080'/>"), "{fragment}");
        let fragment = keep.libvirt(Device::Vfio, "hostdev3");
        assert!(fragment.contains("alias='hostdev3'") && fragment.contains("value='1920'"), "{fragment}");
        assert_eq!(Device::Plain.keep(size), None);
    }

    #[test]
    fn limits_bound_both_sides() {
        assert_eq!(Limits::COMMON.clamp(Size::new(0, 100_000)), Size::new(320, 16_384));
        assert!(Limits::COMMON.allow(Size::new(1366, 768)));
    }
}
