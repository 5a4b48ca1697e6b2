//! Explicit synchronisation (`wp_linux_drm_syncobj_v1`) for the guest's own buffers.
//!
//! QEMU passes no timelines, and nobody in the guest would wait for ours: the presenter itself waits
//! for a buffer's fence, for a moment at most ([`crate::present::fence`]), and then says that it may be
//! read. So the compositor need not look at the buffer's own fences, which a guest that draws into what
//! is shown sets anew all the time, and which some drivers never set.
//!
//! That a picture has been seen does not say that the compositor has let go of the one before: one that
//! scans it out reads it until the screen's next refresh. The guest is told that it may go on, and draw
//! into that buffer, when the buffer's release point is reached, or as late as a reply may be.
//!
//! A surface with such an object must have points with every buffer, and `wl_buffer.release` means
//! nothing: our own buffers, which wait for that, are shown without.

mod releases;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::EventfdFlags;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{QueueHandle, delegate_noop};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;

use self::releases::{Point, Releases};
use super::thread::Presenter;
use crate::clock::Time;
use crate::frame::{Ack, Dmabuf, Serial};
use crate::present::facts::Sync;
use crate::present::ladder::Offer;
use crate::present::timeline::{Timeline, Timelines};

/// How many timelines have points of release. A compositor may reach them in another order than that of
/// the commits, and a point that is reached has reached those before it on its timeline: so commits that
/// may be waited for at the same time have theirs on different ones. Those are the two under way, the one
/// that is seen, and the one that was.
const RELEASES: usize = 4;

/// The synchronisation of one surface.
#[derive(Debug)]
pub(super) struct Explicit {
    source: Box<dyn Timelines>,
    clock: Clock,
    /// While a buffer of the guest's is shown.
    surface: Option<WpLinuxDrmSyncobjSurfaceV1>,
    releases: Releases,
}

/// Where points come from.
#[derive(Debug, Default)]
enum Clock {
    /// Nothing needed one yet.
    #[default]
    Unknown,
    /// The compositor or the kernel has none.
    None,
    Running(Running),
}

/// The timeline that we advance, and those that the compositor does.
#[derive(Debug)]
struct Running {
    acquire: Track,
    releases: Vec<Track>,
    /// The last commit's points.
    number: u64,
    /// Written to when a point of release is reached that is waited for.
    event: OwnedFd,
}

/// A timeline as both sides know it.
#[derive(Debug)]
struct Track {
    timeline: Box<dyn Timeline>,
    object: WpLinuxDrmSyncobjTimelineV1,
}

impl Explicit {
    pub(super) fn new(source: Box<dyn Timelines>) -> Self {
        Self { source, clock: Clock::default(), surface: None, releases: Releases::default() }
    }

    /// Before a commit that attaches a buffer of the guest's: gives it its points, where that can be.
    pub(super) fn attach(
        &mut self,
        manager: Option<&WpLinuxDrmSyncobjManagerV1>,
        surface: &WlSurface,
        dmabuf: &Dmabuf,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
    ) -> Sync {
        let Some(manager) = manager else { return Sync::Implicit };
        if !dmabuf.planes().iter().all(|plane| self.source.suit(plane.fd.as_fd())) {
            return self.detach();
        }
        if matches!(self.clock, Clock::Unknown) {
            self.clock = Clock::start(&*self.source, manager, offer, queue);
        }
        let Clock::Running(running) = &mut self.clock else { return self.detach() };
        let Ok(release) = running.advance() else {
            self.clock = Clock::None;
            return self.detach();
        };
        let object = self.surface.get_or_insert_with(|| manager.get_surface(surface, queue, ()));
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        let (high, low) = (half(release.number >> 32), half(release.number));
        object.set_acquire_point(&running.acquire.object, high, low);
        object.set_release_point(&running.releases[release.track].object, high, low);
        self.releases.attach(dmabuf.id(), release);
        Sync::Explicit
    }

    /// Before a commit that attaches anything else: the compositor goes by `wl_buffer.release` again.
    pub(super) fn detach(&mut self) -> Sync {
        if let Some(surface) = self.surface.take() {
            surface.destroy();
        }
        self.releases.detach();
        Sync::Implicit
    }

