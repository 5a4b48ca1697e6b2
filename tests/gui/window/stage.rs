//! The window in a process of its own, before a machine that a script makes up.
//!
//! The script comes line by line through a socket; what the window asks of the machine goes back
//! the same way.

#[path = "paint.rs"]
pub(crate) mod paint;
#[path = "point.rs"]
pub(crate) mod point;
#[path = "say.rs"]
mod say;
#[path = "shelf.rs"]
mod shelf;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use adw::prelude::*;
use async_channel::Sender;
use gtk::{gio, glib};
use oriel::clipboard::{self, Act, Selection};
use oriel::clock;
use oriel::frame::{self, Dmabuf, DmabufParts, Image, Mailbox, Mapped, Plane, Wire};
use oriel::geometry::Size;
use oriel::input::{Command, Leds, PointerMode, Speed, Tie};
use oriel::pixel::{Format, Fourcc, Modifier};
use oriel::resolution::{Answer, Wish};
use oriel::session::{
    Boosting, Choice, Console, ConsoleId, ConsoleKind, End, Event, Hardware, Loss, Machine, Power,
    PowerError, Ramfb, Stage, State,
};
use oriel::source::libvirt::{Access, Hypervisor, LibvirtError, Operation, Which};
use oriel::source::{ConnectError, Exited, LaunchError, Shutdown};
use oriel::stats::Stats;
use oriel::view::DisplayView;
use oriel::window::{Fullscreen, Hold, MachineWindow, Managed, Remote, Setup};

/// The environment variable that leads to the script.
pub(crate) const SCRIPT: &str = "ORIEL_TEST_SCRIPT";

/// Writes down what the window asks for.
#[derive(Debug)]
struct Recorder {
    script: RefCell<UnixStream>,
    /// What the guest was asked for, and has not answered.
    wishes: RefCell<VecDeque<(ConsoleId, Wish)>>,
}

impl Recorder {
    fn say(&self, words: &str) {
        // The test that listened may be over.
        let _ = writeln!(self.script.borrow_mut(), "{words}");
    }
}

impl Remote for Recorder {
    fn send(&self, console: ConsoleId, command: Command) {
        self.say(&format!("{console} {command:?}"));
    }

    fn choose(&self, choice: Choice) {
        self.say(&format!("choose {choice:?}"));
    }

    fn ask(&self, console: ConsoleId, wish: Wish) {
        let Wish { size, at, millimetres } = wish;
        self.say(&format!(
            "{console} wish {size} at {at:?} on {}x{} mm",
            millimetres.width, millimetres.height
        ));
        self.wishes.borrow_mut().push_back((console, wish));
    }

    fn set_boost(&self, boost: Boosting) {
        self.say(&format!("boost {boost:?}"));
    }

    fn open_clipboard(&self) {}

