//! A person's own machines: `qemu:///session`, whose daemon starts when somebody asks for it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::shot::Image;
use serde_json::{Value, json};

use crate::daemon::{P2P, definition};

const URI: &str = "qemu:///session";

/// libvirt has one daemon for root, whatever it is asked for: root plays somebody else.
const NOBODY: u32 = 65534;

struct Person {
    home: tempfile::TempDir,
    oriel: PathBuf,
}

impl Person {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("run");
        fs::create_dir(&runtime).unwrap();
        // The tree may be where only root may look.
        let oriel = home.path().join("oriel");
        fs::copy(env!("CARGO_BIN_EXE_oriel"), &oriel).unwrap();
        for path in [home.path(), &runtime, &oriel] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
            if is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        Self { home, oriel }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
            command.arg("--clear-groups").arg(program);
            command
        } else {
            Command::new(program)
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.path("run"));
        command.current_dir(self.home.path());
        command.args(arguments).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
    }

    fn done(&self, program: &Path, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn virsh(&self, arguments: &[&str]) {
        self.done("virsh".as_ref(), &[&["--connect", URI], arguments].concat());
    }

    fn oriel(&self, arguments: &[&str]) -> String {
        self.done(&self.oriel, arguments)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.run("virsh".as_ref(), &["--connect", URI, "destroy", "web"]);
        // They would stay for two minutes.
        for daemon in ["libvirtd", "virtlogd"] {
            let pid = fs::read_to_string(self.path("run/libvirt").join(daemon).with_extension("pid"));
            if let Ok(pid) = pid {
                self.run("kill".as_ref(), &[pid.trim()]);
            }
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_persons_own_machines_are_listed_and_photographed() {
    let person = Person::new();
    let file = person.path("web.xml");
    fs::write(&file, definition("web", P2P)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(person.oriel(&["list", "--json", "--libvirt", URI]).trim(), "[]", "the daemon was started");

    person.virsh(&["define", file.to_str().unwrap()]);
    let listed = |state: &str| {
        let listed: Value =
            serde_json::from_str(&person.oriel(&["list", "--json", "--libvirt", URI])).unwrap();
        assert_eq!(listed[0]["name"], "web");
        assert_eq!(listed[0]["address"], URI);
        assert_eq!(listed[0]["libvirt"]["state"], state, "{listed}");
        assert_eq!(listed[0]["libvirt"]["displays"], json!(["dbus"]));
    };
    listed("off");
    person.virsh(&["start", "web"]);
    listed("running");
    let shot = person.path("shot.png");
    person.oriel(&["screenshot", "--libvirt", URI, "web", shot.to_str().unwrap()]);
    let picture = Image::load(&shot).unwrap();
    assert!(picture.width() >= 640, "{}x{}", picture.width(), picture.height());
}
