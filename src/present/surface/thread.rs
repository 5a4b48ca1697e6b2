//! The presenter's thread: takes the newest frame, commits it, waits.
//!
//! It waits for the compositor, the mailbox and the fence of a frame's buffer, and for nothing else. The connection is read
//! together with the main thread, as libwayland has it: whoever has announced that it will read must
//! do so, or say that it will not, before anyone gets events. This thread announces it for as long as
//! it polls. So does GDK (gdk/wayland/gdkeventsource.c), but for sources of a higher priority than
//! its own, which may run in between: they had better be short.

use std::sync::Arc;
use std::time::Duration;

use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, DispatchError, EventQueue, QueueHandle};
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::{
    self as feedback, WpPresentationFeedback,
};

use super::buffers::{self, Imports, Lookup, Owner};
use super::composer::{self, Composed, Composer};
use super::copier::{Copier, Workshop};
use super::globals::{Globals, Told};
use super::shared::Shared;
use super::stage::ParentFrame;
use super::wait::{self, Until};
use crate::clock::{self, Time};
use crate::frame::{Audience, BufferId, Damage, Mailbox, Pacing, Pending, Scanout, Serial};
use crate::geometry::{Backing, Placement, Rect};
use crate::present::choices::Choices;
use crate::present::fence::{self, Gate, Passage};
use crate::present::ladder::{self, Choice, Reason, Refusals, Rung};
use crate::present::table::Formats;
use crate::present::viewport::{Content, Shape};
use crate::present::{Kind, Options, Status};
use crate::stats::Stats;

/// How often a screen is refreshed until the compositor says it: at 60 Hz.
const REFRESH: Duration = Duration::from_nanos(16_666_667);

/// What a presenter is given.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) frames: Arc<Mailbox>,
    pub(super) stats: Arc<Stats>,
    pub(super) options: Options,
}

/// The thread's state.
#[derive(Debug)]
pub(super) struct Presenter {
    shared: Arc<Shared>,
    frames: Arc<Mailbox>,
    stats: Arc<Stats>,
    options: Options,
    queue: QueueHandle<Self>,
    globals: Globals,
    pub(super) told: Told,
    pacing: Pacing,
    /// Whether replies wait for the screen.
    audience: Audience,
    /// Taken, but waiting for a buffer.
    held: Option<Pending>,
    /// Where what is held waits for its fence.
    gate: Gate,
    /// Whether the picture on the screen is to be shown once more, because there may be a better way.
    again: bool,
    imports: Imports,
    copier: Copier,
    composer: Composer,
    /// What the composed picture on the screen was drawn for: another place needs another drawing.
    drawn_for: Option<Placement>,
    choices: Choices,
    announced: Option<(Kind, Choice)>,
}

/// Something that can be attached.
struct Frame {
    buffer: WlBuffer,
    content: Content,
    origin: Origin,
}

/// Whose buffer it is.
enum Origin {
    Guest,
    /// One of the copier's.
    Copied(usize),
    /// One of the composer's, drawn for this place, with what is new in it.
    Composed(usize, Placement, Vec<Rect<Backing>>),
}

enum Prepared {
    Ready(Frame),
    /// An event will tell when to try again.
    Later,
    Refused,
}

/// Runs until [`Shared::stop`], or until the compositor is gone.
pub(super) fn run(start: Start) {
    let shared = start.shared.clone();
    let frames = start.frames.clone();
    let result = match prepare(start) {
        Ok(Some((mut presenter, mut events))) => {
            let result = presenter.serve(&mut events);
            presenter.destroy(&events);
            result.map_err(|error| Status::Gone { reason: error.to_string() })
        }
        Ok(None) => Ok(()),
        Err(status) => Err(status),
    };
    if let Err(status) = result
        && !shared.is_stopped()
    {
        tracing::error!(?status, "the picture cannot be presented");
        shared.stop(&frames);
        shared.set_status(status);
    }
}

type Ready = Option<(Presenter, EventQueue<Presenter>)>;

