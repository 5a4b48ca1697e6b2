//! The kernel's timelines (`drm_syncobj`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use drm::control::{Device as _, syncobj};
use drm::{Device as _, DriverCapability};

use super::{Timeline, Timelines};
use crate::present::file;
use crate::present::owner::Places;
use crate::present::table::Device;

/// The kernel, of whose devices most have timelines.
#[derive(Debug, Clone, Copy)]
pub struct Kernel;

impl Timelines for Kernel {
    fn open(&self, device: Option<Device>, count: usize) -> io::Result<Vec<Box<dyn Timeline>>> {
        let nodes = Places::default().nodes();
        let node = nodes.iter().find(|node| device.is_some_and(|device| node.devices.contains(&device)));
        let card = Arc::new(Card::open(&node.ok_or(io::ErrorKind::NotFound)?.path)?);
        (0..count).map(|_| Ok(Box::new(Syncobj::new(card.clone())?) as Box<dyn Timeline>)).collect()
    }

    fn suit(&self, buffer: BorrowedFd<'_>) -> bool {
        file::is_dmabuf(buffer)
    }
}

/// A DRM device whose driver has timelines.
#[derive(Debug)]
struct Card(File);

impl Card {
    /// By its render node.
    fn open(node: &Path) -> io::Result<Self> {
        let card = Self(OpenOptions::new().read(true).write(true).open(node)?);
        match card.get_driver_capability(DriverCapability::TimelineSyncObj)? {
            1 => Ok(card),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// One of its timelines.
#[derive(Debug)]
struct Syncobj {
    card: Arc<Card>,
    handle: syncobj::Handle,
}

impl Syncobj {
    fn new(card: Arc<Card>) -> io::Result<Self> {
        let handle = card.create_syncobj(false)?;
        Ok(Self { card, handle })
    }
}

impl Timeline for Syncobj {
    fn export(&self) -> io::Result<OwnedFd> {
        self.card.syncobj_to_fd(self.handle, false)
    }

    fn reach(&mut self, point: u64) -> io::Result<()> {
        self.card.syncobj_timeline_signal(&[self.handle], &[point])
    }

    fn reached(&self) -> io::Result<u64> {
        let mut points = [0];
        self.card.syncobj_timeline_query(&[self.handle], &mut points, false)?;
        Ok(points[0])
    }

    fn announce(&self, point: u64, event: BorrowedFd<'_>) -> io::Result<()> {
        self.card.syncobj_eventfd(self.handle, point, event, false)
    }
}

impl Drop for Syncobj {
    fn drop(&mut self) {
        if let Err(error) = self.card.destroy_syncobj(self.handle) {
            tracing::debug!(%error, "a timeline stays until its device is closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

    use super::*;

    #[test]
    fn what_is_no_device_has_no_timeline() {
        assert!(Card::open(Path::new("/nowhere")).is_err());
        assert!(Card::open(Path::new("/dev/null")).is_err());
        let nobody = Some(Device(rustix::fs::makedev(9, 9)));
        assert!(Kernel.open(None, 1).is_err() && Kernel.open(nobody, 1).is_err());
    }

    fn is_called(event: &OwnedFd) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut [PollFd::new(event, PollFlags::IN)], Some(&now)).expect("a wait") == 1
    }

    /// Any that has timelines: those of software have none.
    #[test]
    #[ignore = "needs a GPU whose driver has timelines"]
    fn points_are_seen_from_both_sides() {
        let nodes = Places::default().nodes();
        let with = nodes.iter().find(|node| Card::open(&node.path).is_ok()).expect("timelines");
        let mut ours = Kernel.open(with.devices.last().copied(), 2).expect("two timelines");
        let [one, other] = &mut ours[..] else { panic!("two were wanted") };
        // The other process has the device opened by itself.
        let card = Card::open(&with.path).expect("the device");
        let import = |fd: OwnedFd| card.fd_to_syncobj(fd.as_fd(), false).expect("an import");
        let theirs = import(one.export().expect("a descriptor"));
        let wait = |point| card.syncobj_timeline_wait(&[theirs], &[point], 0, true, true, false);
        assert!(wait(1).is_err(), "nothing is reached yet");
        one.reach(3).expect("a point");
        assert!(wait(1).is_ok() && wait(3).is_ok() && wait(4).is_err());
        assert_eq!((one.reached().expect("a point"), other.reached().expect("none")), (3, 0));
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC).expect("an event");
        one.announce(3, event.as_fd()).expect("the past");
        assert!(is_called(&event));
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC).expect("an event");
        one.announce(5, event.as_fd()).expect("the future");
        card.syncobj_timeline_signal(&[theirs], &[4]).expect("a point");
        assert!(!is_called(&event));
        card.syncobj_timeline_signal(&[theirs], &[5]).expect("a point");
        assert!(is_called(&event));
        assert_eq!(one.reached().expect("a point"), 5);
    }
}
