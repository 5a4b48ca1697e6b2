//! Who has the keyboard: the guest, the window or the desktop, and every way from one to the other.

use harness::desk::Desk;
use harness::dice::Dice;
use harness::input::{Input, keys};

use crate::desk::Scene;
use crate::showing;

pub(super) const GUEST: &str = "The machine has the keyboard";
const REFUSED: &str = "The desktop keeps its shortcuts";
pub(super) const SHARED: &str = "The desktop has its shortcuts";
pub(super) const WINDOW: &str = "The window has the keyboard";
pub(super) const NOBODY: &str = "The machine does not get any keys";

#[track_caller]
pub(super) fn wait_for<D: Desk>(scene: &mut Scene<D>, holder: &str) {
    let wanted = format!("keyboard {holder}");
    scene.ask_until("keyboard", "keyboard ", |heard| heard == wanted);
}

/// Clicks into the middle of the picture.
pub(super) fn click(scene: &mut Scene, input: &mut Input) {
    let window = scene.window().rect;
    let (x, y) = (window.x + window.width / 2, window.y + window.height / 2);
    input.move_to(f64::from(x), f64::from(y)).expect("a pointer");
    input.click(keys::BTN_LEFT).expect("a button");
}

/// A desktop with a shortcut of its own, which the machine's window is to get.
fn with_shortcut() -> (Scene, Input) {
    let mut scene = showing("guest", 640, 480);
    scene.sway.run("bindsym Mod4+x mark --add taken").expect("a shortcut");
    let input = scene.input();
    (scene, input)
}

/// Presses the desktop's shortcut and a key that is the guest's in any case; says whether the guest
/// had the shortcut.
fn guest_gets_shortcut(scene: &mut Scene, input: &mut Input) -> bool {
    scene.asked.clear();
    input.chord(&[keys::KEY_LEFTMETA, keys::KEY_X]).expect("keys");
    input.tap(keys::KEY_B).expect("a key");
    scene.hear_until(|answer| answer == "0 Key(Qnum(48), Up)");
    scene.asked.iter().any(|asked| asked == "0 Key(Qnum(45), Down)")
}

/// Waits until the guest is told this, and keeps it with the rest.
#[track_caller]
pub(super) fn hear<D: Desk>(scene: &mut Scene<D>, told: &str) {
    scene.hear_until(|answer| answer == told);
    scene.asked.push(told.to_owned());
}

/// Gives the guest the keyboard, and holds three keys in it.
pub(super) fn hold_keys(scene: &mut Scene, input: &mut Input, what: &str) {
    click(scene, input);
    wait_for(scene, GUEST);
    scene.asked.clear();
    for key in [keys::KEY_LEFTSHIFT, keys::KEY_A, keys::KEY_F5] {
        input.key(key, true).expect("a key");
    }
    hear(scene, "0 Key(Qnum(63), Down)");
    assert_eq!(held(&scene.asked).len(), 3, "{what}");
}

/// What the guest holds, going by all that it was told.
pub(super) fn held(asked: &[String]) -> Vec<String> {
    let mut held: Vec<String> = Vec::new();
    for told in asked {
        if let Some(key) = told.strip_suffix(", Down)") {
            held.push(key.to_owned());
        } else if let Some(key) = told.strip_suffix(", Up)") {
            held.retain(|one| one != key);
        }
    }
    held
}

