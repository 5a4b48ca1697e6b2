//! Whatever goes wrong is said in words, and the words say what it was.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::display1::{CallError, PeerError};
use crate::frame::Screen;
use crate::geometry::Size;
use crate::session::{Firmware, Machine, Stage};
use crate::source::bus::Found;
use crate::source::launch::Refusal;
use crate::source::libvirt::LibvirtError;
use crate::source::{LaunchError, Shutdown};
use crate::window::Hold;
use crate::window::story::{Choice, Face, Story};

fn broken() -> io::Error {
    io::Error::other("broken pipe")
}

fn exited(code: i32, words: &[&str]) -> Exited {
    Exited { status: ExitStatus::from_raw(code << 8), words: words.iter().map(ToString::to_string).collect() }
}

fn found() -> Vec<Found> {
    let owner = ":1.42".try_into().expect("a unique name");
    vec![Found { owner, machine: None }]
}

/// Every way to fail. Whoever adds a variant is told by the compiler to add it here.
fn every_connect_error() -> Vec<ConnectError> {
    use ConnectError as E;
    let (bus, wanted) = ("the session bus".to_owned(), "web".to_owned());
    let path = PathBuf::from("/run/web.qmp");
    let after = Duration::from_secs(5);
    let all = vec![
        E::NoMachine { bus: bus.clone() },
        E::NoSuchMachine { wanted: wanted.clone(), bus: bus.clone(), found: vec![] },
        E::NoSuchMachine { wanted: wanted.clone(), bus: bus.clone(), found: found() },
        E::Ambiguous { wanted, found: found() },
        E::NoBus { bus: bus.clone(), error: zbus::Error::InvalidReply },
        E::Silent { who: bus, after },
        E::NoSocket { path: path.clone(), error: broken() },
        E::Monitor { path: path.clone(), error: QmpError::Busy(after) },
        E::Monitor { path, error: QmpError::NotQmp("SSH-2.0".to_owned()) },
        E::NotOpened("no such protocol".to_owned()),
        E::Qmp(QmpError::Closed),
        E::Descriptor { number: 7, error: "not a socket".to_owned() },
        E::UsedUp,
        E::Peer(PeerError::Io(broken())),
        E::Call(CallError::TimedOut(after)),
        E::Resources(broken()),
        E::Launch(LaunchError::Refused(Refusal::NoGraphic)),
        E::Launch(LaunchError::Spawn { program: "qemu".into(), error: broken() }),
        E::Launch(LaunchError::Exited(exited(1, &["qemu-system-x86_64: no disk"]))),
        E::Launch(LaunchError::Monitor(QmpError::Closed)),
    ];
    let all: Vec<_> = all.into_iter().chain(every_libvirt_error().map(E::Libvirt)).collect();
    for error in &all {
        match error {
            E::NoMachine { .. }
            | E::NoSuchMachine { .. }
            | E::Ambiguous { .. }
            | E::NoBus { .. }
            | E::Silent { .. }
            | E::NoSocket { .. }
            | E::Monitor { .. }
            | E::NotOpened(_)
            | E::Qmp(_)
            | E::Descriptor { .. }
            | E::UsedUp
            | E::Peer(_)
            | E::Call(_)
            | E::Resources(_)
            | E::Launch(_)
            | E::Libvirt(_) => {}
        }
    }
    all
}

fn every_libvirt_error() -> impl Iterator<Item = LibvirtError> {
    use LibvirtError as L;
    let [uri, name, words] = ["qemu:///system", "web", "no reason"].map(str::to_owned);
    let of_words = [L::Busy, L::NotNow, L::Rejected, L::Unsupported, L::Failed];
    let spoken = of_words.map(|error| error(words.clone()));
    let others = [
        L::NotBuilt,
        L::Absent { uri: uri.clone(), words: words.clone() },
        L::Refused { uri: uri.clone(), words: words.clone() },
        L::BadUri { uri: uri.clone(), words },
        L::Silent { what: "list machines", after: Duration::from_secs(5) },
        L::Disconnected,
        L::NoMachine { wanted: name.clone(), uri: uri.clone() },
        L::Off(name.clone()),
        L::NoDisplay { name, has: "spice".to_owned() },
        L::Remote(uri),
    ];
    spoken.into_iter().chain(others)
}