    fn clipboard(&self, act: Act) {
        self.say(&format!("clipboard {act:?}"));
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

/// Whether this process is to show the window, rather than to look at one.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(SCRIPT).is_some()
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
    let script = RefCell::new(socket.try_clone().expect("a second descriptor"));
    let recorder = Rc::new(Recorder { script, wishes: RefCell::default() });
    let hold = application.hold();
    let application = application.clone();
    glib::spawn_future_local(async move {
        let mut play = Play {
            application: application.clone(),
            recorder,
            window: None,
            mailboxes: BTreeMap::new(),
            stats: BTreeMap::new(),
            hardware: Hardware::VirtioGpu,
            managed: None,
            hypervisor: None,
            shelf: None,
        };
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
    stats: BTreeMap<u32, Arc<Stats>>,
    /// What draws the next console.
    hardware: Hardware,
    /// libvirt's machine behind the next window.
    managed: Option<Managed>,
    /// Where machines are defined.
    hypervisor: Option<Hypervisor>,
    /// The library's window.
    shelf: Option<shelf::Shelf>,
}

impl Play {
    fn act(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["open", hold] => self.open(hold, false),
            ["open", hold, "fullscreen"] => self.open(hold, true),
            ["library", ..] => self.shelve(&words[1..]),
            ["dark"] => adw::StyleManager::default().set_color_scheme(adw::ColorScheme::ForceDark),
            ["connecting"] => self.tell(Event::State(State::Connecting(Stage::Opening))),
            ["starting"] => self.tell(Event::State(State::Connecting(Stage::Starting))),
            ["live", name] => {
                let machine = Machine { name: name.replace('+', " "), uuid: None, qemu: None };
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
            ["vgpu", id] => {
                self.hardware = Hardware::Vfio { ramfb: Ramfb::Off };
                self.add_console(id.parse().expect("a number"));
            }
            ["text-console", id] => self.add_console_of(ConsoleKind::Text, id.parse().expect("a number")),
            ["map", id, width, height] => {
                let [id, width, height] = [id, width, height].map(|word| word.parse().expect("a number"));
                self.map(id, width, height);
            }
            ["refused", id, width, height] => {
                let [id, width, height] = [id, width, height].map(|word| word.parse().expect("a number"));
                self.refused(id, width, height);
            }
            ["unused", id] => {
                self.tell(Event::InUse(ConsoleId(id.parse().expect("a number")), false));
            }
            ["active", id] => {
                self.tell(Event::ActiveConsole(ConsoleId(id.parse().expect("a number"))));
            }
            ["set", key, value] => set(key, value),
            ["power"] => self.say_power(),
            ["buttons"] => self.say_buttons(),
            ["open-consoles"] => self.consoles_button().expect("a button").popup(),
            ["close-consoles"] => self.consoles_button().expect("a button").popdown(),
            ["answer", answer] => self.answer(answer),
            ["off", id] => self.off(id.parse().expect("a number")),
            ["lost", kind] => self.lost(kind),
            ["ended", kind] => self.tell(Event::State(State::Ended(end(kind)))),
            ["answers", answers] => self.tell(Event::Answers(answers == "yes")),
            ["power-failed"] => self.tell(Event::PowerFailed(Power::Down, PowerError::NoMonitor)),
            ["action", name] => self.activate(name, None),
            ["action", name, target] => self.activate(name, Some(&target.to_variant())),
            ["console-action", id] => {
                let id: i32 = id.parse().expect("a number");
                self.activate("win.console", Some(&id.to_variant()));
            }
            ["to-window" | "to-tab" | "hide-console", id] => {
                let id: i32 = id.parse().expect("a number");
                self.activate(&format!("win.{}", words[0]), Some(&id.to_variant()));
            }
            ["copy", text] => self.window().clipboard().set_text(text),
            ["combinations"] => self.say_combinations(),
            ["keyboard"] => self.say_keyboard(),
            ["lights"] => self.say_lights(),
            ["open-keyboard"] => self.keyboard_button().expect("a button").popup(),
            ["leds", id, bits] => self.tell(Event::Leds(
                ConsoleId(id.parse().expect("a number")),
                Leds::from_bits(bits.parse().expect("a number")),
            )),
            ["size", width, height] => self
                .window()
                .set_default_size(width.parse().expect("a number"), height.parse().expect("a number")),
            ["close-menu"] => self.activate("win.menu", None),
            ["mode" | "cursor" | "tie" | "raw" | "hold" | "busy" | "touch" | "pointer", ..] => {
                self.act_on_pointer(&words)
            }
            ["close-dialog"] => {
                if let Some(dialog) = self.window().visible_dialog() {
                    dialog.force_close();
                }
            }
            ["leave"] => self.window().leave(),
            ["libvirt", uri] => self.hypervisor = Some(Hypervisor::connect(uri, Access::Full)),
            ["managed", wanted] => {
                self.managed = Some(Managed { hypervisor: self.hypervisor(), wanted: wanted.to_owned() });
            }
            ["define", file] => self.define(file),
            ["start", uuid] => self.start(uuid),
            ["ready", uuid] => oriel::window::ready::present(self.window(), &self.hypervisor(), uuid),
            ["switch", place] => self.switch(place.parse().expect("a number")),
            ["dialog"] => self.say_dialog(),
            ["scroll-dialog", place] => self.scroll_dialog(place),
            ["defined", uuid] => self.say_defined(uuid),
            _ => self.act_or_say(&words),
        }
    }

    /// What is about the clipboard, and what has an answer.
    fn act_or_say(&mut self, words: &[&str]) {
        match *words {
            ["agent", "reset"] => self.tell(Event::Clipboard(clipboard::Input::Reset)),
            ["agent", state] => {
                self.tell(Event::Clipboard(clipboard::Input::Port { open: state == "open" }));
            }
            ["guest-copies"] => self.tell(Event::Clipboard(clipboard::Input::GuestCopied {
                selection: Selection::Clipboard,
                serial: 1,
                text: true,
            })),
            ["sharing"] => self.tell(Event::Clipboard(clipboard::Input::Connected)),
            ["facts"] => self.say_facts(),
            ["consoles"] => self.say_consoles(),
            ["toasts"] => self.say_toasts(),
            ["close-toast"] => self.close_toast(),
            ["words"] => self.say_words(),
            ["windows"] => self.say_windows(),
            ["focus"] => self.say_focus(),
            ["say"] => self.say_state(),
            ["press", label] => self.press(label),
            ["select", words] => self.select(words),
            ["draw", id, pattern, width, height] => {
                let [id, width, height] = [id, width, height].map(|word| word.parse().expect("a number"));
                self.draw(id, pattern, (width, height));
            }
            ["bars"] => self.say_bars(),
            ["text"] => {
                glib::spawn_future_local(text(self.window().clone(), self.recorder.clone()));
            }
            ["clipboard"] => {
                glib::spawn_future_local(clipboard(self.window().clone(), self.recorder.clone()));
            }
            _ => panic!("not in the script's language: {words:?}"),
        }
    }

    /// Plays a line that is about the library.
    fn shelve(&mut self, words: &[&str]) {
        let (application, recorder) = (&self.application, &self.recorder);
        let shelf = self.shelf.get_or_insert_with(|| match *words {
            ["living", ref uris @ ..] => shelf::Shelf::living(application, recorder.clone(), uris),
            _ => shelf::Shelf::open(application, recorder.clone()),
        });
        shelf.act(words);
    }

    fn window(&self) -> &MachineWindow {
        &self.window.as_ref().expect("open first").0
    }

    fn view(&self) -> DisplayView {
        find(self.window().upcast_ref()).expect("a picture")
    }

    fn open(&mut self, hold: &str, fullscreen: bool) {
        let hold = match hold {
            "owner" => Hold::Owner,
            "monitor" => Hold::Monitor,
            _ => Hold::Guest,
        };
        let fullscreen = if fullscreen { Fullscreen::Here } else { Fullscreen::No };
        let setup = Setup {
            hold,
            way: "script",
            managed: self.managed.clone(),
            console: None,
            fullscreen,
            scaling: None,
            filter: None,
            rotation: None,
            present: None,
            snapshot: false,
            statistics: false,
            boost: None,
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
        self.add_console_of(ConsoleKind::Graphic, id);
    }

    fn add_console_of(&mut self, kind: ConsoleKind, id: u32) {
        let frames = Arc::new(Mailbox::default());
        self.mailboxes.insert(id, frames.clone());
        let stats = Arc::new(Stats::new(clock::now()));
        self.stats.insert(id, stats.clone());
        self.tell(Event::ConsoleAdded(Console {
            id: ConsoleId(id),
            label: if id == 0 { "virtio-gpu-pci".to_owned() } else { format!("virtio-gpu-pci.{id}") },
            kind,
            head: id,
            device: "pci/0000/02.0".to_owned(),
            hardware: self.hardware,
            size: Size::new(640, 480),
            frames,
            stats,
        }));
    }

    /// As a listener does.
    fn apply(&self, id: u32, event: frame::Event<'_>) {
        if event.is_update() {
            self.stats[&id].updated();
        }
        self.mailboxes[&id].apply(event, clock::now()).expect("a valid event");
    }

    fn picture(&self, id: u32, width: u32, height: u32) {
        self.tell(Event::InUse(ConsoleId(id), true));
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| colour(x * 255 / width, y * 255 / height, (x / 32 + y / 32) % 2 == 0))
            .collect();
        let format = Format::from_pixman(0x2002_0888).expect("x8r8g8b8");
        let image = Image::new(Size::new(width, height), width * 4, format, &pixels).expect("a picture");
        self.apply(id, frame::Event::Pixels(image));
    }

    /// A picture in memory of the guest's own, which the compositor can have as it is.
    fn map(&self, id: u32, width: u32, height: u32) {
        let (fd, file) = memory(u64::from(width) * u64::from(height) * 4);
        let length = u64::from(width) * u64::from(height) * 4;
        let format = Format::from_pixman(0x2002_0888).expect("x8r8g8b8");
        let size = Size::new(width, height);
        let mapped = Mapped::new(file, fd, length, 0, size, width * 4, format).expect("a picture");
        self.apply(id, frame::Event::Mapped(mapped));
    }

    /// A buffer in a format that nobody takes: what should be a GPU's is plain memory.
    fn refused(&self, id: u32, width: u32, height: u32) {
        let (fd, file) = memory(u64::from(width) * u64::from(height) * 4);
        let backing = Size::new(width, height);
        let dmabuf = Dmabuf::new(DmabufParts {
            file,
            planes: vec![Plane { fd, offset: 0, stride: width * 4 }],
            fourcc: Fourcc::new(*b"XR24"),
            modifier: Modifier(0x0100_0000_0000_0002),
            backing,
            crop: backing.at_origin(),
            y0_top: false,
            wire: Wire::V2,
        });
        self.apply(id, frame::Event::Dmabuf(dmabuf.expect("a buffer")));
        self.apply(id, frame::Event::Damage { x: 0, y: 0, width: 64, height: 64, ack: None });
    }

    /// QEMU answers the oldest wish; a guest that obeys shows that size.
    fn answer(&self, answer: &str) {
        let (id, wish) = self.recorder.wishes.borrow_mut().pop_front().expect("a wish");
        let taken = match answer {
            "unsupported" => Answer::Unsupported,
            "failed" => Answer::Failed,
            _ => Answer::Accepted,
        };
        self.tell(Event::Asked(id, wish, taken));
        if answer == "obey" {
            self.picture(id.0, wish.size.width, wish.size.height);
        }
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
            "no-display" => {
                let error = LibvirtError::NoDisplay { name: "web".to_owned(), has: "spice".to_owned() };
                (unreachable(ConnectError::Libvirt(error)), None)
            }
            "launch" => (unreachable(ConnectError::Launch(LaunchError::Exited(say::failed()))), None),
            _ => (Loss::Gone, None),
        };
        self.tell(Event::State(State::Lost { reason, retry }));
    }

    fn activate(&self, name: &str, target: Option<&glib::Variant>) {
        let window: &gtk::Widget = self.window().upcast_ref();
        window.activate_action(name, target).expect("an action");
    }
}

/// What an action is given by the items of a menu, and of the menus in it.
fn targets(menu: &gio::MenuModel, action: &str, found: &mut Vec<String>) {
    for at in 0..menu.n_items() {
        let named = menu.item_attribute_value(at, gio::MENU_ATTRIBUTE_ACTION, Some(glib::VariantTy::STRING));
        if named.is_some_and(|named| named.str() == Some(action)) {
            let target = menu.item_attribute_value(at, gio::MENU_ATTRIBUTE_TARGET, None);
            found.extend(target.and_then(|target| target.str().map(str::to_owned)));
        }
        for link in [gio::MENU_LINK_SECTION, gio::MENU_LINK_SUBMENU] {
            if let Some(inner) = menu.item_link(at, link) {
                targets(&inner, action, found);
            }
        }
    }
}

/// The titles of a window's tabs, the one in front with a star.
fn tabs(window: &gtk::Widget) -> String {
    let Some(tabs) = find::<adw::TabView>(window) else { return String::new() };
    let pages = (0..tabs.n_pages()).map(|at| tabs.nth_page(at));
    let title = |page: adw::TabPage| {
        let front = if tabs.selected_page().as_ref() == Some(&page) { "*" } else { "" };
        format!("{front}{}", page.title().split(' ').next().unwrap_or_default())
    };
    pages.map(title).collect::<Vec<_>>().join(",")
}

/// So many bytes as a guest shares them, and which file that is.
fn memory(length: u64) -> (OwnedFd, (u64, u64)) {
    let fd = rustix::fs::memfd_create("guest", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
    rustix::fs::ftruncate(&fd, length).expect("memory");
    let stat = rustix::fs::fstat(&fd).expect("a file");
    (fd, (stat.st_dev, stat.st_ino))
}

fn children(widget: &gtk::Widget) -> impl Iterator<Item = gtk::Widget> {
    std::iter::successors(widget.first_child(), gtk::Widget::next_sibling)
}

/// Every widget of this kind below a widget, in order.
fn all<T: IsA<gtk::Widget>>(widget: &gtk::Widget) -> Vec<T> {
    let here = widget.downcast_ref::<T>().cloned();
    here.into_iter().chain(children(widget).flat_map(|child| all(&child))).collect()
}

fn find<T: IsA<gtk::Widget>>(widget: &gtk::Widget) -> Option<T> {
    all(widget).into_iter().next()
}

fn panel(window: &gtk::Widget) -> Option<gtk::Widget> {
    all::<gtk::Widget>(window).into_iter().find(|widget| widget.type_().name() == "OrielOverlay")
}

fn labels(widget: &gtk::Widget, words: &mut Vec<String>) {
    let seen = all::<gtk::Label>(widget).into_iter().filter(gtk::Label::is_visible);
    words.extend(seen.map(|label| label.text().into()));
}

/// What the submenu of this name holds, wherever it is.
fn submenu(menu: &gio::MenuModel, name: &str, words: &mut Vec<String>) {
    for item in 0..menu.n_items() {
        let label = menu.item_attribute_value(item, "label", Some(glib::VariantTy::STRING));
        let is_it =
            label.and_then(|label| label.get::<String>()).is_some_and(|label| label.replace('_', "") == name);
        if let Some(found) = menu.item_link(item, "submenu").filter(|_| is_it) {
            entries(&found, words);
        }
        if let Some(section) = menu.item_link(item, "section") {
            submenu(&section, name, words);
        }
    }
}

/// The labels of a menu's items, sections after one another; the chosen one with a star.
fn entries(menu: &gio::MenuModel, words: &mut Vec<String>) {
    for item in 0..menu.n_items() {
        let label = menu.item_attribute_value(item, "label", Some(glib::VariantTy::STRING));
        words.extend(label.and_then(|label| label.get()));
        if let Some(section) = menu.item_link(item, "section") {
            entries(&section, words);
        }
    }
}

/// Changes a preference, as the dialog does.
fn set(key: &str, value: &str) {
    let settings = oriel::window::settings().expect("settings");
    let done = match value {
        "true" | "false" => settings.set_boolean(key, value == "true"),
        value => settings.set_value(key, &value.to_variant()),
    };
    done.expect("a setting");
}

/// What lies on the clipboard, as text, with its lines in one.
async fn text(window: MachineWindow, recorder: Rc<Recorder>) {
    let text = window.clipboard().read_text_future().await.ok().flatten();
    recorder.say(&format!("text {}", text.unwrap_or_default().replace('\n', "|")));
}

/// The title of the page that is seen.
fn page(widget: &gtk::Widget) -> Option<String> {
    if let Some(status) = widget.downcast_ref::<adw::StatusPage>() {
        return status.is_mapped().then(|| status.title().into());
    }
    children(widget).find_map(|child| page(&child))
}

/// What lies on the clipboard, as a size.
async fn clipboard(window: MachineWindow, recorder: Rc<Recorder>) {
    let texture = window.clipboard().read_texture_future().await.ok().flatten();
    let words = texture.map(|texture| format!("{}x{}", texture.width(), texture.height()));
    recorder.say(&format!("clipboard {}", words.unwrap_or("none".to_owned())));
}

pub(crate) fn colour(red: u32, blue: u32, light: bool) -> [u8; 4] {
    let dim = |value: u32| u8::try_from(if light { value } else { value * 3 / 4 }).unwrap_or(u8::MAX);
    [dim(blue), dim(90), dim(red), 255]
}

fn end(kind: &str) -> End {
    match kind {
        "failed" => End::Exited(say::failed()),
        "gone" => End::Gone,
        _ => End::Shutdown(Shutdown { guest: true, reason: "guest-shutdown".to_owned() }),
    }
}
