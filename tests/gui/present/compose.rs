//! The picture drawn by Oriel with a GPU, or with a processor in its place.

use std::time::Duration;

use super::stage::Stage;
use super::words::{Ask, Medium, Report, Rung};
use super::{WHOLE, inside, showing, shown, storm, switch};

fn count(report: &Report, name: &str) -> u64 {
    report.stats[name].as_u64().expect("a number")
}

#[test]
fn every_kind_of_picture_is_drawn_cropped_and_the_right_way_up() {
    for (medium, margin) in [
        (Medium::SealedDmabuf, 0),
        (Medium::SealedDmabuf, 24),
        (Medium::SealedFlipped, 24),
        (Medium::Map, 64),
        (Medium::ReadOnlyMap, 0),
        (Medium::Messages, 0),
    ] {
        let mut stage = Stage::new(1.0, (320, 200));
        stage.ask(Ask::Switch { medium, size: WHOLE, margin, picture: 4 });
        stage.ask(Ask::Open { rung: Rung::Compose });
        stage.expect("drawn", (0, 0), WHOLE, |_, _| 4);
        stage.wait("the compose rung", showing("Compose"));
        for (picture, rect) in [(5, (10, 20, 50, 30)), (6, (100, 0, 7, 200)), (7, (10, 20, 50, 30))] {
            stage.ask(Ask::Paint { rect, picture: 4 });
            stage.ask(Ask::Paint { rect, picture });
            stage.expect("painted", rect_at(rect), (rect.2, rect.3), |_, _| u32::MAX);
            let seen = inside(rect, picture, u32::MAX);
            stage.expect("painted", (0, 0), WHOLE, seen);
        }
        let report = stage.wait("the last reply", |report| report.answered == report.updates);
        assert!(count(&report, "passes") >= 4, "{report:#?}");
        stage.quit();
    }
}

fn rect_at(rect: (i32, i32, u32, u32)) -> (i32, i32) {
    (rect.0, rect.1)
}

#[test]
fn odd_sizes_are_drawn_pixel_by_pixel() {
    for size in [(319, 199), (301, 7), (1, 1), (33, 200)] {
        let mut stage = Stage::new(1.0, (320, 200));
        stage.ask(Ask::OneToOne);
        stage.ask(Ask::Switch { medium: Medium::SealedDmabuf, size, margin: 1, picture: 2 });
        stage.ask(Ask::Open { rung: Rung::Compose });
        let margin = |room: i32, length: u32| (room - length.cast_signed()).div_euclid(2);
        let at = (margin(320, size.0), margin(200, size.1));
        stage.expect("odd", at, size, |_, _| 2);
        stage.quit();
    }
}

#[test]
fn what_is_larger_than_the_window_is_cut_around_the_middle() {
    for medium in [Medium::SealedDmabuf, Medium::SealedFlipped, Medium::Messages] {
        let mut stage = Stage::new(1.0, (320, 200));
        stage.ask(Ask::OneToOne);
        stage.ask(Ask::Switch { medium, size: (400, 300), margin: 4, picture: 6 });
        stage.ask(Ask::Open { rung: Rung::Compose });
        stage.expect_part("cut", (0, 0), WHOLE, (40, 50), |_, _| 6);
        stage.quit();
    }
}

#[test]
fn sizes_and_windows_change_as_they_like() {
    let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
    for (size, medium, picture) in [
        ((160, 100), Medium::Messages, 2),
        ((320, 200), Medium::SealedMap, 3),
        ((80, 200), Medium::SealedFlipped, 4),
        ((320, 200), Medium::SealedDmabuf, 5),
    ] {
        stage.ask(Ask::OneToOne);
        stage.ask(Ask::Switch { medium, size, margin: 0, picture });
        let margin = |room: i32, length: u32| (room - length.cast_signed()) / 2;
        let at = (margin(320, size.0), margin(200, size.1));
        stage.expect("another size", at, size, |_, _| picture);
    }
    // The window alone changes: what is shown is drawn anew without a new frame.
    stage.place((280, 150));
    stage.expect_part("smaller", (0, 0), (280, 150), (20, 25), |_, _| 5);
    stage.place((320, 200));
    stage.expect("as before", (0, 0), WHOLE, |_, _| 5);
    stage.quit();
}

