//! The machine's clipboard: what the guest copies is told, what we offer is there when it pastes.
//!
//! Both sides have the same object, `/org/qemu/Display1/Clipboard`, and call each other
//! (ui/dbus-clipboard.c). A guest that pastes has QEMU ask us with its main loop standing still, for
//! up to 25 seconds. So the answer never waits for anything: the text lies here before the guest is
//! told that there is one, and a task of its own hands it out.
//!
//! - `asked`: what QEMU calls, as values.
//! - `serving`: the task that answers.

mod asked;
mod serving;

use std::str;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use thiserror::Error;
use zbus::message::Sequence;
use zruntime::{Shared, SharedRuntime, Task};

use super::peer::{CallError, Peer};
use super::{CLIPBOARD_PATH, member};
use crate::clipboard::Selection;

pub use self::asked::{Asked, NotAsked};

/// The only type that QEMU's clipboard knows (ui/dbus-clipboard.c).
pub const TEXT: &str = "text/plain;charset=utf-8";

/// What the machine said of its clipboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// An agent in the guest announced itself: serials begin at 0 again on both sides.
    Reset,
    /// The guest has something to paste.
    Grabbed { selection: Selection, serial: u32, text: bool },
    /// Nobody in the machine has anything to paste any more.
    Released(Selection),
}

/// Why the guest's text is not to be had.
#[derive(Debug, Error)]
pub enum TextError {
    /// QEMU does not have it: the agent in the guest is silent or gone, or the clipboard is empty.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What came is no text.
    #[error("the guest's text is not UTF-8")]
    NotText,
    /// It is longer than was allowed, in bytes.
    #[error("the guest's text has {length} bytes; {limit} are allowed")]
    TooLong { length: usize, limit: usize },
}

/// One machine's clipboard. Dropping it ends the answering; [`Clipboard::unregister`] is more polite.
#[derive(Debug)]
pub struct Clipboard {
    peer: Peer,
    board: Arc<Board>,
    _serving: Task<(), Shared>,
}

impl Clipboard {
    /// Becomes the machine's partner: there can be only one.
    ///
    /// An agent that has been in the guest for a while reconnects for this, so that serials agree
    /// (ui/vdagent.c, `vdagent_clipboard_reset_serial`); [`Said::Reset`] tells when it is back.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer, or has a partner ("Clipboard peer already registered!").
    pub async fn register(peer: &Peer) -> Result<Self, CallError> {
        let board = Arc::new(Board::default());
        // QEMU calls back before it replies.
        let calls = serving::calls(peer).await?;
        let runtime = SharedRuntime::current().map_err(zbus::Error::from)?;
        let task = serving::serve(calls, peer.clone(), board.clone());
        let serving = runtime.spawn("clipboard", task);
        let reply = peer.call(CLIPBOARD_PATH, member::CLIPBOARD_REGISTER, &()).await?;
        board.registered(reply.recv_position());
        Ok(Self { peer: peer.clone(), board, _serving: serving })
    }

    /// What the machine says next. Of what was said meanwhile, only the last of each selection counts.
    pub async fn next(&self) -> Said {
        loop {
            if let Some(said) = self.board.lock().news.take() {
                return said;
            }
            // The board holds both ends: it never fails.
            let _ = self.board.bell.recv().await;
        }
    }

    /// Offers a text to the guest, in place of any before.
    ///
    /// QEMU drops an offer whose serial is less than that of the last one (ui/clipboard.c,
    /// `qemu_clipboard_check_serial`), and says nothing of it.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn grab(&self, selection: Selection, serial: u32, text: Arc<str>) -> zbus::Result<()> {
        self.board.lock().offers[selection.index()] = Some(text);
        let body = (selection.number(), serial, [TEXT].as_slice());
        self.peer.tell(CLIPBOARD_PATH, member::CLIPBOARD_GRAB, &body).await
    }

    /// Takes an offer back: from here on nobody is given that text.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn release(&self, selection: Selection) -> zbus::Result<()> {
        self.board.lock().offers[selection.index()] = None;
        self.peer.tell(CLIPBOARD_PATH, member::CLIPBOARD_RELEASE, &selection.number()).await
    }

    /// What the guest has copied. QEMU gives its agent five seconds, and takes one request at a time
    /// for each selection.
    ///
    /// # Errors
    ///
    /// When there is no such text, or it is longer than `limit` bytes.
    pub async fn text(&self, selection: Selection, limit: usize) -> Result<String, TextError> {
        let body = (selection.number(), [TEXT].as_slice());
        let reply = self.peer.call(CLIPBOARD_PATH, member::CLIPBOARD_REQUEST, &body).await?;
        let body = reply.body();
        let (_, bytes): (&str, &[u8]) = body.deserialize().map_err(CallError::from)?;
        // Agents on Windows end their texts as C does.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let bytes = &bytes[..end];
        if bytes.len() > limit {
            return Err(TextError::TooLong { length: bytes.len(), limit });
        }
        str::from_utf8(bytes).map(str::to_owned).map_err(|_| TextError::NotText)
    }

    /// Parts with the machine, which forgets what we offered.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn unregister(self) -> zbus::Result<()> {
        self.peer.tell(CLIPBOARD_PATH, member::CLIPBOARD_UNREGISTER, &()).await
    }
}

/// What lies between the task that answers and the rest of the program.
#[derive(Debug)]
struct Board {
    state: Mutex<State>,
    ring: Sender<()>,
    bell: Receiver<()>,
}

#[derive(Debug, Default)]
struct State {
    /// When QEMU took us; before that it says "reset" as a matter of form.
    registered: Option<Sequence>,
    /// When it last said "reset".
    reset: Option<Sequence>,
    offers: [Option<Arc<str>>; Selection::ALL.len()],
    news: News,
}

/// What has been said and not been heard: bounded, whatever QEMU says.
#[derive(Debug, Default)]
struct News {
    reset: bool,
    last: [Option<Said>; Selection::ALL.len()],
}

impl News {
    fn take(&mut self) -> Option<Said> {
        if std::mem::take(&mut self.reset) {
            return Some(Said::Reset);
        }
        self.last.iter_mut().find_map(Option::take)
    }
}

impl Default for Board {
    fn default() -> Self {
        let (ring, bell) = async_channel::bounded(1);
        Self { state: Mutex::default(), ring, bell }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// QEMU has taken us. That its call was heard earlier than its reply does not say that it was
    /// made earlier.
    fn registered(&self, when: Sequence) {
        let mut state = self.lock();
        state.registered = Some(when);
        if state.reset.is_some_and(|reset| reset > when) {
            state.news.reset = true;
        }
    }

    /// The text that the guest may have.
    fn offer(&self, selection: Selection) -> Option<Arc<str>> {
        self.lock().offers[selection.index()].clone()
    }

    fn hear(&self, said: Said, when: Sequence) {
        let mut state = self.lock();
        let State { registered, reset, news, .. } = &mut *state;
        match said {
            Said::Reset => {
                *reset = Some(when);
                if registered.is_none_or(|since| when < since) {
                    return;
                }
                // What was said before it counts in serials that are no more.
                *news = News { reset: true, ..News::default() };
            }
            Said::Grabbed { selection, .. } | Said::Released(selection) => {
                news.last[selection.index()] = Some(said);
            }
        }
        drop(state);
        // A bell that rings already is enough.
        let _ = self.ring.try_send(());
    }
}
