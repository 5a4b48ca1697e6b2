//! The connection that QEMU sends a console's frames over: one ordered loop, on a thread of its own.
//!
//! ```text
//!  socket ──▶ buffer ──▶ wire ──▶ decode ──▶ Mailbox::apply ──▶ presenter
//!    ▲                                            │                 │ drops its Ack
//!    └──────────── replies ◀── Tickets ◀──────────┴─────────────────┘
//! ```
//!
//! The loop waits for nothing but its socket, the bell that a dropped [`Ack`](crate::frame::Ack)
//! rings, and the mailbox's next deadline. QEMU's main loop stands still while it waits for the
//! answers to `GetAll` and `ScanoutMap`, and a virtio guest while it waits for `UpdateDMABUF`.

mod answer;
mod complaints;
mod incoming;
mod outgoing;
mod serving;
mod tickets;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use futures_util::StreamExt;
use rustix::net::{Shutdown, shutdown, sockopt};
use thiserror::Error;
use zbus::message::Type;
use zbus::{MessageStream, OwnedFd};

use self::serving::Serving;
use self::tickets::Bell;
use super::auth::{self, AuthError};
use super::console::Console;
use super::peer::CallError;
use super::wire::Malformed;
use super::{AUTH_DEADLINE, member};
use crate::clock;
use crate::frame::{Event, Mailbox};
use crate::geometry::{Guest, Size};
use crate::stats::Stats;

/// What QEMU may write ahead of us, in bytes, as far as the kernel allows: a large picture then
/// takes fewer turns.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Why QEMU sends no frames.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// `RegisterListener` failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// QEMU took the listener but does not speak to it.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// No socket or no thread could be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Who waits for the replies to updates.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The guest: it draws no faster than its pictures are taken (virtio-gpu, whose command queue
    /// stands still meanwhile: hw/display/virtio-gpu-base.c, `virtio_gpu_gl_block`).
    #[default]
    Screen,
    /// Nobody: QEMU polls the device and says so each time (hw/vfio/display.c, which has no
    /// `gl_block`). A reply that is owed only keeps a call open.
    AtOnce,
}

/// Where a console's frames go, and how they are answered.
#[derive(Debug, Clone)]
pub struct Frames {
    pub mailbox: Arc<Mailbox>,
    /// Where they are counted.
    pub stats: Arc<Stats>,
    pub pace: Pace,
}

/// What a listener tells its session, from its own thread.
#[derive(Debug)]
pub enum Report {
    /// A scanout was lost: drop this listener and register again, and QEMU sends it once more.
    Resync,
    /// No frames will come any more. The last thing that is said, and not said of a listener that
    /// was dropped.
    Closed(Closed),
}

/// Why a listener ended.
#[derive(Debug, Error)]
pub enum Closed {
    /// The peer closed the connection, maybe in the middle of a message.
    #[error("the display connection was closed")]
    Ended,
    /// The peer did something that leaves no way to go on.
    #[error("the display connection broke: {0}")]
    Broken(&'static str),
    /// The connection failed.
    #[error("the display connection failed: {0}")]
    Io(#[from] std::io::Error),
}

impl From<Malformed> for Closed {
    fn from(Malformed(problem): Malformed) -> Self {
        Self::Broken(problem)
    }
}

/// A registered listener. Dropping it closes the connection and waits for its thread.
#[derive(Debug)]
pub struct Listener {
    socket: UnixStream,
    bell: Arc<Bell>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Asks QEMU for a console's frames.
    ///
    /// QEMU replies first and is the server of the authentication that follows, both from its main
    /// loop (ui/dbus-console.c, `dbus_console_register_listener`): so the call is sent, and then the
    /// listener's thread authenticates while the reply is awaited.
    ///
    /// `report` is called from the listener's thread; it must not block, nor drop the listener.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or does not answer in time.
    pub async fn register(
        console: &Console,
        frames: Frames,
        report: impl Fn(Report) + Send + 'static,
    ) -> Result<Self, RegisterError> {
        let (ours, theirs) = UnixStream::pair()?;
        sockopt::set_socket_send_buffer_size(&theirs, SOCKET_BUFFER).map_err(std::io::Error::from)?;
        let peer = console.peer();
        let mut replies = MessageStream::from(peer.connection());
        let call = peer
            .message(console.path(), member::REGISTER_LISTENER)
            .build(&OwnedFd::from(std::os::fd::OwnedFd::from(theirs)))
            .map_err(CallError::from)?;
        let serial = call.primary_header().serial_num();
        peer.in_time(peer.connection().send(&call)).await?;
        // With it goes our copy of QEMU's end: if QEMU drops its own, we notice.
        drop(call);

        let (listener, authenticated) = Self::start(console.id(), ours, frames, report)?;
        peer.in_time(async {
            while let Some(message) = replies.next().await {
                let message = message?;
                match message.message_type() {
                    _ if message.header().reply_serial() != Some(serial) => {}
                    Type::Error => return Err(zbus::Error::from(message)),
                    _ => return Ok(()),
                }
            }
            Err(zbus::Error::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)))
        })
        .await?;
        drop(replies);
        match authenticated.recv().await {
            Ok(result) => result?,
            Err(_) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        }
        Ok(listener)
    }

    /// Passes on the console's `Width` and `Height`, which arrive elsewhere: a framebuffer that
    /// differs from them for long is made to fit.
    pub fn set_console_size(&self, size: Size<Guest>) {
        self.bell.tell_size(size);
    }

    /// Serves a listener on a socket whose other end QEMU has, or will have.
    fn start(
        console: u32,
        socket: UnixStream,
        frames: Frames,
        report: impl Fn(Report) + Send + 'static,
    ) -> Result<(Self, async_channel::Receiver<Result<(), AuthError>>), std::io::Error> {
        let (done, authenticated) = async_channel::bounded(1);
        let closing = Arc::new(AtomicBool::new(false));
        let bell = Arc::new(Bell::new()?);
        let ours = socket.try_clone()?;
        let (handle, rung) = (closing.clone(), bell.clone());
        let name = format!("oriel-listener-{console}");
        let thread = thread::Builder::new().name(name).spawn(move || {
            let result = auth::authenticate(&ours, AUTH_DEADLINE).map(drop);
            let failed = result.is_err();
            // Nobody waits when registering has failed already.
            let _ = done.send_blocking(result);
            if failed {
                return;
            }
            let mailbox = frames.mailbox.clone();
            let closed = match Serving::new(console, ours, rung, frames, &report) {
                Ok(mut serving) => serving.run(),
                Err(error) => error.into(),
            };
            // The picture stays; nothing can be answered any more.
            let _ = mailbox.apply(Event::Gone, clock::now());
            if !handle.load(Ordering::SeqCst) {
                report(Report::Closed(closed));
            }
        })?;
        Ok((Self { socket, bell, closing, thread: Some(thread) }, authenticated))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // It may be closed already.
        let _ = shutdown(&self.socket, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported already.
            let _ = thread.join();
        }
    }
}
