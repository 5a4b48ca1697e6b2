//! Stock QEMU, started by us: its display, its end, its last words.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use harness::Result;
use harness::machine::{Builder, Machine, Report};
use oriel::session::{End, Power, State};
use oriel::source::{Exited, Launch, Source};
use rustix::process::{Pid, Signal, kill_process};

use crate::session_watch::{Watch, eventually};
use crate::support::{LIMIT, ORIEL, guest, wait_for_guest};

fn launch(command: &[OsString]) -> Watch {
    Watch::start(Source::Launch(Launch::new(command.to_vec()).unwrap().guarded_by(ORIEL)))
}

fn exited(watch: &Watch) -> Exited {
    match watch.down() {
        State::Ended(End::Exited(exited)) => exited,
        other => panic!("QEMU has not ended: {other:?}"),
    }
}

/// QEMU writes its number there once it is set up, and removes the file when it ends properly.
fn pid(file: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(file).ok()?.trim().parse().ok()?)
}

#[test]
fn the_guest_is_shown_and_shuts_down_when_asked() -> Result<()> {
    let machine = Builder::new().guest(guest(800, 600)).without_qmp().prepare()?;
    let watch = launch(machine.arguments());
    assert_eq!(watch.live().name, "oriel-test");
    let console = watch.console();
    wait_for_guest(machine.serial())?;
    eventually("a picture", || console.frames.current().is_some());
    watch.session.power(Power::Down);
    machine.serial().expect(&Report::Power, LIMIT)?;
    let exited = exited(&watch);
    assert!(exited.status.success(), "{exited}");
    watch.close();
    Ok(())
}

/// Launches a machine that writes its process's number into a file of this folder.
fn launch_numbered(place: &Path) -> Result<(Machine, Watch, PathBuf)> {
    let machine = Builder::new().video("VGA").prepare()?;
    let file = place.join("pid");
    let mut command = machine.arguments().to_vec();
    command.extend(["-pidfile".into(), file.clone().into()]);
    let watch = launch(&command);
    watch.console();
    Ok((machine, watch, file))
}

#[test]
fn a_machine_ends_with_its_session() -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let (_machine, watch, file) = launch_numbered(place.path())?;
    assert!(pid(&file).is_some());
    watch.close();
    assert!(pid(&file).is_none(), "QEMU ended in order, and before the session did");
    Ok(())
}

#[test]
fn a_machine_that_hangs_ends_with_its_session() -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let (_machine, watch, file) = launch_numbered(place.path())?;
    let pid = pid(&file).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    watch.close();
    assert!(rustix::process::test_kill_process(pid).is_err(), "it lives on");
    Ok(())
}

#[test]
fn a_machine_that_crashes_says_how() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("pid");
    let mut command =
        ["qemu-system-x86_64", "-nodefaults", "-device", "VGA", "-pidfile"].map(OsString::from).to_vec();
    command.push(file.clone().into());
    let watch = launch(&command);
    watch.console();
    kill_process(pid(&file).unwrap(), Signal::SEGV).unwrap();
    let words = exited(&watch).to_string();
    assert!(words.contains("signal: 11"), "{words}");
    // The person has it started again.
    watch.session.reconnect();
    watch.live();
    watch.close();
}

#[test]
fn a_machine_that_cannot_start_is_quoted() {
    let command = ["qemu-system-x86_64", "-nodefaults", "-device", "no-such-device"].map(OsString::from);
    let words = exited(&launch(&command)).to_string();
    assert!(words.contains("'no-such-device' is not a valid device model name"), "{words}");
}

#[test]
fn a_machine_without_the_gpu_it_wants_is_quoted() {
    let display = "dbus,gl=on,rendernode=/nonexistent/renderD128";
    let command = ["qemu-system-x86_64", "-display", display].map(OsString::from);
    let words = exited(&launch(&command)).to_string();
    assert!(words.contains("render node init failed"), "{words}");
}
