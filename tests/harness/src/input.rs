//! Keyboards and pointers that no hand moves.

pub mod keys;
mod remote;
mod wayland;
mod xtest;

pub use remote::RemoteInput;
pub use wayland::{Axis, Input};
pub use xtest::XInput;
