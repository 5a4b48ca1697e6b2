//! The window before made-up machines, on a desktop without a screen.

#[path = "window/desk.rs"]
mod desk;
#[path = "window/stage.rs"]
mod stage;

use std::sync::{Arc, Mutex};

use desk::{LIMIT, Scene};
use harness::desk::{Film, Find, Output};
use harness::input::keys;
use harness::shot::Image;

#[test]
#[ignore = "is started by the others, each on a desktop of its own"]
fn stage() {
    stage::run();
}

const SCREEN: Output = Output { width: 1152, height: 864, scale: 1.0 };

/// A window that shows a picture of this size.
fn showing(hold: &str, width: u32, height: u32) -> Scene {
    let mut scene = Scene::new(SCREEN, "");
    let picture = format!("picture 0 {width} {height}");
    scene.play(&[&format!("open {hold}"), "live web", "console 0", &picture]);
    scene.wait_for_state("page=[]");
    scene
}

#[test]
fn every_state_has_a_page_of_its_own() {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&["open guest"]);
    for (line, title) in [
        ("connecting", "Connecting…"),
        ("live web", "No Display"),
        ("console 0", "No Picture Yet"),
        ("picture 0 640 480", ""),
        ("off 0", "Display Off"),
        ("lost closed", "Connection Lost"),
        ("lost none", "No Machine Found"),
        ("ended shutdown", "Machine Shut Down"),
        ("ended failed", "QEMU Stopped With an Error"),
        ("live web", "Display Off"),
        ("picture 0 640 480", ""),
    ] {
        scene.play(&[line]);
        scene.wait_for_state(&format!("page=[{title}]"));
    }
}

#[test]
fn keys_are_the_guests_but_for_f11() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    for (keys, number) in [(vec![keys::KEY_F10], 0x44), (vec![keys::KEY_LEFTCTRL, keys::KEY_W], 0x11)] {
        input.chord(&keys).expect("keys");
        scene.hear_until(|answer| answer == format!("0 Key(Qnum({number}), Up)"));
    }
    input.tap(keys::KEY_F11).expect("a key");
    scene.wait_for_state("fullscreen=true");
    input.tap(keys::KEY_F11).expect("a key");
    scene.wait_for_state("fullscreen=false");
    let f11 = "Qnum(87)";
    assert!(!scene.asked.iter().any(|answer| answer.contains(f11)), "{:?}", scene.asked);
    assert!(!scene.asked.iter().any(|answer| answer == "close"), "{:?}", scene.asked);
}

#[test]
fn a_sleeping_machine_is_woken_by_a_key_or_a_click() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    scene.play(&["off 0"]);
    scene.wait_for_state("page=[Display Off]");
    input.tap(keys::KEY_A).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(30), Up)");
    let window = scene.window().rect;
    input.move_to(f64::from(window.x + 100), f64::from(window.y + 200)).expect("a pointer");
    input.click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer == "0 Key(Qnum(42), Up)");
}

#[test]
fn the_menu_sends_keys_that_keyboards_cannot() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["action win.send-key ctrl-alt-delete"]);
    let numbers = [29, 56, 211];
    let down = numbers.iter().map(|number| format!("0 Key(Qnum({number}), Down)"));
    let up = numbers.iter().rev().map(|number| format!("0 Key(Qnum({number}), Up)"));
    assert_eq!(scene.asked.split_off(scene.asked.len() - 6), down.chain(up).collect::<Vec<_>>());
}

#[test]
fn a_dialog_lets_go_of_held_keys_and_lies_over_the_picture() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    let before = scene.picture();
    input.key(keys::KEY_A, true).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(30), Down)");
    scene.play(&["action win.shortcuts"]);
    assert!(scene.asked.contains(&"0 Key(Qnum(30), Up)".to_owned()), "{:?}", scene.asked);
    input.key(keys::KEY_A, false).expect("a key");
    let window = scene.window().rect;
    let middle = (window.x + window.width / 2, window.y + window.height / 2);
    let at = |image: &Image| image.get(middle.0.unsigned_abs(), middle.1.unsigned_abs());
    scene.wait_for_picture("dialog", |image| at(image) != at(&before));
    input.tap(keys::KEY_ESC).expect("a key");
    scene.wait_for_state("dialog=false");
    scene.wait_for_picture("picture", |image| image.compare(&before).is_ok_and(|diff| diff.is_none()));
}

#[test]
fn fullscreen_hides_the_header_until_the_pointer_asks_for_it() {
    let mut scene = showing("guest", 1152, 864);
    let mut input = scene.input();
    input.move_to(600.0, 400.0).expect("a pointer");
    scene.play(&["action win.fullscreen"]);
    // The corners are the picture's: dark green and magenta on the stage.
    let is_picture = |image: &Image| image.get(900, 4)[2] < 40 && image.get(900, 4)[0] > 100;
    scene.wait_for_picture("fullscreen", is_picture);
    input.move_to(600.0, 0.0).expect("a pointer");
    scene.wait_for_picture("header", |image| !is_picture(image));
    input.move_to(600.0, 400.0).expect("a pointer");
    scene.wait_for_picture("fullscreen-again", is_picture);
}

