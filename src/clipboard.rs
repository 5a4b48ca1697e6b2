//! What is copied on one side and pasted on the other, decided without knowing either desktop.
//!
//! - [`Offer`]: what a copy is, by the types that it comes in; secrets show here.
//! - [`Exchange`]: the state machine between the two sides: who copied last, who may have it.
//! - [`LineEnds`]: how lines end on either side.
//!
//! Two clipboards become one by grabs: whoever copies tells the other, with a serial number, and the
//! text follows when somebody pastes. Both may copy at once; the serials then decide, in the same
//! way on both sides (spice-protocol, `VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL`).

mod exchange;
mod lane;
mod lines;
mod offer;

pub use exchange::{
    Act, Agent, Consent, Direction, Exchange, Input, Notice, PasteId, ReadError, Settings, Token,
};
pub use lines::LineEnds;
pub use offer::{Offer, SECRET, TEXT};

/// Which of a desktop's clipboards (qapi/ui.json's order; ui/clipboard.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// What is copied and pasted.
    Clipboard,
    /// What is selected, and pasted with the middle button.
    Primary,
}

impl Selection {
    /// Both. QEMU's third, "secondary", no desktop has.
    pub const ALL: [Self; 2] = [Self::Clipboard, Self::Primary];

    /// Its place in [`Selection::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// QEMU's number for it.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The one with QEMU's number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|selection| selection.number() == number)
    }
}
