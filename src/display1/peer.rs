//! A QEMU at the other end of a D-Bus connection.

use std::collections::HashMap;
use std::future::{self, Future};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use futures_util::future::{Either, select};
use thiserror::Error;
use zbus::message::Flags;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, DynamicType, Message, OwnedVariant};
use zruntime::SharedRuntime;

use super::auth::{self, AuthError};
use super::console::Console;
use super::member::{self, Call, Property};
use super::socket::Authenticated;
use super::{AUTH_DEADLINE, CALL_DEADLINE, VM_PATH, interface};

/// How often is looked whether the machine is still there.
const GLANCE: Duration = Duration::from_secs(5);

const GET_ALL: Call = Call { interface: interface::PROPERTIES, member: "GetAll", signature: "s" };

/// Why there is no connection to a QEMU.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It did not let us in.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The socket cannot be used.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The connection could not be set up.
    #[error(transparent)]
    Bus(#[from] zbus::Error),
}

/// Why a call to QEMU brought nothing.
#[derive(Debug, Error)]
pub enum CallError {
    /// QEMU hangs, or is stopped.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// QEMU said no, with a D-Bus error name and its words.
    #[error("{name}: {message}")]
    Refused { name: String, message: String },
    /// The connection is gone, or the reply makes no sense.
    #[error(transparent)]
    Bus(zbus::Error),
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, message, _) => {
                Self::Refused { name: name.to_string(), message: message.unwrap_or_default() }
            }
            zbus::Error::FDO(error) => {
                use zbus::DBusError;
                let message = error.description().unwrap_or_default().to_owned();
                Self::Refused { name: error.name().to_string(), message }
            }
            error => Self::Bus(error),
        }
    }
}

/// A machine, as its `VM` interface describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What `-name` gave it.
    pub name: String,
    /// What `-uuid` gave it; `None` where QEMU says all zeros.
    pub uuid: Option<String>,
    /// Its consoles' numbers. They change only from QEMU 11.1 on.
    pub consoles: Vec<u32>,
}

/// A QEMU, reached over a socket that is only ours, or as one of those on a bus.
#[derive(Debug, Clone)]
pub struct Peer {
    connection: Connection,
    owner: Option<OwnedUniqueName>,
    deadline: Duration,
}

impl Peer {
    /// The QEMU at the other end of a socket (QMP `add_client` with `@dbus-display`).
    ///
    /// QEMU is the server of the authentication, and there is no bus: no `Hello`, no names, no
    /// destination. The connection runs on the caller's zruntime.
    ///
    /// # Errors
    ///
    /// When the peer is silent for [`AUTH_DEADLINE`], or does not let us in.
    pub async fn p2p(socket: UnixStream) -> Result<Self, PeerError> {
        let (done, authenticated) = async_channel::bounded(1);
        // Authentication blocks, for at most its deadline: not this thread.
        thread::Builder::new().name("oriel-auth".into()).spawn(move || {
            let result = auth::authenticate(&socket, AUTH_DEADLINE).map(|greeting| (socket, greeting));
            // Nobody waits any more: the socket closes.
            let _ = done.send_blocking(result);
        })?;
        let (socket, greeting) = authenticated.recv().await.expect("the thread sends before it ends")?;
        let socket = Authenticated::new(&SharedRuntime::current()?, socket)?;
        let connection = zbus::connection::Builder::authenticated_socket(socket, greeting.guid.as_str())
            .p2p()
            .build()
            .await?;
        Ok(Self { connection, owner: None, deadline: CALL_DEADLINE })
    }

    /// The QEMU with this unique name on a bus: always the chosen one, also when the queue for
    /// `org.qemu` moves on.
    pub fn on_bus(connection: Connection, owner: OwnedUniqueName) -> Self {
        Self { connection, owner: Some(owner), deadline: CALL_DEADLINE }
    }

    /// The same QEMU, with another limit on how long an answer may take.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How long an answer may take: [`CALL_DEADLINE`], unless another limit was set.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The connection to it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Its name on the bus; `None` without a bus.
    pub fn owner(&self) -> Option<&OwnedUniqueName> {
        self.owner.as_ref()
    }

