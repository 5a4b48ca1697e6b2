//! The pointer as the compositor tells of it: at once, how far it was pushed, and held to the picture.
//!
//! A second `wl_pointer` on GDK's connection: GDK keeps each motion until the next frame
//! (gdk/gdkevents.c), and knows neither of locks nor of how far a mouse was pushed. Buttons and the
//! wheel stay GDK's; here they only mark where in the order of events they were.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use gdk_wayland::WaylandSurface;
use gdk_wayland::prelude::*;
use gtk::{gdk, glib};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_pointer::{self, WlPointer};
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, delegate_noop};
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_confined_pointer_v1::{
    self as confined, ZwpConfinedPointerV1,
};
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_locked_pointer_v1::{
    self as locked, ZwpLockedPointerV1,
};
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_pointer_constraints_v1::{
    Lifetime, ZwpPointerConstraintsV1,
};
use wayland_protocols::wp::relative_pointer::zv1::client::zwp_relative_pointer_manager_v1::ZwpRelativePointerManagerV1;
use wayland_protocols::wp::relative_pointer::zv1::client::zwp_relative_pointer_v1::{
    self as relative, ZwpRelativePointerV1,
};

use super::turning::Turning;
use super::{Happened, How, Listener};
use crate::geometry::{Logical, Rect};
use crate::input::Delta;
use crate::view::queue::Queue;

/// How long a pointer that is to come back elsewhere waits for the window's next frame, which takes
/// the place along.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(60);

thread_local! {
    /// One for all windows: a compositor holds a pointer to one surface only.
    static SEATS: RefCell<Weak<Seat>> = const { RefCell::new(Weak::new()) };
}

/// The compositor's seat, heard on a queue of our own.
pub(in crate::view) struct Seat {
    queue: Queue<State>,
    listeners: RefCell<Vec<(u64, Listener)>>,
    last: Cell<u64>,
    leaving: RefCell<Option<glib::SourceId>>,
}

/// What the compositor has told, and what was asked of it.
#[derive(Debug)]
struct State {
    queue: QueueHandle<Self>,
    compositor: Option<WlCompositor>,
    constraints: Option<ZwpPointerConstraintsV1>,
    relatives: Option<ZwpRelativePointerManagerV1>,
    seat: Option<(u32, WlSeat)>,
    pointer: Option<WlPointer>,
    /// The surface that the pointer is on.
    focus: Option<usize>,
    wish: Option<Wish>,
    held: Option<Held>,
    turning: Turning,
    /// What happened, and on which surface.
    heard: Vec<(Option<usize>, Happened)>,
}

/// What is to be held, as soon as there is a pointer.
#[derive(Debug, Clone)]
struct Wish {
    surface: WlSurface,
    region: Rect<Logical>,
    how: How,
}

#[derive(Debug)]
struct Held {
    constraint: Constraint,
    /// Tells how far the pointer is pushed.
    relative: ZwpRelativePointerV1,
}

#[derive(Debug)]
enum Constraint {
    Locked(ZwpLockedPointerV1),
    Confined(ZwpConfinedPointerV1),
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Seat {
    /// The seat of this display; `None` where it is not Wayland's.
    pub(super) fn of(display: &gdk::Display) -> Option<Rc<Self>> {
        if let Some(seat) = SEATS.with_borrow(Weak::upgrade) {
            return Some(seat);
        }
        let seat = Rc::new(Self {
            queue: Queue::open(display, State::new)?,
            listeners: RefCell::default(),
            last: Cell::default(),
            leaving: RefCell::default(),
        });
        Queue::watch(&seat, |seat| &seat.queue, Self::catch_up);
        SEATS.set(Rc::downgrade(&seat));
        Some(seat)
    }

    /// Tells what happens on this surface from now on, until [`Self::unlisten`] with the same number.
    pub(super) fn listen(&self, listener: Listener) -> u64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.listeners.borrow_mut().push((number, listener));
        number
    }

    pub(super) fn unlisten(&self, number: u64) {
        self.listeners.borrow_mut().retain(|(other, _)| *other != number);
    }

    /// Whether the compositor can hold a pointer at all, as far as it has told.
    pub(super) fn can_hold(&self) -> bool {
        let state = self.queue.state.borrow();
        state.constraints.is_some() && state.relatives.is_some()
    }

    /// Holds the pointer to this part of the surface as soon as it is there.
    pub(super) fn hold(&self, surface: &WaylandSurface, region: Rect<Logical>, how: How) {
        self.forget_leaving();
        let Some(wl) = surface.wl_surface() else { return };
        {
            let mut state = self.queue.state.borrow_mut();
            let same =
                state.wish.as_ref().is_some_and(|wish| wish.how == how && wish.surface.id() == wl.id());
            if same && state.held.is_some() {
                state.move_to(region);
            } else {
                state.drop_held();
                state.wish = Some(Wish { surface: wl, region, how });
                state.fulfil();
            }
        }
        // Regions count from the surface's next commit on, in wlroots also the first.
        surface.force_next_commit();
        surface.queue_render();
        self.queue.flush();
    }

