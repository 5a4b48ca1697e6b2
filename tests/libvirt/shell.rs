//! The program from a shell, with libvirt's machines.

use std::process::Output;

use harness::shot::Image;
use oriel::source::libvirt::{Operation, State};
use serde_json::{Value, json};

use crate::daemon::{Daemon, P2P, call, definition};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

fn oriel(arguments: &[&str]) -> Output {
    harness::viewer::run_bare(ORIEL, arguments).unwrap()
}

fn done(arguments: &[&str]) -> String {
    let output = oriel(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn machines_are_listed_and_photographed() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let uri = daemon.uri();
    for name in ["mail", "web"] {
        call(hypervisor.define(definition(name, P2P))).unwrap();
    }
    let web = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let mail = daemon.until_state(&hypervisor, "mail", |_| true).uuid;
    call(hypervisor.operate(&web, Operation::Start)).unwrap();
    let id = daemon.until_state(&hypervisor, "web", |state| state == State::Running).id;

    let mut listed: Value = serde_json::from_str(&done(&["list", "--json", "--libvirt", &uri])).unwrap();
    listed.as_array_mut().unwrap().sort_by_key(|machine| machine["name"].to_string());
    let machine = |name: &str, uuid: &str, state: &str, id: Option<u32>| {
        json!({
            "name": name, "uuid": uuid, "owner": null, "address": uri, "answers": true, "consoles": [],
            "libvirt": { "state": state, "id": id, "title": null, "saved": false, "displays": ["dbus"] },
        })
    };
    assert_eq!(listed, json!([machine("mail", &mail, "off", None), machine("web", &web, "running", id)]));
    let table = done(&["list", "--libvirt", &uri]);
    assert!(table.contains(&format!("web  {web}  {uri}  running  dbus\n")), "{table}");

    let file = daemon.path().join("shot.png");
    let file = file.to_str().unwrap();
    for console in [&[][..], &["--console", "0"]] {
        done(&[&["screenshot", "--libvirt", &uri], console, &["web", file]].concat());
        let picture = Image::load(file.as_ref()).unwrap();
        assert!(
            picture.width() >= 640 && picture.height() >= 400,
            "{}x{}",
            picture.width(),
            picture.height()
        );
        std::fs::remove_file(file).unwrap();
    }
    let off = oriel(&["screenshot", "--libvirt", &uri, "mail", file]);
    assert_eq!(off.status.code(), Some(3), "{off:?}");
    assert!(String::from_utf8_lossy(&off.stderr).contains("'mail' is off"), "{off:?}");
}

#[test]
fn what_is_not_there_is_said() {
    let uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
    for arguments in [&["list", "--libvirt", uri][..], &["screenshot", "--libvirt", uri, "web", "x.png"]] {
        let output = oriel(arguments);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("does not answer"), "{output:?}");
    }
    let nameless = oriel(&["screenshot", "--libvirt", uri, "x.png"]);
    assert_eq!(nameless.status.code(), Some(2), "{nameless:?}");
}