#[test]
fn ways_change_without_a_trace() {
    let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
    ways(&mut stage);
    let before = stage.report();
    ways(&mut stage);
    stage.wait("as many descriptors as before", |report| report.descriptors <= before.descriptors + 2);
    stage.quit();
}

fn ways(stage: &mut Stage) {
    for (turn, rung) in [Rung::Auto, Rung::Compose, Rung::Copy, Rung::Compose, Rung::Gtk, Rung::Compose]
        .into_iter()
        .enumerate()
    {
        let picture = u32::try_from(turn).expect("few") + 2;
        stage.ask(Ask::Open { rung });
        stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture });
        stage.expect("another way", (0, 0), WHOLE, |_, _| picture);
    }
    // From the guest's own buffer to one of ours and back, within one output.
    for turn in 0..4 {
        switch(stage, Medium::SealedMap, turn);
        stage.expect("a map", (0, 0), WHOLE, |_, _| turn);
        switch(stage, Medium::SealedDmabuf, turn + 1);
        stage.expect("a dma-buf", (0, 0), WHOLE, |_, _| turn + 1);
    }
}

#[test]
fn a_storm_of_sizes_ends_well() {
    storm(Medium::SealedDmabuf, Medium::SealedFlipped, Rung::Compose);
}

#[test]
fn nothing_is_drawn_while_nobody_sees_it() {
    let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
    let window = stage.window.clone();
    stage.sway.hide(&window).expect("hidden");
    stage.ask(Ask::Play { frames: 3, rate: 30 });
    let before = stage.report();
    stage.ask(Ask::Play { frames: 30, rate: 120 });
    let after = stage.wait("the last reply", |report| report.answered == report.updates);
    assert_eq!(count(&after, "committed"), count(&before, "committed"));
    assert_eq!(count(&after, "passes"), count(&before, "passes"));
    stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture: 9 });
    stage.sway.unhide(&window).expect("shown");
    stage.place((320, 200));
    stage.expect("shown again", (0, 0), WHOLE, |_, _| 9);
    stage.quit();
}

#[test]
fn what_cannot_be_imported_is_refused_and_said() {
    for medium in [Medium::Pipe, Medium::Dmabuf { y0_top: false }] {
        let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
        switch(&mut stage, medium, 2);
        let report = stage.wait("a refusal", |report| report.status.contains("Refused"));
        assert!(report.status.contains("(Compose, NoBuffer)"), "{report:#?}");
        stage.wait("a reply", |report| report.answered == report.updates);
        // What was shown last stays, and what can be shown is.
        stage.expect("as before", (0, 0), WHOLE, |_, _| 1);
        switch(&mut stage, Medium::SealedDmabuf, 3);
        stage.expect("the next", (0, 0), WHOLE, |_, _| 3);
        stage.quit();
    }
}

#[test]
fn sixteen_buffers_in_turn_are_not_imported_each_time_and_leave_nothing() {
    let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
    // More than the buffers themselves: the program's own have settled after these.
    stage.ask(Ask::Flip { buffers: 16, frames: 64, rate: 120 });
    stage.expect("the last", (0, 0), WHOLE, |_, _| 0);
    let before = stage.report();
    stage.ask(Ask::Flip { buffers: 16, frames: 1000, rate: 200 });
    stage.expect("the last", (0, 0), WHOLE, |_, _| 0);
    let after = stage.report();
    let more = |name| count(&after, name) - count(&before, name);
    // On a busy computer some are not shown for so long that they are forgotten meanwhile.
    assert!(more("imported") <= 16 + more("committed") / 8, "{after:#?}");
    stage.wait("as many descriptors as before", |report| report.descriptors <= before.descriptors + 4);
    stage.quit();
}

