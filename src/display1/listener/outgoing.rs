//! What goes back to QEMU: replies, kept until it takes them.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;

use super::Closed;
use crate::display1::wire;

/// The most bytes of replies that wait for a peer which does not read them: over ten thousand.
const MOST: usize = 512 * 1024;

/// The sending side of a listener's socket.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    serial: u32,
}

impl Outgoing {
    /// A reply without a value.
    pub(super) fn reply(&mut self, to: u32) {
        let serial = self.next_serial();
        wire::write_reply(&mut self.bytes, serial, to);
    }

    /// A reply with a marshalled value.
    pub(super) fn reply_value(&mut self, to: u32, signature: &str, body: &[u8]) {
        let serial = self.next_serial();
        wire::write_value(&mut self.bytes, serial, to, signature, body);
    }

    /// An error reply.
    pub(super) fn reply_error(&mut self, to: u32, name: &str, text: &str) {
        let serial = self.next_serial();
        wire::write_error(&mut self.bytes, serial, to, name, text);
    }

    /// Whether QEMU has not taken everything yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Sends as much as QEMU takes. If it takes nothing any more, what it sent before is still to be
    /// read, and its end says that it is gone.
    pub(super) fn flush(&mut self, mut socket: &UnixStream) -> Result<(), Closed> {
        let mut sent = 0;
        while sent < self.bytes.len() {
            match socket.write(&self.bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => break,
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => sent = self.bytes.len(),
                    _ => return Err(error.into()),
                },
            }
        }
        self.bytes.drain(..sent);
        if self.bytes.len() > MOST {
            return Err(Closed::Broken("replies are not read"));
        }
        Ok(())
    }

    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1).max(1);
        self.serial
    }
}