#[test]
fn a_click_gives_the_guest_the_desktops_shortcuts_and_the_combination_takes_them_back() {
    let (mut scene, mut input) = with_shortcut();
    wait_for(&mut scene, SHARED);
    assert!(!guest_gets_shortcut(&mut scene, &mut input), "nobody has asked for it");
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
    assert!(guest_gets_shortcut(&mut scene, &mut input), "the desktop has let go of it");
    // Another combination with the same keys is the guest's.
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT, keys::KEY_T]).expect("keys");
    scene.hear_until(|answer| answer == "0 Key(Qnum(29), Up)");
    wait_for(&mut scene, GUEST);
    // And one of ours is nobody's way out.
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT, keys::KEY_I]).expect("keys");
    scene.hear_until(|answer| answer == "0 Key(Qnum(29), Up)");
    wait_for(&mut scene, GUEST);

    scene.asked.clear();
    input.key(keys::KEY_A, true).expect("a key");
    input.key(keys::KEY_A, false).expect("a key");
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    wait_for(&mut scene, WINDOW);
    assert!(held(&scene.asked).is_empty(), "{:?}", scene.asked);
    // Keys are for buttons and menus now.
    input.tap(keys::KEY_TAB).expect("a key");
    scene.ask_until("say", "state ", |state| !state.contains("focus=OrielDisplayView"));
    assert!(!scene.asked.iter().any(|asked| asked.contains("Qnum(15)")), "{:?}", scene.asked);
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
}

#[test]
fn a_desktop_that_refuses_is_named_and_may_think_better_of_it() {
    let (mut scene, mut input) = with_shortcut();
    scene.sway.run("seat * shortcuts_inhibitor disable").expect("a setting");
    click(&mut scene, &mut input);
    wait_for(&mut scene, REFUSED);
    assert!(!guest_gets_shortcut(&mut scene, &mut input), "the desktop keeps it");
    scene.sway.run("seat * shortcuts_inhibitor enable").expect("a setting");
    scene.play(&["action win.grab"]);
    scene.play(&["action win.grab"]);
    wait_for(&mut scene, GUEST);
}

#[test]
fn each_preference_has_its_moment() {
    let (mut scene, mut input) = with_shortcut();
    scene.play(&["set grab never"]);
    click(&mut scene, &mut input);
    wait_for(&mut scene, SHARED);
    scene.play(&["action win.grab"]);
    wait_for(&mut scene, GUEST);
    scene.play(&["action win.grab"]);
    wait_for(&mut scene, WINDOW);

    scene.play(&["set grab hover"]);
    input.move_to(1.0, 1.0).expect("a pointer");
    let window = scene.window().rect;
    input.move_to(f64::from(window.x + 50), f64::from(window.y + 200)).expect("a pointer");
    wait_for(&mut scene, GUEST);
    input.move_to(1.0, 1.0).expect("a pointer");
    wait_for(&mut scene, SHARED);

    scene.play(&["set grab fullscreen"]);
    click(&mut scene, &mut input);
    wait_for(&mut scene, SHARED);
    scene.play(&["action win.fullscreen"]);
    wait_for(&mut scene, GUEST);
    // Another combination than the usual one.
    scene.play(&["set release-keys RightCtrl"]);
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    scene.hear_until(|answer| answer == "0 Key(Qnum(29), Up)");
    wait_for(&mut scene, GUEST);
    scene.play(&["action win.fullscreen"]);
    wait_for(&mut scene, SHARED);
}

#[test]
fn whatever_takes_the_keyboard_away_nothing_stays_held() {
    let (mut scene, mut input) = with_shortcut();
    let ways: [(&str, &[&str], &[&str], &str); 4] = [
        ("a QEMU that hangs", &["answers no"], &["answers yes"], NOBODY),
        ("a dialog", &["action win.shortcuts"], &["close-dialog"], NOBODY),
        ("a lost connection", &["lost closed"], &["live web"], "-"),
        ("another window", &[], &[], NOBODY),
    ];
    for (what, there, back, holder) in ways {
        hold_keys(&mut scene, &mut input, what);
        if there.is_empty() {
            scene.sway.run("workspace other").expect("a workspace");
        }
        scene.play(there);
        wait_for(&mut scene, holder);
        assert!(held(&scene.asked).is_empty(), "{what}: {:?}", scene.asked);
        for key in [keys::KEY_LEFTSHIFT, keys::KEY_A, keys::KEY_F5] {
            input.key(key, false).expect("a key");
        }
        if there.is_empty() {
            scene.sway.run("workspace 1").expect("a workspace");
        }
        scene.play(back);
    }
}

