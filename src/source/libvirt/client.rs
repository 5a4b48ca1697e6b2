//! A connection to libvirt, and what can be asked over it.
//!
//! - `actor`: the thread that holds the connection, and brings it back when it is lost.
//! - `asking`: what is asked to keep the roster current.
//! - `defining`: what is asked to change a definition, and QEMU past libvirt.
//! - `events`: the loop on which libvirt hears of its connections.
//! - `failure`: libvirt's errors as ours.
//! - `ffi`: events, and what else the crate `virt` leaves to its users.
//! - `starting`: a machine that begins to run once it is watched.

mod actor;
mod asking;
mod defining;
mod events;
mod failure;
mod ffi;
mod starting;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use async_channel::Receiver;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::stream::Stream;

use self::actor::{Call, Message};
use self::starting::Waiting;
use super::{Access, Change, LibvirtError, Machine, Operation, Roster, Shot, Status, Which};

/// How long libvirt may take to look something up.
const QUICK: Duration = Duration::from_secs(10);

/// How long it may take to start a machine, or to end one: QEMU has its own work to do.
const SLOW: Duration = Duration::from_secs(120);

/// How long it may take to write a machine's memory to disk, or to read it.
const WRITING: Duration = Duration::from_secs(60 * 60);

/// The longest picture, in bytes: what `Shot` takes as a pixmap, and its header.
const LONGEST_SHOT: usize = 4 * 7680 * 4320 * 3 + 64;

/// A connection to libvirt. It is made, watched, and made again on its own threads until the last
/// handle is dropped.
#[derive(Debug, Clone)]
pub struct Hypervisor(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    uri: String,
    tell: Sender<Message>,
    waiting: Waiting,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.tell.send(Message::Leave);
    }
}

impl Hypervisor {
    /// Begins to connect. Never waits.
    pub fn connect(uri: impl Into<String>, access: Access) -> Self {
        let uri = uri.into();
        let (tell, inbox) = mpsc::channel();
        actor::start(uri.clone(), access, &tell, inbox);
        Self(Arc::new(Handle { uri, tell, waiting: Waiting::default() }))
    }

    /// The URI of the connection.
    pub fn uri(&self) -> &str {
        &self.0.uri
    }

    /// What happens from now on, after all that there is.
    pub fn changes(&self) -> Receiver<Change> {
        let (sender, receiver) = async_channel::unbounded();
        self.send(Message::Watch(sender));
        receiver
    }

    /// Connects now, if there is no connection: after a refusal nobody else does.
    pub fn retry(&self) {
        self.send(Message::Retry);
    }

