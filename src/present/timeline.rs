//! Timelines, on whose points one process tells another that it is done with a buffer.

#[cfg_attr(not(feature = "gl"), path = "timeline/absent.rs")]
mod kernel;

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

pub use self::kernel::Kernel;
use super::table::Device;

/// Points, numbered from 1, that are reached one after the other. To reach one is to have reached those
/// before it.
pub trait Timeline: fmt::Debug + Send {
    /// The timeline for another process. It is of no device: any can import it.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    fn export(&self) -> io::Result<OwnedFd>;

    /// Reaches a point.
    ///
    /// # Errors
    ///
    /// When the device is gone.
    fn reach(&mut self, point: u64) -> io::Result<()>;

    /// The last point that somebody has reached.
    ///
    /// # Errors
    ///
    /// When the device is gone.
    fn reached(&self) -> io::Result<u64>;

    /// Writes to an eventfd once this point is reached.
    ///
    /// # Errors
    ///
    /// When the device is gone, or the kernel cannot (before Linux 6.6).
    fn announce(&self, point: u64, event: BorrowedFd<'_>) -> io::Result<()>;
}

/// Where timelines come from.
pub trait Timelines: fmt::Debug + Send {
    /// So many new ones, for use with this device.
    ///
    /// # Errors
    ///
    /// When there is no such device, or its driver has no timelines.
    fn open(&self, device: Option<Device>, count: usize) -> io::Result<Vec<Box<dyn Timeline>>>;

    /// Whether a compositor takes points with such a buffer.
    fn suit(&self, buffer: BorrowedFd<'_>) -> bool;
}
