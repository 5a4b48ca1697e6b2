//! Sway: exact pictures at every scale, input to the code, windows to the pixel.

use std::time::Duration;

use harness::{
    Result,
    desk::{Desk, Find, Layout, Output, Sway, SwayConfig, Window},
    input::{Axis, Input, keys},
    process::wait_until,
    shot::Rect,
};

use crate::client::{APP_ID, Client, Event, pattern};

const LIMIT: Duration = Duration::from_secs(10);

fn desk(outputs: &[Output]) -> Result<Sway> {
    Sway::start(SwayConfig { outputs: outputs.to_vec(), layout: Layout::Floating, ..SwayConfig::default() })
}

fn shown(sway: &Sway, rect: Rect) -> Result<(Client, Window)> {
    let client = Client::start(&sway.socket()?, rect.width, rect.height)?;
    let window = sway.wait_for_window(Find::AppId(APP_ID), LIMIT)?;
    let window = sway.place(&window, rect)?;
    Ok((client, window))
}

/// A rectangle whose edges are whole device pixels at quarters of a scale.
const PLACE: Rect = Rect { x: 40, y: 80, width: 320, height: 240 };

#[track_caller]
fn expect_pattern(sway: &Sway, output: &str, scale: f64, place: Rect, name: &str) -> Result<()> {
    #[allow(clippy::cast_possible_truncation)]
    let device = |n: i32| (f64::from(n) * scale).round() as i32;
    let rect = Rect::new(device(place.x), device(place.y), device(place.width), device(place.height));
    let want = pattern(rect.width.unsigned_abs(), rect.height.unsigned_abs());
    let mut last = None;
    let seen = wait_until(name, LIMIT, || {
        let got = sway.shot_of(output)?.crop(rect);
        let same = got.compare(&want)?.is_none();
        last = Some(got);
        Ok(same.then_some(()))
    });
    match (seen, last) {
        (Err(_), Some(got)) => got.expect(&want, name),
        (seen, _) => seen,
    }
}

#[test]
fn pictures_are_exact_at_every_scale() -> Result<()> {
    // Modes that are multiples of the scale's numerator.
    let scales = [(1.0, 1280, 720), (1.25, 1280, 720), (1.5, 1284, 720), (1.75, 1288, 728), (2.0, 1280, 720)];
    for (scale, width, height) in scales {
        let sway = desk(&[Output::new(width, height).scale(scale)])?;
        let whole = sway.screenshot()?;
        assert_eq!((whole.width(), whole.height()), (width, height), "at scale {scale}");
        let (_client, _) = shown(&sway, PLACE)?;
        expect_pattern(&sway, "HEADLESS-1", scale, PLACE, &format!("scale-{scale}"))?;
    }
    Ok(())
}

#[test]
fn scale_and_output_change_under_a_window() -> Result<()> {
    let sway = desk(&[Output::new(1280, 720)])?;
    let (_client, window) = shown(&sway, PLACE)?;
    expect_pattern(&sway, "HEADLESS-1", 1.0, PLACE, "before")?;
    sway.set_scale("HEADLESS-1", 1.25)?;
    expect_pattern(&sway, "HEADLESS-1", 1.25, PLACE, "scaled")?;

    let second = sway.add_output(Output::new(1284, 720).scale(1.5))?;
    let outputs = sway.outputs()?;
    assert_eq!(outputs.len(), 2);
    let left = outputs[1].rect.x;
    sway.move_to_output(&window, &second)?;
    let moved = sway.place(&window, Rect { x: left + PLACE.x, ..PLACE })?;
    assert_eq!(moved.output, second);
    expect_pattern(&sway, &second, 1.5, PLACE, "moved")?;

    sway.remove_output(&second)?;
    sway.wait_for_windows("window back on the first output", LIMIT, |windows| {
        windows.iter().any(|one| one.id == window.id && one.output == "HEADLESS-1").then_some(())
    })
}

#[test]
fn windows_are_found_filled_hidden_shown_and_closed() -> Result<()> {
    let sway = desk(&[Output::new(1280, 720)])?;
    let (client, window) = shown(&sway, PLACE)?;
    assert_eq!((window.rect, window.title.as_str(), window.pid), (PLACE, "pattern", std::process::id()));
    assert_eq!(sway.window(Find::Title("pattern"))?.map(|one| one.id), Some(window.id));
    assert_eq!(sway.window(Find::Title("another"))?, None);

    sway.fullscreen(&window, true)?;
    expect_pattern(&sway, "HEADLESS-1", 1.0, Rect::new(0, 0, 1280, 720), "fullscreen")?;
    sway.fullscreen(&window, false)?;
    expect_pattern(&sway, "HEADLESS-1", 1.0, PLACE, "normal")?;

    sway.hide(&window)?;
    let hidden = sway.window(Find::Id(window.id))?.expect("it is still mapped");
    assert!(!hidden.visible);
    sway.unhide(&window)?;
    assert!(sway.window(Find::Id(window.id))?.expect("it is mapped").visible);

    sway.close(&window)?;
    client.expect(&Event::Close)?;
    drop(client);
    sway.wait_for_no_window(Find::AppId(APP_ID), LIMIT)
}

