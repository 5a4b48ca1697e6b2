//! Shared memory of ours that the guest's picture is copied into, no more of it than has changed:
//! as it is for a viewport, or as device pixels where a viewport would mix them.

use std::io;

use wayland_client::QueueHandle;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::WlShm;

use super::buffers::{Owner, shm_format};
use super::thread::Presenter;
use crate::clock::Time;
use crate::frame::{Damage, Dmabuf, Scanout};
use crate::geometry::{Backing, Guest, Rect, Size};
use crate::pixel::Format;
use crate::present::cache::Cache;
use crate::present::expand;
use crate::present::ladder::{self, Offer, Reason};
use crate::present::mapping::Memory;
use crate::present::rows::{Door, Source, Target};
use crate::present::scene::Scene;
use crate::present::slots::Slots;
use crate::present::view::View;
use crate::present::viewport::Shape;

/// The buffers of one presenter.
#[derive(Debug, Default)]
pub(super) struct Copier {
    set: Option<Set>,
    generation: u64,
    /// Of a former size or format, but perhaps still on the screen.
    retired: Vec<Slot>,
    /// How dma-bufs can be read.
    doors: Cache<Door>,
    /// Guest pixels on their way to device pixels.
    staging: Vec<u8>,
}

#[derive(Debug)]
struct Set {
    layout: Layout,
    /// What the device pixels are for, if they are that.
    view: Option<View>,
    slots: Slots<Slot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    size: Size<Backing>,
    stride: u32,
    format: Format,
}

#[derive(Debug)]
struct Slot {
    memory: Memory,
    buffer: WlBuffer,
}

/// A copy, ready to be attached.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) buffer: WlBuffer,
    pub(super) slot: usize,
    pub(super) bytes: u64,
    pub(super) placed: Placed,
}

/// What a copy is like.
#[derive(Debug)]
pub(super) enum Placed {
    /// The whole picture, in its own pixels.
    Whole(Shape),
    /// What is seen of it, in device pixels; these are new.
    Seen(Vec<Rect<Backing>>),
}

/// Where shared memory comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub(super) shm: &'a WlShm,
    pub(super) offer: &'a Offer,
    pub(super) queue: &'a QueueHandle<Presenter>,
}

impl Copier {
    /// Brings a free buffer up to date; with a `scene`, one of device pixels as that has them. `None`
    /// while the compositor holds them all.
    ///
    /// # Errors
    ///
    /// When the picture cannot be read, or there is no memory.
    pub(super) fn copy(
        &mut self,
        scanout: &Scanout,
        damage: &Damage,
        scene: Option<Scene>,
        shop: Workshop<'_>,
        now: Time,
    ) -> Result<Option<Copied>, Reason> {
        let format = ladder::readable(scanout)?;
        let flipped = matches!(scanout, Scanout::Dmabuf(dmabuf) if dmabuf.y0_top());
        let shape = Shape::whole(scanout.size(), flipped);
        let view = scene.map(|scene| View::new(shape, scene));
        let layout = match &view {
            Some(view) => Layout::of_view(view),
            None => Layout::of(scanout, format, shop.offer),
        };
        let moved = self.prepare(layout, view, scanout.size());
        let door = match scanout {
            Scanout::Dmabuf(dmabuf) => Some(open(&mut self.doors, dmabuf, now)?),
            _ => None,
        };
        let source = Source::new(scanout, format, door).ok_or(Reason::Short)?;
        let Some(Set { slots, .. }) = &mut self.set else { return Ok(None) };
        slots.damage(damage);
        let generation = self.generation;
        let next = slots.next(|index| make(layout, shop, Owner::Slot { generation, index }));
        let Some((index, stale)) = next.map_err(unreadable)? else { return Ok(None) };
        let Some(slot) = slots.get_mut(index) else { return Ok(None) };
        let rects = stale.rects().iter().map(|rect| shape.in_buffer(*rect).cast());
        let (bytes, stride) = (slot.memory.bytes_mut(), layout.stride as usize);
        let (bytes, placed) = match &view {
            None => {
                let copied = source.copy(rects, &mut Target { bytes, stride, format: layout.format });
                (copied.map_err(unreadable)?, Placed::Whole(shape))
            }
            Some(view) => {
                let row = scanout.size().width as usize * 4;
                self.staging.resize(row * scanout.size().height as usize, 0);
                let target = &mut Target { bytes: &mut self.staging, stride: row, format: layout.format };
                let read = source.copy(rects, target).map_err(unreadable)?;
                let picture = expand::Picture { bytes: &self.staging, stride: row };
                let drawn = expand::draw(view, &stale, scanout.size(), picture, bytes, stride);
                let new = if moved || damage.is_whole(scanout.size()) {
                    vec![layout.size.at_origin()]
                } else {
                    view.damage(damage).map(Rect::cast).collect()
                };
                (read + drawn, Placed::Seen(new))
            }
        };
        Ok(Some(Copied { buffer: slot.buffer.clone(), slot: index, bytes, placed }))
    }

