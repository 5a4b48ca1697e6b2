//! Moving about on a picture that is larger than the window: by its edges, and by scroll bars.

use std::cell::RefCell;

use harness::desk::Desk;
use harness::input::{Input, keys};
use harness::process::wait_until;
use harness::shot::Image;

use super::SCREEN;
use super::desk::{LIMIT, Scene};
use super::stage::paint::Pattern;

/// The guest's screen, 1:1 on a smaller one of ours.
const GUEST: (u32, u32) = (1600, 1200);

/// How much of the guest's screen is not seen, across and down.
const HIDDEN: (u32, u32) = (GUEST.0 - SCREEN.width, GUEST.1 - SCREEN.height);

/// What may lie over the picture at the screen's edges: scroll bars.
const EDGE: u32 = 24;

/// Of the pointer's own picture: how far it reaches from where it is.
const POINTER: u32 = 40;

/// Where the pointer disturbs nothing.
const AWAY: (u32, u32) = (500, 400);

fn fullscreen() -> (Scene, Input) {
    let mut scene = Scene::new(SCREEN, "");
    scene.play(&[
        "open guest",
        "live web",
        "console 0",
        "mode 0 absolute",
        "action win.follow never",
        &format!("draw 0 unique {} {}", GUEST.0, GUEST.1),
    ]);
    scene.wait_for_state("page=[]");
    scene.play(&["action win.scaling one-to-one", "action win.fullscreen"]);
    scene.wait_for_state("fullscreen=true");
    scene.ask_until("toasts", "toasts ", |toasts| toasts.contains("F11"));
    scene.play(&["close-toast"]);
    let input = scene.input();
    (scene, input)
}

/// Which part of the guest's screen is seen, if all of that is, pixel for pixel, but for the edges and the
/// pointer.
fn seen(image: &Image, pointer: (u32, u32)) -> Option<(u32, u32)> {
    let [red, green, blue, _] = image.get(SCREEN.width / 2, SCREEN.height / 2);
    let place = u32::from_be_bytes([0, red, green, blue]);
    let from =
        ((place >> 12).checked_sub(SCREEN.width / 2)?, (place & 0xfff).checked_sub(SCREEN.height / 2)?);
    let is_near = |at: u32, pointer: u32| at.abs_diff(pointer) < POINTER;
    let places = (EDGE..SCREEN.height - EDGE).flat_map(|y| (EDGE..SCREEN.width - EDGE).map(move |x| (x, y)));
    let exact = places
        .filter(|(x, y)| !(is_near(*x, pointer.0) && is_near(*y, pointer.1)))
        .all(|(x, y)| image.get(x, y)[..3] == Pattern::Unique.pixel(GUEST, x + from.0, y + from.1));
    exact.then_some(from)
}

/// Waits until this part of the guest's screen is seen, while the pointer is there.
fn wait_for(
    scene: &Scene,
    name: &str,
    pointer: (u32, u32),
    wanted: impl Fn((u32, u32)) -> bool,
) -> (u32, u32) {
    let last = RefCell::new(None);
    let found = scene.sway.wait_for_picture(name, LIMIT, |image| {
        let part = seen(image, pointer);
        last.replace(part);
        part.filter(|part| wanted(*part))
    });
    found.unwrap_or_else(|error| panic!("{error}: {:?} is seen\n{}", last.borrow(), scene.program.log()))
}