#[test]
fn keys_arrive_with_their_codes_and_modifiers() -> Result<()> {
    let sway = desk(&[Output::new(1280, 720)])?;
    let mut input = Input::connect(&sway)?;
    let (client, window) = shown(&sway, PLACE)?;
    sway.focus(&window)?;
    // Codes with and without a symbol in the layout, also above the 127 of the old keyboards.
    for code in [
        keys::KEY_A,
        keys::KEY_ENTER,
        keys::KEY_102ND,
        keys::KEY_RO,
        keys::KEY_SYSRQ,
        keys::KEY_PAUSE,
        183,
        247,
    ] {
        input.tap(code)?;
        client.expect(&Event::Key { code, pressed: true })?;
        client.expect(&Event::Key { code, pressed: false })?;
    }
    input.type_text("A")?;
    client.expect(&Event::Key { code: keys::KEY_LEFTSHIFT, pressed: true })?;
    client.expect(&Event::Modifiers { held: 1, locked: 0 })?;
    client.expect(&Event::Key { code: keys::KEY_A, pressed: true })?;
    client.expect(&Event::Modifiers { held: 0, locked: 0 })?;
    input.tap(keys::KEY_CAPSLOCK)?;
    client.expect(&Event::Modifiers { held: 0, locked: 2 })
}

#[test]
fn the_pointer_goes_where_it_is_sent() -> Result<()> {
    let sway = desk(&[Output::new(1284, 720).scale(1.5), Output::new(1280, 720)])?;
    let mut input = Input::connect(&sway)?;
    // On the second output, so that positions are those of the whole layout.
    let place = Rect::new(856 + 100, 50, 320, 240);
    let (client, _) = shown(&sway, place)?;
    input.move_to(f64::from(place.x) + 10.0, f64::from(place.y) + 20.0)?;
    client.expect(&Event::Motion { x: 10.0, y: 20.0 })?;
    input.move_to(f64::from(place.x) + 33.25, f64::from(place.y) + 7.5)?;
    client.expect(&Event::Motion { x: 33.25, y: 7.5 })?;
    input.move_by(-3.25, 2.5)?;
    client.expect(&Event::Motion { x: 30.0, y: 10.0 })?;
    for code in [keys::BTN_LEFT, keys::BTN_RIGHT, keys::BTN_MIDDLE, keys::BTN_SIDE] {
        input.click(code)?;
        client.expect(&Event::Button { code, pressed: true })?;
        client.expect(&Event::Button { code, pressed: false })?;
    }
    assert!(input.move_to(5000.0, 0.0).is_err());
    Ok(())
}

#[test]
fn wheels_turn_by_notches_and_fingers_by_pixels() -> Result<()> {
    let sway = desk(&[Output::new(1280, 720)])?;
    let mut input = Input::connect(&sway)?;
    let (client, window) = shown(&sway, PLACE)?;
    input.move_to(f64::from(window.rect.x + 5), f64::from(window.rect.y + 5))?;
    input.wheel(Axis::Vertical, 2)?;
    client.expect(&Event::Notches { vertical: true, count: 2 })?;
    input.wheel(Axis::Horizontal, -1)?;
    client.expect(&Event::Notches { vertical: false, count: -1 })?;
    input.scroll(Axis::Vertical, 7.5)?;
    client.expect(&Event::Axis { vertical: true, value: 7.5 })
}

#[test]
fn nothing_is_left_when_a_desktop_ends() -> Result<()> {
    let sway = desk(&[Output::new(640, 480)])?;
    let dir = sway.session().scope().path().to_owned();
    // A process in a session of its own, which no process group reaches.
    let mut stray = sway.command("setsid");
    stray.args(["--fork", "sleep", "600"]);
    let mut starter = sway.spawn("stray", stray)?;
    starter.wait(LIMIT)?;
    let mark = format!("HARNESS_SCOPE={}", dir.display());
    assert!(marked(&mark) >= 3, "sway, bus and stray");
    drop(starter);
    drop(sway);
    assert_eq!(marked(&mark), 0);
    assert!(!dir.exists());
    Ok(())
}

fn marked(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let environments = processes.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments.filter(|all| all.split(|&byte| byte == 0).any(|one| one == mark.as_bytes())).count()
}
