//! Size, turn, filter and pan of the picture in a whole window.

use std::thread;
use std::time::Duration;

use harness::input::keys;

use super::showing;

const OURS: [u32; 2] = [keys::KEY_LEFTCTRL, keys::KEY_LEFTALT];

fn chord(key: u32) -> [u32; 3] {
    [OURS[0], OURS[1], key]
}

#[test]
fn zoom_keys_are_ours_and_the_arrows_only_while_there_is_more_to_see() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    scene.play(&["set statistics true", "action win.scaling one-to-one"]);
    scene.wait_for_facts("Pixels|exact");
    input.chord(&chord(keys::KEY_EQUAL)).expect("keys");
    scene.wait_for_facts("Pixels|scaled by the compositor");
    input.chord(&chord(keys::KEY_0)).expect("keys");
    scene.wait_for_facts("Pixels|exact");
    // All of it is seen: the arrow is the guest's.
    input.chord(&chord(keys::KEY_LEFT)).expect("keys");
    scene.hear_until(|answer| answer == "0 Key(Qnum(203), Up)");
    scene.play(&["picture 0 1600 1200", "size 640 480", "set statistics false"]);
    let before = scene.picture();
    input.chord(&chord(keys::KEY_RIGHT)).expect("keys");
    scene.wait_for_picture("moved", |image| *image != before);
    for theirs in ["Qnum(13)", "Qnum(11)", "Qnum(205)"] {
        assert!(!scene.asked.iter().any(|answer| answer.contains(theirs)), "{theirs}: {:?}", scene.asked);
    }
}

#[test]
fn a_turned_picture_is_pointed_at_as_it_is_seen() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["action win.scaling one-to-one", "action win.rotate-right", "tie free"]);
    let window = scene.window().rect;
    let mut input = scene.input();
    let (x, y) = (f64::from(window.x) + 300.0, f64::from(window.y) + 300.0);
    for step in 0..5 {
        input.move_to(x + 20.0 * f64::from(step), y).expect("a pointer");
        // GTK unites motions of one of its frames, the first of which only says where the pointer is.
        thread::sleep(Duration::from_millis(200));
    }
    // The guest's top is at the right.
    scene.hear_until(|answer| answer.starts_with("0 MoveBy { x: 0, y: -"));
}
