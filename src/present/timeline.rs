//! A timeline of the kernel's (`drm_syncobj`), on which points are reached one after the other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use drm::control::{Device as _, syncobj};
use drm::{Device as _, DriverCapability};

/// A DRM device whose driver has timelines.
#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// A timeline whose points we reach.
#[derive(Debug)]
pub struct Timeline {
    card: Card,
    handle: syncobj::Handle,
    /// The last point that was reached.
    point: u64,
}

impl Timeline {
    /// A new one, on the device with this render node.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or its driver has no timelines.
    pub fn open(node: &Path) -> io::Result<Self> {
        let card = Card(OpenOptions::new().read(true).write(true).open(node)?);
        if card.get_driver_capability(DriverCapability::TimelineSyncObj)? != 1 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let handle = card.create_syncobj(false)?;
        Ok(Self { card, handle, point: 0 })
    }

    /// The timeline for another process. It is of no device: any can import it.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn export(&self) -> io::Result<OwnedFd> {
        self.card.syncobj_to_fd(self.handle, false)
    }

    /// Reaches the next point, and tells which.
    ///
    /// # Errors
    ///
    /// When the device is gone.
    pub fn advance(&mut self) -> io::Result<u64> {
        let next = self.point + 1;
        self.card.syncobj_timeline_signal(&[self.handle], &[next])?;
        self.point = next;
        Ok(next)
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        if let Err(error) = self.card.destroy_syncobj(self.handle) {
            tracing::debug!(%error, "a timeline stays until its device is closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_device_has_no_timeline() {
        assert!(Timeline::open(Path::new("/nowhere")).is_err());
        assert!(Timeline::open(Path::new("/dev/null")).is_err());
    }
}
