//! The model under single events, and under any sequence of them.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::frame::ack::Acknowledge;
use crate::frame::scanout::{DmabufParts, Plane, Wire};
use crate::geometry::Rect;
use crate::pixel::{Format, Modifier};

/// A model with a clock of its own.
struct Stage {
    model: Model,
    now: Time,
}

impl Stage {
    fn new() -> Self {
        Self { model: Model::default(), now: Time::from_millis(1000) }
    }

    fn after(&mut self, millis: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(millis);
        self
    }

    fn apply(&mut self, event: Event<'_>) -> Applied {
        self.model.apply(event, self.now).expect("a valid event")
    }

    fn tick(&mut self) -> Applied {
        self.model.tick(self.now)
    }

    fn pixels(&mut self, width: u32, height: u32) -> Applied {
        let bytes = vec![7; (width * height * 4) as usize];
        self.apply(Event::Pixels(image(width, height, &bytes)))
    }

    fn update(&mut self, width: i32, height: i32) -> Applied {
        self.apply(Event::Damage { x: 0, y: 0, width, height, ack: None })
    }

    fn taken_size(&mut self) -> Option<Size<Guest>> {
        self.model.take().map(|pending| pending.scanout.size())
    }
}

fn image(width: u32, height: u32, bytes: &[u8]) -> Image<'_> {
    Image::new(Size::new(width, height), width * 4, Format::Xrgb8888, bytes).expect("enough bytes")
}

fn any_file() -> OwnedFd {
    File::open("/dev/null").expect("a file").into()
}

fn mapped(width: u32, height: u32) -> Mapped {
    let size = Size::new(width, height);
    Mapped::new((1, 1), any_file(), u64::MAX, 0, size, width * 4, Format::Xrgb8888).expect("a valid mapping")
}

fn dmabuf(inode: u64, wire: Wire) -> Dmabuf {
    parts(inode, wire, false)
}

fn parts(inode: u64, wire: Wire, y0_top: bool) -> Dmabuf {
    sized(inode, wire, y0_top, Size::new(800, 600))
}

fn sized(inode: u64, wire: Wire, y0_top: bool, size: Size<Guest>) -> Dmabuf {
    Dmabuf::new(DmabufParts {
        file: (1, inode),
        planes: vec![Plane { fd: any_file(), offset: 0, stride: size.width * 4 }],
        fourcc: Format::Xrgb8888.fourcc(),
        modifier: Modifier::LINEAR,
        backing: size.cast(),
        crop: size.cast().at_origin(),
        y0_top,
        wire,
    })
    .expect("a valid buffer")
}

#[derive(Default)]
struct Replies(Mutex<Vec<u64>>);

impl Acknowledge for Replies {
    fn acknowledge(&self, through: u64) {
        self.0.lock().expect("nobody panicked").push(through);
    }
}

#[test]
fn a_picture_goes_in_and_comes_out_once() {
    let mut stage = Stage::new();
    assert_eq!(stage.model.screen(), Screen::Waiting);
    let applied = stage.pixels(4, 4);
    assert!(applied.frame && applied.screen);
    assert_eq!(stage.model.screen(), Screen::Live(Size::new(4, 4)));
    let pending = stage.model.take().expect("a frame");
    assert_eq!(pending.damage, Damage::whole(Size::new(4, 4)));
    assert!(stage.model.take().is_none());
}

#[test]
fn the_newest_picture_wins() {
    let mut stage = Stage::new();
    stage.pixels(4, 4);
    let received = stage.now;
    assert!(!stage.after(5).pixels(4, 4).frame, "the presenter is woken once");
    let pending = stage.model.take().expect("a frame");
    assert_eq!((pending.events, pending.received), (2, received));
}

#[test]
fn a_framebuffer_of_the_same_size_is_kept() {
    let mut stage = Stage::new();
    stage.pixels(4, 4);
    let first = stage.model.take().expect("a frame").scanout;
    stage.pixels(4, 4);
    assert!(first.is_same(&stage.model.take().expect("a frame").scanout));
}

