//! A viewer as small as it can be, on zbus.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};
use zbus::connection::Builder;
use zbus::message::{Flags, Message};
use zbus::{Connection, MessageStream, OwnedObjectPath, OwnedVariant};
use zruntime::block_on;

pub(crate) const WAIT: Duration = Duration::from_secs(10);
pub(crate) const CONSOLE: &str = "org.qemu.Display1.Console";

/// What a listener was sent: method, flags, signature and the message itself.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) member: String,
    pub(crate) flags: u8,
    pub(crate) signature: String,
    pub(crate) message: Message,
}

/// A main connection.
pub(crate) struct Viewer {
    pub(crate) main: Connection,
}

pub(crate) type Tree = HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>>;

impl Viewer {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { main: block_on(Builder::unix_stream(socket).p2p().build()).unwrap() }
    }

    pub(crate) fn call<B>(&self, path: &str, interface: &str, member: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        block_on(self.main.call_method(None::<&str>, path, Some(interface), member, body))
    }

    pub(crate) fn console<B>(&self, interface: &str, member: &str, body: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        self.call("/org/qemu/Display1/Console_0", interface, member, body)
    }

    pub(crate) fn tree(&self) -> Tree {
        let interface = "org.freedesktop.DBus.ObjectManager";
        let reply = self.call("/org/qemu/Display1", interface, "GetManagedObjects", &()).unwrap();
        reply.body().deserialize().unwrap()
    }

    pub(crate) fn register(&self, interfaces: &[&str]) -> Receiver<Seen> {
        self.register_on(0, interfaces).unwrap()
    }

    /// Registers a listener that answers everything, and tells of everything it was sent.
    pub(crate) fn register_on(&self, console: u32, interfaces: &[&str]) -> zbus::Result<Receiver<Seen>> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (seen, told) = channel();
        let interfaces: Vec<String> = interfaces.iter().map(|&name| name.to_owned()).collect();
        // QEMU authenticates only once the call is in its hands, so this runs beside the call.
        std::thread::spawn(move || block_on(listen(ours, interfaces, seen)));
        let fd = zbus::OwnedFd::from(OwnedFd::from(theirs));
        let path = format!("/org/qemu/Display1/Console_{console}");
        self.call(&path, CONSOLE, "RegisterListener", &(fd,))?;
        Ok(told)
    }
}

async fn listen(socket: UnixStream, interfaces: Vec<String>, seen: Sender<Seen>) {
    use futures_util::StreamExt;
    let Ok(conn) = Builder::unix_stream(socket).p2p().build().await else {
        return;
    };
    let mut stream = MessageStream::from(&conn);
    while let Some(Ok(message)) = stream.next().await {
        let header = message.header();
        let member = header.member().unwrap().to_string();
        if member == "GetAll" {
            let properties: HashMap<&str, zbus::Variant<'_>> =
                HashMap::from([("Interfaces", zbus::Variant::new(interfaces.clone()))]);
            let reply = Message::method_return(&header).build(&(properties,)).unwrap();
            conn.send(&reply).await.unwrap();
        } else if !header.primary().flags().contains(Flags::NO_REPLY_EXPECTED) {
            let reply = Message::method_return(&header).build(&()).unwrap();
            conn.send(&reply).await.unwrap();
        }
        let told = Seen {
            member,
            flags: message.primary_header().flags().bits(),
            signature: message.body().signature().to_string_no_parens(),
            message: message.clone(),
        };
        if seen.send(told).is_err() {
            return;
        }
    }
}

/// The next message that is none of the handshake's.
pub(crate) fn next(told: &Receiver<Seen>) -> Seen {
    loop {
        let seen = told.recv_timeout(WAIT).expect("the listener is sent something");
        if seen.member != "GetAll" {
            return seen;
        }
    }
}

/// A QMP client.
pub(crate) struct Monitor {
    socket: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Monitor {
    pub(crate) fn open(path: &Path) -> Self {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        let mut monitor = Self { lines: BufReader::new(socket.try_clone().unwrap()), socket };
        assert!(monitor.read()["QMP"]["version"].is_object());
        monitor
    }

    pub(crate) fn negotiate(&mut self) {
        assert_eq!(self.ask(&json!({"execute": "qmp_capabilities"})), json!({"return": {}}));
    }

    /// A display connection through `getfd` and `add_client`.
    pub(crate) fn add_viewer(&mut self) -> Viewer {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let get = json!({"execute": "getfd", "arguments": {"fdname": "viewer"}});
        assert_eq!(self.ask_with_fd(&get, &theirs), json!({"return": {}}));
        let arguments = json!({"protocol": "@dbus-display", "fdname": "viewer"});
        let add = json!({"execute": "add_client", "arguments": arguments});
        assert_eq!(self.ask(&add), json!({"return": {}}));
        drop(theirs);
        Viewer::new(ours)
    }

    pub(crate) fn read(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn ask(&mut self, command: &Value) -> Value {
        self.socket.write_all(command.to_string().as_bytes()).unwrap();
        self.read()
    }

    pub(crate) fn ask_with_fd(&mut self, command: &Value, fd: &impl AsFd) -> Value {
        let text = command.to_string();
        let fds = [fd.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        let bytes = [IoSlice::new(text.as_bytes())];
        sendmsg(&self.socket, &bytes, &mut control, SendFlags::empty()).unwrap();
        self.read()
    }
}
