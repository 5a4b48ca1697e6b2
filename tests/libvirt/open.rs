//! A machine's display, opened through libvirt.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oriel::clipboard;
use oriel::clock;
use oriel::session::{Console, End, Event, Hardware, Loss, Power, State as Session};
use oriel::source::libvirt::{
    Domain, Drawn, FirstPicture, Hypervisor, LibvirtError, Operation, Paused, State, Status,
};
use oriel::source::{ConnectError, RefreshError, Refreshed, Source};

use harness::shot::Image;

use crate::daemon::{Daemon, P2P, call, definition, wait};
use crate::session_watch::{Watch, eventually};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// A machine by this name, off.
fn defined(daemon: &Daemon, name: &'static str, graphics: &str) -> (Hypervisor, String) {
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition(name, graphics))).unwrap();
    let uuid = daemon.until_state(&hypervisor, name, |_| true).uuid;
    (hypervisor, uuid)
}

fn started(daemon: &Daemon, name: &'static str, graphics: &str) -> (Hypervisor, String) {
    let (hypervisor, uuid) = defined(daemon, name, graphics);
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = call(hypervisor.operate(&uuid, Operation::Start)) {
        // libvirt does not wait until the bus that it starts listens (src/qemu/qemu_dbus.c).
        let is_too_early = error.to_string().contains("Failed to connect to dbus-daemon");
        assert!(is_too_early && Instant::now() < deadline, "{error}: {}", daemon.log());
    }
    daemon.until_state(&hypervisor, name, |state| state == State::Running);
    (hypervisor, uuid)
}

fn watch(hypervisor: &Hypervisor, wanted: &str) -> Watch {
    watch_domain(Domain::on(hypervisor.clone(), wanted))
}

pub(crate) fn watch_domain(domain: Domain) -> Watch {
    Watch::start(Source::Libvirt(domain))
}

fn has_picture(console: &Console) {
    console.frames.present(clock::now(), || {});
    eventually("a picture", || console.frames.take().is_some() || console.frames.current().is_some());
}

pub(crate) fn libvirt_error(state: &Session) -> Option<&LibvirtError> {
    let Session::Lost { reason: Loss::Unreachable(error), .. } = state else { return None };
    let ConnectError::Libvirt(error) = &**error else { return None };
    Some(error)
}

#[test]
fn a_machine_that_is_off_is_shown_from_its_first_picture_on() {
    let daemon = Daemon::start();
    let (hypervisor, uuid) = defined(&daemon, "web", P2P);
    let session = watch(&hypervisor, "web");
    let down = session.down();
    assert!(matches!(libvirt_error(&down), Some(LibvirtError::Off(name)) if name == "web"), "{down:?}");
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    let machine = session.live();
    assert_eq!((machine.name.as_str(), machine.uuid.as_deref()), ("web", Some(uuid.as_str())));
    has_picture(&session.console());
    // Switched off and on again, it is the same window's.
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    assert!(matches!(session.down(), Session::Ended(End::Shutdown(_)) | Session::Lost { .. }));
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    session.live();
    session.session.power(Power::Quit);
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
    session.close();
}

#[test]
fn name_uuid_and_number_lead_to_the_same_machine() {
    let daemon = Daemon::start();
    let (hypervisor, uuid) = started(&daemon, "web", P2P);
    let number = call(hypervisor.find("web")).unwrap().id.unwrap().to_string();
    for wanted in ["web", &uuid, &uuid.to_uppercase(), &number] {
        let session = watch(&hypervisor, wanted);
        assert_eq!(session.live().uuid.as_deref(), Some(uuid.as_str()), "{wanted}");
        session.close();
    }
}

#[test]
fn a_second_viewer_takes_the_display_over_and_the_first_is_told() {
    let daemon = Daemon::start();
    let (hypervisor, _) = started(&daemon, "web", P2P);
    let first = watch(&hypervisor, "web");
    first.live();
    let second = watch(&hypervisor, "web");
    second.live();
    let down = first.down();
    assert!(matches!(down, Session::Lost { reason: Loss::TakenOver, .. }), "{down:?}");
    has_picture(&second.console());
}

