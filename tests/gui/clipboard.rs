//! The clipboard between real applications of the desktop and a stand-in's guest: the whole program in
//! between, on the desktops that there are.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use harness::Result;
use harness::desk::{Desk, Mutter, Output, Sway, SwayConfig, Xvfb};
use harness::input::{Input, XInput, keys};
use harness::process::{Process, wait_until};
use harness::viewer::Viewer;
use standin::{Args, Call, ConsoleSpec, Reply, Standin, pattern, pixman};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// Longer than anything here takes, on a computer that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(120);

const INTERFACE: &str = "org.qemu.Display1.Clipboard";
const TEXT: &str = "text/plain;charset=utf-8";
const NAME: &str = "clipboard";
const UUID: &str = "6f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8";

/// More than a pipe, a D-Bus message of usual size, or a property of X11 holds.
const LONG: usize = 10 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    Clipboard,
    Primary,
}

use Selection::{Clipboard, Primary};

/// The programs that copy and paste on a desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tools {
    /// wl-copy(1) and wl-paste(1).
    Wayland,
    /// xclip(1).
    X11,
}

struct Stage<D: Desktop> {
    tools: Tools,
    qemu: Standin,
    viewer: Viewer,
    /// Whoever copied last, for each selection.
    copies: [Option<Process>; 2],
    runs: u32,
    hand: D::Hand,
    desk: D,
}

/// A desktop on which somebody can press something.
trait Desktop: Desk {
    type Hand;

    fn hand(&self) -> Self::Hand;

    /// Has the window get the keyboard, and something that the machine is told of pressed in it.
    fn touch(&self, hand: &mut Self::Hand) -> Result<()>;
}

impl Desktop for Sway {
    type Hand = Input;

    fn hand(&self) -> Input {
        Input::connect(self).expect("a keyboard")
    }

    fn touch(&self, hand: &mut Input) -> Result<()> {
        hand.tap(keys::KEY_LEFTSHIFT)
    }
}

impl Desktop for Xvfb {
    type Hand = ();

    fn hand(&self) {}

    fn touch(&self, (): &mut ()) -> Result<()> {
        let hand = XInput::new(self);
        hand.focus(NAME)?;
        hand.tap(keys::KEY_LEFTSHIFT)
    }
}

impl Desktop for Mutter {
    type Hand = ();

    fn hand(&self) {}

    fn touch(&self, (): &mut ()) -> Result<()> {
        let hand = XInput::new(self.screen());
        // A pointer that is there already would never be seen to arrive.
        hand.move_to(500, 420)?;
        hand.move_to(512, 420)?;
        hand.click(keys::BTN_LEFT)?;
        hand.tap(keys::KEY_LEFTSHIFT)
    }
}

impl<D: Desktop> Stage<D> {
    /// A window that has the keyboard and may do this with its clipboard.
    fn open(desk: D, tools: Tools, consent: &str) -> Self {
        let keyfile = desk.session().scope().join("config/glib-2.0/settings/keyfile");
        let settings = std::fs::read_to_string(&keyfile).expect("the desktop's settings");
        let ours = format!("\n[io/github/oriel_viewer/Oriel/machines/{UUID}]\n{consent}\n");
        std::fs::write(&keyfile, settings + &ours).expect("settings");
        let qemu = Standin::builder().name(NAME).uuid(UUID).console(ConsoleSpec::sized(640, 480));
        let qemu = qemu.build().expect("a stand-in");
        let socket = desk.session().scope().join("qmp");
        qemu.serve_qmp(&socket).expect("a monitor");
        let arguments = ["--qmp", socket.to_str().expect("a plain path")];
        let viewer = Viewer::start_as(&desk, desk.command(ORIEL), "connect", &arguments).expect("oriel");
        let listener = qemu.listener_within(0, LIMIT).expect("a listener");
        let stride = pattern::tight(pixman::X8R8G8B8, 640);
        let pixels = pattern::render(pixman::X8R8G8B8, 0, 640, 480, stride);
        listener.scanout(640, 480, stride, pixman::X8R8G8B8, pixels);
        let registered = |calls: &[Call]| calls.contains(&Call::ClipboardRegister { answered: true });
        qemu.wait_for(LIMIT, registered).expect("somebody attends to the clipboard");
        let hand = desk.hand();
        let mut stage = Self { tools, qemu, viewer, copies: [None, None], runs: 0, hand, desk };
        stage.touch();
        // An agent has come.
        assert!(stage.call("Register", Args::new()).is_returned());
        stage
    }

    fn both_ways(desk: D, tools: Tools) -> Self {
        Self::open(desk, tools, "clipboard-to-machine='yes'\nclipboard-from-machine='yes'")
    }