/// Binds the globals and makes the surface; `None` if it was stopped meanwhile.
fn prepare(start: Start) -> Result<Ready, Status> {
    let gone = |error: &dyn std::error::Error| Status::Gone { reason: error.to_string() };
    let Start { connection, shared, frames, stats, options } = start;
    let (list, mut events) = registry_queue_init::<Presenter>(&connection).map_err(|error| gone(&error))?;
    let bound = Globals::bind(&list, &events);
    let refused = |reason: Reason| Status::Refused { refused: Refusals::of_surface(&reason) };
    let (globals, subcompositor) = bound.map_err(refused)?;
    let globals_known = list.contents().clone_list();
    shared.facts().globals =
        globals_known.into_iter().map(|global| (global.interface, global.version)).collect();
    list.destroy();
    let queue = events.handle();
    let objects = globals.surface(subcompositor, &queue);
    let mut presenter = Presenter {
        shared,
        frames,
        stats,
        options,
        queue,
        globals,
        told: Told::default(),
        pacing: Pacing::default(),
        audience: Audience::Watching,
        held: None,
        gate: Gate::default(),
        again: false,
        imports: Imports::default(),
        copier: Copier::default(),
        composer: Composer::default(),
        drawn_for: None,
        choices: Choices::default(),
        announced: None,
    };
    // What the globals tell of themselves.
    events.roundtrip(&mut presenter).map_err(|error| gone(&error))?;
    let shared = presenter.shared.clone();
    let mut stage = shared.stage();
    stage.objects = Some(objects);
    drop(stage);
    shared.unless_stopped(|| {
        let waker = shared.clone();
        presenter.frames.present(clock::now(), move || waker.wake());
    });
    shared.notify();
    Ok((!shared.is_stopped()).then_some((presenter, events)))
}

impl Presenter {
    fn serve(&mut self, events: &mut EventQueue<Self>) -> Result<(), DispatchError> {
        while !self.shared.is_stopped() {
            events.dispatch_pending(self)?;
            self.step();
            self.tidy(clock::now());
            let blocked = wait::flush(events)?;
            let Some(guard) = events.prepare_read() else { continue };
            wait::wait(&self.shared, guard, blocked, self.until())?;
        }
        Ok(())
    }

    /// Commits the newest frame, if there is one and the screen is ready for it.
    fn step(&mut self) {
        let whole = {
            let mut stage = self.shared.stage();
            if !stage.is_set() {
                drop(stage);
                return self.set_audience(Audience::Away);
            }
            let moved = self.drawn_for.is_some() && self.drawn_for != stage.placement();
            self.again |= moved;
            std::mem::take(&mut stage.whole)
        };
        if whole {
            // What was attached was taken away: no one will say that it was seen.
            self.pacing.forget();
        }
        if self.pacing.is_idle() {
            // Nothing says that nobody looks.
            self.set_audience(Audience::Watching);
        }
        if !self.pacing.has_room() {
            return;
        }
        let whole = std::mem::take(&mut self.again) || whole;
        self.collect(whole);
        let Some(pending) = self.held.take() else { return };
        if !self.is_ready(&pending.scanout) {
            self.held = Some(pending);
            return;
        }
        self.stats.overtaken(pending.events.saturating_sub(1));
        match self.prepare(&pending) {
            Prepared::Ready(frame) => self.commit(pending, frame),
            Prepared::Later => self.held = Some(Pending { events: 1, ..pending }),
            Prepared::Refused => self.shared.stage().whole = true,
        }
    }

    /// Whether nobody draws into a scanout any more, or it has been waited for long enough.
    fn is_ready(&mut self, scanout: &Scanout) -> bool {
        let Scanout::Dmabuf(dmabuf) = scanout else {
            self.gate.open();
            return true;
        };
        let passage = self.gate.pass(fence::is_ready(dmabuf), clock::now());
        match passage {
            Passage::Open => {}
            Passage::Closed => return false,
            Passage::Opened => self.stats.waited(),
            Passage::Overdue => self.stats.unfinished(),
        }
        true
    }

