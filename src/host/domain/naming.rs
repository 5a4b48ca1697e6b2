//! Devices by the names that a running machine's definition gives them.

use super::definition::{Definition, mediated_uuid};
use crate::markup::Node;

/// A device that draws, as a definition has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The mediated device with this UUID.
    Vgpu(String),
    /// The one at this place among `<video>` elements.
    Video(usize),
}

impl Definition {
    /// The device with this alias, which is QEMU's id for it while the machine runs.
    pub fn named(&self, alias: &str) -> Option<Named> {
        let has_name =
            |device: &Node<'_>| device.child("alias").and_then(|own| own.attribute("name")) == Some(alias);
        if let Some(place) = self.devices().all("video").position(|video| has_name(&video)) {
            return Some(Named::Video(place));
        }
        self.mediated().find(has_name).and_then(mediated_uuid).map(|uuid| Named::Vgpu(uuid.to_owned()))
    }

    /// The only mediated device, where there is no other.
    pub fn only_vgpu(&self) -> Option<Named> {
        match &self.vgpus()[..] {
            [vgpu] => Some(Named::Vgpu(vgpu.uuid.clone())),
            _ => None,
        }
    }

    /// The only display of QEMU's own, where there is no other.
    pub fn only_video(&self) -> Option<Named> {
        let models = self.devices().all("video").filter_map(|video| video.child("model"));
        let drawing = models.filter(|model| model.attribute("type") != Some("none"));
        (drawing.count() == 1).then_some(Named::Video(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VGPU: &str = "4b20d080-1b54-4048-85b3-a6a62d165c01";

    #[test]
    fn a_device_is_found_by_its_alias_or_because_there_is_no_other() {
        let vgpu = format!(
            "<hostdev type='mdev'><source><address uuid='{VGPU}'/></source><alias name='ua-vgpu'/></hostdev>"
        );
        let video = |number| format!("<video><model type='virtio'/><alias name='video{number}'/></video>");
        let of = |devices: &str| {
            Definition::read(format!("<domain><devices>{devices}</devices></domain>")).unwrap()
        };
        let all = of(&[vgpu.clone(), video(0), video(1)].concat());
        assert_eq!(all.named("video1"), Some(Named::Video(1)));
        assert_eq!(all.named("ua-vgpu"), Some(Named::Vgpu(VGPU.into())));
        assert_eq!(all.named("hostdev0"), None);
        assert_eq!((all.only_vgpu(), all.only_video()), (Some(Named::Vgpu(VGPU.into())), None));
        let one = of(&video(0));
        assert_eq!((one.only_vgpu(), one.only_video()), (None, Some(Named::Video(0))));
        let none = of("<video><model type='none'/></video>");
        assert_eq!(none.only_video(), None);
    }
}
