//! The guest that follows the window, and the window that follows the guest.

use std::time::Duration;

use harness::shot::Image;

use super::{SCREEN, Scene, showing};

/// Longer than a window keeps its size before the guest hears of it.
const SETTLED: Duration = Duration::from_millis(900);

/// The next wish, as a size.
fn wish(scene: &mut Scene) -> (u32, u32) {
    let is_wish = |answer: &str| answer.starts_with("0 wish ");
    let heard = match scene.asked.iter().position(|asked| is_wish(asked)) {
        Some(place) => scene.asked.remove(place),
        None => scene.hear_until(is_wish),
    };
    size(heard.split(' ').nth(2).expect("a size"), '×')
}

fn size(text: &str, between: char) -> (u32, u32) {
    let (width, height) = text.split_once(between).expect("a size");
    (width.parse().expect("a width"), height.parse().expect("a height"))
}

/// No wish comes, although there was time for it.
fn nothing_is_asked(scene: &mut Scene) {
    scene.asked.clear();
    std::thread::sleep(SETTLED);
    scene.state();
    assert!(!scene.asked.iter().any(|asked| asked.contains(" wish ")), "{:?}", scene.asked);
}

/// The window's own size, with its header bar.
fn window(scene: &mut Scene) -> (u32, u32) {
    let state = scene.state();
    size(state.split("size=").nth(1).and_then(|rest| rest.split(' ').next()).expect("a size"), 'x')
}

#[test]
fn a_window_of_the_pictures_size_asks_for_nothing_and_follows() {
    let mut scene = showing("guest", 640, 480);
    nothing_is_asked(&mut scene);
    let (_, height) = window(&mut scene);
    let header = height - 480;
    for (width, height) in [(800, 600), (512, 384), (720, 400)] {
        scene.play(&[&format!("picture 0 {width} {height}")]);
        scene.wait_for_state(&format!("size={width}x{}", height + header));
    }
    nothing_is_asked(&mut scene);
}

#[test]
fn the_guest_follows_a_window_that_the_person_resizes() {
    let mut scene = showing("guest", 640, 480);
    let header = window(&mut scene).1 - 480;
    scene.play(&["size 903 701"]);
    assert_eq!(wish(&mut scene), (903, 701 - header));
    scene.play(&["answer obey"]);
    nothing_is_asked(&mut scene);
    assert_eq!(window(&mut scene), (903, 701), "it stays");
    // The guest's own choice: the window had the picture's natural size.
    scene.play(&["picture 0 800 600"]);
    scene.wait_for_state(&format!("size=800x{}", 600 + header));
    nothing_is_asked(&mut scene);
    // Not so now.
    scene.play(&["size 1000 640"]);
    assert_eq!(wish(&mut scene), (1000, 640 - header));
    scene.play(&["answer ignore", "picture 0 640 480"]);
    nothing_is_asked(&mut scene);
    assert_eq!(window(&mut scene), (1000, 640), "it never jumps");
}

/// A vGPU's modes are of whole cells.
#[test]
fn the_width_is_one_that_the_device_has() {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&["open guest", "live web", "vgpu 0", "picture 0 640 480"]);
    scene.wait_for_state("page=[]");
    let header = window(&mut scene).1 - 480;
    scene.play(&["size 903 701"]);
    assert_eq!(wish(&mut scene), (896, 701 - header));
    scene.play(&["answer obey"]);
    nothing_is_asked(&mut scene);
}

#[test]
fn a_turned_picture_has_its_sides_the_other_way_round() {
    let mut scene = showing("guest", 640, 480);
    let header = window(&mut scene).1 - 480;
    scene.play(&["action win.rotate-right"]);
    scene.wait_for_state(&format!("size=480x{}", 640 + header));
    nothing_is_asked(&mut scene);
    scene.play(&["size 600 760"]);
    assert_eq!(wish(&mut scene), (760 - header, 600));
}

