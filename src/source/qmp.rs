//! QEMU's machine protocol, as much of it as a display needs: a client on one Unix socket.
//!
//! One JSON object a line (QEMU: docs/interop/qmp-spec.rst). QEMU speaks first, with a greeting;
//! replies bear the id of their command; events come in between. A monitor talks to one client at a
//! time: a second one is connected, and hears nothing until the first has gone.

mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_util::future::{self, Either};
use serde_json::{Value, json};
use thiserror::Error;
use zruntime::{SharedRuntime, Task};

use self::wire::{Line, Lines};

/// How long the greeting may take of a monitor that should be idle.
pub const GREETING: Duration = Duration::from_secs(3);

/// How long a command may take: QEMU's main loop may be busy for a while.
const REPLY: Duration = Duration::from_secs(10);

/// What goes wrong between us and a monitor.
#[derive(Debug, Error)]
pub enum QmpError {
    #[error("no greeting came within {} s: QMP accepts one client at a time, and another one may be connected", .0.as_secs())]
    Busy(Duration),
    #[error("what answers there is not QMP: {0}")]
    NotQmp(String),
    #[error("QEMU refused {command}: {words}")]
    Refused { command: &'static str, words: String },
    #[error("QEMU did not answer {command} within {} s", .after.as_secs())]
    Silent { command: &'static str, after: Duration },
    #[error("the QMP connection ended")]
    Closed,
    #[error("QMP: {0}")]
    Io(#[from] io::Error),
}

/// Why a machine shuts down, as QEMU tells it (qapi/run-state.json, `SHUTDOWN`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// Whether the guest asked for it.
    pub guest: bool,
    /// QEMU's word for it: `guest-shutdown`, `host-qmp-quit`, `host-signal`, ...; or ours.
    pub reason: String,
}

impl Shutdown {
    /// Our word for a machine whose memory was saved.
    pub const SAVED: &str = "host-saved";

    /// Our word for one that has moved to another computer.
    pub const MOVED: &str = "host-migrated";
}

impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.guest {
            return f.write_str("the guest has shut down");
        }
        write!(f, "the machine was shut down ({})", self.reason)
    }
}

/// A command on its way: a line, with or without a descriptor, and who waits for the reply.
#[derive(Debug)]
struct Call {
    line: Vec<u8>,
    descriptor: Option<OwnedFd>,
    id: u64,
    reply: Sender<Result<Value, String>>,
}

/// A QMP connection that has been greeted.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct Client {
    calls: Sender<Call>,
    ended: Receiver<Option<Shutdown>>,
    ports: Receiver<()>,
    next: AtomicU64,
    version: Option<String>,
    _loop: Task<(), zruntime::Shared>,
}

impl Client {
    /// Connects to the monitor that listens on `path`.
    ///
    /// # Errors
    ///
    /// When nothing listens there, or what does is not an idle QMP monitor.
    pub async fn connect(path: &Path) -> Result<Self, QmpError> {
        let runtime = SharedRuntime::current()?;
        let stream = zruntime::net::unix::UnixStream::connect(&runtime, path).await?;
        Self::greet(stream.into_std(), GREETING).await
    }

    /// Waits for the greeting on a connected socket, for as long as `patience`.
    ///
    /// # Errors
    ///
    /// When it does not come, or is none.
    pub async fn greet(stream: UnixStream, patience: Duration) -> Result<Self, QmpError> {
        let runtime = SharedRuntime::current()?;
        let mut lines = Lines::new(&runtime, stream)?;
        let first = runtime.timeout(patience, lines.next()).await.map_err(|_| QmpError::Busy(patience))??;
        let version = match first {
            Some(Line::Greeting { version }) => version,
            Some(other) => return Err(QmpError::NotQmp(other.to_string())),
            None => return Err(QmpError::NotQmp("it closed the connection".into())),
        };
        let (calls, incoming) = async_channel::bounded(16);
        let (over, ended) = async_channel::bounded(1);
        let (port, ports) = async_channel::bounded(1);
        let run = runtime.spawn("QMP", async move {
            let shutdown = converse(&mut lines, &incoming, &port).await;
            // What was sent too late to be read would be waited for as long as the channel lives.
            incoming.close();
            while incoming.try_recv().is_ok() {}
            let _ = over.send(shutdown).await;
        });
        let client = Self { calls, ended, ports, next: 0.into(), version, _loop: run };
        client.execute("qmp_capabilities", json!({}), None).await?;
        Ok(client)
    }

    /// QEMU's version, as it introduced itself.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Hands QEMU one end of a connection on which to speak `protocol` (`@dbus-display`).
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or does not answer.
    pub async fn add_client(&self, protocol: &str, descriptor: OwnedFd) -> Result<(), QmpError> {
        const NAME: &str = "oriel-display";
        self.execute("getfd", json!({ "fdname": NAME }), Some(descriptor)).await?;
        let given = json!({ "protocol": protocol, "fdname": NAME });
        let added = self.execute("add_client", given, None).await;
        if matches!(added, Err(QmpError::Refused { .. })) {
            // What QEMU did not take, it would keep.
            let _ = self.execute("closefd", json!({ "fdname": NAME }), None).await;
        }
        added.map(drop)
    }

    /// Presses the machine's power button.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or does not answer.
    pub async fn power_down(&self) -> Result<(), QmpError> {
        self.execute("system_powerdown", json!({}), None).await.map(drop)
    }

