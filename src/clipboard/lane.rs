//! One selection on both sides, and the serial that settles who copied last.

use std::sync::Arc;

use super::{Offer, PasteId, ReadError, Token};

/// What the host's clipboard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Something that the guest is not to have, or has already, or nothing.
    Settled,
    /// Something that was copied and that nobody has looked at.
    Unread(Offer),
    /// Text that is being read.
    Reading(Token),
    /// Text that may be what it was when it was last read: nobody has looked.
    Unsure,
    /// The same, and it is being read to know.
    Checking(Token),
    /// The guest's text, which we hand out.
    Guests(Fetch),
}

impl Host {
    /// Whether the guest has what it holds, as far as anybody knows.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Settled | Self::Unsure | Self::Checking(_))
    }
}

/// How much of the guest's text we have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fetch {
    /// Nothing: nobody has pasted it.
    Unread,
    /// It is on its way; these wait for it.
    Reading(Token, Vec<PasteId>),
    /// All of it.
    Text(Arc<str>),
}

/// What was found on the host's clipboard when it was last looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nobody has looked, or it could not be read.
    #[default]
    Unknown,
    /// This text.
    Text(Arc<str>),
    /// A text of at least so many bytes.
    TooLong(usize),
    /// This, which is not to be read.
    Unreadable(Offer),
}

/// What the guest's clipboard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guest {
    /// Nothing that we know of.
    Nothing,
    /// What the host gave it, with the serial of that grab.
    Ours { serial: u32, text: Arc<str> },
    /// Nothing, since the host took back what it gave with that serial.
    TakenBack { serial: u32 },
    /// What was copied there; `untold` says that the host has not been told, and is to be.
    Theirs { untold: bool },
}

/// One selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) host: Host,
    pub(super) guest: Guest,
    pub(super) seen: Seen,
    /// The serial of the next grab, whoever makes it: each side counts those that it sees.
    next: u32,
}

/// What a grab of the guest's comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The guest copied last.
    Theirs,
    /// Both copied at once, and the host wins: the grab is to be made again, for QEMU has handed the
    /// clipboard to the guest meanwhile, while the guest's agent has decided as we have.
    Ours { serial: u32, text: Arc<str> },
    /// The same, and the host has taken its text back since: grab and release.
    Nobodys { serial: u32 },
}

impl Default for Lane {
    fn default() -> Self {
        Self { host: Host::Settled, guest: Guest::Nothing, seen: Seen::Unknown, next: 0 }
    }
}

impl Lane {
    /// The host's clipboard has been read.
    pub(super) fn see(&mut self, text: &Result<Arc<str>, ReadError>) {
        self.seen = match text {
            Ok(text) => Seen::Text(text.clone()),
            Err(ReadError::TooLong(length)) => Seen::TooLong(*length),
            Err(ReadError::Secret) => Seen::Unreadable(Offer::Secret),
            Err(ReadError::NotText | ReadError::Failed) => Seen::Unknown,
        };
    }

    /// The host grabs; says with which serial.
    ///
    /// The agent takes the very serial that it expects, or that of its own last grab, and no other
    /// (spice-vdagent, `do_client_clipboard`).
    pub(super) fn grab(&mut self, text: Arc<str>) -> u32 {
        let serial = self.next;
        self.next = serial.saturating_add(1);
        self.guest = Guest::Ours { serial, text };
        serial
    }

    /// The host takes back what it gave, if the guest still has it.
    pub(super) fn take_back(&mut self) -> bool {
        let Guest::Ours { serial, .. } = self.guest else { return false };
        self.guest = Guest::TakenBack { serial };
        true
    }

    /// The guest grabbed.
    pub(super) fn grabbed(&mut self, serial: u32) -> Ruling {
        match &self.guest {
            Guest::Ours { serial: ours, text } if serial < self.next => {
                Ruling::Ours { serial: *ours, text: text.clone() }
            }
            Guest::TakenBack { serial: ours } if serial < self.next => Ruling::Nobodys { serial: *ours },
            _ => {
                self.next = self.next.max(serial.saturating_add(1));
                Ruling::Theirs
            }
        }
    }

    /// Serials begin at 0 again.
    pub(super) fn reset(&mut self) {
        self.next = 0;
    }
}
