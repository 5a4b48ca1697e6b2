//! The machine's clipboard while the machine is connected: what its [`Exchange`] wants of it is done,
//! and what it says goes back there.
//!
//! [`Exchange`]: crate::clipboard::Exchange

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, select_biased};

use super::Event;
use crate::clipboard::{Act, Input, ReadError};
use crate::display1::clipboard::{Clipboard, Said, TextError};
use crate::display1::{CallError, Peer};
use crate::source::qmp::{Client, QmpError};
use crate::source::within;

/// How often is asked for a clipboard that another viewer has.
const OTHERS: Duration = Duration::from_secs(5);

/// How QEMU refuses a clipboard that another viewer has (ui/dbus-clipboard.c, `dbus_clipboard_register`);
/// where it has none, nobody at all is there to be asked.
const TAKEN: &str = "org.qemu.Display1.Error.Failed";

/// Attends to the clipboard, until nobody wants anything of it any more or the connection breaks.
pub(super) async fn attend(peer: Peer, acts: Receiver<Act>, events: Sender<Event>) {
    let Some(clipboard) = register(&peer, &acts).await else { return };
    let mut reads = FuturesUnordered::new();
    let mut happened = Some(Input::Connected);
    loop {
        if let Some(input) = happened.take() {
            // Nobody may listen any more.
            let _ = events.send(Event::Clipboard(input)).await;
        }
        let act = select_biased! {
            act = pin!(acts.recv().fuse()) => act,
            said = pin!(clipboard.next().fuse()) => {
                happened = Some(heard(said));
                continue;
            }
            read = reads.select_next_some() => {
                happened = Some(read);
                continue;
            }
        };
        let done = match act {
            Ok(Act::Grab { selection, serial, text }) => clipboard.grab(selection, serial, text).await,
            Ok(Act::Release(selection)) => clipboard.release(selection).await,
            Ok(Act::ReadGuest { selection, token, limit }) => {
                let read = clipboard.text(selection, limit);
                reads.push(read.map(move |text| Input::GuestRead { selection, token, text: taken(text) }));
                Ok(())
            }
            // The desktop's business.
            Ok(_) => Ok(()),
            Err(_) => return,
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the clipboard is gone");
            return;
        }
    }
}

/// Has the clipboard, as soon as no other viewer has it. `None` if nobody wants it any more, or it cannot be
/// had.
async fn register(peer: &Peer, acts: &Receiver<Act>) -> Option<Clipboard> {
    let mut told = false;
    loop {
        match Clipboard::register(peer).await {
            Ok(clipboard) => return Some(clipboard),
            Err(CallError::Refused { name, .. }) if name == TAKEN => {
                if !std::mem::replace(&mut told, true) {
                    tracing::info!("another viewer has the clipboard");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no clipboard");
                return None;
            }
        }
        // What is wanted of it meanwhile is wanted of one that is not there.
        within(OTHERS, async { while acts.recv().await.is_ok() {} }).await;
        if acts.is_closed() {
            return None;
        }
    }
}

/// Tells whether anybody in the guest has the agent's port open, until the monitor is gone.
pub(super) async fn watch_port(monitor: &Client, events: Sender<Event>) {
    let mut told = None;
    loop {
        match monitor.agent_port().await {
            Ok(Some(open)) if told != Some(open) => {
                told = Some(open);
                // Nobody may listen any more.
                let _ = events.send(Event::Clipboard(Input::Port { open })).await;
            }
            Ok(_) | Err(QmpError::Silent { .. }) => {}
            Err(error) => {
                tracing::debug!(%error, "nobody tells whether there is an agent");
                return;
            }
        }
        monitor.port_changed().await;
    }
}

fn heard(said: Said) -> Input {
    match said {
        Said::Reset => Input::Reset,
        Said::Grabbed { selection, serial, text } => Input::GuestCopied { selection, serial, text },
        Said::Released(selection) => Input::GuestReleased(selection),
    }
}

fn taken(text: Result<String, TextError>) -> Result<Arc<str>, ReadError> {
    text.map(Arc::from).map_err(|error| match error {
        TextError::TooLong { length, .. } => ReadError::TooLong(length),
        TextError::NotText => ReadError::NotText,
        TextError::Call(error) => {
            tracing::info!(%error, "the guest does not give what it copied");
            ReadError::Failed
        }
    })
}