#[test]
fn the_window_takes_its_size_from_the_picture_and_remembers_the_persons() {
    let mut scene = showing("guest", 640, 480);
    scene.wait_for_state("size=640x526");
    scene.play(&["picture 0 800 600"]);
    scene.wait_for_state("size=800x646");
    scene.play(&["size 700 500"]);
    scene.wait_for_state("size=700x500");
    scene.play(&["picture 0 640 480"]);
    scene.picture();
    scene.wait_for_state("size=700x500");
    scene.play(&["leave", "open guest", "live web", "console 0", "picture 0 640 480"]);
    scene.wait_for_state("size=700x500");
}

#[test]
fn consoles_are_chosen_and_may_go() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["console 1", "picture 1 320 240", "console-action 1"]);
    scene.play(&["action win.send-key f11"]);
    assert_eq!(scene.asked.last().map(String::as_str), Some("1 Key(Qnum(87), Up)"));
    scene.play(&["no-console 1", "action win.send-key f11"]);
    assert_eq!(scene.asked.last().map(String::as_str), Some("0 Key(Qnum(87), Up)"));
    scene.play(&["no-console 0"]);
    scene.wait_for_state("page=[No Display]");
}

#[test]
fn a_screenshot_lies_on_the_clipboard_in_the_guests_pixels() {
    let mut scene = showing("guest", 800, 600);
    // A compositor gives the clipboard to those whom the person works with.
    let mut input = scene.input();
    input.tap(keys::KEY_A).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(30), Up)");
    scene.play(&["size 500 400", "action win.copy-screenshot"]);
    wait_for_clipboard(&mut scene, "clipboard 800x600");
}

fn wait_for_clipboard(scene: &mut Scene, wanted: &str) {
    for _ in 0..100 {
        if scene.ask("clipboard", "clipboard ") == wanted {
            return;
        }
    }
    panic!("not on the clipboard: {wanted}");
}

#[test]
fn another_persons_machine_is_let_go() {
    let mut scene = showing("monitor", 640, 480);
    let window = scene.window();
    scene.sway.close(&window).expect("a window");
    scene.hear_until(|answer| answer == "close");
    assert!(!scene.asked.iter().any(|answer| answer.starts_with("power")), "{:?}", scene.asked);
}

#[test]
fn a_machine_of_our_own_is_asked_to_shut_down_first() {
    let mut scene = showing("owner", 640, 480);
    let window = scene.window();
    scene.sway.close(&window).expect("a window");
    scene.hear_until(|answer| answer == "power Down");
    scene.play(&["ended shutdown"]);
    assert_eq!(scene.asked.last().map(String::as_str), Some("close"));
    scene.sway.wait_for_no_window(Find::Id(window.id), LIMIT).expect("no window");
}

#[test]
fn a_machine_that_does_not_react_can_be_forced_off() {
    let mut scene = showing("owner", 640, 480);
    let mut input = scene.input();
    let window = scene.window();
    scene.sway.close(&window).expect("a window");
    scene.hear_until(|answer| answer == "power Down");
    scene.wait_for_state("focus=GtkButton dialog=true");
    // 'Keep Waiting' has the focus.
    input.tap(keys::KEY_ENTER).expect("a key");
    scene.wait_for_state("dialog=false");
    assert!(!scene.asked.iter().any(|answer| answer == "power Quit"), "{:?}", scene.asked);
    scene.sway.close(&window).expect("a window");
    scene.wait_for_state("focus=GtkButton dialog=true");
    input.chord(&[keys::KEY_LEFTALT, keys::KEY_F]).expect("keys");
    scene.hear_until(|answer| answer == "power Quit");
    scene.play(&["ended shutdown"]);
    scene.sway.wait_for_no_window(Find::Id(window.id), LIMIT).expect("no window");
}

#[test]
fn a_lost_machine_can_be_reconnected() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    scene.play(&["lost closed"]);
    scene.wait_for_state("focus=GtkButton");
    input.tap(keys::KEY_ENTER).expect("a key");
    scene.hear_until(|answer| answer == "reconnect");
}