    /// After a commit.
    pub(super) fn committed(&mut self, serial: Serial) {
        self.releases.committed(serial);
    }

    /// A commit has been seen. Whether its reply has to wait, because the compositor has not let go of the
    /// buffer before: [`Self::owe`].
    pub(super) fn holds(&mut self, serial: Serial) -> bool {
        let Clock::Running(running) = &self.clock else { return false };
        let unreleased = |point: &&Point| running.call(**point);
        self.releases.seen(serial).iter().filter(unreleased).count() > 0
    }

    /// Keeps a reply until the buffer is released for that [`Self::holds`] asked for it, or this moment.
    pub(super) fn owe(&mut self, reply: Ack, until: Time) {
        self.releases.owe(reply, until);
    }

    /// What becomes readable when a reply that is owed may have become due.
    pub(super) fn event(&self) -> Option<BorrowedFd<'_>> {
        match &self.clock {
            Clock::Running(running) => self.releases.deadline().map(|_| running.event.as_fd()),
            Clock::Unknown | Clock::None => None,
        }
    }

    /// When [`Self::sweep`] has something to do at the latest.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.releases.deadline()
    }

    /// Gives the reply that is owed, if it is due.
    pub(super) fn sweep(&mut self, now: Time) {
        if self.releases.deadline().is_none() {
            return;
        }
        let Clock::Running(running) = &self.clock else { return self.releases.clear() };
        // First this, such that what comes later wakes again.
        _ = rustix::io::read(&running.event, &mut [0; 8]);
        self.releases.sweep(now, |point| running.is_reached(point));
    }

    /// Before the surface goes.
    pub(super) fn destroy(&mut self) {
        self.detach();
        self.releases.clear();
        self.clock = Clock::None;
    }
}

impl Clock {
    fn start(
        source: &dyn Timelines,
        manager: &WpLinuxDrmSyncobjManagerV1,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
    ) -> Self {
        match Running::start(source, manager, offer, queue) {
            Ok(running) => Self::Running(running),
            Err(error) => {
                tracing::info!(%error, "buffers are synchronised by their own fences");
                Self::None
            }
        }
    }
}

impl Running {
    fn start(
        source: &dyn Timelines,
        manager: &WpLinuxDrmSyncobjManagerV1,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
    ) -> io::Result<Self> {
        let device = offer.dmabuf.as_ref().and_then(|formats| formats.main);
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let timelines = source.open(device, 1 + RELEASES)?;
        // Of all before the first is told of: the compositor then knows all or none.
        let fds = timelines.iter().map(|timeline| timeline.export()).collect::<io::Result<Vec<_>>>()?;
        let mut tracks = timelines.into_iter().zip(fds).map(|(timeline, fd)| {
            let object = manager.import_timeline(fd.as_fd(), queue, ());
            Track { timeline, object }
        });
        let acquire = tracks.next().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { acquire, releases: tracks.collect(), number: 0, event })
    }

    /// Reaches the next point of ours: the compositor may read. The point that it is to reach itself.
    fn advance(&mut self) -> io::Result<Point> {
        let number = self.number + 1;
        let reached = self.acquire.timeline.reach(number);
        reached.inspect_err(|error| tracing::warn!(%error, "a timeline has stopped"))?;
        self.number = number;
        let track = usize::try_from(number).unwrap_or(0) % self.releases.len();
        Ok(Point { track, number })
    }

    fn is_reached(&self, point: Point) -> bool {
        // Of a device that is gone nothing more will be heard.
        self.releases[point.track].timeline.reached().map_or(true, |reached| reached >= point.number)
    }

    /// Has the event written to when a point is reached. Whether it is still to be.
    fn call(&self, point: Point) -> bool {
        if self.is_reached(point) {
            return false;
        }
        let called = self.releases[point.track].timeline.announce(point.number, self.event.as_fd());
        called.inspect_err(|error| tracing::debug!(%error, "a release cannot be waited for")).is_ok()
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.object.destroy();
    }
}

delegate_noop!(Presenter: WpLinuxDrmSyncobjManagerV1);
delegate_noop!(Presenter: WpLinuxDrmSyncobjSurfaceV1);
delegate_noop!(Presenter: WpLinuxDrmSyncobjTimelineV1);
