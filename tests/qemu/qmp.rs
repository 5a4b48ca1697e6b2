//! Stock QEMU by its monitor, and over a socket that somebody else hands on.

use std::os::unix::net::UnixStream;

use harness::Result;
use harness::machine::{Builder, Display, Report, State as Pressed};
use oriel::input::{Command, Press, Qnum};
use oriel::session::{ConsoleKind, End, Loss, Power, State};
use oriel::source::Source;
use oriel::source::qmp::Client;
use rustix::process::Signal;

use crate::session_watch::{Watch, eventually};
use crate::support::{LIMIT, guest, wait_for_guest};

/// The letter A, to QEMU (AT set 1) and to the guest (evdev): the same number.
const KEY_A: Qnum = Qnum(30);

#[test]
fn keys_arrive_and_the_power_button_ends_the_machine() -> Result<()> {
    let machine = Builder::new().guest(guest(800, 600)).display(Display::DBusP2p).prepare()?.start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    assert_eq!(watch.live().name, "oriel-test");
    let console = watch.console();
    assert_eq!(console.kind, ConsoleKind::Graphic);
    wait_for_guest(machine.serial())?;
    eventually("a picture", || console.frames.current().is_some());

    watch.session.send(console.id, Command::Key(KEY_A, Press::Down));
    machine.serial().expect(&Report::Key { code: 30, state: Pressed::Down }, LIMIT)?;
    watch.session.send(console.id, Command::Key(KEY_A, Press::Up));
    machine.serial().expect(&Report::Key { code: 30, state: Pressed::Up }, LIMIT)?;

    watch.session.power(Power::Down);
    machine.serial().expect(&Report::Power, LIMIT)?;
    let State::Ended(End::Shutdown(shutdown)) = watch.down() else { panic!("it has not shut down") };
    assert!(shutdown.guest, "{shutdown}");
    Ok(())
}

/// The person leaves with a finger on the key.
#[test]
fn a_key_that_is_held_is_released_when_the_session_closes() -> Result<()> {
    let machine = Builder::new().guest(guest(800, 600)).display(Display::DBusP2p).prepare()?.start()?;
    wait_for_guest(machine.serial())?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    let console = watch.console();
    watch.session.send(console.id, Command::Key(KEY_A, Press::Down));
    machine.serial().expect(&Report::Key { code: 30, state: Pressed::Down }, LIMIT)?;
    watch.close();
    machine.serial().expect(&Report::Key { code: 30, state: Pressed::Up }, LIMIT)
}

#[test]
fn a_machine_that_crashes_is_gone() -> Result<()> {
    let mut machine = Builder::new().video("VGA").display(Display::DBusP2p).prepare()?.start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    watch.console();
    machine.process().signal(Signal::KILL)?;
    let State::Lost { reason: Loss::Gone, retry: None } = watch.down() else { panic!("no loss") };
    watch.close();
    Ok(())
}

#[test]
fn a_socket_that_was_handed_on_is_as_good() -> Result<()> {
    let machine = Builder::new().video("VGA").display(Display::DBusP2p).prepare()?.start()?;
    let (ours, theirs) = UnixStream::pair().unwrap();
    let path = machine.qmp_socket()?.to_owned();
    zruntime::block_on(async {
        let monitor = Client::connect(&path).await.unwrap();
        monitor.add_client("@dbus-display", theirs.into()).await.unwrap();
    });
    let watch = Watch::start(Source::socket(ours.into()).unwrap());
    let console = watch.console();
    eventually("a picture", || console.frames.current().is_some());
    drop(machine);
    let State::Lost { reason: Loss::Closed, retry: None } = watch.down() else { panic!("no loss") };
    Ok(())
}

#[test]
fn a_machine_without_our_display_says_what_to_do() -> Result<()> {
    let machine = Builder::new().video("VGA").display(Display::None).prepare()?.start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    let State::Lost { reason, retry: None } = watch.down() else { panic!("it was connected") };
    let words = reason.to_string();
    assert!(words.contains("-display dbus,p2p=yes"), "{words}");
    Ok(())
}