    fn call(&self, member: &str, args: Args) -> Reply {
        self.qemu.call_clipboard(INTERFACE, member, args).wait(LIMIT)
    }

    /// Somebody presses something in the window, of which the machine hears.
    fn touch(&mut self) {
        let heard = |calls: &[Call]| {
            let is_touch = |call: &&Call| matches!(call, Call::KeyRelease(_) | Call::MouseRelease(_));
            calls.iter().filter(is_touch).count()
        };
        let before = heard(&self.qemu.calls());
        let touched = wait_until("a key in the machine", LIMIT, || {
            // The window may not be there yet.
            let _ = self.desk.touch(&mut self.hand);
            std::thread::sleep(Duration::from_millis(50));
            Ok((heard(&self.qemu.calls()) > before).then_some(()))
        });
        if let Err(error) = touched {
            let picture = self.desk.screenshot().and_then(|image| image.keep("untouched"));
            panic!("{error}: {picture:?}\n{}", self.viewer.process().log());
        }
    }

    /// An application of the desktop's copies this.
    fn copy(&mut self, selection: Selection, text: &str) {
        let file = self.file(text);
        let words = match (self.tools, selection) {
            (Tools::Wayland, Clipboard) => "exec wl-copy --foreground <$0",
            (Tools::Wayland, Primary) => "exec wl-copy --foreground --primary <$0",
            (Tools::X11, Clipboard) => "exec xclip -quiet -selection clipboard -in <$0",
            (Tools::X11, Primary) => "exec xclip -quiet -selection primary -in <$0",
        };
        self.copies[selection as usize] = Some(self.spawn(words, &file));
    }

    /// A file that holds this.
    fn file(&mut self, text: &str) -> PathBuf {
        self.runs += 1;
        let file = self.desk.session().scope().join(format!("text-{}", self.runs));
        std::fs::write(&file, text).expect("a file");
        file
    }

    fn spawn(&self, words: &str, file: &std::path::Path) -> Process {
        let mut command = self.desk.command("sh");
        command.args(["-c", words]).arg(file);
        self.desk.spawn(&format!("copy-{}", self.runs), command).expect("an application")
    }

    /// What an application of the desktop pastes.
    fn paste(&mut self, selection: Selection) -> Option<Vec<u8>> {
        let mut command = match self.tools {
            Tools::Wayland => self.desk.command("wl-paste"),
            Tools::X11 => self.desk.command("xclip"),
        };
        match (self.tools, selection) {
            (Tools::Wayland, Clipboard) => command.args(["--no-newline", "--type", "text"]),
            (Tools::Wayland, Primary) => command.args(["--no-newline", "--type", "text", "--primary"]),
            (Tools::X11, Clipboard) => command.args(["-selection", "clipboard", "-out"]),
            (Tools::X11, Primary) => command.args(["-selection", "primary", "-out"]),
        };
        self.output(command)
    }

    fn output(&mut self, command: Command) -> Option<Vec<u8>> {
        let output = self.desk.session().scope().run("paste", command, LIMIT);
        output.inspect_err(|error| eprintln!("{error}")).ok()
    }

    /// Waits until an application of the desktop pastes this.
    fn pastes(&mut self, selection: Selection, text: &str) {
        self.pastes_after(selection, text, |_| {});
    }

    /// Waits until an application of the desktop pastes this, of the guest's: a Wayland compositor may
    /// want another key for that.
    fn pastes_the_guests(&mut self, selection: Selection, text: &str) {
        self.pastes_after(selection, text, Self::touch);
    }

    fn pastes_after(&mut self, selection: Selection, text: &str, otherwise: impl Fn(&mut Self)) {
        let mut last = None;
        let found = wait_until("what is pasted on the desktop", LIMIT, || {
            last = self.paste(selection);
            let right = last.as_deref() == Some(text.as_bytes());
            if !right {
                otherwise(self);
            }
            Ok(right.then_some(()))
        });
        let last = last.map(|bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned());
        found.unwrap_or_else(|error| panic!("{error}: {last:?}\n{}", self.viewer.process().log()));
    }

    /// Something is copied in the guest.
    fn guest_copies(&mut self, selection: Selection, text: &str) {
        self.touch();
        self.guest_grabs(selection, text);
    }

    fn guest_grabs(&self, selection: Selection, text: &str) {
        let serial = self.next_serial(selection);
        self.qemu.set_clipboard(Some(text.as_bytes()));
        let args = Args::new().u32(selection as u32).u32(serial).strs(&[TEXT.into()]);
        assert!(self.call("Grab", args).is_returned());
    }

    /// What the guest pastes, which is answered at once.
    fn guest_pastes(&self, selection: Selection) -> Vec<u8> {
        let args = Args::new().u32(selection as u32).strs(&[TEXT.into()]);
        let Reply::Returned(reply) = self.call("Request", args) else { panic!("no answer") };
        reply.read::<(String, Vec<u8>)>().expect("a text").1
    }

