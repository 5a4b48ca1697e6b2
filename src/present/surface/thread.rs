//! The presenter's thread: takes the newest frame, commits it, waits.
//!
//! It waits for the compositor, the mailbox and the fence of a frame's buffer, and for nothing else.
//! The connection is read together with the main thread, as libwayland has it: whoever has announced
//! that it will read must do so, or say that it will not, before anyone gets events. This thread
//! announces it for as long as it polls. So does GDK (gdk/wayland/gdkeventsource.c), but for sources
//! of a higher priority than its own, which may run in between: they had better be short.

mod climb;
mod events;

use std::sync::Arc;
use std::time::Duration;

use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, DispatchError, EventQueue, QueueHandle};

use self::climb::{Frame, Origin, Prepared};
use super::buffers::Imports;
use super::composed::Way;
use super::composer::Composer;
use super::copier::Copier;
use super::explicit::Explicit;
use super::globals::{Globals, Told};
use super::shared::Shared;
use super::wait::{self, Until};
use crate::clock::{self, Time};
use crate::frame::{Audience, Damage, Mailbox, Pacing, Pending, Scanout, Serial};
use crate::geometry::{Backing, Rect};
use crate::present::choices::Choices;
use crate::present::facts::Sync;
use crate::present::fence::{self, Gate, Passage};
use crate::present::ladder::{Choice, Presenting, Reason, Refusals, Rung};
use crate::present::motion::Motion;
use crate::present::scene::{Fidelity, Need};
use crate::present::timeline::Timelines;
use crate::present::viewport::Content;
use crate::present::{Kind, Options, Scene, Status};
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
    pub(super) timelines: Box<dyn Timelines>,
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
    /// Whether the guest draws into the buffer that is on the screen.
    motion: Motion,
    imports: Imports,
    copier: Copier,
    /// Draws with the GPU that composes.
    composer: Composer,
    /// Draws with the GPU that has the guest's buffer.
    bridge: Composer,
    explicit: Explicit,
    /// How the last frame was synchronised.
    sync: Sync,
    /// What the picture on the screen was drawn for: another scene needs another drawing.
    drawn_for: Option<Scene>,
    /// Why the picture would be drawn.
    need: Need,
    /// Why it is not, where that was wanted.
    unfiltered: Option<Reason>,
    choices: Choices,
    announced: Option<(Kind, Choice, Fidelity)>,
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
    let Start { connection, shared, frames, stats, options, timelines } = start;
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
        motion: Motion::default(),
        imports: Imports::default(),
        copier: Copier::default(),
        composer: Composer::new(Way::Compose),
        bridge: Composer::new(Way::Bridge),
        explicit: Explicit::new(timelines),
        sync: Sync::default(),
        drawn_for: None,
        need: Need::default(),
        unfiltered: None,
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
                // Nobody waits for a frame that has no place.
                self.gate.open();
                return self.set_audience(Audience::Away);
            }
            let scene = stage.scene();
            let whole = std::mem::take(&mut stage.whole);
            drop(stage);
            self.again |= scene.is_some_and(|scene| self.is_outdated(&scene));
            whole
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
        self.motion.look(&pending, self.frames.pulse(), clock::now());
        match self.prepare(&pending) {
            Prepared::Ready(frame) => self.commit(pending, frame),
            Prepared::Later => self.held = Some(Pending { events: 1, ..pending }),
            Prepared::Refused => {
                self.shared.stage().whole = true;
                // Nobody tells again of what came while this waited.
                self.held = self.frames.take();
                if self.held.is_some() {
                    self.shared.wake();
                }
            }
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
            self.explicit.deadline(),
            self.choices.deadline(),
            self.imports.deadline(),
            self.copier.deadline(),
            self.composer.deadline(),
            self.bridge.deadline(),
        ];
        Until { fence, release: self.explicit.event(), deadline: moments.into_iter().flatten().min() }
    }

    /// Does what time alone makes due: replies that waited too long, buffers that are not used any more.
    fn tidy(&mut self, now: Time) {
        if self.pacing.expire(now, self.patience()) {
            self.set_audience(Audience::Away);
            if let Some(held) = &mut self.held {
                drop(held.ack.take());
            }
        }
        self.explicit.sweep(now);
        self.choices.sweep(now);
        self.imports.sweep(now);
        self.copier.sweep(now);
        self.composer.sweep(now);
        self.bridge.sweep(now);
        if self.pacing.is_idle() {
            self.discard_retired();
        }
    }

    /// The compositor has shown a commit. Whether nothing waits for the screen any more.
    fn seen(&mut self, serial: Serial) -> bool {
        if self.explicit.holds(serial)
            && let Some((reply, since)) = self.pacing.take_replies(serial)
        {
            self.explicit.owe(reply, since + self.patience());
        }
        self.pacing.seen(serial)
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
        self.bridge.discard_retired();
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

    fn commit(&mut self, pending: Pending, frame: Frame) {
        let shared = self.shared.clone();
        let mut stage = shared.stage();
        let first = !stage.has_picture();
        let Some(objects) = stage.dress(frame.content) else {
            // Taken away meanwhile; what the frame changed must not be forgotten.
            stage.whole = true;
            return;
        };
        let surface = &objects.surface;
        let sync = match (&frame.origin, &pending.scanout) {
            (Origin::Guest, Scanout::Dmabuf(dmabuf)) => {
                let manager = self.globals.syncobj.as_ref();
                self.explicit.attach(manager, surface, dmabuf, &self.told.offer, &self.queue)
            }
            _ => self.explicit.detach(),
        };
        surface.attach(Some(&frame.buffer), 0, 0);
        match (&frame.content, &frame.origin) {
            (Content::Picture(shape), _) => damage(surface, shape.damage(&pending.damage)),
            (Content::Seen, Origin::Drawn { damage: rects, .. } | Origin::Placed { damage: rects, .. }) => {
                damage(surface, rects.iter().copied());
            }
            (Content::Seen, _) => {}
        }
        let serial = self.pacing.commit(pending.ack, clock::now());
        self.explicit.committed(serial);
        surface.frame(&self.queue, serial);
        if let Some(presentation) = self.globals.presentation(&self.told) {
            presentation.feedback(surface, &self.queue, pending.received);
        }
        surface.commit();
        let moving = stage.is_moving();
        drop(stage);
        if first || moving {
            // Now there is something that can come to the front, or that waits for the window.
            shared.notify();
        }
        if std::mem::replace(&mut self.sync, sync) != sync {
            shared.facts().sync = sync;
        }
        self.settle(frame.origin);
        self.stats.committed(pending.received, clock::now());
    }

    /// Nothing new waits for the screen: what is on it may have changed all the same. A copy would have
    /// to be made of all of it each time, and is not; nor is a snapshot, which is of an update.
    fn resample(&mut self) {
        let copies = matches!(&self.announced, Some((_, Choice::Take { rung: Rung::Copy, .. }, _)));
        let live = self.options.presenting == Presenting::Live && !copies;
        if live && self.held.is_none() && self.motion.is_wanted(clock::now()) {
            self.again = true;
            self.stats.resampled();
        }
    }

    /// A buffer has been committed: its owner gives it away, and the others need theirs no more.
    fn settle(&mut self, origin: Origin) {
        self.drawn_for = None;
        if !matches!(origin, Origin::Copied(_) | Origin::Placed { .. }) {
            self.copier.retire();
        }
        for (rung, composer) in [(Rung::Compose, &mut self.composer), (Rung::Bridge, &mut self.bridge)] {
            match &origin {
                Origin::Drawn { by, slot, .. } if *by == rung => composer.give(*slot),
                _ => composer.retire(),
            }
        }
        match origin {
            Origin::Guest => {}
            Origin::Copied(slot) => self.copier.give(slot),
            Origin::Placed { slot, scene, .. } => {
                self.copier.give(slot);
                self.drawn_for = Some(scene);
            }
            Origin::Drawn { scene, .. } => self.drawn_for = Some(scene),
        }
    }

    fn destroy(mut self, events: &EventQueue<Self>) {
        self.imports.clear();
        self.copier.clear();
        self.composer.clear();
        self.bridge.clear();
        let mut stage = self.shared.stage();
        stage.abandon();
        if let Some(objects) = stage.objects.take() {
            if let Some(feedback) = objects.feedback {
                feedback.destroy();
            }
            self.explicit.destroy();
            objects.viewport.destroy();
            objects.surface.destroy();
            objects.subcompositor.destroy();
        }
        drop(stage);
        self.globals.destroy();
        _ = events.flush();
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