    /// What ends the next sleep.
    fn until(&self) -> Until<'_> {
        let fence = match &self.held {
            Some(Pending { scanout: Scanout::Dmabuf(dmabuf), .. }) if self.gate.is_closed() => {
                Some(&**dmabuf)
            }
            _ => None,
        };
        let moments = [
            self.gate.deadline(),
            self.pacing.deadline(self.patience()),
            self.choices.deadline(),
            self.imports.deadline(),
            self.copier.deadline(),
            self.composer.deadline(),
        ];
        Until { fence, deadline: moments.into_iter().flatten().min() }
    }

    /// Does what time alone makes due: replies that waited too long, buffers that are not used any more.
    fn tidy(&mut self, now: Time) {
        if self.pacing.expire(now, self.patience()) {
            self.set_audience(Audience::Away);
            if let Some(held) = &mut self.held {
                drop(held.ack.take());
            }
        }
        self.choices.sweep(now);
        self.imports.sweep(now);
        self.copier.sweep(now);
        self.composer.sweep(now);
        if self.pacing.is_idle() {
            self.discard_retired();
        }
    }

    /// How long a compositor that shows anything takes to show a frame: until the next refresh, and
    /// half of one more for all that may come late.
    fn patience(&self) -> Duration {
        self.told.refresh.unwrap_or(REFRESH).clamp(REFRESH / 4, REFRESH * 3) * 3 / 2
    }

    fn set_audience(&mut self, audience: Audience) {
        if self.audience != audience {
            self.audience = audience;
            self.frames.set_audience(audience);
        }
    }

    /// What was on the screen before is not any more.
    fn discard_retired(&mut self) {
        self.imports.discard_retired();
        self.copier.discard_retired();
        self.composer.discard_retired();
    }

    /// Unites what is held with what has come; `whole` asks for all of the picture.
    fn collect(&mut self, whole: bool) {
        // Frames become ready in their order: the newer waits for the one at the gate.
        let newer = if self.gate.is_closed() { None } else { self.frames.take() };
        self.held = match (self.held.take(), newer) {
            (Some(older), Some(newer)) => Some(unite(older, newer)),
            (older, newer) => newer.or(older),
        };
        if !whole {
            return;
        }
        match &mut self.held {
            Some(held) => held.damage = Damage::whole(held.scanout.size()),
            None => {
                let renewed = |scanout: Scanout| Pending {
                    damage: Damage::whole(scanout.size()),
                    scanout,
                    ack: None,
                    received: clock::now(),
                    events: 1,
                };
                self.held = self.frames.current().map(renewed);
            }
        }
    }

    fn prepare(&mut self, pending: &Pending) -> Prepared {
        loop {
            let Some(rung) = self.choose(&pending.scanout) else { return Prepared::Refused };
            match self.take(rung, pending) {
                Ok(prepared) => return prepared,
                // It is not as it seemed when the choice was made: fall, and say why.
                Err(reason) => self.choices.fail(&pending.scanout, rung, reason),
            }
        }
    }

    /// Which rung a scanout takes; `None` if no surface of ours can show it.
    fn choose(&mut self, scanout: &Scanout) -> Option<Rung> {
        let mut choices = std::mem::take(&mut self.choices);
        let choice = choices.get(self.options, scanout, clock::now(), |rung| self.check(rung, scanout));
        let rung = match choice {
            Choice::Take { rung, .. } => Some(*rung),
            Choice::Refuse(_) => None,
        };
        self.announce(scanout, choice);
        self.choices = choices;
        rung
    }

    /// Whether a rung seems to do for a scanout.
    fn check(&mut self, rung: Rung, scanout: &Scanout) -> Result<(), Reason> {
        match rung {
            Rung::Direct => self.imports.check(scanout, &self.told.offer),
            Rung::Compose => self.check_compose(scanout),
            Rung::Bridge => self.check_bridge(scanout),
            Rung::Copy | Rung::Gtk => ladder::readable(scanout).map(drop),
        }
    }

    /// Brings a frame to where it can be committed.
    fn take(&mut self, rung: Rung, pending: &Pending) -> Result<Prepared, Reason> {
        match rung {
            Rung::Direct => self.import(&pending.scanout),
            Rung::Compose => self.compose(pending),
            Rung::Bridge => self.bridge(pending),
            Rung::Copy | Rung::Gtk => self.copy(pending),
        }
    }

    fn import(&mut self, scanout: &Scanout) -> Result<Prepared, Reason> {
        let offer = &self.told.offer;
        let (lookup, new) = self.imports.get(scanout, &self.globals, offer, &self.queue, clock::now())?;
        if new {
            self.stats.imported();
        }
        Ok(match lookup {
            Lookup::Ready(buffer) => {
                let content = Content::Picture(Shape::of(scanout));
                Prepared::Ready(Frame { buffer, content, origin: Origin::Guest })
            }
            Lookup::Later => Prepared::Later,
        })
    }

    fn check_compose(&mut self, scanout: &Scanout) -> Result<(), Reason> {
        let shop = composer::Workshop::new(&self.globals, &self.told.offer, &self.queue);
        self.composer.check(scanout, self.options, shop)
    }

    fn compose(&mut self, pending: &Pending) -> Result<Prepared, Reason> {
        let Some(placement) = self.shared.stage().placement() else { return Ok(Prepared::Later) };
        let shop = composer::Workshop::new(&self.globals, &self.told.offer, &self.queue);
        let composed = self.composer.compose(pending, &placement, shop)?;
        let Some(Composed { buffer, slot, damage, imported, copied }) = composed else {
            return Ok(Prepared::Later);
        };
        self.stats.composed();
        self.stats.copied(copied);
        if imported {
            self.stats.imported();
        }
        let origin = Origin::Composed(slot, placement, damage);
        Ok(Prepared::Ready(Frame { buffer, content: Content::Seen, origin }))
    }

    fn check_bridge(&mut self, scanout: &Scanout) -> Result<(), Reason> {
        Err(not_on_a_gpu(scanout))
    }

    fn bridge(&mut self, pending: &Pending) -> Result<Prepared, Reason> {
        Err(not_on_a_gpu(&pending.scanout))
    }

    fn copy(&mut self, pending: &Pending) -> Result<Prepared, Reason> {
        let shop = Workshop { shm: &self.globals.shm, offer: &self.told.offer, queue: &self.queue };
        let copied = self.copier.copy(&pending.scanout, &pending.damage, shop, clock::now())?;
        let Some(copied) = copied else { return Ok(Prepared::Later) };
        self.stats.copied(copied.bytes);
        let (content, origin) = (Content::Picture(copied.shape), Origin::Copied(copied.slot));
        Ok(Prepared::Ready(Frame { buffer: copied.buffer, content, origin }))
    }

    fn announce(&mut self, scanout: &Scanout, choice: &Choice) {
        let kind = Kind::of(scanout);
        if matches!(&self.announced, Some((of, what)) if *of == kind && what == choice) {
            return;
        }
        self.announced = Some((kind, choice.clone()));
        let status = Status::of(choice);
        let fit = match (scanout, choice) {
            (Scanout::Dmabuf(dmabuf), Choice::Take { rung: Rung::Direct, .. }) => {
                buffers::as_what(dmabuf, &self.told.offer).map(|direct| direct.fit).ok()
            }
            _ => None,
        };
        self.shared.facts().formats.clone_from(&self.told.offer.dmabuf);
        self.stats.path(kind.path(&status, self.options.presenting, fit));
        self.shared.set_status(status);
    }

    fn commit(&mut self, pending: Pending, frame: Frame) {
        let shared = self.shared.clone();
        let mut stage = shared.stage();
        let Some(objects) = stage.dress(frame.content) else {
            // Taken away meanwhile; what the frame changed must not be forgotten.
            stage.whole = true;
            return;
        };
        let surface = &objects.surface;
        surface.attach(Some(&frame.buffer), 0, 0);
        match (&frame.content, &frame.origin) {
            (Content::Picture(shape), _) => damage(surface, shape.damage(&pending.damage)),
            (Content::Seen, Origin::Composed(_, _, rects)) => damage(surface, rects.iter().copied()),
            (Content::Seen, _) => {}
        }
        let serial = self.pacing.commit(pending.ack, clock::now());
        surface.frame(&self.queue, serial);
        if let Some(presentation) = self.globals.presentation(&self.told) {
            presentation.feedback(surface, &self.queue, pending.received);
        }
        surface.commit();
        drop(stage);
        self.settle(frame.origin);
        self.stats.committed(pending.received, clock::now());
    }

    /// A buffer has been committed: its owner gives it away, and the others need theirs no more.
    fn settle(&mut self, origin: Origin) {
        self.drawn_for = None;
        if !matches!(origin, Origin::Copied(_)) {
            self.copier.retire();
        }
        if !matches!(origin, Origin::Composed(..)) {
            self.composer.retire();
        }
        match origin {
            Origin::Guest => {}
            Origin::Copied(slot) => self.copier.give(slot),
            Origin::Composed(slot, placement, _) => {
                self.composer.give(slot);
                self.drawn_for = Some(placement);
            }
        }
    }

    /// The compositor says which buffers suit the surface where it is now. The ladder is climbed
    /// anew: what it refused before it may take, and the other way round.
    ///
    /// Buffers are made known again when another device composes, and when the compositor says the
    /// same once more: then it has lost them.
    pub(super) fn offered(&mut self, formats: Formats) {
        if let Some(former) = &self.told.offer.dmabuf {
            if *former == formats || former.main != formats.main {
                self.imports.renew();
            } else {
                self.imports.forgive();
            }
        }
        if self.told.offer.dmabuf.as_ref().is_none_or(|former| former.main != formats.main) {
            self.composer.renew();
        }
        self.told.offer.dmabuf = Some(formats);
        self.choices.clear();
        self.again = true;
    }

    /// The compositor has answered about a dma-buf.
    pub(super) fn imported(&mut self, id: BufferId, buffer: Option<WlBuffer>) {
        if self.composer.answered(id, buffer.as_ref()) {
            return;
        }
        if buffer.is_none() {
            tracing::info!("the compositor refused a dma-buf");
            self.choices.forget(id);
        }
        self.imports.answered(id, buffer);
    }

    fn destroy(mut self, events: &EventQueue<Self>) {
        self.imports.clear();
        self.copier.clear();
        self.composer.clear();
        let mut stage = self.shared.stage();
        stage.abandon();
        if let Some(objects) = stage.objects.take() {
            if let Some(feedback) = objects.feedback {
                feedback.destroy();
            }
            objects.viewport.destroy();
            objects.surface.destroy();
            objects.subcompositor.destroy();
        }
        drop(stage);
        self.globals.destroy();
        _ = events.flush();
    }
}

