//! Buffers of our own that the GPU draws the picture into, as large as its part of the monitor.
//!
//! Where the compositor takes the GPU's buffers, the GPU draws into those. Elsewhere it draws into
//! memory of its own, from which the pixels are read into shared memory; a processor that does a GPU's
//! work draws into the shared memory itself.

mod bridge;
mod canvas;

use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::{Proxy, QueueHandle};

use self::canvas::{Bench, Canvas, Kind, State};
use super::buffers::Owner;
use super::composed::{Composed, Way};
use super::globals::Globals;
use super::thread::Presenter;
use crate::clock::{self, Time};
use crate::frame::{BufferId, Pending, Scanout};
use crate::geometry::Rect;
use crate::present::gpu::{self, Allocator, Gpu, Losses};
use crate::present::ladder::{self, Offer, Reason};
use crate::present::scene::{Need, Scene};
use crate::present::slots::Slots;
use crate::present::view::View;
use crate::present::viewport::Shape;

/// The GPU and the buffers of one presenter.
#[derive(Debug)]
pub(super) struct Composer {
    way: Way,
    engine: Engine,
    losses: Losses,
    set: Option<Set>,
    generation: u64,
    /// Of a former size, but perhaps still on the screen.
    retired: Vec<Canvas>,
    /// The compositor has refused a buffer of the GPU's: shared memory from now on.
    plain: bool,
    /// Imports that nobody was told of yet.
    imported: u32,
}

#[derive(Debug, Default)]
enum Engine {
    /// Nothing needed a GPU yet.
    #[default]
    Closed,
    Open(Box<Gpu>, Option<Allocator>),
    /// It cannot be used, until something changes.
    Failed(Reason),
}

#[derive(Debug)]
struct Set {
    view: View,
    kind: Kind,
    slots: Slots<Canvas>,
    /// Nothing of this view has been committed yet: all of it is new.
    moved: bool,
}

/// What making a picture takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub(super) globals: &'a Globals,
    pub(super) offer: &'a Offer,
    pub(super) queue: &'a QueueHandle<Presenter>,
    pub(super) now: Time,
}

impl<'a> Workshop<'a> {
    pub(super) fn new(globals: &'a Globals, offer: &'a Offer, queue: &'a QueueHandle<Presenter>) -> Self {
        Self { globals, offer, queue, now: clock::now() }
    }
}

