//! The pointer before a made-up machine: held and freed, told at once, in order and to the last part.

use harness::desk::{Desk, Output, Xvfb};
use harness::input::{Axis, Input, XInput, keys};
use harness::shot::Image;

use super::desk::LIMIT;
use super::{Scene, showing, stage};

/// A window whose picture has the pointer in its middle; the corner of the picture in the layout.
fn pointing(mode: &str) -> (Scene, Input, (f64, f64)) {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    scene.play(&[&format!("mode 0 {mode}")]);
    scene.wait_for_state("size=640x526");
    let window = scene.window().rect;
    let corner = (f64::from(window.x), f64::from(window.y + window.height - 480));
    input.move_to(corner.0 + 320.0, corner.1 + 240.0).expect("a pointer");
    (scene, input, corner)
}

/// Pushes from the middle of a picture by ten times this, and the part of it in which that ends.
pub(super) const AROUND: [((i32, i32), &str); 5] = [
    ((0, -90), "pointer 1 0"),
    ((-90, 0), "pointer 0 0"),
    ((0, 90), "pointer 0 2"),
    ((90, 0), "pointer 2 2"),
    ((-90, -90), "pointer 0 0"),
];

pub(super) fn wait_for_hold<D: Desk>(scene: &mut Scene<D>, held: bool) {
    scene.ask_until("hold", "hold ", |answer| answer == format!("hold {held}"));
}

/// Presses a key and waits until the guest hears it: whatever was done before has been told by then.
fn settle(scene: &mut Scene, input: &mut Input) -> Vec<String> {
    input.tap(keys::KEY_Z).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(44), Up)");
    std::mem::take(&mut scene.asked)
}

/// How far the guest's pointer was moved in all.
pub(super) fn moved(told: &[String]) -> (i32, i32) {
    let mut sum = (0, 0);
    for words in told.iter().filter_map(|line| line.strip_prefix("0 MoveBy { x: ")) {
        let (x, y) = words.trim_end_matches(" }").split_once(", y: ").expect("two numbers");
        sum = (sum.0 + x.parse::<i32>().expect("a number"), sum.1 + y.parse::<i32>().expect("a number"));
    }
    sum
}

fn click(scene: &mut Scene, input: &mut Input) {
    input.click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer == "0 Button(Left, Up)");
}

#[test]
fn a_click_locks_a_relative_pointer_and_the_combination_frees_it() {
    let (mut scene, mut input, corner) = pointing("relative");
    wait_for_hold(&mut scene, false);
    input.move_by(5.0, 5.0).expect("a pointer");
    assert_eq!(moved(&settle(&mut scene, &mut input)), (0, 0), "not before it is held");
    click(&mut scene, &mut input);
    wait_for_hold(&mut scene, true);
    scene.asked.clear();
    // Far beyond every edge of the screen, and in parts of counts.
    for _ in 0..1000 {
        input.move_by(3.25, -2.75).expect("a pointer");
    }
    let told = settle(&mut scene, &mut input);
    assert_eq!(moved(&told), (3250, -2750));

    scene.play(&["raw 0.5"]);
    for _ in 0..100 {
        input.move_by(-1.5, 0.5).expect("a pointer");
    }
    assert_eq!(moved(&settle(&mut scene, &mut input)), (-75, 25), "half as fast");

    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    wait_for_hold(&mut scene, false);
    scene.play(&["mode 0 absolute"]);
    scene.asked.clear();
    input.move_to(corner.0 + 10.5, corner.1 + 20.5).expect("a pointer");
    scene.hear_until(|answer| answer == "0 MoveTo((10, 20))");
}

#[test]
fn a_held_pointer_is_freed_when_the_guest_takes_to_an_absolute_one() {
    let (mut scene, mut input, corner) = pointing("relative");
    click(&mut scene, &mut input);
    wait_for_hold(&mut scene, true);
    scene.play(&["mode 0 absolute"]);
    wait_for_hold(&mut scene, false);
    input.move_to(corner.0 + 30.5, corner.1 + 40.5).expect("a pointer");
    scene.hear_until(|answer| answer == "0 MoveTo((30, 40))");
    // And the other way round, since the person is still there.
    scene.play(&["mode 0 relative"]);
    wait_for_hold(&mut scene, true);
    scene.play(&["lost closed"]);
    wait_for_hold(&mut scene, false);
}

