//! The reply that the peer waits for, as a value: dropping it sends the reply.

use std::fmt;
use std::sync::Arc;

/// Where replies go: told that every update up to and including this ticket has been shown.
pub trait Acknowledge: Send + Sync {
    /// Replies to all updates whose ticket is not above `through`. Must not block.
    fn acknowledge(&self, through: u64);
}

/// An update that has not been answered yet.
///
/// Updates of one listener are answered in order, so an `Ack` stands for all of them up to its own:
/// a thousand updates between two frames are still one value.
#[must_use = "dropping it tells the guest that its picture has been used"]
pub struct Ack {
    /// `None` once a newer reply has taken its place.
    to: Option<Arc<dyn Acknowledge>>,
    through: u64,
}

impl Ack {
    /// The reply to the update with this ticket, and to those before it.
    pub fn new(to: Arc<dyn Acknowledge>, through: u64) -> Self {
        Self { to: Some(to), through }
    }

    /// Both replies as one: `newer` includes this one if they go to the same listener.
    pub fn join(mut self, newer: Self) -> Self {
        let same = self.to.as_ref().zip(newer.to.as_ref()).is_some_and(|(old, new)| Arc::ptr_eq(old, new));
        if same {
            self.to = None;
        }
        newer
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            to.acknowledge(self.through);
        }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ack({})", self.through)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Replies(Mutex<Vec<u64>>);

    impl Acknowledge for Replies {
        fn acknowledge(&self, through: u64) {
            self.0.lock().unwrap().push(through);
        }
    }

    #[test]
    fn a_dropped_ack_replies_once() {
        let replies = Arc::new(Replies::default());
        drop(Ack::new(replies.clone(), 3));
        assert_eq!(*replies.0.lock().unwrap(), [3]);
    }

    #[test]
    fn a_newer_ack_replies_for_the_older() {
        let replies = Arc::new(Replies::default());
        let joined = Ack::new(replies.clone(), 1).join(Ack::new(replies.clone(), 2));
        assert!(replies.0.lock().unwrap().is_empty());
        drop(joined);
        assert_eq!(*replies.0.lock().unwrap(), [2]);
    }

    #[test]
    fn an_ack_to_a_former_listener_is_sent() {
        let former = Arc::new(Replies::default());
        let present = Arc::new(Replies::default());
        let joined = Ack::new(former.clone(), 9).join(Ack::new(present.clone(), 1));
        assert_eq!(*former.0.lock().unwrap(), [9]);
        assert!(present.0.lock().unwrap().is_empty());
        drop(joined);
    }
}
