//! The presenter in a real window, on a compositor without a screen, pixel by pixel.

#[path = "present/canvas.rs"]
mod canvas;
#[path = "present/client.rs"]
mod client;
#[cfg(feature = "gl")]
#[path = "present/compose.rs"]
mod compose;
#[path = "present/exact.rs"]
mod exact;
#[path = "present/guest.rs"]
mod guest;
#[path = "present/stage.rs"]
mod stage;
#[path = "present/words.rs"]
mod words;

use harness::desk::{Desk, Mutter, Xvfb};
use stage::{Actor, Headless, Stage};
use words::{Ask, Medium, Rung};

fn showing(rung: &str) -> impl Fn(&words::Report) -> bool {
    move |report| report.status.contains(&format!("rung: {rung}"))
}

const WHOLE: (u32, u32) = (320, 200);

fn switch(stage: &mut Stage, medium: Medium, picture: u32) {
    stage.ask(Ask::Switch { medium, size: WHOLE, margin: 0, picture });
}

/// A window of the picture's size, with the picture in it.
fn shown(medium: Medium, rung: Rung) -> Stage {
    let mut stage = Stage::new(1.0, (320, 200));
    switch(&mut stage, medium, 1);
    stage.ask(Ask::Open { rung });
    stage.expect("first", (0, 0), WHOLE, |_, _| 1);
    stage
}

/// Also the process that the others start, each on a desktop of its own.
#[test]
fn a_map_is_shown_as_it_is() {
    if let Ok(socket) = std::env::var(words::SOCKET) {
        return client::run(&socket);
    }
    for medium in [Medium::Map, Medium::SealedMap] {
        let mut stage = shown(medium, Rung::Auto);
        stage.wait("the direct rung", showing("Direct"));
        let rect = (10, 20, 50, 30);
        stage.ask(Ask::Paint { rect, picture: 2 });
        stage.expect("painted", (0, 0), WHOLE, inside(rect, 2, 1));
        let report = stage.wait("a reply", |report| report.answered == 1);
        assert_eq!((&report.stats["copied"], &report.stats["imported"]), (&0.into(), &1.into()));
        stage.quit();
    }
}

/// One picture in a rectangle, another around it.
fn inside(rect: (i32, i32, u32, u32), picture: u32, around: u32) -> impl Fn(u32, u32) -> u32 {
    let (left, top) = (rect.0.cast_unsigned(), rect.1.cast_unsigned());
    move |x, y| {
        let within = (left..left + rect.2).contains(&x) && (top..top + rect.3).contains(&y);
        if within { picture } else { around }
    }
}

#[test]
fn what_cannot_be_shared_is_copied_and_no_more_than_has_changed() {
    for medium in [Medium::ReadOnlyMap, Medium::Messages] {
        let mut stage = shown(medium, Rung::Auto);
        let before = stage.wait("the copy rung", showing("Copy"));
        // Nobody is told of this: it must not be seen.
        if medium != Medium::Messages {
            stage.ask(Ask::Scribble { rect: (0, 150, 320, 50), picture: 9 });
        }
        let bytes = |report: &words::Report| report.stats["copied"].as_u64().expect("a number");
        assert_eq!(bytes(&before), 320 * 200 * 4);
        let rect = (100, 20, 50, 30);
        let mut cheap = 0;
        for picture in 2..10 {
            let before = bytes(&stage.report());
            stage.ask(Ask::Paint { rect, picture });
            // A buffer that is new is copied whole, with what nobody was told of.
            stage.expect("painted", (0, 0), WHOLE, move |x, y| {
                if y >= 150 { u32::MAX } else { inside(rect, picture, 1)(x, y) }
            });
            let cost = bytes(&stage.report()) - before;
            cheap += u32::from(cost == 50 * 30 * 4);
        }
        assert!(cheap >= 4, "{cheap} of 8 rectangles cost what they cover");
        stage.quit();
    }
}

