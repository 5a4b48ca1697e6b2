//! A machine's window, and the dialog that makes it ready, before a real libvirtd.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use harness::desk::Output;
use oriel::host::domain::{Definition, Edit, Facts, plan};
use oriel::source::libvirt::{Display, Hypervisor, Operation, Paused, State, Which};

use crate::daemon::{Daemon, P2P, call, definition};
use crate::desk::Scene;
use crate::stage;

const SCREEN: Output = Output { width: 1152, height: 864, scale: 1.0 };

const VNC: &str = "<graphics type='vnc' autoport='yes' passwd='secret'/>";

/// Reads what the dialog says, once it says this.
fn dialog(scene: &mut Scene, part: &str) -> String {
    scene.ask_until("dialog", "dialog ", |dialog| dialog.contains(part))
}

fn defined(hypervisor: &Hypervisor, uuid: &str) -> String {
    call(hypervisor.definition(uuid, Which::Next)).unwrap()
}

/// A window of this machine, on a desktop.
pub(crate) fn window_of(daemon: &Daemon, name: &str) -> Scene {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&[&format!("libvirt {}", daemon.uri()), &format!("managed {name}"), "open monitor"]);
    scene
}

/// Offered and compared, defined, taken back by one click, and made again: libvirtd has it each time as
/// the dialog says. Also the process that shows the window.
#[test]
fn a_machine_is_made_ready_in_its_window() {
    if stage::is_wanted() {
        return stage::run();
    }
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", VNC))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let before = defined(&hypervisor, &uuid);
    assert!(before.contains("passwd='secret'"), "{before}");
    let mut scene = window_of(&daemon, "web");
    scene.play(&["lost no-display"]);
    scene.ask_until("buttons", "buttons ", |buttons| buttons.contains("Make Ready…|"));

    scene.play(&["action win.make-ready"]);
    let offered = dialog(&mut scene, "apply=true");
    assert!(offered.contains("has no display that Oriel can show"), "{offered}");
    assert!(offered.contains("+ ") && offered.contains("<graphics type='dbus' p2p='yes'"), "{offered}");
    assert!(!offered.contains("secret"), "{offered}");
    assert_eq!(defined(&hypervisor, &uuid), before, "nothing happens before it is applied");

    scene.play(&["press Apply"]);
    scene.ask_until("dialog", "dialog ", |dialog| dialog.contains("Definition changed"));
    let ready = defined(&hypervisor, &uuid);
    assert!(ready.contains("<graphics type='dbus' p2p='yes'"), "{ready}");
    assert!(ready.contains("passwd='secret'"), "{ready}");
    // At once, whether or not the dialog has read what it led to.
    scene.play(&["press Undo"]);
    dialog(&mut scene, "Earlier definition restored");
    assert_eq!(defined(&hypervisor, &uuid), before, "the same bytes");

    // Somebody else edits meanwhile: nothing of theirs is lost.
    dialog(&mut scene, "apply=true");
    let theirs = before.replace("<memory unit='KiB'>65536", "<memory unit='KiB'>131072");
    call(hypervisor.define(theirs)).unwrap();
    scene.play(&["press Apply"]);
    dialog(&mut scene, "Somebody has changed the definition");
    assert!(!defined(&hypervisor, &uuid).contains("type='dbus'"));
    // It has been read again.
    scene.ask_until("dialog", "dialog ", |dialog| dialog.contains("apply=true"));
    scene.play(&["press Apply"]);
    dialog(&mut scene, "is ready");
    let ready = defined(&hypervisor, &uuid);
    assert!(ready.contains("131072") && ready.contains("<graphics type='dbus' p2p='yes'"), "{ready}");
    let read = Definition::read(ready).unwrap();
    // Whatever this QEMU cannot have is not made.
    let rest = plan(&read, &Facts::default());
    assert!(!rest.iter().any(|edit| matches!(edit, Edit::Display(_))), "{rest:?}");

    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    assert!(machine.displays.iter().any(|display| matches!(display, Display::Peer { .. })), "{machine:?}");
}

/// A boot sector that writes one sector after the other, each 32 KiB behind the last, for ever.
const WRITER: [u8; 40] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, // segments and stack
    0xbe, 0x18, 0x7c, 0xb8, 0x00, 0x43, 0xcd, 0x13, // extended write of what is at 0x7c18
    0x83, 0x06, 0x20, 0x7c, 0x40, 0xeb, 0xf1, // 64 sectors on, and again
    0x10, 0x00, 0x01, 0x00, 0x00, 0x7c, 0x00, 0x00, // one sector, from 0x7c00
    0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // to sector 64
];

/// A disk of 64 MiB that boots into this, on a file system that has room for no more than that.
fn full_disk(daemon: &mut Daemon) -> PathBuf {
    let plain = daemon.path().join("plain");
    let file = File::create(&plain).unwrap();
    file.write_all_at(&WRITER, 0).unwrap();
    file.write_all_at(&[0x55, 0xaa], 510).unwrap();
    file.set_len(64 << 20).unwrap();
    let small = daemon.path().join("small");
    fs::create_dir(&small).unwrap();
    let (plain, small) = (plain.display(), small.display());
    daemon.tell(&format!("run mount -t tmpfs -o size=32k tmpfs {small}"));
    daemon.tell(&format!("run cp --sparse=always {plain} {small}/disk"));
    daemon.path().join("small")
}

/// A machine whose disk is full stands still: why is said in its window, where it also goes on. The others
/// do not mind.
#[test]
fn a_machine_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    let mut daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let small = full_disk(&mut daemon);
    let disk = format!(
        "<disk type='file'><driver name='qemu' type='raw' error_policy='enospace'/><source file='{}/disk'/>\
         <target dev='hda' bus='ide'/></disk>",
        small.display()
    );
    for (name, devices) in [("full", format!("{disk}\n    {P2P}")), ("web", P2P.to_owned())] {
        call(hypervisor.define(definition(name, &devices))).unwrap();
        let found = daemon.until(&hypervisor, name, move |roster| roster.find(name).cloned());
        call(hypervisor.operate(&found.uuid, Operation::Start)).unwrap();
    }
    daemon.until_state(&hypervisor, "full", |state| state == State::Paused(Paused::IoError));
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    let mut scene = window_of(&daemon, "full");
    scene.play(&["live full", "console 0", "picture 0 640 480"]);
    scene.wait_for_state("banner=[Paused: a disk failed, or is full]");

    daemon.tell(&format!("run mount -o remount,size=64m {}", small.display()));
    scene.play(&["action win.power resume"]);
    daemon.until_state(&hypervisor, "full", |state| state == State::Running);
    scene.wait_for_state("banner=[]");
}
