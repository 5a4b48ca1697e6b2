//! In place of the kernel's timelines, in a build without DRM.

use std::io;
use std::os::fd::BorrowedFd;

use super::{Timeline, Timelines};
use crate::present::table::Device;

/// Has none.
#[derive(Debug, Clone, Copy)]
pub struct Kernel;

impl Timelines for Kernel {
    fn open(&self, _: Option<Device>, _: usize) -> io::Result<Vec<Box<dyn Timeline>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn suit(&self, _: BorrowedFd<'_>) -> bool {
        false
    }
}
