//! One console of a connection: who listens to it, and how often that broke.

use std::time::Duration;

use async_channel::Sender;

use super::ConsoleKind;
use super::listening::Listening;
use crate::clock::Time;

/// So often a console's listener may break before its display counts as broken...
const BREAKS: u32 = 3;

/// ... unless it worked for so long.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// One console of this connection.
#[derive(Debug)]
pub(super) struct Served<L> {
    pub(super) listening: Listening<L>,
    /// How often its listener broke lately, and when it last did.
    breaks: (u32, Time),
    /// Its boost ends when this is dropped.
    pub(super) boost: Option<Sender<()>>,
}

impl<L> Default for Served<L> {
    fn default() -> Self {
        Self { listening: Listening::default(), breaks: Default::default(), boost: None }
    }
}

impl<L> Served<L> {
    /// Its listener broke, or could not be had: whether there is to be another one.
    pub(super) fn broke(&mut self, now: Time) -> bool {
        let lately = now.since(self.breaks.1) < FORGOTTEN;
        self.breaks = (if lately { self.breaks.0 + 1 } else { 1 }, now);
        self.breaks.0 <= BREAKS
    }

    /// Whether nobody listens, nor will.
    pub(super) fn is_broken(&self) -> bool {
        self.listening.is_deaf() && self.breaks.0 > BREAKS
    }

    /// Whether somebody is yet to listen, going by what it is, once that is known.
    pub(super) fn is_awaited(&self, kind: Option<ConsoleKind>) -> bool {
        kind != Some(ConsoleKind::Text) && self.listening.is_deaf() && !self.is_broken()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_awaited_until_somebody_listens() {
        let mut served = Served::<()>::default();
        assert!(served.is_awaited(None), "it has not said what it is");
        assert!(!served.is_awaited(Some(ConsoleKind::Text)));
        served.listening.begin();
        assert!(served.is_awaited(Some(ConsoleKind::Graphic)));
        served.listening.arrived(Some(()));
        assert!(!served.is_awaited(Some(ConsoleKind::Graphic)));
    }

    #[test]
    fn a_console_that_is_given_up_is_not_awaited() {
        let mut served = Served::<()>::default();
        for time in 1..=3 {
            assert!(served.broke(Time::from_millis(time)));
            assert!(served.is_awaited(Some(ConsoleKind::Graphic)));
        }
        assert!(!served.broke(Time::from_millis(4)));
        assert!(served.is_broken());
        assert!(!served.is_awaited(Some(ConsoleKind::Graphic)));
    }
}