#[test]
fn a_window_that_is_closed_leaves_nothing_held() {
    let (mut scene, mut input) = with_shortcut();
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
    scene.asked.clear();
    for key in [keys::KEY_LEFTSHIFT, keys::KEY_A] {
        input.key(key, true).expect("a key");
    }
    hear(&mut scene, "0 Key(Qnum(30), Down)");
    assert_eq!(held(&scene.asked).len(), 2);
    scene.sway.run("kill").expect("a window that closes");
    hear(&mut scene, "close");
    assert!(held(&scene.asked).is_empty(), "{:?}", scene.asked);
}

#[test]
fn a_console_that_comes_while_qemu_hangs_gets_no_keys_either() {
    let (mut scene, mut input) = with_shortcut();
    scene.play(&["answers no", "console 1", "picture 1 320 240", "console-action 1"]);
    scene.wait_for_state("focus=OrielDisplayView");
    input.tap(keys::KEY_B).expect("a key");
    // A key of the window's own comes after it.
    input.tap(OURS).expect("a key");
    scene.wait_for_state("fullscreen=true");
    scene.play(&["answers yes"]);
    wait_for(&mut scene, SHARED);
    input.tap(keys::KEY_A).expect("a key");
    scene.hear_until(|told| told == "1 Key(Qnum(30), Up)");
    assert!(!scene.asked.iter().any(|told| told.contains("Qnum(48)")), "{:?}", scene.asked);
}

/// Keys that are the window's; the host's layout has no symbol for many of the others.
const OURS: u32 = keys::KEY_F11;

#[test]
fn every_key_of_the_table_reaches_the_guest_once() {
    let (mut scene, mut input) = with_shortcut();
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
    for code in oriel::input::keymap::codes().filter(|code| *code != OURS) {
        let number = oriel::input::keymap::qnum(code).expect("it has one").0;
        scene.asked.clear();
        input.tap(code).expect("a key");
        let up = format!("0 Key(Qnum({number}), Up)");
        scene.hear_until(|answer| answer == up);
        scene.asked.retain(|asked| asked.starts_with("0 Key"));
        assert_eq!(scene.asked, [format!("0 Key(Qnum({number}), Down)")], "{code}");
    }
}

/// Presses what is the answer to a dialog.
fn answer(scene: &mut Scene, input: &mut Input) {
    // It is there before it has the keyboard.
    let has_focus =
        |state: &str| !["focus=OrielDisplayView", "focus= "].iter().any(|not| state.contains(not));
    scene.ask_until("say", "state ", |state| state.contains("dialog=true") && has_focus(state));
    input.tap(keys::KEY_ENTER).expect("a key");
}

