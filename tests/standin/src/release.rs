//! What each QEMU release has and does, as far as a viewer can tell.
//!
//! Facts: `ui/dbus-display1.xml`, `ui/dbus-listener.c` and `ui/dbus-console.c` of the releases named.

/// A QEMU release whose display the stand-in plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Release {
    V7_2,
    V8_2,
    V9_2,
    #[default]
    V10_0,
    V10_1,
    V11_1,
}

/// Which queued messages a new scanout throws away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discards {
    /// None (before 9.0).
    Nothing,
    /// The display messages that the filter knows, `ScanoutDMABUF2` not among them (from 9.2).
    DisplayMessages,
}

impl Release {
    /// Every release there is a profile for, oldest first.
    pub const ALL: [Self; 6] = [Self::V7_2, Self::V8_2, Self::V9_2, Self::V10_0, Self::V10_1, Self::V11_1];

    /// As QEMU counts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V7_2 => "7.2",
            Self::V8_2 => "8.2",
            Self::V9_2 => "9.2",
            Self::V10_0 => "10.0",
            Self::V10_1 => "10.1",
            Self::V11_1 => "11.1",
        }
    }

    /// The `Interfaces` properties and `MultiTouch` (8.1).
    #[must_use]
    pub fn has_interfaces(self) -> bool {
        self >= Self::V8_2
    }

    /// `Listener.Unix.Map` (9.2).
    #[must_use]
    pub fn has_map(self) -> bool {
        self >= Self::V9_2
    }

    /// `Listener.Unix.ScanoutDMABUF2` (10.1).
    #[must_use]
    pub fn has_dmabuf2(self) -> bool {
        self >= Self::V10_1
    }

    /// Any number of listeners per peer and console; before, one (9.2).
    #[must_use]
    pub fn has_many_listeners(self) -> bool {
        self >= Self::V9_2
    }

    /// `ConsoleIDs` follows consoles that come and go (11.1).
    #[must_use]
    pub fn has_hot_plug(self) -> bool {
        self >= Self::V11_1
    }

    /// Whether a modifier of 0 may also mean that none is known (before 10.1).
    #[must_use]
    pub fn modifier_zero_is_vague(self) -> bool {
        self < Self::V10_1
    }

    /// The discard filter of the outgoing queue.
    #[must_use]
    pub fn discards(self) -> Discards {
        if self >= Self::V9_2 { Discards::DisplayMessages } else { Discards::Nothing }
    }
}
