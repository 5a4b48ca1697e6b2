//! What we ask of a machine, what we tell it, and what it tells us of itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use futures_util::StreamExt;
use oriel::display1::{CallError, Change, Peer, UiInfo, changes};
use oriel::geometry::{Point, Size};
use oriel::input::{Button, Command, Leds, PointerMode, Press, Qnum};
use standin::{Call, ConsoleKind, ConsoleSpec, Hang, Pointer, Release, Standin};
use zruntime::block_on;

use crate::viewer::{WAIT, connect};

const UUID: &str = "12345678-9abc-def0-1234-56789abcdef0";

#[test]
fn a_machine_says_its_name_uuid_and_consoles() {
    let builder = Standin::builder().name("guest").uuid(UUID);
    let (_qemu, socket) =
        builder.console(ConsoleSpec::sized(640, 480)).console(ConsoleSpec::default()).p2p().unwrap();
    let machine = block_on(connect(socket).machine()).unwrap();
    assert_eq!((machine.name.as_str(), machine.uuid.as_deref()), ("guest", Some(UUID)));
    assert_eq!(machine.consoles, [0, 1]);
}

#[test]
fn a_machine_without_a_uuid_has_none() {
    let zeros = "00000000-0000-0000-0000-000000000000";
    let (_qemu, socket) = Standin::builder().uuid(zeros).p2p().unwrap();
    assert_eq!(block_on(connect(socket).machine()).unwrap().uuid, None);
}

#[test]
fn a_console_describes_itself() {
    let spec = ConsoleSpec { head: 1, modifiers: 6, label: "head".into(), ..ConsoleSpec::sized(800, 600) };
    let (_qemu, socket) = Standin::builder().console(spec).p2p().unwrap();
    let description = block_on(connect(socket).console(0).describe()).unwrap();
    assert_eq!((description.label.as_str(), description.head), ("head", 1));
    assert_eq!(description.device, "pci/0000/02.0");
    assert_eq!(description.size, Size::new(800, 600));
    assert!(description.leds.contains(Leds::NUM) && description.leds.contains(Leds::CAPS));
    assert_eq!((description.pointer, description.touch_slots), (PointerMode::Absolute, 10));
    assert!(description.graphic);
}

#[test]
fn trap_39_what_a_console_can_do_is_probed_where_no_list_says_it() {
    let (_qemu, socket) = Standin::builder().release(Release::V7_2).p2p().unwrap();
    let description = block_on(connect(socket).console(0).describe()).unwrap();
    assert_eq!(description.touch_slots, 0, "QEMU 7.2 has no MultiTouch, and that is no error");
}

#[test]
fn trap_42_a_text_console_is_told_apart() {
    let spec = ConsoleSpec { kind: ConsoleKind::Text, ..ConsoleSpec::default() };
    let (_qemu, socket) = Standin::builder().console(spec).p2p().unwrap();
    assert!(!block_on(connect(socket).console(0).describe()).unwrap().graphic);
}

#[test]
fn a_console_that_is_not_there_is_an_error() {
    let (_qemu, socket) = Standin::p2p().unwrap();
    let error = block_on(connect(socket).console(7).describe()).unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
}

#[test]
fn commands_arrive_in_order_and_ask_for_no_reply() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let console = connect(socket).console(0);
    let commands = [
        Command::Key(Qnum(0x9d), Press::Down),
        Command::MoveTo(Point::new(3, 4)),
        Command::Button(Button::Left, Press::Down),
        Command::Button(Button::Left, Press::Up),
        Command::Button(Button::WheelRight, Press::Down),
        Command::Button(Button::WheelRight, Press::Up),
        Command::Key(Qnum(0x9d), Press::Up),
    ];
    for command in commands {
        block_on(console.send(command)).unwrap();
    }
    let wanted = [
        Call::KeyPress(0x9d),
        Call::SetAbsPosition { x: 3, y: 4 },
        Call::MousePress(0),
        Call::MouseRelease(0),
        Call::MousePress(8),
        Call::MouseRelease(8),
        Call::KeyRelease(0x9d),
    ];
    qemu.wait_for(WAIT, |calls| calls.ends_with(&wanted)).unwrap();
}

#[test]
fn trap_34_to_36_motion_that_the_guest_cannot_take_breaks_nothing() {
    let spec = ConsoleSpec { pointer: Pointer::Relative, ..ConsoleSpec::sized(640, 480) };
    let (qemu, socket) = Standin::builder().console(spec).p2p().unwrap();
    let console = connect(socket).console(0);
    block_on(console.send(Command::MoveTo(Point::new(1, 1)))).unwrap();
    block_on(console.send(Command::MoveBy { x: -2, y: 7 })).unwrap();
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::RelMotion { dx: -2, dy: 7 })).unwrap();
}

