//! One change of a definition that a person can understand, want, and take back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::definition::{Definition, GraphicsKind};
use super::vgpu::Property;
use super::{devices, qemu, vgpu, video};
use crate::markup::Patch;

/// One change of a definition. Made twice, it changes nothing the second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// There is a `<graphics type='dbus'>` that viewers are handed a connection to, and it draws in
    /// this way.
    Display(Gl),
    /// There is no display of this kind: QEMU takes no other `-display`, and with a GPU no other
    /// display at all.
    RemoveGraphics(GraphicsKind),
    /// What only SPICE can serve is gone: smart cards of the viewer's, ports of its own.
    RemoveSpicePorts,
    /// Sound goes to the D-Bus display.
    Sound,
    /// The guest's agent is served by QEMU itself: clipboard and screen size.
    Agent,
    /// USB devices can be redirected over the D-Bus display.
    RedirectUsb,
    /// There is a device of this kind.
    AddInput(Input, InputBus),
    /// A mediated device's picture is shown.
    ShowVgpu { uuid: String },
    /// A mediated device has a picture before the guest's driver has started.
    BootVgpu { uuid: String },
    /// QEMU is given a property of a mediated device for which libvirt has no word.
    SetProperty { uuid: String, property: Property },
    /// The display at this place among `<video>` elements prefers this size, in pixels, at first.
    VideoSize { place: usize, width: u32, height: u32 },
    /// What `-set` said of mediated devices is said where QEMU still hears it: for devices described
    /// in JSON, as libvirt has done since 7.9, QEMU refuses `-set`.
    MoveSetArguments,
}

/// Whether a display draws with a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gl {
    Off,
    /// With this render node, or one that libvirt picks. vfio displays need it: QEMU does not start
    /// a machine that has one without (hw/vfio/display.c).
    On(Option<String>),
}

/// A kind of input device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The pointer is where the viewer's is.
    Tablet,
    Keyboard,
}

/// What an input device is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputBus {
    /// Firmware knows it.
    Usb,
    /// Costs the host nothing while nothing moves; needs a driver in the guest.
    Virtio,
}

impl Edit {
    /// What has to be changed, which is nothing where it is so already.
    pub(super) fn patch(&self, definition: &Definition) -> Patch {
        match self {
            Self::Display(gl) => devices::display(definition, gl),
            Self::RemoveGraphics(kind) => devices::remove_graphics(definition, kind),
            Self::RemoveSpicePorts => devices::remove_spice_ports(definition),
            Self::Sound => devices::sound(definition),
            Self::Agent => devices::agent(definition),
            Self::RedirectUsb => devices::redirect_usb(definition),
            Self::AddInput(input, bus) => devices::add_input(definition, *input, *bus),
            Self::ShowVgpu { uuid } => vgpu::switch(definition, uuid, "display"),
            Self::BootVgpu { uuid } => vgpu::switch(definition, uuid, "ramfb"),
            Self::SetProperty { uuid, property } => vgpu::set_property(definition, uuid, property),
            Self::VideoSize { place, width, height } => {
                video::set_size(definition, *place, (*width, *height))
            }
            Self::MoveSetArguments => qemu::move_set_arguments(definition),
        }
    }

    /// What it is about, where that may be missing from a definition.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::ShowVgpu { uuid } | Self::BootVgpu { uuid } | Self::SetProperty { uuid, .. } => Some(uuid),
            _ => None,
        }
    }
}

impl Input {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Tablet => "tablet",
            Self::Keyboard => "keyboard",
        }
    }
}

impl InputBus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Usb => "usb",
            Self::Virtio => "virtio",
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Display(Gl::Off) => f.write_str("a D-Bus display"),
            Self::Display(Gl::On(None)) => f.write_str("a D-Bus display with a GPU"),
            Self::Display(Gl::On(Some(node))) => write!(f, "a D-Bus display with {node}"),
            Self::RemoveGraphics(kind) => write!(f, "no {kind} display"),
            Self::RemoveSpicePorts => f.write_str("no ports that only SPICE serves"),
            Self::Sound => f.write_str("sound over D-Bus"),
            Self::Agent => f.write_str("the guest agent's channel in QEMU"),
            Self::RedirectUsb => f.write_str("USB redirection over D-Bus"),
            Self::AddInput(input, bus) => write!(f, "a {} {}", bus.as_str(), input.as_str()),
            Self::ShowVgpu { uuid } => write!(f, "the picture of the vGPU {uuid}"),
            Self::BootVgpu { uuid } => write!(f, "a picture of the vGPU {uuid} before its driver"),
            Self::SetProperty { uuid, property } => write!(f, "{property} for the vGPU {uuid}"),
            Self::VideoSize { place, width, height } => {
                write!(f, "{width}x{height} at first for display {place}")
            }
            Self::MoveSetArguments => f.write_str("overrides in place of '-set'"),
        }
    }
}