#[test]
fn a_text_is_typed_and_can_be_stopped() {
    let (mut scene, mut input) = with_shortcut();
    scene.play(&["copy Hi"]);
    scene.play(&["action win.type-clipboard"]);
    answer(&mut scene, &mut input);
    scene.hear_until(|told| told == "0 Key(Qnum(23), Up)");
    let down: Vec<_> = scene.asked.iter().filter(|told| told.ends_with("Down)")).cloned().collect();
    let expected = [42, 35, 23].map(|number| format!("0 Key(Qnum({number}), Down)"));
    assert_eq!(down, expected, "Shift+H and I");
    scene.wait_for_state("dialog=false");

    // In the layout that the machine has, which is remembered; characters that need AltGr, too.
    for choice in [&["select German"][..], &[]] {
        scene.play(&["copy @zy", "action win.type-clipboard"]);
        scene.wait_for_state("dialog=true");
        scene.play(choice);
        scene.asked.clear();
        answer(&mut scene, &mut input);
        scene.hear_until(|told| told == "0 Key(Qnum(44), Up)");
        let down: Vec<_> = scene.asked.iter().filter(|told| told.ends_with("Down)")).cloned().collect();
        let expected = [184, 16, 21, 44].map(|number| format!("0 Key(Qnum({number}), Down)"));
        assert_eq!(down, expected, "AltGr+Q, and Y and Z are in each other's place");
        scene.wait_for_state("dialog=false");
    }

    // A long one is stopped in the middle of it, and nothing stays held.
    scene.play(&[&format!("copy {}", "long".repeat(4000))]);
    scene.asked.clear();
    scene.play(&["action win.type-clipboard"]);
    answer(&mut scene, &mut input);
    hear(&mut scene, "0 Key(Qnum(49), Down)");
    it_waits_for_a_machine_that_hangs(&mut scene);
    input.tap(keys::KEY_ESC).expect("a key");
    scene.wait_for_state("dialog=false");
    assert!(held(&scene.asked).is_empty(), "{:?}", held(&scene.asked));
    let typed = scene.asked.len();
    assert!(typed < 16_000, "it was not stopped");
    scene.play(&["say"]);
    let more: Vec<_> = scene.asked[typed..].iter().filter(|told| told.contains("Key")).collect();
    assert!(more.is_empty(), "it goes on: {more:?}");
}

/// It would take all of it at once later.
fn it_waits_for_a_machine_that_hangs(scene: &mut Scene) {
    scene.play(&["answers no"]);
    scene.ask_until("words", "words ", |words| words.contains("QEMU does not answer"));
    assert!(held(&scene.asked).is_empty(), "{:?}", held(&scene.asked));
    let typed = scene.asked.len();
    scene.picture();
    scene.state();
    let more: Vec<_> = scene.asked[typed..].iter().filter(|told| told.contains("Key")).collect();
    assert!(more.is_empty(), "it goes on: {more:?}");
    scene.play(&["answers yes"]);
    hear(scene, "0 Key(Qnum(49), Down)");
}

#[test]
fn lock_keys_are_pressed_in_the_guest_as_the_host_has_them_and_its_lights_are_shown() {
    let (mut scene, mut input) = with_shortcut();
    // What comes with the keyboard comes before the key that follows it.
    let come_back = |scene: &mut Scene, input: &mut Input| {
        scene.sway.run("workspace 1").expect("a workspace");
        scene.wait_for_state("active=true");
        input.tap(keys::KEY_B).expect("a key");
        scene.hear_until(|told| told == "0 Key(Qnum(48), Up)");
        scene.asked.retain(|told| told.contains("Key") && !told.contains("Qnum(48)"));
        std::mem::take(&mut scene.asked)
    };
    let leave = |scene: &mut Scene| {
        scene.sway.run("workspace other").expect("a workspace");
        scene.wait_for_state("active=false");
        scene.asked.clear();
    };
    let tap = |number: u8| ["Down", "Up"].map(|press| format!("0 Key(Qnum({number}), {press})"));
    scene.play(&["leds 0 0"]);
    leave(&mut scene);
    input.tap(keys::KEY_CAPSLOCK).expect("a key");
    assert!(come_back(&mut scene, &mut input).is_empty(), "a guest that has shown no lights");
    scene.play(&["leds 0 2"]);
    assert_eq!(scene.ask("lights", "lights "), "lights On in the machine: Num Lock");
    leave(&mut scene);
    assert_eq!(come_back(&mut scene, &mut input), [tap(58), tap(69)].concat(), "Caps Lock, and not Num Lock");
    // Nothing is pressed again, whatever else is told of the machine.
    scene.play(&["mode 0 absolute"]);
    leave(&mut scene);
    assert!(come_back(&mut scene, &mut input).is_empty());
    scene.play(&["leds 0 4"]);
    assert_eq!(scene.ask("lights", "lights "), "lights On in the machine: Caps Lock");
    leave(&mut scene);
    input.tap(keys::KEY_CAPSLOCK).expect("a key");
    assert_eq!(come_back(&mut scene, &mut input), tap(58));
    scene.play(&["leds 0 0"]);
    assert_eq!(scene.ask("lights", "lights"), "lights");
}

