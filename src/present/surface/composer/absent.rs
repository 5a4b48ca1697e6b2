//! In place of the composer, where Oriel was built without EGL: it can do nothing, and says so.

use wayland_client::QueueHandle;
use wayland_client::protocol::wl_buffer::WlBuffer;

use super::composed::{Composed, Way};
use super::globals::Globals;
use super::thread::Presenter;
use crate::clock::Time;
use crate::frame::{BufferId, Pending, Scanout};
use crate::present::ladder::{Offer, Reason};
use crate::present::scene::{Need, Scene};

/// Never draws anything.
#[derive(Debug)]
pub(super) struct Composer;

/// Nothing is needed to do nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workshop;

impl Workshop {
    pub(super) fn new(_: &Globals, _: &Offer, _: &QueueHandle<Presenter>) -> Self {
        Self
    }
}

#[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as the composer's")]
impl Composer {
    pub(super) fn new(_: Way) -> Self {
        Self
    }

    pub(super) fn about(&self) -> Option<String> {
        None
    }

    pub(super) fn check(&mut self, scanout: &Scanout, _: Need, _: Workshop) -> Result<(), Reason> {
        Err(match scanout {
            Scanout::Blank | Scanout::Pixels(_) => Reason::Messages,
            Scanout::Mapped(_) | Scanout::Dmabuf(_) => Reason::NotBuilt,
        })
    }

    pub(super) fn compose(
        &mut self,
        _: &Pending,
        _: &Scene,
        _: Workshop,
    ) -> Result<Option<Composed>, Reason> {
        Err(Reason::NotBuilt)
    }

    pub(super) fn give(&mut self, _: usize) {}

    pub(super) fn release(&mut self, _: u64, _: usize) {}

    pub(super) fn release_buffer(&mut self, _: &WlBuffer) {}

    pub(super) fn answered(&mut self, _: BufferId, _: Option<&WlBuffer>) -> bool {
        false
    }

    pub(super) fn retire(&mut self) {}

    pub(super) fn discard_retired(&mut self) {}

    pub(super) fn sweep(&mut self, _: Time) {}

    pub(super) fn deadline(&self) -> Option<Time> {
        None
    }

    pub(super) fn renew(&mut self) {}

    pub(super) fn clear(&mut self) {}
}
