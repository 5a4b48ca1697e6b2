//! One D-Bus connection the way GDBus keeps it: an unbounded queue that a thread writes, and a thread that reads.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock;
use crate::reply::{Fate, PendingReply, Reply, Sent};
use crate::socket::{MessageReader, Socket};
use crate::wire::{Incoming, Kind, Outgoing, Pixels};

/// What the reading thread tells about.
#[derive(Debug)]
pub(crate) enum Event {
    /// A call or a signal; replies go to whoever waits for them.
    Message(Box<Incoming>),
    /// The last event: the peer is gone, or sent something that is no message.
    Closed,
}

/// What has gone through a connection's outgoing queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    pub messages_sent: u64,
    pub bytes_sent: u64,
    /// Messages that a later scanout or `Disable` threw away.
    pub discarded: u64,
    pub queued_messages: usize,
    pub queued_bytes: usize,
    pub peak_queued_messages: usize,
    pub peak_queued_bytes: usize,
    /// For how long the socket was full while there was something to write.
    #[serde(rename = "blocked_ms", with = "clock::millis")]
    pub blocked: Duration,
}

enum What {
    Message(Outgoing),
    Bytes(Vec<u8>),
    /// A message's first bytes only.
    Half(Outgoing, f64),
    /// No more writing; the peer sees the end of the stream.
    End,
    Close,
}

struct Item {
    what: What,
    serial: u32,
    size: usize,
    fate: Arc<Fate>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    serial: u32,
    discard_to: u32,
    batches: u32,
    closed: bool,
    stats: QueueStats,
}

/// The messages that the discard filter of QEMU 9.2 and later knows (ui/dbus-listener.c).
const DISCARDABLE: [&str; 7] =
    ["Scanout", "Update", "ScanoutDMABUF", "UpdateDMABUF", "ScanoutMap", "UpdateMap", "Disable"];