#[test]
fn following_is_a_choice() {
    let mut scene = showing("guest", 640, 480);
    let header = window(&mut scene).1 - 480;
    scene.play(&["action win.follow never", "size 904 700"]);
    nothing_is_asked(&mut scene);
    scene.play(&["action win.resolution 1024x768"]);
    assert_eq!(wish(&mut scene), (1024, 768));
    scene.play(&["answer obey"]);
    assert_eq!(window(&mut scene), (904, 700));

    scene.play(&["action win.follow fullscreen"]);
    nothing_is_asked(&mut scene);
    scene.play(&["action win.fullscreen"]);
    assert_eq!(wish(&mut scene), (SCREEN.width, SCREEN.height));
    scene.play(&["answer obey", "action win.fullscreen"]);
    assert_eq!(wish(&mut scene), (1024, 768), "as before");
    scene.play(&["answer obey", "action win.follow window"]);
    assert_eq!(wish(&mut scene), (904, 700 - header));
    scene.play(&["answer obey"]);
    nothing_is_asked(&mut scene);
}

#[test]
fn a_maximised_window_gives_its_size_back() {
    let mut scene = showing("guest", 640, 480);
    let before = window(&mut scene);
    let header = before.1 - 480;
    scene.play(&["action win.fullscreen"]);
    assert_eq!(wish(&mut scene), (SCREEN.width, SCREEN.height));
    scene.play(&["answer obey", "action win.fullscreen"]);
    assert_eq!(wish(&mut scene), (640, before.1 - header));
    scene.play(&["answer obey"]);
    nothing_is_asked(&mut scene);
    assert_eq!(window(&mut scene), before);
}

#[test]
fn why_a_guest_does_not_follow_is_said() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["size 904 700"]);
    wish(&mut scene);
    scene.play(&["answer unsupported"]);
    let said = scene.ask_until("toasts", "toasts ", |said| said.contains("cannot be resized"));
    assert!(said.contains("Details"), "{said}");
    // It is not bothered again, unless the person wants it.
    scene.play(&["size 800 640"]);
    nothing_is_asked(&mut scene);
    scene.play(&["action win.resolution-status"]);
    scene.wait_for_state("dialog=true");
    scene.play(&["close-dialog", "action win.ask-again"]);
    wish(&mut scene);
    scene.play(&["answer failed"]);
    scene.ask_until("toasts", "toasts ", |said| said.contains("QEMU does not answer"));
    for dialog in ["custom-resolution", "keep-resolution"] {
        scene.wait_for_state("dialog=false");
        scene.play(&[&format!("action win.{dialog}")]);
        scene.wait_for_state("dialog=true");
        scene.play(&["close-dialog"]);
    }
}

#[test]
fn a_guest_that_came_back_is_asked_again() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["size 904 700"]);
    let asked = wish(&mut scene);
    scene.play(&["answer obey", "lost closed", "live web"]);
    assert_eq!(wish(&mut scene), asked);
    scene.play(&["answer accept"]);
    nothing_is_asked(&mut scene);
}

/// A mode larger or smaller than the last one is right without leaving fullscreen.
#[test]
fn in_fullscreen_every_mode_is_right_at_once() {
    let mut scene = showing("guest", SCREEN.width, SCREEN.height);
    let mut input = scene.input();
    input.move_to(600.0, 400.0).expect("a pointer");
    scene.play(&["action win.follow never", "action win.fullscreen"]);
    // Red grows to the right and blue downwards, with every other tile darker.
    let is_whole = |image: &Image| {
        let (right, bottom) = (image.width() - 1, image.height() - 1);
        let at = |x, y| image.get(x, y);
        let (red, blue) = (|x, y| at(x, y)[0], |x, y| at(x, y)[2]);
        red(2, 2) < 10
            && blue(2, 2) < 10
            && red(right, 2) > 180
            && blue(2, bottom) > 180
            && red(right, bottom) > 180
            && blue(right, bottom) > 180
    };
    scene.wait_for_picture("fullscreen", is_whole);
    for (width, height) in [(576, 432), (2304, 1728), (320, 240), (SCREEN.width, SCREEN.height)] {
        scene.play(&[&format!("picture 0 {width} {height}")]);
        scene.wait_for_picture(&format!("fullscreen-{width}"), is_whole);
        let whole = scene.picture();
        assert!(is_whole(&whole), "it stays so");
    }
}
