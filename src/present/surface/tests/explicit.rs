//! Explicit synchronisation, with timelines that need no kernel.

use std::collections::HashSet;
use std::sync::Mutex;

use super::compositor::points::Points;
use super::timelines::Limits;
use super::*;
use crate::clock::Time;
use crate::frame::Audience;
use crate::present::facts::Sync;
use crate::present::table::Device;

fn synced(orders: impl IntoIterator<Item = Do>) -> (Rig, Book) {
    let book = Book::default();
    (limited(&book, Some(book.clone()), orders), book)
}

fn limited(book: &Book, offered: Option<Book>, orders: impl IntoIterator<Item = Do>) -> Rig {
    let rung = Wanted::Auto;
    Rig::start(Setup { rung, version: 5, offered, timelines: book.clone() }, orders)
}

fn points(seen: &[Seen]) -> Vec<Points> {
    let points =
        seen.iter().filter_map(|seen| if let Seen::Points(points) = seen { Some(*points) } else { None });
    points.collect()
}

#[test]
fn every_commit_of_a_buffer_has_its_points() {
    let (rig, book) = synced([sampled(&[(XR24, TILED)])]);
    let buffers: Vec<_> = (0..3).map(|_| Buffer::new(XR24, TILED)).collect();
    for turn in 0..30 {
        // The same buffer twice, now and then.
        rig.show(&buffers[turn * 2 / 3 % 3]);
        rig.compositor.wait("a commit", |seen| commits(seen) > turn);
    }
    rig.shows(Rung::Direct);
    let seen = rig.compositor.wait("anything", |_| true);
    let points = points(&seen);
    assert!(points.len() >= 30 && points.len() == commits(&seen), "{seen:?}");
    assert_eq!(rig.shared.facts().sync, Sync::Explicit);
    assert_eq!(book.asked(), [Some(Device(0xe280))], "once, of the compositor's device");
    assert_eq!(book.len(), 5, "and no timeline is made anew");
    let ours = points[0].acquire.0;
    for (number, points) in (1..).zip(&points) {
        assert_eq!(points.acquire, (ours, number), "one after the other");
        assert!(points.reached >= number, "it may be read at once: {points:?}");
    }
    let releases: HashSet<_> = points.iter().map(|points| points.release).collect();
    assert_eq!(releases.len(), points.len(), "no point is given twice");
    for alike in points.windows(4) {
        let timelines: HashSet<_> = alike.iter().map(|points| points.release.0).collect();
        assert_eq!(timelines.len(), 4, "a release stands for no other that is waited for: {alike:?}");
        assert!(!timelines.contains(&alike[0].acquire.0));
    }
    drop(rig);
    assert_eq!(book.len(), 0, "nothing is left");
}

#[test]
fn who_has_no_timelines_shows_buffers_without() {
    let none = Book::limited(Limits { closed: true, ..Limits::default() });
    for (book, offered, asked) in [(Book::default(), None, 0), (none.clone(), Some(none), 1)] {
        let rig = limited(&book, offered, [sampled(&[(XR24, TILED)])]);
        let buffer = Buffer::new(XR24, TILED);
        for turn in 0..3 {
            rig.show(&buffer);
            rig.compositor.wait("a commit", |seen| commits(seen) > turn);
        }
        rig.shows(Rung::Direct);
        rig.until("a reply", || rig.all_answered());
        assert_eq!(points(&rig.compositor.wait("anything", |_| true)), []);
        assert_eq!(rig.shared.facts().sync, Sync::Implicit);
        assert_eq!(book.asked().len(), asked);
    }
}

#[test]
fn timelines_that_stop_are_done_without() {
    let book = Book::limited(Limits { last: Some(3), ..Limits::default() });
    let rig = limited(&book, Some(book.clone()), [sampled(&[(XR24, TILED)])]);
    let buffers = [Buffer::new(XR24, TILED), Buffer::new(XR24, TILED)];
    for turn in 0..8 {
        rig.show(&buffers[turn % 2]);
        rig.compositor.wait("a commit", |seen| commits(seen) > turn);
    }
    rig.until("a reply", || rig.all_answered());
    let seen = rig.compositor.wait("their end", |seen| seen.contains(&Seen::Pointless));
    assert_eq!(points(&seen).len(), 3);
    rig.shows(Rung::Direct);
    assert_eq!(rig.shared.facts().sync, Sync::Implicit);
}

