//! A bus to put machines on: joining one as QEMU does, and starting a private one.

use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::auth;
use crate::conn::Conn;
use crate::reply::Reply;
use crate::standin::{Error, Standin};
use crate::wire::{Args, Outgoing};

/// The name that every machine asks for, and queues for.
pub const NAME: &str = "org.qemu";

const PATIENCE: Duration = Duration::from_secs(10);
const DAEMON: &str = "org.freedesktop.DBus";

/// How a machine stands on a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub unique_name: String,
    /// Whether it owns `org.qemu`, rather than wait in the queue for it.
    pub is_owner: bool,
}

impl Standin {
    /// Joins the bus at `address` as `-display dbus,addr=` does: `org.qemu` is asked for with
    /// queueing, so several machines can be there.
    pub fn join(&self, address: &str) -> Result<Joined, Error> {
        let stream = connect(address).map_err(Error::io(format!("connecting to {address}")))?;
        let socket = self.sockets.adopt(stream.into(), &self.gate);
        auth::introduce(&socket, PATIENCE).map_err(Error::io(format!("introducing to {address}")))?;
        let conn = self.on_main(move |machine| machine.attach(socket));
        let conn = conn.map_err(Error::io("starting threads"))?;
        let (unique_name,): (String,) = ask(&conn, "Hello", Args::new())?;
        let (code,): (u32,) = ask(&conn, "RequestName", Args::new().str(NAME).u32(0))?;
        Ok(Joined { unique_name, is_owner: code == 1 })
    }
}

fn ask<T>(conn: &Conn, member: &'static str, args: Args) -> Result<T, Error>
where
    T: for<'d> serde::Deserialize<'d> + zbus::Type,
{
    let call = Outgoing::call("/org/freedesktop/DBus", DAEMON, member, args).to(DAEMON);
    let refused = |why: String| Error::Bus { what: member.into(), why };
    match conn.call(call).wait(PATIENCE) {
        Reply::Returned(reply) => reply.read().map_err(|error| refused(error.to_string())),
        other => Err(refused(format!("{other:?}"))),
    }
}

/// Connects to the first address of a list that is a Unix socket (D-Bus specification, 'Server Addresses').
fn connect(addresses: &str) -> std::io::Result<UnixStream> {
    for address in addresses.split(';') {
        let Some(options) = address.strip_prefix("unix:") else {
            continue;
        };
        for option in options.split(',') {
            match option.split_once('=') {
                Some(("path", path)) => return UnixStream::connect(path),
                Some(("abstract", name)) => {
                    return UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?);
                }
                _ => {}
            }
        }
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "no unix:path= or unix:abstract="))
}

/// A `dbus-daemon` of its own, which ends with this value.
#[derive(Debug)]
pub struct PrivateBus {
    daemon: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl PrivateBus {
    /// Starts one; fails where the program is missing (Debian: dbus-daemon).
    pub fn start() -> Result<Self, Error> {
        let directory = tempfile::tempdir().map_err(Error::io("making a directory for a bus"))?;
        let config = directory.path().join("bus.conf");
        let listen = format!("unix:path={}", directory.path().join("bus").display());
        std::fs::write(&config, CONFIG.replace("@LISTEN@", &listen))
            .map_err(Error::io("writing a bus's configuration"))?;
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io("starting dbus-daemon (Debian package dbus-daemon)"))?;
        let mut address = String::new();
        let stdout = daemon.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut address);
        let bus = Self { daemon, address: address.trim().to_owned(), _directory: directory };
        read.map_err(Error::io("reading dbus-daemon's address"))?;
        if bus.address.is_empty() {
            return Err(Error::Bus { what: "to start".into(), why: "see its messages above".into() });
        }
        Ok(bus)
    }

    /// The address to connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        // Either may fail where the daemon has ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// As libvirt configures the bus of a machine: only EXTERNAL, and everything allowed.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>@LISTEN@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_message_size">134217728</limit>
</busconfig>
"#;
