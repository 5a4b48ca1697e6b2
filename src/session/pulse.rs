//! Whether QEMU answers while the person works with it: one that hangs is to hold nobody's keyboard.
//!
//! Input is sent without waiting for replies, and the socket takes a lot of it. So while there is
//! input, something is asked now and then that QEMU's main loop answers.

use std::time::Duration;

use async_channel::{Receiver, Sender};

use super::{ConsoleId, Event};
use crate::display1::{CallError, Peer};
use crate::source::sleep;

/// A QEMU that takes longer hangs; an emulated one may be busy for a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two questions.
const REST: Duration = Duration::from_secs(2);

/// Asks whenever `worked` says that there was input, until nobody says so any more.
pub(super) async fn watch(peer: Peer, worked: Receiver<ConsoleId>, events: Sender<Event>) {
    let peer = peer.with_deadline(PATIENCE);
    let mut answers = true;
    while let Ok(id) = worked.recv().await {
        loop {
            let asked = peer.console(id.0).describe().await;
            let answered = !matches!(asked, Err(CallError::TimedOut(_)));
            if answers != answered {
                tracing::info!(answered, "whether QEMU answers");
                answers = answered;
                // Nobody may listen any more.
                let _ = events.send(Event::Answers(answered)).await;
            }
            if answered {
                break;
            }
        }
        sleep(REST).await;
    }
}
