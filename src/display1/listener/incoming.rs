//! What QEMU sends: whole messages, borrowed from one buffer, and the descriptors that belong to them.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::Closed;
use crate::display1::decode::Descriptors;
use crate::display1::wire::{self, Message};

/// The buffer's size while messages are small, in bytes: some hundred updates.
const SMALL: usize = 64 * 1024;

/// After so many small messages in a row, a large buffer is given back.
const LARGE_FOR: u32 = 1024;

/// The most descriptors that one message may bring: four planes, and room for mistakes.
const MAX_FDS: usize = 16;

/// What came of an attempt to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Some,
    Nothing,
}

/// The receiving side of a listener's socket, with at most one long message in memory.
#[derive(Debug)]
pub(super) struct Incoming {
    buffer: Vec<u8>,
    /// What of the buffer has been received and not yet taken.
    unread: Range<usize>,
    /// Descriptors that no message has taken yet.
    fds: VecDeque<OwnedFd>,
    small_in_a_row: u32,
}

impl Incoming {
    pub(super) fn new() -> Self {
        let fds = VecDeque::with_capacity(MAX_FDS);
        Self { buffer: vec![0; SMALL], unread: 0..0, fds, small_in_a_row: 0 }
    }

    /// Takes the next message that is there in whole, and the descriptors that it says are its own.
    pub(super) fn next(&mut self, fds: &mut Descriptors) -> Result<Option<Message<'_>>, Closed> {
        fds.clear();
        let Some(length) = wire::message_length(&self.buffer[self.unread.clone()])? else {
            return Ok(None);
        };
        if self.unread.len() < length {
            self.make_room(length);
            return Ok(None);
        }
        self.small_in_a_row = if length > SMALL { 0 } else { self.small_in_a_row.saturating_add(1) };
        let end = self.unread.start + length;
        let message = Message::parse(&self.buffer[self.unread.start..end])?;
        self.unread.start = end;
        let count = usize::try_from(message.fds).unwrap_or(usize::MAX).min(self.fds.len());
        self.fds.drain(..count).for_each(|fd| fds.push(fd));
        Ok(Some(message))
    }

    /// Reads what has come, without waiting.
    pub(super) fn fill(&mut self, socket: &UnixStream) -> Result<Filled, Closed> {
        self.tidy();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut room = [IoSliceMut::new(&mut self.buffer[self.unread.end..])];
        let received = match recvmsg(socket, &mut room, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => received.bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Filled::Nothing),
            Err(Errno::CONNRESET) => return Err(Closed::Ended),
            Err(error) => return Err(io::Error::from(error).into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
            }
        }
        if received == 0 {
            return Err(Closed::Ended);
        }
        if self.fds.len() > 4 * MAX_FDS {
            return Err(Closed::Broken("descriptors that belong to no message"));
        }
        self.unread.end += received;
        Ok(Filled::Some)
    }

    fn tidy(&mut self) {
        if self.unread.is_empty() {
            self.unread = 0..0;
            // No message has claimed them, and those to come bring their own.
            self.fds.clear();
            if self.buffer.len() > SMALL && self.small_in_a_row >= LARGE_FOR {
                self.buffer.truncate(SMALL);
                self.buffer.shrink_to_fit();
            }
        } else if self.unread.end == self.buffer.len() {
            self.move_to_front();
        }
    }

    /// Makes room for a message of this length, but no more than twice of what has come: a header
    /// alone must not cost a hundred megabytes.
    fn make_room(&mut self, length: usize) {
        let wanted = length.min(self.unread.len().saturating_mul(2)).max(SMALL);
        if self.buffer.len() < self.unread.start + wanted {
            self.move_to_front();
        }
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
    }

    fn move_to_front(&mut self) {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
    }
}
