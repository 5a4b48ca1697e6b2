//! A stand-in for QEMU's side of `org.qemu.Display1`, driven step by step from a test's thread.
//!
//! The test says what QEMU sends, well-formed or not; the stand-in does what QEMU does on its own:
//! authentication as the server, properties, `RegisterListener` with its blocking `GetAll`s, replies
//! and refusals. It records what the viewer did.
//!
//! ```no_run
//! use std::time::Duration;
//! use standin::{Call, ConsoleSpec, Release, Standin, pixman};
//!
//! # fn viewer_connects(_: std::os::unix::net::UnixStream) {}
//! let (qemu, socket) = Standin::builder()
//!     .release(Release::V10_1)
//!     .console(ConsoleSpec::sized(640, 480))
//!     .p2p()?;
//! viewer_connects(socket); // authenticates, finds Console_0, registers a listener
//! let listener = qemu.listener(0)?;
//! listener.scanout(640, 480, 2560, pixman::X8R8G8B8, vec![0; 2560 * 480]);
//! let reply = listener.update_dmabuf([0, 0, 640, 480]);
//! assert!(reply.wait(Duration::from_secs(5)).is_returned());
//! qemu.wait_for(Duration::from_secs(5), |calls| calls.contains(&Call::KeyPress(0x1e)))?;
//! # Ok::<(), standin::Error>(())
//! ```

mod auth;
pub mod buffer;
pub mod bus;
pub mod clock;
mod conn;
mod console;
pub mod flood;
mod gate;
mod listener;
mod machine;
mod objects;
pub mod pattern;
pub mod pixman;
pub mod player;
mod qmp;
mod record;
mod register;
mod release;
mod reply;
pub mod scenario;
mod socket;
mod standin;
mod wire;

pub use auth::{Authenticated, Identity, Policy};
pub use conn::QueueStats;
pub use console::{ConsoleKind, ConsoleSpec, Pointer};
pub use gate::Hang;
pub use listener::{Batch, DMABUF2, Dmabuf, Dmabuf2, Expect, LISTENER, Listener, MAP, Map};
pub use machine::Timing;
pub use qmp::QmpEvent;
pub use record::{Call, Record, UiInfo};
pub use register::{GetAll, Negotiation};
pub use release::{Discards, Release};
pub use reply::{PendingReply, Reply, Sent, Times};
pub use standin::{Builder, Error, Standin};
pub use wire::{Args, Incoming, Kind, NO_REPLY_EXPECTED, Pixels, Value};