fn every_loss() -> Vec<Loss> {
    let unreachable = every_connect_error().into_iter().map(|error| Loss::Unreachable(Arc::new(error)));
    let others = [Loss::Closed, Loss::Gone, Loss::TakenOver, Loss::Display("no listener".to_owned())];
    unreachable.chain(others).collect()
}

fn every_end() -> Vec<End> {
    let shutdown = |guest| End::Shutdown(Shutdown { guest, reason: "guest-shutdown".to_owned() });
    vec![
        shutdown(true),
        shutdown(false),
        End::Shutdown(Shutdown { guest: false, reason: Shutdown::SAVED.to_owned() }),
        End::Shutdown(Shutdown { guest: false, reason: Shutdown::MOVED.to_owned() }),
        End::Exited(exited(0, &[])),
        End::Exited(exited(1, &[])),
        End::Exited(exited(1, &["qemu-system-x86_64: no disk"])),
        End::Gone,
    ]
}

fn every_state() -> Vec<State> {
    let stages = [Stage::Reaching, Stage::Starting, Stage::Opening, Stage::Asking];
    let machine = Machine { name: "web".to_owned(), uuid: None, qemu: None };
    let lost = every_loss().into_iter().map(|reason| State::Lost { reason, retry: None });
    let ended = every_end().into_iter().map(State::Ended);
    let connecting = stages.into_iter().map(State::Connecting);
    connecting.chain([State::Live(machine)]).chain(lost).chain(ended).collect()
}

fn story(state: &State, hold: Hold) -> Story<'_> {
    Story {
        state,
        screen: None,
        text: false,
        firmware: Firmware::Draws,
        hold,
        name: Some("web"),
        retry: None,
        returns: hold != Hold::Owner,
        managed: false,
    }
}

fn face(state: &State, hold: Hold, screen: Option<Screen>, retry: Option<u32>) -> Option<Face> {
    Story { screen, retry, ..story(state, hold) }.face()
}

#[test]
fn every_state_is_told_in_words_whoever_the_machine_belongs_to() {
    for state in every_state() {
        for hold in [Hold::Guest, Hold::Monitor, Hold::Owner] {
            let face = face(&state, hold, Some(Screen::Waiting), None).expect("a page instead of black");
            let said = format!("{} {}", face.title, face.body);
            assert!(!face.title.is_empty() && face.body.len() > 8, "{state:?}");
            assert!(!said.contains('{') && !said.contains("  "), "{state:?}: {said}");
            assert!(face.title.len() < 50, "a title is short: {}", face.title);
        }
    }
}

#[test]
fn what_is_broken_has_a_way_out_and_details() {
    for reason in every_loss() {
        let state = State::Lost { reason, retry: None };
        let face = face(&state, Hold::Guest, None, None).expect("a page");
        assert!(face.choices.contains(&Choice::Details), "{state:?}");
        assert!(details(&state).is_some_and(|details| !details.is_empty()), "{state:?}");
        let way_out = matches!(face.choices[0], Choice::Reconnect | Choice::Close);
        assert!(way_out, "{state:?}: {:?}", face.choices);
    }
}

#[test]
fn only_a_machine_of_our_own_is_started_again() {
    for end in every_end() {
        let state = State::Ended(end);
        let offers =
            |hold| face(&state, hold, None, None).expect("a page").choices.contains(&Choice::StartAgain);
        assert!(offers(Hold::Owner) && !offers(Hold::Monitor) && !offers(Hold::Guest), "{state:?}");
    }
}