#[test]
fn a_confined_pointer_goes_no_further_than_the_picture_but_the_guests_does() {
    let (mut scene, mut input, corner) = pointing("relative");
    scene.play(&["tie confine"]);
    click(&mut scene, &mut input);
    wait_for_hold(&mut scene, true);
    // The part of the window that it is held to counts from the window's next frame on.
    scene.picture();
    scene.asked.clear();
    for _ in 0..100 {
        input.move_by(0.0, -20.0).expect("a pointer");
    }
    assert_eq!(moved(&settle(&mut scene, &mut input)), (0, -2000));
    assert_eq!(scene.ask("pointer", "pointer "), "pointer 1 0", "at the upper edge");
    // It has stayed below the header: a click there is the guest's.
    click(&mut scene, &mut input);
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    wait_for_hold(&mut scene, false);
    scene.play(&["tie free"]);
    input.move_to(corner.0 + 100.0, corner.1 + 100.0).expect("a pointer");
    click(&mut scene, &mut input);
    wait_for_hold(&mut scene, false);
    scene.asked.clear();
    input.move_by(17.0, -4.0).expect("a pointer");
    assert_eq!(moved(&settle(&mut scene, &mut input)), (17, -4), "as far as it moves over the picture");
}

#[test]
fn preferences_are_those_of_consoles_that_come_later_too() {
    let (mut scene, mut input, _) = pointing("relative");
    scene.play(&[
        "set pointer-tie free",
        "no-console 0",
        "console 0",
        "picture 0 640 480",
        "mode 0 relative",
    ]);
    scene.wait_for_state("size=640x526");
    scene.picture();
    click(&mut scene, &mut input);
    settle(&mut scene, &mut input);
    // A pointer that is to be held tells of no movement before it is.
    input.move_by(17.0, -4.0).expect("a pointer");
    assert_eq!(moved(&settle(&mut scene, &mut input)), (17, -4));
    assert_eq!(scene.ask("hold", "hold "), "hold false");
}

/// What is done between two frames comes in the order in which it was done.
#[test]
fn motion_and_wheel_never_overtake_a_button() {
    for mode in ["relative", "absolute"] {
        let (mut scene, mut input, corner) = pointing(mode);
        click(&mut scene, &mut input);
        wait_for_hold(&mut scene, mode == "relative");
        settle(&mut scene, &mut input);
        scene.send("busy 300");
        let (mut x, mut expected) = (100.0, Vec::new());
        for round in 0..8 {
            let step = f64::from(round + 1);
            for _ in 0..3 {
                x += step;
                match mode {
                    "relative" => input.move_by(step, 0.0).expect("a pointer"),
                    _ => input.move_to(corner.0 + x + 0.5, corner.1 + 7.5).expect("a pointer"),
                }
            }
            expected.push(if mode == "relative" {
                format!("{}", 3 * (round + 1))
            } else {
                format!("at {x}")
            });
            let pressed = round % 2 == 0;
            input.button(keys::BTN_SIDE, pressed).expect("a button");
            expected.push(format!("side {pressed}"));
            if round % 3 == 0 {
                input.wheel(Axis::Vertical, 1).expect("a wheel");
                expected.push("wheel".to_owned());
            }
        }
        let told = settle(&mut scene, &mut input);
        assert_eq!(summary(&told), expected, "{mode}: {told:?}");
    }
}

/// Distances that follow each other as one, places only where something is done there.
fn summary(told: &[String]) -> Vec<String> {
    let (mut found, mut far, mut at) = (Vec::new(), 0, None);
    for line in told {
        let done = match line.as_str() {
            "0 Button(Side, Down)" => "side true",
            "0 Button(Side, Up)" => "side false",
            "0 Button(WheelDown, Down)" => "wheel",
            line => {
                far += moved(&[line.to_owned()]).0;
                if let Some(words) = line.strip_prefix("0 MoveTo((") {
                    at = words.split(',').next().map(str::to_owned);
                }
                continue;
            }
        };
        let pushed = std::mem::take(&mut far);
        found.extend((pushed != 0).then(|| pushed.to_string()));
        found.extend(at.take().map(|at| format!("at {at}")));
        found.push(done.to_owned());
    }
    found
}

#[test]
fn the_wheel_turns_by_parts_on_both_axes_and_every_button_arrives() {
    let (mut scene, mut input, _) = pointing("absolute");
    click(&mut scene, &mut input);
    for _ in 0..7 {
        input.wheel(Axis::Vertical, -1).expect("a wheel");
    }
    input.wheel(Axis::Horizontal, 3).expect("a wheel");
    // As fingers on a touch pad: ten units are a click, and what is left over stays.
    for _ in 0..25 {
        input.scroll(Axis::Vertical, 3.0).expect("a touch pad");
    }
    let told = settle(&mut scene, &mut input);
    let count =
        |button: &str| told.iter().filter(|line| **line == format!("0 Button({button}, Down)")).count();
    assert_eq!([count("WheelUp"), count("WheelDown"), count("WheelRight")], [7, 7, 3], "{told:?}");
    for (code, name) in [
        (keys::BTN_LEFT, "Left"),
        (keys::BTN_RIGHT, "Right"),
        (keys::BTN_MIDDLE, "Middle"),
        (keys::BTN_SIDE, "Side"),
        (keys::BTN_EXTRA, "Extra"),
    ] {
        input.click(code).expect("a button");
        scene.hear_until(|answer| answer == format!("0 Button({name}, Down)"));
        scene.hear_until(|answer| answer == format!("0 Button({name}, Up)"));
    }
}

