//! The stand-in against the QEMU that is installed: both are asked the same, and must answer alike.

#[path = "it/support.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use standin::bus::{NAME, PrivateBus};
use standin::{ConsoleSpec, MAP, Pointer, Release, Standin};
use support::{CONSOLE, Monitor, Viewer, WAIT};
use zbus::connection::Builder;
use zruntime::block_on;

const PROGRAM: &str = "qemu-system-x86_64";

/// A machine without a disk, with QMP in a directory of its own.
struct Qemu {
    process: Child,
    qmp: PathBuf,
    _directory: tempfile::TempDir,
}

impl Qemu {
    /// Starts one with this `-display dbus` option.
    fn start(display: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let qmp = directory.path().join("qmp");
        let mut process = Command::new(PROGRAM)
            .args(["-machine", "pc", "-m", "64", "-accel", "tcg", "-name", "standin"])
            .args(["-parallel", "none", "-display"])
            .arg(format!("dbus,{display}"))
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", qmp.display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("QEMU is installed (Debian: qemu-system-x86, qemu-system-modules-opengl)");
        let patience = Instant::now() + Duration::from_secs(30);
        while !qmp.exists() {
            assert!(process.try_wait().unwrap().is_none(), "QEMU left at once");
            assert!(Instant::now() < patience, "QEMU has no QMP socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, qmp, _directory: directory }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Either may fail where QEMU has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The newest release with a profile that is not newer than the QEMU installed.
fn installed() -> Release {
    let output = Command::new(PROGRAM).arg("--version").output().expect("QEMU is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().unwrap());
        (parts.next().unwrap(), parts.next().unwrap())
    };
    let version = text.split("version ").nth(1).unwrap();
    let version = version.split([' ', '(', '\n']).next().unwrap();
    let known = |release: &Release| number(release.name()) <= number(version);
    Release::ALL.into_iter().rfind(known).expect("QEMU is not older than every profile")
}

/// As QEMU's standard VGA without a tablet.
fn same_machine(release: Release, qmp: &Path) -> Standin {
    let vga = ConsoleSpec { resizable: false, pointer: Pointer::Relative, ..ConsoleSpec::sized(640, 480) };
    let standin = Standin::builder().release(release).name("standin").console(vga).build().unwrap();
    standin.serve_qmp(qmp).unwrap();
    standin
}

/// Everything asked of a machine, with the answers.
fn interview(qmp: &Path) -> Vec<String> {
    let mut monitor = Monitor::open(qmp);
    let mut said = Vec::new();
    let commands = [
        json!({"execute": "query-name"}),
        json!({"execute": "qmp_capabilities"}),
        json!({"execute": "qmp_capabilities"}),
        json!({"execute": "query-name"}),
        json!({"execute": "query-uuid", "id": [1, "two"]}),
        json!({"execute": "dance"}),
        json!({"execute": "getfd", "arguments": {}}),
        json!({"execute": "getfd", "arguments": {"fdname": "none"}}),
        json!({"execute": "add_client", "arguments": {"protocol": "@dbus-display", "fdname": "none"}}),
    ];
    said.extend(commands.iter().map(|command| format!("{command}: {}", monitor.ask(command))));
    let viewer = monitor.add_viewer();
    said.extend(tree(&viewer));
    said.extend(questions(&viewer));
    said
}

/// The properties of the objects that both have, except those that depend on what the machine does.
fn tree(viewer: &Viewer) -> Vec<String> {
    let mut said = Vec::new();
    for (path, interfaces) in viewer.tree() {
        for (interface, properties) in interfaces {
            let ours = interface.starts_with("org.qemu.");
            said.extend(ours.then(|| format!("{} {interface}", path.as_str())));
            for (property, value) in properties {
                let varies = ["Width", "Height", "DeviceAddress"].contains(&property.as_str());
                let value = if varies { value.value_signature().to_string() } else { format!("{value:?}") };
                said.push(format!("{} {interface} {property} {value}", path.as_str()));
            }
        }
    }
    said.sort_unstable();
    said
}

fn questions(viewer: &Viewer) -> Vec<String> {
    const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
    const MOUSE: &str = "org.qemu.Display1.Mouse";
    const TOUCH: &str = "org.qemu.Display1.MultiTouch";
    let answer = |what: &str, reply: zbus::Result<zbus::Message>| match reply {
        Ok(reply) => format!("{what}: ({})", reply.body().signature().to_string_no_parens()),
        Err(error) => format!("{what}: {error}"),
    };
    let null = zbus::OwnedFd::from(std::os::fd::OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    let no_window = (300_u16, 200_u16, 0_i32, 0_i32, 800_u32, 600_u32);
    vec![
        answer("an unknown property", viewer.console(PROPERTIES, "Get", &(CONSOLE, "Colour"))),
        answer("an unknown interface", viewer.console(PROPERTIES, "GetAll", &("org.none",))),
        answer("setting", viewer.console(PROPERTIES, "Set", &(CONSOLE, "Width", zbus::Variant::new(1_u32)))),
        answer("an unknown method", viewer.console(CONSOLE, "Explode", &())),
        answer("a method of nothing", viewer.console("org.none", "Explode", &())),
        answer("a method of nobody", viewer.call("/org/qemu/Display1/None", CONSOLE, "Explode", &())),
        answer("wrong arguments", viewer.console(CONSOLE, "SetUIInfo", &("big",))),
        answer("a size", viewer.console(CONSOLE, "SetUIInfo", &no_window)),
        answer("motion", viewer.console(MOUSE, "RelMotion", &(1_i32, 1_i32))),
        answer("a position", viewer.console(MOUSE, "SetAbsPosition", &(1_u32, 1_u32))),
        answer("a finger", viewer.console(TOUCH, "SendEvent", &(0_u32, 3_u64, 1_f64, 1_f64))),
        answer("an eleventh finger", viewer.console(TOUCH, "SendEvent", &(0_u32, 10_u64, 1_f64, 1_f64))),
        answer("a finger's fifth wheel", viewer.console(TOUCH, "SendEvent", &(4_u32, 1_u64, 1_f64, 1_f64))),
        answer("a listener that is a file", viewer.console(CONSOLE, "RegisterListener", &(null,))),
    ]
}

#[test]
fn both_answer_alike() {
    let release = installed();
    let qemu = Qemu::start("p2p=yes");
    let real = interview(&qemu.qmp);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("qmp");
    let _standin = same_machine(release, &path);
    let ours = interview(&path);
    for (real, ours) in real.iter().zip(&ours) {
        assert_eq!(ours, real, "QEMU says the latter");
    }
    assert_eq!(ours.len(), real.len());
}

/// What a listener is asked and sent first: method, flags and signature, without what depends on the guest.
fn first_messages(viewer: &Viewer) -> Vec<(String, u8, String)> {
    let told = viewer.register(&[MAP]);
    let mut first = Vec::new();
    loop {
        let seen = told.recv_timeout(WAIT).expect("the firmware draws something");
        let done = seen.member == "UpdateMap";
        // Where the pointer is may come at any time.
        if seen.member != "MouseSet" {
            first.push((seen.member, seen.flags, seen.signature));
        }
        if done {
            return first;
        }
    }
}

#[test]
fn a_listener_is_sent_the_same_messages() {
    let release = installed();
    assert!(release.has_map(), "mapped surfaces came with QEMU 9.2");
    let qemu = Qemu::start("p2p=yes");
    let mut monitor = Monitor::open(&qemu.qmp);
    monitor.negotiate();
    let real = first_messages(&monitor.add_viewer());

    let (standin, socket) = Standin::builder().release(release).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let ours = std::thread::scope(|scope| {
        scope.spawn(|| {
            use standin::player::{Mode, Plan, play};
            let listener = standin.listener(0).unwrap();
            play(&standin, &listener, &Plan::new(Mode::Map, 64, 64, 0.05)).unwrap();
        });
        first_messages(&viewer)
    });
    assert_eq!(ours, real, "QEMU says the latter");
}

#[test]
fn both_queue_on_a_bus() {
    let bus = PrivateBus::start().unwrap();
    let standin = Standin::builder().build().unwrap();
    let ours = standin.join(bus.address()).unwrap();
    assert!(ours.is_owner);
    let address = bus.address().split(',').next().unwrap();
    let _qemu = Qemu::start(&format!("addr={address}"));
    let viewer = block_on(Builder::address(bus.address()).build()).unwrap();
    let owners = || {
        let daemon = Some("org.freedesktop.DBus");
        let path = "/org/freedesktop/DBus";
        let reply = block_on(viewer.call_method(daemon, path, daemon, "ListQueuedOwners", &(NAME,)));
        reply.unwrap().body().deserialize::<Vec<String>>().unwrap()
    };
    let patience = Instant::now() + WAIT;
    while owners().len() < 2 {
        assert!(Instant::now() < patience, "QEMU did not queue for the name");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(owners()[0], ours.unique_name);
}
