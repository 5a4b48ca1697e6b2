//! What there is on the main connection, release by release.

use std::io::{Read, Write};
use std::time::Duration;

use futures_util::StreamExt;
use standin::{Call, ConsoleKind, ConsoleSpec, Hang, Release, Standin};
use zbus::MessageStream;
use zbus::message::{Flags, Message};
use zruntime::block_on;

use crate::support::{CONSOLE, Viewer, WAIT};

fn viewer(release: Release) -> (Standin, Viewer) {
    let (qemu, socket) = Standin::builder().release(release).name("vm").p2p().unwrap();
    (qemu, Viewer::new(socket))
}

#[test]
fn the_tree_has_what_the_release_has() {
    for release in Release::ALL {
        let (_qemu, viewer) = viewer(release);
        let tree = viewer.tree();
        let console = &tree.iter().find(|(path, _)| path.ends_with("Console_0")).unwrap().1;
        let new = release >= Release::V8_2;
        assert_eq!(console.contains_key("org.qemu.Display1.MultiTouch"), new, "{release:?}");
        assert_eq!(console[CONSOLE].contains_key("Interfaces"), new, "{release:?}");
        assert_eq!(u32::try_from(&*console[CONSOLE]["Width"]), Ok(1024));
        let vm = &tree.iter().find(|(path, _)| path.ends_with("VM")).unwrap().1;
        assert_eq!(<&str>::try_from(&*vm["org.qemu.Display1.VM"]["Name"]), Ok("vm"));
    }
}

#[test]
fn consoles_are_among_other_objects() {
    let text = ConsoleSpec { kind: ConsoleKind::Text, ..ConsoleSpec::default() };
    let (_qemu, socket) = Standin::builder().console(ConsoleSpec::default()).console(text).p2p().unwrap();
    let tree = Viewer::new(socket).tree();
    let mut paths: Vec<&str> = tree.keys().map(|path| path.rsplit_once('/').unwrap().1).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["Chardev_serial0", "Clipboard", "Console_0", "Console_1", "VM"]);
    let console = &tree.iter().find(|(path, _)| path.ends_with("Console_1")).unwrap().1;
    assert_eq!(<&str>::try_from(&*console[CONSOLE]["Type"]), Ok("Text"));
}

#[test]
fn an_unknown_property_or_method_is_an_error() {
    let (_qemu, viewer) = viewer(Release::V10_0);
    let properties = "org.freedesktop.DBus.Properties";
    let error = viewer.console(properties, "Get", &(CONSOLE, "Colour")).unwrap_err();
    assert!(error.to_string().contains("InvalidArgs"), "{error}");
    let error = viewer.console(properties, "Set", &(CONSOLE, "Width", zbus::Variant::new(1_u32)));
    assert!(error.unwrap_err().to_string().contains("not writable"));
    let error = viewer.console(CONSOLE, "Explode", &()).unwrap_err();
    assert!(error.to_string().contains("UnknownMethod"), "{error}");
    let error = viewer.console(CONSOLE, "SetUIInfo", &("big",)).unwrap_err();
    assert!(error.to_string().contains("does not match expected type"), "{error}");
}

#[test]
fn a_new_size_is_announced() {
    let (qemu, viewer) = viewer(Release::V10_0);
    viewer.tree();
    let mut signals = MessageStream::from(&viewer.main);
    qemu.resize(0, 800, 768);
    let message = block_on(signals.next()).unwrap().unwrap();
    assert_eq!(message.header().member().unwrap(), "PropertiesChanged");
    let (interface, changed, _): (
        String,
        std::collections::HashMap<String, zbus::OwnedVariant>,
        Vec<String>,
    ) = message.body().deserialize().unwrap();
    assert_eq!(interface, CONSOLE);
    assert_eq!(u32::try_from(&*changed["Width"]), Ok(800));
    assert!(!changed.contains_key("Height"), "it stayed the same");
}

