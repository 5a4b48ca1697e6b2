//! The guest's screen as a value: events go in, what to show next comes out.
//!
//! Nothing here does I/O or reads a clock. The protocol produces this vocabulary, the presenter
//! consumes it, and neither knows the other.

mod ack;
mod cadence;
mod cursor;
mod damage;
mod mailbox;
mod model;
mod pacing;
mod pulse;
mod recovery;
mod resampling;
mod scanout;

pub use ack::{Ack, Acknowledge};
pub use cadence::{Beat, Cadence, USUAL_REFRESH};
pub use cursor::{Cursor, Pointer, PointerKind};
pub use damage::Damage;
pub use mailbox::{Audience, Change, Mailbox};
pub use model::{Applied, Event, Model, Pending, Screen};
pub use pacing::{Pacing, Serial};
pub use pulse::Pulse;
pub use resampling::{Resampling, Sample};
pub use scanout::{BufferId, Dmabuf, DmabufParts, Image, LayoutError, Mapped, Pixels, Plane, Scanout, Wire};

/// The longest side that a scanout may have, in pixels: what GPUs and compositors still take.
pub const MAX_SIDE: u32 = 16_384;

/// The most bytes that a scanout may take in a buffer, its own or ours: 16 384 × 4096 at 4 bytes.
///
/// One console holds at most one framebuffer of this size in our memory, and the protocol at most
/// one message (128 MiB, the limit of D-Bus) beside it.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
