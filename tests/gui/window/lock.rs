//! A screen that is locked while keys are held: whoever tells of it, and however it ends.

use harness::desk::{Desk, Layout, Sway, SwayConfig};
use harness::input::{Input, keys};
use zbus::{Connection, OwnedObjectPath, Variant, block_on};

use super::desk::LIMIT;
use super::keyboard::{GUEST, NOBODY, SHARED, click, hear, held, hold_keys, wait_for};
use super::{SCREEN, Scene};

const LOGIND: &str = "org.freedesktop.login1";
const SESSION: &str = "/org/freedesktop/login1/session/_31";

struct Manager;

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn get_session(&self, _name: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(SESSION).expect("a path")
    }
}

struct Session;

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        false
    }
}

/// A locker that others ask.
struct Asked;

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl Asked {
    fn get_active(&self) -> bool {
        true
    }
}

/// A program of the desktop's that locks the screen.
struct Locker(Connection);

impl Locker {
    fn start(address: &str) -> Self {
        let connection = block_on(zbus::connection::Builder::address(address).build());
        Self(connection.expect("a bus"))
    }

    /// One that has locked the screen already.
    fn at_it(address: &str, (interface, path): (&str, &str)) -> Self {
        let builder = zbus::connection::Builder::address(address).name(interface);
        let connection = block_on(builder.serve_at(path, Asked).build());
        Self(connection.expect("a bus"))
    }

    /// One that others ask, as logind.
    fn logind(address: &str) -> Self {
        let builder = zbus::connection::Builder::address(address).name(LOGIND);
        let builder = builder.serve_at("/org/freedesktop/login1", Manager).serve_at(SESSION, Session);
        let connection = block_on(builder.build());
        Self(connection.expect("a bus"))
    }

    fn active(&self, interface: &str, path: &str, active: bool) {
        block_on(self.0.emit_signal(None::<&str>, path, interface, "ActiveChanged", &(active,)))
            .expect("a bus");
    }

    fn hint(&self, locked: bool) {
        self.tell("LockedHint", locked);
    }

    /// A property of logind's session is another.
    fn tell(&self, property: &str, value: bool) {
        let changed = std::collections::HashMap::from([(property, Variant::from(value))]);
        let body = (format!("{LOGIND}.Session"), changed, Vec::<String>::new());
        let properties = "org.freedesktop.DBus.Properties";
        block_on(self.0.emit_signal(None::<&str>, SESSION, properties, "PropertiesChanged", &body))
            .expect("a bus");
    }

    fn wants_lock(&self) {
        let session = "org.freedesktop.login1.Session";
        block_on(self.0.emit_signal(None::<&str>, SESSION, session, "Lock", &())).expect("a bus");
    }
}

const KDE: (&str, &str) = ("org.freedesktop.ScreenSaver", "/ScreenSaver");
const CINNAMON: (&str, &str) = ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver");

/// How the screen is locked.
#[derive(Clone, Copy)]
enum Lock {
    Says((&'static str, &'static str)),
    Hint,
    Crashes,
    Wants,
}

/// Says it until the window shows who has the keyboard: it may not listen yet.
fn say_until(scene: &mut Scene, holder: &str, say: impl Fn()) {
    let wanted = format!("keyboard {holder}");
    let deadline = std::time::Instant::now() + LIMIT;
    loop {
        say();
        let heard = scene.ask("keyboard", "keyboard ");
        if heard == wanted {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{heard}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_locked_screen_lets_go_of_every_key_whoever_tells_of_it() {
    let layout = Layout::Floating;
    let sway = Sway::start(SwayConfig { outputs: vec![SCREEN], layout, ..Default::default() });
    let sway = sway.expect("a sway");
    let bus = sway.session().bus_address();
    let logind = Locker::logind(&bus);
    let first = Locker::at_it(&bus, KDE);
    let locker = Locker::start(&bus);
    let mut scene = Scene::of(sway, "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480"]);
    scene.wait_for_state("page=[]");
    let mut input = scene.input();
    // It was locked before anybody listened.
    wait_for(&mut scene, NOBODY);
    say_until(&mut scene, SHARED, || first.active(KDE.0, KDE.1, false));
    for (what, locks) in [
        ("a locker", Lock::Says(KDE)),
        ("another", Lock::Says(CINNAMON)),
        ("logind", Lock::Hint),
        ("a locker that crashes", Lock::Crashes),
        ("logind, which only wants it", Lock::Wants),
    ] {
        hold_keys(&mut scene, &mut input, what);
        let doomed = Locker::start(&bus);
        match locks {
            Lock::Says((interface, path)) => {
                say_until(&mut scene, NOBODY, || locker.active(interface, path, true));
            }
            Lock::Hint => say_until(&mut scene, NOBODY, || logind.hint(true)),
            Lock::Crashes => say_until(&mut scene, NOBODY, || doomed.active(KDE.0, KDE.1, true)),
            Lock::Wants => logind.wants_lock(),
        }
        if !matches!(locks, Lock::Wants) {
            // What is typed on the other side of the lock is nobody's here.
            input.tap(keys::KEY_Q).expect("a key");
            scene.play(&["say"]);
        }
        match locks {
            Lock::Says((interface, path)) => locker.active(interface, path, false),
            Lock::Hint => logind.hint(false),
            Lock::Crashes => drop(doomed),
            Lock::Wants => {}
        }
        wait_for(&mut scene, SHARED);
        assert!(held(&scene.asked).is_empty(), "{what}: {:?}", scene.asked);
        assert!(!scene.asked.iter().any(|told| told.contains("Qnum(16)")), "{what}: {:?}", scene.asked);
        let_go(&mut input);
    }
    one_that_ends_at_once_locks_nobody_out(&mut scene, &mut input, &bus);
    a_hint_that_nobody_takes_back_locks_nobody_out(&mut scene, &mut input, &logind);
}

/// Lets go of what [`hold_keys`] holds.
fn let_go(input: &mut Input) {
    for key in [keys::KEY_LEFTSHIFT, keys::KEY_A, keys::KEY_F5] {
        input.key(key, false).expect("a key");
    }
}

/// It is gone before the window can listen for that.
fn one_that_ends_at_once_locks_nobody_out(scene: &mut Scene, input: &mut Input, bus: &str) {
    hold_keys(scene, input, "a locker that ends at once");
    let doomed = Locker::start(bus);
    doomed.active(KDE.0, KDE.1, true);
    drop(doomed);
    // It was heard.
    hear(scene, "0 Key(Qnum(42), Up)");
    wait_for(scene, SHARED);
    let_go(input);
}

/// Nobody clicks into a picture behind a lock.
fn a_hint_that_nobody_takes_back_locks_nobody_out(scene: &mut Scene, input: &mut Input, logind: &Locker) {
    say_until(scene, NOBODY, || logind.hint(true));
    click(scene, input);
    wait_for(scene, GUEST);
    // What else changes of the session is no news of the lock: heard by the time of what follows it.
    logind.tell("IdleHint", true);
    say_until(scene, GUEST, || logind.hint(false));
    // And it counts once it is told anew.
    say_until(scene, NOBODY, || logind.hint(true));
}
