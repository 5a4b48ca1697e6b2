//! Sessions against the QEMU stand-in: connecting, input, consoles, loss and return.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use oriel::frame::{Scanout, Screen};
use oriel::geometry::{Point, Size};
use oriel::input::{Button, Command, Leds, PointerMode, Press, Qnum};
use oriel::resolution::{Answer, Millimetres, Wish};
use oriel::session::{ConsoleId, ConsoleKind, End, Event, Loss, Power, State};
use oriel::source::{Shutdown, Source};
use standin::bus::PrivateBus;
use standin::scenario::Scenario;
use standin::{Call, ConsoleSpec, Hang, Pointer, QmpEvent, Release, Standin, pattern, pixman};

use crate::session_watch::{PATIENCE, Watch, eventually};

const FIRST: ConsoleId = ConsoleId(0);

fn over(socket: UnixStream) -> Watch {
    Watch::start(Source::socket(socket.into()).unwrap())
}

fn over_qmp(socket: &Path) -> Watch {
    Watch::start(Source::qmp(socket))
}

fn on_bus(bus: &PrivateBus, machine: Option<&str>) -> Watch {
    let machine = machine.map(str::to_owned);
    Watch::start(Source::Bus { address: Some(bus.address().to_owned()), machine })
}

fn key(code: u8, press: Press) -> Command {
    Command::Key(Qnum(code), press)
}

/// What the viewer did to the first console's keyboard and mouse.
fn input(qemu: &Standin) -> Vec<Call> {
    let is_input = |call: &Call| {
        matches!(
            call,
            Call::KeyPress(_)
                | Call::KeyRelease(_)
                | Call::MousePress(_)
                | Call::MouseRelease(_)
                | Call::SetAbsPosition { .. }
                | Call::RelMotion { .. }
                | Call::Refused { .. }
        )
    };
    qemu.calls().into_iter().filter(is_input).collect()
}

#[test]
fn a_machine_is_connected_and_its_picture_arrives() {
    let (qemu, socket) = Standin::builder().name("web").console(ConsoleSpec::sized(64, 48)).p2p().unwrap();
    let watch = over(socket);
    assert_eq!(watch.live().name, "web");
    let console = watch.console();
    assert_eq!((console.id, console.kind, console.size), (FIRST, ConsoleKind::Graphic, Size::new(64, 48)));

    let listener = qemu.listener(0).unwrap();
    let format = pixman::X8R8G8B8;
    listener.scanout(64, 48, 256, format, pattern::render(format, 7, 64, 48, 256));
    eventually("a picture", || console.frames.screen() == Screen::Live(Size::new(64, 48)));
    assert!(matches!(console.frames.current(), Some(Scanout::Pixels(_))));
    watch.close();
    eventually("the listener is closed", || listener.is_closed());
}

#[test]
fn input_keeps_its_order_and_movements_join_only_among_themselves() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    qemu.listener(0).unwrap();
    let press = |press| Command::Button(Button::Left, press);
    for command in [
        Command::MoveTo(Point::new(1, 2)),
        press(Press::Down),
        Command::MoveTo(Point::new(30, 40)),
        press(Press::Up),
        key(0x1e, Press::Down),
        key(0x1e, Press::Up),
    ] {
        watch.session.send(FIRST, command);
    }
    let expected = [
        Call::SetAbsPosition { x: 1, y: 2 },
        Call::MousePress(0),
        Call::SetAbsPosition { x: 30, y: 40 },
        Call::MouseRelease(0),
        Call::KeyPress(0x1e),
        Call::KeyRelease(0x1e),
    ];
    eventually("all of it", || input(&qemu).len() >= expected.len());
    assert_eq!(input(&qemu), expected);
    watch.close();
}

#[test]
fn what_is_held_is_released_when_the_session_closes() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    qemu.listener(0).unwrap();
    watch.session.send(FIRST, key(0x1d, Press::Down));
    watch.session.send(FIRST, Command::Button(Button::Right, Press::Down));
    watch.session.send(FIRST, key(0x2e, Press::Down));
    watch.session.send(FIRST, key(0x2e, Press::Up));
    watch.close();
    eventually("releases", || input(&qemu).len() >= 6);
    let calls = input(&qemu);
    assert_eq!(calls[4..], [Call::KeyRelease(0x1d), Call::MouseRelease(2)]);
}

