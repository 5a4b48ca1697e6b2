//! The library's window as lines of a script say: before made-up machines, or before those that there are.

use std::rc::Rc;

use adw::prelude::*;
use async_channel::Sender;
use oriel::library::model::{Answer, Key, Launched, News, Thumbnail};
use oriel::library::window::LibraryWindow;
use oriel::library::{Host, Living, Showing, Told};
use oriel::source::libvirt::{
    Change, Display, Hypervisor, LibvirtError, Machine, Off, Operation, Paused, State, Status,
};

use super::{Recorder, all, entries, find, labels};

/// A definition with everything that the details tell of.
const DEFINITION: &str = "<domain type='kvm'>\n  <name>web</name>\n  <devices>\n    <graphics type='dbus' p2p='yes'>\n      \
    <gl enable='yes' rendernode='/dev/dri/renderD128'/>\n    </graphics>\n    <video>\n      <model type='virtio' heads='2'/>\n    \
    </video>\n    <hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on'>\n      <source>\n        \
    <address uuid='4b20d080-1b54-4048-85b3-a6a62d165c01'/>\n      </source>\n    </hostdev>\n  </devices>\n</domain>\n";

/// Writes down what the library asks for.
#[derive(Debug)]
struct Scribe {
    recorder: Rc<Recorder>,
    tell: Sender<Told>,
    manager: bool,
}

impl Scribe {
    fn say(&self, what: &str, key: &Key) {
        self.recorder.say(&format!("host {what} {}", name(key)));
    }
}

/// A machine as the script calls it.
fn name(key: &Key) -> &str {
    match key {
        Key::Domain { uuid, .. } => uuid.trim_start_matches("uuid-"),
        Key::Bus { owner } => owner,
        Key::Launched { id } => id.split('\0').next_back().unwrap_or_default(),
    }
}

impl Host for Scribe {
    fn operate(&self, key: &Key, operation: Operation) {
        self.say(&format!("operate {operation:?}"), key);
    }

    fn cancel(&self, key: &Key) {
        self.say("cancel", key);
    }

    fn open(&self, key: &Key) {
        self.say("open", key);
    }

    fn launch(&self, key: &Key) {
        self.say("launch", key);
    }

    fn forget(&self, key: &Key) {
        self.say("forget", key);
    }

    fn photograph(&self, key: &Key) {
        self.say("photograph", key);
    }

    fn define(&self, key: &Key) {
        self.tell.try_send(Told::Definition(key.clone(), Ok(DEFINITION.to_owned()))).expect("a library");
    }

    fn retry(&self, uri: &str) {
        self.recorder.say(&format!("host retry {uri}"));
    }

    fn add(&self, uri: &str) {
        self.recorder.say(&format!("host add {uri}"));
        self.tell.try_send(Told::News(News::Added(uri.to_owned()))).expect("a library");
    }

    fn remove(&self, uri: &str) {
        self.recorder.say(&format!("host remove {uri}"));
        self.tell.try_send(Told::News(News::Removed(uri.to_owned()))).expect("a library");
    }

    fn look_around(&self) {}

    fn hypervisor(&self, _uri: &str) -> Option<Hypervisor> {
        None
    }

    fn showing(&self, key: &Key) -> Vec<Showing> {
        let shown = name(key) == "web";
        let console = "virtio-gpu-pci (pci/0000/02.0)".to_owned();
        let (way, rate) =
            ("The guest’s own buffer".to_owned(), "60 updates a second, 60 of them seen".to_owned());
        shown.then_some(Showing { console, way, rate }).into_iter().collect()
    }

    fn has_manager(&self) -> bool {
        self.manager
    }

    fn open_manager(&self, key: Option<&Key>) {
        self.recorder.say(&format!("host manager {}", key.map_or("-", name)));
    }

    fn has_launcher(&self, _key: &Key) -> bool {
        false
    }

    fn set_launcher(&self, key: &Key, name: Option<&str>) {
        self.say(&format!("launcher {}", name.unwrap_or("-")), key);
    }
}

/// The library's window, and who tells it of machines.
pub(super) struct Shelf {
    window: LibraryWindow,
    tell: Sender<Told>,
    recorder: Rc<Recorder>,
}

impl Shelf {
    pub(super) fn open(application: &adw::Application, recorder: Rc<Recorder>) -> Self {
        let (tell, told) = async_channel::unbounded();
        let host = Scribe { recorder: recorder.clone(), tell: tell.clone(), manager: true };
        let window = LibraryWindow::new(application, Rc::new(host), told);
        window.present();
        Self { window, tell, recorder }
    }

    /// With the machines that there are: on these connections and nowhere else, or wherever they are usually.
    pub(super) fn living(application: &adw::Application, recorder: Rc<Recorder>, only: &[&str]) -> Self {
        let only = Some(only.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>());
        let only = only.filter(|only| !only.is_empty());
        let (living, told) = Living::start(application, &[], only.as_deref());
        let window = LibraryWindow::new(application, living, told);
        window.present();
        // Nobody makes anything up.
        let (tell, _) = async_channel::unbounded();
        Self { window, tell, recorder }
    }