#[test]
fn rows_may_be_longer_than_they_look() {
    for rung in [Rung::Auto, Rung::Copy, Rung::Gtk] {
        let mut stage = Stage::new(1.0, (320, 200));
        stage.ask(Ask::Switch { medium: Medium::Map, size: WHOLE, margin: 128, picture: 3 });
        stage.ask(Ask::Open { rung });
        stage.expect("padded", (0, 0), WHOLE, |_, _| 3);
        stage.quit();
    }
}

#[test]
fn a_dmabuf_that_cannot_be_shared_is_copied_cropped_and_flipped() {
    for (rung, y0_top) in [(Rung::Auto, false), (Rung::Auto, true), (Rung::Gtk, false), (Rung::Gtk, true)] {
        let mut stage = Stage::new(1.0, (320, 200));
        stage.ask(Ask::Switch { medium: Medium::Dmabuf { y0_top }, size: WHOLE, margin: 24, picture: 4 });
        stage.ask(Ask::Open { rung });
        stage.expect("cropped", (0, 0), WHOLE, |_, _| 4);
        let rect = (10, 20, 50, 30);
        stage.ask(Ask::Paint { rect, picture: 5 });
        stage.expect("painted", (0, 0), WHOLE, inside(rect, 5, 4));
        stage.wait("a reply", |report| report.answered == 2);
        stage.quit();
    }
}

#[test]
fn gtk_draws_where_it_is_asked_to() {
    for (medium, scale) in [(Medium::Map, 1.0), (Medium::Messages, 1.25), (Medium::Map, 1.5)] {
        let mut stage = Stage::new(scale, (320, 240));
        let (width, height) = (stage.device(320).cast_unsigned(), stage.device(240).cast_unsigned());
        stage.ask(Ask::Switch { medium, size: (width, height), margin: 0, picture: 1 });
        stage.ask(Ask::Open { rung: Rung::Gtk });
        stage.expect("drawn", (0, 0), (width, height), |_, _| 1);
        let rect = (10, 20, 50, 30);
        stage.ask(Ask::Paint { rect, picture: 2 });
        stage.expect("painted", (0, 0), (width, height), inside(rect, 2, 1));
        stage.wait("the gtk rung", showing("Gtk"));
        stage.quit();
    }
}

#[test]
fn sizes_change_as_the_guest_likes() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    // Placed anew by the window, which hears of it later than the presenter.
    for (size, medium, picture) in [
        ((160, 100), Medium::Messages, 2),
        ((320, 200), Medium::SealedMap, 3),
        ((80, 200), Medium::Dmabuf { y0_top: false }, 4),
        ((320, 200), Medium::Map, 5),
    ] {
        stage.ask(Ask::OneToOne);
        stage.ask(Ask::Switch { medium, size, margin: 0, picture });
        let margin = |room: i32, length: u32| (room - length.cast_signed()) / 2;
        let at = (margin(320, size.0), margin(200, size.1));
        stage.expect("another size", at, size, |_, _| picture);
    }
    stage.quit();
}

#[test]
fn what_is_larger_than_the_window_is_cut_around_the_middle() {
    for rung in [Rung::Auto, Rung::Copy, Rung::Gtk] {
        for medium in [Medium::Map, Medium::Dmabuf { y0_top: true }] {
            let mut stage = Stage::new(1.0, (320, 200));
            stage.ask(Ask::OneToOne);
            stage.ask(Ask::Switch { medium, size: (400, 300), margin: 4, picture: 6 });
            stage.ask(Ask::Open { rung });
            stage.expect_part("cut", (0, 0), WHOLE, (40, 50), |_, _| 6);
            stage.quit();
        }
    }
}

#[test]
fn one_guest_pixel_is_one_device_pixel_at_every_scale() {
    for scale in [1.0, 1.25, 1.5, 2.0] {
        let mut stage = Stage::new(scale, (320, 240));
        let (width, height) = (stage.device(300).cast_unsigned(), stage.device(220).cast_unsigned());
        stage.ask(Ask::Border { units: 10 });
        stage.ask(Ask::Switch { medium: Medium::Map, size: (width, height), margin: 0, picture: 1 });
        stage.ask(Ask::Open { rung: Rung::Auto });
        // Seen whole units from the corner: at 1.25 and 1.5 these are whole device pixels here.
        stage.expect("scaled", (10, 10), (width, height), |_, _| 1);
        stage.quit();
    }
}

