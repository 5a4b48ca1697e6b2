//! The window in a process of its own, before a machine that a script makes up.
//!
//! The script comes line by line through a socket; what the window asks of the machine goes back
//! the same way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adw::prelude::*;
use async_channel::Sender;
use gtk::glib;
use oriel::clock;
use oriel::frame::{self, Image, Mailbox};
use oriel::geometry::Size;
use oriel::input::Command;
use oriel::pixel::Format;
use oriel::present::Options;
use oriel::session::{
    Console, ConsoleId, ConsoleKind, End, Event, Hardware, Loss, Machine, Power, PowerError, Stage, State,
};
use oriel::source::{ConnectError, Exited, LaunchError, Shutdown};
use oriel::stats::Stats;
use oriel::window::{Hold, MachineWindow, Remote, Setup};

/// The environment variable that leads to the script.
pub(crate) const SCRIPT: &str = "ORIEL_TEST_SCRIPT";

/// Writes down what the window asks for.
#[derive(Debug)]
struct Recorder(RefCell<UnixStream>);

impl Recorder {
    fn say(&self, words: &str) {
        // The test that listened may be over.
        let _ = writeln!(self.0.borrow_mut(), "{words}");
    }
}

impl Remote for Recorder {
    fn send(&self, console: ConsoleId, command: Command) {
        self.say(&format!("{console} {command:?}"));
    }

    fn reconnect(&self) {
        self.say("reconnect");
    }

    fn power(&self, power: Power) {
        self.say(&format!("power {power:?}"));
    }

    fn close(&self) {
        self.say("close");
    }
}

/// Runs the window until the script ends.
pub(crate) fn run() {
    let path = std::env::var_os(SCRIPT).expect("the path of a script");
    let socket = UnixStream::connect(path).expect("a script at its path");
    oriel::app::gui::prepare().expect("a display");
    let application = oriel::app::gui::application();
    application.connect_activate(move |application| begin(application, &socket));
    application.run_with_args::<&str>(&[]);
}

fn begin(application: &adw::Application, socket: &UnixStream) {
    let (sender, lines) = async_channel::unbounded();
    let script = BufReader::new(socket.try_clone().expect("a second descriptor"));
    std::thread::spawn(move || {
        script.lines().map_while(Result::ok).for_each(|line| sender.send_blocking(line).expect("a stage"));
    });
    let recorder = Rc::new(Recorder(RefCell::new(socket.try_clone().expect("a second descriptor"))));
    let hold = application.hold();
    let application = application.clone();
    glib::spawn_future_local(async move {
        let mut play =
            Play { application: application.clone(), recorder, window: None, mailboxes: BTreeMap::new() };
        while let Ok(line) = lines.recv().await {
            play.act(&line);
            // What follows from it is done before the test hears of it.
            glib::timeout_future(Duration::from_millis(20)).await;
            play.recorder.say(&format!("done {line}"));
        }
        drop(hold);
        application.quit();
    });
}

struct Play {
    application: adw::Application,
    recorder: Rc<Recorder>,
    window: Option<(MachineWindow, Sender<Event>)>,
    mailboxes: BTreeMap<u32, Arc<Mailbox>>,
}