/// One of our own lives on without its display; what came by a descriptor has been used up.
#[test]
fn a_display_that_was_lost_is_asked_for_again_where_that_can_be() {
    for reason in [Loss::Closed, Loss::TakenOver, Loss::Display("no listener".to_owned())] {
        let state = State::Lost { reason, retry: None };
        for hold in [Hold::Guest, Hold::Monitor, Hold::Owner] {
            let face = story(&state, hold).face().expect("a page");
            assert_eq!(face.choices, [Choice::Reconnect, Choice::Details], "{hold:?}, {state:?}");
        }
        let face = Story { returns: false, ..story(&state, Hold::Guest) }.face().expect("a page");
        assert_eq!(face.choices, [Choice::Close, Choice::Details], "{state:?}");
        assert!(!face.body.contains("Reconnect"), "{face:?}");
    }
    let error = ConnectError::Launch(LaunchError::Exited(exited(1, &[])));
    let state = State::Lost { reason: Loss::Unreachable(Arc::new(error)), retry: None };
    let face = story(&state, Hold::Owner).face().expect("a page");
    assert_eq!(face.choices, [Choice::StartAgain, Choice::Details]);
}

#[test]
fn a_picture_needs_no_words() {
    let state = State::Live(Machine { name: String::new(), uuid: None, qemu: None });
    let titles = [None, Some(Screen::Waiting), Some(Screen::Off)]
        .map(|screen| face(&state, Hold::Guest, screen, None).expect("a page").title);
    assert_eq!(titles, ["No Display", "No Picture Yet", "Display Off"]);
    assert_eq!(face(&state, Hold::Guest, Some(Screen::Live(Size::new(1, 1))), None), None);
}

#[test]
fn firmware_that_draws_nothing_is_told_of_with_a_way_out() {
    let state = State::Live(Machine { name: String::new(), uuid: None, qemu: None });
    let story = |firmware, screen| Story { screen: Some(screen), firmware, ..story(&state, Hold::Guest) };
    let face = |firmware| story(firmware, Screen::Waiting).face().expect("a page");
    let dark = face(Firmware::DrawsNothing);
    assert_eq!(dark.choices, [Choice::CopyForQemu, Choice::CopyForLibvirt]);
    assert!(dark.body.contains("ramfb"), "{dark:?}");
    assert!(face(Firmware::MayDrawNothing).note.is_some_and(|note| note.contains("ramfb")));
    assert_eq!(face(Firmware::Draws).note, None);
    let later = story(Firmware::DrawsNothing, Screen::Off).face().expect("a page");
    assert_eq!(later.title, "Display Off", "it was on: the driver is there");
}

#[test]
fn the_next_attempt_is_counted_down() {
    let state = State::Lost { reason: Loss::Closed, retry: Some(Duration::from_secs(2)) };
    let note = |retry| face(&state, Hold::Guest, None, retry).expect("a page").note.expect("a note");
    assert_eq!(note(Some(2)), "Trying again in 2 seconds");
    assert_eq!(note(Some(1)), "Trying again in 1 second");
    assert_eq!(note(Some(0)), "Trying again…");
    assert!(note(None).contains("by itself"));
}

#[test]
fn qemus_last_words_are_passed_on() {
    let words = ["qemu-system-x86_64: warning: old", "qemu-system-x86_64: -drive x: no disk", ""];
    let end = End::Exited(exited(1, &words));
    assert_eq!(super::end(&end).body, "QEMU says: -drive x: no disk");
    let details = details(&State::Ended(end)).expect("details");
    assert!(details.contains("exit status: 1") && details.contains("warning: old"), "{details}");
}

#[test]
fn a_machine_that_was_saved_or_has_moved_has_not_just_ended() {
    let title =
        |reason: &str| super::end(&End::Shutdown(Shutdown { guest: false, reason: reason.to_owned() })).title;
    let titles = [Shutdown::SAVED, Shutdown::MOVED, "host-destroyed"].map(title);
    assert_eq!(titles, ["Machine Saved", "Moved to Another Computer", "Machine Shut Down"]);
}

#[test]
fn a_switch_that_does_not_work_says_why() {
    assert!(power(&PowerError::NoMonitor).contains("from inside"));
    assert!(power(&PowerError::Refused(QmpError::Closed)).contains("ended"));
}
