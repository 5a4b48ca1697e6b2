//! The window before made-up machines, on a desktop without a screen.

#[path = "window/around.rs"]
mod around;
#[path = "window/clipboard.rs"]
mod clipboard;
#[path = "window/cursor.rs"]
mod cursor;
#[path = "window/desk.rs"]
mod desk;
#[path = "window/keyboard.rs"]
mod keyboard;
#[path = "window/library.rs"]
mod library;
#[path = "window/lock.rs"]
mod lock;
#[path = "window/looks.rs"]
mod looks;
#[path = "window/manager.rs"]
mod manager;
#[path = "window/mutter.rs"]
mod mutter;
#[path = "window/panning.rs"]
mod panning;
#[path = "window/pointer.rs"]
mod pointer;
#[path = "window/reader.rs"]
mod reader;
#[cfg(feature = "libvirt")]
#[path = "window/ready.rs"]
mod ready;
#[path = "window/resolution.rs"]
mod resolution;
#[path = "window/stage.rs"]
mod stage;
#[path = "window/x11.rs"]
mod x11;

use std::sync::{Arc, Mutex};

use desk::{LIMIT, Scene};
use harness::desk::{Film, Find, Output};
use harness::input::keys;
use harness::shot::Image;

/// The test as which this program, started once more, shows the window.
const STAGE: &str = "every_state_has_a_page_of_its_own";

const SCREEN: Output = Output { width: 1152, height: 864, scale: 1.0 };

/// A window that shows a picture of this size.
fn showing(hold: &str, width: u32, height: u32) -> Scene {
    let mut scene = Scene::new(SCREEN, "");
    let picture = format!("picture 0 {width} {height}");
    scene.play(&[&format!("open {hold}"), "live web", "console 0", &picture]);
    scene.wait_for_state("page=[]");
    scene
}

/// Also the process that the others start, each on a desktop of its own.
#[test]
fn every_state_has_a_page_of_its_own() {
    if stage::is_wanted() {
        return stage::run();
    }
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
        ("lost taken", "Shown Elsewhere"),
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

#[test]
fn statistics_lie_over_the_picture_and_leave_it_the_pointer() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    let before = scene.picture();
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT, keys::KEY_I]).expect("keys");
    scene.wait_for_state("panel=true");
    scene.play(&["map 0 640 480"]);
    for words in ["Way|Direct: the guest’s own buffer", "|640×480, XR24|", " updates/s|"] {
        scene.wait_for_facts(words);
    }
    // Both rates are counted: first there is nothing to count, then there is.
    let rate = |facts: &str, name: &str, unit: &str| {
        let value = facts.split_once(&format!("{name}|"))?.1.split_once(unit)?.0;
        value.parse::<f64>().ok()
    };
    let rates =
        |facts: &str| Some((rate(facts, "Guest", " updates/s")?, rate(facts, "Screen", " frames/s")?));
    let deadline = std::time::Instant::now() + LIMIT;
    loop {
        // The guest draws all the time.
        scene.play(&["picture 0 640 480"]);
        let facts = scene.ask("facts", "facts ");
        if rates(&facts).is_some_and(|(guest, screen)| guest > 0.0 && screen > 0.0) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{facts}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // And both rest with the guest.
    scene.ask_until("facts", "facts ", |facts| rates(facts) == Some((0.0, 0.0)));
    // The panel is dark, and seen although the picture lies on a surface of its own.
    let window = scene.window().rect;
    let corner = (window.x.unsigned_abs() + 20, window.y.unsigned_abs() + 46 + 20);
    let at = |image: &Image| image.get(corner.0, corner.1);
    scene.wait_for_picture("statistics", |image| at(image) != at(&before));
    // A click on it is the guest's.
    input.move_to(f64::from(corner.0), f64::from(corner.1)).expect("a pointer");
    input.click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer.starts_with("0 Button(Left, Up"));
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT, keys::KEY_I]).expect("keys");
    scene.wait_for_state("panel=false");
    assert!(!scene.asked.iter().any(|answer| answer.contains("Qnum(23)")), "I is not the guest's");
}

