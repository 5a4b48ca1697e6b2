//! What the compositor offers, bound on the presenter's queue.

use std::os::fd::OwnedFd;
use std::time::Duration;

use wayland_client::globals::{BindError, GlobalList, GlobalListContents};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_registry::WlRegistry;
use wayland_client::protocol::wl_shm::{self, WlShm};
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_client::protocol::wl_subsurface::WlSubsurface;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{
    Connection, Dispatch, EventQueue, Proxy, QueueHandle, WEnum, delegate_noop, event_created_child,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1 as params;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::ZwpLinuxBufferParamsV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::{
    self as feedback, ZwpLinuxDmabufFeedbackV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::{
    self as dmabuf, ZwpLinuxDmabufV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::{self, WpPresentation};
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;

use super::stage::Objects;
use super::thread::Presenter;
use crate::frame::BufferId;
use crate::pixel::{Format, Fourcc, Modifier};
use crate::present::ladder::{Offer, Reason};
use crate::present::table::{self, Feedback};

/// Clock of `wp_presentation` that ours is, too.
const CLOCK_MONOTONIC: u32 = 1;

/// Objects that stay as long as the presenter.
#[derive(Debug)]
pub(super) struct Globals {
    pub(super) shm: WlShm,
    pub(super) dmabuf: Option<ZwpLinuxDmabufV1>,
    pub(super) syncobj: Option<WpLinuxDrmSyncobjManagerV1>,
    presentation: Option<WpPresentation>,
    compositor: WlCompositor,
    viewporter: WpViewporter,
}

/// Whether a frame has been seen since the compositor last said which buffers it takes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    #[default]
    Fresh,
    Settled,
}

/// What globals have told of themselves.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) offer: Offer,
    feedback: Feedback,
    pub(super) hearing: Hearing,
    clock: Option<u32>,
    /// Between two refreshes of the screen that showed the last frame.
    pub(super) refresh: Option<Duration>,
}

impl Globals {
    /// Binds what there is; what there has to be, or the error names it.
    pub(super) fn bind(
        list: &GlobalList,
        queue: &EventQueue<Presenter>,
    ) -> Result<(Self, WlSubcompositor), Reason> {
        let handle = queue.handle();
        let missing = |name| move |_: BindError| Reason::NoGlobal(name);
        // 4 has `damage_buffer`.
        let compositor = list.bind(&handle, 4..=6, ()).map_err(missing("wl_compositor 4"))?;
        let subcompositor = list.bind(&handle, 1..=1, ()).map_err(missing("wl_subcompositor"))?;
        let viewporter = list.bind(&handle, 1..=1, ()).map_err(missing("wp_viewporter"))?;
        let shm = list.bind(&handle, 1..=1, ()).map_err(missing("wl_shm"))?;
        // 3 has modifiers, 4 has feedback instead of a list, 5 wants one modifier for all planes.
        let dmabuf = list.bind(&handle, 3..=5, ()).ok();
        let syncobj = list.bind(&handle, 1..=1, ()).ok();
        let presentation = list.bind(&handle, 1..=1, ()).ok();
        Ok((Self { shm, dmabuf, syncobj, presentation, compositor, viewporter }, subcompositor))
    }

    /// A surface without input, all of it opaque, that has no role yet.
    pub(super) fn surface(&self, subcompositor: WlSubcompositor, queue: &QueueHandle<Presenter>) -> Objects {
        let surface = self.compositor.create_surface(queue, ());
        let nothing = self.compositor.create_region(queue, ());
        surface.set_input_region(Some(&nothing));
        nothing.destroy();
        // Regions are cut to the surface, whatever size it has.
        let everything = self.compositor.create_region(queue, ());
        everything.add(0, 0, i32::MAX, i32::MAX);
        surface.set_opaque_region(Some(&everything));
        everything.destroy();
        let viewport = self.viewporter.get_viewport(&surface, queue, ());
        // What suits this surface, where it is at the moment: compositors tell more here than of all.
        let dmabuf = self.dmabuf.as_ref().filter(|dmabuf| dmabuf.version() >= 4);
        let feedback = dmabuf.map(|dmabuf| dmabuf.get_surface_feedback(&surface, queue, ()));
        Objects { surface, viewport, feedback, subcompositor, queue: queue.clone() }
    }

    /// Presentation feedback, where its clock is ours.
    pub(super) fn presentation(&self, told: &Told) -> Option<&WpPresentation> {
        self.presentation.as_ref().filter(|_| told.clock == Some(CLOCK_MONOTONIC))
    }

    pub(super) fn destroy(self) {
        self.viewporter.destroy();
        if let Some(presentation) = self.presentation {
            presentation.destroy();
        }
        if let Some(dmabuf) = self.dmabuf {
            dmabuf.destroy();
        }
        if let Some(syncobj) = self.syncobj {
            syncobj.destroy();
        }
    }
}

/// `wl_shm` has two codes of its own; the others are DRM's.
pub(super) fn shm_code(fourcc: Fourcc) -> u32 {
    match Format::from_fourcc(fourcc) {
        Some(Format::Argb8888) => 0,
        Some(Format::Xrgb8888) => 1,
        _ => fourcc.0,
    }
}

fn shm_fourcc(format: WEnum<wl_shm::Format>) -> Fourcc {
    match u32::from(format) {
        0 => Format::Argb8888.fourcc(),
        1 => Format::Xrgb8888.fourcc(),
        code => Fourcc(code),
    }
}

fn modifier(high: u32, low: u32) -> Modifier {
    Modifier(u64::from(high) << 32 | u64::from(low))
}

impl Told {
    fn table(&mut self, fd: &OwnedFd, size: u32) {
        let mut bytes = vec![0; (size as usize).min(table::MAX_BYTES)];
        match rustix::io::pread(fd, &mut bytes, 0) {
            Ok(length) => self.feedback.table(&bytes[..length]),
            Err(error) => tracing::warn!(%error, "the compositor's table of formats cannot be read"),
        }
    }
}

impl Dispatch<WlShm, ()> for Presenter {
    fn event(
        state: &mut Self,
        _: &WlShm,
        event: wl_shm::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_shm::Event::Format { format } = event {
            state.told.offer.shm.insert(shm_fourcc(format));
        }
    }
}

impl Dispatch<ZwpLinuxDmabufV1, ()> for Presenter {
    fn event(
        state: &mut Self,
        _: &ZwpLinuxDmabufV1,
        event: dmabuf::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let dmabuf::Event::Modifier { format, modifier_hi, modifier_lo } = event {
            let formats = state.told.offer.dmabuf.get_or_insert_default();
            formats.list(Fourcc(format), modifier(modifier_hi, modifier_lo));
        }
    }
}

impl Dispatch<ZwpLinuxDmabufFeedbackV1, ()> for Presenter {
    fn event(
        state: &mut Self,
        _: &ZwpLinuxDmabufFeedbackV1,
        event: feedback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let told = &mut state.told.feedback;
        match event {
            feedback::Event::FormatTable { fd, size } => state.told.table(&fd, size),
            feedback::Event::MainDevice { device } => told.main_device(&device),
            feedback::Event::TrancheTargetDevice { device } => told.target(&device),
            feedback::Event::TrancheFlags { flags } => told.flags(flags.into()),
            feedback::Event::TrancheFormats { indices } => told.pairs(&indices),
            feedback::Event::TrancheDone => told.tranche(),
            feedback::Event::Done => {
                let formats = told.done();
                state.offered(formats);
            }
            _ => {}
        }
    }
}

impl Dispatch<ZwpLinuxBufferParamsV1, BufferId> for Presenter {
    fn event(
        state: &mut Self,
        params: &ZwpLinuxBufferParamsV1,
        event: params::Event,
        id: &BufferId,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            params::Event::Created { buffer } => state.imported(*id, Some(buffer)),
            params::Event::Failed => state.imported(*id, None),
            _ => return,
        }
        params.destroy();
    }

    event_created_child!(Presenter, ZwpLinuxBufferParamsV1, [
        params::EVT_CREATED_OPCODE => (wayland_client::protocol::wl_buffer::WlBuffer, super::buffers::Owner::Import),
    ]);
}

impl Dispatch<WpPresentation, ()> for Presenter {
    fn event(
        state: &mut Self,
        _: &WpPresentation,
        event: wp_presentation::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_presentation::Event::ClockId { clk_id } = event {
            state.told.clock = Some(clk_id);
        }
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for Presenter {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: <WlRegistry as Proxy>::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

// Which outputs the surface is on: nothing depends on it, sizes are in logical units.
delegate_noop!(Presenter: ignore WlSurface);
delegate_noop!(Presenter: WlCompositor);
delegate_noop!(Presenter: WlRegion);
delegate_noop!(Presenter: WlShmPool);
delegate_noop!(Presenter: WlSubcompositor);
delegate_noop!(Presenter: WlSubsurface);
delegate_noop!(Presenter: WpViewport);
delegate_noop!(Presenter: WpViewporter);
