//! The authentication conversation: QEMU's side of it on sockets it is handed, a client's on a bus.
//!
//! As GLib 2.84 does it (gio/gdbusauth.c, gdbusauthmechanismexternal.c): the uid that counts is the one
//! the kernel reports for the socket, which is that of whoever created the pair.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crate::socket::Socket;

/// The longest line accepted, in bytes.
const MAX_LINE: usize = 16 << 10;
/// The id that this server gives itself: 32 hexadecimal digits.
pub(crate) const GUID: &str = "6f7269656c0000000000000000000001";

/// Whom the stand-in lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// The uid that created the socket, and an empty identity.
    #[default]
    SocketCreator,
    /// As if `uid` had created the socket, as libvirt's root daemon does: any other is rejected,
    /// an empty identity is not.
    CreatedBy(u32),
    /// An identity that is not empty, as GLib before 2.74: an empty one is rejected.
    NoEmptyIdentity,
    /// Nobody.
    Nobody,
}

/// Whom the viewer said it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    Empty,
    Uid(u32),
    Other(String),
}

/// How a viewer authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    pub identity: Identity,
    /// Attempts that were rejected before, in order.
    pub rejected: Vec<Identity>,
    /// Whether the viewer asked for descriptors to be passed. Without it QEMU's first call that
    /// carries one never arrives.
    pub unix_fds: bool,
    /// Every line the viewer sent.
    pub lines: Vec<String>,
}

struct Conversation<'a> {
    socket: &'a Socket,
    deadline: Option<Instant>,
    lines: Vec<String>,
}

impl Conversation<'_> {
    /// One byte at a time, so that nothing of the first message is taken.
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        match self.socket.read(&mut byte, &mut VecDeque::new(), self.deadline)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(byte[0]),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() == MAX_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an endless line"));
            }
            line.push(self.byte()?);
        }
        line.truncate(line.len() - 2);
        let line = String::from_utf8_lossy(&line).into_owned();
        self.lines.push(line.clone());
        Ok(line)
    }

    fn say(&self, line: &str) -> io::Result<()> {
        self.socket.write(&[line.as_bytes(), b"\r\n"], &[]).map(drop)
    }
}

/// Lets a viewer in, as the server.
pub(crate) fn serve(socket: &Socket, policy: Policy, timeout: Option<Duration>) -> io::Result<Authenticated> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut talk = Conversation { socket, deadline, lines: Vec::new() };
    if talk.byte()? != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first byte is not 0"));
    }
    let mut rejected = Vec::new();
    let identity = loop {
        let identity = attempt(&mut talk)?;
        if let Some(identity) = identity {
            if allowed(socket, policy, &identity)? {
                break identity;
            }
            rejected.push(identity);
        }
        talk.say("REJECTED EXTERNAL DBUS_COOKIE_SHA1")?;
    };
    talk.say(&format!("OK {GUID}"))?;
    let mut unix_fds = false;
    loop {
        match talk.line()?.as_str() {
            "BEGIN" => break,
            "NEGOTIATE_UNIX_FD" => {
                unix_fds = true;
                talk.say("AGREE_UNIX_FD")?;
            }
            _ => talk.say("ERROR \"Unknown Command\"")?,
        }
    }
    Ok(Authenticated { identity, rejected, unix_fds, lines: talk.lines })
}

/// One `AUTH`; `None` where it asks for a mechanism that there is not. GLib closes on anything else.
fn attempt(talk: &mut Conversation<'_>) -> io::Result<Option<Identity>> {
    let line = talk.line()?;
    let mut words = line.split(' ');
    if words.next() != Some("AUTH") {
        return Err(unexpected(&line));
    }
    if words.next() != Some("EXTERNAL") {
        return Ok(None);
    }
    if let Some(hex) = words.next() {
        return identity(hex).map(Some);
    }
    talk.say("DATA")?;
    let line = talk.line()?;
    let hex = line.strip_prefix("DATA").ok_or_else(|| unexpected(&line))?;
    identity(hex.trim_start()).map(Some)
}

fn unexpected(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected line {line:?}"))
}

fn identity(hex: &str) -> io::Result<Identity> {
    if hex.is_empty() {
        return Ok(Identity::Empty);
    }
    let digits = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(digits).collect();
    let bytes = bytes.ok_or_else(|| unexpected(hex))?;
    let uid = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
    Ok(uid.map_or_else(|| Identity::Other(hex.to_owned()), Identity::Uid))
}

fn allowed(socket: &Socket, policy: Policy, identity: &Identity) -> io::Result<bool> {
    let creator = match policy {
        Policy::Nobody => return Ok(false),
        Policy::CreatedBy(uid) => uid,
        Policy::SocketCreator | Policy::NoEmptyIdentity => socket.creator()?,
    };
    Ok(match identity {
        Identity::Empty => policy != Policy::NoEmptyIdentity,
        Identity::Uid(uid) => *uid == creator,
        Identity::Other(_) => false,
    })
}

/// Introduces itself to a bus, as a client.
pub(crate) fn introduce(socket: &Socket, timeout: Duration) -> io::Result<()> {
    let deadline = Some(Instant::now() + timeout);
    let mut talk = Conversation { socket, deadline, lines: Vec::new() };
    let uid = rustix::process::getuid().as_raw().to_string();
    let hex: String = uid.bytes().map(|byte| format!("{byte:02x}")).collect();
    talk.say(&format!("\0AUTH EXTERNAL {hex}"))?;
    expect(&mut talk, "OK")?;
    talk.say("NEGOTIATE_UNIX_FD")?;
    expect(&mut talk, "AGREE_UNIX_FD")?;
    talk.say("BEGIN")
}

fn expect(talk: &mut Conversation<'_>, word: &str) -> io::Result<()> {
    let line = talk.line()?;
    if line.split_whitespace().next() == Some(word) {
        return Ok(());
    }
    Err(io::Error::other(format!("the bus answered {line:?} where {word} was due")))
}
