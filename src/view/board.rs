//! The keyboard as the compositor tells of it: keys that GDK drops, and modifiers that sticky keys hold.
//!
//! A second `wl_keyboard` on GDK's connection, beside GDK's own. [`Account`] makes one of both.
//!
//! [`Account`]: crate::input::account::Account

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use gtk::gdk;
use wayland_client::protocol::wl_keyboard::{self, KeyState, WlKeyboard};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, WEnum};

use super::hold::identity;
use super::queue::Queue;
use crate::input::Press;
use crate::input::account::{self, Heard};

thread_local! {
    /// One for all windows: a compositor has one keyboard.
    static BOARDS: RefCell<Weak<Board>> = const { RefCell::new(Weak::new()) };
}

/// Is told what happens on the surface that has the keyboard.
type Tell = dyn Fn(usize, &[Heard]);

/// The compositor's keyboard.
pub(super) struct Board {
    queue: Queue<State>,
    listeners: RefCell<Vec<Weak<Tell>>>,
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
    _listener: Rc<Tell>,
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
        let listener: Rc<Tell> = Rc::new(tell);
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
        let queue = Queue::open(display, |_| State::default())?;
        let board = Rc::new(Self { queue, listeners: RefCell::default() });
        Queue::watch(&board, |board| &board.queue, Self::catch_up);
        BOARDS.set(Rc::downgrade(&board));
        Some(board)
    }

    fn catch_up(&self) {
        let Some(heard) = self.queue.take_in(|state| std::mem::take(&mut state.heard)) else { return };
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
        self.queue.state.borrow_mut().lose_seat();
        self.queue.flush();
    }
}

impl State {
    fn lose_keyboard(&mut self) {
        self.focus = None;
        if let Some(keyboard) = self.keyboard.take().filter(|keyboard| keyboard.version() >= 3) {
            keyboard.release();
        }
    }

    fn lose_seat(&mut self) {
        self.lose_keyboard();
        if let Some((_, seat)) = self.seat.take().filter(|(_, seat)| seat.version() >= 5) {
            seat.release();
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
                state.lose_seat();
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
