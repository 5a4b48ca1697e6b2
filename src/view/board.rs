//! The keyboard as the compositor tells of it: keys that GDK drops, and modifiers that sticky keys hold.
//!
//! A second `wl_keyboard` on GDK's connection, beside GDK's own. [`Account`] makes one of both.
//!
//! [`Account`]: crate::input::account::Account

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use gdk_wayland::WaylandDisplay;
use gtk::gdk;
use gtk::prelude::*;
use wayland_client::protocol::wl_keyboard::{self, KeyState, WlKeyboard};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, WEnum};

use super::hold::{Watch, identity};
use crate::input::Press;
use crate::input::account::{self, Heard};
use crate::present;

thread_local! {
    /// One for all windows: a compositor has one keyboard.
    static BOARDS: RefCell<Weak<Board>> = const { RefCell::new(Weak::new()) };
}

/// Is told what happens on the surface that has the keyboard.
type Listener = Rc<dyn Fn(usize, &[Heard])>;

/// The compositor's keyboard.
pub(super) struct Board {
    queue: RefCell<EventQueue<State>>,
    state: RefCell<State>,
    connection: Connection,
    listeners: RefCell<Vec<Weak<dyn Fn(usize, &[Heard])>>>,
    watch: RefCell<Option<Watch>>,
}

#[derive(Debug, Default)]
struct State {
    seat: Option<(u32, WlSeat)>,
    keyboard: Option<WlKeyboard>,
    /// The surface that has it.
    focus: Option<usize>,
    heard: Vec<(usize, Heard)>,
}

/// Somebody who listens, until it is dropped.
pub(super) struct Ear {
    board: Rc<Board>,
    _listener: Listener,
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

impl Ear {
    /// Listens; `tell` is told of what happens on a surface, before GDK tells of any of it. `None`
    /// where the display is not Wayland's.
    pub(super) fn open(display: &gdk::Display, tell: impl Fn(usize, &[Heard]) + 'static) -> Option<Self> {
        let board = Board::of(display)?;
        let listener: Listener = Rc::new(tell);
        board.listeners.borrow_mut().push(Rc::downgrade(&listener));
        Some(Self { board, _listener: listener })
    }

    /// Takes in what has happened, also where nobody has noticed yet.
    pub(super) fn catch_up(&self) {
        self.board.catch_up();
    }
}

impl Board {
    fn of(display: &gdk::Display) -> Option<Rc<Self>> {
        if let Some(board) = BOARDS.with_borrow(Weak::upgrade) {
            return Some(board);
        }
        let display = display.downcast_ref::<WaylandDisplay>()?;
        let connection = present::surface::connect(display)?;
        let queue = connection.new_event_queue();
        connection.display().get_registry(&queue.handle(), ());
        let board = Rc::new(Self {
            queue: RefCell::new(queue),
            state: RefCell::default(),
            connection,
            listeners: RefCell::default(),
            watch: RefCell::default(),
        });
        let (waits, acts) = (Rc::downgrade(&board), Rc::downgrade(&board));
        let watch = Watch::new(
            move || waits.upgrade().is_some_and(|board| board.waits()),
            move || _ = acts.upgrade().inspect(|board| board.catch_up()),
        );
        board.watch.replace(Some(watch));
        board.flush();
        BOARDS.set(Rc::downgrade(&board));
        Some(board)
    }

    fn waits(&self) -> bool {
        // Somebody is in the middle of it otherwise.
        self.queue.try_borrow().is_ok_and(|queue| queue.prepare_read().is_none())
    }

    fn flush(&self) {
        // GDK flushes, too; what cannot be sent now goes with its next.
        let _ = self.connection.flush();
    }

    fn catch_up(&self) {
        let heard = {
            let (Ok(mut queue), Ok(mut state)) = (self.queue.try_borrow_mut(), self.state.try_borrow_mut())
            else {
                return;
            };
            if let Err(error) = queue.dispatch_pending(&mut *state) {
                tracing::debug!(%error, "the compositor's keyboard cannot be heard");
            }
            std::mem::take(&mut state.heard)
        };
        self.flush();
        self.listeners.borrow_mut().retain(|listener| listener.strong_count() > 0);
        let listeners: Vec<_> = self.listeners.borrow().iter().filter_map(Weak::upgrade).collect();
        // The keyboard seldom changes surfaces in between.
        for part in heard.chunk_by(|(one, _), (other, _)| one == other) {
            let events: Vec<_> = part.iter().map(|(_, heard)| heard.clone()).collect();
            listeners.iter().for_each(|tell| tell(part[0].0, &events));
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.lose_keyboard();
        if let Some((_, seat)) = state.seat.take()
            && wayland_client::Proxy::version(&seat) >= 5
        {
            seat.release();
        }
        drop(state);
        self.flush();
    }
}

impl State {
    fn lose_keyboard(&mut self) {
        self.focus = None;
        if let Some(keyboard) = self.keyboard.take()
            && wayland_client::Proxy::version(&keyboard) >= 3
        {
            keyboard.release();
        }
    }

    fn hear(&mut self, heard: Heard) {
        if let Some(focus) = self.focus {
            self.heard.push((focus, heard));
        }
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
            wl_registry::Event::Global { name, interface, version }
                if interface == "wl_seat" && state.seat.is_none() =>
            {
                // 10 tells of repeated keys, which are the guest's business.
                state.seat = Some((name, registry.bind(name, version.min(9), queue, ())));
            }
            wl_registry::Event::GlobalRemove { name }
                if state.seat.as_ref().is_some_and(|(known, _)| *known == name) =>
            {
                state.lose_keyboard();
                state.seat = None;
            }
            _ => {}
        }
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
        let wl_seat::Event::Capabilities { capabilities: WEnum::Value(capabilities) } = event else { return };
        match (capabilities.contains(Capability::Keyboard), &state.keyboard) {
            (true, None) => state.keyboard = Some(seat.get_keyboard(queue, ())),
            (false, Some(_)) => state.lose_keyboard(),
            _ => {}
        }
    }
}

impl Dispatch<WlKeyboard, ()> for State {
    fn event(
        state: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_keyboard::Event::Enter { surface, .. } => state.focus = identity(&surface),
            wl_keyboard::Event::Leave { .. } => state.focus = None,
            wl_keyboard::Event::Key { time, key, state: WEnum::Value(pressed), .. } => {
                let press = match pressed {
                    KeyState::Pressed => Press::Down,
                    KeyState::Released => Press::Up,
                    _ => return,
                };
                state.hear(Heard::Key { code: key, press, time });
            }
            wl_keyboard::Event::Modifiers { mods_latched, mods_locked, .. } => {
                let latched = account::latched(mods_latched | mods_locked);
                state.hear(Heard::Modifiers { latched, locks: account::locks(mods_locked) });
            }
            _ => {}
        }
    }
}
