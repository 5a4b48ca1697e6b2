//! What the surroundings promise, tried with a client that knows every pixel it draws.

mod client;
mod demo;
mod mutter;
mod sway;
mod x11;
