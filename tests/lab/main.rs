//! Real dma-bufs and real mediated displays, in a machine that has them: see README.md beside this file.
//!
//! These tests run inside the lab machine; `./dev lab` builds and boots it.

mod boost;
mod buffers;
mod dmabuf;
mod edid;
mod flips;
mod guests;
mod handover;
mod mdev;
mod pen;
mod pointer;
mod rungs;
#[path = "../it/screen.rs"]
mod screen;
mod stage;
mod vgem;
mod world;