/// Everything that makes the picture go behind the window or come to its front, one upon the other,
/// while every refresh of the screen is looked at.
#[test]
fn whatever_comes_over_the_picture_it_never_goes_dark() {
    let mut scene = showing("guest", 1152, 864);
    // At first there is neither a keyboard nor a pointer at all.
    let mut input = None;
    scene.wait_for_picture("first", |image| image.get(576, 432)[1] > 40);
    let dark = Arc::new(Mutex::new(Vec::new()));
    let found = dark.clone();
    let film = Film::start(&scene.sway, move |number, still| {
        // The middle, which is the picture's whether the window fills the screen or not. The picture
        // has no black anywhere, and what is drawn on it does not either.
        let (width, height) = still.size();
        let spots = |length: u32| (length * 3 / 10..length * 7 / 10).step_by(29);
        let is_dark = |(x, y): (u32, u32)| still.get(x, y)[..3].iter().all(|channel| *channel < 12);
        let spots = spots(height).flat_map(|y| spots(width).map(move |x| (x, y)));
        let count = spots.filter(|&spot| is_dark(spot)).count();
        if count > 0 {
            let mut found = found.lock().expect("a list");
            if found.is_empty() {
                still.image().keep("dark").expect("a file");
            }
            found.push((number, count));
        }
    })
    .expect("a film");
    for round in 0..6_u64 {
        // Sometimes the picture has come to the front, sometimes it is on its way.
        let pause = || std::thread::sleep(std::time::Duration::from_millis(1300 - round * 250));
        scene.play(&["action win.menu"]);
        drop(input.take());
        pause();
        input = Some(scene.new_input());
        pause();
        scene.play(&["close-menu", "action win.shortcuts"]);
        pause();
        scene.play(&["close-dialog", "action win.menu", "close-menu", "action win.about", "close-dialog"]);
        pause();
        scene.play(&["action win.fullscreen"]);
        let pointer = input.as_mut().expect("a pointer");
        pointer.move_to(600.0, 400.0).expect("a pointer");
        pause();
        pointer.move_to(600.0, 0.0).expect("a pointer");
        scene.play(&["action win.copy-screenshot"]);
        pause();
        pointer.move_to(600.0, 400.0).expect("a pointer");
        scene.play(&["action win.menu", "close-menu"]);
        pause();
        scene.play(&["action win.fullscreen"]);
        assert!(dark.lock().expect("a list").is_empty(), "{round}: {dark:?}");
    }
    drop(input);
    let pictures = film.finish().expect("a film to its end");
    assert!(dark.lock().expect("a list").is_empty(), "of {pictures} pictures: {dark:?}");
    assert!(pictures > 60, "{pictures} pictures of half a minute");
}

/// Every page, for people to look at: `cargo test --test window -- --ignored album`.
#[test]
#[ignore = "makes pictures for people"]
fn album() {
    let scale: f64 = std::env::var("ORIEL_ALBUM_SCALE").map_or(1.0, |text| text.parse().expect("a number"));
    let (width, height) = if scale > 1.0 { (1536, 1152) } else { (1152, 864) };
    let locale = std::env::var("ORIEL_ALBUM_LOCALE").unwrap_or_default();
    let mut scene = Scene::new(Output::new(width, height).scale(scale), &locale);
    let dark = std::env::var_os("ORIEL_ALBUM_DARK").is_some();
    if dark {
        scene.play(&["dark"]);
    }
    let size = std::env::var("ORIEL_ALBUM_SIZE").unwrap_or("800 600".to_owned());
    let size = format!("size {size}");
    let mut shots = 0;
    let mut shot = |scene: &mut Scene, name: &str| {
        shots += 1;
        let image = if name == "starting" { scene.glance() } else { scene.picture() };
        image.keep(&format!("album-{shots:02}-{name}")).expect("a file");
    };
    scene.play(&["open owner", &size, "starting"]);
    shot(&mut scene, "starting");
    scene.play(&["live Debian+13", "console 0"]);
    shot(&mut scene, "waiting");
    scene.play(&["picture 0 1024 640", &size]);
    shot(&mut scene, "picture");
    scene.play(&["action win.menu"]);
    shot(&mut scene, "menu");
    let mut input = scene.input();
    for _ in 0..3 {
        input.tap(keys::KEY_DOWN).expect("a key");
    }
    input.tap(keys::KEY_RIGHT).expect("a key");
    shot(&mut scene, "send-key");
    scene.play(&["close-menu", "console 1"]);
    scene.play(&["action win.shortcuts"]);
    shot(&mut scene, "shortcuts");
    scene.play(&["close-dialog", "action win.about"]);
    shot(&mut scene, "about");
    scene.play(&["close-dialog", "action win.force-off"]);
    shot(&mut scene, "force-off");
    scene.play(&["close-dialog", "action win.copy-screenshot"]);
    shot(&mut scene, "copied");
    scene.play(&["action win.fullscreen"]);
    shot(&mut scene, "fullscreen");
    input.move_to(300.0, 0.0).expect("a pointer");
    shot(&mut scene, "fullscreen-header");
    input.move_to(300.0, 300.0).expect("a pointer");
    scene.play(&["action win.fullscreen", "off 0"]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    shot(&mut scene, "asleep");
    for kind in ["closed", "taken", "none", "launch", "gone"] {
        scene.play(&[&format!("lost {kind}")]);
        shot(&mut scene, &format!("lost-{kind}"));
    }
    scene.play(&["action win.details"]);
    scene.play(&["lost launch", "close-dialog", "action win.details"]);
    shot(&mut scene, "details");
    scene.play(&["close-dialog"]);
    for kind in ["shutdown", "failed", "gone"] {
        scene.play(&[&format!("ended {kind}")]);
        shot(&mut scene, &format!("ended-{kind}"));
    }
}
