//! The same hands on GNOME's compositor, which has input of its own for this and no screenshots.

use harness::desk::HeadlessMutter;
use harness::input::{Axis, RemoteInput, keys};

use super::desk::Scene;
use super::keyboard::{GUEST, SHARED, WINDOW, held, wait_for};
use super::pointer::{AROUND, moved, wait_for_hold};

/// The only screen, which the window fills: places of one are places of the other.
const SIZE: (u32, u32) = (800, 600);

struct Person {
    // In the order in which they are to end.
    input: RemoteInput,
    scene: Scene<HeadlessMutter>,
}

impl Person {
    fn sit_down() -> Self {
        let desk = HeadlessMutter::start(SIZE.0, SIZE.1).expect("a mutter");
        let input = RemoteInput::connect(&desk).expect("devices");
        let mut scene = Scene::of(desk, "");
        let picture = format!("picture 0 {} {}", SIZE.0, SIZE.1);
        scene.play(&["open guest fullscreen", "live web", "console 0", &picture]);
        scene.wait_for_state(&format!("size={}x{}", SIZE.0, SIZE.1));
        scene.wait_for_state("page=[]");
        scene.wait_for_state("active=true");
        Self { input, scene }
    }

    /// Clicks into the middle of the picture until the guest has the keyboard.
    fn take_keyboard(&mut self) {
        self.input.move_to(f64::from(SIZE.0) / 2.0, f64::from(SIZE.1) / 2.0).expect("a pointer");
        self.input.click(keys::BTN_LEFT).expect("a button");
        wait_for(&mut self.scene, GUEST);
    }

    /// Presses a key and waits until the guest hears it: whatever was done before has been told by then.
    fn settle(&mut self) -> Vec<String> {
        self.input.tap(keys::KEY_Z).expect("a key");
        self.scene.hear_until(|answer| answer == "0 Key(Qnum(44), Up)");
        std::mem::take(&mut self.scene.asked)
    }

    fn shortcuts(&mut self) {
        let shortcut = [keys::KEY_LEFTMETA, keys::KEY_X];
        self.take_keyboard();
        self.input.chord(&shortcut).expect("keys");
        assert!(self.settle().contains(&"0 Key(Qnum(45), Down)".to_owned()), "it is the guest's");
        self.scene.wait_for_state("fullscreen=true");
        // GNOME's own way out.
        self.input.chord(&[keys::KEY_LEFTMETA, keys::KEY_ESC]).expect("keys");
        wait_for(&mut self.scene, SHARED);
        assert!(held(&self.scene.asked).is_empty(), "{:?}", self.scene.asked);
        self.scene.asked.clear();
        for fills in [false, true] {
            self.input.chord(&shortcut).expect("keys");
            self.scene.wait_for_state(&format!("fullscreen={fills}"));
        }
        assert!(!self.scene.asked.contains(&"0 Key(Qnum(45), Down)".to_owned()), "it is the desktop's");
        // And ours.
        self.take_keyboard();
        self.input.key(keys::KEY_A, true).expect("a key");
        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
        wait_for(&mut self.scene, GUEST);
        self.input.key(keys::KEY_A, false).expect("a key");
        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
        wait_for(&mut self.scene, WINDOW);
        assert!(held(&self.scene.asked).is_empty(), "{:?}", self.scene.asked);
    }

    fn every_key_once(&mut self) {
        self.take_keyboard();
        for code in oriel::input::keymap::codes().filter(|code| *code != keys::KEY_F11) {
            let number = oriel::input::keymap::qnum(code).expect("it has one").0;
            self.scene.asked.clear();
            self.input.tap(code).expect("a key");
            let up = format!("0 Key(Qnum({number}), Up)");
            self.scene.hear_until(|answer| answer == up);
            self.scene.asked.retain(|asked| asked.starts_with("0 Key"));
            assert_eq!(self.scene.asked, [format!("0 Key(Qnum({number}), Down)")], "{code}");
        }
    }

    fn held_pointer(&mut self) {
        self.scene.play(&["mode 0 relative"]);
        self.take_keyboard();
        wait_for_hold(&mut self.scene, true);
        self.settle();
        // Further than the screen is large, in parts, and no faster than a mouse tells of it.
        let mut sum = (0, 0);
        for _ in 0..100 {
            for _ in 0..10 {
                self.input.move_by(3.25, -2.75).expect("a pointer");
            }
            let pushed = moved(&self.settle());
            sum = (sum.0 + pushed.0, sum.1 + pushed.1);
        }
        assert_eq!(sum, (3250, -2750));
        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
        wait_for_hold(&mut self.scene, false);
        self.scene.play(&["mode 0 absolute"]);
        self.scene.asked.clear();
        for (x, y) in [(1, 300), (799, 300), (400, 599), (301, 225)] {
            let at = |pixel: i32| f64::from(pixel) + 0.5;
            self.input.move_to(at(x), at(y)).expect("a pointer");
            self.scene.hear_until(|answer| answer == format!("0 MoveTo(({x}, {y}))"));
        }
    }

