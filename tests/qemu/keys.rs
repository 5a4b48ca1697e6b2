//! Every key of our table, held against the table in QEMU itself.

use std::collections::BTreeMap;
use std::fs;

use harness::Result;
use harness::machine::{Builder, Display, Firmware};
use oriel::input::{Command, Press, keymap};
use oriel::source::Source;
use zruntime::block_on;

use crate::session_watch::eventually;

/// The table that ours was made of; its last column is QEMU's name of each key.
const KEYS: &str = include_str!("../../src/input/keymap/keys.tsv");

/// The key has two names in the table that QEMU is made of, too, and the order of its rows decides.
const EITHER: [&str; 2] = ["sysrq", "print"];

/// QEMU's names by number, where the table has any.
fn expected() -> BTreeMap<u8, String> {
    let rows =
        KEYS.lines().filter(|row| !row.starts_with('#')).map(|row| row.split('\t').collect::<Vec<_>>());
    let named = rows.filter(|row| row[3] != "-");
    named.map(|row| (number(row[2]), row[3].to_owned())).collect()
}

fn number(hexadecimal: &str) -> u8 {
    u8::from_str_radix(hexadecimal.trim_start_matches("0x"), 16).unwrap()
}

/// QEMU says which key it understands, when it is asked to trace its input.
#[test]
fn qemu_understands_every_key_as_we_do() -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("trace");
    let machine = Builder::new()
        .video("VGA")
        .devices(&["virtio-keyboard-pci"])
        .firmware(Firmware::Idle)
        .display(Display::DBusP2p)
        .argument("-trace")
        .argument(format!("enable=input_event_key_*,file={}", log.display()))
        .prepare()?
        .start()?;
    let expected = expected();
    let source = Source::qmp(machine.qmp_socket()?);
    let link = block_on(source.connect(|_| {})).expect("a machine");
    let console = link.peer.console(0);
    let mut sent = Vec::new();
    for code in keymap::codes() {
        let key = keymap::qnum(code).expect("it has a number");
        if !expected.contains_key(&key.0) || sent.contains(&key) {
            continue;
        }
        sent.push(key);
        for press in [Press::Down, Press::Up] {
            block_on(console.send(Command::Key(key, press))).unwrap();
        }
    }
    let traced = || fs::read_to_string(&log).unwrap_or_default();
    let lines = |text: &str| text.lines().filter(|line| line.contains("down 1")).count();
    eventually("QEMU has heard every key", || lines(&traced()) >= sent.len());
    let text = traced();
    let heard = text.lines().filter(|line| line.contains("down 1")).map(name);
    for (key, heard) in sent.iter().zip(heard) {
        let ours = &expected[&key.0];
        let same = heard == *ours || [&heard, ours].iter().all(|name| EITHER.contains(&name.as_str()));
        assert!(same, "{key:?} is {ours} for us and {heard} for QEMU");
    }
    Ok(())
}

/// As in "input_event_key_qcode con 0, key qcode a, down 1".
fn name(line: &str) -> String {
    let words = line.split("qcode ").last().expect("a last part");
    words.split(',').next().unwrap_or_default().to_owned()
}
