//! QMP: a descriptor goes over, and becomes a display connection.

use std::os::unix::net::UnixStream;

use serde_json::json;
use standin::{Call, QmpEvent, Standin};

use crate::support::{Monitor, Viewer, WAIT};

fn open(qemu: &Standin) -> Monitor {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("qmp");
    qemu.serve_qmp(&path).unwrap();
    Monitor::open(&path)
}

fn negotiated(qemu: &Standin) -> Monitor {
    let mut monitor = open(qemu);
    monitor.negotiate();
    monitor
}

#[test]
fn a_viewer_connects_through_qmp() {
    let qemu = Standin::builder().build().unwrap();
    let mut monitor = negotiated(&qemu);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let get = json!({"execute": "getfd", "arguments": {"fdname": "viewer"}, "id": 7});
    assert_eq!(monitor.ask_with_fd(&get, &theirs), json!({"return": {}, "id": 7}));
    drop(theirs);
    let arguments = json!({"protocol": "@dbus-display", "fdname": "viewer"});
    let add = json!({"execute": "add_client", "arguments": arguments});
    assert_eq!(monitor.ask(&add), json!({"return": {}}));
    assert_eq!(Viewer::new(ours).tree().len(), 4);
    assert!(qemu.calls().contains(&Call::Qmp("add_client".into())));
}

#[test]
fn what_qemu_refuses_is_refused() {
    let qemu = Standin::builder().build().unwrap();
    let mut monitor = open(&qemu);
    let early = monitor.ask(&json!({"execute": "query-status"}));
    assert_eq!(early["error"]["class"], "CommandNotFound");
    monitor.ask(&json!({"execute": "qmp_capabilities"}));
    let get = json!({"execute": "getfd", "arguments": {"fdname": "viewer"}});
    assert!(monitor.ask(&get)["error"]["desc"].as_str().unwrap().contains("SCM_RIGHTS"));
    let arguments = json!({"protocol": "@dbus-display", "fdname": "viewer"});
    let add = json!({"execute": "add_client", "arguments": arguments});
    assert!(monitor.ask(&add)["error"]["desc"].as_str().unwrap().contains("has not been found"));
    assert_eq!(monitor.ask(&json!({"execute": "dance"}))["error"]["class"], "CommandNotFound");
}

#[test]
fn events_come_with_what_causes_them() {
    let qemu = Standin::builder().build().unwrap();
    let mut monitor = negotiated(&qemu);
    for (command, event) in
        [("system_powerdown", "POWERDOWN"), ("stop", "STOP"), ("cont", "RESUME"), ("system_reset", "RESET")]
    {
        assert_eq!(monitor.ask(&json!({"execute": command}))["event"], event);
        assert_eq!(monitor.read(), json!({"return": {}}));
    }
    qemu.qmp_event(QmpEvent::GuestShutdown);
    assert_eq!(monitor.read()["event"], "SHUTDOWN");
}

#[test]
fn a_paused_machine_drops_input_without_an_error() {
    let qemu = Standin::builder().build().unwrap();
    let mut monitor = negotiated(&qemu);
    let viewer = monitor.add_viewer();
    monitor.ask(&json!({"execute": "stop"}));
    viewer.console("org.qemu.Display1.Keyboard", "Press", &(1_u32,)).unwrap();
    assert!(!qemu.calls().contains(&Call::KeyPress(1)));
}

#[test]
fn quitting_closes_every_connection() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let _told = viewer.register(&[]);
    qemu.listener(0).unwrap();
    let mut monitor = negotiated(&qemu);
    monitor.ask(&json!({"execute": "quit"}));
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::Disconnected) && calls.contains(&Call::ListenerClosed))
        .unwrap();
}
