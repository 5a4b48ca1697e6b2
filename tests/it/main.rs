//! Tests of the core: no system library, no display.

mod architecture;
mod auth;
mod bad_input;
mod boost;
mod cli;
mod clipboard;
mod decode;
mod domains;
mod follow;
mod launch;
mod listener;
mod paste;
mod peer;
mod qmp;
mod screen;
mod sequences;
mod session;
mod session_watch;
mod source;
mod traps;
mod viewer;
