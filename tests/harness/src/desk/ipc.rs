//! Sway's control protocol, sway-ipc(7): JSON in small frames over a socket.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::error::{Doing, Error, Result};

const MAGIC: &[u8; 6] = b"i3-ipc";

/// How long sway may take to answer; a command waits for clients to redraw, 200 ms each at most.
const ANSWER: Duration = Duration::from_secs(60);

/// A question that sway answers.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Ask {
    /// Run the commands in the payload, as `swaymsg` would.
    Command = 0,
    /// All outputs.
    Outputs = 3,
    /// All windows, in their containers.
    Tree = 4,
    /// Input devices.
    Inputs = 100,
}

const SUBSCRIBE: u32 = 2;

/// A connection to a sway.
#[derive(Debug)]
pub struct Ipc {
    socket: UnixStream,
}

impl Ipc {
    /// Connects to the socket that `SWAYSOCK` names.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(path: &Path) -> Result<Self> {
        let socket = UnixStream::connect(path).doing("connect to sway")?;
        Ok(Self { socket })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When sway goes away or does not answer in time.
    pub fn ask(&mut self, question: Ask, payload: &str) -> Result<Value> {
        self.call(question as u32, payload)
    }

    /// Runs commands; every one has to succeed.
    ///
    /// # Errors
    /// Sway's own words when it refuses one.
    pub fn run(&mut self, commands: &str) -> Result<()> {
        let answers = self.ask(Ask::Command, commands)?;
        let refused = answers.as_array().into_iter().flatten().find(|answer| answer["success"] != true);
        match refused {
            None => Ok(()),
            Some(answer) => {
                let why = answer["error"].as_str().unwrap_or("no reason given");
                Err(Error::failed(format_args!("sway refuses '{commands}': {why}")))
            }
        }
    }

    /// From now on this connection hears of events of these kinds ("window", "output", ...).
    ///
    /// # Errors
    /// When sway does not know a kind.
    pub fn subscribe(&mut self, kinds: &[&str]) -> Result<()> {
        let answer = self.call(SUBSCRIBE, &serde_json::json!(kinds).to_string())?;
        if answer["success"] == true {
            Ok(())
        } else {
            Err(Error::failed(format_args!("sway knows no {kinds:?}")))
        }
    }

    /// The next event, or nothing when none came before `deadline`.
    ///
    /// # Errors
    /// When sway goes away.
    pub fn event(&mut self, deadline: Instant) -> Result<Option<Value>> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        // Only the wait for the first byte may time out: a frame that has begun is read whole.
        self.socket.set_read_timeout(Some(left)).doing("set a time limit")?;
        let mut first = [0];
        match self.socket.read(&mut first) {
            Ok(0) => Err(Error::failed("sway has gone away")),
            Ok(_) => Ok(Some(self.read_rest(&first)?.1)),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).doing("wait for an event of sway"),
        }
    }

    fn call(&mut self, kind: u32, payload: &str) -> Result<Value> {
        let mut frame = MAGIC.to_vec();
        let length = u32::try_from(payload.len()).map_err(Error::failed)?;
        frame.extend(length.to_ne_bytes());
        frame.extend(kind.to_ne_bytes());
        frame.extend(payload.as_bytes());
        self.socket.write_all(&frame).doing("ask sway")?;
        loop {
            let (answered, value) = self.read_rest(&[])?;
            if answered == kind {
                return Ok(value);
            }
        }
    }

    /// Reads a frame of which `begun` has been read already.
    fn read_rest(&mut self, begun: &[u8]) -> Result<(u32, Value)> {
        self.socket.set_read_timeout(Some(ANSWER)).doing("set a time limit")?;
        let mut head = [0; 14];
        head[..begun.len()].copy_from_slice(begun);
        self.socket.read_exact(&mut head[begun.len()..]).doing("read sway's answer")?;
        if &head[..6] != MAGIC {
            return Err(Error::failed("sway's answer does not begin as it should"));
        }
        let number = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let mut payload = vec![0; number(6) as usize];
        self.socket.read_exact(&mut payload).doing("read sway's answer")?;
        Ok((number(10), serde_json::from_slice(&payload).map_err(Error::failed)?))
    }
}
