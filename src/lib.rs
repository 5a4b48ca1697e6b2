//! Oriel: a window onto a virtual machine's display.
//!
//! The way of a frame, read from left to right; the way of a key, from right to left:
//!
//! ```text
//!  source ──Link──▶ session ──▶ display1::listener ──▶ display1::decode ──Event──▶ frame::Model
//!  (bus, qmp,          ▲          own thread, always       the only door for         latest wins,
//!   launch)            │          draining the socket      unchecked numbers         every reply kept
//!                      │                                                                  │
//!                  Command                                                            Pending
//!                      │                                                                  ▼
//!                   input  ◀──── view (one GTK widget) ──Placement──▶ present, on its own thread
//! ```
//!
//! Modules in reading order; each may use only what stands above it, and `tests/it/architecture.rs`
//! holds that:
//!
//! - [`geometry`], [`pixel`], [`clock`]: values that know nobody.
//! - [`folders`]: where a person's files are.
//! - [`markup`]: XML that is edited where it stands.
//! - [`clipboard`]: what is copied on one side and pasted on the other.
//! - [`resolution`]: which size to ask the guest for, and what became of it.
//! - [`frame`]: the guest's screen as a value, and what to show next.
//! - [`input`]: what the person does, as one ordered stream of commands.
//! - [`stats`]: what the frames did, counted on the way.
//! - [`display1`]: `org.qemu.Display1` on the wire.
//! - [`source`]: ways to reach a machine, all ending in a link to its display.
//! - [`session`]: one machine from connecting to ended.
//! - [`present`]: the picture on the screen, on a Wayland surface of our own where there can be one.
//! - `view`: the widget that shows it, and passes on what the person does.
//! - [`host`]: what this computer and its machines need for a display.
//! - `window`: a machine's window, and what is said there instead of a picture.
//! - [`library`]: every machine that can be reached, and what can be done with it.
//! - [`app`]: the program around it all.

pub mod app;
pub mod clipboard;
pub mod clock;
pub mod display1;
pub mod folders;
pub mod frame;
pub mod geometry;
pub mod host;
pub mod input;
pub mod library;
pub mod markup;
pub mod pixel;
pub mod present;
pub mod resolution;
pub mod session;
pub mod source;
pub mod stats;
#[cfg(feature = "gui")]
pub mod view;
#[cfg(feature = "gui")]
pub mod window;

/// The application id: the name on D-Bus, of the desktop file, the icon and the settings.
pub const APP_ID: &str = "io.github.oriel_viewer.Oriel";
