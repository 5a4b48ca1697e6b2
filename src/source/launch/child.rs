//! A QEMU of our own: the process, its last words, its end.

use std::fmt;
use std::io::{self, BufRead, BufReader, PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_util::future::{self, Either};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};
use zruntime::process::Command;
use zruntime::{Shared, SharedRuntime};

use super::tail::Tail;
use super::{Launch, LaunchError, guard};
use crate::source::qmp::Client;
use crate::source::{ConnectError, within};

/// The id of our monitor among QEMU's character devices.
const MONITOR: &str = "oriel-monitor";

/// How long QEMU may set up its machine before its monitor speaks. Large memory takes a while, and
/// a QEMU that ends says so before.
const SETTING_UP: Duration = Duration::from_secs(120);

/// How long QEMU may take to react to each way of ending it before a harsher one is taken.
const ENDING: Duration = Duration::from_secs(4);

/// How long a QEMU that has agreed to end may take: it writes what its disks still lack.
const CLOSING: Duration = Duration::from_secs(60);

/// How long the last words may take after the last breath: something that QEMU started may hold
/// its standard error open.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The longest line that is passed on in one piece, in bytes.
const LONGEST: u64 = 16 * 1024;

/// How our QEMU ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exited {
    pub status: ExitStatus,
    /// The last lines that it wrote on standard error.
    pub words: Vec<String>,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QEMU has ended ({})", self.status)?;
        if !self.status.success() && !self.words.is_empty() {
            write!(f, ": {}", self.words.join("\n"))?;
        }
        Ok(())
    }
}

/// How to end it.
#[derive(Debug, Clone, Copy)]
enum Order {
    Terminate,
    Kill,
}

/// A running QEMU. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    /// Our end of its monitor, until it is used.
    monitor: Mutex<Option<UnixStream>>,
    orders: Sender<Order>,
    exited: Arc<Mutex<Option<Exited>>>,
    over: Over,
}

/// The end of a process, to be waited for: a channel that closes.
#[derive(Debug, Clone)]
pub(super) struct Over(Receiver<()>);

impl Over {
    pub(super) async fn wait(&self) {
        // Nothing is ever sent.
        let _ = self.0.recv().await;
    }
}

impl Child {
    pub(super) fn spawn(launch: &Launch, more: &[&str]) -> io::Result<Self> {
        let runtime = SharedRuntime::current()?;
        let (ours, theirs) = UnixStream::pair()?;
        // Whatever else is started in this moment would inherit it too; that harms nobody, since
        // the end of QEMU shows in the process.
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        let (errors, write_errors) = io::pipe()?;
        let child = Command::new(&launch.guard)
            .arg(guard::COMMAND)
            .arg(std::process::id().to_string())
            .arg(&launch.program)
            .args(&launch.arguments)
            .args(more)
            .args(["-chardev", &format!("socket,id={MONITOR},fd={}", theirs.as_raw_fd())])
            .args(["-mon", &format!("chardev={MONITOR},mode=control")])
            .stderr(write_errors)
            .kill_on_drop(true)
            .spawn(&runtime)?;
        drop(theirs);
        tracing::info!(pid = child.id(), program = %launch.program.display(), "QEMU starts");

        let tail = Arc::new(Mutex::new(Tail::default()));
        let silence = pass_on(errors, tail.clone())?;
        let exited = Arc::new(Mutex::new(None));
        let (orders, incoming) = async_channel::unbounded();
        let (over_when_dropped, over) = async_channel::bounded::<()>(1);
        let result = exited.clone();
        let watch = async move {
            let status = watch(child, incoming).await;
            let _ = within(LAST_WORDS, silence.recv()).await;
            let words = lock(&tail).lines();
            tracing::info!(%status, "QEMU has ended");
            *lock(&result) = Some(Exited { status, words });
            drop(over_when_dropped);
        };
        runtime.spawn("QEMU", watch).detach();
        Ok(Self { monitor: Mutex::new(Some(ours)), orders, exited, over: Over(over) })
    }