#[test]
fn a_refused_picture_leaves_the_last_one_and_says_so() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["refused 0 640 480"]);
    scene.wait_for_state("banner=[A picture (640×480, XR24, I915_Y_TILED) cannot be shown: ");
    // The last one makes room for the banner; it is not gone.
    let window = scene.window().rect;
    let middle = (window.x + window.width / 2, window.y + window.height * 3 / 4);
    let at = |image: &Image| image.get(middle.0.unsigned_abs(), middle.1.unsigned_abs());
    for covered in ["set statistics true", "set statistics false"] {
        scene.play(&[covered]);
        let seen = scene.picture();
        assert!(at(&seen)[..3].iter().any(|channel| *channel > 60), "{covered}: {:?}", at(&seen));
    }
    scene.play(&["picture 0 640 480"]);
    scene.wait_for_state("banner=[]");
}

#[test]
fn diagnostics_are_copied_as_text() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    input.tap(keys::KEY_A).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(30), Up)");
    scene.play(&["action win.copy-diagnostics"]);
    let text = scene.ask_until("text", "text ", |text| text.contains("Software"));
    for words in [
        "|  Oriel: ",
        "|  Way: copy, pixels exact|",
        "|  Console: 0 virtio-gpu-pci, graphic, head 0 of pci/0000/02.0, virtio-gpu, shown|",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
}

#[test]
fn a_machine_with_several_screens_has_a_menu_of_them() {
    let mut scene = showing("guest", 640, 480);
    assert_eq!(scene.ask("consoles", "consoles"), "consoles");
    scene.play(&["console 1", "text-console 2", "picture 1 320 240"]);
    let offered = scene.ask("consoles", "consoles ");
    assert_eq!(
        offered,
        "consoles _Automatic|virtio-gpu-pci (PCI 02.0)|virtio-gpu-pci.1 (PCI 02.0)|Text|virtio-gpu-pci.2 (PCI 02.0)|Move to a _Window|_Hide"
    );
    scene.play(&["console-action 1"]);
    scene.wait_for_state("title=[virtio-gpu-pci.1]");
    assert!(scene.asked.contains(&"choose Console(ConsoleId(1))".to_owned()), "{:?}", scene.asked);
    // What was chosen is remembered.
    scene.play(&["leave", "open guest", "console 0", "console 1", "live web"]);
    scene.wait_for_state("title=[virtio-gpu-pci.1]");
    scene.play(&["console-action -1"]);
    scene.wait_for_state("title=[virtio-gpu-pci.1]");
    scene.play(&["active 0"]);
    scene.wait_for_state("title=[virtio-gpu-pci]");
    scene.play(&["active 1"]);
    scene.wait_for_state("title=[virtio-gpu-pci.1]");
    scene.play(&["no-console 1", "text-console 2"]);
    scene.wait_for_state("title=[virtio-gpu-pci]");
}

#[test]
fn preferences_take_effect_at_once() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["map 0 640 480", "set statistics true"]);
    scene.wait_for_facts("Way|Direct: the guest’s own buffer");
    scene.play(&["set present copy"]);
    scene.wait_for_facts("Way|Copied: what changes, by the processor|Because|another way was asked for");
    scene.play(&["set present gtk"]);
    scene.wait_for_facts("Way|GTK: a texture that it draws");
    scene.play(&["set present auto"]);
    scene.wait_for_facts("Way|Direct: the guest’s own buffer");
    scene.play(&["set raise-rate false"]);
    assert_eq!(scene.asked.last().map(String::as_str), Some("boost Off"));
    scene.play(&["set raise-rate true", "set raise-rate-of-libvirt true"]);
    assert_eq!(scene.asked[scene.asked.len() - 2..], ["boost Auto", "boost Everywhere"]);
    scene.play(&["action win.preferences"]);
    scene.wait_for_state("dialog=true");
    scene.play(&["close-dialog", "set statistics false"]);
    scene.wait_for_state("panel=false");
}

