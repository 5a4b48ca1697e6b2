//! On an X server: its keyboard is grabbed, given back, and its lock keys set; large windows are exact.

use harness::desk::{Desk, Xvfb};
use harness::input::{XInput, keys};
use harness::process::wait_until;
use harness::shot::Image;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, GrabMode, GrabStatus, KeyButMask, ModMask, PropMode};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::desk::{LIMIT, Scene};
use super::keyboard::{GUEST, SHARED, WINDOW, held, wait_for};
use super::manager;
use super::stage::paint::Pattern;

/// The screen that large windows fill.
const SIZE: (u32, u32) = (800, 600);

const ROBBED: &str = "Another program has grabbed the keyboard";

/// X key codes are the kernel's plus 8.
const OFFSET: u8 = 8;

/// A program of the desktop's with a shortcut of its own: Super+X.
struct Desktop {
    connection: RustConnection,
    root: u32,
}

impl Desktop {
    fn on(screen: &Xvfb) -> Self {
        let command = screen.session().command("");
        let display = command.get_envs().find_map(|(name, value)| (name == "DISPLAY").then_some(value?));
        let display = display.and_then(|name| name.to_str()).expect("a display");
        let (connection, number) = x11rb::connect(Some(display)).expect("the X server");
        let root = connection.setup().roots[number].root;
        let x = u8::try_from(keys::KEY_X).expect("a small code") + OFFSET;
        let grab = connection.grab_key(false, root, ModMask::M4, x, GrabMode::ASYNC, GrabMode::ASYNC);
        grab.expect("a request").check().expect("a shortcut");
        Self { connection, root }
    }

    /// How often the shortcut was pressed since the last call.
    fn pressed(&self) -> usize {
        // What the server has sent before this answer is here after it.
        self.connection.get_input_focus().expect("a request").reply().expect("an answer");
        let events = std::iter::from_fn(|| self.connection.poll_for_event().expect("events"));
        events.filter(|event| matches!(event, Event::KeyPress(_))).count()
    }

    /// Says of the window that has the keyboard that it has it, as window managers do: GDK grabs for
    /// no other.
    fn mark_focused(&self) {
        let atom = |name: &str| {
            let asked = self.connection.intern_atom(false, name.as_bytes()).expect("a request");
            asked.reply().expect("an atom").atom
        };
        let (state, focused) = (atom("_NET_WM_STATE"), atom("_NET_WM_STATE_FOCUSED"));
        let window = self.connection.get_input_focus().expect("a request").reply().expect("an answer").focus;
        let kind = AtomEnum::ATOM;
        let marked = self.connection.change_property32(PropMode::APPEND, window, state, kind, &[focused]);
        marked.expect("a request").check().expect("a window");
    }

    /// Takes the keyboard from everybody, as an open menu does, or gives it back.
    fn grab(&self, all: bool) {
        if !all {
            self.connection
                .ungrab_keyboard(x11rb::CURRENT_TIME)
                .expect("a request")
                .check()
                .expect("a keyboard");
            return;
        }
        let (now, mode) = (x11rb::CURRENT_TIME, GrabMode::ASYNC);
        let grab = self.connection.grab_keyboard(false, self.root, now, mode, mode).expect("a request");
        assert_eq!(grab.reply().expect("an answer").status, GrabStatus::SUCCESS);
    }

    /// Whether Caps Lock and Num Lock are on.
    fn locks(&self) -> (bool, bool) {
        let state = self.connection.query_pointer(self.root).expect("a request").reply().expect("an answer");
        (state.mask.contains(KeyButMask::LOCK), state.mask.contains(KeyButMask::MOD2))
    }
}