/// QEMU leaves the first one's connection open then, and says nothing; the clipboard goes on to the second.
#[test]
fn a_first_viewer_that_has_the_clipboard_is_told_too() {
    let daemon = Daemon::start();
    let (hypervisor, _) = started(&daemon, "web", P2P);
    let attended = |event| matches!(event, Event::Clipboard(clipboard::Input::Connected)).then_some(());
    let first = watch(&hypervisor, "web");
    first.live();
    first.session.open_clipboard();
    first.until("clipboard", attended);
    let second = watch(&hypervisor, "web");
    second.live();
    second.session.open_clipboard();
    let down = first.down();
    assert!(matches!(down, Session::Lost { reason: Loss::TakenOver, .. }), "{down:?}");
    second.until("clipboard", attended);
}

#[test]
fn a_machine_whose_qemu_is_killed_has_gone() {
    let mut daemon = Daemon::start();
    let (hypervisor, _) = started(&daemon, "web", P2P);
    let session = watch(&hypervisor, "web");
    session.live();
    daemon.tell("kill-machine web");
    let down = session.down();
    assert!(!matches!(down, Session::Lost { reason: Loss::TakenOver, .. }), "{down:?}");
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
}

/// QEMU is had to look by libvirt, which says that it minds; nothing else does that.
#[test]
fn only_a_refresh_taints_a_machine() {
    let daemon = Daemon::start();
    let (hypervisor, _) = started(&daemon, "web", P2P);
    let session = watch(&hypervisor, "web");
    session.live();
    let console = session.console();
    has_picture(&console);
    assert_eq!(console.hardware, Hardware::Other, "as libvirt has it");
    assert!(!daemon.log().contains("custom-monitor"), "{}", daemon.log());
    drop(session);

    let source = Source::Libvirt(Domain::on(hypervisor, "web"));
    let link = wait(source.connect(|_| ())).expect("in time").unwrap();
    let reached = link.libvirt().expect("a machine of libvirt's");
    assert_eq!(wait(reached.drawn_by("video0")).flatten(), Some(Drawn::Model("vga".into())));
    let refresher = link.refresher().expect("somebody to ask");
    assert!(refresher.taints());
    for device in [None, Some(("video0", 0))] {
        let refreshed = wait(refresher.refresh(device)).expect("in time").unwrap();
        assert_eq!(refreshed, Refreshed::Surface, "{device:?}");
    }
    let refused = wait(refresher.refresh(Some(("nobody", 0)))).expect("in time").unwrap_err();
    assert!(matches!(refused, RefreshError::Refused(_)), "{refused:?}");
    assert!(daemon.log().contains("custom-monitor"), "{}", daemon.log());
}

/// libvirt is restarted under an open display, which goes on: it was never libvirt's.
#[test]
fn a_display_outlasts_libvirt() {
    let mut daemon = Daemon::start();
    let (hypervisor, uuid) = started(&daemon, "web", P2P);
    let session = watch(&hypervisor, "web");
    session.live();
    let console = session.console();
    daemon.tell("kill");
    daemon.until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
    daemon.tell("start");
    has_picture(&console);
    daemon.until(&hypervisor, "a connection", |roster| {
        let running = roster.find("web").is_some_and(|machine| machine.state == State::Running);
        (*roster.status() == Status::Connected && running).then_some(())
    });
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    session.down();
}

/// Without `p2p`, libvirt gives the machine a bus of its own, and tells where it is.
#[test]
fn a_display_on_the_machines_own_bus_is_opened_there() {
    let mut daemon = Daemon::start();
    started(&daemon, "web", "<graphics type='dbus'/>");
    // Where libvirt says that it is, it is only for whoever sees what this libvirt sees.
    let file = daemon.path().join("shot.png");
    let shoot = format!("{ORIEL} -v screenshot --libvirt qemu:///system --console 0 web {}", file.display());
    daemon.tell(&format!("run {shoot}"));
    assert!(Image::load(&file).unwrap().width() >= 640, "{}", daemon.log());
}