/// qemu.md trap 10: text consoles go from 640×480 to 720×400 by an update alone.
#[test]
fn trap_10_an_update_may_be_the_first_of_a_new_size() {
    let mut stage = Stage::new();
    let bytes = vec![9; 720 * 480 * 4];
    stage.apply(Event::Patch { at: Point::new(0, 0), image: image(640, 480, &bytes) });
    assert_eq!(stage.taken_size(), Some(Size::new(640, 480)));
    stage.apply(Event::Patch { at: Point::new(0, 0), image: image(720, 400, &bytes) });
    assert_eq!(stage.taken_size(), Some(Size::new(720, 400)));
}

#[test]
fn trap_10_a_part_of_a_larger_surface_grows_the_picture_until_its_size_is_known() {
    let mut stage = Stage::new();
    let bytes = vec![9; 640 * 480 * 4];
    stage.pixels(640, 480);
    stage.apply(Event::Patch { at: Point::new(700, 100), image: image(20, 20, &bytes) });
    assert_eq!(stage.taken_size(), Some(Size::new(720, 480)));
    stage.apply(Event::ConsoleSize(Size::new(720, 400)));
    stage.after(100).tick();
    assert_eq!(stage.taken_size(), Some(Size::new(720, 400)));
    assert_eq!(stage.model.deadline(), None);
}

/// qemu.md trap 11: the console's size arrives in no order with the frames.
#[test]
fn trap_11_a_stale_console_size_is_overruled_by_frames_of_another() {
    let mut stage = Stage::new();
    stage.pixels(640, 480);
    stage.apply(Event::ConsoleSize(Size::new(800, 600)));
    stage.after(50).pixels(800, 600);
    stage.after(100).tick();
    assert_eq!(stage.taken_size(), Some(Size::new(800, 600)));
    let Some(Scanout::Pixels(pixels)) = stage.model.current() else { panic!("a framebuffer") };
    assert_eq!(pixels.read()[0], 7, "nothing was recreated");
}

#[test]
fn trap_11_what_the_console_said_long_ago_says_nothing_of_a_new_picture() {
    for late in [0, 99, 5_000] {
        let mut stage = Stage::new();
        stage.pixels(640, 480);
        stage.apply(Event::ConsoleSize(Size::new(640, 480)));
        stage.after(late).pixels(800, 600);
        stage.tick();
        stage.after(150).tick();
        stage.apply(Event::ConsoleSize(Size::new(800, 600)));
        stage.after(150).tick();
        let Some(Scanout::Pixels(pixels)) = stage.model.current() else { panic!("a framebuffer") };
        assert_eq!(pixels.size(), Size::new(800, 600));
        assert!(pixels.read().iter().all(|byte| *byte == 7), "a part of it was thrown away");
    }
}

#[test]
fn trap_11_an_update_beyond_what_the_console_said_is_believed() {
    let mut stage = Stage::new();
    let bytes = vec![9; 720 * 400 * 4];
    stage.pixels(640, 350);
    stage.apply(Event::ConsoleSize(Size::new(640, 350)));
    stage.after(5_000).apply(Event::Patch { at: Point::new(0, 0), image: image(720, 400, &bytes) });
    stage.after(150).tick();
    let Some(Scanout::Pixels(pixels)) = stage.model.current() else { panic!("a framebuffer") };
    assert_eq!(*pixels.read(), bytes);
}

/// qemu.md trap 12: a black buffer of the new size comes before the real one.
#[test]
fn trap_12_a_buffer_is_shown_at_its_first_update() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
    assert!(stage.model.take().is_none());
    stage.after(10).apply(Event::Dmabuf(dmabuf(2, Wire::V1)));
    assert!(stage.update(800, 600).frame);
    let Some(Scanout::Dmabuf(shown)) = stage.model.current() else { panic!("a buffer") };
    assert_eq!(shown.id().inode, 2);
}

#[test]
fn a_buffer_that_is_never_updated_is_shown_after_a_moment() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V2)));
    let due = stage.model.deadline().expect("something is due");
    stage.now = due;
    assert!(stage.tick().frame);
    assert_eq!(stage.taken_size(), Some(Size::new(800, 600)));
}