    /// Ends QEMU at once, whatever the guest does.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or does not answer.
    pub async fn quit(&self) -> Result<(), QmpError> {
        match self.execute("quit", json!({}), None).await {
            // QEMU may be gone before its reply is.
            Ok(_) | Err(QmpError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A property of an object in QEMU's tree.
    ///
    /// # Errors
    ///
    /// When there is none, or QEMU does not answer.
    pub async fn qom_get(&self, path: &str, property: &str) -> Result<Value, QmpError> {
        self.execute("qom-get", json!({ "path": path, "property": property }), None).await
    }

    /// The properties of an object in QEMU's tree: names, and types as `child<VGA>`.
    ///
    /// # Errors
    ///
    /// When there is no such object, or QEMU does not answer.
    pub async fn qom_list(&self, path: &str) -> Result<Vec<(String, String)>, QmpError> {
        let listed = self.execute("qom-list", json!({ "path": path }), None).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let read = |one: &Value| Some((text(&one["name"])?, text(&one["type"])?));
        Ok(listed.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(read).collect())
    }

    /// Has QEMU write a picture of a display.
    pub(super) async fn screendump(&self, arguments: Value) -> Result<(), QmpError> {
        self.execute("screendump", arguments, None).await.map(drop)
    }

    /// Whether anybody in the guest has opened the port of QEMU's own SPICE agent; `None` without one.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer.
    pub async fn agent_port(&self) -> Result<Option<bool>, QmpError> {
        let listed = self.execute("query-chardev", json!({}), None).await?;
        // A device without a file name goes by its type (chardev/char.c, `qemu_chardev_new`).
        let is_agent = |one: &&Value| one["filename"].as_str().is_some_and(|name| name.ends_with("vdagent"));
        let agent = listed.as_array().and_then(|all| all.iter().find(is_agent));
        Ok(agent.and_then(|agent| agent["frontend-open"].as_bool()))
    }

    /// Waits until a serial port of the guest's has been opened or closed since this was last asked.
    /// QEMU does not tell of ports without an id.
    pub async fn port_changed(&self) {
        if self.ports.recv().await.is_err() {
            future::pending().await
        }
    }

    /// Waits until the connection has ended; says why the machine shut down, if it did.
    pub async fn ended(&self) -> Option<Shutdown> {
        self.ended.recv().await.ok().flatten()
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        !self.calls.is_closed()
    }

    async fn execute(
        &self,
        command: &'static str,
        arguments: Value,
        descriptor: Option<OwnedFd>,
    ) -> Result<Value, QmpError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut line =
            json!({ "execute": command, "arguments": arguments, "id": id }).to_string().into_bytes();
        line.push(b'\n');
        let (reply, answer) = async_channel::bounded(1);
        let call = Call { line, descriptor, id, reply };
        let runtime = SharedRuntime::current()?;
        let asked = async {
            self.calls.send(call).await.map_err(|_| QmpError::Closed)?;
            answer.recv().await.map_err(|_| QmpError::Closed)
        };
        let answered = runtime.timeout(REPLY, asked).await;
        let answered = answered.map_err(|_| QmpError::Silent { command, after: REPLY })??;
        answered.map_err(|words| QmpError::Refused { command, words })
    }
}

/// Those who wait for a reply, in the order in which they asked.
type Waiting = VecDeque<(u64, Sender<Result<Value, String>>)>;

/// Sends commands and sorts what comes back, until either side hangs up.
async fn converse(lines: &mut Lines, calls: &Receiver<Call>, port: &Sender<()>) -> Option<Shutdown> {
    let mut waiting = Waiting::new();
    let mut shutdown = None;
    loop {
        let next = match future::select(pin!(calls.recv()), pin!(lines.next())).await {
            Either::Left((call, _)) => Either::Left(call),
            Either::Right((line, _)) => Either::Right(line),
        };
        match next {
            Either::Left(Ok(call)) => {
                if let Err(error) = lines.send(&call.line, call.descriptor.as_ref()).await {
                    tracing::debug!(%error, "QMP: a command could not be sent");
                    return shutdown;
                }
                waiting.push_back((call.id, call.reply));
            }
            Either::Left(Err(_)) => return shutdown,
            Either::Right(Ok(Some(line))) => take_in(line, &mut waiting, &mut shutdown, port),
            Either::Right(Ok(None)) => return shutdown,
            Either::Right(Err(error)) => {
                tracing::warn!(%error, "QMP: what came cannot be read");
                return shutdown;
            }
        }
    }
}

fn take_in(line: Line, waiting: &mut Waiting, shutdown: &mut Option<Shutdown>, port: &Sender<()>) {
    match line {
        Line::Reply { id, result } => {
            let Some(place) = waiting.iter().position(|(asked, _)| *asked == id) else { return };
            if let Some((_, reply)) = waiting.remove(place) {
                // Whoever asked may have lost patience.
                let _ = reply.try_send(result);
            }
        }
        Line::Event { name, data } => {
            tracing::debug!(name, "QMP event");
            match name.as_str() {
                "SHUTDOWN" => {
                    let guest = data["guest"].as_bool().unwrap_or(false);
                    let reason = data["reason"].as_str().unwrap_or("unknown").to_owned();
                    *shutdown = Some(Shutdown { guest, reason });
                }
                // One that has not been heard yet is enough.
                "VSERPORT_CHANGE" => drop(port.try_send(())),
                // With -no-shutdown the machine stays, and may be started again.
                "RESET" | "RESUME" => *shutdown = None,
                _ => {}
            }
        }
        Line::Greeting { .. } | Line::Other(_) => tracing::debug!("QMP: an unexpected line"),
    }
}