#[test]
fn scale_and_monitor_may_change_under_the_picture() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    stage.sway.set_scale("HEADLESS-1", 2.0).expect("another scale");
    stage.scale = 2.0;
    stage.ask(Ask::Switch { medium: Medium::Map, size: (640, 400), margin: 0, picture: 2 });
    stage.expect("twice", (0, 0), (640, 400), |_, _| 2);
    stage.quit();
}

#[test]
fn a_busy_main_loop_delays_no_frame() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    stage.ask(Ask::Busy { busy: 120, period: 130 });
    let before = stage.report().stats["committed"].as_u64().expect("a number");
    stage.ask(Ask::Play { frames: 60, rate: 30 });
    let report = stage.wait("the last reply", |report| report.answered == report.updates);
    let committed = report.stats["committed"].as_u64().expect("a number") - before;
    // The main loop had a tenth of the time.
    assert!(committed > 45, "{committed} of 60 frames: {report:#?}");
    stage.quit();
}

#[test]
fn every_update_is_answered_and_the_newest_picture_stays() {
    for rung in [Rung::Auto, Rung::Copy, Rung::Gtk] {
        let mut stage = shown(Medium::Map, rung);
        stage.ask(Ask::Play { frames: 100, rate: 500 });
        stage.wait("the last reply", |report| report.answered == report.updates);
        stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture: 7 });
        stage.expect("the last", (0, 0), WHOLE, |_, _| 7);
        stage.quit();
    }
}

/// Sizes of window and picture change at random for a while; the last picture is as `end` has it.
fn storm(medium: Medium, end: Medium, rung: Rung) {
    let mut stage = shown(medium, rung);
    for step in 0..60_u32 {
        let size = (200 + (step * 53) % 300, 120 + (step * 37) % 250);
        let (width, height) = (320 + size.0.cast_signed(), 200 + size.1.cast_signed());
        stage.resize((width, height));
        if step % 7 == 0 {
            stage.ask(Ask::Switch { medium, size, margin: 0, picture: step });
        }
        stage.ask(Ask::Paint { rect: (0, 0, 100, 100), picture: step });
    }
    stage.place((320, 200));
    switch(&mut stage, end, 8);
    stage.expect("after the storm", (0, 0), WHOLE, |_, _| 8);
    stage.quit();
}

#[test]
fn a_storm_of_sizes_ends_well() {
    for rung in [Rung::Auto, Rung::Copy] {
        storm(Medium::Map, Medium::Map, rung);
    }
}

#[test]
fn nothing_is_committed_while_nobody_sees_it() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    let window = stage.window.clone();
    stage.sway.hide(&window).expect("hidden");
    // One commit may wait for a refresh that does not come.
    stage.ask(Ask::Play { frames: 3, rate: 30 });
    let before = stage.report().stats["committed"].clone();
    stage.ask(Ask::Play { frames: 30, rate: 120 });
    assert_eq!(stage.report().stats["committed"], before);
    stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture: 9 });
    stage.sway.unhide(&window).expect("shown");
    stage.place((320, 200));
    stage.expect("shown again", (0, 0), WHOLE, |_, _| 9);
    stage.quit();
}

#[test]
fn the_window_may_be_hidden_and_shown_by_the_program() {
    for rung in [Rung::Auto, Rung::Copy, Rung::Gtk] {
        let mut stage = shown(Medium::Map, rung);
        for picture in 2..5 {
            stage.ask(Ask::Visible { visible: false });
            stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture });
            stage.ask(Ask::Visible { visible: true });
            stage.find_window();
            stage.place((320, 200));
            stage.expect("shown again", (0, 0), WHOLE, |_, _| picture);
        }
        stage.quit();
    }
}

