//! Explicit synchronisation (`wp_linux_drm_syncobj_v1`) for the guest's own buffers.
//!
//! QEMU passes no timelines, and nobody in the guest would wait for ours: the presenter itself waits
//! for a buffer's fence, for a moment at most ([`crate::present::fence`]), and then says that it may be
//! read. So the compositor need not look at the buffer's own fences, which a guest that draws into what
//! is shown sets anew all the time, and which some drivers never set. Points of release are given
//! because the protocol wants them.
//!
//! A surface with such an object must have points with every buffer, and `wl_buffer.release` means
//! nothing: our own buffers, which wait for that, are shown without.

use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{QueueHandle, delegate_noop};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::WpLinuxDrmSyncobjSurfaceV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;

use super::thread::Presenter;
use crate::present::facts::Sync;
use crate::present::ladder::Offer;

/// The synchronisation of one surface.
#[derive(Debug, Default)]
pub(super) struct Explicit {
    clock: Clock,
    /// While a buffer of the guest's is shown.
    surface: Option<WpLinuxDrmSyncobjSurfaceV1>,
}

/// Where points come from.
#[derive(Debug, Default)]
enum Clock {
    /// Nothing needed one yet.
    #[default]
    Unknown,
    /// The compositor or the kernel has none.
    None,
    #[cfg(feature = "gl")]
    Running(Timelines),
}

/// What the points of a commit are on: their timelines, and the points' number.
#[derive(Debug)]
struct Points<'a> {
    acquire: &'a WpLinuxDrmSyncobjTimelineV1,
    release: &'a WpLinuxDrmSyncobjTimelineV1,
    number: u64,
}

impl Explicit {
    /// Before a commit that attaches a buffer of the guest's: gives it its points, where that can be.
    pub(super) fn attach(
        &mut self,
        manager: Option<&WpLinuxDrmSyncobjManagerV1>,
        surface: &WlSurface,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
    ) -> Sync {
        let Some(manager) = manager else { return Sync::Implicit };
        if matches!(self.clock, Clock::Unknown) {
            self.clock = Clock::start(manager, offer, queue);
        }
        let Some(points) = self.clock.next() else {
            self.clock = Clock::None;
            return self.detach();
        };
        let object = self.surface.get_or_insert_with(|| manager.get_surface(surface, queue, ()));
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        let (high, low) = (half(points.number >> 32), half(points.number));
        object.set_acquire_point(points.acquire, high, low);
        object.set_release_point(points.release, high, low);
        Sync::Explicit
    }

    /// Before a commit that attaches anything else: the compositor goes by `wl_buffer.release` again.
    pub(super) fn detach(&mut self) -> Sync {
        if let Some(surface) = self.surface.take() {
            surface.destroy();
        }
        Sync::Implicit
    }

    /// Before the surface goes.
    pub(super) fn destroy(&mut self) {
        self.detach();
        self.clock = Clock::None;
    }
}

/// A timeline that we advance, and one that the compositor does.
#[cfg(feature = "gl")]
#[derive(Debug)]
struct Timelines {
    ours: crate::present::timeline::Timeline,
    acquire: WpLinuxDrmSyncobjTimelineV1,
    release: WpLinuxDrmSyncobjTimelineV1,
}

#[cfg(feature = "gl")]
impl Clock {
    fn start(manager: &WpLinuxDrmSyncobjManagerV1, offer: &Offer, queue: &QueueHandle<Presenter>) -> Self {
        match Timelines::open(manager, offer, queue) {
            Ok(timelines) => Self::Running(timelines),
            Err(error) => {
                tracing::info!(%error, "buffers are synchronised by their own fences");
                Self::None
            }
        }
    }

    fn next(&mut self) -> Option<Points<'_>> {
        let Self::Running(Timelines { ours, acquire, release }) = self else { return None };
        let number = ours.advance();
        let number = number.inspect_err(|error| tracing::warn!(%error, "a timeline has stopped")).ok()?;
        Some(Points { acquire, release, number })
    }
}

#[cfg(feature = "gl")]
impl Timelines {
    fn open(
        manager: &WpLinuxDrmSyncobjManagerV1,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
    ) -> std::io::Result<Self> {
        use std::os::fd::AsFd;

        use crate::present::timeline::Timeline;

        let main = offer.dmabuf.as_ref().and_then(|formats| formats.main);
        let nodes = crate::present::owner::Places::default().nodes();
        let node = nodes.iter().find(|node| main.is_some_and(|main| node.devices.contains(&main)));
        let node = node.ok_or(std::io::ErrorKind::NotFound)?;
        let (ours, theirs) = (Timeline::open(&node.path)?, Timeline::open(&node.path)?);
        let (ours_fd, theirs_fd) = (ours.export()?, theirs.export()?);
        let acquire = manager.import_timeline(ours_fd.as_fd(), queue, ());
        let release = manager.import_timeline(theirs_fd.as_fd(), queue, ());
        Ok(Self { ours, acquire, release })
    }
}

#[cfg(feature = "gl")]
impl Drop for Timelines {
    fn drop(&mut self) {
        self.acquire.destroy();
        self.release.destroy();
    }
}

#[cfg(not(feature = "gl"))]
#[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as with DRM")]
impl Clock {
    fn start(_: &WpLinuxDrmSyncobjManagerV1, _: &Offer, _: &QueueHandle<Presenter>) -> Self {
        Self::None
    }

    fn next(&mut self) -> Option<Points<'_>> {
        None
    }
}

delegate_noop!(Presenter: WpLinuxDrmSyncobjManagerV1);
delegate_noop!(Presenter: WpLinuxDrmSyncobjSurfaceV1);
delegate_noop!(Presenter: WpLinuxDrmSyncobjTimelineV1);