#[test]
fn a_machine_that_hangs_holds_up_nothing() {
    for hang in [Hang::MainLoop, Hang::Process] {
        let (qemu, socket) = Standin::p2p().unwrap();
        let watch = over(socket);
        watch.console();
        qemu.listener(0).unwrap();
        qemu.hang(hang);
        watch.session.ask(FIRST, wish(800, 600));
        for x in 0..100_000 {
            watch.session.send(FIRST, Command::MoveTo(Point::new(x, x)));
            watch.session.send(FIRST, key(0x1e, Press::Down));
            watch.session.send(FIRST, key(0x1e, Press::Up));
        }
        watch.close();
    }
}

#[test]
fn a_machine_that_does_not_let_us_in_can_be_given_up() {
    let (ours, _silent) = UnixStream::pair().unwrap();
    over(ours).close();
}

/// Issue: "replies that never come".
#[test]
fn a_machine_that_never_says_who_it_is_is_lost() {
    let (qemu, socket) = Standin::p2p().unwrap();
    qemu.hold_replies(&["GetAll"]);
    let watch = over(socket);
    let State::Lost { reason: Loss::Unreachable(why), retry: None } = watch.down() else { panic!("no loss") };
    assert!(why.to_string().contains("no answer within"), "{why}");
    watch.close();
}

#[test]
fn lights_and_pointer_are_told_of() {
    let spec = ConsoleSpec { modifiers: 4, pointer: Pointer::Relative, ..ConsoleSpec::default() };
    let (qemu, socket) = Standin::builder().console(spec).p2p().unwrap();
    let watch = over(socket);
    let leds = |wanted| {
        watch.until("lights", |event| match event {
            Event::Leds(FIRST, leds) => (leds == wanted).then_some(()),
            _ => None,
        });
    };
    let pointer = |wanted| {
        watch.until("a pointer mode", |event| match event {
            Event::PointerMode(FIRST, mode) => (mode == wanted).then_some(()),
            _ => None,
        });
    };
    leds(Leds::CAPS);
    pointer(PointerMode::Relative);
    qemu.set_pointer(0, Pointer::Absolute);
    pointer(PointerMode::Absolute);
    qemu.set_modifiers(0, 2);
    leds(Leds::NUM);
}

fn wish(width: u32, height: u32) -> Wish {
    let millimetres = Millimetres { width: 300, height: 200 };
    Wish { size: Size::new(width, height), millimetres, at: Point::new(0, 0) }
}

fn sizes(qemu: &Standin) -> Vec<(u32, u32)> {
    let size = |call| match call {
        Call::SetUiInfo(info) => Some((info.width, info.height)),
        _ => None,
    };
    qemu.calls().into_iter().filter_map(size).collect()
}

#[test]
fn of_the_sizes_asked_for_the_last_is_obeyed() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    qemu.listener(0).unwrap();
    qemu.hold_replies(&["SetUIInfo"]);
    for width in 700..1000 {
        watch.session.ask(FIRST, wish(width, 600));
    }
    eventually("the first", || !sizes(&qemu).is_empty());
    qemu.release_replies();
    eventually("the last", || sizes(&qemu).last() == Some(&(999, 600)));
    assert!(sizes(&qemu).len() < 10, "what was overtaken is not asked for: {:?}", sizes(&qemu));
}

#[test]
fn what_became_of_a_wish_is_told() {
    let fixed = ConsoleSpec { resizable: false, ..ConsoleSpec::default() };
    let (qemu, socket) = Standin::builder().console(ConsoleSpec::default()).console(fixed).p2p().unwrap();
    let watch = over(socket);
    let second = ConsoleId(1);
    let asked = |wanted| {
        watch.session.ask(wanted, wish(800, 600));
        watch.until("an answer", |event| match event {
            Event::Asked(id, asked, answer) => {
                assert_eq!((id, asked), (wanted, wish(800, 600)));
                Some(answer)
            }
            _ => None,
        })
    };
    for _ in 0..2 {
        watch.console();
    }
    assert_eq!(asked(FIRST), Answer::Accepted);
    assert_eq!(asked(second), Answer::Unsupported);
    assert_eq!(asked(ConsoleId(7)), Answer::Failed, "there is none");
    qemu.refuse("SetUIInfo", "org.freedesktop.DBus.Error.Failed", "not today");
    assert_eq!(asked(FIRST), Answer::Failed);
    drop(qemu);
    watch.down();
    watch.session.ask(FIRST, wish(800, 600));
    watch.until("an answer without a machine", |event| match event {
        Event::Asked(FIRST, _, Answer::Failed) => Some(()),
        _ => None,
    });
}