    pub(super) fn act(&self, words: &[&str]) {
        match *words {
            ["open"] | ["living", ..] => {}
            ["connection", uri, status] => {
                self.news(News::Added(uri.to_owned()));
                self.change(uri, Change::Status(connection(uri, status)));
            }
            ["machine", uri, name, how, displays] => {
                self.change(uri, Change::Machine(machine(name, how, displays)));
            }
            ["gone", uri, name] => self.change(uri, Change::Gone(format!("uuid-{name}"))),
            ["bus", owner, name] => {
                let machine =
                    (owner.to_owned(), (name != "-").then(|| Answer { name: name.to_owned(), uuid: None }));
                self.news(News::Bus(vec![machine]));
            }
            ["launched", name] => {
                let command = ["qemu-system-x86_64", "-m", "2G", "-name", name].map(str::to_owned);
                self.news(News::Launched(vec![Launched::new(
                    command.to_vec(),
                    "/home/ada".into(),
                    1_795_000_000,
                )]));
            }
            ["doing", uri, name, part] => {
                let part = part.parse().ok();
                self.news(News::Doing(key(uri, name), Operation::Save, part));
            }
            ["done", uri, name] => self.news(News::Done(key(uri, name))),
            ["failed", uri, name] => {
                let error = LibvirtError::Failed("Cannot access storage file '/srv/web.qcow2'".to_owned());
                self.tell(Told::Failed(key(uri, name), Operation::Start, error));
            }
            ["picture", uri, name] => {
                self.tell(Told::Picture(key(uri, name), Some(Box::new(picture()))));
            }
            ["choose", name] => self.choose(name),
            ["activate", name] => {
                self.row(name).activate();
            }
            ["search", text] => self.search(text),
            ["search"] => self.search(""),
            ["action", name] => self.activate(name, None),
            ["action", name, target] => self.activate(name, Some(&target.to_variant())),
            ["size", width, height] => {
                let [width, height] = [width, height].map(|word| word.parse().expect("a number"));
                self.window.set_default_size(width, height);
            }
            ["close-dialog"] => {
                if let Some(dialog) = self.window.visible_dialog() {
                    dialog.force_close();
                }
            }
            ["press", label] => {
                let dialog = self.window.visible_dialog().expect("a dialog");
                let label = label.replace('+', " ");
                let named = |button: &gtk::Button| {
                    button.label().is_some_and(|words| words.replace('_', "") == label)
                };
                let button = all::<gtk::Button>(dialog.upcast_ref()).into_iter().find(named);
                button.expect("a button of this name").emit_clicked();
            }
            ["back"] => self.panes().set_show_content(false),
            ["close"] => self.window.close(),
            ["list"] => self.say_list(),
            ["details"] => self.say_details(),
            ["page"] => self.say_page(),
            ["toasts"] => self.say_toasts(),
            ["menu"] => self.say_menu(),
            _ => panic!("not in the library's language: {words:?}"),
        }
    }

    fn tell(&self, told: Told) {
        self.tell.try_send(told).expect("a library that listens");
    }

    fn news(&self, news: News) {
        self.tell(Told::News(news));
    }

    fn change(&self, uri: &str, change: Change) {
        self.news(News::Libvirt(uri.to_owned(), change));
    }

    fn activate(&self, name: &str, target: Option<&gtk::glib::Variant>) {
        let window: &gtk::Widget = self.window.upcast_ref();
        // One that is disabled does nothing, as in a menu.
        let _ = window.activate_action(name, target);
    }

    fn search(&self, text: &str) {
        let bar = find::<gtk::SearchBar>(self.window.upcast_ref()).expect("a bar");
        bar.set_search_mode(!text.is_empty());
        find::<gtk::SearchEntry>(self.window.upcast_ref())
            .expect("an entry")
            .set_text(&text.replace('+', " "));
    }

    fn panes(&self) -> adw::NavigationSplitView {
        find(self.window.upcast_ref()).expect("panes")
    }

    fn list(&self) -> gtk::ListBox {
        let mut lists = all::<gtk::ListBox>(self.window.upcast_ref()).into_iter();
        lists.find(|list| list.has_css_class("machines")).expect("a list")
    }

    fn rows(&self) -> Vec<gtk::ListBoxRow> {
        let list = self.list();
        (0..).map_while(|at| list.row_at_index(at)).collect()
    }

    fn row(&self, name: &str) -> gtk::ListBoxRow {
        let named = |row: &gtk::ListBoxRow| {
            let mut words = Vec::new();
            labels(row.upcast_ref(), &mut words);
            words.first().is_some_and(|first| first == name)
        };
        self.rows().into_iter().find(named).expect("a row of this name")
    }

    fn choose(&self, name: &str) {
        self.list().select_row(Some(&self.row(name)));
    }

