//! What changes at a machine while we watch: sizes, lock lights, pointer mode, consoles.

use std::collections::HashMap;

use futures_util::{Stream, StreamExt};
use zbus::message::Type;
use zbus::{MatchRule, Message, MessageStream, OwnedObjectPath, Variant};

use super::console::pointer_mode;
use super::peer::{Peer, Properties, take};
use super::{ROOT, VM_PATH, interface, member};
use crate::input::{Leds, PointerMode};

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A console's `Width` or `Height`, in pixels; what is not said is as before. It comes in no
    /// order with the frames, which have a socket of their own.
    Size { console: u32, width: Option<u32>, height: Option<u32> },
    /// A keyboard's lock lights.
    Leds { console: u32, leds: Leds },
    /// How the guest takes the pointer.
    Pointer { console: u32, pointer: PointerMode },
    /// The numbers of all consoles (QEMU 11.1).
    Consoles(Vec<u32>),
    /// A console appeared (QEMU 11.1).
    Added(u32),
    /// A console is gone (QEMU 11.1).
    Removed(u32),
}

/// Everything that changes at a machine. Keep polling: the whole connection waits for this stream.
///
/// # Errors
///
/// When a bus does not take the subscription.
pub async fn changes(peer: &Peer) -> zbus::Result<impl Stream<Item = Change> + Unpin + Send + use<>> {
    let mut rule = MatchRule::builder().msg_type(Type::Signal).path_namespace(ROOT);
    if let Some(owner) = peer.owner() {
        rule = rule.sender(owner);
    }
    let messages = MessageStream::for_match_rule(rule.build()?, peer.connection(), None).await?;
    Ok(messages
        .filter_map(|message| std::future::ready(message.ok()))
        .flat_map(|message| futures_util::stream::iter(read(&message))))
}

/// What a signal says; nothing where it is none of ours, or makes no sense.
fn read(signal: &Message) -> Vec<Change> {
    let header = signal.header();
    let Some((interface, member)) = header.interface().zip(header.member()) else { return Vec::new() };
    let path = header.path().map_or("", |path| path.as_str());
    let changes = match (interface.as_str(), member.as_str()) {
        (interface::PROPERTIES, "PropertiesChanged") => properties(path, signal),
        (interface::OBJECT_MANAGER, "InterfacesAdded") => added(signal),
        (interface::OBJECT_MANAGER, "InterfacesRemoved") => removed(signal),
        _ => Ok(Vec::new()),
    };
    changes.unwrap_or_else(|error| {
        tracing::warn!(%error, path, "a change that makes no sense");
        Vec::new()
    })
}

fn properties(path: &str, signal: &Message) -> zbus::Result<Vec<Change>> {
    let body = signal.body();
    let (interface, mut changed, _): (String, Properties, Vec<String>) = body.deserialize()?;
    if path == VM_PATH {
        return Ok(take(&mut changed, member::CONSOLE_IDS).map(Change::Consoles).into_iter().collect());
    }
    let Some(console) = console_id(path) else { return Ok(Vec::new()) };
    let change = match interface.as_str() {
        interface::CONSOLE => {
            let (width, height) = (take(&mut changed, member::WIDTH), take(&mut changed, member::HEIGHT));
            (width.is_some() || height.is_some()).then_some(Change::Size { console, width, height })
        }
        interface::KEYBOARD => take(&mut changed, member::MODIFIERS)
            .map(|bits| Change::Leds { console, leds: Leds::from_bits(bits) }),
        interface::MOUSE => take(&mut changed, member::IS_ABSOLUTE)
            .map(|absolute| Change::Pointer { console, pointer: pointer_mode(absolute) }),
        _ => None,
    };
    Ok(change.into_iter().collect())
}

fn added(signal: &Message) -> zbus::Result<Vec<Change>> {
    let body = signal.body();
    let (path, interfaces): (OwnedObjectPath, HashMap<String, HashMap<String, Variant<'_>>>) =
        body.deserialize()?;
    let is_console = interfaces.contains_key(interface::CONSOLE);
    Ok(console_id(path.as_str()).filter(|_| is_console).map(Change::Added).into_iter().collect())
}

fn removed(signal: &Message) -> zbus::Result<Vec<Change>> {
    let body = signal.body();
    let (path, interfaces): (OwnedObjectPath, Vec<String>) = body.deserialize()?;
    let is_console = interfaces.iter().any(|interface| interface == interface::CONSOLE);
    Ok(console_id(path.as_str()).filter(|_| is_console).map(Change::Removed).into_iter().collect())
}

/// The number in `/org/qemu/Display1/Console_N`.
fn console_id(path: &str) -> Option<u32> {
    path.strip_prefix(ROOT)?.strip_prefix("/Console_")?.parse().ok()
}