pub(crate) struct Conn {
    socket: Socket,
    queue: Mutex<Queue>,
    wake: Condvar,
    drained: Condvar,
    pending: Mutex<HashMap<u32, Arc<Fate>>>,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Conn {
    /// Starts both threads on an authenticated socket.
    pub(crate) fn start(
        name: &str,
        socket: Socket,
        on_event: impl FnMut(&Arc<Self>, Event) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let conn = Arc::new(Self {
            socket: socket.clone(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            drained: Condvar::new(),
            pending: Mutex::default(),
        });
        let writer = conn.clone();
        thread::Builder::new().name(format!("{name} out")).spawn(move || writer.write_all())?;
        let reader = conn.clone();
        thread::Builder::new()
            .name(format!("{name} in"))
            .spawn(move || reader.read_all(MessageReader::new(socket), on_event))?;
        Ok(conn)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no code panics while it holds the queue")
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<u32, Arc<Fate>>> {
        self.pending.lock().expect("no code panics while it holds the pending calls")
    }

    fn push(&self, what: What, size: usize) -> Sent {
        let fate = Fate::new();
        let mut queue = self.queue();
        queue.serial += 1;
        let serial = queue.serial;
        let sent = Sent { serial, fate: fate.clone() };
        if queue.closed {
            fate.settle(Reply::Closed);
            return sent;
        }
        if matches!(&what, What::Message(message) if expects_reply(message)) {
            self.pending().insert(serial, fate.clone());
        }
        queue.items.push_back(Item { what, serial, size, fate });
        let stats = &mut queue.stats;
        stats.queued_messages += 1;
        stats.queued_bytes += size;
        stats.peak_queued_messages = stats.peak_queued_messages.max(stats.queued_messages);
        stats.peak_queued_bytes = stats.peak_queued_bytes.max(stats.queued_bytes);
        self.wake.notify_one();
        sent
    }

    pub(crate) fn send(&self, message: Outgoing) -> Sent {
        let size = message.args.body_len();
        self.push(What::Message(message), size)
    }

    pub(crate) fn call(&self, message: Outgoing) -> PendingReply {
        PendingReply(self.send(message))
    }

    pub(crate) fn send_bytes(&self, bytes: Vec<u8>) -> Sent {
        let size = bytes.len();
        self.push(What::Bytes(bytes), size)
    }

    pub(crate) fn send_half(&self, message: Outgoing, part: f64) -> Sent {
        self.push(What::Half(message, part), 0)
    }

    /// Ends the stream after everything queued, and goes on reading.
    pub(crate) fn end(&self) {
        self.push(What::End, 0);
    }

    /// Closes after everything queued.
    pub(crate) fn close(&self) {
        self.push(What::Close, 0);
    }

    /// Closes now, whatever is queued.
    pub(crate) fn abort(&self) {
        self.socket.shutdown();
    }

    /// Throws away the display messages that are still queued.
    pub(crate) fn discard(&self) {
        let mut queue = self.queue();
        queue.discard_to = queue.serial;
    }

    /// Keeps everything queued from being written until `end_batch`.
    pub(crate) fn begin_batch(&self) {
        self.queue().batches += 1;
    }

    pub(crate) fn end_batch(&self) {
        self.queue().batches -= 1;
        self.wake.notify_one();
    }

    pub(crate) fn stats(&self) -> QueueStats {
        self.queue().stats
    }

    /// Waits until fewer messages than `limit` are queued, or the peer is gone; returns for how long.
    pub(crate) fn wait_until_queued_below(&self, limit: usize) -> Duration {
        let queue = self.queue();
        if queue.items.len() < limit {
            return Duration::ZERO;
        }
        let since = Instant::now();
        let full = |queue: &mut Queue| queue.items.len() >= limit && !queue.closed;
        drop(self.drained.wait_while(queue, full).expect("no code panics with the queue"));
        since.elapsed()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue().closed
    }

    fn next_item(&self) -> Option<Item> {
        let wait = |queue: &mut Queue| !queue.closed && (queue.items.is_empty() || queue.batches > 0);
        let queue = self.queue();
        let mut queue = self.wake.wait_while(queue, wait).expect("no code panics with the queue");
        loop {
            let item = queue.items.pop_front()?;
            queue.stats.queued_messages -= 1;
            queue.stats.queued_bytes -= item.size;
            if item.serial <= queue.discard_to && is_discardable(&item.what) {
                queue.stats.discarded += 1;
                item.fate.discarded();
                if queue.items.is_empty() && !queue.closed {
                    queue = self.wake.wait_while(queue, wait).expect("no code panics with the queue");
                }
                continue;
            }
            return Some(item);
        }
    }

    fn write_all(&self) {
        while let Some(item) = self.next_item() {
            let written = match &item.what {
                What::Message(message) => self.write(message, item.serial),
                What::Bytes(bytes) => self.socket.write(&[bytes], &[]).map(|took| (bytes.len(), took)),
                What::Half(message, part) => self.write_half(message, item.serial, *part),
                What::End => {
                    self.socket.shutdown_write();
                    Ok((0, Duration::ZERO))
                }
                What::Close => break,
            };
            let Ok((bytes, blocked)) = written else { break };
            let mut queue = self.queue();
            queue.stats.messages_sent += 1;
            queue.stats.bytes_sent += bytes as u64;
            queue.stats.blocked += blocked;
            drop(queue);
            self.drained.notify_all();
            item.fate.sent();
        }
        self.socket.shutdown();
    }

    fn write(&self, message: &Outgoing, serial: u32) -> io::Result<(usize, Duration)> {
        let head = message.head(serial);
        let [stamp, tail] = message.args.tail.as_ref().map_or([&[][..]; 2], Pixels::parts);
        let blocked = self.socket.write(&[&head, stamp, tail], &message.args.fds)?;
        Ok((head.len() + stamp.len() + tail.len(), blocked))
    }

    fn write_half(&self, message: &Outgoing, serial: u32, part: f64) -> io::Result<(usize, Duration)> {
        let mut whole = message.head(serial);
        message.args.tail.iter().flat_map(Pixels::parts).for_each(|part| whole.extend_from_slice(part));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let length = (whole.len() as f64 * part) as usize;
        let blocked = self.socket.write(&[&whole[..length]], &message.args.fds)?;
        Ok((length, blocked))
    }

    fn read_all(self: &Arc<Self>, mut reader: MessageReader, mut on_event: impl FnMut(&Arc<Self>, Event)) {
        loop {
            match reader.next() {
                Ok(Some(message)) if matches!(message.kind, Kind::Return | Kind::Error) => {
                    self.settle(message);
                }
                Ok(Some(message)) => on_event(self, Event::Message(Box::new(message))),
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "the viewer's connection broke");
                    break;
                }
            }
        }
        self.ended();
        on_event(self, Event::Closed);
    }

    fn settle(&self, message: Incoming) {
        let Some(fate) = self.pending().remove(&message.reply_to) else {
            return;
        };
        fate.settle(match message.kind {
            Kind::Error => {
                let text = message.read::<(String,)>().map_or_else(|_| String::new(), |(text,)| text);
                Reply::Failed { name: message.error, text }
            }
            _ => Reply::Returned(Arc::new(message)),
        });
    }

    fn ended(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        let unsent = std::mem::take(&mut queue.items);
        drop(queue);
        self.wake.notify_all();
        self.drained.notify_all();
        for item in unsent {
            item.fate.settle(Reply::Closed);
        }
        for (_, fate) in self.pending().drain() {
            fate.settle(Reply::Closed);
        }
        self.socket.shutdown();
    }
}

fn expects_reply(message: &Outgoing) -> bool {
    message.kind == Kind::Call && message.flags & crate::wire::NO_REPLY_EXPECTED == 0
}

fn is_discardable(what: &What) -> bool {
    let What::Message(message) = what else {
        return false;
    };
    message.member.as_deref().is_some_and(|member| DISCARDABLE.contains(&member))
}

/// Copies a descriptor for a message that outlives the caller's, as GLib does.
pub(crate) fn duplicate(fd: impl std::os::fd::AsFd) -> OwnedFd {
    fd.as_fd().try_clone_to_owned().expect("a descriptor of this process can be copied")
}
