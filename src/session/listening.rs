//! A console's listener, and the next one that is on its way.

use crate::display1::Report;

/// Listeners follow each other: what is said by the present one, and by the next before we know of it, is
/// heard; what former ones say is of no interest.
#[derive(Debug)]
pub(super) struct Listening<L> {
    present: Option<L>,
    /// Which one that is, counted from 1.
    generation: u32,
    next: Next,
    begun: u32,
}

#[derive(Debug)]
enum Next {
    None,
    Coming,
    /// QEMU called it before its registration was answered here.
    Said(Report),
}

impl<L> Default for Listening<L> {
    fn default() -> Self {
        Self { present: None, generation: 0, next: Next::None, begun: 0 }
    }
}

impl<L> Listening<L> {
    /// The one that listens now.
    pub(super) fn present(&self) -> Option<&L> {
        self.present.as_ref()
    }

    /// Whether nobody listens.
    pub(super) fn is_deaf(&self) -> bool {
        self.present.is_none()
    }

    /// Another one is to be registered, beside the one that there may be: its generation, or `None` if one
    /// is on its way already.
    pub(super) fn begin(&mut self) -> Option<u32> {
        if self.is_changing() {
            return None;
        }
        self.next = Next::Coming;
        self.begun += 1;
        Some(self.begun)
    }

    /// It is registered, or is not. What it has said meanwhile is to be acted upon now.
    pub(super) fn arrived(&mut self, listener: Option<L>) -> Option<Report> {
        let next = std::mem::replace(&mut self.next, Next::None);
        // The former one is let go of only now: the picture does not go away in between.
        self.present = Some(listener?);
        self.generation = self.begun;
        let Next::Said(report) = next else { return None };
        self.hear(self.generation, report)
    }

    /// One of them said something: what is to be acted upon.
    pub(super) fn hear(&mut self, generation: u32, report: Report) -> Option<Report> {
        let changing = self.is_changing();
        if changing && generation == self.begun {
            self.next = Next::Said(report);
            return None;
        }
        match report {
            _ if generation != self.generation => None,
            // The next one is the answer.
            Report::Resync if changing => None,
            Report::Resync => Some(Report::Resync),
            Report::Closed(reason) => {
                self.present = None;
                Some(Report::Closed(reason))
            }
        }
    }

    fn is_changing(&self) -> bool {
        !matches!(self.next, Next::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display1::Closed;

    fn listening() -> Listening<u32> {
        let mut listening = Listening::default();
        assert_eq!(listening.begin(), Some(1));
        assert!(listening.arrived(Some(1)).is_none());
        listening
    }

    #[test]
    fn one_is_registered_at_a_time() {
        let mut listening = listening();
        assert_eq!(listening.begin(), Some(2));
        assert_eq!(listening.begin(), None);
        assert!(listening.hear(1, Report::Resync).is_none(), "the next one is the answer");
        assert!(listening.arrived(Some(2)).is_none());
        assert_eq!(listening.present, Some(2));
    }

    #[test]
    fn what_the_next_one_says_early_is_heard_when_it_is_there() {
        let mut listening = listening();
        listening.begin();
        assert!(listening.hear(2, Report::Resync).is_none());
        assert!(matches!(listening.arrived(Some(2)), Some(Report::Resync)));
        assert_eq!(listening.begin(), Some(3));
        assert!(listening.hear(3, Report::Closed(Closed::Ended)).is_none());
        assert!(matches!(listening.arrived(Some(3)), Some(Report::Closed(_))));
        assert!(listening.is_deaf());
    }

    #[test]
    fn one_that_could_not_be_registered_leaves_the_present_one() {
        let mut listening = listening();
        listening.begin();
        assert!(listening.arrived(None).is_none());
        assert!(listening.hear(2, Report::Resync).is_none(), "it was given up");
        assert!(listening.hear(1, Report::Resync).is_some());
        assert_eq!((listening.present, listening.begin()), (Some(1), Some(3)));
    }

    #[test]
    fn the_end_of_the_present_one_is_heard_while_the_next_is_coming() {
        let mut listening = listening();
        listening.begin();
        assert!(matches!(listening.hear(1, Report::Closed(Closed::Ended)), Some(Report::Closed(_))));
        assert!(listening.is_deaf());
        assert!(listening.hear(7, Report::Resync).is_none());
        assert!(listening.arrived(Some(2)).is_none());
        assert!(!listening.is_deaf());
    }
}