impl Composer {
    /// No GPU is open yet.
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            engine: Engine::Closed,
            losses: Losses::default(),
            set: None,
            generation: 0,
            retired: Vec::new(),
            plain: false,
            imported: 0,
        }
    }

    /// The GPU in words, if one is open.
    pub(super) fn about(&self) -> Option<String> {
        match &self.engine {
            Engine::Open(gpu, _) => Some(gpu.about().to_string()),
            Engine::Closed | Engine::Failed(_) => None,
        }
    }

    /// Whether a scanout can be drawn with a GPU, and should be.
    pub(super) fn check(&mut self, scanout: &Scanout, need: Need, shop: Workshop<'_>) -> Result<(), Reason> {
        if self.way == Way::Bridge {
            return self.check_bridge(scanout, need, shop);
        }
        // One copy is as good as another without hardware, and the processor's own has no driver to load.
        let cheaper = || ladder::readable(scanout).is_ok() && !gpu::has_hardware();
        match (scanout, need) {
            (Scanout::Blank, _) => return Err(Reason::Messages),
            (_, Need::Drawn) => {}
            (Scanout::Pixels(_), Need::Shown) => return Err(Reason::Messages),
            (Scanout::Mapped(_), Need::Shown) => return Err(Reason::SharedMemory),
            _ if cheaper() => return Err(Reason::SoftwareGpu),
            _ => {}
        }
        self.attempt(shop, |engine, now| match scanout {
            Scanout::Dmabuf(dmabuf) => engine.import(dmabuf, now),
            _ => Ok(false),
        })
        .map(|new| self.imported += u32::from(new))
    }

    /// Draws what is new of a picture into a buffer that is free. `None` if none is, or if the
    /// compositor has not looked at it yet: an event will tell.
    pub(super) fn compose(
        &mut self,
        pending: &Pending,
        scene: &Scene,
        shop: Workshop<'_>,
    ) -> Result<Option<Composed>, Reason> {
        match self.draw(pending, scene, shop) {
            Err(Reason::GpuLost) => {
                self.lose(shop.now);
                if self.way == Way::Bridge && matches!(self.engine, Engine::Closed) {
                    // Only the buffer tells which GPU that was.
                    self.check_bridge(&pending.scanout, Need::Drawn, shop)?;
                }
                self.draw(pending, scene, shop)
            }
            result => result,
        }
    }

    /// The picture has been attached and committed.
    pub(super) fn give(&mut self, slot: usize) {
        if let Some(set) = &mut self.set {
            set.slots.give(slot);
            set.moved = false;
        }
    }

    /// The compositor no longer reads a buffer in shared memory.
    pub(super) fn release(&mut self, generation: u64, slot: usize) {
        if let Some(set) = self.set.as_mut().filter(|_| generation == self.generation) {
            set.slots.release(slot);
        }
    }

    /// The compositor no longer reads a buffer of the GPU's, if it is one of these.
    pub(super) fn release_buffer(&mut self, buffer: &WlBuffer) {
        let Some(set) = &mut self.set else { return };
        let found =
            set.slots.position(|canvas| matches!(&canvas.state, State::Made(one) if one.id() == buffer.id()));
        if let Some(index) = found {
            set.slots.release(index);
        }
    }

    /// The compositor's answer about a buffer of the GPU's. Whether it was about one of these.
    pub(super) fn answered(&mut self, id: BufferId, buffer: Option<&WlBuffer>) -> bool {
        let Some(set) = &mut self.set else { return false };
        let Some(index) = set.slots.position(|canvas| canvas.id() == Some(id)) else { return false };
        match (set.slots.get_mut(index), buffer) {
            (Some(canvas), Some(buffer)) => canvas.state = State::Made(buffer.clone()),
            _ => {
                tracing::info!("the compositor refused a buffer of the GPU's");
                self.plain = true;
                self.retire_set();
            }
        }
        true
    }

    /// Another way is taken now: the buffers are not needed any more.
    pub(super) fn retire(&mut self) {
        self.retire_set();
        if let Engine::Open(gpu, _) = &mut self.engine {
            gpu.forget();
        }
    }

    /// Something newer is on the screen than what was retired before.
    pub(super) fn discard_retired(&mut self) {
        self.retired.drain(..).for_each(Canvas::destroy);
    }

    /// Forgets buffers that the guest does not use any more.
    pub(super) fn sweep(&mut self, now: Time) {
        if let Engine::Open(gpu, _) = &mut self.engine {
            gpu.sweep(now);
        }
    }

    /// When [`Self::sweep`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        match &self.engine {
            Engine::Open(gpu, _) => gpu.deadline(),
            Engine::Closed | Engine::Failed(_) => None,
        }
    }

    /// Another GPU may compose now, or what failed may work.
    pub(super) fn renew(&mut self) {
        self.retire_set();
        self.engine = Engine::Closed;
        self.plain = false;
    }

    pub(super) fn clear(&mut self) {
        self.retire_set();
        self.discard_retired();
        self.engine = Engine::Closed;
    }

    /// Loses the GPU, if it is to be lost.
    #[cfg(test)]
    pub(super) fn pretend_losses(&mut self, losses: &std::sync::atomic::AtomicU32) {
        use std::sync::atomic::Ordering::SeqCst;
        if let Engine::Open(gpu, _) = &mut self.engine
            && losses.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            gpu.lose();
        }
    }

    /// Runs something on the GPU, once more if that is lost meanwhile.
    fn attempt<T>(
        &mut self,
        shop: Workshop<'_>,
        mut run: impl FnMut(&mut Gpu, Time) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        match run(self.gpu(shop)?.0, shop.now) {
            Err(Reason::GpuLost) => {
                self.lose(shop.now);
                run(self.gpu(shop)?.0, shop.now)
            }
            result => result,
        }
    }

    fn gpu(&mut self, shop: Workshop<'_>) -> Result<(&mut Gpu, Option<&Allocator>), Reason> {
        if matches!(self.engine, Engine::Closed) && self.way == Way::Compose {
            self.engine = open(shop.offer);
        }
        match &mut self.engine {
            Engine::Open(gpu, allocator) => Ok((gpu, allocator.as_ref())),
            Engine::Failed(reason) => Err(reason.clone()),
            Engine::Closed => Err(Reason::GpuLost),
        }
    }

    /// Everything on the GPU is gone. What is on the screen stays there.
    fn lose(&mut self, now: Time) {
        tracing::warn!("the GPU was lost");
        self.retire_set();
        self.retired.iter_mut().for_each(Canvas::forget_target);
        self.engine = if self.losses.another(now) { Engine::Closed } else { Engine::Failed(Reason::GpuLost) };
    }

    fn draw(
        &mut self,
        pending: &Pending,
        scene: &Scene,
        shop: Workshop<'_>,
    ) -> Result<Option<Composed>, Reason> {
        let scanout = &pending.scanout;
        let view = View::new(Shape::of(scanout), *scene);
        let (way, plain) = (self.way, self.plain);
        let (gpu, allocator) = self.gpu(shop)?;
        let kind = match way {
            Way::Bridge if plain => return Err(Reason::Refused),
            Way::Bridge => Kind::Linear,
            Way::Compose if plain => Kind::Read,
            Way::Compose => Kind::for_gpu(gpu, allocator, shop.offer),
        };
        let (new_import, mut copied) = match scanout {
            Scanout::Dmabuf(dmabuf) => (gpu.import(dmabuf, shop.now)?, 0),
            _ => (false, gpu.upload(scanout, &pending.damage)?),
        };
        self.imported += u32::from(new_import);
        if self.set.as_ref().is_none_or(|set| set.view.size() != view.size() || set.kind != kind) {
            self.retire_set();
            self.generation += 1;
            self.set = Some(Set { view, kind, slots: Slots::new(scanout.size()), moved: true });
        }
        let Some(set) = &mut self.set else { return Ok(None) };
        if set.view != view {
            (set.view, set.moved) = (view, true);
            set.slots.resize(scanout.size());
        }
        set.slots.damage(&pending.damage);
        let Engine::Open(gpu, allocator) = &mut self.engine else { return Err(Reason::GpuLost) };
        let generation = self.generation;
        let bench = Bench { gpu: &mut *gpu, allocator: allocator.as_ref(), shop };
        let next = set
            .slots
            .next(|index| Canvas::new(view.size(), kind, bench, Owner::Canvas { generation, index }));
        let next = match next {
            Err(reason) if reason != Reason::GpuLost && !matches!(kind, Kind::Read | Kind::Linear) => {
                tracing::info!(%reason, "the GPU's pictures are read back");
                self.plain = true;
                return self.draw(pending, scene, shop);
            }
            next => next?,
        };
        let Some((slot, stale)) = next else { return Ok(None) };
        let Some(canvas) = set.slots.get_mut(slot) else { return Ok(None) };
        let State::Made(buffer) = canvas.state.clone() else { return Ok(None) };
        copied += canvas.draw(gpu, scanout, &view, &stale)?;
        let damage = if set.moved {
            vec![view.size().cast().at_origin()]
        } else {
            view.damage(&pending.damage).map(Rect::cast).collect()
        };
        let imported = std::mem::take(&mut self.imported);
        Ok(Some(Composed { buffer, slot, damage, imported, copied }))
    }

    fn retire_set(&mut self) {
        if let Some(mut set) = self.set.take() {
            self.retired.extend(set.slots.drain());
        }
    }
}

/// The GPU that composes, or else any: what it draws is read by the processor then.
fn open(offer: &Offer) -> Engine {
    let node = offer.dmabuf.as_ref().and_then(|formats| formats.main).and_then(gpu::render_node);
    let wanted = node.as_deref().map_or(gpu::Wanted::Any, gpu::Wanted::Node);
    let opened = Gpu::open(wanted).or_else(|reason| match wanted {
        gpu::Wanted::Node(_) => Gpu::open(gpu::Wanted::Any),
        gpu::Wanted::Any => Err(reason),
    });
    let gpu = match opened {
        Ok(gpu) => gpu,
        Err(reason) => return Engine::Failed(reason),
    };
    let allocator = gpu.about().node.as_deref().filter(|_| offer.dmabuf.is_some()).map(Allocator::open);
    let allocator = allocator.and_then(|opened| {
        opened.inspect_err(|reason| tracing::info!(%reason, "the GPU's pictures are read back")).ok()
    });
    Engine::Open(Box::new(gpu), allocator)
}
