//! What these tests share: the program under test, and machines at rest.

#[cfg(feature = "gui")]
use std::path::Path;
#[cfg(feature = "gui")]
use std::process::Command;
use std::time::Duration;

use harness::Result;
#[cfg(feature = "gui")]
use harness::desk::{Desk, Find, Layout, Output, Sway, SwayConfig, Window};
#[cfg(feature = "gui")]
use harness::input::Input;
#[cfg(feature = "gui")]
use harness::machine::{Builder, Display};
use harness::machine::{GuestOptions, Report, Running, Serial};
#[cfg(feature = "gui")]
use harness::viewer::Viewer;

/// An emulated machine, on a computer that is busy with other tests.
pub(crate) const BOOT: Duration = Duration::from_secs(180);

/// What a running guest does at once.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// Runs the program, which has to do what it is told.
pub(crate) fn done(arguments: &[&str]) -> Vec<u8> {
    let output = harness::viewer::run_bare(ORIEL, arguments).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Waits until the guest draws; says in which size.
pub(crate) fn wait_for_guest(serial: &Serial) -> Result<(u32, u32)> {
    serial.guest("guest that draws", BOOT, |report| match report {
        Report::Ready { size, .. } => Some(*size),
        _ => None,
    })
}

/// A guest in this size.
pub(crate) fn guest(width: u32, height: u32) -> GuestOptions {
    GuestOptions { mode: Some((width, height)), ..GuestOptions::default() }
}

/// Holds the machine, so that its picture does not change any more.
pub(crate) fn pause(machine: &Running) -> Result<()> {
    machine.qmp()?.execute("stop", serde_json::json!({})).map(drop)
}

/// The screen of a [`Person`], in device pixels: the window fills it.
#[cfg(feature = "gui")]
pub(crate) const SCREEN: (u32, u32) = (768, 576);

/// Somebody at a desktop, in front of a window on a guest.
#[cfg(feature = "gui")]
pub(crate) struct Person {
    // In the order in which they are to end.
    pub(crate) input: Input,
    pub(crate) viewer: Viewer,
    pub(crate) machine: Running,
    pub(crate) sway: Sway,
    pub(crate) window: Window,
}

#[cfg(feature = "gui")]
impl Person {
    /// In front of a guest with these devices; `more` is of sway's configuration.
    pub(crate) fn before(devices: &[&str], more: &str) -> Result<Self> {
        let config = SwayConfig {
            outputs: vec![Output::new(SCREEN.0, SCREEN.1)],
            layout: Layout::Tiled,
            more: more.to_owned(),
            ..SwayConfig::default()
        };
        let sway = Sway::start(config)?;
        let input = Input::connect(&sway)?;
        let machine = Builder::new()
            .devices(devices)
            .guest(GuestOptions { more: "oriel.cursor=no".to_owned(), ..GuestOptions::paint("still") })
            .display(Display::DBusP2p)
            .prepare()?
            .start()?;
        let socket = machine.qmp_socket()?.to_owned();
        let arguments = [Path::new("--qmp"), &socket];
        let viewer = Viewer::start_as(&sway, sway.command(ORIEL), "connect", &arguments)?;
        let window = sway.wait_for_window(Find::Pid(viewer.id()), BOOT)?;
        wait_for_guest(machine.serial())?;
        Ok(Self { input, viewer, machine, sway, window })
    }
}

/// Major and minor version of the QEMU that machines are started with.
#[cfg(feature = "gui")]
pub(crate) fn qemu_version() -> (u32, u32) {
    let output = Command::new("qemu-system-x86_64").arg("--version").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let mut numbers =
        words.split("version ").nth(1).unwrap().split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
