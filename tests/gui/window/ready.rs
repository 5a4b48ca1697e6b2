//! The dialog that makes a machine ready, before the driver that libvirt brings along for tests.

use std::fs;
use std::path::PathBuf;

use harness::desk::Desk;

use super::{SCREEN, Scene};

const VGPU: &str = "4b20d080-1b54-4048-85b3-a6a62d165c01";

fn definition(name: &str, memory: u32, devices: &str) -> String {
    let uuid = uuid(name);
    format!(
        "<domain type='test'>\n  <name>{name}</name>\n  <uuid>{uuid}</uuid>\n  <memory unit='KiB'>{memory}</memory>\n  \
         <os>\n    <type arch='i686'>hvm</type>\n  </os>\n  <devices>\n    <controller type='usb' model='qemu-xhci'/>\n    {devices}\n  </devices>\n</domain>\n"
    )
}

/// Each machine has one of its own.
fn uuid(name: &str) -> String {
    format!("7d1b3f2e-0000-4000-8000-00000000{:04}", name.len())
}

/// SPICE and what belongs to it.
fn spice() -> String {
    let agent =
        "<channel type='spicevmc'>\n      <target type='virtio' name='com.redhat.spice.0'/>\n    </channel>";
    format!(
        "{agent}\n    <graphics type='spice' autoport='yes' passwd='secret'/>\n    <sound model='ich9'/>\n    \
         <hostdev mode='subsystem' type='mdev' model='vfio-pci'>\n      <source>\n        \
         <address uuid='{VGPU}'/>\n      </source>\n    </hostdev>"
    )
}

struct Stage {
    scene: Scene,
    folder: PathBuf,
    /// The machine that it is about.
    name: &'static str,
}

impl Stage {
    fn new() -> Self {
        let mut scene = Scene::new(SCREEN, "");
        let folder = scene.sway.session().scope().join("definitions");
        fs::create_dir_all(&folder).expect("a folder");
        scene.play(&["libvirt test:///default", "open guest", "live web"]);
        Self { scene, folder, name: "" }
    }

    /// Somebody defines this.
    fn define(&mut self, memory: u32, devices: &str) {
        let file = self.folder.join("definition.xml");
        fs::write(&file, definition(self.name, memory, devices)).expect("a file");
        self.scene.play(&[&format!("define {}", file.display())]);
        let taken = match self.scene.asked.iter().position(|asked| asked.starts_with("taken ")) {
            Some(place) => self.scene.asked.remove(place),
            None => self.scene.hear_until(|answer| answer.starts_with("taken ")),
        };
        assert_eq!(taken, "taken yes");
    }

    /// Waits until the dialog says this.
    fn dialog(&mut self, part: &str) -> String {
        self.scene.ask_until("dialog", "dialog ", |dialog| dialog.contains(part))
    }

    fn defined(&mut self) -> String {
        self.scene.ask(&format!("defined {}", uuid(self.name)), "defined ")
    }

    fn open(&mut self) {
        self.scene.play(&[&format!("ready {}", uuid(self.name))]);
    }
}

/// On one desktop: to start one takes longer than all of this.
#[test]
fn machines_are_made_ready() {
    let mut stage = Stage::new();
    there_and_back_again(&mut stage);
    what_stands_in_the_way_is_said(&mut stage);
    a_window_leads_to_its_machines_definition(&mut stage);
}