    /// Lets the pointer go: it comes back where it was, or at `place` of the surface if that is given.
    pub(super) fn release(self: &Rc<Self>, surface: Option<&WaylandSurface>, place: Option<(f64, f64)>) {
        self.forget_leaving();
        let is_hinted = {
            let mut state = self.queue.state.borrow_mut();
            state.wish = None;
            match (&state.held, place) {
                (Some(Held { constraint: Constraint::Locked(lock), .. }), Some((x, y))) => {
                    lock.set_cursor_position_hint(x, y);
                    true
                }
                _ => false,
            }
        };
        match surface.filter(|_| is_hinted) {
            Some(surface) => self.leave_with_the_next_frame(surface),
            None => self.queue.state.borrow_mut().drop_held(),
        }
        self.catch_up();
    }

    /// Takes in what the compositor has said, wherever it was read, and passes it on.
    pub(super) fn catch_up(&self) {
        let Some(heard) = self.queue.take_in(|state| std::mem::take(&mut state.heard)) else { return };
        if heard.is_empty() {
            return;
        }
        let listeners: Vec<_> =
            self.listeners.borrow().iter().map(|(_, listener)| listener.clone()).collect();
        for listener in listeners {
            let here = (listener.surface)();
            let concerns = |(surface, one): &&(Option<usize>, Happened)| {
                matches!(one, Happened::Left | Happened::Loosened) || here.is_some() && *surface == here
            };
            let ours: Vec<_> = heard.iter().filter(concerns).map(|(_, one)| *one).collect();
            if !ours.is_empty() {
                (listener.tell)(&ours);
            }
        }
    }

    /// The hint counts from the surface's next commit on, which is GDK's.
    fn leave_with_the_next_frame(self: &Rc<Self>, surface: &WaylandSurface) {
        surface.force_next_commit();
        surface.queue_render();
        let weak = Rc::downgrade(self);
        let done = Rc::new(Cell::new(None::<glib::SignalHandlerId>));
        let clock = surface.frame_clock();
        let leave = {
            // Its handler is not to keep the clock of a window that draws no more.
            let (weak, done, clock) = (weak, done.clone(), clock.downgrade());
            move || {
                if let (Some(handler), Some(clock)) = (done.take(), clock.upgrade()) {
                    clock.disconnect(handler);
                }
                if let Some(seat) = weak.upgrade() {
                    let mut state = seat.queue.state.borrow_mut();
                    if state.wish.is_none() {
                        state.drop_held();
                    }
                    drop(state);
                    seat.catch_up();
                }
            }
        };
        let drawn = leave.clone();
        done.set(Some(clock.connect_after_paint(move |_| drawn())));
        let weak = Rc::downgrade(self);
        let late = glib::timeout_add_local_once(PATIENCE, move || {
            if let Some(seat) = weak.upgrade() {
                seat.leaving.take();
            }
            leave();
        });
        self.leaving.replace(Some(late));
    }

    fn forget_leaving(&self) {
        if let Some(late) = self.leaving.take() {
            late.remove();
            self.queue.state.borrow_mut().drop_held();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(late) = self.leaving.take() {
            late.remove();
        }
        self.queue.state.borrow_mut().let_go();
        self.queue.flush();
    }
}

impl State {
    fn new(queue: QueueHandle<Self>) -> Self {
        Self {
            queue,
            compositor: None,
            constraints: None,
            relatives: None,
            seat: None,
            pointer: None,
            focus: None,
            wish: None,
            held: None,
            turning: Turning::default(),
            heard: Vec::new(),
        }
    }

    /// Does what is wished, once everything for it is there.
    fn fulfil(&mut self) {
        if self.held.is_some() {
            return;
        }
        let (Some(wish), Some(pointer)) = (self.wish.clone(), &self.pointer) else { return };
        let (Some(constraints), Some(relatives)) = (&self.constraints, &self.relatives) else { return };
        let region = self.region(wish.region);
        let lifetime = Lifetime::Persistent;
        let Wish { surface, how, .. } = wish;
        let constraint = match how {
            How::Lock => Constraint::Locked(constraints.lock_pointer(
                &surface,
                pointer,
                region.as_ref(),
                lifetime,
                &self.queue,
                (),
            )),
            How::Confine => Constraint::Confined(constraints.confine_pointer(
                &surface,
                pointer,
                region.as_ref(),
                lifetime,
                &self.queue,
                (),
            )),
        };
        let relative = relatives.get_relative_pointer(pointer, &self.queue, ());
        if let Some(region) = region {
            region.destroy();
        }
        self.held = Some(Held { constraint, relative });
    }

    fn region(&self, rect: Rect<Logical>) -> Option<WlRegion> {
        let region = self.compositor.as_ref()?.create_region(&self.queue, ());
        let length = |length: u32| i32::try_from(length).unwrap_or(i32::MAX);
        region.add(rect.origin.x, rect.origin.y, length(rect.size.width), length(rect.size.height));
        Some(region)
    }

