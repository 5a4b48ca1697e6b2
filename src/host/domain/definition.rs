//! What a definition says of displays and what belongs to them (libvirt: docs/formatdomain.rst).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::markup::{Document, MarkupError, Node};

/// Why a text is no definition that can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DefinitionError {
    #[error("the definition cannot be read: {0}")]
    Markup(#[from] MarkupError),
    #[error("this is no definition of a machine: it begins with <{0}>")]
    NotADomain(String),
    #[error("the definition has no devices")]
    NoDevices,
}

/// A machine's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    document: Document,
}

/// What kind of display a `<graphics>` is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GraphicsKind {
    Dbus,
    Spice,
    Vnc,
    EglHeadless,
    Sdl,
    Rdp,
    Desktop,
    /// One that came after libvirt 11, by its own name.
    Other(String),
}

/// A `<graphics>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graphics {
    pub kind: GraphicsKind,
    /// Whether viewers are handed a connection of their own: `p2p='yes'`.
    pub p2p: bool,
    /// The bus that it is on, where the definition or libvirt says so.
    pub address: Option<String>,
    /// Whether it draws with a GPU.
    pub gl: bool,
    /// Which one.
    pub render_node: Option<String>,
}

/// A mediated device that is given to the machine as a PCI device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vgpu {
    /// Its name in `/sys/bus/mdev/devices`.
    pub uuid: String,
    /// `display='on'`: QEMU shows what it draws.
    pub display: bool,
    /// `ramfb='on'`: there is a picture before the guest's driver has started.
    pub ramfb: bool,
}

impl Definition {
    /// Reads what libvirt gave, or a person wrote.
    ///
    /// # Errors
    ///
    /// When it is no definition of a machine.
    pub fn read(text: impl Into<String>) -> Result<Self, DefinitionError> {
        let document = Document::parse(text)?;
        let root = document.root();
        if !root.is("domain") {
            return Err(DefinitionError::NotADomain(root.name().to_owned()));
        }
        if root.child("devices").is_none() {
            return Err(DefinitionError::NoDevices);
        }
        Ok(Self { document })
    }

    /// The text, as it was read.
    pub fn text(&self) -> &str {
        self.document.text()
    }

    /// Its name.
    pub fn name(&self) -> Option<&str> {
        self.root().child("name").map(Node::text)
    }

    /// Its UUID.
    pub fn uuid(&self) -> Option<&str> {
        self.root().child("uuid").map(Node::text)
    }

    /// Its displays, in the order in which libvirt counts them.
    pub fn graphics(&self) -> Vec<Graphics> {
        self.devices().all("graphics").map(Graphics::of).collect()
    }

    /// The display of this kind, of which there can be one.
    pub fn display(&self, kind: &GraphicsKind) -> Option<Graphics> {
        self.graphics().into_iter().find(|graphics| graphics.kind == *kind)
    }

    /// The mediated devices among its PCI devices.
    pub fn vgpus(&self) -> Vec<Vgpu> {
        self.mediated().filter_map(Vgpu::of).collect()
    }

    /// Whether the guest may draw with the host's GPU through a device of QEMU's.
    pub fn is_accelerated(&self) -> bool {
        let models = self.devices().all("video").filter_map(|video| video.child("model"));
        let mut accelerations = models.filter_map(|model| model.child("acceleration"));
        accelerations.any(|acceleration| acceleration.attribute("accel3d") == Some("yes"))
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.document.root()
    }

    pub(super) fn devices(&self) -> Node<'_> {
        self.root().child("devices").expect("a definition has devices")
    }

    pub(super) fn mediated(&self) -> impl Iterator<Item = Node<'_>> {
        self.devices().all("hostdev").filter(|device| {
            device.attribute("type") == Some("mdev")
                && device.attribute("model").is_none_or(|model| model == "vfio-pci")
        })
    }

    /// The element of a mediated device.
    pub(super) fn vgpu(&self, uuid: &str) -> Option<Node<'_>> {
        self.mediated()
            .find(|device| mediated_uuid(*device).is_some_and(|own| own.eq_ignore_ascii_case(uuid)))
    }
}

pub(super) fn mediated_uuid(device: Node<'_>) -> Option<&str> {
    device.child("source")?.child("address")?.attribute("uuid")
}

impl Graphics {
    fn of(node: Node<'_>) -> Self {
        let gl = node.child("gl");
        let owned = |value: Option<&str>| value.map(str::to_owned);
        Self {
            kind: GraphicsKind::from(node.attribute("type").unwrap_or_default()),
            p2p: node.attribute("p2p") == Some("yes"),
            address: owned(node.attribute("address")),
            gl: gl.is_some_and(|gl| gl.attribute("enable") == Some("yes")),
            render_node: owned(gl.and_then(|gl| gl.attribute("rendernode"))),
        }
    }
}

impl Vgpu {
    fn of(node: Node<'_>) -> Option<Self> {
        let is_on = |name| node.attribute(name) == Some("on");
        Some(Self { uuid: mediated_uuid(node)?.to_owned(), display: is_on("display"), ramfb: is_on("ramfb") })
    }
}

impl From<&str> for GraphicsKind {
    fn from(name: &str) -> Self {
        match name {
            "dbus" => Self::Dbus,
            "spice" => Self::Spice,
            "vnc" => Self::Vnc,
            "egl-headless" => Self::EglHeadless,
            "sdl" => Self::Sdl,
            "rdp" => Self::Rdp,
            "desktop" => Self::Desktop,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl GraphicsKind {
    /// The name that definitions give it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dbus => "dbus",
            Self::Spice => "spice",
            Self::Vnc => "vnc",
            Self::EglHeadless => "egl-headless",
            Self::Sdl => "sdl",
            Self::Rdp => "rdp",
            Self::Desktop => "desktop",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for GraphicsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
