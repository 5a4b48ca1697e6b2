//! The library: every machine that can be reached, what it does, and what can be done with it.
//!
//! - [`model`]: what is known, in which order it is shown, what can be done next. Pure.
//! - [`launched`]: the machines that `oriel launch` started lately, in a file.
//! - `supply`: where machines come from: libvirt's connections, a bus, that file.
//! - `window`: what a person sees of it.

pub mod launched;
pub mod model;
#[cfg(feature = "gui")]
mod supply;
#[cfg(feature = "gui")]
pub mod window;

#[cfg(feature = "gui")]
pub use self::supply::{Host, Living, Showing, Told};
