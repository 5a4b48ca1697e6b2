//! A queue of our own on GDK's connection, for what GDK does not pass on or passes on late.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use gdk_wayland::WaylandDisplay;
use gtk::gdk;
use gtk::prelude::*;
use wayland_client::protocol::wl_registry::WlRegistry;
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle};

use super::hold::Watch;
use crate::present;

/// Events, and the state that hears them.
pub(super) struct Queue<S> {
    events: RefCell<EventQueue<S>>,
    pub(super) state: RefCell<S>,
    connection: Connection,
    watch: OnceCell<Watch>,
}

impl<S: fmt::Debug> fmt::Debug for Queue<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.state).finish()
    }
}

impl<S: Dispatch<WlRegistry, ()> + 'static> Queue<S> {
    /// Asks for the compositor's globals. `None` where the display is not Wayland's.
    pub(super) fn open(display: &gdk::Display, state: impl FnOnce(QueueHandle<S>) -> S) -> Option<Self> {
        let display = display.downcast_ref::<WaylandDisplay>()?;
        let connection = present::surface::connect(display)?;
        let events = connection.new_event_queue();
        connection.display().get_registry(&events.handle(), ());
        let state = RefCell::new(state(events.handle()));
        Some(Self { events: RefCell::new(events), state, connection, watch: OnceCell::new() })
    }

    /// Has its owner `act` whenever there is something to take in, whoever has read it.
    pub(super) fn watch<T: 'static>(owner: &Rc<T>, queue: fn(&T) -> &Self, act: fn(&T)) {
        let (waits, acts) = (Rc::downgrade(owner), Rc::downgrade(owner));
        let watch = Watch::new(
            move || waits.upgrade().is_some_and(|owner| queue(&owner).waits()),
            move || _ = acts.upgrade().inspect(|owner| act(owner)),
        );
        let queue = queue(owner);
        queue.watch.get_or_init(|| watch);
        queue.flush();
    }

    /// Lets the state hear what has come, and takes from it what is to be done. `None` from within itself.
    pub(super) fn take_in<T>(&self, then: impl FnOnce(&mut S) -> T) -> Option<T> {
        let taken = {
            let (mut events, mut state) =
                (self.events.try_borrow_mut().ok()?, self.state.try_borrow_mut().ok()?);
            if let Err(error) = events.dispatch_pending(&mut *state) {
                tracing::debug!(%error, "the compositor cannot be heard");
            }
            then(&mut state)
        };
        self.flush();
        Some(taken)
    }

    fn waits(&self) -> bool {
        // Somebody is in the middle of it otherwise.
        self.events.try_borrow().is_ok_and(|events| events.prepare_read().is_none())
    }

    pub(super) fn flush(&self) {
        // GDK flushes, too; what cannot be sent now goes with its next.
        let _ = self.connection.flush();
    }
}