#[test]
fn keys_of_the_persons_own_are_sent_and_remembered() {
    let (mut scene, mut input) = with_shortcut();
    scene.play(&["action win.other-keys"]);
    scene.wait_for_state("dialog=true");
    input.type_text("ctrl+alt+del").expect("a text");
    answer(&mut scene, &mut input);
    scene.hear_until(|told| told == "0 Key(Qnum(29), Up)");
    let sent: Vec<_> = scene.asked.iter().filter(|told| told.ends_with("Down)")).cloned().collect();
    assert_eq!(sent, [29, 56, 211].map(|number| format!("0 Key(Qnum({number}), Down)")));
    // In another window of the same machine, too.
    scene.play(&["leave", "open guest", "live web", "console 0", "picture 0 640 480"]);
    let keys = scene.ask("combinations", "combinations ");
    assert_eq!(keys, "combinations Ctrl+Alt+Del");
    scene.play(&["action win.send-combination Ctrl+Alt+Del"]);
    scene.has_asked("0 Key(Qnum(211), Down)");
}

#[test]
fn keys_and_buttons_in_any_order_leave_nothing_held() {
    let (mut scene, mut input) = with_shortcut();
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
    let choice = [
        keys::KEY_A,
        keys::KEY_S,
        keys::KEY_LEFTSHIFT,
        keys::KEY_LEFTCTRL,
        keys::KEY_LEFTALT,
        keys::KEY_LEFTMETA,
        keys::KEY_CAPSLOCK,
    ];
    let buttons = [keys::BTN_LEFT, keys::BTN_RIGHT];
    let (mut dice, mut down) = (Dice::default(), Vec::<u32>::new());
    for event in 1..=1200 {
        let is_button = dice.throw(5) == 0;
        let code =
            if is_button { buttons[dice.throw(buttons.len())] } else { choice[dice.throw(choice.len())] };
        let press = !down.contains(&code);
        down.retain(|one| *one != code);
        down.extend(press.then_some(code));
        if is_button { input.button(code, press) } else { input.key(code, press) }.expect("input");
        if event % 200 == 0 {
            scene.sway.run("workspace other").expect("a workspace");
            wait_for(&mut scene, NOBODY);
            assert!(held(&scene.asked).is_empty(), "after {event}: {:?}", held(&scene.asked));
            scene.sway.run("workspace 1").expect("a workspace");
            scene.wait_for_state("active=true");
            for code in std::mem::take(&mut down) {
                let done = if code > 255 { input.button(code, false) } else { input.key(code, false) };
                done.expect("input");
            }
            click(&mut scene, &mut input);
            wait_for(&mut scene, GUEST);
        }
    }
}

#[test]
fn sticky_keys_hold_modifiers_in_the_guest_and_free_the_keyboard() {
    /// Masks of xkb.
    const CTRL: u32 = 1 << 2;
    const ALT: u32 = 1 << 3;
    let (mut scene, mut input) = with_shortcut();
    click(&mut scene, &mut input);
    wait_for(&mut scene, GUEST);
    scene.asked.clear();
    input.latch(CTRL).expect("modifiers");
    scene.hear_until(|told| told == "0 Key(Qnum(29), Down)");
    input.latch(0).expect("modifiers");
    scene.hear_until(|told| told == "0 Key(Qnum(29), Up)");
    input.latch(CTRL).expect("modifiers");
    input.latch(CTRL | ALT).expect("modifiers");
    wait_for(&mut scene, WINDOW);
    assert!(held(&scene.asked).is_empty(), "{:?}", scene.asked);
}
