//! Where a listener leaves the newest frame and a presenter finds it, each on its own thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ack::Ack;
use super::cadence::Cadence;
use super::cursor::{Pointer, PointerKind};
use super::model::{Applied, Event, Model, Pending, Screen};
use super::pulse::{Counters, Pulse};
use super::scanout::{LayoutError, Scanout};
use crate::clock::Time;
use crate::geometry::{Guest, Point};

/// What is told to whoever draws around the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is a picture, of another size, or none.
    Screen(Screen),
    /// The guest's pointer has another shape or place, or is hidden.
    Pointer(Pointer),
}

/// Whether somebody sees the picture.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Updates are answered when they are seen.
    #[default]
    Watching,
    /// The window is hidden: updates are answered at once, and the newest is kept for later.
    Away,
}

type Wake = Arc<dyn Fn() + Send + Sync>;
type Observe = Arc<dyn Fn(Change) + Send + Sync>;

#[derive(Default)]
struct Inner {
    model: Model,
    wake: Option<Wake>,
    audience: Audience,
    observe: Option<Observe>,
    watch: Option<Wake>,
}

impl Inner {
    /// The reply that waits for nobody.
    fn unwatched(&mut self) -> Option<Ack> {
        if self.audience == Audience::Away { self.model.take_ack() } else { None }
    }
}

/// One console's screen, shared by the threads that fill and empty it.
///
/// Its lock is held for moments only: pixels are copied under the framebuffer's own lock.
#[derive(Default)]
pub struct Mailbox {
    inner: Mutex<Inner>,
    cadence: Cadence,
    counters: Counters,
}

impl Mailbox {
    /// Takes in what the listener heard; wakes the presenter when there is something new to take.
    ///
    /// While nobody presents, updates are answered at once.
    ///
    /// # Errors
    ///
    /// When the numbers describe no picture; the screen is then as before.
    pub fn apply(&self, event: Event<'_>, now: Time) -> Result<Applied, LayoutError> {
        let mut inner = self.lock();
        let (before, is_frame) = (inner.model.current(), event.is_frame());
        let applied = inner.model.apply(event, now)?;
        self.count(before, is_frame, &inner.model, now);
        let watch = inner.watch.clone().filter(|_| is_frame);
        notify(inner, applied);
        if let Some(watch) = watch {
            watch();
        }
        Ok(applied)
    }

    /// Does what has become due at [`Self::deadline`].
    pub fn tick(&self, now: Time) -> Applied {
        let mut inner = self.lock();
        let before = inner.model.current();
        let applied = inner.model.tick(now);
        self.count(before, false, &inner.model, now);
        notify(inner, applied);
        applied
    }

    /// When [`Self::tick`] is to be called next.
    pub fn deadline(&self) -> Option<Time> {
        self.lock().model.deadline()
    }

    /// Calls `wake` whenever there is something new to [`Self::take`], from any thread; it must not
    /// block. The whole current picture counts as new. Replaces a presenter that was there before.
    pub fn present(&self, now: Time, wake: impl Fn() + Send + Sync + 'static) {
        let wake: Wake = Arc::new(wake);
        let mut inner = self.lock();
        inner.audience = Audience::Watching;
        inner.wake = Some(wake.clone());
        inner.model.renew(now);
        drop(inner);
        wake();
    }

    /// Nobody presents any more: what waits for a presenter is answered.
    pub fn stop_presenting(&self) {
        let mut inner = self.lock();
        inner.wake = None;
        self.cadence.stop();
        let waiting = inner.model.take();
        drop(inner);
        drop(waiting);
    }

    /// Says whether somebody sees what is presented. What waits for a reply is answered when nobody does.
    pub fn set_audience(&self, audience: Audience) {
        let mut inner = self.lock();
        inner.audience = audience;
        let answered = inner.unwatched();
        drop(inner);
        drop(answered);
    }

    /// What [`Self::set_audience`] has said last.
    #[cfg(test)]
    pub fn audience(&self) -> Audience {
        self.lock().audience
    }

    /// Calls `observe` with every change of the screen and the pointer, from the listener's thread;
    /// it must not block.
    pub fn observe(&self, observe: impl Fn(Change) + Send + Sync + 'static) {
        self.lock().observe = Some(Arc::new(observe));
    }

    /// Nobody looks at changes any more.
    pub fn stop_observing(&self) {
        self.lock().observe = None;
    }

    /// Calls `watch` with every message about the picture, from the listener's thread; it must not
    /// block. What there is to know then is [`Self::pulse`]. Replaces whoever watched before.
    pub fn watch(&self, watch: impl Fn() + Send + Sync + 'static) {
        self.lock().watch = Some(Arc::new(watch));
    }

    /// Nobody watches any more.
    pub fn stop_watching(&self) {
        self.lock().watch = None;
    }

    /// The person does something to the guest: its answer will be seen here.
    pub fn touch(&self, now: Time) {
        self.counters.touched(now);
    }

    /// How the picture has moved so far.
    pub fn pulse(&self) -> Pulse {
        self.counters.read()
    }

    /// When the screen shows pictures of this console.
    pub fn cadence(&self) -> &Cadence {
        &self.cadence
    }

    /// What to show next, once.
    pub fn take(&self) -> Option<Pending> {
        self.lock().model.take()
    }

    /// The picture as it is.
    pub fn current(&self) -> Option<Scanout> {
        self.lock().model.current()
    }

    /// What the person is to be shown.
    pub fn screen(&self) -> Screen {
        self.lock().model.screen()
    }

    /// From now on the display tells of its pointer so.
    pub fn set_pointer_kind(&self, kind: PointerKind) {
        self.lock().model.set_pointer_kind(kind);
    }

    /// What the guest wants of the pointer.
    pub fn pointer(&self) -> Pointer {
        self.lock().model.pointer().clone()
    }

    /// Where the guest has its pointer: see [`Model::pointer_place`].
    pub fn pointer_place(&self) -> Option<Point<Guest>> {
        self.lock().model.pointer_place()
    }

    fn count(&self, before: Option<Scanout>, is_frame: bool, model: &Model, now: Time) {
        if is_frame {
            self.counters.frame();
        }
        let (before, after) = (before.unwrap_or_default(), model.current().unwrap_or_default());
        if !before.is_same(&after) {
            self.counters.shown(&before, &after, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells those concerned, after letting go of the lock: they may look into the mailbox at once.
fn notify(mut inner: MutexGuard<'_, Inner>, applied: Applied) {
    let abandoned = if inner.wake.is_none() { inner.model.take() } else { None };
    let answered = inner.unwatched();
    let wake = inner.wake.clone().filter(|_| applied.frame);
    let observe = inner.observe.clone();
    let screen = applied.screen.then(|| inner.model.screen());
    let pointer = applied.pointer.then(|| inner.model.pointer().clone());
    drop(inner);
    drop(abandoned);
    drop(answered);
    if let Some(wake) = wake {
        wake();
    }
    let changes = [screen.map(Change::Screen), pointer.map(Change::Pointer)];
    if let Some(observe) = observe {
        changes.into_iter().flatten().for_each(|change| observe(change));
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mailbox").field(&self.lock().model).finish()
    }
}
