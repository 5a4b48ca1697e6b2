//! What the window asks of a machine, and who the machine belongs to.

use std::fmt;

use crate::clipboard::Act;
use crate::input::Command;
use crate::resolution::Wish;
use crate::session::{Boosting, Choice, ConsoleId, Power, Session};

/// What the window asks of a machine. A session answers; in tests anything can.
pub trait Remote: fmt::Debug {
    /// The person did this on that console.
    fn send(&self, console: ConsoleId, command: Command);
    /// Looks at this console, or at the one that the machine uses.
    fn choose(&self, choice: Choice);
    /// Asks the guest for a screen size.
    fn ask(&self, console: ConsoleId, wish: Wish);
    /// Asks for a vGPU's picture oftener than QEMU gives it by itself, or does not.
    fn set_boost(&self, boost: Boosting);
    /// Attends to the machine's clipboard from now on.
    fn open_clipboard(&self);
    /// Does to the machine's clipboard what the exchange wants.
    fn clipboard(&self, act: Act);
    /// Connects once more, now.
    fn reconnect(&self);
    /// Asks the guest to shut down, or ends the machine.
    fn power(&self, power: Power);
    /// Lets go of the machine.
    fn close(&self);
}

impl Remote for Session {
    fn send(&self, console: ConsoleId, command: Command) {
        self.send(console, command);
    }

    fn choose(&self, choice: Choice) {
        self.choose(choice);
    }

    fn ask(&self, console: ConsoleId, wish: Wish) {
        self.ask(console, wish);
    }

    fn set_boost(&self, boost: Boosting) {
        self.set_boost(boost);
    }

    fn open_clipboard(&self) {
        self.open_clipboard();
    }

    fn clipboard(&self, act: Act) {
        self.clipboard(act);
    }

    fn reconnect(&self) {
        self.reconnect();
    }

    fn power(&self, power: Power) {
        self.power(power);
    }

    fn close(&self) {
        self.close();
    }
}

/// Who the machine belongs to, and with that what the window may do to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Somebody else's, of whom we know the display only.
    Guest,
    /// Somebody else's, who let us use its monitor.
    Monitor,
    /// Ours: it ends with the window.
    Owner,
}

impl Hold {
    /// Whether the window can ask the machine to shut down.
    pub(super) fn has_power(self) -> bool {
        matches!(self, Self::Monitor | Self::Owner)
    }
}
