//! A screen that is locked while keys are held: whoever tells of it, and however it ends.

use harness::desk::{Desk, Layout, Sway, SwayConfig};
use harness::input::keys;
use zbus::{Connection, OwnedObjectPath, Variant, block_on};

use super::keyboard::{NOBODY, SHARED, held, hold_keys, wait_for};
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

/// A program of the desktop's that locks the screen.
struct Locker(Connection);

impl Locker {
    fn start(address: &str) -> Self {
        let connection = block_on(zbus::connection::Builder::address(address).build());
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
        let changed = std::collections::HashMap::from([("LockedHint", Variant::from(locked))]);
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

#[test]
fn a_locked_screen_lets_go_of_every_key_whoever_tells_of_it() {
    let layout = Layout::Floating;
    let sway = Sway::start(SwayConfig { outputs: vec![SCREEN], layout, ..Default::default() });
    let sway = sway.expect("a sway");
    let bus = sway.session().bus_address();
    let logind = Locker::logind(&bus);
    let locker = Locker::start(&bus);
    let mut scene = Scene::of(sway, "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480"]);
    scene.wait_for_state("page=[]");
    let mut input = scene.input();
    let kde = ("org.freedesktop.ScreenSaver", "/ScreenSaver");
    let cinnamon = ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver");
    for (what, locks) in [
        ("a locker", Lock::Says(kde)),
        ("another", Lock::Says(cinnamon)),
        ("logind", Lock::Hint),
        ("a locker that crashes", Lock::Crashes),
        ("logind, which only wants it", Lock::Wants),
    ] {
        hold_keys(&mut scene, &mut input, what);
        let doomed = Locker::start(&bus);
        match locks {
            Lock::Says((interface, path)) => locker.active(interface, path, true),
            Lock::Hint => logind.hint(true),
            Lock::Crashes => doomed.active(kde.0, kde.1, true),
            Lock::Wants => logind.wants_lock(),
        }
        if !matches!(locks, Lock::Wants) {
            wait_for(&mut scene, NOBODY);
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
        for key in [keys::KEY_LEFTSHIFT, keys::KEY_A, keys::KEY_F5] {
            input.key(key, false).expect("a key");
        }
    }
}

/// How the screen is locked.
enum Lock {
    Says((&'static str, &'static str)),
    Hint,
    Crashes,
    Wants,
}