#[test]
fn corners_are_exact_at_every_scale() {
    let mut scene = Scene::new(Output { scale: 1.0, width: 768, height: 576 }, "");
    scene.play(&["open guest", "live web", "console 0", "mode 0 absolute"]);
    let window = scene.window();
    scene.sway.on(&window, "floating disable").expect("a window");
    let mut input = scene.input();
    for (scale, height) in [(1.0, 530), (1.5, 507), (2.0, 484)] {
        scene.sway.set_scale("HEADLESS-1", scale).expect("a scale");
        input.layout_changed(&scene.sway).expect("a layout");
        // All of the screen but the header: nothing is rounded anywhere.
        scene.play(&[&format!("picture 0 768 {height}")]);
        scene.wait_for_state(&format!("size={}x{}", 768.0 / scale, 576.0 / scale));
        scene.wait_for_state("page=[]");
        let top = 576 - height;
        for (x, y) in [(0, 0), (767, 0), (0, height - 1), (767, height - 1), (301, 225)] {
            let at = |pixel: i32| (f64::from(pixel) + 0.5) / scale;
            input.move_to(at(x), at(y + top)).expect("a pointer");
            scene.hear_until(|answer| answer == format!("0 MoveTo(({x}, {y}))"));
            touch(&mut scene, (at(x), at(y + top)), (x, y));
        }
        // Turned and made smaller: wherever the pointer is, a finger is as well.
        scene.play(&["action win.rotate-right"]);
        scene.picture();
        for (x, y) in [(384, 300), (421, 97), (332, 488)] {
            let at = |pixel: i32| (f64::from(pixel) + 0.5) / scale;
            // What was said before is heard by then.
            scene.state();
            input.move_to(at(x), at(y)).expect("a pointer");
            let told = scene.hear_until(|answer| answer.starts_with("0 MoveTo"));
            let (x_there, y_there) =
                told["0 MoveTo((".len()..].trim_end_matches(')').split_once(", ").expect("two numbers");
            let number = |text: &str| text.parse::<i32>().expect("a number");
            assert_ne!((number(x_there), number(y_there)), (x, y - top), "it is turned");
            touch(&mut scene, (at(x), at(y)), (number(x_there), number(y_there)));
        }
        scene.play(&["action win.rotate-reset"]);
    }
}

/// A finger at this place of the layout, where the window fills all of it, is at that pixel of the guest's.
fn touch(scene: &mut Scene, (x, y): (f64, f64), guest: (i32, i32)) {
    scene.asked.clear();
    scene.play(&[&format!("touch begin {x} {y}"), &format!("touch end {x} {y}")]);
    let (x, y) = guest;
    scene.has_asked(&format!("0 Touch {{ touch: Begin, slot: 0, at: ({x}, {y}) }}"));
    scene.has_asked("0 Touch { touch: End, slot: 0");
}

/// Its end is told in another way than its beginning would have been.
#[test]
fn a_finger_that_is_a_mouse_lets_go_when_it_becomes_something_else() {
    let (mut scene, _input, _) = pointing("relative");
    scene.play(&["set touch mouse"]);
    for change in ["mode 0 absolute", "mode 0 relative", "set touch fingers"] {
        scene.state();
        scene.asked.clear();
        scene.play(&["touch begin 100 200"]);
        scene.has_asked("0 Button(Left, Down)");
        scene.send(change);
        scene.hear_until(|answer| answer == "0 Button(Left, Up)");
        scene.asked.clear();
        scene.play(&["touch update 110 210", "touch end 110 210"]);
        let told: Vec<_> = scene.asked.iter().filter(|told| told.starts_with("0 ")).collect();
        assert!(told.is_empty(), "{change}: nothing more of this finger: {told:?}");
    }
}

