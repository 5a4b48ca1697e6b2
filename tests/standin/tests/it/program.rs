//! The program: its ways in, its modes, and what it writes.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;
use standin::bus::PrivateBus;
use standin::{DMABUF2, MAP};
use zbus::connection::Builder;
use zruntime::block_on;

use crate::support::{Viewer, next};

fn standin() -> Command {
    Command::new(env!("CARGO_BIN_EXE_standin"))
}

/// Starts the program with one end of a socket pair as descriptor 0.
fn start(arguments: &[&str], stats: &Path, log: &Path) -> (Child, Viewer) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = standin()
        .args(["--p2p-fd", "0", "--size", "64x64", "--seconds", "0.3"])
        .args(arguments)
        .arg("--stats")
        .arg(stats)
        .arg("--log")
        .arg(log)
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    (child, Viewer::new(ours))
}

#[test]
fn every_mode_sends_its_messages_and_counts_them() {
    for (mode, member, calls) in [
        ("pixels", "Scanout", false),
        ("map", "UpdateMap", false),
        ("dmabuf", "ScanoutDMABUF", true),
        ("dmabuf2", "ScanoutDMABUF2", true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (stats, log) = (directory.path().join("stats"), directory.path().join("log"));
        let arguments = ["--mode", mode, "--fps", "100", "--linger", "0.1"];
        let (mut child, viewer) = start(&arguments, &stats, &log);
        let told = viewer.register(&[MAP, DMABUF2]);
        assert!(child.wait().unwrap().success(), "{mode}");
        let stats: Value = serde_json::from_slice(&std::fs::read(stats).unwrap()).unwrap();
        let frames = stats["frames"].as_u64().unwrap();
        let sent = &stats["messages"][member];
        let dropped = stats["queue"]["discarded"].as_u64().unwrap();
        assert!(frames > 0 && *sent == frames, "{mode}: {stats}");
        let returned = stats["returned"].as_u64().unwrap();
        assert_eq!(returned > 0, calls, "{mode}: {stats}");
        assert_eq!(stats["reply_latency_ms"].is_object(), calls, "{mode}: {stats}");
        let received = told.try_iter().filter(|seen| seen.member == member).count() as u64;
        assert!(received + dropped >= frames, "{mode}: {received} of {stats}");
        let lines = std::fs::read_to_string(log).unwrap().lines().count() as u64;
        let messages = stats["messages"].as_object().unwrap();
        let total: u64 = messages.values().filter_map(Value::as_u64).sum();
        assert_eq!(lines, total + 1, "{mode}");
    }
}

#[test]
fn a_flood_and_a_scenario_are_played_on_request() {
    for (arguments, member) in
        [(&["--flood"][..], "Update"), (&["--scenario", "vga-text-resize"][..], "Scanout")]
    {
        let directory = tempfile::tempdir().unwrap();
        let (stats, log) = (directory.path().join("stats"), directory.path().join("log"));
        let (mut child, viewer) = start(arguments, &stats, &log);
        let told = viewer.register(&[]);
        assert_eq!(next(&told).member, member);
        let reading = std::thread::spawn(move || told.iter().count());
        assert!(child.wait().unwrap().success());
        assert!(reading.join().unwrap() > 0);
        assert!(stats.exists());
    }
}

#[test]
fn it_joins_a_bus_and_writes_down_the_calls() {
    let bus = PrivateBus::start().unwrap();
    let calls = tempfile::NamedTempFile::new().unwrap();
    let mut child = standin()
        .args(["--address", bus.address(), "--wait", "0.5", "--name", "on the bus", "--calls"])
        .arg(calls.path())
        .spawn()
        .unwrap();
    let viewer = block_on(Builder::address(bus.address()).build()).unwrap();
    let proxy = block_on(zbus::fdo::DBusProxy::new(&viewer)).unwrap();
    let name = zbus::names::BusName::try_from(standin::bus::NAME).unwrap();
    while !block_on(proxy.name_has_owner(name.clone())).unwrap() {
        assert!(child.try_wait().unwrap().is_none(), "it left before it joined");
    }
    let path = "/org/qemu/Display1";
    let interface = Some("org.freedesktop.DBus.ObjectManager");
    let asked = viewer.call_method(Some(standin::bus::NAME), path, interface, "GetManagedObjects", &());
    block_on(asked).unwrap();
    assert!(!child.wait().unwrap().success(), "nobody registered a listener");
    let written = std::fs::read_to_string(calls.path()).unwrap();
    assert!(written.contains("GetManagedObjects"), "{written}");
}

#[test]
fn wrong_arguments_say_what_is_expected() {
    for (arguments, expected) in [
        (&["--size", "big"][..], "WIDTHxHEIGHT"),
        (&["--mode", "telepathy"], "pixels, map, dmabuf and dmabuf2"),
        (&["--scenario", "none"], "vfio-flips"),
        (&["--release", "1.0"], "11.1"),
        (&["--fps", "0"], "above 0"),
        (&["--p2p-fd", "99", "--wait", "0"], "descriptor 99"),
        (&["--address", "tcp:host=nowhere"], "unix:path="),
        (&[], "--address"),
    ] {
        let output = standin().args(arguments).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