/// ui/dbus-listener.c, `dbus_release_dmabuf`: a `Disable` takes the update with it.
#[test]
fn a_flip_that_lost_its_update_is_shown_within_moments() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V2)));
    stage.update(800, 600);
    for inode in 2..20 {
        stage.model.take();
        stage.after(16).apply(Event::Dmabuf(dmabuf(inode, Wire::V2)));
        stage.apply(Event::Disable);
        assert!(!stage.after(3).tick().frame, "the update may still come");
        assert!(stage.after(1).tick().frame);
        let Some(Scanout::Dmabuf(shown)) = stage.model.current() else { panic!("a buffer") };
        assert_eq!(shown.id().inode, inode);
        assert_eq!(stage.model.screen(), Screen::Live(Size::new(800, 600)));
    }
}

#[test]
fn flips_without_updates_do_not_starve() {
    let mut stage = Stage::new();
    for inode in 0..5 {
        stage.apply(Event::Dmabuf(dmabuf(inode, Wire::V2)));
        stage.after(30).tick();
    }
    assert!(stage.model.take().is_some(), "a flip does not postpone the deadline of the one before");
}

/// qemu.md trap 13: `Disable` is also sent when an old buffer is freed.
#[test]
fn trap_13_a_disable_is_cancelled_by_a_later_frame() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V2)));
    stage.update(800, 600);
    stage.after(1).apply(Event::Disable);
    assert_eq!(stage.model.screen(), Screen::Live(Size::new(800, 600)));
    stage.after(30).update(800, 600);
    stage.after(500).tick();
    assert_eq!(stage.model.screen(), Screen::Live(Size::new(800, 600)));
}

#[test]
fn a_display_that_stays_disabled_is_off_and_comes_back() {
    let mut stage = Stage::new();
    stage.apply(Event::Mapped(mapped(64, 64)));
    stage.apply(Event::Disable);
    assert!(stage.after(150).tick().screen);
    assert_eq!(stage.model.screen(), Screen::Off);
    assert!(stage.model.current().is_none() && stage.model.take().is_none());
    assert!(stage.update(64, 64).screen);
    assert_eq!(stage.model.screen(), Screen::Live(Size::new(64, 64)));
}

/// qemu.md trap 14: QEMU 9.2 to 11.1 lose `ScanoutDMABUF` to the `Disable` behind it.
#[test]
fn trap_14_a_lost_scanout_is_asked_for_again_and_seldom() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
    stage.update(800, 600);
    assert!(!stage.after(1000).tick().resync);
    stage.apply(Event::Disable);
    stage.after(30).update(800, 600);
    assert!(!stage.tick().resync, "patience");
    assert!(stage.after(200).tick().resync, "one update is enough: the picture may stand still now");
    stage.update(800, 600);
    assert!(!stage.after(30).tick().resync, "asked once");

    stage.apply(Event::Dmabuf(dmabuf(2, Wire::V1)));
    stage.apply(Event::Disable);
    stage.update(800, 600);
    assert!(!stage.after(4000).tick().resync, "not within five seconds");
    assert!(stage.after(1500).tick().resync);

    // A guest that flips among many buffers loses them all, for ten minutes.
    stage.apply(Event::Dmabuf(dmabuf(3, Wire::V1)));
    let mut requests = 0;
    for flip in 0..20_000 {
        stage.apply(Event::Disable);
        stage.after(30).update(800, 600);
        if stage.tick().resync {
            requests += 1;
            stage.apply(Event::Dmabuf(dmabuf(4 + flip, Wire::V1)));
        }
    }
    assert!((3..10).contains(&requests), "each is one more listener that QEMU works for: {requests}");
    stage.apply(Event::ConsoleSize(Size::new(1024, 768)));
    assert!(stage.after(5000).tick().resync, "a change of mode does not wait for minutes");
    stage.apply(Event::ConsoleSize(Size::new(800, 600)));
    stage.after(400_000).apply(Event::Dmabuf(dmabuf(2, Wire::V1)));
    for inode in 3..5 {
        stage.apply(Event::Disable);
        stage.update(800, 600);
        assert!(stage.after(5000).tick().resync, "all was well again");
        stage.apply(Event::Dmabuf(dmabuf(inode, Wire::V1)));
    }
}