/// What a guest draws into the buffer being shown, and tells nobody of.
const SILENT: ((i32, i32), (u32, u32)) = ((0, 100), (320, 100));

/// A guest that draws whole pictures for a while, and then a part without saying so. Whether the screen
/// shows that part though nobody was told.
fn shows_what_nobody_tells(stage: &mut Stage, last: u32) -> bool {
    // QEMU polls a vGPU so.
    for picture in last - 12..=last {
        stage.ask(Ask::Paint { rect: (0, 0, 320, 200), picture });
        std::thread::sleep(Duration::from_millis(30));
    }
    stage.wait("a reply", |report| report.answered == report.updates);
    let (at, size) = SILENT;
    stage.ask(Ask::Scribble { rect: (at.0, at.1, size.0, size.1), picture: last + 1 });
    (0..6).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        stage.shows(at, size, last + 1)
    })
}

#[test]
fn what_a_guest_draws_into_the_buffer_is_seen_live() {
    let mut stage = shown(Medium::SealedDmabuf, Rung::Compose);
    // On a busy computer the guest may have stood still for too long by then.
    let seen = (1..=20).any(|round| shows_what_nobody_tells(&mut stage, round * 20));
    let report = stage.report();
    assert!(seen, "{report:#?}");
    assert_eq!(report.stats["path"]["presenting"], "live");
    stage.quit();
}

#[test]
fn a_snapshot_is_a_copy_of_its_update() {
    for rung in [Rung::Auto, Rung::Compose, Rung::Copy, Rung::Gtk] {
        let mut stage = Stage::new(1.0, (320, 200));
        switch(&mut stage, Medium::SealedDmabuf, 1);
        stage.ask(Ask::OpenSnapshot { rung });
        stage.expect("first", (0, 0), WHOLE, |_, _| 1);
        // Now and then the last update is drawn only when the part that nobody told of is there: then it
        // is a copy of that. Who shows live shows it every time.
        let mut last = 0;
        let unseen = (1..=8).any(|round| {
            last = round * 20;
            !shows_what_nobody_tells(&mut stage, last)
        });
        let report = stage.report();
        assert!(unseen, "{rung:?}: {report:#?}");
        assert_eq!(report.stats["path"]["presenting"], "snapshot", "{report:#?}");
        assert!(!report.status.contains("rung: Direct"), "{report:#?}");
        let (at, size) = SILENT;
        stage.expect("as it was told", (0, 0), (320, 100), |_, _| last);
        stage.ask(Ask::Paint { rect: (at.0, at.1, size.0, size.1), picture: last + 1 });
        stage.expect("told", (0, 0), WHOLE, inside((at.0, at.1, size.0, size.1), last + 1, last));
        stage.quit();
    }
}

#[test]
fn gtk_draws_textures_of_our_own_where_it_imports_none() {
    // GDK 4.16 and later take this for a display without dma-bufs.
    let mut stage = Stage::with(1.0, (320, 200), &[("GDK_DISABLE", "dmabuf"), ("GSK_RENDERER", "ngl")]);
    for (medium, picture) in [(Medium::SealedDmabuf, 1), (Medium::SealedFlipped, 2)] {
        stage.ask(Ask::Switch { medium, size: WHOLE, margin: 24, picture });
        stage.ask(Ask::Open { rung: Rung::Gtk });
        stage.expect("drawn", (0, 0), WHOLE, |_, _| picture);
        let rect = (10, 20, 50, 30);
        stage.ask(Ask::Paint { rect, picture: picture + 3 });
        stage.expect("painted", (0, 0), WHOLE, inside(rect, picture + 3, picture));
    }
    let before = stage.report();
    assert!(count(&before, "imported") > 0 && count(&before, "copied") == 0, "{before:#?}");
    stage.ask(Ask::Play { frames: 200, rate: 100 });
    stage.wait("the last reply", |report| report.answered == report.updates);
    stage.wait("as many descriptors as before", |report| report.descriptors <= before.descriptors + 2);
    stage.quit();
}
