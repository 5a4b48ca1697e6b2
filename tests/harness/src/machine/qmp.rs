//! A small client of QEMU's control protocol (docs/interop/qmp-spec).

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::error::{Doing, Error, Result};

/// How long a command may take.
const ANSWER: Duration = Duration::from_secs(90);

/// A connection on which commands are executed one at a time.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    /// Bytes of a message that has not arrived whole.
    partial: Vec<u8>,
    events: VecDeque<Value>,
}

impl Qmp {
    /// Connects, reads the greeting and leaves the negotiation behind.
    ///
    /// # Errors
    /// When nobody greets: a QMP socket serves one client at a time.
    pub fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path).doing("connect to QMP")?;
        let mut qmp = Self { reader: BufReader::new(stream), partial: Vec::new(), events: VecDeque::new() };
        let greeting = qmp.message(Instant::now() + ANSWER)?;
        if greeting.as_ref().is_none_or(|greeting| greeting.get("QMP").is_none()) {
            return Err(Error::failed("QMP does not greet; is another client connected?"));
        }
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes a command and gives what it returns.
    ///
    /// # Errors
    /// QEMU's own words when it refuses.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let text = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.reader.get_mut().write_all(text.as_bytes()).doing("write to QMP")?;
        let deadline = Instant::now() + ANSWER;
        while let Some(mut message) = self.message(deadline)? {
            if message.get("event").is_some() {
                self.events.push_back(message);
            } else if let Some(error) = message.get("error") {
                return Err(Error::failed(format_args!("QEMU refuses {command}: {}", error["desc"])));
            } else {
                return Ok(message["return"].take());
            }
        }
        Err(Error::Timeout { what: format!("answer to {command}"), limit: ANSWER, detail: String::new() })
    }

    /// Waits for an event of this name; earlier ones of other names are forgotten.
    ///
    /// # Errors
    /// When none comes within `limit`, or QEMU ends.
    pub fn wait_for(&mut self, event: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let next = match self.events.pop_front() {
                Some(next) => next,
                None => self.message(deadline)?.ok_or_else(|| Error::Timeout {
                    what: format!("event {event} of QEMU"),
                    limit,
                    detail: String::new(),
                })?,
            };
            if next["event"] == event {
                return Ok(next);
            }
        }
    }

    fn message(&mut self, deadline: Instant) -> Result<Option<Value>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.reader.get_ref().set_read_timeout(Some(left)).doing("set a time limit")?;
            match self.reader.read_until(b'\n', &mut self.partial) {
                Ok(0) => return Err(Error::failed("QEMU has ended")),
                Ok(_) if self.partial.ends_with(b"\n") => {
                    let line = std::mem::take(&mut self.partial);
                    return serde_json::from_slice(&line).map(Some).map_err(Error::failed);
                }
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error).doing("read from QMP"),
            }
        }
    }
}
