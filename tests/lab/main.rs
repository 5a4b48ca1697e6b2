//! Real dma-bufs and a real mediated display, in a machine that has them: see tests/lab/README.md.
//!
//! These tests run inside the lab machine; `./dev lab` builds and boots it.

mod handover;
mod mdev;
mod stage;
