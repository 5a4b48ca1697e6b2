//! Keyboards and pointers that no hand moves.

pub mod keys;
mod wayland;
mod xtest;

pub use wayland::{Axis, Input};
pub use xtest::XInput;