    fn move_to(&mut self, rect: Rect<Logical>) {
        let region = self.region(rect);
        match &self.held {
            Some(Held { constraint: Constraint::Locked(lock), .. }) => lock.set_region(region.as_ref()),
            Some(Held { constraint: Constraint::Confined(cage), .. }) => cage.set_region(region.as_ref()),
            None => {}
        }
        if let Some(region) = region {
            region.destroy();
        }
        if let Some(wish) = &mut self.wish {
            wish.region = rect;
        }
    }

    fn hear(&mut self, happened: Happened) {
        self.heard.push((self.focus, happened));
    }

    fn drop_held(&mut self) {
        let Some(Held { constraint, relative }) = self.held.take() else { return };
        relative.destroy();
        match constraint {
            Constraint::Locked(lock) => lock.destroy(),
            Constraint::Confined(cage) => cage.destroy(),
        }
        self.hear(Happened::Loosened);
    }

    fn lose_pointer(&mut self) {
        self.drop_held();
        self.focus = None;
        self.hear(Happened::Left);
        if let Some(pointer) = self.pointer.take().filter(|pointer| pointer.version() >= 3) {
            pointer.release();
        }
    }

    fn lose_seat(&mut self) {
        self.lose_pointer();
        if let Some((_, seat)) = self.seat.take().filter(|(_, seat)| seat.version() >= 5) {
            seat.release();
        }
    }

    /// Has the compositor forget all that can be forgotten.
    fn let_go(&mut self) {
        self.lose_seat();
        self.relatives.take().inspect(ZwpRelativePointerManagerV1::destroy);
        self.constraints.take().inspect(ZwpPointerConstraintsV1::destroy);
    }
}

impl Dispatch<WlRegistry, ()> for State {
    fn event(
        state: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        match event {
            wl_registry::Event::Global { name, interface, version } => match interface.as_str() {
                // The first is GDK's, too. 5 has frames, and 8 parts of a wheel's clicks.
                "wl_seat" if state.seat.is_none() => {
                    state.seat = Some((name, registry.bind(name, version.min(8), queue, ())));
                }
                "wl_compositor" => {
                    state.compositor = Some(registry.bind(name, version.min(4), queue, ()));
                }
                "zwp_pointer_constraints_v1" => {
                    state.constraints = Some(registry.bind(name, 1, queue, ()));
                }
                "zwp_relative_pointer_manager_v1" => {
                    state.relatives = Some(registry.bind(name, 1, queue, ()));
                }
                _ => return,
            },
            wl_registry::Event::GlobalRemove { name }
                if state.seat.as_ref().is_some_and(|(ours, _)| *ours == name) =>
            {
                state.lose_seat();
            }
            _ => {}
        }
        state.fulfil();
    }
}

impl Dispatch<WlSeat, ()> for State {
    fn event(
        state: &mut Self,
        seat: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_seat::Event::Capabilities { capabilities } = event else { return };
        let has_pointer = wl_seat::Capability::from_bits_truncate(capabilities.into())
            .contains(wl_seat::Capability::Pointer);
        match (has_pointer, &state.pointer) {
            (true, None) => {
                state.pointer = Some(seat.get_pointer(queue, ()));
                state.fulfil();
            }
            (false, Some(_)) => state.lose_pointer(),
            _ => {}
        }
    }
}

impl Dispatch<WlPointer, ()> for State {
    fn event(
        state: &mut Self,
        _: &WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_pointer::Event::Enter { surface, surface_x, surface_y, .. } => {
                state.focus = super::identity(&surface);
                state.hear(Happened::Moved(surface_x, surface_y));
            }
            wl_pointer::Event::Leave { .. } => {
                state.focus = None;
                state.hear(Happened::Left);
            }
            wl_pointer::Event::Motion { surface_x, surface_y, .. } => {
                state.hear(Happened::Moved(surface_x, surface_y));
            }
            wl_pointer::Event::Button { time, .. } => state.hear(Happened::Button(time)),
            event => {
                if let Some(happened) = state.turning.hear(&event) {
                    state.hear(happened);
                }
            }
        }
    }
}

impl Dispatch<ZwpRelativePointerV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ZwpRelativePointerV1,
        event: relative::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let relative::Event::RelativeMotion { dx, dy, dx_unaccel, dy_unaccel, .. } = event {
            let delta = Delta { x: dx, y: dy, raw_x: dx_unaccel, raw_y: dy_unaccel };
            state.hear(Happened::Pushed(delta));
        }
    }
}

impl Dispatch<ZwpLockedPointerV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ZwpLockedPointerV1,
        event: locked::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        state.hear(match event {
            locked::Event::Locked => Happened::Held(How::Lock),
            _ => Happened::Loosened,
        });
    }
}

impl Dispatch<ZwpConfinedPointerV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ZwpConfinedPointerV1,
        event: confined::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        state.hear(match event {
            confined::Event::Confined => Happened::Held(How::Confine),
            _ => Happened::Loosened,
        });
    }
}

delegate_noop!(State: WlCompositor);
delegate_noop!(State: WlRegion);
delegate_noop!(State: ZwpPointerConstraintsV1);
delegate_noop!(State: ZwpRelativePointerManagerV1);
