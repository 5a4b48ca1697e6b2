//! What this computer and its machines need for a display: read, explained, and mended on request.
//!
//! - [`computer`]: this computer's GPUs and virtual GPUs.
//! - [`domain`]: a libvirt machine's definition, and the edits that give it a display for us.

pub mod computer;
pub mod domain;
