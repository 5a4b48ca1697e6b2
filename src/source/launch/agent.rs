//! A clipboard for machines that have none: the port that an agent in the guest speaks through.
//!
//! QEMU itself plays the other end of the agent (`-chardev qemu-vdagent`), without the agent's mouse:
//! that would make the pointer absolute at once, agent or not, and leave firmware and guests without
//! an agent no pointer at all (ui/vdagent.c).

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use zruntime::SharedRuntime;
use zruntime::process::Command;

use super::arguments::{FREE_TEXT, option};
use crate::source::within;

/// What a machine is given beside what it asks for. At the end: nothing of its own moves to another
/// slot for it.
const ARGUMENTS: [&str; 6] = [
    "-chardev",
    "qemu-vdagent,id=oriel-agent,clipboard=on,mouse=off",
    "-device",
    "virtio-serial-pci,id=oriel-agent-bus",
    "-device",
    // With an id, for QEMU to tell when it is opened.
    "virtserialport,id=oriel-agent-port,bus=oriel-agent-bus.0,chardev=oriel-agent,name=com.redhat.spice.0",
];

/// Programs whose machines have a PCI bus, as long as nobody says otherwise.
const PCS: [&str; 4] = ["qemu-system-x86_64", "qemu-system-i386", "qemu-kvm", "kvm"];

/// Programs whose machines have one if they are called "virt".
const VIRTUAL: [&str; 3] = ["qemu-system-aarch64", "qemu-system-riscv64", "qemu-system-loongarch64"];

/// Options after which the machine has to be exactly as it was, or that say more than we read.
const EXACT: [&str; 5] = ["loadvm", "incoming", "readconfig", "preconfig", "only-migratable"];

/// How long QEMU may take to say what it can do.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to add to this command: nothing where it has an agent of its own, where its machine may not
/// have room for one, or where QEMU was built without.
pub(super) async fn arguments(program: &OsStr, arguments: &[OsString]) -> &'static [&'static str] {
    if !has_room(program, arguments) {
        return &[];
    }
    if knows_agents(program).await { &ARGUMENTS } else { &[] }
}

/// Whether the machine has none, and a bus to put one on.
fn has_room(program: &OsStr, arguments: &[OsString]) -> bool {
    let Some(program) = Path::new(program).file_name().and_then(OsStr::to_str) else { return false };
    let is_pc = PCS.contains(&program);
    let mut is_virt = false;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match option(argument) {
            Some(text) if FREE_TEXT.contains(&text) => drop(arguments.next()),
            Some(exact) if EXACT.contains(&exact) => return false,
            Some("machine" | "M") => {
                let Some(kind) = arguments.next().and_then(|value| value.to_str()).map(machine) else {
                    return false;
                };
                let is_known = is_pc && ["pc", "q35"].iter().any(|known| is_like(kind, known));
                is_virt = is_like(kind, "virt");
                if !(is_known || is_virt || kind.contains('=')) {
                    return false;
                }
            }
            _ => {
                let text = argument.to_string_lossy();
                if text.contains("vdagent") || text.contains("com.redhat.spice.0") {
                    return false;
                }
            }
        }
    }
    is_pc || (is_virt && VIRTUAL.contains(&program))
}

/// The type in the value of `-machine`, or its first option, if it names none.
fn machine(value: &str) -> &str {
    let mut parts = value.split(',');
    let typed = parts.clone().find_map(|part| part.strip_prefix("type="));
    typed.or_else(|| parts.next()).unwrap_or_default()
}

/// "pc-q35-9.0" is like "pc".
fn is_like(kind: &str, known: &str) -> bool {
    kind.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether this QEMU was built with the agent's protocol. Nothing is started for it.
async fn knows_agents(program: &OsStr) -> bool {
    let asked = async {
        let runtime = SharedRuntime::current().ok()?;
        let mut command = Command::new(program);
        command.args(["-chardev", "help"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command.output(&runtime).await.ok()
    };
    let known = within(PATIENCE, asked).await.flatten();
    known.is_some_and(|output| String::from_utf8_lossy(&output.stdout).contains("qemu-vdagent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(line: &str) -> bool {
        let mut words = line.split_whitespace().map(OsString::from);
        let program = words.next().unwrap();
        has_room(&program, &words.collect::<Vec<_>>())
    }

    #[test]
    fn a_machine_with_a_bus_has_room() {
        for line in [
            "qemu-system-x86_64 -m 2G",
            "/usr/bin/qemu-system-x86_64 -machine q35,accel=kvm disk.img",
            "qemu-system-i386 -M pc-i440fx-9.0",
            "qemu-system-x86_64 -machine accel=kvm,type=pc-q35-10.0",
            "qemu-system-x86_64 -machine accel=kvm",
            "qemu-system-aarch64 -machine virt,gic-version=3",
            "qemu-system-x86_64 -name vdagent -append loadvm",
        ] {
            assert!(has(line), "{line}");
        }
    }

    #[test]
    fn nothing_is_added_where_it_could_do_harm() {
        for line in [
            "sh -c true",
            "qemu-system-x86_64 -M microvm",
            "qemu-system-x86_64 -machine none",
            "qemu-system-i386 -machine isapc",
            "qemu-system-aarch64 -machine raspi3b",
            "qemu-system-aarch64",
            "qemu-system-x86_64 -chardev qemu-vdagent,id=mine",
            "qemu-system-x86_64 -chardev spicevmc,id=v,name=vdagent",
            "qemu-system-x86_64 -device virtserialport,name=com.redhat.spice.0",
            "qemu-system-x86_64 -loadvm before",
            "qemu-system-x86_64 --incoming tcp:0:1",
            "qemu-system-x86_64 -machine",
        ] {
            assert!(!has(line), "{line}");
        }
    }
}