#[test]
fn the_pointer_at_an_edge_pushes_a_larger_picture_to_its_end() {
    let (mut scene, mut input) = fullscreen();
    input.move_to(f64::from(AWAY.0), f64::from(AWAY.1)).expect("a pointer");
    wait_for(&scene, "middle", AWAY, |part| part == (HIDDEN.0 / 2, HIDDEN.1 / 2));
    let (right, bottom) = (SCREEN.width - 1, SCREEN.height - 1);
    let (across, down) = (HIDDEN.0, HIDDEN.1);
    // Not to the top: there the header bar comes.
    for (name, (x, y), part) in [
        ("right", (right, 300), (across, HIDDEN.1 / 2)),
        // Where a bar appears.
        ("bottom", (700, bottom - 8), (across, down)),
        ("left", (0, 300), (0, down)),
    ] {
        scene.asked.clear();
        input.move_to(f64::from(x), f64::from(y)).expect("a pointer");
        wait_for(&scene, name, (x, y), |seen| seen == part);
        // The guest's own pointer is on the pixel that is seen under ours.
        let told = format!("0 MoveTo(({}, {}))", x + part.0, y + part.1);
        if !scene.asked.contains(&told) {
            scene.hear_until(|answer| answer == told);
        }
        // Away from the edge it stays.
        input.move_to(f64::from(AWAY.0), f64::from(AWAY.1)).expect("a pointer");
        let told = format!("0 MoveTo(({}, {}))", AWAY.0 + part.0, AWAY.1 + part.1);
        scene.hear_until(|answer| answer == told);
        assert_eq!(wait_for(&scene, "still", AWAY, |_| true), part);
        // A bar that is still seen would be what the pointer comes to next.
        let gone = wait_until("bars that are gone", LIMIT, || {
            let seen = ["Horizontal", "Vertical"].map(|side| bar(&mut scene, side).is_some());
            Ok((seen == [false; 2]).then_some(()))
        });
        gone.unwrap_or_else(|error| panic!("{error}\n{}", scene.program.log()));
    }
}

/// A bar that is seen.
#[derive(Debug, Clone, Copy)]
struct Bar {
    /// Its corner and size on the screen.
    at: (f64, f64),
    size: (f64, f64),
    value: f64,
    page: f64,
    upper: f64,
}

/// The bar across or down, once it is seen.
fn bar(scene: &mut Scene, orientation: &str) -> Option<Bar> {
    let told = scene.ask("bars", "bars ");
    let words = told.strip_prefix("bars ")?.split('|').find(|bar| bar.starts_with(orientation))?;
    let numbers: Vec<f64> = words.split(' ').skip(1).map(|word| word.parse().expect("a number")).collect();
    let [x, y, width, height, value, page, upper] = numbers[..] else { panic!("{words}") };
    Some(Bar { at: (x, y), size: (width, height), value, page, upper })
}

/// Has the bars appear, and takes the pointer to the slider of one before they go again.
fn hover(scene: &mut Scene, input: &mut Input, orientation: &str) -> Bar {
    let deadline = std::time::Instant::now() + LIMIT;
    loop {
        scene.play(&["action win.pan-left", "action win.pan-up"]);
        if let Some(bar) = bar(scene, orientation) {
            let middle = (bar.value + bar.page / 2.0) / bar.upper;
            let along = |at: f64, length: f64| at + length * middle;
            // The slider is at the far side of its bar.
            let (x, y) = match orientation {
                "Horizontal" => (along(bar.at.0, bar.size.0), bar.at.1 + bar.size.1 - 3.0),
                _ => (bar.at.0 + bar.size.0 - 3.0, along(bar.at.1, bar.size.1)),
            };
            input.move_to(x, y).expect("a pointer");
            let is_on_it = scene.ask("bars", "bars ").contains(&format!("{orientation} "));
            if is_on_it {
                return bar;
            }
        }
        assert!(std::time::Instant::now() < deadline, "no bar\n{}", scene.program.log());
    }
}

#[test]
fn scroll_bars_move_a_larger_picture() {
    let (mut scene, mut input) = fullscreen();
    for orientation in ["Horizontal", "Vertical"] {
        let found = hover(&mut scene, &mut input, orientation);
        scene.asked.clear();
        input.button(keys::BTN_LEFT, true).expect("a button");
        let (dx, dy) = if orientation == "Horizontal" { (5.0, 0.0) } else { (0.0, 5.0) };
        (0..10).for_each(|_| input.move_by(dx, dy).expect("a pointer"));
        input.button(keys::BTN_LEFT, false).expect("a button");
        let far = |now: &Bar| now.value > found.value + 20.0;
        let moved = wait_until("a slider that moved", LIMIT, || Ok(bar(&mut scene, orientation).filter(far)));
        let moved = moved.unwrap_or_else(|error| panic!("{error}\n{}", scene.program.log())).value;
        input.move_to(f64::from(AWAY.0), f64::from(AWAY.1)).expect("a pointer");
        wait_for(&scene, orientation, AWAY, |part| {
            f64::from(if orientation == "Horizontal" { part.0 } else { part.1 }) == moved
        });
        assert!(!scene.asked.iter().any(|asked| asked.contains("Button")), "{:?}", scene.asked);
    }
}
