//! The ways to show a machine: which there are here, and how each is started.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::desk::{Desk, Output, Sway, SwayConfig};
use harness::machine::{Builder, Display, GuestOptions, Report, Running};
use harness::process::Process;
use harness::viewer::Viewer;
use harness::{Error, Result};

/// The guest's mode, and the screen's.
pub(crate) const SIZE: (u32, u32) = (1920, 1080);

/// New pictures a second.
pub(crate) const RATE: u32 = 30;

/// How long an emulated machine may take from its start to the guest.
const BOOT: Duration = Duration::from_secs(300);

/// A way to show a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Not at all: what the guest costs by itself.
    None,
    Oriel,
    Gtk,
    Vnc,
    Spice,
}

/// Whoever shows the machine, where it is not QEMU itself.
#[derive(Debug)]
enum Client {
    None,
    Oriel(Viewer),
    Other(Process),
}

/// A machine that is shown. Fields end in this order.
#[derive(Debug)]
pub(crate) struct Showing {
    client: Client,
    machine: Running,
    sway: Option<Sway>,
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [Self::None, Self::Oriel, Self::Gtk, Self::Vnc, Self::Spice];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Oriel => "oriel",
            Self::Gtk => "gtk",
            Self::Vnc => "vnc",
            Self::Spice => "spice",
        }
    }

    /// What it is, for the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::None => "-display none",
            Self::Oriel => "D-Bus, Oriel",
            Self::Gtk => "QEMU gtk (gl=off)",
            Self::Vnc => "VNC, remote-viewer",
            Self::Spice => "SPICE, remote-viewer",
        }
    }

    /// Why it cannot be had here.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        let viewer = || (!is_installed("remote-viewer")).then_some("remote-viewer is not installed");
        match self {
            Self::None | Self::Oriel => None,
            Self::Gtk => (!qemu_has("gtk")).then_some("QEMU has no gtk display here"),
            Self::Vnc => viewer(),
            Self::Spice => viewer().or_else(|| (!qemu_has("spice-app")).then_some("QEMU has no SPICE here")),
        }
    }

    /// Boots the guest, shows it, and waits until it draws.
    pub(crate) fn start(self, guest: GuestOptions, video: &str) -> Result<Showing> {
        let machine = Builder::new().guest(guest).video(video).memory(512);
        let showing = self.begin(&machine)?;
        let ready = |report: &Report| matches!(report, Report::Ready { .. }).then_some(());
        showing.machine.serial().guest("guest that draws", BOOT, ready)?;
        Ok(showing)
    }

    fn begin(self, machine: &Builder) -> Result<Showing> {
        if self == Self::None {
            let machine = machine.clone().display(Display::None).prepare()?.start()?;
            return Ok(Showing { client: Client::None, machine, sway: None });
        }
        let sway =
            Sway::start(SwayConfig { outputs: vec![Output::new(SIZE.0, SIZE.1)], ..Default::default() })?;
        let (client, machine) = match self {
            Self::None | Self::Gtk => {
                let display = Display::Other("gtk,gl=off,full-screen=on".to_owned());
                let machine = machine.clone().display(display).prepare()?;
                let line = machine.arguments().to_vec();
                let mut command = sway.command(&line[0].to_string_lossy());
                command.args(&line[1..]);
                (Client::None, machine.start_as(command)?)
            }
            Self::Oriel => {
                let machine = machine.clone().display(Display::DBusP2p).prepare()?.start()?;
                let socket = machine.qmp_socket()?.to_string_lossy().into_owned();
                let arguments = ["--qmp", &socket, "--fullscreen", "--scale", "1:1"];
                (Client::Oriel(Viewer::start(&sway, "connect", &arguments)?), machine)
            }
            Self::Vnc => {
                let port = free_port()?;
                let server = format!("127.0.0.1:{}", port - FIRST_VNC_PORT);
                let machine = served(machine, "-vnc", &server)?;
                (Client::Other(remote_viewer(&sway, &format!("vnc://127.0.0.1:{port}"))?), machine)
            }
            Self::Spice => {
                let socket = sway.session().scope().join("spice.sock");
                let server = format!("unix=on,addr={},disable-ticketing=on", socket.display());
                let machine = served(machine, "-spice", &server)?;
                (Client::Other(remote_viewer(&sway, &format!("spice+unix://{}", socket.display()))?), machine)
            }
        };
        Ok(Showing { client, machine, sway: Some(sway) })
    }
}

impl Showing {
    pub(crate) fn machine(&self) -> &Running {
        &self.machine
    }

    /// The machine's process and the others that its picture costs: viewer and compositor.
    pub(crate) fn processes(&self) -> (u32, Option<u32>, Option<u32>) {
        let viewer = match &self.client {
            Client::None => None,
            Client::Oriel(viewer) => Some(viewer.id()),
            Client::Other(process) => Some(process.id()),
        };
        (self.machine.id(), viewer, self.sway.as_ref().map(|sway| sway.process().id()))
    }

    /// Oriel, where that is what shows the machine.
    pub(crate) fn oriel(&mut self) -> Option<&mut Viewer> {
        match &mut self.client {
            Client::Oriel(viewer) => Some(viewer),
            _ => None,
        }
    }
}

/// QEMU counts VNC displays from this port.
const FIRST_VNC_PORT: u16 = 5900;

/// A port that nobody listens at, as VNC displays are numbered.
fn free_port() -> Result<u16> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = bound.map_err(Error::failed)?.port();
    if port < FIRST_VNC_PORT { Err(Error::failed("no free port for VNC")) } else { Ok(port) }
}

fn served(machine: &Builder, option: &str, server: &str) -> Result<Running> {
    machine.clone().display(Display::None).argument(option).argument(server).prepare()?.start()
}

fn remote_viewer(sway: &Sway, address: &str) -> Result<Process> {
    let mut command = sway.command("remote-viewer");
    command.args(["--full-screen", address]);
    sway.spawn("remote-viewer", command)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| Path::new(&dir).join(program).is_file())
}

fn qemu_has(display: &str) -> bool {
    let help = Command::new("qemu-system-x86_64").args(["-display", "help"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).lines().any(|line| line.trim() == display))
}