    /// Waits until the guest pastes this.
    fn guest_gets(&mut self, selection: Selection, text: &str) {
        let found = wait_until("what is pasted in the guest", LIMIT, || {
            Ok((self.guest_pastes(selection) == text.as_bytes()).then_some(()))
        });
        if let Err(error) = found {
            let last = String::from_utf8_lossy(&self.guest_pastes(selection)).into_owned();
            panic!("{error}: {last:?}\n{}", self.viewer.process().log());
        }
    }

    /// The serial of the next grab: both sides count each other's.
    fn next_serial(&self, selection: Selection) -> u32 {
        let serial = |call: &Call| match call {
            Call::ClipboardGrab { selection: number, serial, .. } if *number == selection as u32 => {
                Some(*serial)
            }
            _ => None,
        };
        self.qemu.calls().iter().filter_map(serial).next_back().map_or(0, |last| last + 1)
    }

    fn both_directions(&mut self) {
        for (selection, text) in
            [(Clipboard, "grüße, 世界\n"), (Primary, "only selected"), (Clipboard, "again")]
        {
            self.copy(selection, text);
            self.guest_gets(selection, text);
        }
        assert_eq!(self.guest_pastes(Primary), b"only selected", "each its own");
        for (selection, text) in [(Clipboard, "from the guest ✓"), (Primary, "selected there")] {
            self.guest_copies(selection, text);
            self.pastes_the_guests(selection, text);
        }
        self.copy(Clipboard, "and back");
        self.guest_gets(Clipboard, "and back");
    }

    /// Both sides copy at once, again and again; then whoever copies last is heard.
    fn races(&mut self) {
        for round in 0..10 {
            self.copy(Clipboard, &format!("host {round}"));
            self.guest_copies(Clipboard, &format!("guest {round}"));
        }
        self.last_words();
    }

    /// The sides copy one after the other, the guest before it can have what the host has just copied;
    /// then whoever copies last is heard.
    ///
    /// The desktop has each before the other copies: a Wayland compositor refuses a claim that comes just
    /// after another copy without a word, after which GDK hears of no copy any more.
    fn turns(&mut self) {
        for round in 0..10 {
            let [host, guest] = ["host", "guest"].map(|side| format!("{side} {round}"));
            self.copy(Clipboard, &host);
            self.pastes(Clipboard, &host);
            self.guest_copies(Clipboard, &guest);
            self.pastes_the_guests(Clipboard, &guest);
        }
        self.last_words();
    }

    fn last_words(&mut self) {
        self.copy(Clipboard, "the host's last word");
        self.guest_gets(Clipboard, "the host's last word");
        self.guest_copies(Clipboard, "the guest's last word");
        self.pastes_the_guests(Clipboard, "the guest's last word");
    }

    /// How often something was offered to the guest.
    fn grabs(&self) -> usize {
        count_grabs(&self.qemu.calls())
    }

    /// Waits until something was offered so often; not more.
    fn wait_for_grabs(&self, count: usize) {
        self.qemu.wait_for(LIMIT, |calls| count_grabs(calls) >= count).expect("an offer");
        assert_eq!(self.grabs(), count, "{:?}", self.qemu.calls());
    }

    fn long_text(&mut self) {
        let text: String = (0..).map(|line| format!("line {line} of many\n")).take(LONG / 24).collect();
        let text = text.repeat(2);
        assert!(text.len() > LONG * 3 / 2);
        let text = &text[..LONG];
        self.guest_copies(Clipboard, text);
        self.pastes_the_guests(Clipboard, text);
        let most = &text[..1_000_000];
        self.copy(Clipboard, most);
        self.guest_gets(Clipboard, most);
        // QEMU would drop it: the guest gets nothing, rather than what was there before.
        self.copy(Clipboard, text);
        self.guest_gets(Clipboard, "");
    }
}

fn count_grabs(calls: &[Call]) -> usize {
    calls.iter().filter(|call| matches!(call, Call::ClipboardGrab { .. })).count()
}

fn sway() -> Sway {
    Sway::start(SwayConfig { outputs: vec![Output::new(1024, 768)], ..Default::default() }).expect("a sway")
}

#[test]
fn sway_shares_both_clipboards_both_ways() {
    let mut stage = Stage::both_ways(sway(), Tools::Wayland);
    stage.both_directions();
    stage.turns();
    stage.long_text();
    // Alone: no application would paste a password manager's mark.
    let file = stage.file("secret");
    stage.copies[0] =
        Some(stage.spawn("exec wl-copy --foreground --type x-kde-passwordManagerHint <$0", &file));
    stage.copy(Primary, "after it");
    stage.guest_gets(Primary, "after it");
    assert_eq!(stage.guest_pastes(Clipboard), b"");
}

