//! What the person did and QEMU has not been told yet: in order, bounded, and nothing stays held.
//!
//! A QEMU that is stopped does not read, while the person goes on moving the pointer. Movements
//! that have not been sent become one, but never across a key or button, so that every click lands
//! where it was made. When too much waits, new presses are dropped, and releases of what was
//! dropped with them; the release of what is held always finds room.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};

use super::ConsoleId;
use crate::geometry::Point;
use crate::input::{Button, Command, Press, Qnum, Touch};

/// So many commands may wait before new ones are dropped.
const LIMIT: usize = 512;

/// What waits to be sent.
#[derive(Debug)]
pub(super) enum Item {
    Command(ConsoleId, Command),
    /// Whoever waits for everything before it to be sent.
    Flush(Sender<()>),
}

/// Something that is held down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Key(Qnum),
    Button(Button),
    /// In this slot.
    Finger(u8),
}

impl Held {
    fn released(self) -> Command {
        match self {
            Self::Key(key) => Command::Key(key, Press::Up),
            Self::Button(button) => Command::Button(button, Press::Up),
            Self::Finger(slot) => Command::Touch { touch: Touch::Cancel, slot, at: Point::new(0, 0) },
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    open: bool,
    items: VecDeque<Item>,
    held: BTreeSet<(ConsoleId, Held)>,
}

impl Waiting {
    fn push(&mut self, console: ConsoleId, command: Command) -> bool {
        if !self.open {
            return false;
        }
        if let Some(Item::Command(last, waiting)) = self.items.back_mut()
            && *last == console
            && let Some(joined) = join(*waiting, command)
        {
            *waiting = joined;
            return false;
        }
        let full = self.items.len() >= LIMIT;
        let accepted = match command {
            Command::Key(key, press) => self.hold(console, Held::Key(key), press, full),
            Command::Button(button, press) => self.hold(console, Held::Button(button), press, full),
            Command::MoveTo(_) | Command::MoveBy { .. } => !full,
            Command::Touch { touch, slot, .. } => {
                let finger = Held::Finger(slot);
                match touch {
                    Touch::Begin => self.hold(console, finger, Press::Down, full),
                    Touch::Update => !full && self.held.contains(&(console, finger)),
                    Touch::End | Touch::Cancel => self.hold(console, finger, Press::Up, full),
                }
            }
        };
        if accepted {
            self.items.push_back(Item::Command(console, command));
        }
        accepted
    }

    /// Whether this press or release is to be sent.
    fn hold(&mut self, console: ConsoleId, what: Held, press: Press, full: bool) -> bool {
        match press {
            Press::Down if full => false,
            // A key that repeats is pressed again and again.
            Press::Down => {
                self.held.insert((console, what));
                true
            }
            Press::Up => self.held.remove(&(console, what)),
        }
    }

    fn release_all(&mut self) {
        for (console, held) in std::mem::take(&mut self.held) {
            self.items.push_back(Item::Command(console, held.released()));
        }
    }
}

/// Two movements as one, where that is the same to the guest.
fn join(waiting: Command, new: Command) -> Option<Command> {
    match (waiting, new) {
        (Command::MoveTo(_), Command::MoveTo(_)) => Some(new),
        (Command::MoveBy { x: x1, y: y1 }, Command::MoveBy { x: x2, y: y2 }) => {
            Some(Command::MoveBy { x: x1.checked_add(x2)?, y: y1.checked_add(y2)? })
        }
        (
            Command::Touch { touch: Touch::Update, slot: before, .. },
            Command::Touch { touch: Touch::Update, slot, .. },
        ) => (before == slot).then_some(new),
        _ => None,
    }
}

/// The queue between those who push, on any thread, and the one who sends.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    ring: Sender<()>,
    bell: Receiver<()>,
}

impl Default for Queue {
    fn default() -> Self {
        let (ring, bell) = async_channel::bounded(1);
        Self { waiting: Mutex::default(), ring, bell }
    }
}

impl Queue {
    /// Takes a command, unless the queue is closed or full.
    pub(super) fn push(&self, console: ConsoleId, command: Command) {
        if self.lock().push(console, command) {
            self.wake();
        }
    }

    /// Begins to take commands, empty.
    pub(super) fn open(&self) {
        *self.lock() = Waiting { open: true, ..Waiting::default() };
    }

    /// Forgets everything and takes nothing more: nobody is there to be told. QEMU itself lifts all
    /// keys when a listener's connection ends (ui/dbus-console.c).
    pub(super) fn close(&self) {
        *self.lock() = Waiting::default();
    }

    /// Releases what is held and takes nothing more; completes when that has been sent.
    pub(super) async fn finish(&self) {
        let (done, sent) = async_channel::bounded(1);
        {
            let mut waiting = self.lock();
            waiting.open = false;
            waiting.release_all();
            waiting.items.push_back(Item::Flush(done));
        }
        self.wake();
        // An error says that the queue was closed meanwhile.
        let _ = sent.recv().await;
    }

    /// The next thing to send.
    pub(super) async fn next(&self) -> Item {
        loop {
            if let Some(item) = self.lock().items.pop_front() {
                return item;
            }
            // The queue holds both ends: it never fails.
            let _ = self.bell.recv().await;
        }
    }

    fn wake(&self) {
        // A bell that rings already is enough.
        let _ = self.ring.try_send(());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
