//! The serial port: reports out, commands in, one line each.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::options::Command;

/// What starts every line that we write, so that it is told from the firmware's and the kernel's.
const PREFIX: &str = "oriel-guest: ";

/// Bytes held for a reader that does not read; lines beyond are dropped and counted.
const MOST_WAITING: usize = 256 * 1024;

/// A command longer than this is none.
const LONGEST_COMMAND: usize = 256;

/// The first serial port, never waited for.
#[derive(Debug)]
pub(crate) struct Serial {
    port: OwnedFd,
    waiting: VecDeque<u8>,
    dropped: u64,
    incoming: Vec<u8>,
}

impl Serial {
    pub(crate) fn open() -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port = open("/dev/ttyS0", flags, Mode::empty())?;
        let mut terminal = tcgetattr(&port)?;
        // No echo of commands, no carriage returns in reports.
        terminal.make_raw();
        tcsetattr(&port, OptionalActions::Now, &terminal)?;
        // The firmware leaves an unfinished line of terminal commands.
        Ok(Self { port, waiting: VecDeque::from([b'\n']), dropped: 0, incoming: Vec::new() })
    }

    /// Writes one line, now or as soon as the port takes it.
    pub(crate) fn report(&mut self, line: impl fmt::Display) {
        if self.dropped > 0 && self.waiting.len() < MOST_WAITING / 2 {
            let dropped = std::mem::take(&mut self.dropped);
            self.enqueue(format_args!("lost {dropped} lines"));
        }
        self.enqueue(format_args!("{line}"));
        self.flush();
    }

    fn enqueue(&mut self, line: fmt::Arguments<'_>) {
        if self.waiting.len() > MOST_WAITING {
            self.dropped += 1;
            return;
        }
        self.waiting.extend(format!("{PREFIX}{line}\n").bytes());
    }

    /// What the port can do now that we wait for.
    pub(crate) fn interest(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT }
    }

    /// Writes what the port takes without waiting.
    pub(crate) fn flush(&mut self) {
        while !self.waiting.is_empty() {
            match rustix::io::write(&self.port, self.waiting.as_slices().0) {
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Writes everything, but waits no longer than `patience` for each piece.
    pub(crate) fn drain(&mut self, patience: &Timespec) {
        self.flush();
        while !self.waiting.is_empty() {
            let mut ready = [PollFd::new(&self.port, PollFlags::OUT)];
            if !matches!(poll(&mut ready, Some(patience)), Ok(1..)) {
                return;
            }
            self.flush();
        }
        // Ignored: there is nobody left to tell.
        let _ = rustix::termios::tcdrain(&self.port);
    }

    /// The commands that have arrived, and the lines that are none.
    pub(crate) fn commands(&mut self) -> Vec<Result<Command, String>> {
        let mut bytes = [0; 512];
        while let Ok(length @ 1..) = rustix::io::read(&self.port, &mut bytes) {
            self.incoming.extend_from_slice(&bytes[..length]);
        }
        let lines = take_lines(&mut self.incoming);
        if self.incoming.len() > LONGEST_COMMAND {
            self.incoming.clear();
        }
        let parse = |line: String| Command::parse(&line).ok_or(line);
        lines.into_iter().map(parse).collect()
    }
}

impl AsFd for Serial {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
}

/// Removes the complete lines; empty ones mean nothing.
fn take_lines(bytes: &mut Vec<u8>) -> Vec<String> {
    let Some(end) = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) else {
        return Vec::new();
    };
    let complete: Vec<u8> = bytes.drain(..=end).collect();
    let text = String::from_utf8_lossy(&complete);
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_when_complete() {
        let mut bytes = b"blank\r\nun".to_vec();
        assert_eq!(take_lines(&mut bytes), ["blank"]);
        assert!(take_lines(&mut bytes).is_empty());
        bytes.extend(b"blank\rpaint still\n\n");
        assert_eq!(take_lines(&mut bytes), ["unblank", "paint still"]);
        assert!(bytes.is_empty());
    }
}
