//! Blocking reads and writes of a stream socket, with the descriptors that travel along.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, recvmsg, sendmsg, shutdown,
};

use crate::gate::{Ended, Gate};
use crate::wire::{FIXED_HEADER, Incoming};

/// The most descriptors one D-Bus message may carry here.
const MAX_FDS: usize = 16;
/// Bytes asked for at a time, while a message is small.
const CHUNK: usize = 64 << 10;

impl From<Ended> for io::Error {
    fn from(_: Ended) -> Self {
        io::Error::new(io::ErrorKind::ConnectionAborted, "the stand-in has ended")
    }
}

/// One end of a stream socket that stops with its stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    fd: Arc<OwnedFd>,
    gate: Arc<Gate>,
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd, gate: Arc<Gate>) -> Self {
        Self { fd: Arc::new(fd), gate }
    }

    pub(crate) fn downgrade(&self) -> std::sync::Weak<OwnedFd> {
        Arc::downgrade(&self.fd)
    }

    /// The uid that the kernel reports for the peer: of a socket pair, its creator's.
    pub(crate) fn creator(&self) -> io::Result<u32> {
        Ok(rustix::net::sockopt::socket_peercred(&self.fd)?.uid.as_raw())
    }

    /// Ends both directions and wakes whoever waits for this socket.
    pub(crate) fn shutdown(&self) {
        // Fails where the peer has gone already, which is as good.
        let _ = shutdown(&self.fd, Shutdown::Both);
    }

    pub(crate) fn shutdown_write(&self) {
        let _ = shutdown(&self.fd, Shutdown::Write);
    }

    /// Waits for `events`; false when `deadline` came first.
    fn wait(&self, events: PollFlags, deadline: Option<Instant>) -> io::Result<bool> {
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = left.map(timespec);
            let mut fds = [PollFd::new(&self.fd, events)];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads what there is, at most `into`'s length; 0 at the end of the stream.
    pub(crate) fn read(
        &self,
        into: &mut [u8],
        fds: &mut VecDeque<OwnedFd>,
        deadline: Option<Instant>,
    ) -> io::Result<usize> {
        loop {
            if !self.wait(PollFlags::IN, deadline)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.gate.pass_socket()?;
            match receive(self.fd.as_fd(), into, fds) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }

    /// Writes everything, and says for how long the socket was full.
    pub(crate) fn write(&self, parts: &[&[u8]], fds: &[OwnedFd]) -> io::Result<Duration> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut done = 0;
        let mut blocked = Duration::ZERO;
        while done < total {
            self.gate.pass_socket()?;
            match send(self.fd.as_fd(), parts, done, if done == 0 { fds } else { &[] }) {
                Ok(sent) => done += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let since = Instant::now();
                    self.wait(PollFlags::OUT, None)?;
                    blocked += since.elapsed();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(blocked)
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// One `recvmsg` that never waits.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    into: &mut [u8],
    fds: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("more descriptors than fit"));
    }
    Ok(got.bytes)
}

/// One `sendmsg` that never waits, of `parts` from byte `skip` on.
fn send(socket: BorrowedFd<'_>, parts: &[&[u8]], mut skip: usize, fds: &[OwnedFd]) -> io::Result<usize> {
    let mut slices = Vec::with_capacity(parts.len());
    for part in parts {
        let from = skip.min(part.len());
        skip -= from;
        if from < part.len() {
            slices.push(IoSlice::new(&part[from..]));
        }
    }
    let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::other("more descriptors than fit"));
    }
    Ok(sendmsg(socket, &slices, &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}

/// Takes whole messages off a socket.
#[derive(Debug)]
pub(crate) struct MessageReader {
    socket: Socket,
    bytes: Vec<u8>,
    fds: VecDeque<OwnedFd>,
}

impl MessageReader {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, bytes: Vec::new(), fds: VecDeque::new() }
    }

    /// The next message; `None` at a clean end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            if let Some(length) = self.whole()? {
                let rest = self.bytes.split_off(length);
                let message = std::mem::replace(&mut self.bytes, rest);
                return self.finish(message).map(Some);
            }
            let old = self.bytes.len();
            self.bytes.resize(old + CHUNK, 0);
            let got = self.socket.read(&mut self.bytes[old..], &mut self.fds, None);
            self.bytes.truncate(old + *got.as_ref().unwrap_or(&0));
            if got? == 0 {
                return Ok(None);
            }
        }
    }

    /// The length of the first message, once all of it is here.
    fn whole(&self) -> io::Result<Option<usize>> {
        let Some(fixed) = self.bytes.first_chunk::<FIXED_HEADER>() else {
            return Ok(None);
        };
        let length = Incoming::length(fixed).ok_or_else(|| invalid("not a D-Bus message"))?;
        Ok((self.bytes.len() >= length).then_some(length))
    }

    fn finish(&mut self, bytes: Vec<u8>) -> io::Result<Incoming> {
        let mut message = Incoming::parse(bytes).map_err(invalid)?;
        let wanted = message.fd_count.min(self.fds.len());
        message.fds = self.fds.drain(..wanted).collect();
        Ok(message)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
