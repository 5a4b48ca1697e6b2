//! Explicit synchronisation of the picture's surface, and the errors that real compositors end the
//! connection with.

use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_manager_v1::{
    self as manager, WpLinuxDrmSyncobjManagerV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_surface_v1::{
    self as surface, WpLinuxDrmSyncobjSurfaceV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

use super::{Book, Seen, State};

/// A timeline and its point.
pub(in super::super) type Point = (u64, u64);

/// Those of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Points {
    pub(in super::super) acquire: Point,
    /// How far the timeline was when the commit came.
    pub(in super::super) reached: u64,
    pub(in super::super) release: Point,
}

/// What the next commit of the picture's surface will be, and the last one was.
pub(super) struct Commit {
    book: Book,
    synced: Option<WpLinuxDrmSyncobjSurfaceV1>,
    /// Whether a buffer is attached, and which.
    attached: Option<Option<u32>>,
    acquire: Option<Point>,
    release: Option<Point>,
    /// The point to reach when the next buffer comes, and those that were not reached.
    shown: Option<Point>,
    kept: Option<Vec<Point>>,
    /// Whether the former buffer had points.
    former: Option<Point>,
}

impl Commit {
    pub(super) fn new(book: Book) -> Self {
        let (synced, attached, acquire, release) = (None, None, None, None);
        Self { book, synced, attached, acquire, release, shown: None, kept: None, former: None }
    }

    pub(super) fn attach(&mut self, buffer: Option<u32>) {
        self.attached = Some(buffer);
    }

    pub(super) fn keep(&mut self, keep: bool) {
        let kept = std::mem::replace(&mut self.kept, keep.then(Vec::new));
        kept.into_iter().flatten().for_each(|(timeline, point)| self.book.reach(timeline, point));
    }

    /// At a commit: what its points are, once they are in order.
    pub(super) fn check(&mut self, is_dmabuf: impl Fn(u32) -> bool) -> Option<Points> {
        let attached = self.attached.take();
        let (acquire, release) = (self.acquire.take(), self.release.take());
        if attached.is_some() {
            self.former = std::mem::replace(&mut self.shown, release);
        }
        let synced = self.synced.as_ref().filter(|synced| synced.is_alive())?;
        let fail = |error, words: &str| {
            synced.post_error(error, words);
            None
        };
        match (attached.flatten(), acquire, release) {
            (None, None, None) => None,
            (None, _, _) => fail(surface::Error::NoBuffer, "no buffer"),
            (Some(_), None, _) => fail(surface::Error::NoAcquirePoint, "no acquire point"),
            (Some(_), _, None) => fail(surface::Error::NoReleasePoint, "no release point"),
            (Some(buffer), _, _) if !is_dmabuf(buffer) => {
                fail(surface::Error::UnsupportedBuffer, "no dma-buf")
            }
            (_, Some(acquire), Some(release)) if acquire.0 == release.0 && acquire.1 >= release.1 => {
                fail(surface::Error::ConflictingPoints, "released before it is acquired")
            }
            (_, Some(acquire), Some(release)) => {
                Some(Points { acquire, reached: self.book.reached(acquire.0), release })
            }
        }
    }

    /// After a commit: lets go of the buffer before. Whether it had points.
    pub(super) fn release(&mut self) -> bool {
        let Some(former) = self.former.take() else { return false };
        match &mut self.kept {
            Some(kept) => kept.push(former),
            None => self.book.reach(former.0, former.1),
        }
        true
    }
}

impl Dispatch<WpLinuxDrmSyncobjManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        manager: &WpLinuxDrmSyncobjManagerV1,
        request: manager::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            manager::Request::GetSurface { id, surface } => {
                let object = init.init(id, ());
                assert_eq!(state.picture, Some(surface.id()), "another surface");
                let former = state.commit.synced.replace(object);
                if former.is_some_and(|former| former.is_alive()) {
                    manager.post_error(manager::Error::SurfaceExists, "it has one");
                }
            }
            manager::Request::ImportTimeline { id, fd } => {
                use std::os::fd::AsFd;

                let found = state.commit.book.find(fd.as_fd());
                init.init(id, found.unwrap_or(0));
                if found.is_none() {
                    manager.post_error(manager::Error::InvalidTimeline, "no timeline");
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<WpLinuxDrmSyncobjTimelineV1, u64> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WpLinuxDrmSyncobjTimelineV1,
        _: <WpLinuxDrmSyncobjTimelineV1 as Resource>::Request,
        _: &u64,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

impl Dispatch<WpLinuxDrmSyncobjSurfaceV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &WpLinuxDrmSyncobjSurfaceV1,
        request: surface::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let point = |timeline: WpLinuxDrmSyncobjTimelineV1, high: u32, low: u32| {
            let number = *timeline.data::<u64>().expect("ours");
            Some((number, u64::from(high) << 32 | u64::from(low)))
        };
        match request {
            surface::Request::SetAcquirePoint { timeline, point_hi, point_lo } => {
                state.commit.acquire = point(timeline, point_hi, point_lo);
            }
            surface::Request::SetReleasePoint { timeline, point_hi, point_lo } => {
                state.commit.release = point(timeline, point_hi, point_lo);
            }
            surface::Request::Destroy => {
                (state.commit.acquire, state.commit.release) = (None, None);
                state.saw(Seen::Pointless);
            }
            _ => {}
        }
    }
}