/// A request may meet another that is under way, and is lost then.
#[test]
fn a_request_that_nothing_came_of_is_repeated_and_seldom() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
    stage.update(800, 600);
    stage.apply(Event::Disable);
    stage.update(800, 600);
    let requests = (0..600).filter(|_| stage.after(1000).tick().resync).count();
    assert!((3..10).contains(&requests), "{requests} in ten minutes");
    stage.pixels(64, 64);
    assert!((0..600).all(|_| !stage.after(1000).tick().resync), "QEMU has answered");
}

/// A display that is switched off says `Disable` too, and nothing more.
#[test]
fn a_display_that_is_off_is_not_asked_for() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
    stage.update(800, 600);
    stage.apply(Event::Disable);
    for _ in 0..100 {
        assert!(!stage.after(1000).tick().resync);
    }
}

/// A guest may draw nothing after a change of its mode, of which only `Width` and `Height` are heard.
#[test]
fn a_console_of_another_size_than_its_buffer_has_lost_one() {
    let mut stage = Stage::new();
    stage.apply(Event::ConsoleSize(Size::new(800, 600)));
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
    stage.update(800, 600);
    assert!(!stage.after(1000).tick().resync);

    let larger = Size::new(1024, 768);
    stage.apply(Event::ConsoleSize(larger));
    assert!(!stage.after(150).tick().resync, "the scanout may still come");
    assert!(stage.after(60).tick().resync);
    stage.apply(Event::Dmabuf(dmabuf(2, Wire::V1)));
    stage.apply(Event::ConsoleSize(larger));
    assert!(!stage.after(60_000).tick().resync, "what came is what there is");

    stage.apply(Event::ConsoleSize(Size::new(800, 600)));
    stage.apply(Event::ConsoleSize(larger));
    stage.apply(Event::ConsoleSize(Size::new(800, 600)));
    assert!(!stage.after(60_000).tick().resync, "they agree again");
}

/// As recorded of QEMU 10.0: the black surface of the new mode, the `Disable` that threw the real one
/// away, and before, between or after them the console's new size.
#[test]
fn a_lost_mode_is_asked_for_whenever_the_consoles_size_is_told() {
    let larger = Size::new(1024, 768);
    for told in 0..5 {
        let mut stage = Stage::new();
        stage.apply(Event::Dmabuf(dmabuf(1, Wire::V1)));
        stage.apply(Event::ConsoleSize(Size::new(800, 600)));
        stage.update(800, 600);
        stage.after(60_000);
        for step in 0..5 {
            if told == step {
                stage.apply(Event::ConsoleSize(larger));
            }
            match step {
                0 => _ = stage.apply(Event::Dmabuf(sized(2, Wire::V1, false, larger))),
                1 => _ = stage.after(20).apply(Event::Disable),
                2 => _ = stage.update(1024, 768),
                3 => _ = stage.after(30).update(1024, 768),
                _ => {}
            }
        }
        let asked = (0..30).any(|_| stage.after(10).tick().resync);
        assert!(asked, "told of its size before step {told}");
        assert_eq!(stage.model.screen(), Screen::Live(Size::new(800, 600)), "the old picture stays");
        stage.apply(Event::Dmabuf(sized(3, Wire::V1, false, larger)));
        stage.update(1024, 768);
        assert!(!stage.after(60_000).tick().resync, "QEMU has answered");
    }
}

#[test]
fn version_2_loses_nothing() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(dmabuf(1, Wire::V2)));
    stage.update(800, 600);
    stage.apply(Event::Disable);
    stage.update(800, 600);
    stage.apply(Event::ConsoleSize(Size::new(1024, 768)));
    assert!(!stage.after(1000).tick().resync);
}

/// qemu.md trap 16: damage is counted from the top of the picture, the buffer's rows from below.
#[test]
fn trap_16_damage_of_a_buffer_upside_down_is_mirrored() {
    let mut stage = Stage::new();
    stage.apply(Event::Dmabuf(parts(1, Wire::V2, true)));
    stage.update(800, 600);
    stage.model.take();
    stage.apply(Event::Damage { x: 10, y: 0, width: 20, height: 30, ack: None });
    let pending = stage.model.take().expect("damage");
    assert_eq!(pending.damage.rects(), [Rect::new(10, 570, 20, 30)]);
}