#[test]
fn an_x_server_gives_its_keyboard_to_the_guest_and_has_it_back() {
    let screen = Xvfb::start(1024, 768).expect("an X server");
    let desktop = Desktop::on(&screen);
    let mut scene = Scene::of(screen, "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480", "mode 0 absolute"]);
    scene.wait_for_state("page=[]");
    XInput::new(&scene.sway).focus(".+").expect("a window");
    desktop.mark_focused();
    scene.wait_for_state("active=true");
    XInput::new(&scene.sway).move_to(500, 400).expect("a pointer");

    // A shortcut, and a key that is the guest's in any case; whether the guest had the shortcut.
    let guest_gets_shortcut = |scene: &mut Scene<Xvfb>| {
        scene.asked.clear();
        for (key, pressed) in [
            (keys::KEY_LEFTMETA, true),
            (keys::KEY_X, true),
            (keys::KEY_X, false),
            (keys::KEY_LEFTMETA, false),
        ] {
            XInput::new(&scene.sway).key(key, pressed).expect("a key");
        }
        XInput::new(&scene.sway).tap(keys::KEY_B).expect("a key");
        scene.hear_until(|answer| answer == "0 Key(Qnum(48), Up)");
        scene.asked.iter().any(|asked| asked == "0 Key(Qnum(45), Down)")
    };
    wait_for(&mut scene, SHARED);
    assert!(!guest_gets_shortcut(&mut scene), "nobody has asked for it");
    assert_eq!(desktop.pressed(), 1);

    // Somebody's menu: the window keeps the focus, and has no keys.
    desktop.grab(true);
    wait_for(&mut scene, ROBBED);
    scene.wait_for_state(&format!("title=[{ROBBED}]"));
    XInput::new(&scene.sway).tap(keys::KEY_A).expect("a key");
    desktop.grab(false);
    wait_for(&mut scene, SHARED);
    guest_gets_shortcut(&mut scene);
    assert!(!scene.asked.iter().any(|told| told.contains("Qnum(30)")), "{:?}", scene.asked);
    desktop.pressed();

    let click = |scene: &mut Scene<Xvfb>| XInput::new(&scene.sway).click(keys::BTN_LEFT).expect("a button");
    click(&mut scene);
    wait_for(&mut scene, GUEST);
    assert!(guest_gets_shortcut(&mut scene), "it is grabbed");
    assert_eq!(desktop.pressed(), 0);

    scene.asked.clear();
    for pressed in [true, false] {
        for key in [keys::KEY_LEFTCTRL, keys::KEY_LEFTALT] {
            XInput::new(&scene.sway).key(key, pressed).expect("a key");
        }
    }
    wait_for(&mut scene, WINDOW);
    assert!(held(&scene.asked).is_empty(), "{:?}", scene.asked);
    for key in [keys::KEY_LEFTMETA, keys::KEY_X] {
        XInput::new(&scene.sway).key(key, true).expect("a key");
    }
    wait_until("the desktop's shortcut", LIMIT, || Ok((desktop.pressed() > 0).then_some(()))).expect("a key");
    for key in [keys::KEY_X, keys::KEY_LEFTMETA] {
        XInput::new(&scene.sway).key(key, false).expect("a key");
    }

    click(&mut scene);
    wait_for(&mut scene, GUEST);

    // Lights that the guest switches by itself are the host's, and are no keys of the guest's again.
    scene.asked.clear();
    scene.play(&["set lock-keys both", "leds 0 2", "leds 0 6"]);
    wait_for_locks(&desktop, (true, true));
    scene.play(&["leds 0 0"]);
    wait_for_locks(&desktop, (false, false));
    // A key is one for both.
    XInput::new(&scene.sway).tap(keys::KEY_CAPSLOCK).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(58), Up)");
    wait_for_locks(&desktop, (true, false));
    scene.play(&["leds 0 4"]);
    XInput::new(&scene.sway).tap(keys::KEY_B).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(48), Up)");
    let locked = |told: &&String| told.contains("Qnum(58)") || told.contains("Qnum(69)");
    assert_eq!(scene.asked.iter().filter(locked).collect::<Vec<_>>(), ["0 Key(Qnum(58), Down)"]);
    assert_eq!(desktop.locks(), (true, false));
}

fn wait_for_locks(desktop: &Desktop, wanted: (bool, bool)) {
    wait_until("lock keys", LIMIT, || Ok((desktop.locks() == wanted).then_some(()))).expect("lock keys");
}

/// Windows of all kinds show the guest's pixels as they are, also where a unit is two of the screen's.
#[test]
fn on_an_x_server_large_windows_are_exact() {
    for scale in [1, 2] {
        let screen = Xvfb::start(SIZE.0, SIZE.1).expect("an X server").scale(scale);
        manager::manage(&screen);
        let mut scene = Scene::of(screen, "");
        scene.play(&["open guest", "live web", "console 0", "action win.follow never"]);
        scene.play(&["draw 0 unique 301 203", "action win.scaling one-to-one"]);
        scene.wait_for_state("page=[]");
        let anywhere = |_| true;
        wait_for_picture(&scene, "windowed", (301, 203), anywhere);

        let middle = |room: u32, length: u32, at: u32| at.abs_diff((room - length) / 2) <= 1;
        let below_header = |size: (u32, u32)| {
            move |at: (u32, u32)| middle(SIZE.0, size.0, at.0) && at.1 > (SIZE.1 - size.1) / 2 + 10
        };
        scene.play(&["action window.toggle-maximized"]);
        scene.wait_for_state("maximized=true");
        wait_for_picture(&scene, "maximised", (301, 203), below_header((301, 203)));
        scene.play(&["draw 0 unique 702 333"]);
        wait_for_picture(&scene, "maximised-larger", (702, 333), below_header((702, 333)));

        scene.play(&["action win.fullscreen"]);
        scene.wait_for_state("fullscreen=true");
        scene.ask_until("toasts", "toasts ", |toasts| toasts.contains("F11"));
        scene.play(&["close-toast"]);
        wait_for_picture(&scene, "fullscreen-smaller", (702, 333), |at| {
            middle(SIZE.0, 702, at.0) && middle(SIZE.1, 333, at.1)
        });
        scene.play(&[&format!("draw 0 unique {} {}", SIZE.0, SIZE.1)]);
        wait_for_picture(&scene, "fullscreen", SIZE, |at| at == (0, 0));

        scene.play(&["action win.fullscreen", "draw 0 unique 301 203"]);
        scene.wait_for_state("fullscreen=false");
        wait_for_picture(&scene, "maximised-again", (301, 203), below_header((301, 203)));
    }
}

/// Waits until all of a picture of this size is seen, pixel for pixel, where it is wanted.
fn wait_for_picture(scene: &Scene<Xvfb>, name: &str, size: (u32, u32), wanted: impl Fn((u32, u32)) -> bool) {
    let picture = Image::from_fn(size.0, size.1, |x, y| {
        let [red, green, blue] = Pattern::Unique.pixel(size, x, y);
        [red, green, blue, 255]
    });
    let found = scene.sway.wait_for_picture(name, LIMIT, |screen| {
        screen.find(&picture, screen.rect()).filter(|at| wanted(*at))
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", scene.program.log()));
}