#[test]
fn trap_37_commands_do_not_wait_for_a_machine_that_stands_still() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let console = connect(socket).console(0);
    qemu.hang(Hang::MainLoop);
    for _ in 0..100 {
        block_on(console.send(Command::Key(Qnum(30), Press::Down))).unwrap();
    }
    qemu.resume();
    qemu.wait_for(WAIT, |calls| calls.contains(&Call::KeyPress(30))).unwrap();
}

#[test]
fn a_screen_size_is_asked_for_or_refused() {
    let fixed = ConsoleSpec { resizable: false, ..ConsoleSpec::default() };
    let (qemu, socket) = Standin::builder().console(ConsoleSpec::default()).console(fixed).p2p().unwrap();
    let peer = connect(socket);
    let info = UiInfo { width_mm: 300, height_mm: 200, x: 0, y: 0, size: Size::new(1280, 800) };
    block_on(peer.console(0).set_ui_info(info)).unwrap();
    qemu.wait_for(WAIT, |calls| calls.iter().any(|call| matches!(call, Call::SetUiInfo(_)))).unwrap();
    let error = block_on(peer.console(1).set_ui_info(info)).unwrap_err();
    assert!(
        matches!(error, CallError::Refused { name, .. } if name == "org.qemu.Display1.Error.Unsupported")
    );
}

#[test]
fn trap_11_and_34_what_changes_at_a_machine_is_told() {
    let (qemu, socket) = Standin::builder().console(ConsoleSpec::sized(640, 480)).p2p().unwrap();
    let peer = connect(socket);
    block_on(async {
        let mut changes = changes(&peer).await.unwrap();
        qemu.resize(0, 720, 400);
        let size = Change::Size { console: 0, width: Some(720), height: Some(400) };
        assert_eq!(changes.next().await, Some(size));
        qemu.set_modifiers(0, 5);
        let leds = Leds::from_bits(5);
        assert_eq!(changes.next().await, Some(Change::Leds { console: 0, leds }));
        qemu.set_pointer(0, Pointer::Relative);
        let pointer = PointerMode::Relative;
        assert_eq!(changes.next().await, Some(Change::Pointer { console: 0, pointer }));
    });
}

#[test]
fn trap_40_consoles_come_and_go() {
    let (qemu, socket) = Standin::builder().release(Release::V11_1).p2p().unwrap();
    let peer = connect(socket);
    block_on(async {
        let mut changes = changes(&peer).await.unwrap();
        let added = qemu.add_console(ConsoleSpec::default());
        let mut seen = [changes.next().await.unwrap(), changes.next().await.unwrap()];
        seen.sort_by_key(|change| matches!(change, Change::Consoles(_)));
        assert_eq!(seen, [Change::Added(added), Change::Consoles(vec![0, added])]);
        qemu.remove_console(added);
        let mut seen = [changes.next().await.unwrap(), changes.next().await.unwrap()];
        seen.sort_by_key(|change| matches!(change, Change::Consoles(_)));
        assert_eq!(seen, [Change::Removed(added), Change::Consoles(vec![0])]);
    });
}

#[test]
fn trap_06_nothing_is_addressed_without_a_bus() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        let mut heard = Vec::new();
        for answer in ["OK 0123456789abcdef0123456789abcdef\r\n", "AGREE_UNIX_FD\r\n", ""] {
            let mut byte = [0];
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                theirs.read_exact(&mut byte).unwrap();
                line.push(byte[0]);
            }
            theirs.write_all(answer.as_bytes()).unwrap();
        }
        theirs.read_to_end(&mut heard).unwrap();
        heard
    });
    let peer = block_on(Peer::p2p(ours)).unwrap();
    block_on(peer.console(0).send(Command::Key(Qnum(1), Press::Down))).unwrap();
    drop(peer);
    let heard = server.join().unwrap();
    let message = oriel::display1::wire::Message::parse(&heard).unwrap();
    assert_eq!(message.member, "Press", "no Hello comes first");
    for field in [6, 7] {
        let start = [field, 1, b's', 0];
        assert!(!heard.chunks(8).any(|chunk| chunk.starts_with(&start)), "neither destination nor sender");
    }
}

#[test]
fn trap_06_a_second_viewer_closes_the_first() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let first = connect(socket);
    let second = connect(qemu.connect().unwrap());
    block_on(first.closed());
    block_on(second.machine()).unwrap();
}
