//! A test in the place of a guest's agent: SPICE's agent protocol (spice/vd_agent.h) over a UART whose
//! registers are worked through `-qtest`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::session_watch::eventually;

/// The second serial port of a PC: its data, and whether there is any.
const DATA: u16 = 0x2f8;
const LINE_STATUS: u16 = DATA + 5;
const DATA_READY: u8 = 1;

/// Registers that are read with one write to the socket.
const BATCH: usize = 64;

const CLIENT_PORT: u32 = 1;
const PROTOCOL: u32 = 1;
const CLIPBOARD: u32 = 4;
const ANNOUNCE: u32 = 6;
const GRAB: u32 = 7;
const REQUEST: u32 = 8;
const RELEASE: u32 = 9;
/// By demand, selections, serials.
const CAPABILITIES: u32 = 1 << 5 | 1 << 6 | 1 << 17;
const UTF8_TEXT: u32 = 1;

/// Bytes of the header of a chunk and of a message.
const CHUNK: usize = 8;
const HEADER: usize = 20;

/// What QEMU's end of the agent says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Announce,
    Grab { serial: u32 },
    Release,
    Request,
    Text(Vec<u8>),
}

pub(super) struct Agent {
    socket: BufReader<UnixStream>,
    /// Bytes that were read and not used.
    received: Vec<u8>,
}

impl Agent {
    pub(super) fn connect(path: &Path) -> Self {
        let mut found = None;
        eventually("QEMU listens", || {
            found = UnixStream::connect(path).ok();
            found.is_some()
        });
        let socket = found.expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // QEMU speaks while it sets the port up, and resets the port before the machine starts: the
        // one byte that it holds is lost.
        Self { socket: BufReader::new(socket), received: words(&[CLIENT_PORT])[..1].to_vec() }
    }

    /// Says what it can do, as asked.
    pub(super) fn announce(&mut self) {
        assert_eq!(self.read(), Message::Announce);
        self.send(ANNOUNCE, &words(&[0, CAPABILITIES]));
    }

    /// Something was copied in the guest.
    pub(super) fn grab(&mut self, serial: u32) {
        self.send(GRAB, &words(&[0, serial, UTF8_TEXT]));
    }

    pub(super) fn release(&mut self) {
        self.send(RELEASE, &words(&[0]));
    }

    /// Something is pasted in the guest.
    pub(super) fn request(&mut self) {
        self.send(REQUEST, &words(&[0, UTF8_TEXT]));
    }

    /// Gives what was copied in the guest.
    pub(super) fn give(&mut self, text: &[u8]) {
        let mut body = words(&[0, UTF8_TEXT]);
        body.extend_from_slice(text);
        self.send(CLIPBOARD, &body);
    }

    /// The next message.
    pub(super) fn read(&mut self) -> Message {
        let mut message = self.chunk();
        while message.len() < HEADER + word(&message, 16) as usize {
            let more = self.chunk();
            message.extend(more);
        }
        let body = &message[HEADER..];
        match word(&message, 4) {
            ANNOUNCE => Message::Announce,
            GRAB => Message::Grab { serial: word(body, 4) },
            RELEASE => Message::Release,
            REQUEST => Message::Request,
            CLIPBOARD => Message::Text(body[8..].to_vec()),
            other => panic!("QEMU sends a message of type {other}"),
        }
    }

    /// How long the text message is that comes next, in bytes; it is not read.
    pub(super) fn begin(&mut self) -> usize {
        let header = self.take(CHUNK + HEADER);
        assert_eq!(word(&header, CHUNK + 4), CLIPBOARD);
        word(&header, CHUNK + 16) as usize
    }

    fn send(&mut self, kind: u32, body: &[u8]) {
        let mut message = words(&[PROTOCOL, kind, 0, 0, u32::try_from(body.len()).unwrap()]);
        message.extend_from_slice(body);
        let mut bytes = words(&[CLIENT_PORT, u32::try_from(message.len()).unwrap()]);
        bytes.extend(message);
        let writes: Vec<_> = bytes.into_iter().map(|byte| (DATA, byte)).collect();
        self.write_registers(&writes);
    }

    fn chunk(&mut self) -> Vec<u8> {
        let header = self.take(CHUNK);
        assert_eq!(word(&header, 0), CLIENT_PORT);
        self.take(word(&header, 4) as usize)
    }

    /// So many bytes, as soon as they are there.
    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            let pairs = [LINE_STATUS, DATA].repeat(BATCH);
            let values = self.read_registers(&pairs);
            let ready = values.chunks(2).filter(|pair| pair[0] & DATA_READY != 0);
            self.received.extend(ready.map(|pair| pair[1]));
        }
        self.received.drain(..length).collect()
    }

    fn write_registers(&mut self, writes: &[(u16, u8)]) {
        for writes in writes.chunks(BATCH) {
            let commands = writes.iter().map(|(port, value)| format!("outb {port:#x} {value:#x}\n"));
            self.command(&commands.collect::<String>());
            writes.iter().for_each(|_| drop(self.answer()));
        }
    }

    fn read_registers(&mut self, ports: &[u16]) -> Vec<u8> {
        self.command(&ports.iter().map(|port| format!("inb {port:#x}\n")).collect::<String>());
        ports.iter().map(|_| u8::from_str_radix(&self.answer(), 16).expect("a byte")).collect()
    }

    fn command(&mut self, lines: &str) {
        self.socket.get_mut().write_all(lines.as_bytes()).unwrap();
    }

    /// What follows "OK", without its "0x".
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).expect("QEMU answers");
        let value = line.trim().strip_prefix("OK").unwrap_or_else(|| panic!("QEMU says {line:?}"));
        let digits = value.trim().trim_start_matches("0x").trim_start_matches('0');
        if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    }
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
