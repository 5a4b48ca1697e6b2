//! `RegisterListener`: QEMU replies, then authenticates and asks on the new socket while its main loop stands still.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zbus::OwnedVariant;

use crate::auth::{self, Authenticated};
use crate::conn::{Conn, Event};
use crate::listener::{self, Listener};
use crate::machine::{Job, Machine};
use crate::objects::{Refusal, arguments, failed, invalid};
use crate::record::Call;
use crate::reply::Reply;
use crate::socket::Socket;
use crate::wire::{Args, Incoming, Outgoing};

/// A `GetAll` that QEMU waited for, and what came of it.
#[derive(Clone, Debug)]
pub struct GetAll {
    pub interface: &'static str,
    pub reply: Reply,
    /// How long QEMU's main loop stood still for it.
    pub took: Duration,
}

/// What a viewer said of itself when it registered.
#[derive(Clone, Debug)]
pub struct Negotiation {
    pub auth: Authenticated,
    /// From the reply to `RegisterListener` to the end of authentication, QEMU's main loop blocked.
    pub auth_took: Duration,
    /// The `Interfaces` property as the viewer has it; `None` where it has none.
    pub interfaces: Option<Vec<String>>,
    /// Every `GetAll` in order: `Listener`, then each interface that both sides know.
    pub get_alls: Vec<GetAll>,
}

impl Negotiation {
    /// Whether QEMU would use this interface: the viewer lists it and the release knows it.
    #[must_use]
    pub fn uses(&self, interface: &str) -> bool {
        self.get_alls.iter().any(|get_all| get_all.interface == interface)
    }
}

pub(crate) fn register(
    machine: &mut Machine,
    conn: &Arc<Conn>,
    index: u32,
    call: &Incoming,
) -> Result<(), Refusal> {
    machine.recorder.add(Some(index), Call::RegisterListener);
    let who = call.sender.clone().unwrap_or_else(|| "p2p".to_owned());
    let one_only = !machine.release.has_many_listeners();
    if one_only && machine.console_mut(index).listeners.iter().any(|(_, other)| *other == who) {
        return Err(invalid(format!("`{who}` is already registered!")));
    }
    let socket = take_socket(machine, call)?;
    machine.reply(conn, call, Args::new());
    if let Err(why) = handshake(machine, index, who, socket.clone()) {
        tracing::debug!(%why, "a listener was not set up");
        socket.shutdown();
        machine.recorder.add(Some(index), Call::ListenerFailed { why });
    }
    Ok(())
}

fn take_socket(machine: &Machine, call: &Incoming) -> Result<Socket, Refusal> {
    let (at,): (u32,) = arguments(call, "h")?;
    let fd = call.fds.get(at as usize).and_then(|fd| fd.try_clone().ok());
    let fd = fd.ok_or_else(|| {
        failed("Couldn't make a socket: Unable to create socket: Unknown family was specified")
    })?;
    if rustix::net::sockopt::socket_type(&fd).is_err() {
        let why = "creating GSocket from fd: Socket operation on non-socket";
        return Err(failed(format!("Couldn't make a socket: {why}")));
    }
    Ok(machine.sockets.adopt(fd, &machine.gate))
}

fn handshake(machine: &mut Machine, index: u32, who: String, socket: Socket) -> Result<(), String> {
    let start = Instant::now();
    let timing = machine.options.timing;
    let auth = auth::serve(&socket, machine.options.listener_policy, timing.listener_auth)
        .map_err(|error| format!("authentication: {error}"))?;
    let auth_took = start.elapsed();

    let id = machine.next_listener;
    machine.next_listener += 1;
    machine.console_mut(index).listeners.push((id, who));
    let jobs = machine.jobs.clone();
    let conn = Conn::start("standin listener", socket, move |conn, event| match event {
        Event::Message(call) if call.expects_reply() => {
            let name = "org.freedesktop.DBus.Error.UnknownMethod";
            conn.send(Outgoing::error(&call, name, "QEMU serves nothing here"));
        }
        Event::Message(_) => {}
        Event::Closed => {
            // Nobody to tell once the main loop has ended.
            let _ = jobs.send(Job::ListenerClosed { console: index, id });
        }
    });
    let conn = conn.map_err(|error| error.to_string())?;

    let mut get_alls = vec![get_all(&conn, listener::LISTENER, timing.get_all)];
    let interfaces = interfaces(&get_alls[0].reply);
    let known =
        [(listener::MAP, machine.release.has_map()), (listener::DMABUF2, machine.release.has_dmabuf2())];
    for (name, has) in known {
        if has && interfaces.iter().flatten().any(|listed| listed == name) {
            get_alls.push(get_all(&conn, name, timing.get_all));
        }
    }
    if conn.is_closed() {
        return Err("the viewer closed the socket".into());
    }
    let negotiation = Negotiation { auth, auth_took, interfaces, get_alls };
    machine.recorder.add_listener(Listener::new(machine, index, conn, negotiation));
    Ok(())
}

fn get_all(conn: &Conn, interface: &'static str, timeout: Duration) -> GetAll {
    let args = Args::new().str(interface);
    let start = Instant::now();
    let call = Outgoing::call(listener::PATH, "org.freedesktop.DBus.Properties", "GetAll", args);
    let reply = conn.call(call).wait(timeout);
    GetAll { interface, reply, took: start.elapsed() }
}

fn interfaces(reply: &Reply) -> Option<Vec<String>> {
    let Reply::Returned(reply) = reply else {
        return None;
    };
    let (properties,): (HashMap<String, OwnedVariant>,) = reply.read().ok()?;
    properties.get("Interfaces")?.try_clone().ok()?.try_into().ok()
}
