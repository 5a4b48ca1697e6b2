//! What the person does, as one ordered stream of commands to the guest.
//!
//! - [`Seat`]: everything in front of one console; the keys that free the keyboard are seen first.
//! - [`grab`], [`Chord`]: who has the desktop's shortcuts, and every way back.
//! - [`Tie`]: whether a relative pointer is held to the picture.
//! - [`account`]: keys out of two sources, of which one leaves some out.
//! - [`Hands`]: what is held and where the pointer is, as commands.
//! - [`Locks`]: Caps Lock and Num Lock, the same in host and guest.
//! - [`Motion`], [`Wheel`], [`Fingers`]: parts of counts and clicks that gather, slots of fingers.
//! - [`Warp`]: whether the guest has its pointer elsewhere.
//! - [`Typing`]: a text as keystrokes, in a layout.
//! - [`keymap`], [`Combination`]: keys by their numbers and names.

pub mod account;
mod chord;
mod combination;
pub mod grab;
mod hands;
mod keyboard;
pub mod keymap;
mod leash;
mod locks;
mod pointer;
mod seat;
mod touch;
pub mod typing;
mod warp;

pub use chord::{Chord, Verdict};
pub use combination::{Combination, CombinationError};
pub use hands::Hands;
pub use keyboard::Keyboard;
pub use leash::Tie;
pub use locks::{Locks, Sync};
pub use pointer::{Delta, Motion, Speed, Wheel};
pub use seat::{Deed, Seat, Whose};
pub use touch::{FingerId, Fingers, SLOTS, Touch, TouchMode};
pub use typing::{Layout, Typing};
pub use warp::{Warp, Whereabouts};

use crate::geometry::{Guest, Point};

/// A key by QEMU's number: the AT set 1 code, with 0x80 set for those prefixed by 0xE0
/// (qapi/ui.json, `KeyValue`; ui/dbus-display1.xml, `Keyboard`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qnum(pub u8);

/// Whether something goes down or up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Press {
    Down,
    Up,
}

/// A pointer button, with the number that QEMU gives it (qapi/ui.json, `InputButton`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Button {
    Left = 0,
    Middle = 1,
    Right = 2,
    WheelUp = 3,
    WheelDown = 4,
    Side = 5,
    Extra = 6,
    WheelLeft = 7,
    WheelRight = 8,
}

/// One thing that the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A key goes down or up.
    Key(Qnum, Press),
    /// A button goes down or up; a click of the wheel is both.
    Button(Button, Press),
    /// The pointer is here: for a guest with an absolute pointer.
    MoveTo(Point<Guest>),
    /// The pointer moved by so many counts: for a guest with a relative pointer.
    MoveBy { x: i32, y: i32 },
    /// A finger in one of the guest's slots.
    Touch { touch: Touch, slot: u8, at: Point<Guest> },
}

/// How the guest wants to hear of the pointer (`Mouse.IsAbsolute`).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointerMode {
    /// Where it is: the guest has a tablet, and its driver runs.
    Absolute,
    /// How far it moved.
    #[default]
    Relative,
}

/// The lock lights of the guest's keyboard (`Keyboard.Modifiers`).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leds(u32);

impl Leds {
    /// Scroll Lock is lit.
    pub const SCROLL: Self = Self(1);
    /// Num Lock is lit.
    pub const NUM: Self = Self(2);
    /// Caps Lock is lit.
    pub const CAPS: Self = Self(4);

    /// As QEMU counts them; other bits are dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & 7)
    }

    /// Both.
    pub const fn with(self, lights: Self) -> Self {
        Self(self.0 | lights.0)
    }

    /// These, with this one the other way.
    pub const fn toggled(self, light: Self) -> Self {
        Self(self.0 ^ light.0)
    }

    /// These, with Scroll Lock as in `other`.
    pub(crate) const fn with_scroll_of(self, other: Self) -> Self {
        Self(self.0 & !Self::SCROLL.0 | other.0 & Self::SCROLL.0)
    }

    /// Whether all of these are lit.
    pub const fn contains(self, lights: Self) -> bool {
        self.0 & lights.0 == lights.0
    }
}
