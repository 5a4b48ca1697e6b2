//! What a screen reader is told, over the bus that it listens to.
//!
//! AT-SPI's registry is played: programs announce themselves to it, and ask it who listens.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use harness::desk::{Desk, Layout, Sway, SwayConfig};
use harness::input::keys;
use harness::process::wait_until;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, block_on};

use super::desk::LIMIT;
use super::keyboard::{GUEST, WINDOW, click, wait_for};
use super::{SCREEN, Scene};

const ROOT: &str = "/org/a11y/atspi/accessible/root";
const REGISTRY: &str = "org.a11y.atspi.Registry";
const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const EVENTS: &str = "org.a11y.atspi.Event.Object";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// `ATSPI_STATE_FOCUSED`, in the first of two words.
const FOCUSED: u32 = 1 << 12;

/// Leads programs to the accessibility bus, which is the session's own here.
struct Bus(String);

#[zbus::interface(name = "org.a11y.Bus")]
impl Bus {
    fn get_address(&self) -> String {
        self.0.clone()
    }
}

/// The programs that have announced themselves, by their names on the bus.
type Programs = Arc<Mutex<Vec<String>>>;

struct Socket(Programs);

#[zbus::interface(name = "org.a11y.atspi.Socket")]
impl Socket {
    fn embed(&self, program: (String, OwnedObjectPath)) -> ((String, OwnedObjectPath),) {
        self.0.lock().expect("programs").push(program.0);
        ((REGISTRY.to_owned(), OwnedObjectPath::try_from(ROOT).expect("a path")),)
    }
}

struct Registry;

#[zbus::interface(name = "org.a11y.atspi.Registry")]
impl Registry {
    fn get_registered_events(&self) -> Vec<(String, String)> {
        vec![(":1.0".to_owned(), "object:announcement".to_owned())]
    }
}

/// Something on the screen.
#[derive(Debug, Clone)]
struct Object {
    program: String,
    path: OwnedObjectPath,
}

/// Somebody who listens.
struct Reader {
    connection: Connection,
    programs: Programs,
    said: Receiver<String>,
}

impl Reader {
    fn start(address: &str) -> Self {
        let programs = Programs::default();
        let builder = zbus::connection::Builder::address(address).name("org.a11y.Bus").name(REGISTRY);
        let builder = builder
            .serve_at("/org/a11y/bus", Bus(address.to_owned()))
            .serve_at(ROOT, Socket(programs.clone()))
            .serve_at("/org/a11y/atspi/registry", Registry);
        let connection = block_on(builder.build()).expect("a bus");
        let rule = MatchRule::builder().interface(EVENTS).member("Announcement").build().expect("a rule");
        let mut heard = block_on(MessageStream::for_match_rule(rule, &connection, None)).expect("a bus");
        let (tell, said) = channel();
        std::thread::spawn(move || {
            while let Some(Ok(message)) = block_on(heard.next()) {
                let (_, _, _, words, _): (String, i32, i32, OwnedVariant, HashMap<String, OwnedVariant>) =
                    message.body().deserialize().expect("an announcement");
                if tell.send(text(&words)).is_err() {
                    return;
                }
            }
        });
        Self { connection, programs, said }
    }

    /// Waits until something is said that begins with this.
    fn hears(&self, words: &str) {
        let mut before = Vec::new();
        loop {
            match self.said.recv_timeout(LIMIT) {
                Ok(said) if said.starts_with(words) => return,
                Ok(said) => before.push(said),
                Err(_) => panic!("nobody says {words:?}, but {before:?}"),
            }
        }
    }

    /// What it says to a question of this interface.
    fn ask(&self, of: &Object, method: &str) -> zbus::Result<Message> {
        let program = Some(&*of.program);
        block_on(self.connection.call_method(program, of.path.as_str(), Some(ACCESSIBLE), method, &()))
    }

