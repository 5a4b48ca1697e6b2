//! Edits of QEMU's own displays.

use super::definition::Definition;
use crate::markup::{Fragment, Node, Patch};

/// Whether there are so many.
pub(super) fn is_there(definition: &Definition, place: usize) -> bool {
    model(definition, place).is_some()
}

/// The size that a display prefers at first (libvirt: docs/formatdomain.rst, 'Video devices').
pub(super) fn set_size(definition: &Definition, place: usize, size: (u32, u32)) -> Patch {
    let Some(model) = model(definition, place) else { return Patch::default() };
    let [x, y] = [size.0, size.1].map(|side| side.to_string());
    let Some(resolution) = model.child("resolution") else {
        // libvirt writes it behind the acceleration (src/conf/domain_conf.c, `virDomainVideoDefFormat`).
        let behind = model.child("acceleration");
        let new = Fragment::new("resolution").with("x", &x).with("y", &y);
        return Patch::new([model.insert(behind, &new)]);
    };
    Patch::new(resolution.set("x", &x).into_iter().chain(resolution.set("y", &y)))
}

fn model(definition: &Definition, place: usize) -> Option<Node<'_>> {
    definition.devices().all("video").nth(place)?.child("model")
}