/// Issue: "two consoles; a console that disappears".
#[test]
fn consoles_come_and_go() {
    let text = ConsoleSpec { kind: standin::ConsoleKind::Text, label: "vc".into(), ..ConsoleSpec::default() };
    let (qemu, socket) = Standin::builder()
        .release(Release::V11_1)
        .console(ConsoleSpec::default())
        .console(text)
        .p2p()
        .unwrap();
    let watch = over(socket);
    let found = [watch.console(), watch.console()];
    let kinds = found.map(|console| (console.id.0, console.kind));
    assert_eq!(kinds, [(0, ConsoleKind::Graphic), (1, ConsoleKind::Text)]);

    qemu.listener(0).unwrap();
    let third = qemu.add_console(ConsoleSpec::sized(320, 200));
    assert_eq!(watch.console().id, ConsoleId(third));
    let listener = qemu.listener(third).unwrap();
    qemu.remove_console(third);
    let removed = watch.until("removed console", |event| match event {
        Event::ConsoleRemoved(id) => Some(id),
        _ => None,
    });
    assert_eq!(removed, ConsoleId(third));
    eventually("its listener is closed", || listener.is_closed());
    let registered = qemu.records().into_iter().filter(|record| record.call == Call::RegisterListener);
    let consoles: Vec<_> = registered.map(|record| record.console).collect();
    assert_eq!(consoles, [Some(0), Some(third)], "text consoles have no frames");
    watch.close();
}

#[test]
fn more_consoles_than_a_machine_has_are_left_alone() {
    let many = (0..100).fold(Standin::builder(), |builder, _| builder.console(ConsoleSpec::sized(16, 16)));
    let (qemu, socket) = many.p2p().unwrap();
    let watch = over(socket);
    let found: Vec<_> = (0..32).map(|_| watch.console().id.0).collect();
    assert_eq!(found, (0..32).collect::<Vec<_>>());
    qemu.listener(31).unwrap();
    watch.close();
    assert!(!qemu.records().iter().any(|record| record.console == Some(32)));
}

#[test]
fn a_listener_that_breaks_is_replaced_but_not_for_ever() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    let console = watch.console();
    let first = qemu.listener(0).unwrap();
    first.scanout(16, 16, 64, pixman::X8R8G8B8, vec![0; 1024]);
    eventually("a picture", || console.frames.current().is_some());
    first.abort();
    let mut listener = qemu.listener_after(&first, PATIENCE).unwrap();
    assert!(console.frames.current().is_some(), "the picture stays");
    for _ in 0..2 {
        listener.abort();
        listener = qemu.listener_after(&listener, PATIENCE).unwrap();
    }
    listener.abort();
    let State::Lost { reason: Loss::Display(_), retry: None } = watch.down() else { panic!("it goes on") };
}

#[test]
fn a_descriptor_whose_other_end_closes_is_lost_for_good() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    drop(qemu);
    let State::Lost { reason: Loss::Closed, retry: None } = watch.down() else { panic!("no loss") };
    watch.session.reconnect();
    let State::Lost { reason: Loss::Unreachable(why), retry: None } = watch.down() else { panic!("no loss") };
    assert!(why.to_string().contains("used up"), "{why}");
}

/// QEMU leaves the connection open then, without anything on it.
#[test]
fn a_descriptor_whose_machine_has_another_viewer_is_taken_over() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    qemu.refuse("GetAll", "org.freedesktop.DBus.Error.UnknownMethod", "there is no such object");
    let State::Lost { reason: Loss::TakenOver, retry: None } = watch.down() else { panic!("no loss") };
}

#[test]
fn a_machine_behind_qmp_ends_and_comes_back_with_its_mailbox() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let qemu = Standin::builder().name("web").build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    let watch = over_qmp(&path);
    assert_eq!(watch.live().name, "web");
    let console = watch.console();
    qemu.listener(0).unwrap();
    qemu.qmp_event(QmpEvent::GuestShutdown);
    drop(qemu);
    let expected = End::Shutdown(Shutdown { guest: true, reason: "guest-shutdown".into() });
    let State::Ended(end) = watch.down() else { panic!("it did not end") };
    assert_eq!(end, expected);

    std::fs::remove_file(&path).unwrap();
    let qemu = Standin::builder().name("web").build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    watch.live();
    let listener = qemu.listener(0).unwrap();
    listener.scanout(16, 16, 64, pixman::X8R8G8B8, vec![0; 1024]);
    eventually("a picture in the mailbox of before", || console.frames.current().is_some());
    watch.close();
}