#[test]
fn the_picture_goes_and_comes_back_whole() {
    for rung in [Rung::Auto, Rung::Copy] {
        let mut stage = shown(Medium::Map, rung);
        stage.ask(Ask::Nowhere);
        stage.expect_none("gone", (0, 0), WHOLE);
        stage.ask(Ask::Paint { rect: (10, 10, 20, 20), picture: 2 });
        stage.ask(Ask::Border { units: 0 });
        stage.expect("back", (0, 0), WHOLE, inside((10, 10, 20, 20), 2, 1));
        stage.ask(Ask::Close);
        stage.expect_none("closed", (0, 0), WHOLE);
        stage.ask(Ask::Open { rung });
        stage.expect("opened again", (0, 0), WHOLE, inside((10, 10, 20, 20), 2, 1));
        stage.quit();
    }
}

#[test]
fn below_the_window_its_dialogs_are_seen() {
    let size = (640, 480);
    let mut stage = Stage::new(1.0, (640, 480));
    stage.ask(Ask::Switch { medium: Medium::Map, size, margin: 0, picture: 1 });
    stage.ask(Ask::Open { rung: Rung::Auto });
    stage.expect("above", (0, 0), size, |_, _| 1);
    stage.ask(Ask::Below { below: true });
    // The window's own stripe is now in front.
    stage.expect_part("below", (8, 0), (632, 480), (8, 0), |_, _| 1);
    stage.expect_colour("stripe", (0, 0), (8, 480), [255, 0, 0]);
    stage.ask(Ask::Dialog);
    stage.expect_change("dialog", (220, 190), (200, 100));
    stage.sway.screenshot().expect("a picture").keep("present-dialog").expect("a file");
    stage.quit();
}

#[test]
fn opening_and_closing_a_thousand_times_leaves_nothing() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    stage.ask(Ask::Churn { times: 20 });
    let settled = |report: &words::Report| report.threads;
    let before = stage.wait("the last thread's end", |report| settled(report) < 20);
    stage.ask(Ask::Churn { times: 1000 });
    stage.wait("as many threads and descriptors as before", |report| {
        report.threads <= before.threads && report.descriptors <= before.descriptors
    });
    stage.ask(Ask::Open { rung: Rung::Auto });
    stage.expect("still works", (0, 0), WHOLE, |_, _| 1);
    stage.quit();
}

#[test]
fn a_file_that_shrinks_costs_the_picture_and_not_the_program() {
    for rung in [Rung::Copy, Rung::Gtk] {
        let mut stage = shown(Medium::Map, rung);
        stage.ask(Ask::Shrink { bytes: 64 + 320 * 4 * 100 });
        // The client's own guest cannot draw beyond the end either.
        stage.ask(Ask::Paint { rect: (0, 0, 320, 100), picture: 2 });
        stage.wait("a reply", |report| report.answered == 1);
        stage.expect("what there is", (0, 0), (320, 100), |_, _| 2);
        stage.quit();
    }
}

#[test]
fn the_program_ends_with_its_compositor() {
    let mut stage = shown(Medium::Map, Rung::Auto);
    stage.sway.process().signal(rustix::process::Signal::KILL).expect("the end of sway");
    // GDK ends a program whose compositor is gone; what matters is that nothing hangs.
    stage.actor.client.wait(stage::LIMIT).expect("the end of the client");
}

#[test]
fn gnomes_compositor_shows_the_same() {
    let size = (640, 480);
    let mutter = Mutter::start(1280, 800).expect("mutter");
    let mut actor = Actor::enter(&mutter, (640, 480));
    actor.ask(Ask::Switch { medium: Medium::Map, size, margin: 0, picture: 1 });
    actor.ask(Ask::Open { rung: Rung::Auto });
    // In front at last: the window's stripe is hidden.
    let place = actor.find(&mutter, "mutter-above", size, 1);
    actor.wait("the direct rung", showing("Direct"));
    actor.ask(Ask::Paint { rect: (0, 0, 640, 480), picture: 2 });
    assert_eq!(actor.find(&mutter, "mutter-painted", size, 2), place);
    actor.ask(Ask::Switch { medium: Medium::Messages, size, margin: 0, picture: 3 });
    assert_eq!(actor.find(&mutter, "mutter-copied", size, 3), place);
    actor.ask(Ask::Switch { medium: Medium::Dmabuf { y0_top: true }, size, margin: 8, picture: 4 });
    assert_eq!(actor.find(&mutter, "mutter-flipped", size, 4), place);
    actor.ask(Ask::Below { below: true });
    actor.ask(Ask::Dialog);
    let centre = (place.0 + 320, place.1 + 240);
    let changed = mutter.wait_for_picture("mutter-dialog", stage::LIMIT, |image| {
        let pixels = (0..20).map(|x| image.get(centre.0 - 10 + x, centre.1 - 70));
        let pixels: std::collections::HashSet<_> = pixels.collect();
        (pixels.len() == 1).then_some(())
    });
    changed.expect("a dialog in front of the picture");
    mutter.screenshot().expect("a picture").keep("present-mutter").expect("a file");
    actor.quit();
}