impl Play {
    fn act(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["open", hold] => self.open(hold, false),
            ["open", hold, "fullscreen"] => self.open(hold, true),
            ["dark"] => adw::StyleManager::default().set_color_scheme(adw::ColorScheme::ForceDark),
            ["connecting"] => self.tell(Event::State(State::Connecting(Stage::Opening))),
            ["starting"] => self.tell(Event::State(State::Connecting(Stage::Starting))),
            ["live", name] => {
                let machine = Machine { name: name.replace('+', " "), uuid: None };
                self.tell(Event::State(State::Live(machine)));
            }
            ["console", id] => self.add_console(id.parse().expect("a number")),
            ["no-console", id] => {
                self.tell(Event::ConsoleRemoved(ConsoleId(id.parse().expect("a number"))));
            }
            ["picture", id, width, height] => {
                let [id, width, height] = [id, width, height].map(|word| word.parse().expect("a number"));
                self.picture(id, width, height);
            }
            ["off", id] => self.off(id.parse().expect("a number")),
            ["lost", kind] => self.lost(kind),
            ["ended", kind] => self.tell(Event::State(State::Ended(end(kind)))),
            ["power-failed"] => self.tell(Event::PowerFailed(Power::Down, PowerError::NoMonitor)),
            ["action", name] => self.activate(name, None),
            ["action", name, target] => self.activate(name, Some(&target.to_variant())),
            ["console-action", id] => {
                let id: u32 = id.parse().expect("a number");
                self.activate("win.console", Some(&id.to_variant()));
            }
            ["size", width, height] => self
                .window()
                .set_default_size(width.parse().expect("a number"), height.parse().expect("a number")),
            ["close-menu"] => self.activate("win.menu", None),
            ["clipboard"] => {
                glib::spawn_future_local(clipboard(self.window().clone(), self.recorder.clone()));
            }
            ["say"] => self.say_state(),
            ["close-dialog"] => {
                if let Some(dialog) = self.window().visible_dialog() {
                    dialog.force_close();
                }
            }
            ["leave"] => self.window().leave(),
            _ => panic!("not in the script's language: {line}"),
        }
    }

    fn window(&self) -> &MachineWindow {
        &self.window.as_ref().expect("open first").0
    }

    fn open(&mut self, hold: &str, fullscreen: bool) {
        let hold = match hold {
            "owner" => Hold::Owner,
            "monitor" => Hold::Monitor,
            _ => Hold::Guest,
        };
        let setup = Setup {
            hold,
            console: None,
            fullscreen,
            scaling: None,
            options: Options::default(),
            returns: hold != Hold::Owner,
        };
        let window = MachineWindow::new(&self.application, self.recorder.clone(), setup);
        let (sender, events) = async_channel::unbounded();
        window.follow(events);
        window.present();
        self.window = Some((window, sender));
    }

    fn tell(&self, event: Event) {
        let (_, events) = self.window.as_ref().expect("open first");
        events.try_send(event).expect("a window that listens");
    }

    fn add_console(&mut self, id: u32) {
        let frames = Arc::new(Mailbox::default());
        self.mailboxes.insert(id, frames.clone());
        self.tell(Event::ConsoleAdded(Console {
            id: ConsoleId(id),
            label: if id == 0 { "virtio-gpu-pci".to_owned() } else { format!("virtio-gpu-pci.{id}") },
            kind: ConsoleKind::Graphic,
            head: id,
            device: "pci/0000/02.0".to_owned(),
            hardware: Hardware::VirtioGpu,
            size: Size::new(640, 480),
            frames,
            stats: Arc::new(Stats::new(clock::now())),
        }));
    }

    fn apply(&self, id: u32, event: frame::Event<'_>) {
        self.mailboxes[&id].apply(event, clock::now()).expect("a valid event");
    }

    fn picture(&self, id: u32, width: u32, height: u32) {
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| colour(x * 255 / width, y * 255 / height, (x / 32 + y / 32) % 2 == 0))
            .collect();
        let format = Format::from_pixman(0x2002_0888).expect("x8r8g8b8");
        let image = Image::new(Size::new(width, height), width * 4, format, &pixels).expect("a picture");
        self.apply(id, frame::Event::Pixels(image));
    }

    /// Off, after the moment that the model gives a machine to change its mind.
    fn off(&self, id: u32) {
        self.apply(id, frame::Event::Disable);
        let mailbox = self.mailboxes[&id].clone();
        glib::timeout_add_local_once(Duration::from_millis(1), move || {
            mailbox.tick(clock::now() + Duration::from_secs(1));
        });
    }

    fn lost(&self, kind: &str) {
        let unreachable = |error| Loss::Unreachable(Arc::new(error));
        let (reason, retry) = match kind {
            "closed" => (Loss::Closed, Some(Duration::from_secs(5))),
            "taken" => (Loss::TakenOver, None),
            "none" => (unreachable(ConnectError::NoMachine { bus: "the session bus".to_owned() }), None),
            "launch" => (unreachable(ConnectError::Launch(LaunchError::Exited(failed()))), None),
            _ => (Loss::Gone, None),
        };
        self.tell(Event::State(State::Lost { reason, retry }));
    }

    fn activate(&self, name: &str, target: Option<&glib::Variant>) {
        let window: &gtk::Widget = self.window().upcast_ref();
        window.activate_action(name, target).expect("an action");
    }

    fn say_state(&self) {
        let window = self.window();
        let focus = GtkWindowExt::focus(window).map(|widget| widget.type_().name().to_owned());
        self.recorder.say(&format!(
            "state active={} size={}x{} focus={} dialog={} fullscreen={} page=[{}]",
            window.is_active(),
            window.width(),
            window.height(),
            focus.unwrap_or_default(),
            window.visible_dialog().is_some(),
            window.is_fullscreen(),
            page(window.upcast_ref()).unwrap_or_default(),
        ));
    }
}

/// The title of the page that is seen.
fn page(widget: &gtk::Widget) -> Option<String> {
    if let Some(status) = widget.downcast_ref::<adw::StatusPage>() {
        return status.is_mapped().then(|| status.title().into());
    }
    let children = std::iter::successors(widget.first_child(), gtk::Widget::next_sibling);
    children.into_iter().find_map(|child| page(&child))
}

/// What lies on the clipboard, as a size.
async fn clipboard(window: MachineWindow, recorder: Rc<Recorder>) {
    let texture = window.clipboard().read_texture_future().await.ok().flatten();
    let words = texture.map(|texture| format!("{}x{}", texture.width(), texture.height()));
    recorder.say(&format!("clipboard {}", words.unwrap_or("none".to_owned())));
}

fn colour(red: u32, blue: u32, light: bool) -> [u8; 4] {
    let dim = |value: u32| u8::try_from(if light { value } else { value * 3 / 4 }).unwrap_or(u8::MAX);
    [dim(blue), dim(90), dim(red), 255]
}

fn failed() -> Exited {
    let words = [
        "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID[eax=07h].EBX.hle [bit 4]",
        "qemu-system-x86_64: -drive file=/home/ada/machines/web.qcow2: Could not open '/home/ada/machines/web.qcow2': No such file or directory",
    ];
    Exited { status: ExitStatus::from_raw(256), words: words.map(str::to_owned).to_vec() }
}

fn end(kind: &str) -> End {
    match kind {
        "failed" => End::Exited(failed()),
        "gone" => End::Gone,
        _ => End::Shutdown(Shutdown { guest: true, reason: "guest-shutdown".to_owned() }),
    }
}