/// ui/dbus-listener.c, `dbus_gfx_update`: each flip is a `ScanoutMap` and an `UpdateMap`.
#[test]
fn a_flip_of_mapped_pages_is_one_frame() {
    let mut stage = Stage::new();
    assert!(stage.apply(Event::Mapped(mapped(64, 64))).frame, "the first is shown at once");
    stage.model.take();
    assert!(!stage.apply(Event::Mapped(mapped(64, 64))).frame);
    assert!(stage.update(64, 64).frame);
    assert_eq!(stage.model.take().expect("the flip").events, 2);
    assert!(!stage.apply(Event::Mapped(mapped(64, 64))).frame);
    assert!(stage.after(70).tick().frame, "one without an update is not lost");
    stage.model.take();
    assert!(stage.apply(Event::Mapped(mapped(32, 32))).frame, "another size is shown at once");
}

#[test]
fn damage_is_clipped_and_nonsense_ignored() {
    let mut stage = Stage::new();
    assert!(!stage.update(10, 10).frame, "there is nothing to update");
    stage.apply(Event::Mapped(mapped(64, 64)));
    stage.model.take();
    for [x, y, width, height] in [[64, 0, 1, 1], [0, 0, -1, 5], [0, 0, 0, 0], [i32::MIN; 4], [i32::MAX; 4]] {
        assert!(!stage.apply(Event::Damage { x, y, width, height, ack: None }).frame);
    }
    stage.apply(Event::Damage { x: -8, y: 60, width: 16, height: 16, ack: None });
    assert_eq!(stage.model.take().expect("damage").damage.rects(), [Rect::new(0, 60, 8, 4)]);
}

/// qemu.md trap 31: every update is answered, also one that changes nothing.
#[test]
fn trap_31_an_update_that_shows_nothing_is_answered_at_once() {
    let replies = Arc::new(Replies::default());
    let mut stage = Stage::new();
    let ack = Some(Ack::new(replies.clone(), 1));
    stage.apply(Event::Damage { x: 0, y: 0, width: 5, height: 5, ack });
    assert_eq!(*replies.0.lock().unwrap(), [1]);
}

#[test]
fn replies_wait_for_the_presenter() {
    let replies = Arc::new(Replies::default());
    let mut stage = Stage::new();
    stage.apply(Event::Mapped(mapped(64, 64)));
    for ticket in 1..=1000 {
        let ack = Some(Ack::new(replies.clone(), ticket));
        stage.apply(Event::Damage { x: 0, y: 0, width: 5, height: 5, ack });
    }
    assert!(replies.0.lock().unwrap().is_empty());
    drop(stage.model.take());
    assert_eq!(*replies.0.lock().unwrap(), [1000]);
}

#[test]
fn a_hidden_pointer_keeps_its_shape() {
    let shape = Arc::new(Cursor::new(Size::new(1, 1), Point::new(0, 0), vec![0; 4]).unwrap());
    let mut stage = Stage::new();
    assert_eq!(*stage.model.pointer(), Pointer::Unknown);
    stage.apply(Event::PointerSet { at: Point::new(0, 0), visible: false });
    assert_eq!(stage.model.pointer_place(), None);
    assert!(!stage.apply(Event::Cursor(shape.clone())).pointer);
    assert_eq!(*stage.model.pointer(), Pointer::Hidden);
    let seen = |x| Event::PointerSet { at: Point::new(x, -3), visible: true };
    assert!(stage.apply(seen(7)).pointer);
    assert!(!stage.apply(seen(7)).pointer);
    assert!(stage.apply(seen(8)).pointer);
    assert_eq!(stage.model.pointer_place(), Some(Point::new(8, -3)));
    assert_eq!(*stage.model.pointer(), Pointer::Shown(Some(shape)));
}

#[test]
fn a_cursor_plane_that_is_back_where_it_was_is_seen() {
    let shape = Arc::new(Cursor::new(Size::new(1, 1), Point::new(0, 0), vec![0; 4]).unwrap());
    let mut stage = Stage::new();
    stage.model.set_pointer_kind(PointerKind::Plane);
    let set = |x, visible| Event::PointerSet { at: Point::new(x, 0), visible };
    for event in [Event::Cursor(shape.clone()), set(7, true), set(0, false)] {
        stage.apply(event);
    }
    assert_eq!(*stage.model.pointer(), Pointer::Hidden);
    assert!(stage.apply(Event::Cursor(shape.clone())).pointer);
    assert_eq!(*stage.model.pointer(), Pointer::Shown(Some(shape)));
    assert_eq!(stage.model.pointer_place(), Some(Point::new(7, 0)));
}

