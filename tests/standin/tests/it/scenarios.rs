//! The scenarios, played to a viewer that answers everything.

use std::time::Duration;

use standin::flood::{Flood, flood};
use standin::scenario::{Scenario, Shown};
use standin::{DMABUF2, MAP, Release, Standin, pattern, pixman};

use crate::support::{Viewer, WAIT, next};

#[test]
fn every_scenario_plays_to_its_end() {
    for scenario in Scenario::ALL.into_iter().filter(|&one| one != Scenario::LostScanout) {
        let (qemu, socket) = Standin::builder().release(Release::V10_1).p2p().unwrap();
        let viewer = Viewer::new(socket);
        let _told = viewer.register(&[MAP, DMABUF2]);
        let listener = qemu.listener(0).unwrap();
        let played = scenario.play(&qemu, &listener, Duration::ZERO).unwrap();
        assert!(played.replies.iter().all(standin::Reply::is_returned), "{scenario:?}: {played:?}");
        assert_eq!(played.shown == Shown::Nothing, scenario == Scenario::DisplayOff);
        assert_eq!(scenario.name().parse(), Ok(scenario));
    }
}

#[test]
fn a_lost_scanout_comes_back_with_another_listener() {
    let (qemu, socket) = Standin::builder().lossy(true).p2p().unwrap();
    let viewer = Viewer::new(socket);
    let first = viewer.register(&[]);
    let listener = qemu.listener(0).unwrap();
    std::thread::scope(|scope| {
        let play = || Scenario::LostScanout.play(&qemu, &listener, Duration::from_millis(1));
        let playing = scope.spawn(play);
        let mut members = Vec::new();
        while members.last().is_none_or(|member| member != "Disable") {
            members.push(next(&first).member);
        }
        assert_eq!(members, ["ScanoutDMABUF", "UpdateDMABUF", "Disable"], "the second scanout is lost");
        assert_eq!(next(&first).member, "UpdateDMABUF");
        let second = viewer.register(&[]);
        // The black one before it may be lost as well.
        assert_eq!(next(&second).member, "ScanoutDMABUF");
        let played = playing.join().unwrap().unwrap();
        assert!(!played.listener.is(&listener));
    });
}

#[test]
fn a_flood_is_counted() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[]);
    let listener = qemu.listener(0).unwrap();
    let stride = pattern::tight(pixman::X8R8G8B8, 4);
    let pixels = standin::Pixels::from(pattern::render(pixman::X8R8G8B8, 1, 4, 4, stride));
    let flooded = flood(&listener, Flood { max_queued: 100, ..Flood::count(5000) }, |listener, _| {
        listener.update([0, 0, 4, 4], stride, pixman::X8R8G8B8, &pixels);
    });
    assert_eq!(flooded.messages, 5000);
    assert!(flooded.queue.peak_queued_messages <= 100);
    assert!(listener.flush(WAIT));
    for _ in 0..5000 {
        assert_eq!(next(&told).member, "Update");
    }
}

#[test]
fn a_stamp_replaces_the_first_two_pixels() {
    let (qemu, socket) = Standin::p2p().unwrap();
    let viewer = Viewer::new(socket);
    let told = viewer.register(&[]);
    let pixels = standin::Pixels::from(vec![9; 12]);
    let listener = qemu.listener(0).unwrap();
    listener.cursor_define([3, 1], [0, 0], pixels.stamped(0x0102_0304_0506_0708));
    let message = next(&told).message;
    let body = message.body();
    let (_, _, _, _, got): (i32, i32, i32, i32, Vec<u8>) = body.deserialize().unwrap();
    assert_eq!(got, [8, 7, 6, 5, 4, 3, 2, 1, 9, 9, 9, 9]);
}
