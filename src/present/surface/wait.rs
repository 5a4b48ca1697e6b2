//! Where the presenter's thread sleeps: for the compositor, a wake, a buffer's fence, or a moment.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use wayland_client::EventQueue;
use wayland_client::backend::{ReadEventsGuard, WaylandError};

use super::shared::Shared;
use super::thread::Presenter;
use crate::clock::{self, Time};
use crate::frame::Dmabuf;
use crate::present::fence;

/// What ends the sleep, beside the compositor and a wake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until<'a> {
    /// A buffer that somebody draws into.
    pub(super) fence: Option<&'a Dmabuf>,
    /// What tells that the compositor has let go of a buffer.
    pub(super) release: Option<BorrowedFd<'a>>,
    pub(super) deadline: Option<Time>,
}

/// Sends what is written; whether the socket takes no more for the moment.
pub(super) fn flush(events: &EventQueue<Presenter>) -> Result<bool, WaylandError> {
    match events.flush() {
        Ok(()) => Ok(false),
        Err(WaylandError::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

/// Waits, and reads what the compositor has sent.
pub(super) fn wait(
    shared: &Shared,
    guard: ReadEventsGuard,
    blocked: bool,
    until: Until<'_>,
) -> Result<(), WaylandError> {
    let interest = if blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let (readable, woken) = {
        let fd = guard.connection_fd();
        let waker = shared.waker();
        let wake = || PollFd::new(&waker, PollFlags::IN);
        let mut fds = [PollFd::new(&fd, interest), wake(), wake(), wake(), wake(), wake(), wake()];
        let planes = until.fence.map_or(&[][..], |dmabuf| dmabuf.planes());
        let unready = planes.iter().take(fence::PLANES).filter(|plane| !fence::is_signalled(&plane.fd));
        let mut used = 2;
        for (fd, plane) in fds[2..].iter_mut().zip(unready) {
            *fd = PollFd::new(&plane.fd, PollFlags::IN);
            used += 1;
        }
        // Ready since it was asked: there is nothing to sleep for.
        let ready = until.fence.is_some() && used == 2;
        if let Some(release) = &until.release {
            fds[used] = PollFd::new(release, PollFlags::IN);
            used += 1;
        }
        let deadline = if ready { Some(Time::default()) } else { until.deadline };
        match rustix::event::poll(&mut fds[..used], timeout(deadline).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(WaylandError::Io(error.into())),
        }
        let ended = PollFlags::IN | PollFlags::ERR | PollFlags::HUP;
        (fds[0].revents().intersects(ended), fds[1].revents().contains(PollFlags::IN))
    };
    if woken {
        shared.clear();
    }
    if !readable {
        return Ok(());
    }
    match guard.read() {
        Err(WaylandError::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
        other => other.map(drop),
    }
}

fn timeout(deadline: Option<Time>) -> Option<Timespec> {
    let left = deadline?.since(clock::now());
    // Not a moment too early, or the loop would turn until it is time.
    let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
    Some(Timespec { tv_sec: seconds, tv_nsec: left.subsec_nanos().into() })
}
