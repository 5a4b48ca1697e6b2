//! One buffer that the GPU draws into and the compositor reads.

use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::Format as ShmFormat;

use super::Workshop;
use crate::frame::{BufferId, Damage, Dmabuf, DmabufParts, Plane, Scanout, Wire};
use crate::geometry::{Device, Size};
use crate::pixel::{Format, Modifier};
use crate::present::gpu::{Allocator, Gpu, Target};
use crate::present::ladder::{Offer, Reason};
use crate::present::mapping::Memory;
use crate::present::surface::buffers::{self, Owner};
use crate::present::view::View;

/// What every compositor takes.
const FORMAT: Format = Format::Xrgb8888;

/// Drivers that work on the processor draw in tiles, which may reach beyond the last row.
const TILE: u32 = 64;

/// How the GPU's pixels get to the compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a buffer of the GPU's.
    Gpu,
    /// In a buffer of the GPU's whose rows another GPU can read, too.
    Linear,
    /// In shared memory that the GPU draws into, being a processor.
    Shared,
    /// In shared memory, read back.
    Read,
}

/// Whether the compositor knows a buffer.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It is looking at it.
    Asked,
    Made(WlBuffer),
}

/// A buffer of ours.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) state: State,
    /// `None` once the GPU that it was for is gone.
    target: Option<Target>,
    holder: Holder,
}

#[derive(Debug)]
enum Holder {
    Gpu(Dmabuf),
    /// What the target itself writes to.
    Shared {
        _memory: Memory,
    },
    /// What is read from the target.
    Read {
        memory: Memory,
        stride: usize,
    },
}

/// What making a canvas takes.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) gpu: &'a mut Gpu,
    pub(super) allocator: Option<&'a Allocator>,
    pub(super) shop: Workshop<'a>,
}

impl Kind {
    /// The best that there is.
    pub(super) fn for_gpu(gpu: &Gpu, allocator: Option<&Allocator>, offer: &Offer) -> Self {
        let formats = offer.dmabuf.as_ref();
        let taken = formats.is_some_and(|formats| !formats.modifiers(FORMAT.fourcc()).is_empty());
        match allocator {
            Some(_) if taken => Self::Gpu,
            _ if gpu.about().software => Self::Shared,
            _ => Self::Read,
        }
    }
}

impl Canvas {
    pub(super) fn new(
        size: Size<Device>,
        kind: Kind,
        bench: Bench<'_>,
        owner: Owner,
    ) -> Result<Self, Reason> {
        match kind {
            Kind::Gpu | Kind::Linear => Self::on_gpu(size, kind, bench),
            Kind::Shared => Self::shared(size, bench, owner),
            Kind::Read => Self::read(size, bench, owner),
        }
    }

    fn on_gpu(size: Size<Device>, kind: Kind, bench: Bench<'_>) -> Result<Self, Reason> {
        let Bench { gpu, allocator, shop } = bench;
        let allocator = allocator.ok_or(Reason::NoDmabuf)?;
        let taken = shop.offer.dmabuf.as_ref().ok_or(Reason::NoDmabuf)?.modifiers(FORMAT.fourcc());
        // Both the compositor and the driver have to take it.
        let known = gpu.formats().modifiers(FORMAT.fourcc()).map(|(modifier, _)| modifier);
        let mut modifiers: Vec<_> = known.filter(|modifier| taken.contains(modifier)).collect();
        if kind == Kind::Linear {
            modifiers = vec![Modifier::LINEAR];
        } else if modifiers.is_empty() {
            modifiers = taken.into_iter().collect();
        }
        let dmabuf = allocator.allocate(size.cast(), &modifiers)?;
        // The driver may have had another idea, and what was not offered ends the connection.
        let format = buffers::as_what(&dmabuf, shop.offer)?.format;
        let target = gpu.target(&dmabuf)?;
        buffers::ask(&dmabuf, format, shop.globals, shop.queue)?;
        Ok(Self { state: State::Asked, target: Some(target), holder: Holder::Gpu(dmabuf) })
    }

