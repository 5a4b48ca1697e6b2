//! The library: every machine that can be reached, what it does, and what can be done with it.
//!
//! - [`model`]: what is known, in which order it is shown, what can be done next. Pure.
//! - [`launched`]: the machines that `oriel launch` started lately, in a file.

pub mod launched;
pub mod model;