#[test]
fn what_is_ours_has_no_points() {
    let (rig, _) = synced([sampled(&[(XR24, TILED)])]);
    let direct = Buffer::new(XR24, TILED);
    let copied = Buffer::new(XR24, Modifier::LINEAR);
    let mut committed = 0;
    for round in 1..=2 {
        rig.show(&direct);
        rig.shows(Rung::Direct);
        committed += 1;
        rig.compositor.wait("a commit", |seen| commits(seen) >= committed);
        let before = points(&rig.compositor.wait("anything", |_| true)).len();
        // More often than there are buffers of ours: they are released as ever.
        for _ in 0..10 {
            rig.show(&copied);
            committed += 1;
            rig.compositor.wait("a copy", |seen| commits(seen) >= committed);
        }
        rig.shows(Rung::Copy);
        rig.until("a reply", || rig.all_answered());
        let seen = rig.compositor.wait("anything", |_| true);
        committed = commits(&seen);
        assert_eq!(points(&seen).len(), before, "{seen:?}");
        assert_eq!(seen.iter().filter(|seen| **seen == Seen::Pointless).count(), round);
        assert_eq!(rig.shared.facts().sync, Sync::Implicit);
    }
}

#[test]
fn a_surface_that_goes_and_comes_back_has_points_again() {
    let (rig, _) = synced([sampled(&[(XR24, TILED)])]);
    let buffer = Buffer::new(XR24, TILED);
    rig.show(&buffer);
    rig.compositor.wait("a commit", |seen| commits(seen) == 1);
    let scene = rig.shared.stage().scene();
    // A commit without a buffer, and one that shows it again.
    rig.shared.stage().place(None);
    rig.compositor.wait("nothing", |seen| seen.contains(&Seen::Attach(None)));
    rig.shared.stage().place(scene);
    rig.shared.stage().parent_committed();
    rig.shared.wake();
    rig.compositor.wait("the picture", |seen| points(seen).len() == 2 && commits(seen) == 3);
}

/// When each update was answered.
#[derive(Debug, Default)]
struct Times(Mutex<Vec<(u64, Time)>>);

impl Acknowledge for Times {
    fn acknowledge(&self, through: u64) {
        self.0.lock().expect("no panic").push((through, clock::now()));
    }
}

impl Times {
    fn of(&self, update: u64) -> Option<Time> {
        let times = self.0.lock().expect("no panic");
        times.iter().find(|(through, _)| *through >= update).map(|(_, time)| *time)
    }
}

fn show(rig: &Rig, buffer: &Buffer, times: &Arc<Times>, update: u64) {
    rig.frames.apply(Event::Dmabuf(buffer.dmabuf()), clock::now()).expect("a buffer");
    let ack = Some(Ack::new(times.clone(), update));
    let damage = Event::Damage { x: 0, y: 0, width: 64, height: 32, ack };
    rig.frames.apply(damage, clock::now()).expect("damage");
}

/// At 60 Hz, a refresh and a half.
const PATIENCE: Duration = Duration::from_millis(25);

#[test]
fn the_guest_goes_on_when_its_former_buffer_is_released() {
    let (rig, _) = synced([sampled(&[(XR24, TILED)])]);
    let buffers = [Buffer::new(XR24, TILED), Buffer::new(XR24, TILED)];
    let times = Arc::new(Times::default());
    show(&rig, &buffers[0], &times, 1);
    rig.until("a reply", || times.of(1).is_some());
    for update in 2..20 {
        // Who waits for nobody is answered at once.
        rig.until("somebody who looks", || rig.frames.audience() == Audience::Watching);
        rig.compositor.order(Do::Keep(true));
        let before = rig.compositor.wait("anything", |_| true).len();
        let start = clock::now();
        show(&rig, &buffers[(update + 1) % 2], &times, update as u64);
        rig.compositor.wait("a commit", |seen| commits(&seen[before..]) > 0);
        // The compositor has shown it by now, and has said so.
        std::thread::sleep(PATIENCE / 5);
        let released = clock::now();
        rig.compositor.order(Do::Keep(false));
        rig.until("a reply", || times.of(update as u64).is_some());
        let answered = times.of(update as u64).expect("just seen");
        // On a busy computer it may have been too late to wait for it.
        assert!(
            answered >= released || answered.since(start) >= PATIENCE,
            "update {update}: after {:?}, {:?} before the release: {:?}",
            answered.since(start),
            released.since(answered),
            rig.compositor.wait("anything", |_| true)
        );
    }
}

#[test]
fn a_buffer_that_is_never_released_keeps_nobody_waiting() {
    for silent in [false, true] {
        let book = Book::limited(Limits { silent, ..Limits::default() });
        let rig = limited(&book, Some(book.clone()), [sampled(&[(XR24, TILED)]), Do::Keep(true)]);
        let buffers = [Buffer::new(XR24, TILED), Buffer::new(XR24, TILED)];
        for turn in 0..20 {
            rig.show(&buffers[turn % 2]);
            rig.until("a reply", || rig.all_answered());
            rig.compositor.wait("a commit", |seen| points(seen).len() > turn);
        }
        rig.shows(Rung::Direct);
    }
}