    /// Headings in brackets, rows with what they say.
    fn say_list(&self) {
        let mut said = Vec::new();
        for row in self.rows().into_iter().filter(|row| row.is_child_visible()) {
            if let Some(heading) = row.header().and_downcast::<gtk::Label>() {
                said.push(format!("[{}]", heading.label()));
            }
            let mut words = Vec::new();
            labels(row.upcast_ref(), &mut words);
            said.push(words.join("; "));
        }
        self.recorder.say(&format!("list {}", said.join("|")));
    }

    /// Everything that the details say, if they are seen.
    fn say_details(&self) {
        let details = all::<gtk::Widget>(self.window.upcast_ref())
            .into_iter()
            .find(|widget| widget.type_().name() == "OrielLibraryDetails" && widget.is_mapped());
        let mut words = Vec::new();
        if let Some(details) = details {
            for label in all::<gtk::Label>(&details).into_iter().filter(gtk::Label::is_mapped) {
                words.push(label.text().to_string());
            }
        }
        self.recorder.say(&format!("details {}", words.join("|").replace('\n', " ")));
    }

    /// What can be chosen of the machine that is looked at, beside its one button.
    fn say_menu(&self) {
        let buttons = all::<gtk::MenuButton>(self.window.upcast_ref()).into_iter();
        let models = buttons.filter(gtk::MenuButton::is_mapped).filter_map(|button| button.menu_model());
        let mut words = Vec::new();
        models.for_each(|menu| entries(&menu, &mut words));
        self.recorder.say(&format!("menu {}", words.join("|").replace('_', "")));
    }

    /// Which page stands where the list would.
    fn say_page(&self) {
        let stack = find::<gtk::Stack>(self.window.upcast_ref()).expect("a stack");
        let page = stack.visible_child_name().unwrap_or_default();
        let split = self.panes();
        let dialog = self.window.visible_dialog().map(|dialog| dialog.title()).unwrap_or_default();
        self.recorder.say(&format!(
            "page {page} collapsed={} content={} dialog=[{dialog}] width={}",
            split.is_collapsed(),
            split.shows_content(),
            self.window.width(),
        ));
    }

    fn say_toasts(&self) {
        let mut words = Vec::new();
        for widget in all::<gtk::Widget>(self.window.upcast_ref()) {
            if widget.type_().name() == "AdwToastWidget" && widget.is_mapped() {
                labels(&widget, &mut words);
            }
        }
        self.recorder.say(&format!("toasts {}", words.join("|")));
    }
}

fn key(uri: &str, name: &str) -> Key {
    Key::Domain { uri: uri.to_owned(), uuid: format!("uuid-{name}") }
}

fn connection(uri: &str, status: &str) -> Status {
    let (uri, words) = (uri.to_owned(), String::new());
    match status {
        "connected" => Status::Connected,
        "connecting" => Status::Connecting,
        "refused" => {
            Status::Lost(LibvirtError::Refused { uri, words: "authentication cancelled".to_owned() })
        }
        "silent" => {
            let after = std::time::Duration::from_secs(10);
            Status::Lost(LibvirtError::Silent { what: "answer", after })
        }
        "absent" => Status::Lost(LibvirtError::Absent { uri, words: "No such file or directory".to_owned() }),
        _ => {
            let _ = words;
            Status::Lost(LibvirtError::Disconnected)
        }
    }
}

fn machine(name: &str, how: &str, displays: &str) -> Machine {
    let state = match how {
        "running" => State::Running,
        "paused" => State::Paused(Paused::ByUser),
        "io-error" => State::Paused(Paused::IoError),
        "migrating" => State::Paused(Paused::Migrating),
        "asleep" => State::Asleep,
        "crashed" => State::Crashed,
        "saved" => State::Off(Off::Saved),
        _ => State::Off(Off::ShutDown),
    };
    let kinds = displays.split(',').filter(|kind| *kind != "-");
    let displays = kinds.zip(0..).map(|(kind, index)| match kind {
        "dbus" => Display::Peer { index },
        kind => Display::Other { kind: kind.to_owned() },
    });
    Machine {
        uuid: format!("uuid-{name}"),
        name: name.replace('+', " "),
        title: None,
        id: state.is_on().then_some(1),
        state,
        persistent: true,
        saved: how == "saved",
        displays: displays.collect(),
    }
}

/// A desktop, as good as a few colours make one.
fn picture() -> Thumbnail {
    let (width, height) = (640_u32, 400_u32);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| {
        let inside = (80..420).contains(&x) && (60..300).contains(&y);
        match (inside, y < 24) {
            (_, true) => [36, 31, 49],
            (true, _) if y < 92 => [192, 191, 188],
            (true, _) => [250, 249, 248],
            _ => [
                26,
                u8::try_from(60 + y / 4).unwrap_or(u8::MAX),
                u8::try_from(100 + x / 8).unwrap_or(u8::MAX),
            ],
        }
    });
    Thumbnail { width, height, pixels: pixels.collect() }
}