#[test]
fn a_machine_without_such_a_display_says_what_it_has() {
    let daemon = Daemon::start();
    let (hypervisor, uuid) = started(&daemon, "web", "<graphics type='vnc' autoport='yes'/>");
    let session = watch(&hypervisor, "web");
    let down = session.down();
    let has = match libvirt_error(&down) {
        Some(LibvirtError::NoDisplay { has, .. }) => has.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(has, "vnc");
    let shot = call(hypervisor.screenshot(&uuid, 0)).unwrap();
    assert!(shot.size().0 >= 640, "{shot:?}");
}

/// Beside SPICE and VNC while no GPU draws: the second of several displays is opened.
#[test]
fn the_right_one_of_several_displays_is_opened() {
    let daemon = Daemon::start();
    let both = format!("<graphics type='vnc' autoport='yes'/>\n    {P2P}");
    let (hypervisor, _) = started(&daemon, "web", &both);
    let session = watch(&hypervisor, "web");
    session.live();
    has_picture(&session.console());
}

/// Has a machine started as whoever watches it does, on a thread that may wait.
fn start_watched(hypervisor: &Hypervisor, uuid: &str) -> JoinHandle<Result<FirstPicture, LibvirtError>> {
    let (hypervisor, uuid) = (hypervisor.clone(), uuid.to_owned());
    thread::spawn(move || call(hypervisor.start_watched(&uuid)))
}

/// Its guest does nothing before its display is listened to.
#[test]
fn a_machine_runs_once_it_is_watched() {
    let daemon = Daemon::start();
    let (hypervisor, uuid) = defined(&daemon, "web", P2P);
    let starting = start_watched(&hypervisor, &uuid);
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    assert!(hypervisor.awaits_viewer(&uuid));
    let session = watch(&hypervisor, "web");
    session.live();
    let console = session.console();
    assert_eq!(starting.join().unwrap().unwrap(), FirstPicture::Seen);
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    assert!(!hypervisor.awaits_viewer(&uuid));
    has_picture(&console);

    // As the library does it: the window first.
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    session.down();
    assert_eq!(start_watched(&hypervisor, &uuid).join().unwrap().unwrap(), FirstPicture::Seen);
    session.live();
    session.close();
}

/// Whatever becomes of the viewer, and of libvirt: a machine that was started runs.
#[test]
fn a_machine_that_nobody_comes_to_watch_runs_all_the_same() {
    let mut daemon = Daemon::start();
    let (hypervisor, uuid) = defined(&daemon, "web", P2P);
    // Nobody is there.
    assert_eq!(start_watched(&hypervisor, &uuid).join().unwrap().unwrap(), FirstPicture::Missed);
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    // Whoever wanted to watch it has gone.
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
    let viewer = Domain::on(hypervisor.clone(), &*uuid);
    let starting = start_watched(&hypervisor, &uuid);
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    drop(viewer);
    assert_eq!(starting.join().unwrap().unwrap(), FirstPicture::Missed);
    // libvirt goes while it waits, and comes back.
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
    let starting = start_watched(&hypervisor, &uuid);
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    daemon.tell("kill");
    daemon.tell("start");
    assert_eq!(starting.join().unwrap().unwrap(), FirstPicture::Missed);
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    // One whose display is another program's has nothing to wait for.
    let (hypervisor, uuid) = defined(&daemon, "mail", "<graphics type='vnc' autoport='yes'/>");
    assert_eq!(start_watched(&hypervisor, &uuid).join().unwrap().unwrap(), FirstPicture::Missed);
    assert!(call(hypervisor.find("mail")).is_ok());
}

/// Each of two graphics devices is a console of its own, and the window is the same after a reset, a
/// pause and a reboot.
#[test]
fn both_of_two_graphics_devices_are_shown_and_stay() {
    let daemon = Daemon::start();
    let second = "</video>\n    <video>\n      <model type='virtio'/>\n    </video>";
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P).replace("</video>", second))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    let session = watch(&hypervisor, "web");
    session.live();
    let (first, second) = (session.console(), session.console());
    assert_ne!(first.id, second.id);
    has_picture(&first);
    for operation in [Operation::Reset, Operation::Reboot, Operation::Pause, Operation::Resume] {
        call(hypervisor.operate(&uuid, operation)).unwrap();
    }
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    has_picture(&first);
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    session.down();
}

/// Should we be killed while a machine waits for us, a process beside ours lets it run.
#[test]
fn a_machine_whose_viewer_is_killed_runs() {
    let daemon = Daemon::start();
    let (hypervisor, uuid) = defined(&daemon, "web", P2P);
    let guard = || {
        let mut guard = Command::new(ORIEL);
        guard.args(["guard-machine", &daemon.uri(), &uuid]).stdin(Stdio::piped()).spawn().unwrap()
    };
    daemon.virsh(&["start", "--paused", "web"]);
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    let mut well = guard();
    well.stdin.take().unwrap().write_all(b".").unwrap();
    assert!(well.wait().unwrap().success());
    assert!(matches!(call(hypervisor.find("web")).unwrap().state, State::Paused(_)), "all was well");
    let mut killed = guard();
    drop(killed.stdin.take());
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    assert!(killed.wait().unwrap().success());
}