/// Why no GPU of ours is used.
fn not_on_a_gpu(scanout: &Scanout) -> Reason {
    match scanout {
        Scanout::Blank | Scanout::Pixels(_) => Reason::Messages,
        Scanout::Mapped(_) | Scanout::Dmabuf(_) => Reason::NotBuilt,
    }
}

/// Tells what of a buffer is new.
fn damage(surface: &WlSurface, rects: impl Iterator<Item = Rect<Backing>>) {
    let length = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    for Rect { origin, size } in rects {
        surface.damage_buffer(origin.x, origin.y, length(size.width), length(size.height));
    }
}

/// Two frames as one: the newer picture, and all that has changed.
fn unite(older: Pending, newer: Pending) -> Pending {
    let mut damage = newer.damage;
    if older.scanout.is_same(&newer.scanout) {
        damage.add_all(&older.damage);
    }
    let ack = match (older.ack, newer.ack) {
        (Some(older), Some(newer)) => Some(older.join(newer)),
        (older, newer) => newer.or(older),
    };
    let events = older.events.saturating_add(newer.events);
    Pending { damage, ack, events, received: older.received.min(newer.received), ..newer }
}

impl Dispatch<WlCallback, Serial> for Presenter {
    fn event(
        state: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        serial: &Serial,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let wl_callback::Event::Done { .. } = event else { return };
        state.set_audience(Audience::Watching);
        if state.globals.presentation(&state.told).is_none() {
            state.frames.cadence().seen(clock::now(), Duration::ZERO);
        }
        state.set_audience(Audience::Watching);
        if state.pacing.seen(*serial) {
            state.discard_retired();
        }
    }
}