    fn shared(size: Size<Device>, bench: Bench<'_>, owner: Owner) -> Result<Self, Reason> {
        let stride = (size.width * FORMAT.bytes_per_pixel()).next_multiple_of(TILE * 4);
        let rows = size.height.next_multiple_of(TILE);
        let memory = Memory::new(stride as usize * rows as usize).map_err(io)?;
        let fd = memory.fd().try_clone_to_owned().map_err(io)?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| io(error.into()))?;
        let dmabuf = Dmabuf::new(DmabufParts {
            file: (stat.st_dev, stat.st_ino),
            planes: vec![Plane { fd, offset: 0, stride }],
            fourcc: FORMAT.fourcc(),
            modifier: Modifier::LINEAR,
            backing: size.cast(),
            crop: size.cast().at_origin(),
            y0_top: false,
            wire: Wire::V2,
        })
        .map_err(|error| Reason::Io(error.to_string()))?;
        let target = bench.gpu.target(&dmabuf)?;
        let buffer = attachable(&memory, size, stride, bench.shop, owner)?;
        Ok(Self {
            state: State::Made(buffer),
            target: Some(target),
            holder: Holder::Shared { _memory: memory },
        })
    }

    fn read(size: Size<Device>, bench: Bench<'_>, owner: Owner) -> Result<Self, Reason> {
        let stride = size.width * FORMAT.bytes_per_pixel();
        let memory = Memory::new(stride as usize * size.height as usize).map_err(io)?;
        let target = bench.gpu.hidden_target(size)?;
        let buffer = attachable(&memory, size, stride, bench.shop, owner)?;
        let holder = Holder::Read { memory, stride: stride as usize };
        Ok(Self { state: State::Made(buffer), target: Some(target), holder })
    }

    /// Which buffer of the GPU's it is, if it is one.
    pub(super) fn id(&self) -> Option<BufferId> {
        match &self.holder {
            Holder::Gpu(dmabuf) => Some(dmabuf.id()),
            Holder::Shared { .. } | Holder::Read { .. } => None,
        }
    }

    /// Brings it up to date. Tells how many bytes the processor copied for that.
    pub(super) fn draw(
        &mut self,
        gpu: &mut Gpu,
        scanout: &Scanout,
        view: &View,
        stale: &Damage,
    ) -> Result<u64, Reason> {
        let target = self.target.as_ref().ok_or(Reason::GpuLost)?;
        gpu.draw(scanout, target, view, stale)?;
        let Holder::Read { memory, stride } = &mut self.holder else { return Ok(0) };
        // What is around the picture is read when all of that is.
        let places: Vec<_> = match stale.is_whole(scanout.size()) {
            true => vec![view.size().at_origin()],
            false => view.damage(stale).collect(),
        };
        gpu.read(target, places.iter().copied(), *stride, memory.bytes_mut())?;
        Ok(places.iter().map(|place| place.size.area() * 4).sum())
    }

    /// The GPU is gone; the compositor's part of it stays.
    pub(super) fn forget_target(&mut self) {
        self.target = None;
    }

    pub(super) fn destroy(self) {
        if let State::Made(buffer) = self.state {
            buffer.destroy();
        }
    }
}

fn attachable(
    memory: &Memory,
    size: Size<Device>,
    stride: u32,
    shop: Workshop<'_>,
    owner: Owner,
) -> Result<WlBuffer, Reason> {
    let int = |value: u32| i32::try_from(value).map_err(|_| Reason::Short);
    let (width, height, stride) = (int(size.width)?, int(size.height)?, int(stride)?);
    let length = stride.checked_mul(height).ok_or(Reason::Short)?;
    let pool = shop.globals.shm.create_pool(memory.fd(), length, shop.queue, ());
    let buffer = pool.create_buffer(0, width, height, stride, ShmFormat::Xrgb8888, shop.queue, owner);
    pool.destroy();
    Ok(buffer)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn io(error: std::io::Error) -> Reason {
    Reason::Io(error.to_string())
}