    fn property(&self, of: &Object, name: &str) -> String {
        let (program, path, what) = (Some(&*of.program), of.path.as_str(), (ACCESSIBLE, name));
        let told = block_on(self.connection.call_method(program, path, Some(PROPERTIES), "Get", &what));
        // It may have gone meanwhile.
        told.map_or_else(|_| String::new(), |told| text(&told.body().deserialize().expect("a property")))
    }

    /// What has this name, wherever it is on the screen.
    fn find(&self, name: &str) -> Object {
        let found = wait_until(&format!("something that is called {name:?}"), LIMIT, || {
            let programs = self.programs.lock().expect("programs").clone();
            let path = OwnedObjectPath::try_from(ROOT).expect("a path");
            let mut rest: Vec<_> =
                programs.into_iter().map(|program| Object { program, path: path.clone() }).collect();
            while let Some(object) = rest.pop() {
                if object.path.as_str() != ROOT && self.property(&object, "Name") == name {
                    return Ok(Some(object));
                }
                let Ok(children) = self.ask(&object, "GetChildren") else { continue };
                let children: Vec<(String, OwnedObjectPath)> =
                    children.body().deserialize().expect("children");
                rest.extend(children.into_iter().map(|(program, path)| Object { program, path }));
            }
            Ok(None)
        });
        found.expect("an object")
    }

    /// Waits until it is described like this.
    fn is_described(&self, object: &Object, words: &str) {
        let found =
            wait_until(words, LIMIT, || Ok((self.property(object, "Description") == words).then_some(())));
        found.unwrap_or_else(|error| panic!("{error}: {}", self.property(object, "Description")));
    }
}

fn text(value: &OwnedVariant) -> String {
    <&str>::try_from(&**value).expect("a text").to_owned()
}

#[test]
fn a_screen_reader_is_told_what_the_picture_is_who_has_the_keyboard_and_how_to_leave() {
    let layout = Layout::Floating;
    let sway = Sway::start(SwayConfig { outputs: vec![SCREEN], layout, ..Default::default() });
    let sway = sway.expect("a sway");
    let reader = Reader::start(&sway.session().bus_address());
    let mut scene = Scene::with(sway, "", &[("GTK_A11Y", "atspi")]);
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480"]);
    scene.wait_for_state("page=[]");
    let mut input = scene.input();
    let picture = reader.find("Screen of web");
    let role: String =
        reader.ask(&picture, "GetRoleName").expect("a role").body().deserialize().expect("a word");
    assert_eq!(role, "application", "what is on it is no widget of ours");
    let state: Vec<u32> =
        reader.ask(&picture, "GetState").expect("a state").body().deserialize().expect("bits");
    assert_ne!(state[0] & FOCUSED, 0, "it has the focus");
    reader.is_described(&picture, "Ctrl+Alt gives the keyboard back");
    let button = reader.find("Keyboard");
    reader.is_described(&button, "The desktop has its shortcuts");

    click(&mut scene, &mut input);
    reader.hears("The machine has the keyboard. Ctrl+Alt gives it back.");
    wait_for(&mut scene, GUEST);
    reader.is_described(&button, "The machine has the keyboard");
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    reader.hears("The window has the keyboard: Tab moves on, F10 opens the menu.");
    wait_for(&mut scene, WINDOW);

    // The keys are named as the person has chosen them.
    scene.play(&["set release-keys RightCtrl"]);
    reader.is_described(&picture, "RightCtrl gives the keyboard back");
    click(&mut scene, &mut input);
    reader.hears("The machine has the keyboard. RightCtrl gives it back.");
    input.tap(keys::KEY_RIGHTCTRL).expect("a key");
    reader.hears("The window has the keyboard: Tab moves on, F10 opens the menu.");

    scene.sway.run("seat * shortcuts_inhibitor disable").expect("a setting");
    click(&mut scene, &mut input);
    reader.hears("The desktop keeps its shortcuts for itself.");
    scene.play(&["lost closed"]);
    reader.hears("Connection Lost. ");
}
