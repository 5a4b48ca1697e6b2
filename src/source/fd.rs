//! A connected socket that this process was started with.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::SocketType;

use super::ConnectError;

/// A connected stream socket, until it is used.
#[derive(Debug)]
pub struct Inherited(Mutex<Option<OwnedFd>>);

impl Inherited {
    /// Takes the descriptor with this number, which this process was started with and which nothing
    /// else in it may use: call this before anything is opened.
    ///
    /// # Errors
    ///
    /// When there is no such descriptor, or it is no connected stream socket.
    pub fn take(number: u32) -> Result<Self, ConnectError> {
        let refused =
            |error: String| ConnectError::Descriptor { number: i32::try_from(number).unwrap_or(-1), error };
        let raw = RawFd::try_from(number).map_err(|_| refused("there is no such descriptor".into()))?;
        if raw < 3 {
            return Err(refused("0, 1 and 2 are the standard streams; expected 3 or above".into()));
        }
        // SAFETY: `raw` is not -1, and is borrowed for one system call, which says whether it is
        // open.
        let is_open = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(raw) });
        is_open.map_err(|_| refused("it is not open: expected the number of an inherited socket".into()))?;
        // SAFETY: it is open; whoever started this process opened it and gave it to us by number,
        // and the caller sees to it that nothing else here holds it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(raw) };
        // What we start must not inherit it in turn.
        rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)
            .map_err(|error| refused(error.to_string()))?;
        Self::new(descriptor)
    }

    /// Takes a descriptor of a connected stream socket.
    ///
    /// # Errors
    ///
    /// When it is another kind of file.
    pub fn new(descriptor: OwnedFd) -> Result<Self, ConnectError> {
        match check(descriptor.as_fd()) {
            Ok(()) => Ok(Self(Mutex::new(Some(descriptor)))),
            Err(error) => Err(ConnectError::Descriptor { number: descriptor.as_raw_fd(), error }),
        }
    }

    /// The socket, once.
    pub(super) fn use_up(&self) -> Result<UnixStream, ConnectError> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map(UnixStream::from).ok_or(ConnectError::UsedUp)
    }
}

fn check(descriptor: BorrowedFd<'_>) -> Result<(), String> {
    const EXPECTED: &str = "expected a connected stream socket";
    let kind = rustix::net::sockopt::socket_type(descriptor).map_err(|error| match error {
        Errno::NOTSOCK => format!("it is no socket; {EXPECTED}"),
        error => format!("{error}; {EXPECTED}"),
    })?;
    if kind != SocketType::STREAM {
        return Err(format!("it is a socket of another type; {EXPECTED}"));
    }
    let domain = rustix::net::sockopt::socket_domain(descriptor).map_err(|error| error.to_string())?;
    if domain != rustix::net::AddressFamily::UNIX {
        return Err(format!("it is no Unix socket; {EXPECTED} of that family"));
    }
    rustix::net::getpeername(descriptor).map_err(|_| format!("it is not connected; {EXPECTED}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    fn refusal(descriptor: impl Into<OwnedFd>) -> String {
        Inherited::new(descriptor.into()).expect_err("it is refused").to_string()
    }

    #[test]
    fn only_connected_stream_sockets_are_taken() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let inherited = Inherited::new(ours.into()).unwrap();
        assert!(inherited.use_up().is_ok());
        assert!(matches!(inherited.use_up(), Err(ConnectError::UsedUp)));

        assert!(refusal(std::fs::File::open("/dev/null").unwrap()).contains("it is no socket"));
        assert!(refusal(UnixDatagram::unbound().unwrap()).contains("another type"));
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place.path().join("socket")).unwrap();
        assert!(refusal(listener).contains("not connected"));
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(refusal(tcp).contains("no Unix socket"));
    }

    #[test]
    fn numbers_that_are_not_open_are_refused() {
        let closed = Inherited::take(1_000_000).expect_err("it is refused").to_string();
        assert!(closed.contains("not open"), "{closed}");
        assert!(Inherited::take(1).is_err());
        assert!(Inherited::take(u32::MAX).is_err());
    }
}
