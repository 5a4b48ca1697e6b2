//! The task that answers QEMU's calls to our clipboard, in order and without waiting.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use serde::{Serialize, Serializer};
use zbus::message::{Flags, Header, Type};
use zbus::wire::Signature;
use zbus::{MatchRule, Message, MessageStream, Variant};

use super::asked::Asked;
use super::{Board, TEXT};
use crate::display1::peer::Peer;
use crate::display1::{CLIPBOARD_PATH, wire};

/// What QEMU calls on our clipboard. On a bus others could, too: they are not heard.
pub(super) async fn calls(peer: &Peer) -> zbus::Result<MessageStream> {
    let mut rule = MatchRule::builder().msg_type(Type::MethodCall).path(CLIPBOARD_PATH);
    if let Some(owner) = peer.owner() {
        rule = rule.sender(owner);
    }
    MessageStream::for_match_rule(rule.build()?, peer.connection(), None).await
}

/// Answers until the connection ends.
pub(super) async fn serve(mut calls: MessageStream, peer: Peer, board: Arc<Board>) {
    while let Some(call) = calls.next().await {
        let answered = match call {
            Ok(call) => answer(&call, &peer, &board).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "the machine's clipboard");
        }
    }
}

async fn answer(call: &Message, peer: &Peer, board: &Board) -> zbus::Result<()> {
    let header = call.header();
    let reply = Reply { peer, header: &header };
    let asked = wire::Message::parse(call.data()).map_err(Into::into).and_then(|call| Asked::decode(&call));
    match asked {
        Ok(Asked::Told(said)) => {
            board.hear(said, call.recv_position());
            reply.with(&()).await
        }
        Ok(Asked::Text(selection)) => {
            // An error would leave the guest's agent waiting; an empty text it understands.
            let text = board.offer(selection);
            reply.with(&(TEXT, Bytes(text.as_deref().unwrap_or_default().as_bytes()))).await
        }
        Ok(Asked::Properties) => {
            let interfaces = Variant::from(Vec::<String>::new());
            reply.with(&HashMap::from([("Interfaces", interfaces)])).await
        }
        Ok(Asked::Interfaces) => reply.with(&Variant::from(Vec::<String>::new())).await,
        Err(error) => {
            tracing::debug!(%error, member = ?header.member(), "a call that makes no sense");
            reply.error(error.name(), &error.to_string()).await
        }
    }
}

/// Where an answer goes, if anybody waits for it.
struct Reply<'a> {
    peer: &'a Peer,
    header: &'a Header<'a>,
}

impl Reply<'_> {
    async fn with<B: Serialize + zbus::DynamicType + Sync>(&self, body: &B) -> zbus::Result<()> {
        if self.is_wanted() { self.peer.connection().reply(self.header, body).await } else { Ok(()) }
    }

    async fn error(&self, name: &'static str, text: &str) -> zbus::Result<()> {
        if !self.is_wanted() {
            return Ok(());
        }
        self.peer.connection().reply_error(self.header, name, &text).await
    }

    fn is_wanted(&self) -> bool {
        !self.header.primary().flags().contains(Flags::NO_REPLY_EXPECTED)
    }
}

/// An `ay` that is written in one piece, rather than byte by byte.
struct Bytes<'a>(&'a [u8]);

impl zbus::Type for Bytes<'_> {
    const SIGNATURE: &'static Signature = <[u8]>::SIGNATURE;
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
