//! The guest's own buffers as `wl_buffer`s, made once and attached again and again.

use std::os::fd::AsFd;

use wayland_client::QueueHandle;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::Format as ShmFormat;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::Flags;

use super::globals::{Globals, shm_code};
use super::thread::Presenter;
use crate::clock::Time;
use crate::frame::{BufferId, Dmabuf, Mapped, Plane, Scanout};
use crate::pixel::Fourcc;
use crate::present::cache::Cache;
use crate::present::file::{self, File};
use crate::present::ladder::{self, Direct, Extent, Offer, Pool, Reason};

/// Whose buffer a `wl_buffer` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The guest's: when the compositor is done with it does not matter, the guest draws anyway.
    Import,
    /// One of ours, in the set of this generation.
    Slot { generation: u64, index: usize },
    /// One that the GPU draws into, in the set of this generation.
    #[cfg_attr(not(feature = "gl"), expect(dead_code, reason = "no GPU draws"))]
    Canvas { generation: u64, index: usize },
}

/// A buffer of the guest's, as far as it is known to the compositor.
#[derive(Debug)]
enum State {
    /// The compositor is looking at it.
    Asked,
    Made(WlBuffer),
    Refused,
}

#[derive(Debug)]
struct Import {
    state: State,
    /// Keeps the file's inode from being given to another buffer.
    _scanout: Scanout,
}

/// What asking for a buffer gives.
#[derive(Debug)]
pub(super) enum Lookup {
    Ready(WlBuffer),
    /// An event will tell.
    Later,
}

/// The imports of one presenter.
#[derive(Debug, Default)]
pub(super) struct Imports {
    cache: Cache<Import>,
    /// Evicted, but perhaps still on the screen.
    retired: Vec<WlBuffer>,
}

impl Imports {
    /// Whether a scanout's own buffer can be given to the compositor.
    pub(super) fn check(&mut self, scanout: &Scanout, offer: &Offer) -> Result<(), Reason> {
        let id = identity(scanout).ok_or(Reason::Messages)?;
        match self.cache.get_mut(id).map(|import| &import.state) {
            Some(State::Asked | State::Made(_)) => return Ok(()),
            Some(State::Refused) => return Err(Reason::Refused),
            None => {}
        }
        match scanout {
            Scanout::Mapped(mapped) => pool(mapped, offer).map(drop),
            Scanout::Dmabuf(dmabuf) => format(dmabuf, offer).map(drop),
            Scanout::Blank | Scanout::Pixels(_) => Err(Reason::Messages),
        }
    }

    /// The `wl_buffer` of a scanout that passed [`Self::check`]. The flag of the result says whether
    /// it is a new one.
    ///
    /// # Errors
    ///
    /// When it would not pass any more: its file has shrunk since.
    pub(super) fn get(
        &mut self,
        scanout: &Scanout,
        globals: &Globals,
        offer: &Offer,
        queue: &QueueHandle<Presenter>,
        now: Time,
    ) -> Result<(Lookup, bool), Reason> {
        let id = identity(scanout).ok_or(Reason::Messages)?;
        match self.cache.touch(id, now).map(|import| &import.state) {
            Some(State::Made(buffer)) => return Ok((Lookup::Ready(buffer.clone()), false)),
            Some(State::Asked) => return Ok((Lookup::Later, false)),
            Some(State::Refused) => return Err(Reason::Refused),
            None => {}
        }
        let (state, lookup) = match scanout {
            Scanout::Mapped(mapped) => {
                let buffer = share(mapped, pool(mapped, offer)?, globals, queue);
                (State::Made(buffer.clone()), Lookup::Ready(buffer))
            }
            Scanout::Dmabuf(dmabuf) => {
                ask(dmabuf, format(dmabuf, offer)?, globals, queue)?;
                (State::Asked, Lookup::Later)
            }
            Scanout::Blank | Scanout::Pixels(_) => return Err(Reason::Messages),
        };
        let evicted = self.cache.insert(id, Import { state, _scanout: scanout.clone() }, now);
        self.retired.extend(evicted.into_iter().filter_map(|import| import.state.into_buffer()));
        Ok((lookup, true))
    }

    /// The compositor's answer about a dma-buf.
    pub(super) fn answered(&mut self, id: BufferId, buffer: Option<WlBuffer>) {
        match (self.cache.get_mut(id).map(|import| &mut import.state), buffer) {
            // Asked for once more meanwhile: the first answer counts.
            (Some(State::Made(_)) | None, Some(buffer)) => buffer.destroy(),
            (Some(State::Made(_)) | None, None) => {}
            (Some(state), Some(buffer)) => *state = State::Made(buffer),
            (Some(state), None) => *state = State::Refused,
        }
    }

