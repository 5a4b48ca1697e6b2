//! The clipboard of a Linux with an X server and SPICE's own agent, as Debian packages them.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Result;
use harness::machine::{Builder, Display, GuestOptions, Running};
use harness::process::wait_until;
use oriel::clipboard::{Act, Agent, Input, Selection};
use oriel::source::Source;

use crate::paste::Desk;
use crate::session_watch::{Watch, eventually};
use crate::support::BOOT;

/// Lines of a text that takes many messages between QEMU and the agent.
const LINES: u32 = 100_000;

/// A shell in the guest, on a serial port of its own.
struct Shell(BufReader<UnixStream>);

impl Shell {
    fn connect(path: &Path) -> Self {
        let mut found = None;
        eventually("QEMU listens", || {
            found = UnixStream::connect(path).ok();
            found.is_some()
        });
        let socket = found.expect("a connection");
        socket.set_read_timeout(Some(BOOT)).unwrap();
        Self(BufReader::new(socket))
    }

    /// Runs this to its end; what it printed, if all went well.
    fn run(&mut self, words: &str) -> Option<Vec<u8>> {
        let line =
            format!("{{ {words}; }} >/tmp/out 2>/dev/null; s=$?; wc -c </tmp/out; cat /tmp/out; echo $s\n");
        self.0.get_mut().write_all(line.as_bytes()).expect("a guest that listens");
        let length: usize = self.line().parse().expect("a length");
        let mut output = vec![0; length];
        self.0.read_exact(&mut output).expect("all of it");
        (self.line() == "0").then_some(output)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a guest that answers");
        line.trim().to_owned()
    }
}

struct World {
    desk: Desk,
    shell: Shell,
    machine: Running,
}

fn name(selection: Selection) -> &'static str {
    match selection {
        Selection::Clipboard => "clipboard",
        Selection::Primary => "primary",
    }
}

impl World {
    fn start() -> Result<Self> {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("shell");
        let machine = Builder::new()
            .guest(GuestOptions::default())
            .unpacked_kernel()
            .video("VGA")
            .devices(&[])
            .display(Display::DBusP2p)
            .argument("-initrd")
            .argument(guest().join("initrd.img"))
            .argument("-chardev")
            .argument("qemu-vdagent,id=agent,clipboard=on,mouse=off")
            .argument("-device")
            .argument("virtio-serial-pci,id=ports")
            .argument("-device")
            .argument("virtserialport,id=agent-port,bus=ports.0,chardev=agent,name=com.redhat.spice.0")
            .argument("-chardev")
            .argument(format!("socket,id=shell,path={},server=on,wait=off", socket.display()))
            .argument("-device")
            .argument("virtserialport,bus=ports.0,chardev=shell,name=oriel.shell")
            .prepare()?
            .start()?;
        let mut shell = Shell::connect(&socket);
        let desk = Desk::new(Watch::start(Source::qmp(machine.qmp_socket()?)));
        assert_eq!(shell.run("echo here").as_deref(), Some(&b"here\n"[..]));
        Ok(Self { desk, shell, machine })
    }

    /// Waits until the session has heard all of this, in whatever order.
    fn wait_for(&mut self, mut inputs: Vec<Input>) {
        while !inputs.is_empty() {
            let (heard, _) = self.desk.hear();
            inputs.retain(|input| *input != heard);
        }
    }

    /// Waits until an application in the guest pastes what this command prints.
    fn guest_pastes(&mut self, selection: Selection, command: &str) -> Result<()> {
        let compare =
            format!("{command} >/tmp/want; xclip -selection {} -out | cmp - /tmp/want", name(selection));
        let pasted =
            wait_until("what is pasted in the guest", BOOT, || Ok(self.shell.run(&compare).map(drop)));
        pasted.map_err(|error| {
            let told = self.shell.run("tail -n 30 /run/vdagent*.log").unwrap_or_default();
            error.with_detail(&String::from_utf8_lossy(&told))
        })
    }

    /// An application in the guest copies what this command prints.
    fn guest_copies(&mut self, selection: Selection, command: &str) {
        let copy = format!("{command} | xclip -selection {} -in >/dev/null", name(selection));
        self.shell.run(&copy).expect("an application");
        while self.desk.hear().1 != [Act::OfferToHost(selection)] {}
    }
}

/// Builds the guest, unless it is there.
fn guest() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/agent");
    let output = Command::new(script).output().expect("a script");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

fn numbers(last: u32) -> String {
    (1..=last).map(|number| format!("{number}\n")).collect()
}

#[test]
fn a_real_agent_shares_both_clipboards_both_ways() -> Result<()> {
    let mut world = World::start()?;
    world.wait_for(vec![Input::Connected, Input::Port { open: true }, Input::Reset]);
    for (selection, text) in [(Selection::Clipboard, "grüße, 世界"), (Selection::Primary, "selected")] {
        world.desk.copy(selection, text);
        world.guest_pastes(selection, &format!("printf %s '{text}'"))?;
    }
    for (selection, text) in [(Selection::Clipboard, "from the guest ✓"), (Selection::Primary, "there")] {
        world.guest_copies(selection, &format!("printf %s '{text}'"));
        assert_eq!(world.desk.paste(selection).as_deref(), Some(text));
    }

    world.desk.copy(Selection::Clipboard, &numbers(LINES));
    world.guest_pastes(Selection::Clipboard, &format!("seq 1 {LINES}"))?;
    world.guest_copies(Selection::Clipboard, &format!("seq 1 {LINES}"));
    let pasted = world.desk.paste(Selection::Clipboard).expect("a text");
    assert!(*pasted == *numbers(LINES), "{} bytes", pasted.len());

    // An agent that starts again is told again.
    world.desk.copy(Selection::Clipboard, "before it ended");
    world.guest_pastes(Selection::Clipboard, "printf %s 'before it ended'")?;
    world.shell.run("kill $(cat /run/vdagent.pid /run/vdagentd.pid)").expect("an end");
    world.wait_for(vec![Input::Port { open: false }]);
    assert_eq!(world.desk.exchange.agent(), Agent::Absent);
    world.shell.run("agent").expect("another agent");
    world.wait_for(vec![Input::Port { open: true }, Input::Reset]);
    world.guest_pastes(Selection::Clipboard, "printf %s 'before it ended'")?;
    world.machine.qmp()?.execute("quit", serde_json::json!({})).map(drop)
}