    /// Its name, UUID and consoles.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer, or is none.
    pub async fn machine(&self) -> Result<Machine, CallError> {
        let mut properties = self.properties(VM_PATH, interface::VM).await?;
        Ok(Machine {
            name: take(&mut properties, member::NAME).unwrap_or_default(),
            uuid: take(&mut properties, member::UUID)
                .filter(|uuid: &String| uuid.contains(|c| c != '0' && c != '-')),
            consoles: take(&mut properties, member::CONSOLE_IDS).unwrap_or_default(),
        })
    }

    /// The console with this number, which need not exist.
    pub fn console(&self, id: u32) -> Console {
        Console::new(self.clone(), id)
    }

    /// Completes when the connection is gone, or nobody is behind it any more.
    pub async fn closed(&self) {
        let gone = pin!(self.connection.closed());
        match self.owner {
            Some(_) => gone.await,
            None => {
                select(gone, pin!(self.forsaken())).await;
            }
        }
    }

    /// Completes when the machine is no more at the other end of a socket.
    async fn forsaken(&self) {
        let Ok(runtime) = SharedRuntime::current() else { return future::pending().await };
        loop {
            runtime.sleep(GLANCE).await;
            if self.is_forsaken().await {
                return;
            }
        }
    }

    /// Whether the machine is no more at the other end of a socket.
    ///
    /// QEMU moves it to the next viewer's connection (ui/dbus.c, `dbus_display_add_client_ready`) and tells
    /// nobody; it closes the former one, but not while that has the clipboard (ui/dbus-clipboard.c keeps a
    /// proxy on it).
    pub async fn is_forsaken(&self) -> bool {
        self.owner.is_none() && matches!(self.machine().await, Err(CallError::Refused { .. }))
    }

    /// All properties of an interface.
    pub(super) async fn properties(&self, path: &str, interface: &str) -> Result<Properties, CallError> {
        let reply = self.call(path, GET_ALL, &interface).await?;
        Ok(reply.body().deserialize()?)
    }

    /// Calls a method and waits for its reply, until the deadline.
    pub(super) async fn call<B>(&self, path: &str, call: Call, body: &B) -> Result<Message, CallError>
    where
        B: serde::Serialize + DynamicType + Sync,
    {
        let Call { interface, member, .. } = call;
        let call = self.connection.call_method(self.owner.as_ref(), path, Some(interface), member, body);
        self.in_time(call).await
    }

    /// Waits, but not forever: QEMU may be stopped, or hang.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = zbus::Result<T>>,
    ) -> Result<T, CallError> {
        let runtime = SharedRuntime::current().map_err(zbus::Error::from)?;
        let call = pin!(call);
        match select(call, runtime.sleep(self.deadline)).await {
            Either::Left((result, _)) => Ok(result?),
            Either::Right(_) => Err(CallError::TimedOut(self.deadline)),
        }
    }

    /// Calls a method whose outcome is of no interest: QEMU is told not to reply.
    pub(super) async fn tell<B>(&self, path: &str, call: Call, body: &B) -> Result<(), zbus::Error>
    where
        B: serde::Serialize + DynamicType + Sync,
    {
        let message = self.message(path, call).with_flags(Flags::NO_REPLY_EXPECTED).build(body)?;
        self.connection.send(&message).await
    }

    /// A call to QEMU, yet without its arguments.
    pub(super) fn message<'a>(&'a self, path: &'a str, call: Call) -> zbus::message::Builder<'a> {
        let call = Message::method_call(path, call.member).interface(call.interface);
        match &self.owner {
            Some(owner) => call.destination(owner),
            None => call,
        }
    }
}

/// Property names and their values.
pub(super) type Properties = HashMap<String, OwnedVariant>;

/// The value of a property, where it is there and of the right type.
pub(super) fn take<T: TryFrom<OwnedVariant>>(properties: &mut Properties, property: Property) -> Option<T> {
    properties.remove(property.name).and_then(|value| value.try_into().ok())
}