    pub(super) fn over(&self) -> Over {
        self.over.clone()
    }

    /// QEMU's monitor, once it speaks.
    pub(in crate::source) async fn monitor(&self) -> Result<Client, ConnectError> {
        let Some(socket) = lock(&self.monitor).take() else { return Err(ConnectError::UsedUp) };
        self.or_exit(async {
            Client::greet(socket, SETTING_UP).await.map_err(|error| LaunchError::Monitor(error).into())
        })
        .await
    }

    /// What `work` brings, unless QEMU ends before: then that it did. Work that fails because QEMU
    /// is about to end counts as that, too.
    pub(in crate::source) async fn or_exit<T>(
        &self,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        let failure = match future::select(pin!(work), pin!(self.exited())).await {
            Either::Left((Ok(done), _)) => return Ok(done),
            Either::Left((Err(error), exited)) => within(LAST_WORDS * 2, exited).await.ok_or(error),
            Either::Right((exited, _)) => Ok(exited),
        };
        Err(failure.map_or_else(|error| error, |exited| LaunchError::Exited(exited).into()))
    }

    /// Waits for its end.
    pub async fn exited(&self) -> Exited {
        self.over.wait().await;
        lock(&self.exited).clone().expect("it is there before the channel closes")
    }

    /// Ends it: politely, then firmly, then by force.
    pub async fn end(&self, monitor: &Client) -> Exited {
        if let Some(Ok(())) = within(ENDING, monitor.quit()).await
            && let Some(exited) = within(CLOSING, self.exited()).await
        {
            return exited;
        }
        for order in [Order::Terminate, Order::Kill] {
            if let Some(exited) = within(Duration::ZERO, self.exited()).await {
                return exited;
            }
            tracing::warn!(?order, "QEMU does not end");
            let _ = self.orders.try_send(order);
            if let Some(exited) = within(ENDING, self.exited()).await {
                return exited;
            }
        }
        self.exited().await
    }
}

/// Carries out orders until the process has ended. When nobody is left to give any, it ends.
async fn watch(mut child: zruntime::process::Child<Shared>, orders: Receiver<Order>) -> ExitStatus {
    let mut abandoned = false;
    loop {
        let order = match future::select(pin!(child.status()), pin!(next(&orders, abandoned))).await {
            Either::Left((Ok(status), _)) => return status,
            Either::Left((Err(error), _)) => {
                tracing::error!(%error, "cannot wait for QEMU");
                return ExitStatus::default();
            }
            Either::Right((order, _)) => order,
        };
        abandoned |= order.is_none();
        let done = match order {
            Some(Order::Kill) => child.kill(),
            Some(Order::Terminate) | None => terminate(child.id()),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "cannot signal QEMU");
        }
    }
}

/// The next order; `None`, once, when there will be none, and then force after a while.
async fn next(orders: &Receiver<Order>, abandoned: bool) -> Option<Order> {
    if !abandoned {
        return orders.recv().await.ok();
    }
    if let Ok(runtime) = SharedRuntime::current() {
        runtime.sleep(ENDING).await;
    }
    Some(Order::Kill)
}

/// QEMU closes its disk images on this signal. The process has not been waited for: the number is
/// still its own.
fn terminate(id: u32) -> io::Result<()> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process(pid, Signal::TERM)?)
}

/// Passes QEMU's standard error on to ours, line by line, and keeps the last of it. On a thread:
/// whoever reads our standard error may be slow. The channel closes when there is no more.
fn pass_on(errors: PipeReader, tail: Arc<Mutex<Tail>>) -> io::Result<Receiver<()>> {
    let (silent, silence) = async_channel::bounded(1);
    thread::Builder::new().name("oriel-qemu-log".into()).spawn(move || {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        while errors.by_ref().take(LONGEST).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            lock(&tail).push(&line);
            // Nobody may listen.
            let _ = io::stderr().write_all(&line);
            line.clear();
        }
        drop(silent);
    })?;
    Ok(silence)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