#[derive(Debug, Clone)]
enum Op {
    Pixels(u32, u32),
    Patch(i32, i32, u32, u32),
    Mapped(u32, u32),
    Dmabuf(u64, bool),
    Damage([i32; 4]),
    Disable,
    ConsoleSize(u32, u32),
    Gone,
    Take,
    Renew,
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let side = 0..90_u32;
    let number = prop_oneof![-100..100_i32, any::<i32>()];
    let op = prop_oneof![
        (side.clone(), side.clone()).prop_map(|(w, h)| Op::Pixels(w, h)),
        (-9..90_i32, -9..90_i32, side.clone(), side.clone()).prop_map(|(x, y, w, h)| Op::Patch(x, y, w, h)),
        (1..90_u32, 1..90_u32).prop_map(|(w, h)| Op::Mapped(w, h)),
        (0..4_u64, any::<bool>()).prop_map(|(inode, flipped)| Op::Dmabuf(inode, flipped)),
        [number.clone(), number.clone(), number.clone(), number].prop_map(Op::Damage),
        Just(Op::Disable),
        (side.clone(), side).prop_map(|(w, h)| Op::ConsoleSize(w, h)),
        Just(Op::Gone),
        Just(Op::Take),
        Just(Op::Renew),
        (0..300_u64).prop_map(Op::Wait),
    ];
    prop::collection::vec(op, 0..60)
}

fn play(stage: &mut Stage, op: Op, replies: &Arc<Replies>, ticket: &mut u64) {
    let now = stage.now;
    let bytes = vec![1; 90 * 90 * 4];
    let sized = |w, h| Image::new(Size::new(w, h), w * 4, Format::Xrgb8888, &bytes);
    let event = match op {
        Op::Pixels(w, h) => sized(w, h).ok().map(Event::Pixels),
        Op::Patch(x, y, w, h) => sized(w, h).ok().map(|image| Event::Patch { at: Point::new(x, y), image }),
        Op::Mapped(w, h) => Some(Event::Mapped(mapped(w, h))),
        Op::Dmabuf(inode, flipped) => Some(Event::Dmabuf(parts(inode, Wire::V1, flipped))),
        Op::Damage([x, y, width, height]) => {
            *ticket += 1;
            Some(Event::Damage { x, y, width, height, ack: Some(Ack::new(replies.clone(), *ticket)) })
        }
        Op::Disable => Some(Event::Disable),
        Op::ConsoleSize(w, h) => Some(Event::ConsoleSize(Size::new(w, h))),
        Op::Gone => Some(Event::Gone),
        Op::Take => {
            drop(stage.model.take());
            None
        }
        Op::Renew => {
            stage.model.renew(now);
            None
        }
        Op::Wait(millis) => {
            stage.after(millis).tick();
            None
        }
    };
    if let Some(event) = event {
        // Errors are for the listener; the state must hold either way.
        let _ = stage.model.apply(event, now);
    }
}

fn check(model: &Model) {
    let size = model.shown.size();
    if let Some(fresh) = &model.fresh {
        assert!(!matches!(model.shown, Scanout::Blank), "a frame without a picture");
        assert!(fresh.damage.rects().iter().all(|rect| size.at_origin().contains(*rect)), "damage outside");
    }
    if let Screen::Live(size) = model.screen() {
        assert!(!size.is_empty());
    }
}

proptest! {
    #[test]
    fn any_sequence_leaves_a_sound_state_and_every_reply_sent(ops in ops()) {
        let replies = Arc::new(Replies::default());
        let mut stage = Stage::new();
        let mut ticket = 0;
        for op in ops {
            play(&mut stage, op, &replies, &mut ticket);
            check(&stage.model);
        }
        drop(stage);
        let last = replies.0.lock().unwrap().iter().copied().max().unwrap_or(0);
        prop_assert_eq!(last, ticket);
    }
}
