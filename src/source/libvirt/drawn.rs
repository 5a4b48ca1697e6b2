//! What draws one of a machine's displays, as its running definition tells.

use crate::markup::{Document, Node};

/// What draws a display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drawn {
    /// A device of the host's that is given to the guest through vfio, and whether it has a framebuffer
    /// for firmware.
    Host { ramfb: bool },
    /// QEMU's own, of this model: `virtio`, `vga`, `qxl`.
    Model(String),
}

impl Drawn {
    /// The device with this alias in a running machine's definition: it is QEMU's id for it.
    pub fn read(current: &str, alias: &str) -> Option<Self> {
        let document = Document::parse(current).ok()?;
        let devices = document.root().child("devices")?;
        let is_it =
            |device: &Node<'_>| device.child("alias").and_then(|own| own.attribute("name")) == Some(alias);
        if let Some(device) = devices.all("hostdev").find(is_it) {
            return Some(Self::Host { ramfb: device.attribute("ramfb") == Some("on") });
        }
        let model = devices.all("video").find(is_it)?.child("model")?;
        model.attribute("type").map(|model| Self::Model(model.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_apart_by_their_aliases() {
        let current = "<domain><devices><video><model type='virtio'/><alias name='video0'/></video>\
            <hostdev type='mdev' ramfb='on'><alias name='hostdev0'/></hostdev>\
            <hostdev type='pci'><alias name='ua-gpu'/></hostdev></devices></domain>";
        assert_eq!(Drawn::read(current, "video0"), Some(Drawn::Model("virtio".into())));
        assert_eq!(Drawn::read(current, "hostdev0"), Some(Drawn::Host { ramfb: true }));
        assert_eq!(Drawn::read(current, "ua-gpu"), Some(Drawn::Host { ramfb: false }));
        assert_eq!(Drawn::read(current, "video1"), None);
        assert_eq!(Drawn::read("<domain", "video0"), None);
    }
}