/// Offered, applied, one change taken back, and all of it brought back by one click.
fn there_and_back_again(stage: &mut Stage) {
    stage.name = "web";
    stage.define(1024, &spice());
    let before = stage.defined();
    stage.open();
    let offered = stage.dialog("apply=true");
    assert!(offered.contains("has no display that Oriel can show"), "{offered}");
    assert!(offered.contains("− ") && offered.contains("<graphics type='dbus' p2p='yes'>"), "{offered}");
    assert!(!offered.contains("secret"), "{offered}");
    assert_eq!(stage.defined(), before, "nothing happens before it is applied");

    stage.scene.play(&["press Apply"]);
    stage.dialog("is ready");
    let ready = stage.defined();
    assert!(ready.contains("<graphics type='dbus' p2p='yes'") && ready.contains("ramfb='on'"), "{ready}");
    assert!(!ready.contains("type='spice'"), "{ready}");

    // A change is taken back alone: the first is the display that goes.
    stage.scene.play(&["switch 4"]);
    stage.dialog("apply=true");
    stage.scene.play(&["press Apply"]);
    stage.dialog("and 6 other changes");
    let less = stage.defined();
    assert!(less.contains("type='dbus'") && less != ready, "{less}");

    // And all of it.
    stage.scene.play(&["press Restore"]);
    let restored = stage.dialog("Earlier definition restored");
    assert!(!restored.contains("Definition changed"), "that could not be undone any more: {restored}");
    assert_eq!(stage.defined(), ready, "the newest is the one before the last change");
    stage.scene.play(&["close-dialog"]);
    stage.open();
    let again = stage.dialog("Earlier Definitions");
    assert!(again.contains("is ready"), "{again}");
    stage.scene.play(&["close-dialog"]);
}

fn what_stands_in_the_way_is_said(stage: &mut Stage) {
    stage.name = "mail";
    // Nobody is there.
    stage.open();
    stage.dialog("No Such Machine");
    stage.scene.play(&["close-dialog"]);

    // Somebody edits while the dialog is open.
    stage.define(1024, "<graphics type='vnc'/>");
    stage.open();
    stage.dialog("apply=true");
    stage.define(2048, "<graphics type='vnc'/>");
    stage.scene.play(&["press Apply"]);
    stage.dialog("Somebody has changed the definition");
    let defined = stage.defined();
    assert!(defined.contains("2048") && !defined.contains("dbus"), "{defined}");
    stage.dialog("apply=true");

    // It begins to run while the dialog is open.
    stage.scene.play(&[&format!("start {}", uuid(stage.name))]);
    stage.dialog("The machine is running and stays as it is");
    stage.scene.play(&["press Apply"]);
    stage.dialog("is ready");
    assert!(stage.defined().contains("type='dbus'"));
    stage.scene.play(&["close-dialog"]);
}

/// A window that was opened through libvirt knows what its machine lacks.
fn a_window_leads_to_its_machines_definition(stage: &mut Stage) {
    stage.name = "paint";
    let gpu = format!(
        "<graphics type='dbus' p2p='yes'>\n      <gl enable='yes'/>\n    </graphics>\n    \
         <hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on'>\n      <source>\n        \
         <address uuid='{VGPU}'/>\n      </source>\n    </hostdev>"
    );
    stage.define(1024, &gpu);
    stage.scene.play(&["leave", "managed paint", "open monitor", "live web", "vgpu 0"]);
    stage.scene.ask_until("toasts", "toasts ", |said| said.contains("firmware is not seen"));
    stage.scene.play(&["action win.make-ready"]);
    let dialog = stage.dialog("apply=true");
    assert!(dialog.contains("ramfb"), "{dialog}");
    stage.scene.play(&["close-dialog", "lost no-display"]);
    stage.scene.wait_for_state("page=[No Display]");
    stage.scene.play(&["action win.make-ready"]);
    stage.dialog("apply=true");
    stage.scene.play(&["close-dialog", "live web", "picture 0 1024 640", "action win.keep-resolution"]);
    let keep = stage.dialog("apply=true");
    assert!(keep.contains("xres") && keep.contains("1024"), "{keep}");
    stage.scene.play(&["press Apply"]);
    stage.dialog("Definition changed");
    let defined = stage.defined();
    // This driver has no words for QEMU; the device's name, by which they are said, is libvirt's.
    assert!(defined.contains("<alias name='ua-vgpu'/>"), "{defined}");
}
