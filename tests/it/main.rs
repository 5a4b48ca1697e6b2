//! Tests of the core: no system library, no display.

mod architecture;
mod auth;
mod bad_input;
mod decode;
mod listener;
mod peer;
mod traps;
mod viewer;
