//! What these tests share: the program under test, and machines at rest.

#[cfg(feature = "gui")]
use std::process::Command;
use std::time::Duration;

use harness::Result;
use harness::machine::{GuestOptions, Report, Running, Serial};

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

/// Major and minor version of the QEMU that machines are started with.
#[cfg(feature = "gui")]
pub(crate) fn qemu_version() -> (u32, u32) {
    let output = Command::new("qemu-system-x86_64").arg("--version").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let mut numbers =
        words.split("version ").nth(1).unwrap().split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
