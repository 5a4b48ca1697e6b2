//! The client's side of D-Bus authentication: SASL EXTERNAL on a connected socket.
//!
//! QEMU's GLib takes a client whose uid is that of the socket's other end, which is whoever made
//! the socket pair. That need not be us: over libvirt's `virDomainOpenGraphicsFD` it is root. The
//! empty identity, which GLib 2.74 and later take as 'whoever I can see you are', gets in then
//! (GLib gio/gdbusauthmechanismexternal.c).

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use thiserror::Error;

/// The longest line that a server has reason to send, in bytes.
const MAX_LINE: usize = 1024;

/// Why the peer did not let us in.
#[derive(Debug, Error)]
pub enum AuthError {
    /// It said nothing, or not enough.
    #[error("the peer did not finish authentication in time")]
    TimedOut,
    /// It takes neither our user nor an empty identity.
    #[error("the peer refuses this user (it offers: {0})")]
    Rejected(String),
    /// It does not pass descriptors, without which there are no frames.
    #[error("the peer does not pass file descriptors: {0}")]
    NoDescriptors(String),
    /// It does not speak D-Bus.
    #[error("not a D-Bus server: {0:?}")]
    Nonsense(String),
    /// The connection failed.
    #[error("the connection failed during authentication: {0}")]
    Io(io::Error),
}

impl From<io::Error> for AuthError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}

/// What the server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// 32 hexadecimal digits.
    pub guid: String,
}

/// Authenticates, and leaves the socket where the first message begins.
///
/// Blocks for at most `deadline`. The socket is in blocking mode afterwards.
///
/// # Errors
///
/// When the peer does not let us in, or is silent.
pub fn authenticate(socket: &UnixStream, deadline: Duration) -> Result<Greeting, AuthError> {
    socket.set_nonblocking(false)?;
    let mut talk = Talk { socket, until: Instant::now() + deadline, unread: Vec::new() };
    talk.write(b"\0")?;
    let guid = talk.log_in()?;
    let reply = talk.ask("NEGOTIATE_UNIX_FD")?;
    if reply != "AGREE_UNIX_FD" {
        return Err(AuthError::NoDescriptors(reply));
    }
    talk.write(b"BEGIN\r\n")?;
    talk.end()?;
    Ok(Greeting { guid })
}

/// A conversation in lines, with an end.
struct Talk<'a> {
    socket: &'a UnixStream,
    until: Instant,
    unread: Vec<u8>,
}

impl Talk<'_> {
    /// Says who we are, then that the server may see for itself; returns the server's GUID.
    fn log_in(&mut self) -> Result<String, AuthError> {
        let uid = rustix::process::geteuid().as_raw().to_string();
        let hex: String = uid.bytes().map(|digit| format!("{digit:02x}")).collect();
        let mut reply = self.ask(&format!("AUTH EXTERNAL {hex}"))?;
        if reply.starts_with("REJECTED") {
            reply = self.ask("AUTH EXTERNAL")?;
            if reply.trim_end() == "DATA" {
                reply = self.ask("DATA")?;
            }
        }
        match reply.split_once(' ').unwrap_or((&reply, "")) {
            ("OK", guid) if guid.len() == 32 && guid.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(guid.to_owned())
            }
            ("REJECTED", offers) => Err(AuthError::Rejected(offers.to_owned())),
            _ => Err(AuthError::Nonsense(reply)),
        }
    }

    fn ask(&mut self, line: &str) -> Result<String, AuthError> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.read_line()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), AuthError> {
        self.socket.set_write_timeout(Some(self.remaining()?))?;
        Ok(self.socket.write_all(bytes)?)
    }

    fn read_line(&mut self) -> Result<String, AuthError> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.unread[..end]).into_owned();
                self.unread.drain(..end + 2);
                return Ok(line);
            }
            if self.unread.len() >= MAX_LINE {
                return Err(AuthError::Nonsense(String::from_utf8_lossy(&self.unread[..64]).into_owned()));
            }
            self.read_some()?;
        }
    }

    fn read_some(&mut self) -> Result<(), AuthError> {
        self.socket.set_read_timeout(Some(self.remaining()?))?;
        let mut bytes = [0; 256];
        match self.socket.read(&mut bytes) {
            Ok(0) => Err(AuthError::Io(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// No message may have come yet: a server sends none before it has read our `BEGIN`.
    fn end(self) -> Result<(), AuthError> {
        if !self.unread.is_empty() {
            return Err(AuthError::Nonsense(String::from_utf8_lossy(&self.unread).into_owned()));
        }
        self.socket.set_read_timeout(None)?;
        self.socket.set_write_timeout(None)?;
        Ok(())
    }

    fn remaining(&self) -> Result<Duration, AuthError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(AuthError::TimedOut) } else { Ok(left) }
    }
}
