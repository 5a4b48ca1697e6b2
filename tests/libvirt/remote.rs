//! Another computer's machines over SSH: what that would run on the other computer is run on this one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use oriel::source::libvirt::{
    Access, Domain, Hypervisor, LibvirtError, Operation, Paused, State, Status, Which, is_remote,
};
use serde_json::Value;

use crate::daemon::{Daemon, P2P, call, definition};
use crate::open::{libvirt_error, watch_domain};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// What stands for SSH: notes whom it is to reach, and runs there what it is told to, which is here.
fn ssh(daemon: &Daemon) -> PathBuf {
    let path = daemon.path().join("ssh");
    let script = format!(
        "#!/bin/sh\nuser=\nwhile :; do case $1 in\n-l) user=$2; shift 2;;\n-[ep]) shift 2;;\n-T) shift;;\n\
         --) shift; break;;\n*) break;;\nesac; done\necho \"$user@$1\" >>{}/whom\nshift\nexec sh -c \"$*\"\n",
        daemon.path().display()
    );
    write_program(&path, &script);
    path
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn oriel(arguments: &[&str]) -> Output {
    harness::viewer::run_bare(ORIEL, arguments).unwrap()
}

/// Listed, switched, photographed and read; only the display is its own computer's.
#[test]
fn another_computers_machines_are_switched_and_looked_at() {
    let mut daemon = Daemon::start();
    let (ssh, socket) = (ssh(&daemon), daemon.path().join("run/libvirt-sock"));
    let way = format!("command={}&proxy=native&socket={}", ssh.display(), socket.display());
    let uri = format!("qemu+ssh://ada@tower/system?{way}");
    assert!(is_remote(&uri));
    let hypervisor = Hypervisor::connect(&*uri, Access::Full);
    assert_eq!(call(hypervisor.machines()).unwrap(), [], "{}", daemon.log());
    assert_eq!(fs::read_to_string(daemon.path().join("whom")).unwrap().lines().next(), Some("ada@tower"));
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    call(hypervisor.start_watched(&uuid)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    call(hypervisor.operate(&uuid, Operation::Pause)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    call(hypervisor.operate(&uuid, Operation::Resume)).unwrap();
    assert!(call(hypervisor.definition(&uuid, Which::Next)).unwrap().contains("<name>web</name>"));
    assert!(call(hypervisor.screenshot(&uuid, 0)).unwrap().size().0 >= 640);

    let session = watch_domain(Domain::on(hypervisor.clone(), "web"));
    let down = session.down();
    assert!(matches!(libvirt_error(&down), Some(LibvirtError::Remote(_))), "{down:?}");

    let listed = oriel(&["list", "--json", "--libvirt", &uri]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["address"]), (&"web".into(), &(*uri).into()), "{listed}");
    let file = daemon.path().join("shot.png");
    let shot = oriel(&["screenshot", "--libvirt", &uri, "web", file.to_str().unwrap()]);
    assert!(shot.status.success() && file.exists(), "{shot:?}");

    // The other computer's libvirt goes and comes back.
    daemon.tell("kill");
    daemon.until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
    daemon.tell("start");
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
}

/// Whoever SSH does not let in hears SSH's own words, and is not asked over and over.
#[test]
fn whom_ssh_does_not_let_in_hears_why() {
    let place = tempfile::tempdir().unwrap();
    let ssh = place.path().join("ssh");
    for (words, refused) in [
        ("ada@tower: Permission denied (publickey,password).", true),
        ("Host key verification failed.", true),
        ("ssh: connect to host tower port 22: No route to host", false),
    ] {
        // SSH, too, takes its time: until then it is told something.
        let wait = "dd bs=1 count=1 of=/dev/null 2>/dev/null";
        write_program(&ssh, &format!("#!/bin/sh\n{wait}\necho '{words}' >&2\nexit 255\n"));
        let uri = format!("qemu+ssh://ada@tower/system?command={}", ssh.display());
        let failed = oriel(&["list", "--libvirt", &uri]);
        assert!(!failed.status.success(), "{failed:?}");
        assert!(String::from_utf8_lossy(&failed.stderr).contains(words), "{failed:?}");
        let error = call(Hypervisor::connect(uri, Access::Full).machines()).unwrap_err();
        assert_eq!(matches!(error, LibvirtError::Refused { .. }), refused, "{error:?}");
        assert_eq!(error.may_pass(), !refused);
    }
}