    /// The copy has been attached and committed.
    pub(super) fn give(&mut self, slot: usize) {
        if let Some(set) = &mut self.set {
            set.slots.give(slot);
        }
    }

    /// The compositor no longer reads a buffer.
    pub(super) fn release(&mut self, generation: u64, slot: usize) {
        if let Some(set) = self.set.as_mut().filter(|_| generation == self.generation) {
            set.slots.release(slot);
        }
    }

    /// Another way is taken now: the memory is not needed any more.
    pub(super) fn retire(&mut self) {
        self.staging = Vec::new();
        if let Some(mut set) = self.set.take() {
            self.retired.extend(set.slots.drain());
        }
    }

    /// Forgets how buffers are read that the guest does not use any more.
    pub(super) fn sweep(&mut self, now: Time) {
        self.doors.sweep(now).for_each(drop);
    }

    /// When [`Self::sweep`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.doors.deadline()
    }

    /// Something newer is on the screen than what was retired before.
    pub(super) fn discard_retired(&mut self) {
        self.retired.drain(..).for_each(|slot| slot.buffer.destroy());
    }

    pub(super) fn clear(&mut self) {
        self.retire();
        self.discard_retired();
        self.doors.drain().for_each(drop);
    }

    /// Sees to it that there are buffers of this kind. Whether they show something else from now on.
    fn prepare(&mut self, layout: Layout, view: Option<View>, size: Size<Guest>) -> bool {
        match &mut self.set {
            Some(set) if set.layout == layout && set.view.is_some() == view.is_some() => {
                let moved = set.view != view;
                if moved {
                    set.view = view;
                    set.slots.resize(size);
                }
                moved
            }
            _ => {
                self.retire();
                self.generation += 1;
                self.set = Some(Set { layout, view, slots: Slots::new(size) });
                true
            }
        }
    }
}

impl Layout {
    /// The guest's own format where the compositor knows it, and its stride where that is reasonable,
    /// so that rows can be read in one go.
    fn of(scanout: &Scanout, format: Format, offer: &Offer) -> Self {
        let size = scanout.size();
        let known = offer.shm.contains(&format.opaque().fourcc());
        let target = if known { format.opaque() } else { Format::Xrgb8888 };
        let packed = (size.width * target.bytes_per_pixel()).next_multiple_of(4);
        let theirs = match scanout {
            Scanout::Mapped(mapped) => Some(mapped.stride()),
            Scanout::Dmabuf(dmabuf) => dmabuf.planes().first().map(|plane| plane.stride),
            Scanout::Blank | Scanout::Pixels(_) => None,
        };
        let pixel = target.bytes_per_pixel();
        let fits = |stride: &u32| {
            stride.is_multiple_of(4)
                && stride.is_multiple_of(pixel)
                && *stride >= packed
                && *stride / 2 <= packed
        };
        let stride = theirs.filter(|_| known).filter(fits).unwrap_or(packed.next_multiple_of(pixel * 4));
        Self { size: size.cast(), stride, format: target }
    }

    /// Device pixels, as every compositor takes them.
    fn of_view(view: &View) -> Self {
        let (size, format) = (view.size().cast::<Backing>(), Format::Xrgb8888);
        Self { size, stride: size.width * format.bytes_per_pixel(), format }
    }

    fn bytes(self) -> usize {
        self.stride as usize * self.size.height as usize
    }
}

fn make(layout: Layout, shop: Workshop<'_>, owner: Owner) -> io::Result<Slot> {
    let int = |value: usize| i32::try_from(value).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory));
    let memory = Memory::new(layout.bytes())?;
    let pool = shop.shm.create_pool(memory.fd(), int(layout.bytes())?, shop.queue, ());
    let buffer = pool.create_buffer(
        0,
        int(layout.size.width as usize)?,
        int(layout.size.height as usize)?,
        int(layout.stride as usize)?,
        shm_format(layout.format.fourcc()),
        shop.queue,
        owner,
    );
    pool.destroy();
    Ok(Slot { memory, buffer })
}

fn open<'a>(doors: &'a mut Cache<Door>, dmabuf: &Dmabuf, now: Time) -> Result<&'a Door, Reason> {
    let id = dmabuf.id();
    if doors.touch(id, now).is_none() {
        let door = Door::open(dmabuf).map_err(unreadable)?;
        drop(doors.insert(id, door, now));
    }
    doors.touch(id, now).map(|door| &*door).ok_or(Reason::Short)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unreadable(error: io::Error) -> Reason {
    Reason::Io(error.to_string())
}
