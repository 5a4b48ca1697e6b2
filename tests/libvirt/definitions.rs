//! Edited definitions, as libvirt's own schema and libvirtd itself take them.

use std::fs;
use std::path::Path;
use std::process::Command;

use oriel::host::domain::{Definition, Edit, Facts, Gl, Property, VgpuFacts, apply, plan};
use oriel::source::libvirt::{Display, Operation, State, Which};
use serde_json::{Value, json};

use crate::daemon::{Daemon, call, definition};

/// What was made to try what no libvirt knows.
const UNKNOWN: [&str; 2] = ["unknown-elements", "unknown-graphics"];

fn corpus() -> Vec<(String, Definition)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/domains");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|end| end == "xml") && !UNKNOWN.contains(&name.as_str()) {
            found.push((name, Definition::read(fs::read_to_string(path).unwrap()).unwrap()));
        }
    }
    found
}

/// With everything that can be known, so that everything is planned.
fn facts(definition: &Definition) -> Facts {
    let all = |uuid| VgpuFacts {
        uuid,
        intel: true,
        size: Some((1920, 1080)),
        rom: Some("/usr/share/vgpu.rom".into()),
    };
    let vgpus = definition.vgpus().into_iter().map(|vgpu| all(vgpu.uuid)).collect();
    Facts { render_node: Some("/dev/dri/renderD128".into()), vgpus }
}

#[test]
fn every_edited_definition_is_valid_by_the_schema() {
    let place = tempfile::tempdir().unwrap();
    for (name, definition) in corpus() {
        let change = apply(&definition, &plan(&definition, &facts(&definition))).unwrap();
        let file = place.path().join(format!("{name}.xml"));
        fs::write(&file, change.after().text()).unwrap();
        let output = Command::new("virt-xml-validate").arg(&file).arg("domain").output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {words}\n{}", change.diff());
    }
}

/// Not only by the schema: libvirtd takes what was made of each, and says it again as we meant it.
#[test]
fn libvirtd_takes_every_edited_definition() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let mut refused = Vec::new();
    let mut taken = 0;
    for (name, definition) in corpus() {
        // What this computer cannot run is not taken, whoever wrote it.
        let possible =
            definition.text().replace("type='kvm'", "type='qemu'").replace("type=\"kvm\"", "type=\"qemu\"");
        let definition = Definition::read(possible).unwrap();
        if call(hypervisor.define(definition.text().to_owned())).is_err() {
            refused.push(name);
            continue;
        }
        let change = apply(&definition, &plan(&definition, &facts(&definition))).unwrap();
        let defined = call(hypervisor.define(change.after().text().to_owned()));
        defined.unwrap_or_else(|error| panic!("{name}: {error}\n{}", change.diff()));
        let uuid = definition.uuid().unwrap();
        let again = Definition::read(call(hypervisor.definition(uuid, Which::Next)).unwrap()).unwrap();
        assert_eq!(again.graphics(), change.after().graphics(), "{name}");
        assert_eq!(again.vgpus(), change.after().vgpus(), "{name}");
        assert_eq!(plan(&again, &facts(&again)), [], "{name}: {}", again.text());
        // And back to what it was.
        let back = change.undo(change.after().text()).unwrap();
        assert_eq!(back, definition.text());
        call(hypervisor.define(back)).unwrap_or_else(|error| panic!("{name}: {error}"));
        taken += 1;
    }
    assert!(taken >= 35, "{taken} of them were taken, and not {refused:?}");
}

/// A machine that was made ready is started, and has the display that was promised.
#[test]
fn a_machine_that_was_made_ready_starts_and_one_that_runs_keeps_what_it_has() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let rich = "<controller type='usb' model='qemu-xhci'/>\n    <channel type='spicevmc'>\n      \
                <target type='virtio' name='com.redhat.spice.0'/>\n    </channel>\n    \
                <graphics type='egl-headless'/>\n    <graphics type='vnc' autoport='yes'/>\n    \
                <sound model='ich9'/>\n    <audio id='1' type='none'/>\n    <redirdev bus='usb' type='spicevmc'/>";
    // SPICE's channels without SPICE start nowhere: this one runs only once it has been made ready.
    call(hypervisor.define(definition("web", "<graphics type='vnc' autoport='yes'/>"))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    let text = call(hypervisor.definition(&uuid, Which::Next)).unwrap();
    let before = Definition::read(text).unwrap();
    let change = apply(&before, &plan(&before, &Facts::default())).unwrap();
    call(hypervisor.define(change.after().text().to_owned())).unwrap();
    let current = Definition::read(call(hypervisor.definition(&uuid, Which::Current)).unwrap()).unwrap();
    assert_eq!(current.graphics().len(), 1, "it runs as it was started");
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    assert!(machine.displays.iter().any(|display| matches!(display, Display::Peer { .. })), "{machine:?}");

    let before = Definition::read(definition("rich", rich)).unwrap();
    let mut edits = plan(&before, &Facts::default());
    // There is no GPU here.
    edits.retain(|edit| !matches!(edit, Edit::Display(_) | Edit::Sound));
    edits.extend([Edit::Display(Gl::Off), Edit::Sound]);
    let change = apply(&before, &edits).unwrap();
    call(hypervisor.define(change.after().text().to_owned())).unwrap();
    let uuid = daemon.until_state(&hypervisor, "rich", |_| true).uuid;
    let started = call(hypervisor.operate(&uuid, Operation::Start));
    started.unwrap_or_else(|error| panic!("{error}\n{}", change.after().text()));
    daemon.until_state(&hypervisor, "rich", |state| state == State::Running);
}

/// libvirt passes on what it has no word for: to the command that it would run, where there is such a vGPU.
#[test]
fn overrides_reach_qemus_command_line() {
    let uuid = "4b20d080-1b54-4048-85b3-a6a62d165c01";
    let vgpu = format!(
        "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='{uuid}'/></source></hostdev>"
    );
    let before = Definition::read(definition("web", &vgpu)).unwrap();
    let mut edits = plan(&before, &facts(&before));
    edits.push(Edit::SetProperty { uuid: uuid.into(), property: Property::NoHotplug });
    let change = apply(&before, &edits).unwrap();
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(change.after().text().to_owned())).unwrap();
    let id = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let again = Definition::read(call(hypervisor.definition(&id, Which::Next)).unwrap()).unwrap();
    for property in ["x-igd-opregion", "xres", "yres", "romfile", "driver"] {
        assert!(again.text().contains(&format!("<qemu:property name='{property}'")), "{}", again.text());
    }
    assert!(again.text().contains("<alias name='ua-vgpu'/>"), "{}", again.text());
    let command = daemon.virsh(&["domxml-to-native", "qemu-argv", "--domain", "web"]);
    let mut devices = command.split('\'').filter_map(|word| serde_json::from_str::<Value>(word).ok());
    let vgpu = devices.find(|device| device["id"] == "ua-vgpu").unwrap_or_else(|| panic!("{command}"));
    for (property, value) in [
        ("driver", json!("vfio-pci-nohotplug")),
        ("display", json!("on")),
        ("ramfb", json!(true)),
        ("x-igd-opregion", json!(true)),
        ("xres", json!(1920)),
        ("yres", json!(1080)),
        ("romfile", json!("/usr/share/vgpu.rom")),
    ] {
        assert_eq!(vgpu[property], value, "{vgpu}");
    }
}