#[test]
fn a_virtual_gpu_without_ramfb_says_how_to_see_the_firmware() {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&["open guest", "live web", "vgpu 0"]);
    scene.wait_for_state("page=[Nothing to See Before the Driver]");
    let mut input = scene.input();
    input.tap(keys::KEY_A).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(30), Up)");
    scene.play(&["action win.copy-ramfb libvirt"]);
    scene.ask_until("text", "text ", |text| text.contains("display='on' ramfb='on'"));
    scene.play(&["action win.copy-ramfb qemu"]);
    scene.ask_until("text", "text ", |text| {
        text.contains("vfio-pci-nohotplug,") && text.contains(",ramfb=on")
    });
    // QEMU's own notice is a picture, and has this size.
    scene.play(&["picture 0 640 480"]);
    scene.wait_for_state("banner=[The firmware cannot draw");
    scene.play(&["picture 0 800 600"]);
    scene.wait_for_state("banner=[]");
}

#[test]
fn heads_are_tabs_or_windows_as_the_person_likes() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["console 1", "console 2"]);
    assert_eq!(scene.ask("windows", "windows"), "windows *virtio-gpu-pci", "the guest uses one");
    scene.play(&["picture 1 320 240", "active 1"]);
    assert_eq!(scene.ask("windows", "windows"), "windows virtio-gpu-pci,*virtio-gpu-pci.1");
    scene.play(&["picture 2 400 300", "to-window 1"]);
    scene.ask_until("windows", "windows ", |windows| {
        windows == "windows *virtio-gpu-pci.1|virtio-gpu-pci,*virtio-gpu-pci.2"
    });
    // What the person does is the console's whose window has the attention.
    let side = wait_for_title(&scene, "virtio-gpu-pci.1 of web");
    let mut input = scene.new_input();
    scene.sway.focus(&side).expect("a window");
    scene.wait_for_focus("virtio-gpu-pci.1 of web");
    input.key(keys::KEY_A, true).expect("a key");
    scene.hear_until(|answer| answer == "1 Key(Qnum(30), Down)");
    let main = wait_for_title(&scene, "virtio-gpu-pci.2 of web");
    scene.sway.focus(&main).expect("a window");
    scene.hear_until(|answer| answer == "1 Key(Qnum(30), Up)");
    input.key(keys::KEY_A, false).expect("a key");
    scene.wait_for_focus("virtio-gpu-pci.2 of web");
    input.tap(keys::KEY_B).expect("a key");
    scene.hear_until(|answer| answer == "2 Key(Qnum(48), Up)");
    // It is remembered, and can be taken back.
    scene.play(&["leave", "open guest", "live web"]);
    scene.play(&["console 0", "picture 0 640 480", "console 1", "picture 1 320 240"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci|*virtio-gpu-pci.1");
    scene.play(&["to-tab 1"]);
    scene.ask_until("windows", "windows ", |windows| {
        windows.starts_with("windows *virtio-gpu-pci,virtio-gpu-pci.1")
    });
}

#[test]
fn a_disabled_head_is_hidden_and_comes_back() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["console 1", "picture 1 320 240", "to-window 1"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci|*virtio-gpu-pci.1");
    scene.play(&["unused 1"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci");
    scene.play(&["picture 1 320 240"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci|*virtio-gpu-pci.1");
    // The main window's own one: its window goes with it.
    scene.play(&["unused 0"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci.1");
    scene.play(&["picture 0 640 480"]);
    scene.ask_until("windows", "windows ", |windows| windows.matches("virtio-gpu-pci").count() == 2);
    // And one that is gone for good.
    scene.play(&["no-console 1"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci");
}

#[test]
fn the_last_window_to_be_closed_lets_go_of_the_machine() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["console 1", "picture 1 320 240", "to-window 1"]);
    // The window of one head hides that head.
    let side = wait_for_title(&scene, "virtio-gpu-pci.1 of web");
    scene.sway.close(&side).expect("a window");
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci");
    scene.play(&["console-action 1"]);
    wait_for_title(&scene, "virtio-gpu-pci.1 of web");
    let main = wait_for_title(&scene, "virtio-gpu-pci of web");
    scene.sway.close(&main).expect("a window");
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci.1");
    scene.sway.wait_for_no_window(Find::Id(main.id), LIMIT).expect("no window");
    assert!(!scene.asked.iter().any(|answer| answer == "close"), "{:?}", scene.asked);
    // It can be had back.
    scene.play(&["console-action 0"]);
    let main = wait_for_title(&scene, "virtio-gpu-pci of web");
    scene.sway.close(&main).expect("a window");
    scene.sway.wait_for_no_window(Find::Id(main.id), LIMIT).expect("no window");
    // One that is alone has the machine's name.
    let last = scene.sway.wait_for_windows("the last window", LIMIT, |windows| match windows {
        [last] if last.title == "web" => Some(last.clone()),
        _ => None,
    });
    scene.sway.close(&last.expect("a window")).expect("a window");
    scene.hear_until(|answer| answer == "close");
}

#[test]
fn a_text_console_is_shown_as_one() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["text-console 2", "console-action 2"]);
    scene.wait_for_state("page=[Text Console]");
    assert_eq!(scene.ask("windows", "windows"), "windows virtio-gpu-pci,*virtio-gpu-pci.2");
    scene.play(&["hide-console 2"]);
    scene.wait_for_state("page=[]");
}

fn wait_for_title(scene: &Scene, title: &str) -> harness::desk::Window {
    scene.sway.wait_for_window(Find::Title(title), LIMIT).expect("a window")
}

#[test]
fn each_console_fills_a_monitor_and_the_guest_hears_where() {
    let mut scene = Scene::on(vec![SCREEN, Output::new(1536, 864).scale(1.5)], "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480", "console 1"]);
    scene.play(&["action win.fullscreen-all"]);
    scene.has_asked("0 wish 1152×864 at (0, 0) ");
    scene.has_asked("1 wish 1536×864 at (1152, 0) ");
    // The guest obeys.
    scene.play(&["picture 0 1152 864", "picture 1 1536 864"]);
    wait_for_monitors(&scene, &["HEADLESS-1", "HEADLESS-2"]);
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci|*virtio-gpu-pci.1");
    // It switches one off, and on again.
    scene.play(&["unused 1"]);
    wait_for_monitors(&scene, &["HEADLESS-1"]);
    scene.play(&["picture 1 1536 864"]);
    wait_for_monitors(&scene, &["HEADLESS-1", "HEADLESS-2"]);
    // Who leaves one leaves all.
    let mut input = scene.new_input();
    let main = wait_for_title(&scene, "virtio-gpu-pci of web");
    scene.sway.focus(&main).expect("a window");
    scene.wait_for_focus("virtio-gpu-pci of web");
    input.tap(keys::KEY_F11).expect("a key");
    scene.ask_until("windows", "windows ", |windows| windows == "windows *virtio-gpu-pci,virtio-gpu-pci.1");
    wait_for_monitors(&scene, &[]);
}

#[test]
fn a_console_has_its_monitor_again() {
    let mut scene = Scene::on(vec![SCREEN, SCREEN], "");
    let again = ["live web", "console 0", "picture 0 640 480", "console 1", "picture 1 640 480"];
    scene.play(&["open guest"]);
    scene.play(&again);
    scene.play(&["action win.fullscreen-on HEADLESS-2"]);
    wait_for_monitors(&scene, &["HEADLESS-2"]);
    scene.play(&["leave", "open guest"]);
    scene.play(&again);
    scene.play(&["action win.fullscreen-all"]);
    scene.has_asked("0 wish 1152×864 at (1152, 0) ");
    scene.has_asked("1 wish 1152×864 at (0, 0) ");
    wait_for_monitors(&scene, &["HEADLESS-1", "HEADLESS-2"]);
}

/// Waits until these outputs are filled, and no others.
fn wait_for_monitors(scene: &Scene, wanted: &[&str]) {
    let filled = scene.sway.wait_for_windows("filled monitors", LIMIT, |windows| {
        let mut filled: Vec<_> =
            windows.iter().filter(|window| window.fullscreen).map(|window| window.output.as_str()).collect();
        filled.sort_unstable();
        (filled == wanted).then_some(())
    });
    filled.expect("the windows");
}
