//! Lines of JSON on a socket, with descriptors beside them, and what a line from QEMU can be.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde_json::Value;
use zruntime::{AsyncIo, Shared, SharedRuntime};

/// The longest line that is read, in bytes: far beyond what any reply or event takes.
const LONGEST: usize = 1 << 20;

/// What QEMU said in one line.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The first line; QEMU's version, as "10.0.2 (Debian 1:10.0.2+ds-2)".
    Greeting {
        version: Option<String>,
    },
    /// The result of a command, or QEMU's words for why there is none.
    Reply {
        id: u64,
        result: Result<Value, String>,
    },
    Event {
        name: String,
        data: Value,
    },
    /// Nothing that QMP knows; its beginning.
    Other(String),
}

impl Line {
    fn parse(line: &[u8]) -> Self {
        let Ok(mut value) = serde_json::from_slice::<Value>(line) else { return Self::other(line) };
        if let Some(greeting) = value.get("QMP") {
            return Self::Greeting { version: version(&greeting["version"]) };
        }
        if let Some(name) = value["event"].as_str() {
            return Self::Event { name: name.to_owned(), data: value["data"].take() };
        }
        let Some(id) = value["id"].as_u64() else { return Self::other(line) };
        if let Some(result) = value.get_mut("return") {
            return Self::Reply { id, result: Ok(result.take()) };
        }
        match value["error"]["desc"].as_str() {
            Some(words) => Self::Reply { id, result: Err(words.to_owned()) },
            None => Self::other(line),
        }
    }

    fn other(line: &[u8]) -> Self {
        let text: String = String::from_utf8_lossy(line).trim().chars().filter(|c| !c.is_control()).collect();
        Self::Other(text.chars().take(60).collect())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting { .. } => f.write_str("it sends its greeting twice"),
            Self::Reply { .. } => f.write_str("it answers what was not asked"),
            Self::Event { name, .. } => write!(f, "it tells of {name} before the greeting"),
            Self::Other(text) => write!(f, "it says '{text}'"),
        }
    }
}

/// QEMU's version in words (qapi/control.json, `VersionInfo`).
fn version(info: &Value) -> Option<String> {
    let number = |part: &str| info["qemu"][part].as_u64();
    let (major, minor, micro) = (number("major")?, number("minor")?, number("micro")?);
    let package = info["package"].as_str().map(str::trim).filter(|package| !package.is_empty());
    let package =
        package.map(|package| format!(" ({})", package.trim_matches(['(', ')']))).unwrap_or_default();
    Some(format!("{major}.{minor}.{micro}{package}"))
}

/// A socket that speaks in lines.
#[derive(Debug)]
pub(super) struct Lines {
    io: AsyncIo<UnixStream, Shared>,
    /// What has been read and not yet handed out.
    buffer: Vec<u8>,
    /// So much of the buffer holds no end of a line.
    searched: usize,
}

impl Lines {
    pub(super) fn new(runtime: &SharedRuntime, stream: UnixStream) -> io::Result<Self> {
        Ok(Self { io: AsyncIo::new(runtime, stream)?, buffer: Vec::new(), searched: 0 })
    }

    /// The next line; `None` at the end. May be given up at any moment without losing anything.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=self.searched + length).collect();
                self.searched = 0;
                return Ok(Some(Line::parse(&line)));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end"));
            }
            let mut chunk = [0; 4096];
            let read = self.io.read_with(|mut stream| io::Read::read(&mut stream, &mut chunk)).await;
            match read {
                Ok(0) => return Ok(None),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a line, and with its first byte the descriptor.
    pub(super) async fn send(&self, line: &[u8], mut descriptor: Option<&OwnedFd>) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            let sent = self.io.write_with(|stream| send_some(stream, rest, descriptor)).await?;
            descriptor = None;
            rest = &rest[sent..];
        }
        Ok(())
    }
}

fn send_some(stream: &UnixStream, bytes: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor.as_fd()]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    Ok(rustix::net::sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let greeting = Line::parse(br#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#);
        assert_eq!(greeting, Line::Greeting { version: None });
        let greeting = Line::parse(
            br#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Debian 1:10.0.2"}}}"#,
        );
        assert_eq!(greeting, Line::Greeting { version: Some("10.0.2 (Debian 1:10.0.2)".into()) });
        let reply = Line::parse(br#"{"return": {}, "id": 7}"#);
        assert_eq!(reply, Line::Reply { id: 7, result: Ok(serde_json::json!({})) });
        let refusal = Line::parse(br#"{"id": 8, "error": {"class": "GenericError", "desc": "no"}}"#);
        assert_eq!(refusal, Line::Reply { id: 8, result: Err("no".into()) });
        let event = Line::parse(br#"{"timestamp": {}, "event": "STOP"}"#);
        assert_eq!(event, Line::Event { name: "STOP".into(), data: Value::Null });
    }

    #[test]
    fn what_is_not_qmp_is_quoted_briefly() {
        let monitor = Line::parse(b"QEMU 10.0.2 monitor - type 'help' for more information\r\n");
        assert_eq!(monitor.to_string(), "it says 'QEMU 10.0.2 monitor - type 'help' for more information'");
        let Line::Other(text) = Line::parse(&[b'x'; 5000]) else { panic!("that is no line of QMP") };
        assert_eq!(text.len(), 60);
    }
}