    /// Forgets buffers that the guest does not use any more. They stay until [`Self::discard_retired`].
    pub(super) fn sweep(&mut self, now: Time) {
        let gone = self.cache.sweep(now).filter_map(|import| import.state.into_buffer());
        self.retired.extend(gone);
    }

    /// When [`Self::sweep`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.cache.deadline()
    }

    /// Every buffer is to be made known once more: the compositor has lost them, or wants others.
    pub(super) fn renew(&mut self) {
        let gone = self.cache.drain().filter_map(|import| import.state.into_buffer());
        self.retired.extend(gone);
    }

    /// What the compositor has refused it may be asked again.
    pub(super) fn forgive(&mut self) {
        self.cache.retain(|import| !matches!(import.state, State::Refused));
    }

    /// Something newer is on the screen than what was evicted before.
    pub(super) fn discard_retired(&mut self) {
        self.retired.drain(..).for_each(|buffer| buffer.destroy());
    }

    pub(super) fn clear(&mut self) {
        self.discard_retired();
        let buffers = self.cache.drain().filter_map(|import| import.state.into_buffer());
        buffers.for_each(|buffer| buffer.destroy());
    }
}

impl State {
    fn into_buffer(self) -> Option<WlBuffer> {
        match self {
            Self::Made(buffer) => Some(buffer),
            Self::Asked | Self::Refused => None,
        }
    }
}

fn identity(scanout: &Scanout) -> Option<BufferId> {
    match scanout {
        Scanout::Mapped(mapped) => Some(mapped.id()),
        Scanout::Dmabuf(dmabuf) => Some(dmabuf.id()),
        Scanout::Blank | Scanout::Pixels(_) => None,
    }
}

fn pool(mapped: &Mapped, offer: &Offer) -> Result<Pool, Reason> {
    let file = File::probe(mapped.fd()).map_err(|error| Reason::Io(error.to_string()))?;
    ladder::direct_map(mapped, &file, offer)
}

fn format(dmabuf: &Dmabuf, offer: &Offer) -> Result<Fourcc, Reason> {
    Ok(as_what(dmabuf, offer)?.format)
}

/// As what the compositor takes a dma-buf.
pub(super) fn as_what(dmabuf: &Dmabuf, offer: &Offer) -> Result<Direct, Reason> {
    let extent = |plane: &Plane| match file::is_buffer(&plane.fd) {
        true => Extent::Fixed(file::length(&plane.fd)),
        false => Extent::NoBuffer,
    };
    let extents: Vec<_> = dmabuf.planes().iter().map(extent).collect();
    ladder::direct_dmabuf(dmabuf, &extents, offer)
}

/// A pool over the very file that QEMU draws into.
fn share(mapped: &Mapped, pool: Pool, globals: &Globals, queue: &QueueHandle<Presenter>) -> WlBuffer {
    let Pool { size, offset, width, height, stride, format } = pool;
    let pool = globals.shm.create_pool(mapped.fd().as_fd(), size, queue, ());
    let buffer = pool.create_buffer(offset, width, height, stride, shm_format(format), queue, Owner::Import);
    pool.destroy();
    buffer
}

/// Never `create_immed`: a buffer that the compositor cannot import would end the connection.
pub(super) fn ask(
    dmabuf: &Dmabuf,
    format: Fourcc,
    globals: &Globals,
    queue: &QueueHandle<Presenter>,
) -> Result<(), Reason> {
    let factory = globals.dmabuf.as_ref().ok_or(Reason::NoDmabuf)?;
    let unfit = |_| Reason::Short;
    let width = i32::try_from(dmabuf.backing().width).map_err(unfit)?;
    let height = i32::try_from(dmabuf.backing().height).map_err(unfit)?;
    let params = factory.create_params(queue, dmabuf.id());
    let modifier = dmabuf.modifier().0;
    let [high, low] = [modifier >> 32, modifier & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0));
    for (index, plane) in (0..).zip(dmabuf.planes()) {
        params.add(plane.fd.as_fd(), index, plane.offset, plane.stride, high, low);
    }
    params.create(width, height, format.0, Flags::empty());
    Ok(())
}

/// Every code that the compositor offered is one that the enumeration knows or DRM's own.
pub(super) fn shm_format(fourcc: Fourcc) -> ShmFormat {
    ShmFormat::try_from(shm_code(fourcc)).unwrap_or(ShmFormat::Xrgb8888)
}