impl Stage<Sway> {
    /// Takes the keyboard from the window, which has noticed when this returns: held keys are let go of.
    fn look_away(&mut self) {
        let ups = |calls: &[Call]| calls.iter().filter(|call| matches!(call, Call::KeyRelease(30))).count();
        let before = ups(&self.qemu.calls());
        self.hand.key(keys::KEY_A, true).expect("a keyboard");
        self.qemu.wait_for(LIMIT, |calls| calls.last() == Some(&Call::KeyPress(30))).expect("a key");
        self.desk.run("workspace 2").expect("an empty workspace");
        self.qemu.wait_for(LIMIT, |calls| ups(calls) > before).expect("a key that nobody holds");
        self.hand.key(keys::KEY_A, false).expect("a keyboard");
    }
}

#[test]
fn nothing_is_shared_while_the_person_looks_elsewhere() {
    let mut stage = Stage::both_ways(sway(), Tools::Wayland);
    stage.copy(Clipboard, "before");
    stage.guest_gets(Clipboard, "before");
    stage.look_away();
    let grabs = stage.grabs();
    for text in ["away", "still away"] {
        stage.copy(Clipboard, text);
        stage.pastes(Clipboard, text);
        assert_eq!(stage.guest_pastes(Clipboard), b"before");
    }
    stage.guest_grabs(Primary, "selected behind one's back");
    assert_ne!(stage.paste(Primary).as_deref(), Some(&b"selected behind one's back"[..]));
    stage.desk.run("workspace 1").expect("the window");
    stage.guest_gets(Clipboard, "still away");
    // What the guest may have is there before it is told.
    stage.wait_for_grabs(grabs + 1);
    stage.touch();
    stage.pastes_the_guests(Primary, "selected behind one's back");
    // Looked at again, it is the same.
    stage.desk.run("workspace 2, workspace 1").expect("the window");
    stage.touch();
    stage.copy(Primary, "on");
    stage.guest_gets(Primary, "on");
    stage.wait_for_grabs(grabs + 2);
}

#[test]
fn a_way_that_is_not_wanted_stays_shut() {
    let settings = "clipboard-to-machine='no'\nclipboard-from-machine='yes'";
    let mut stage = Stage::open(sway(), Tools::Wayland, settings);
    stage.copy(Clipboard, "the host's");
    stage.pastes(Clipboard, "the host's");
    stage.guest_copies(Clipboard, "the guest's");
    stage.pastes_the_guests(Clipboard, "the guest's");
    stage.copy(Clipboard, "the host's own");
    stage.pastes(Clipboard, "the host's own");
    stage.guest_copies(Clipboard, "the guest's again");
    stage.pastes_the_guests(Clipboard, "the guest's again");
    assert_eq!(stage.grabs(), 0);
    drop(stage);

    let settings = "clipboard-to-machine='yes'\nclipboard-from-machine='no'";
    let mut stage = Stage::open(sway(), Tools::Wayland, settings);
    stage.copy(Clipboard, "the host's");
    stage.guest_gets(Clipboard, "the host's");
    stage.guest_copies(Clipboard, "the guest's");
    stage.copy(Primary, "marked");
    stage.guest_gets(Primary, "marked");
    assert_eq!(stage.paste(Clipboard).as_deref(), Some(&b"the host's"[..]));
    let fetched = |call: &Call| matches!(call, Call::ClipboardRequest(_));
    assert!(!stage.qemu.calls().iter().any(fetched), "the guest's text was fetched");
}

#[test]
fn x11_shares_both_clipboards_both_ways() {
    let mut stage = Stage::both_ways(Xvfb::start(1024, 768).expect("an X server"), Tools::X11);
    stage.both_directions();
    stage.races();
    stage.long_text();
    // Whatever it is asked for, xclip gives its text: here KDE's mark of a secret says so.
    stage.copy(Clipboard, "secret");
    stage.copy(Primary, "after it");
    stage.guest_gets(Primary, "after it");
    assert_eq!(stage.guest_pastes(Clipboard), b"");
}

#[test]
fn mutter_shares_both_ways_with_applications_that_take_the_keyboard() {
    let mut stage = Stage::both_ways(Mutter::start(1024, 768).expect("a mutter"), Tools::Wayland);
    stage.copy(Clipboard, "from the host");
    stage.guest_gets(Clipboard, "from the host");
    stage.guest_copies(Clipboard, "from the guest");
    stage.pastes_the_guests(Clipboard, "from the guest");
    stage.copy(Clipboard, "and back");
    stage.guest_gets(Clipboard, "and back");
}