    /// In a window that has a header for the pointer to go to.
    fn confined_pointer(&mut self) {
        self.scene.play(&["mode 0 relative", "tie confine", "action win.fullscreen"]);
        self.scene.wait_for_state("fullscreen=false");
        self.take_keyboard();
        wait_for_hold(&mut self.scene, true);
        self.settle();
        for ((x, y), at) in AROUND {
            for _ in 0..10 {
                self.input.move_by(x.into(), y.into()).expect("a pointer");
            }
            let far = (10 * x, 10 * y);
            // A part of a count may be left from the way there.
            let by = moved(&self.settle());
            assert!((by.0 - far.0).abs() <= 1 && (by.1 - far.1).abs() <= 1, "the guest's goes on: {by:?}");
            assert_eq!(self.scene.ask("pointer", "pointer "), at, "pushed by {x}, {y}");
        }
        self.input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
        wait_for_hold(&mut self.scene, false);
        self.input.move_by(20.0, -20.0).expect("a pointer");
        self.scene.ask_until("pointer", "pointer ", |at| at == "pointer elsewhere");
        self.scene.play(&["tie lock", "mode 0 absolute", "action win.fullscreen"]);
        self.scene.wait_for_state("fullscreen=true");
    }

    fn wheel_and_buttons(&mut self) {
        self.take_keyboard();
        self.settle();
        self.input.wheel(Axis::Vertical, -4).expect("a wheel");
        self.input.wheel(Axis::Horizontal, 3).expect("a wheel");
        for _ in 0..25 {
            self.input.scroll(Axis::Vertical, 3.0).expect("a touch pad");
        }
        let told = self.settle();
        let count =
            |button: &str| told.iter().filter(|line| **line == format!("0 Button({button}, Down)")).count();
        assert_eq!([count("WheelUp"), count("WheelDown"), count("WheelRight")], [4, 7, 3], "{told:?}");
        for (code, name) in [(keys::BTN_SIDE, "Side"), (keys::BTN_EXTRA, "Extra"), (keys::BTN_RIGHT, "Right")]
        {
            self.input.click(code).expect("a button");
            self.scene.hear_until(|answer| answer == format!("0 Button({name}, Up)"));
        }
    }

    /// Two fingers that come, move and go, one that stays when the guest's hands are taken from it, and
    /// one that is a mouse.
    fn fingers(&mut self) {
        self.take_keyboard();
        self.settle();
        let hear = |scene: &mut Scene<HeadlessMutter>, told: &str| {
            let told = format!("0 Touch {{ touch: {told} }}");
            scene.hear_until(|answer| answer == told);
        };
        self.input.touch(0, 100.5, 200.5).expect("a finger");
        hear(&mut self.scene, "Begin, slot: 0, at: (100, 200)");
        self.input.touch(1, 300.5, 210.5).expect("a finger");
        hear(&mut self.scene, "Begin, slot: 1, at: (300, 210)");
        self.input.slide(1, 310.5, 220.5).expect("a finger");
        hear(&mut self.scene, "Update, slot: 1, at: (310, 220)");
        self.input.lift(0).expect("a finger");
        hear(&mut self.scene, "End, slot: 0, at: (100, 200)");
        self.input.slide(1, 320.5, 230.5).expect("a finger");
        hear(&mut self.scene, "Update, slot: 1, at: (320, 230)");
        self.scene.send("lost closed");
        hear(&mut self.scene, "Cancel, slot: 1, at: (320, 230)");
        self.input.lift(1).expect("a finger");
        self.scene.play(&["live web", "set touch mouse"]);
        self.scene.wait_for_state("page=[]");
        self.input.touch(0, 120.5, 130.5).expect("a finger");
        self.scene.hear_until(|answer| answer == "0 MoveTo((120, 130))");
        self.scene.hear_until(|answer| answer == "0 Button(Left, Down)");
        self.input.slide(0, 140.5, 150.5).expect("a finger");
        self.scene.hear_until(|answer| answer == "0 MoveTo((140, 150))");
        self.input.lift(0).expect("a finger");
        self.scene.hear_until(|answer| answer == "0 Button(Left, Up)");
    }
}

#[test]
fn on_gnome_keys_pointer_and_fingers_are_the_guests_and_come_back() {
    let mut person = Person::sit_down();
    person.scene.play(&["mode 0 absolute"]);
    person.shortcuts();
    person.every_key_once();
    person.held_pointer();
    person.confined_pointer();
    person.wheel_and_buttons();
    person.fingers();
}