impl Dispatch<WlCallback, ParentFrame> for Presenter {
    fn event(
        state: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        _: &ParentFrame,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            state.shared.stage().parent_seen();
            state.shared.notify();
        }
    }
}

impl Dispatch<WlBuffer, Owner> for Presenter {
    fn event(
        state: &mut Self,
        buffer: &WlBuffer,
        event: wl_buffer::Event,
        owner: &Owner,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let wl_buffer::Event::Release = event else { return };
        match *owner {
            Owner::Slot { generation, index } => state.copier.release(generation, index),
            Owner::Canvas { generation, index } => state.composer.release(generation, index),
            Owner::Import => state.composer.release_buffer(buffer),
        }
    }
}

impl Dispatch<WpPresentationFeedback, Time> for Presenter {
    fn event(
        state: &mut Self,
        _: &WpPresentationFeedback,
        event: feedback::Event,
        received: &Time,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            feedback::Event::Presented { tv_sec_hi, tv_sec_lo, tv_nsec, refresh, flags, .. } => {
                let refresh = Duration::from_nanos(refresh.into());
                let told = Some(refresh).filter(|refresh| !refresh.is_zero());
                if std::mem::replace(&mut state.told.refresh, told) != told {
                    state.shared.facts().refresh = told;
                }
                if flags.into_result().is_ok_and(|flags| flags.contains(feedback::Kind::ZeroCopy)) {
                    state.stats.scanned_out();
                }
                let seconds = u64::from(tv_sec_hi) << 32 | u64::from(tv_sec_lo);
                let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(tv_nsec));
                state.stats.presented(*received, Time::from_nanos(nanos));
                state.frames.cadence().seen(Time::from_nanos(nanos), refresh);
            }
            feedback::Event::Discarded => state.stats.missed(),
            _ => {}
        }
    }
}