/// Trap 6 (reference §9): a second client takes the objects over, and the first connection closes.
#[test]
fn a_display_that_another_viewer_took_is_not_taken_back() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    let first = over_qmp(&path);
    first.console();
    let second = over(qemu.connect().unwrap());
    second.live();
    let State::Lost { reason: Loss::TakenOver, retry: None } = first.down() else { panic!("no loss") };
    let added = |calls: &[Call]| calls.iter().filter(|call| **call == Call::Qmp("add_client".into())).count();
    assert_eq!(added(&qemu.calls()), 1);

    // The person may insist.
    first.session.reconnect();
    first.live();
    assert_eq!(added(&qemu.calls()), 2);
}

#[test]
fn switches_work_over_qmp_and_nowhere_else() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    let watch = over_qmp(&path);
    watch.live();
    watch.session.power(Power::Down);
    let pressed = |calls: &[Call]| calls.contains(&Call::Qmp("system_powerdown".into()));
    qemu.wait_for(PATIENCE, pressed).unwrap();
    watch.close();

    let watch = over(qemu.connect().unwrap());
    watch.live();
    watch.session.power(Power::Quit);
    watch.until("refusal", |event| matches!(event, Event::PowerFailed(Power::Quit, _)).then_some(()));
}

#[test]
fn a_machine_on_a_bus_is_chosen_and_kept() {
    let bus = PrivateBus::start().unwrap();
    let uuid = "5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8";
    let web = Standin::builder().name("web").build().unwrap();
    let mail = Standin::builder().name("mail").uuid(uuid).build().unwrap();
    assert!(web.join(bus.address()).unwrap().is_owner);
    let joined = mail.join(bus.address()).unwrap();
    assert!(!joined.is_owner);

    for (wanted, name) in [
        (None, "web"),
        (Some("mail"), "mail"),
        (Some(uuid.to_uppercase().as_str()), "mail"),
        (Some(joined.unique_name.as_str()), "mail"),
    ] {
        let watch = on_bus(&bus, wanted);
        assert_eq!(watch.live().name, name);
        watch.close();
    }

    // The queue moves on; the chosen one stays ours.
    let watch = on_bus(&bus, Some("mail"));
    watch.console();
    mail.listener(0).unwrap();
    drop(web);
    watch.session.send(FIRST, key(0x1e, Press::Down));
    mail.wait_for(PATIENCE, |calls| calls.contains(&Call::KeyPress(0x1e))).unwrap();
    watch.close();
}

#[test]
fn a_machine_that_leaves_the_bus_is_awaited_there() {
    let bus = PrivateBus::start().unwrap();
    let watch = on_bus(&bus, None);
    let State::Lost { reason: Loss::Unreachable(why), retry: None } = watch.down() else { panic!("no loss") };
    assert!(why.to_string().contains("no machine"), "{why}");

    let web = Standin::builder().name("web").build().unwrap();
    web.join(bus.address()).unwrap();
    assert_eq!(watch.live().name, "web");
    watch.console();
    drop(web);
    let State::Lost { reason: Loss::Gone, retry: None } = watch.down() else { panic!("no loss") };

    // Another machine is not the one that left.
    let mail = Standin::builder().name("mail").build().unwrap();
    mail.join(bus.address()).unwrap();
    let web = Standin::builder().name("web").build().unwrap();
    assert!(!web.join(bus.address()).unwrap().is_owner);
    assert_eq!(watch.live().name, "web");
    web.listener(0).unwrap();
    assert!(!mail.calls().contains(&Call::RegisterListener));
    watch.close();
}

#[test]
fn a_session_that_nobody_holds_ends() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let watch = over(socket);
    watch.console();
    qemu.listener(0).unwrap();
    drop(watch);
    qemu.wait_for(PATIENCE, |calls| calls.contains(&Call::Disconnected)).unwrap();
}

/// Trap 14 (reference §9): a scanout that QEMU threw away is had by registering once more.
#[test]
fn a_lost_scanout_is_asked_for_once_more() {
    let (qemu, socket) = Standin::builder().release(Release::V10_0).lossy(true).p2p().unwrap();
    let watch = over(socket);
    watch.console();
    let first = qemu.listener(0).unwrap();
    let played = Scenario::LostScanout.play(&qemu, &first, Duration::from_millis(30)).unwrap();
    assert!(!played.listener.is(&first));
    eventually("the former one is closed", || first.is_closed());
    watch.close();
}