    /// The machines, once they are known.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub async fn machines(&self) -> Result<Vec<Machine>, LibvirtError> {
        self.known(|roster| roster.machines().cloned().collect()).await
    }

    /// The machine with this UUID, name or number.
    ///
    /// # Errors
    ///
    /// When there is no connection, or no such machine.
    pub async fn find(&self, wanted: &str) -> Result<Machine, LibvirtError> {
        let name = wanted.to_owned();
        let found = self.known(move |roster| roster.find(&name).cloned()).await?;
        found.ok_or_else(|| LibvirtError::NoMachine { wanted: wanted.to_owned(), uri: self.uri().to_owned() })
    }

    async fn known<T: Send + 'static>(
        &self,
        read: impl Fn(&Roster) -> T + Send + 'static,
    ) -> Result<T, LibvirtError> {
        let known = self.when(move |roster| match roster.status() {
            Status::Connecting => None,
            Status::Connected => Some(Ok(read(roster))),
            Status::Lost(error) => Some(Err(error.clone())),
        });
        known.await.unwrap_or(Err(LibvirtError::Disconnected))
    }

    /// Completes when the roster is as `test` wants it; `None` when that can never be any more.
    pub async fn when<T: Send + 'static>(
        &self,
        mut test: impl FnMut(&Roster) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = async_channel::bounded(1);
        self.send(Message::When(Box::new(move |roster| match test(roster) {
            // Whoever waited may have gone.
            Some(found) => sender.try_send(found).is_ok() || sender.is_closed(),
            None => sender.is_closed(),
        })));
        receiver.recv().await.ok()
    }

    /// A machine's definition.
    ///
    /// # Errors
    ///
    /// When libvirt does not give it.
    pub async fn definition(&self, uuid: &str, which: Which) -> Result<String, LibvirtError> {
        let read = self.of("tell the definition", QUICK, uuid, move |_, domain| match which {
            Which::Current => domain.get_xml_desc(0),
            Which::Next => defining::next(domain),
        });
        read.await
    }

    /// A connection to a machine's display, the one with this place among its displays. Another viewer
    /// that had one loses it.
    ///
    /// # Errors
    ///
    /// When libvirt or QEMU refuses.
    pub async fn open_display(&self, uuid: &str, index: u32) -> Result<OwnedFd, LibvirtError> {
        self.of("open the display", QUICK, uuid, move |_, domain| ffi::open_graphics(domain, index)).await
    }

    /// Does something to a machine.
    ///
    /// # Errors
    ///
    /// When libvirt refuses, or it takes too long: it may still come to pass then.
    pub async fn operate(&self, uuid: &str, operation: Operation) -> Result<(), LibvirtError> {
        let patience = match operation {
            Operation::Save => WRITING,
            Operation::Start => WRITING,
            Operation::ForceOff => SLOW,
            _ => QUICK,
        };
        self.of(operation.word(), patience, uuid, move |_, domain| operate(domain, operation)).await
    }

    /// What a machine's screen shows, in libvirt's own way: whatever display the machine has. Has QEMU
    /// read back what a GPU drew; some machines have no picture to give.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn screenshot(&self, uuid: &str, screen: u32) -> Result<Shot, LibvirtError> {
        let taken = self.of("take a picture", QUICK, uuid, move |connect, domain| {
            let stream = Stream::new(connect, 0)?;
            let kind = domain.screenshot(&stream, screen, 0)?;
            let mut bytes = Vec::new();
            let mut part = vec![0; 64 << 10];
            loop {
                match stream.recv(&mut part)? {
                    0 => break,
                    count if bytes.len() + count <= LONGEST_SHOT => bytes.extend_from_slice(&part[..count]),
                    _ => {
                        stream.abort()?;
                        return Ok((kind, bytes));
                    }
                }
            }
            stream.finish()?;
            Ok((kind, bytes))
        });
        let (kind, bytes) = taken.await?;
        Shot::read(&kind, &bytes).map_err(|error| LibvirtError::Failed(error.to_string()))
    }

    /// How far what is being done to a machine's memory has come, in hundredths; `None` while nothing
    /// is done to it, or nobody knows how much there is to do.
    ///
    /// # Errors
    ///
    /// When libvirt does not tell.
    pub async fn progress(&self, uuid: &str) -> Result<Option<u8>, LibvirtError> {
        let told = self.of("tell how far it is", QUICK, uuid, |_, domain| domain.get_job_info());
        let job = told.await?;
        let (total, left) = (job.data_total.unwrap_or(0), job.data_remaining.unwrap_or(0));
        let done = total.saturating_sub(left);
        Ok((total > 0).then(|| u8::try_from(done.saturating_mul(100) / total).unwrap_or(100)))
    }

    /// Has what is being done to a machine's memory come to nothing: it runs on. Whoever does it hears
    /// [`LibvirtError::Cancelled`].
    ///
    /// # Errors
    ///
    /// When nothing is being done, or it cannot be stopped any more.
    pub async fn cancel(&self, uuid: &str) -> Result<(), LibvirtError> {
        self.of("cancel that", QUICK, uuid, |_, domain| ffi::abort_job(domain)).await
    }

    async fn of<T: Send + 'static>(
        &self,
        what: &'static str,
        patience: Duration,
        uuid: &str,
        work: impl FnOnce(&Connect, &Domain) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, LibvirtError> {
        let uuid = uuid.to_owned();
        self.call(what, patience, move |connect| {
            work(connect, &Domain::lookup_by_uuid_string(connect, &uuid)?)
        })
        .await
    }

    /// Has something asked of libvirt, on a thread that may wait for the answer.
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        patience: Duration,
        work: impl FnOnce(&Connect) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, LibvirtError> {
        let (answer, answered) = async_channel::bounded(1);
        let fail = answer.clone();
        let uri = self.uri().to_owned();
        self.send(Message::Call(Call {
            what,
            patience,
            deadline: Instant::now() + patience,
            work: Box::new(move |connect| {
                let done = work(connect).map_err(|error| failure::of_call(&error, connect, &uri));
                // Whoever asked may have lost patience.
                let _ = answer.try_send(done);
            }),
            fail: Box::new(move |error| match error {
                Some(error) => fail.try_send(Err(error)).is_ok(),
                None => !fail.is_closed() && !fail.is_full(),
            }),
        }));
        answered.recv().await.unwrap_or(Err(LibvirtError::Disconnected))
    }

    fn send(&self, message: Message) {
        // Whoever waits for an answer hears that there is none.
        let _ = self.0.tell.send(message);
    }
}

fn operate(domain: &Domain, operation: Operation) -> Result<(), Error> {
    match operation {
        Operation::Start => domain.create().map(drop),
        Operation::ShutDown => domain.shutdown().map(drop),
        Operation::Reboot => domain.reboot(0),
        Operation::Reset => domain.reset().map(drop),
        Operation::ForceOff => domain.destroy(),
        Operation::Pause => domain.suspend().map(drop),
        Operation::Resume => domain.resume().map(drop),
        Operation::Save => domain.managed_save(0).map(drop),
        Operation::ForgetSaved => domain.managed_save_remove(0).map(drop),
        Operation::Wake => domain.pm_wakeup(0).map(drop),
    }
}
