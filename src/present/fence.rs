//! Waiting for whoever still draws into a buffer: its write fences, and no longer than a moment.
//!
//! QEMU passes no fences, but the kernel keeps them with the dma-buf: one that polls as readable has
//! no writer left (`dma_buf_poll` of drivers/dma-buf/dma-buf.c). A vGPU's or udmabuf's buffer has none
//! and is always ready, as is the file of memory that stands in for one.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::clock::Time;
use crate::frame::Dmabuf;

/// How long a frame waits for its fence: a guest that draws for longer is shown as it is.
pub const LIMIT: Duration = Duration::from_millis(100);

/// How many planes a buffer has at most.
pub const PLANES: usize = 4;

/// Whether nobody draws into a buffer at the moment, as far as the kernel knows.
pub fn is_ready(dmabuf: &Dmabuf) -> bool {
    dmabuf.planes().iter().all(|plane| is_signalled(&plane.fd))
}

/// The same for one plane.
pub fn is_signalled(plane: impl AsFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // What cannot be waited for is taken as it is.
    rustix::event::poll(&mut [PollFd::new(&plane, PollFlags::IN)], Some(&now))
        .map_or(true, |ready| ready == 1)
}

/// Keeps one frame back until its buffer is ready.
#[derive(Debug, Default)]
pub struct Gate {
    since: Option<Time>,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The buffer is ready, and was when it came.
    Open,
    /// It is ready now, after a wait.
    Opened,
    /// It is not, and has waited long enough.
    Overdue,
    /// Not yet.
    Closed,
}

impl Gate {
    /// The frame is at the gate, and its buffer `ready` or not.
    pub fn pass(&mut self, ready: bool, now: Time) -> Passage {
        match (self.since, ready) {
            (None, true) => Passage::Open,
            (Some(_), true) => {
                self.since = None;
                Passage::Opened
            }
            (None, false) => {
                self.since = Some(now);
                Passage::Closed
            }
            (Some(since), false) if now.since(since) < LIMIT => Passage::Closed,
            (Some(_), false) => {
                self.since = None;
                Passage::Overdue
            }
        }
    }

    /// Whether a frame waits here.
    pub fn is_closed(&self) -> bool {
        self.since.is_some()
    }

    /// When the wait ends at the latest.
    pub fn deadline(&self) -> Option<Time> {
        self.since.map(|since| since + LIMIT)
    }

    /// The frame has gone another way.
    pub fn open(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::fs::MemfdFlags;

    use super::*;
    use crate::frame::{DmabufParts, Plane, Wire};
    use crate::geometry::Size;
    use crate::pixel::{Fourcc, Modifier};

    const START: Time = Time::from_millis(1000);

    fn buffer(planes: Vec<OwnedFd>) -> Dmabuf {
        let backing = Size::new(64, 64);
        Dmabuf::new(DmabufParts {
            file: (1, 2),
            planes: planes.into_iter().map(|fd| Plane { fd, offset: 0, stride: 256 }).collect(),
            fourcc: Fourcc::new(*b"XR24"),
            modifier: Modifier::LINEAR,
            backing,
            crop: backing.at_origin(),
            y0_top: false,
            wire: Wire::V2,
        })
        .expect("a buffer")
    }

    #[test]
    fn a_file_of_memory_is_always_ready() {
        let file = || rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).expect("memfd");
        assert!(is_ready(&buffer(vec![file()])));
        assert!(is_ready(&buffer(vec![file(), file(), file(), file()])));
    }

    #[test]
    fn a_buffer_is_ready_when_all_of_its_planes_are() {
        // A pipe becomes readable when something is written, as a dma-buf when its writers are done.
        let (first, first_writer) = rustix::pipe::pipe().expect("a pipe");
        let (second, second_writer) = rustix::pipe::pipe().expect("a pipe");
        let buffer = buffer(vec![first, second]);
        assert!(!is_ready(&buffer));
        rustix::io::write(&first_writer, &[1]).expect("room");
        assert!(!is_ready(&buffer));
        rustix::io::write(&second_writer, &[1]).expect("room");
        assert!(is_ready(&buffer));
    }

    #[test]
    fn a_frame_waits_for_its_buffer_but_not_for_ever() {
        let mut gate = Gate::default();
        assert_eq!(gate.pass(true, START), Passage::Open);
        assert_eq!(gate.pass(false, START), Passage::Closed);
        assert_eq!((gate.is_closed(), gate.deadline()), (true, Some(START + LIMIT)));
        assert_eq!(gate.pass(false, START + LIMIT / 2), Passage::Closed);
        assert_eq!(gate.pass(true, START + LIMIT / 2), Passage::Opened);
        assert_eq!(gate.pass(false, START + LIMIT), Passage::Closed, "the next frame waits anew");
        assert_eq!(gate.pass(false, START + LIMIT + LIMIT), Passage::Overdue);
        assert!(!gate.is_closed());
    }
}