#[test]
fn dmabufs_are_given_to_the_compositor() {
    let size = (640, 480);
    let mutter = Headless::start();
    let mut actor = Actor::enter(&mutter, (640, 480));
    actor.ask(Ask::Open { rung: Rung::Auto });
    for picture in 1..4 {
        actor.ask(Ask::Switch { medium: Medium::SealedDmabuf, size, margin: 8, picture });
        actor.ask(Ask::Paint { rect: (0, 0, 640, 480), picture });
        let report = actor.wait("the direct rung", showing("Direct"));
        let report = actor.wait("a reply", |now| now.answered == report.updates);
        assert_eq!((&report.stats["imported"], &report.stats["copied"]), (&picture.into(), &0.into()));
    }
    actor.quit();
}

#[test]
fn a_refused_buffer_costs_no_more_than_its_picture() {
    let size = (640, 480);
    let mutter = Headless::start();
    let mut actor = Actor::enter(&mutter, (640, 480));
    actor.ask(Ask::Open { rung: Rung::Auto });
    for medium in [Medium::Map, Medium::Pipe, Medium::SealedDmabuf, Medium::Pipe, Medium::Messages] {
        actor.ask(Ask::Switch { medium, size, margin: 0, picture: 1 });
        let expected = match medium {
            Medium::Pipe => "Refused",
            Medium::Messages => "Copy",
            _ => "Direct",
        };
        actor.wait(expected, |report| report.status.contains(expected));
        actor.wait("a reply", |report| report.answered == report.updates);
    }
    actor.quit();
}

#[test]
fn without_wayland_gtk_draws() {
    let screen = Xvfb::start(800, 600).expect("an X server");
    let mut actor = Actor::enter(&screen, (400, 300));
    actor.ask(Ask::OneToOne);
    actor.ask(Ask::Switch { medium: Medium::Map, size: WHOLE, margin: 0, picture: 1 });
    actor.ask(Ask::Open { rung: Rung::Auto });
    actor.find(&screen, "x11", WHOLE, 1);
    let report = actor.wait("the gtk rung", showing("Gtk"));
    assert!(report.status.contains("NoWayland"), "{report:#?}");
    actor.ask(Ask::Switch { medium: Medium::Dmabuf { y0_top: true }, size: WHOLE, margin: 8, picture: 2 });
    actor.find(&screen, "x11-flipped", WHOLE, 2);
    actor.quit();
}

#[test]
fn on_x11_pixels_stay_pixels_at_twice_the_scale() {
    let screen = Xvfb::start(900, 700).expect("an X server");
    let mut actor = Actor::enter_with(&screen, (400, 300), &[("GDK_SCALE", "2")]);
    actor.ask(Ask::OneToOne);
    for (picture, size) in [(1, (320, 200)), (2, (301, 203))] {
        actor.ask(Ask::Switch { medium: Medium::Map, size, margin: 0, picture });
        if picture == 1 {
            actor.ask(Ask::Open { rung: Rung::Auto });
        }
        actor.find(&screen, "x11-twice", size, picture);
    }
    let report = actor.report();
    assert!((report.scale - 2.0).abs() < 0.01 && report.status.contains("fidelity: Exact"), "{report:#?}");
    actor.quit();
}
