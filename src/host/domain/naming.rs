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

    /// The only device that draws, where there is no other.
    pub fn only_display(&self) -> Option<Named> {
        let videos = self
            .devices()
            .all("video")
            .filter(|video| video.child("model").and_then(|model| model.attribute("type")) != Some("none"));
        match (videos.count(), &self.vgpus()[..]) {
            (0, [vgpu]) => Some(Named::Vgpu(vgpu.uuid.clone())),
            (1, []) => Some(Named::Video(0)),
            _ => None,
        }
    }
}
