//! Which device file of the kernel's belongs to a GPU that a compositor names.

use std::path::PathBuf;

use drm::node::{DrmNode, NodeType};

use crate::present::table::Device;

/// The render node of a device, whichever of its nodes was named.
pub fn render_node(device: Device) -> Option<PathBuf> {
    let node = DrmNode::from_dev_id(device.0).ok()?;
    node.dev_path_with_type(NodeType::Render).or_else(|| node.dev_path())
}