/// There is no window manager: nobody else moves the window or takes its keys.
#[test]
fn an_x_server_locks_a_pointer_without_taking_its_buttons() {
    let mut scene = Scene::of(Xvfb::start(1024, 768).expect("an X server"), "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480", "mode 0 relative"]);
    scene.wait_for_state("page=[]");
    XInput::new(&scene.sway).focus(".+").expect("a window");
    scene.wait_for_state("active=true");
    let tap = |scene: &mut Scene<Xvfb>| {
        XInput::new(&scene.sway).tap(keys::KEY_Z).expect("a key");
        scene.hear_until(|answer| answer == "0 Key(Qnum(44), Up)");
        std::mem::take(&mut scene.asked)
    };
    XInput::new(&scene.sway).move_to(500, 400).expect("a pointer");
    XInput::new(&scene.sway).click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer == "0 Button(Left, Up)");
    wait_for_hold(&mut scene, true);
    tap(&mut scene);
    for _ in 0..40 {
        XInput::new(&scene.sway).move_by(-50, 30).expect("a pointer");
    }
    assert_eq!(moved(&tap(&mut scene)), (-2000, 1200), "further than the screen is large");
    XInput::new(&scene.sway).click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer == "0 Button(Left, Up)");
    for pressed in [true, false] {
        for key in [keys::KEY_LEFTCTRL, keys::KEY_LEFTALT] {
            XInput::new(&scene.sway).key(key, pressed).expect("a key");
        }
    }
    wait_for_hold(&mut scene, false);
    scene.play(&["mode 0 absolute"]);
    scene.asked.clear();
    for x in [300, 301] {
        XInput::new(&scene.sway).move_to(x, 300).expect("a pointer");
    }
    scene.hear_until(|answer| answer.starts_with("0 MoveTo"));
}

#[test]
fn an_x_server_confines_a_pointer_to_the_picture_until_it_is_freed() {
    let mut scene = Scene::of(Xvfb::start(1024, 768).expect("an X server"), "");
    scene.play(&["open guest", "live web", "console 0", "picture 0 640 480", "mode 0 relative"]);
    scene.play(&["tie confine"]);
    scene.wait_for_state("page=[]");
    XInput::new(&scene.sway).focus(".+").expect("a window");
    scene.wait_for_state("active=true");
    XInput::new(&scene.sway).move_to(400, 300).expect("a pointer");
    XInput::new(&scene.sway).click(keys::BTN_LEFT).expect("a button");
    scene.hear_until(|answer| answer == "0 Button(Left, Up)");
    wait_for_hold(&mut scene, true);
    let push = |scene: &mut Scene<Xvfb>, (x, y): (i32, i32)| {
        scene.asked.clear();
        for _ in 0..10 {
            XInput::new(&scene.sway).move_by(x, y).expect("a pointer");
        }
        XInput::new(&scene.sway).tap(keys::KEY_Z).expect("a key");
        scene.hear_until(|answer| answer == "0 Key(Qnum(44), Up)");
        moved(&std::mem::take(&mut scene.asked))
    };
    for ((x, y), at) in AROUND {
        assert_eq!(push(&mut scene, (x, y)), (10 * x, 10 * y), "the guest's goes on");
        assert_eq!(scene.ask("pointer", "pointer "), at, "pushed by {x}, {y}");
    }
    for pressed in [true, false] {
        for key in [keys::KEY_LEFTCTRL, keys::KEY_LEFTALT] {
            XInput::new(&scene.sway).key(key, pressed).expect("a key");
        }
    }
    wait_for_hold(&mut scene, false);
    XInput::new(&scene.sway).move_by(20, -20).expect("a pointer");
    scene.ask_until("pointer", "pointer ", |at| at == "pointer elsewhere");
}

/// Of two pixels for each unit, too, each is where it belongs, and the pointer is on it.
#[test]
fn an_x_server_at_twice_the_scale_has_every_pixel_under_the_pointer() {
    let screen = Xvfb::start(1024, 768).expect("an X server").scale(2);
    let mut scene = Scene::of(screen, "");
    scene.play(&["open guest", "live web", "console 0", "mode 0 absolute"]);
    scene.play(&["action win.scaling one-to-one", "picture 0 640 480"]);
    scene.wait_for_state("page=[]");
    XInput::new(&scene.sway).focus(".+").expect("a window");
    scene.wait_for_state("active=true");
    XInput::new(&scene.sway).move_to(1000, 760).expect("a pointer");
    let picture = Image::from_fn(640, 480, |x, y| {
        let [blue, green, red, _] = stage::colour(x * 255 / 640, y * 255 / 480, (x / 32 + y / 32) % 2 == 0);
        [red, green, blue, 255]
    });
    let corner = scene.sway.wait_for_picture("x11-twice", LIMIT, |image| image.find(&picture, image.rect()));
    let corner = corner.unwrap_or_else(|error| panic!("{error}\n{}", scene.program.log()));
    scene.asked.clear();
    for (x, y) in [(0, 0), (639, 0), (0, 479), (639, 479), (301, 225), (302, 225)] {
        let at = (corner.0.cast_signed() + x, corner.1.cast_signed() + y);
        XInput::new(&scene.sway).move_to(at.0, at.1).expect("a pointer");
        scene.hear_until(|answer| answer == format!("0 MoveTo(({x}, {y}))"));
    }
}
