//! What a composer is asked for and gives, whether or not Oriel was built with one.

use wayland_client::protocol::wl_buffer::WlBuffer;

use crate::geometry::{Backing, Rect};

/// Which GPU draws, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The one that composes, or else any.
    Compose,
    /// The one that has the guest's buffer, for another one that composes.
    Bridge,
}

/// A picture, ready to be attached.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) buffer: WlBuffer,
    pub(super) slot: usize,
    /// What is new in it since the last commit.
    pub(super) damage: Vec<Rect<Backing>>,
    /// Buffers of the guest's that were imported since the last one.
    pub(super) imported: u32,
    /// Bytes that were copied by the processor.
    pub(super) copied: u64,
}