#[test]
fn consoles_come_and_go_from_11_1() {
    let (qemu, viewer) = viewer(Release::V11_1);
    viewer.tree();
    let mut signals = MessageStream::from(&viewer.main);
    let mut member = || {
        let message = block_on(signals.next()).unwrap().unwrap();
        message.header().member().unwrap().to_string()
    };
    assert_eq!(qemu.add_console(ConsoleSpec::default()), 1);
    assert_eq!(member(), "InterfacesAdded");
    assert_eq!(member(), "PropertiesChanged");
    qemu.remove_console(1);
    assert_eq!(member(), "InterfacesRemoved");
    assert_eq!(member(), "PropertiesChanged");
}

#[test]
fn a_second_viewer_evicts_the_first() {
    let (qemu, first) = viewer(Release::V10_0);
    first.tree();
    let mut messages = MessageStream::from(&first.main);
    let second = Viewer::new(qemu.connect().unwrap());
    second.tree();
    let ended = block_on(async {
        while let Some(message) = messages.next().await {
            if message.is_err() {
                return true;
            }
        }
        true
    });
    assert!(ended);
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::Disconnected)).unwrap();
    second.tree();
}

#[test]
fn replies_are_withheld_until_released() {
    let (qemu, viewer) = viewer(Release::V10_0);
    qemu.hold_replies(&["GetManagedObjects"]);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| viewer.tree());
        qemu.wait_for(WAIT, |calls| calls.contains(&Call::GetManagedObjects)).unwrap();
        assert!(!asked.is_finished());
        qemu.release_replies();
        assert_eq!(asked.join().unwrap().len(), 4);
    });
}

#[test]
fn a_hung_main_loop_answers_later() {
    let (qemu, viewer) = viewer(Release::V10_0);
    viewer.tree();
    for hang in [Hang::MainLoop, Hang::Process] {
        qemu.clear_calls();
        qemu.hang(hang);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| viewer.tree());
            let waited = qemu.wait_for(Duration::from_millis(50), |calls| !calls.is_empty());
            assert!(waited.is_err(), "nothing is handled while {hang:?} hangs");
            qemu.resume();
            assert_eq!(asked.join().unwrap().len(), 4);
        });
    }
}

#[test]
fn a_stopped_process_does_not_even_read() {
    let (qemu, mut socket) = Standin::p2p().unwrap();
    socket.write_all(b"\0AUTH EXTERNAL\r\n").unwrap();
    let mut said = [0; 6];
    socket.read_exact(&mut said).unwrap();
    socket.write_all(b"DATA\r\nBEGIN\r\n").unwrap();
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::Connected)).unwrap();
    let ping = Message::method_call("/", "Ping").with_flags(Flags::NO_REPLY_EXPECTED);
    let ping = ping.interface("org.freedesktop.DBus.Peer").build(&()).unwrap();
    // Far more than a socket holds.
    let pings = ping.data().bytes().repeat(100_000);

    qemu.hang(Hang::MainLoop);
    socket.write_all(&pings).unwrap();
    qemu.hang(Hang::Process);
    socket.set_nonblocking(true).unwrap();
    let error = socket.write_all(&pings).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_test_can_have_calls_answered_wrongly() {
    let (qemu, viewer) = viewer(Release::V10_0);
    let manager = "org.freedesktop.DBus.ObjectManager";
    let ask = || viewer.call("/org/qemu/Display1", manager, "GetManagedObjects", &());
    qemu.answer_wrongly("GetManagedObjects", "u", &[1, 0, 0, 0]);
    assert_eq!(ask().unwrap().body().deserialize::<u32>().unwrap(), 1);
    qemu.refuse("GetManagedObjects", "org.example.No", "not today");
    assert!(ask().unwrap_err().to_string().contains("not today"));
    qemu.answer_properly();
    assert_eq!(viewer.tree().len(), 4);

    let mut signals = MessageStream::from(&viewer.main);
    qemu.signal("/", "org.example", "Surprise", standin::Args::new().str("!"));
    let message = block_on(signals.next()).unwrap().unwrap();
    assert_eq!(message.header().member().unwrap(), "Surprise");
    qemu.main_bytes(b"no message at all, though long enough to be one");
    assert!(block_on(signals.next()).is_none_or(|message| message.is_err()));
}
