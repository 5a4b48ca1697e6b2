//! The clipboard through stock QEMU and its own agent's end, with this test in the agent's place.
//!
//! The agent's port is a serial port here, whose registers the test works over `-qtest`: nothing has to
//! boot, and every byte that a guest would see is seen.

mod agent;
mod linux;

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::poll_immediate;
use harness::Result;
use harness::machine::{Builder, Display, Firmware, Running};
use oriel::clipboard::Selection;
use oriel::display1::Peer;
use oriel::display1::clipboard::{Clipboard, Said};
use oriel::source::{Link, Source};
use zruntime::block_on;

use self::agent::{Agent, Message};

const CLIPBOARD: Selection = Selection::Clipboard;

struct World {
    agent: Agent,
    clipboard: Clipboard,
    link: Link,
    _machine: Running,
}

fn start() -> Result<World> {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("qtest");
    let machine = Builder::new()
        .video("VGA")
        .devices(&["isa-serial,chardev=agent,index=1"])
        .firmware(Firmware::Idle)
        .display(Display::DBusP2p)
        .argument("-chardev")
        .argument("qemu-vdagent,id=agent,clipboard=on,mouse=off")
        .argument("-qtest-log")
        .argument("none")
        .argument("-qtest")
        .argument(format!("unix:{},server=on,wait=off", socket.display()))
        .prepare()?
        .start()?;
    let agent = Agent::connect(&socket);
    let source = Source::qmp(machine.qmp_socket()?);
    let link = block_on(source.connect(|_| {})).expect("a machine");
    let clipboard = block_on(Clipboard::register(&link.peer)).expect("the clipboard");
    Ok(World { agent, clipboard, link, _machine: machine })
}

/// One whose agent has said what it can do, and is heard of.
fn announced() -> Result<World> {
    let mut world = start()?;
    world.agent.announce();
    assert_eq!(next(&world.clipboard), Said::Reset, "the agent has come");
    Ok(world)
}

fn next(clipboard: &Clipboard) -> Said {
    crate::session_watch::in_time("something is said", clipboard.next())
}

fn grab(world: &World, serial: u32, text: &str) {
    block_on(world.clipboard.grab(CLIPBOARD, serial, text.into())).unwrap();
}

/// Until QEMU has done what it was told: it answers in order.
fn settled(peer: &Peer) {
    block_on(peer.machine()).unwrap();
}

#[test]
fn what_the_guest_copies_arrives() -> Result<()> {
    let mut world = announced()?;
    for (serial, text) in [(0, "grüße"), (1, "x")] {
        world.agent.grab(serial);
        assert_eq!(next(&world.clipboard), Said::Grabbed { selection: CLIPBOARD, serial, text: true });
        let clipboard = &world.clipboard;
        let fetched = std::thread::scope(|scope| {
            let fetching = scope.spawn(|| block_on(clipboard.text(CLIPBOARD, 1 << 20)));
            assert_eq!(world.agent.read(), Message::Request);
            world.agent.give(text.as_bytes());
            fetching.join().unwrap()
        });
        assert_eq!(fetched.unwrap(), text);
    }
    world.agent.release();
    assert_eq!(next(&world.clipboard), Said::Released(CLIPBOARD));
    Ok(())
}

#[test]
fn what_the_host_offers_the_guest_pastes() -> Result<()> {
    let mut world = announced()?;
    for (serial, text) in [(0, "a".to_owned()), (1, "längeres ".repeat(500))] {
        grab(&world, serial, &text);
        assert_eq!(world.agent.read(), Message::Grab { serial });
        world.agent.request();
        assert_eq!(world.agent.read(), Message::Text(text.into_bytes()));
    }
    block_on(world.clipboard.release(CLIPBOARD)).unwrap();
    assert_eq!(world.agent.read(), Message::Release);
    assert_eq!(next(&world.clipboard), Said::Released(CLIPBOARD), "QEMU tells us what we told it");
    world.agent.request();
    assert_eq!(world.agent.read(), Message::Text(Vec::new()));
    Ok(())
}

/// What `clipboard::Exchange` rests on: who grabs with an old serial is not heard, and not told so.
#[test]
fn qemu_takes_no_older_serial_of_ours_until_we_release() -> Result<()> {
    let mut world = announced()?;
    grab(&world, 5, "a");
    assert_eq!(world.agent.read(), Message::Grab { serial: 5 });
    grab(&world, 4, "b");
    grab(&world, 5, "c");
    assert_eq!(world.agent.read(), Message::Grab { serial: 5 }, "4 is dropped, the same is taken");
    block_on(world.clipboard.release(CLIPBOARD)).unwrap();
    grab(&world, 0, "d");
    assert_eq!(world.agent.read(), Message::Release);
    assert_eq!(world.agent.read(), Message::Grab { serial: 0 });
    Ok(())
}

#[test]
fn both_grab_at_once_and_qemu_believes_the_last() -> Result<()> {
    let mut world = announced()?;
    grab(&world, 0, "a");
    settled(&world.link.peer);
    world.agent.grab(0);
    let said = next(&world.clipboard);
    assert_eq!(said, Said::Grabbed { selection: CLIPBOARD, serial: 0, text: true });
    assert_eq!(world.agent.read(), Message::Grab { serial: 0 });
    // The agent has decided for the host, as we have; QEMU has not, until it is told again.
    world.agent.request();
    assert_eq!(world.agent.read(), Message::Text(Vec::new()));
    grab(&world, 0, "a");
    assert_eq!(world.agent.read(), Message::Grab { serial: 0 });
    world.agent.request();
    assert_eq!(world.agent.read(), Message::Text(b"a".to_vec()));
    Ok(())
}

#[test]
fn a_text_is_as_long_as_the_guest_can_take() -> Result<()> {
    use oriel::clipboard::{Direction, Settings};
    let mut world = announced()?;
    let longest = Settings { longest: usize::MAX, ..Settings::default() }.limit(Direction::ToGuest);
    let text: Arc<str> = "x".repeat(longest).into();
    block_on(world.clipboard.grab(CLIPBOARD, 0, text.clone())).unwrap();
    assert_eq!(world.agent.read(), Message::Grab { serial: 0 });
    world.agent.request();
    assert_eq!(world.agent.begin(), 4 + 4 + text.len(), "QEMU has it all, rather than drop it");
    Ok(())
}

#[test]
fn a_program_that_only_looks_is_no_agent() -> Result<()> {
    let world = start()?;
    grab(&world, 0, "a");
    settled(&world.link.peer);
    let heard = block_on(async { poll_immediate(pin!(world.clipboard.next())).await });
    assert_eq!(heard, None, "nobody is there");
    Ok(())
}
