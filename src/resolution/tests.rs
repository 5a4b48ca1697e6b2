//! A person, a window, a QEMU and a guest, all made up, around the one machine that is tested.

mod density;
mod limits;

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    APART, Answer, Control, Device, Limits, PATIENCE, Pitch, Policy, Reason, SETTLING, SizedBy, Verdict,
    Window, Wish,
};
use crate::clock::Time;
use crate::geometry::{
    Guest, Logical, Placement, Point, Rect, Rotation, Scaling, ScreenScale, Size, natural_size,
};

/// How a guest takes a wish.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Obeys after some milliseconds.
    Obeys(u64),
    /// Knows multiples of 16, up to 1600 × 1200.
    Rounds,
    /// Makes modes of its own of what it is told, as many cells of 8 pixels wide.
    Cells,
    /// Shows this at most, as a device that cuts off what is more.
    UpTo(u32, u32),
    /// Obeys, and goes back to its own size after a second.
    Relapses,
    Ignores,
    /// Its device refuses.
    Refuses,
}

/// A monitor, in units, and bars that the window has besides the picture.
const MONITOR: Size<Logical> = Size::new(2560, 1440);
const BAR: u32 = 47;

struct World {
    control: Control,
    now: Time,
    manner: Manner,
    scale: ScreenScale,
    /// The monitor's own pixels, if it tells of them.
    pitch: Option<Pitch>,
    window: Size<Logical>,
    sized_by: SizedBy,
    shown: Size<Guest>,
    /// What the guest will do, and when.
    plans: VecDeque<(Time, Size<Guest>)>,
    /// Every wish that was made, and when.
    wishes: Vec<(Time, Wish)>,
}

impl World {
    fn new(manner: Manner, policy: Policy, scale: f64) -> Self {
        Self::of(Device::Virtio, manner, policy, scale)
    }

    fn of(device: Device, manner: Manner, policy: Policy, scale: f64) -> Self {
        let mut world = Self {
            control: Control::new(device, policy),
            now: Time::from_millis(1_000),
            manner,
            scale: ScreenScale::new(scale),
            pitch: None,
            window: Size::new(1280, 800),
            sized_by: SizedBy::Picture,
            shown: Size::new(1280, 800),
            plans: VecDeque::new(),
            wishes: Vec::new(),
        };
        world.control.set_shown(Some(world.shown), world.now);
        world.window = natural_size(world.shown, world.scale);
        world.tell();
        world
    }

    fn area(&self) -> Rect<Logical> {
        match self.sized_by {
            SizedBy::Fullscreen => MONITOR.at_origin(),
            _ => Rect::new(0, BAR.cast_signed(), self.window.width, self.window.height),
        }
    }

    fn tell(&mut self) {
        let window = Window {
            area: self.area(),
            scale: self.scale,
            rotation: Rotation::None,
            pitch: self.pitch.unwrap_or_else(|| Pitch::of_scale(self.scale)),
            at: Point::new(0, 0),
            sized_by: self.sized_by,
        };
        self.control.set_window(window, self.now);
    }

    /// The person drags the window's corner to this size, within some frames.
    fn drag(&mut self, width: u32, height: u32) {
        let from = self.window;
        for frame in 1..=5_u32 {
            let between = |from: u32, to: u32| (from * (5 - frame) + to * frame) / 5;
            self.sized_by = SizedBy::Person;
            self.window = Size::new(between(from.width, width), between(from.height, height));
            self.tell();
            self.pass(Duration::from_millis(16));
        }
    }

    /// The window comes to another monitor of as many pixels, which is this many millimetres wide.
    fn move_to_monitor(&mut self, millimetres: u32) {
        let pixels = Size::new(2560, 1440);
        self.pitch = Some(Pitch::of_monitor(pixels, (millimetres, millimetres * 9 / 16), self.scale));
        self.tell();
    }

    fn fullscreen(&mut self, fullscreen: bool) {
        self.sized_by = if fullscreen { SizedBy::Fullscreen } else { SizedBy::Person };
        self.tell();
    }

    /// The guest's picture is another; a window that suited it follows.
    fn show(&mut self, size: Size<Guest>) {
        let suited = self.sized_by == SizedBy::Picture
            || self.sized_by == SizedBy::Person && self.window == natural_size(self.shown, self.scale);
        self.shown = size;
        self.control.set_shown(Some(size), self.now);
        if suited {
            let natural = natural_size(size, self.scale);
            let within = |length: u32, most: u32| length.min(most * 9 / 10);
            self.window =
                Size::new(within(natural.width, MONITOR.width), within(natural.height, MONITOR.height));
            self.sized_by = SizedBy::Picture;
            self.tell();
        }
    }

    /// Lets time go by, with all that happens in it.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let plan = self.plans.front().map(|(at, _)| *at);
            let Some(next) = [plan, self.control.wake()].into_iter().flatten().min().filter(|at| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            if plan == Some(next) {
                let (_, size) = self.plans.pop_front().expect("there is one");
                self.show(size);
            }
            if let Some(wish) = self.control.step(self.now) {
                self.ask(wish);
            }
        }
        self.now = end;
    }

    /// QEMU, and the guest's intentions.
    fn ask(&mut self, wish: Wish) {
        assert!(Limits::COMMON.allow(wish.size), "asked for {:?}", wish.size);
        if let Some((at, last)) = self.wishes.last() {
            assert_ne!(*last, wish, "QEMU drops what it was told before");
            assert!(self.now.since(*at) >= APART);
        }
        self.wishes.push((self.now, wish));
        let answer =
            if matches!(self.manner, Manner::Refuses) { Answer::Unsupported } else { Answer::Accepted };
        self.control.answered(wish, answer, self.now);
        let own = self.shown;
        let later = |millis: u64| self.now + Duration::from_millis(millis);
        self.plans.clear();
        match self.manner {
            Manner::Obeys(millis) => self.plans.push_back((later(millis), wish.size)),
            Manner::Rounds => {
                let rounded = |length: u32, most: u32| (length / 16 * 16).min(most);
                let size = Size::new(rounded(wish.size.width, 1600), rounded(wish.size.height, 1200));
                self.plans.push_back((later(40), size));
            }
            Manner::Cells => {
                self.plans.push_back((later(40), Size::new(wish.size.width / 8 * 8, wish.size.height)));
            }
            Manner::UpTo(width, height) => {
                let size = Size::new(wish.size.width.min(width), wish.size.height.min(height));
                self.plans.push_back((later(140), size));
            }
            Manner::Relapses => {
                self.plans.extend([(later(40), wish.size), (later(1040), own)]);
            }
            Manner::Ignores | Manner::Refuses => {}
        }
    }

    fn settle(&mut self) {
        self.pass(Duration::from_secs(10));
    }

    /// Whether the picture is 1:1, and fills the window but for an edge.
    fn is_right(&self) -> bool {
        let placed = Placement::new(self.shown, self.area(), self.scale, Scaling::Fit).expect("room");
        let (room, seen) = (placed.room().size, placed.visible_pixels().size);
        let full = |room: u32, seen: u32| room - seen <= (room / 32).max(7);
        placed.is_exact() && full(room.width, seen.width) && full(room.height, seen.height)
    }

    fn sizes(&self) -> Vec<(u32, u32)> {
        self.wishes.iter().map(|(_, wish)| (wish.size.width, wish.size.height)).collect()
    }
}

const SCALES: [f64; 8] = [1.0, 1.1, 1.25, 1.333, 1.5, 1.75, 2.0, 2.5];

#[test]
fn a_window_that_has_settled_is_asked_for_once() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    assert_eq!(world.sizes(), [], "while it moves");
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900)]);
    assert!(world.is_right());
    let Verdict::Followed { size, after } = world.control.verdict() else { panic!("not followed") };
    assert_eq!((size, after), (Size::new(1600, 900), Duration::from_millis(40)));
    world.settle();
    assert_eq!(world.wishes.len(), 1);
}

#[test]
fn a_device_is_not_asked_for_more_than_it_turned_out_to_have() {
    let mut world = World::of(Device::Vfio, Manner::UpTo(1600, 1000), Policy::FollowWindow, 1.0);
    world.drag(1800, 1100);
    world.settle();
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { reason: Reason::OtherSize(_), .. }));
    world.drag(2200, 1400);
    world.settle();
    let most = Size::new(1600, 1000);
    let verdict = Verdict::NotFollowed { asked: Size::new(2200, 1400), reason: Reason::Most(most) };
    assert_eq!((world.control.verdict(), world.control.limits().most), (verdict, most));
    for size in [(2400, 1300), (2300, 1200)] {
        world.drag(size.0, size.1);
        world.settle();
    }
    world.drag(2000, 900);
    world.settle();
    assert_eq!(world.sizes(), [(1800, 1100), (2200, 1400), (1600, 900)], "what it can, and nothing more");
    assert!(matches!(world.control.verdict(), Verdict::Followed { .. }));
    world.drag(2400, 1400);
    world.settle();
    assert_eq!(world.sizes().last(), Some(&(1600, 1000)));
    // Somebody knows better.
    world.control.ask_again(world.now);
    world.settle();
    assert_eq!(world.sizes().last(), Some(&(2400, 1400)));
}

/// Who followed the advice has a larger one behind the new connection.
#[test]
fn what_a_device_has_is_learned_anew_from_a_new_connection() {
    let mut world = World::of(Device::Vfio, Manner::UpTo(1600, 1000), Policy::FollowWindow, 1.0);
    for size in [(1800, 1100), (2200, 1400)] {
        world.drag(size.0, size.1);
        world.settle();
    }
    assert_eq!(world.control.limits().most, Size::new(1600, 1000));
    world.control.reconnected(world.now);
    world.wishes.clear();
    world.settle();
    assert_eq!(world.sizes(), [(2200, 1400)]);
}

#[test]
fn millimetres_are_those_of_the_screen() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.5);
    world.drag(1000, 600);
    world.settle();
    let [(_, wish)] = world.wishes[..] else { panic!("{:?}", world.wishes) };
    // 144 pixels an inch.
    assert_eq!((wish.size, wish.millimetres.width), (Size::new(1500, 900), 265));
}

#[test]
fn a_guest_that_goes_its_own_way_is_let() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    world.settle();
    // It is chosen in the guest; the window has the picture's size and follows.
    world.show(Size::new(1366, 768));
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900)]);
    assert_eq!(world.control.verdict(), Verdict::None);
    // Back again: QEMU would drop the very same wish.
    world.drag(1600, 900);
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900), (1600, 900)]);
    assert!(world.is_right());
}

#[test]
fn a_size_that_only_was_passed_is_none() {
    let mut world = World::new(Manner::Ignores, Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    world.settle();
    world.drag(1000, 600);
    world.drag(1600, 900);
    world.settle();
    assert_eq!(world.sizes(), [(1600, 900)]);
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { reason: Reason::NoAgent, .. }));
}

#[test]
fn fullscreen_has_the_monitors_size_and_gives_it_back() {
    for policy in [Policy::OnlyFullscreen, Policy::FollowWindow] {
        let mut world = World::new(Manner::Obeys(40), policy, 1.0);
        world.fullscreen(true);
        world.settle();
        world.fullscreen(false);
        world.settle();
        assert_eq!(world.sizes(), [(2560, 1440), (1280, 800)], "{policy:?}");
        world.drag(1000, 700);
        world.settle();
        let more = usize::from(policy == Policy::FollowWindow);
        assert_eq!(world.wishes.len(), 2 + more, "{policy:?}");
    }
}

#[test]
fn a_choice_lasts_until_the_window_is_another() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.0);
    world.control.choose(Some(Size::new(1920, 1080)), world.now);
    world.settle();
    assert_eq!(world.sizes(), [(1920, 1080)]);
    assert_eq!(world.control.chosen(), Some(Size::new(1920, 1080)));
    world.drag(1600, 900);
    world.settle();
    assert_eq!(world.control.chosen(), None);
    assert_eq!(world.sizes()[1..], [(1600, 900)]);
}

#[test]
fn without_following_only_the_person_asks() {
    let mut world = World::new(Manner::Ignores, Policy::Off, 1.0);
    world.drag(1600, 900);
    world.fullscreen(true);
    world.settle();
    assert_eq!(world.sizes(), []);
    world.control.choose(Some(Size::new(1, 1)), world.now);
    world.settle();
    assert_eq!(world.sizes(), [(320, 200)]);
    world.control.ask_again(world.now);
    world.settle();
    assert_eq!(world.sizes(), [(320, 200), (320, 200)], "with other millimetres");
}

#[test]
fn a_device_that_refuses_is_not_bothered() {
    let mut world = World::new(Manner::Refuses, Policy::FollowWindow, 1.0);
    for side in [900, 1000, 1100] {
        world.drag(side, side);
        world.settle();
    }
    assert_eq!(world.wishes.len(), 1);
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { reason: Reason::Unsupported, .. }));
    world.control.reconnected(world.now);
    world.settle();
    assert_eq!(world.wishes.len(), 2);
}

#[test]
fn who_follows_late_has_followed() {
    let mut world = World::new(Manner::Obeys(9_000), Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    world.pass(SETTLING + PATIENCE + Duration::from_millis(1));
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { .. }));
    world.settle();
    assert!(matches!(world.control.verdict(), Verdict::Followed { .. }));
}

/// Wishes for several screens wait for each other; a guest's time begins when it has heard of its own.
#[test]
fn a_guest_has_its_time_from_when_it_was_told() {
    let mut world = World::new(Manner::Ignores, Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    world.now = world.control.wake().expect("it settles");
    let wish = world.control.step(world.now).expect("a wish");
    let waiting = Verdict::Waiting { asked: wish.size };
    world.pass(PATIENCE * 3);
    assert_eq!((world.control.verdict(), world.control.wake()), (waiting, None));
    world.control.answered(wish, Answer::Accepted, world.now);
    world.pass(PATIENCE - Duration::from_millis(1));
    assert_eq!(world.control.verdict(), waiting);
    world.pass(Duration::from_millis(1));
    assert!(matches!(world.control.verdict(), Verdict::NotFollowed { reason: Reason::NoAgent, .. }));
    world.pass(Duration::from_secs(2));
    world.show(wish.size);
    let after = PATIENCE + Duration::from_secs(2);
    assert_eq!(world.control.verdict(), Verdict::Followed { size: wish.size, after });
}

#[test]
fn following_that_is_switched_on_begins_at_once_and_keeps_what_fits() {
    let mut world = World::new(Manner::Obeys(40), Policy::Off, 1.0);
    world.show(Size::new(1366, 768));
    world.control.set_policy(Policy::FollowWindow, world.now);
    world.settle();
    // The guest has what fits, and learns how large that is.
    assert_eq!(world.sizes(), [(1366, 768)]);
}

#[test]
fn a_head_that_moves_among_the_others_tells_so() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.0);
    world.drag(1600, 900);
    world.settle();
    let window = world.control.window.expect("told");
    world.control.set_window(Window { at: Point::new(1920, 0), ..window }, world.now);
    world.settle();
    assert_eq!(world.wishes[1].1.at, Point::new(1920, 0));
    assert_eq!(world.wishes[1].1.size, world.wishes[0].1.size);
}

#[test]
fn a_window_without_room_asks_for_nothing() {
    let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, 1.0);
    world.window = Size::new(0, 0);
    world.sized_by = SizedBy::Person;
    world.tell();
    world.settle();
    assert_eq!(world.sizes(), []);
}

#[test]
fn a_thousand_sizes_make_a_thousand_wishes_at_most() {
    for scale in SCALES {
        let mut world = World::new(Manner::Obeys(40), Policy::FollowWindow, scale);
        let mut seed = 1_u32;
        let mut random = |least: u32, most: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            least + (seed >> 8) % (most - least)
        };
        for _ in 0..1_000 {
            let before = world.wishes.len();
            world.drag(random(360, 2400), random(240, 1300));
            world.settle();
            assert!(world.wishes.len() <= before + 1);
            assert!(world.is_right(), "{:?} in {:?} at {scale}", world.shown, world.window);
        }
        assert!(world.wishes.len() > 900);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Drag(u32, u32),
    Fullscreen(bool),
    Show(u32, u32),
    Choose(Option<(u32, u32)>),
    Follow(Policy),
    AskAgain,
    Reconnect,
    Rescale(f64),
    Density(u32),
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Act> {
    let policy = prop::sample::select(vec![Policy::Off, Policy::FollowWindow, Policy::OnlyFullscreen]);
    prop_oneof![
        6 => (1..2560_u32, 1..1440_u32).prop_map(|(width, height)| Act::Drag(width, height)),
        2 => any::<bool>().prop_map(Act::Fullscreen),
        2 => (100..3000_u32, 100..2000_u32).prop_map(|(width, height)| Act::Show(width, height)),
        1 => prop::option::of((0..5000_u32, 0..5000_u32)).prop_map(Act::Choose),
        1 => policy.prop_map(Act::Follow),
        1 => Just(Act::AskAgain),
        1 => Just(Act::Reconnect),
        1 => prop::sample::select(SCALES.to_vec()).prop_map(Act::Rescale),
        1 => (300..900_u32).prop_map(Act::Density),
        6 => (0..3000_u64).prop_map(Act::Wait),
    ]
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![
        (0..9_000_u64).prop_map(Manner::Obeys),
        Just(Manner::Rounds),
        Just(Manner::Cells),
        Just(Manner::Relapses),
        Just(Manner::Ignores),
        Just(Manner::Refuses),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_goes_round_in_circles(manner in manners(), acts in prop::collection::vec(acts(), 1..40)) {
        let mut world = World::new(manner, Policy::FollowWindow, 1.25);
        let mut causes = 1;
        for act in acts {
            match act {
                Act::Drag(width, height) => world.drag(width, height),
                Act::Fullscreen(fullscreen) => world.fullscreen(fullscreen),
                Act::Show(width, height) => world.show(Size::new(width, height)),
                Act::Choose(size) => {
                    let size = size.map(|(width, height)| Size::new(width, height));
                    world.control.choose(size, world.now);
                }
                Act::Follow(policy) => world.control.set_policy(policy, world.now),
                Act::AskAgain => world.control.ask_again(world.now),
                Act::Reconnect => {
                    // A new QEMU, which knows nothing of the last.
                    world.control.reconnected(world.now);
                    world.wishes.clear();
                    causes = 0;
                }
                Act::Rescale(scale) => {
                    world.scale = ScreenScale::new(scale);
                    world.tell();
                }
                Act::Density(millimetres) => world.move_to_monitor(millimetres),
                Act::Wait(millis) => world.pass(Duration::from_millis(millis)),
            }
            causes += usize::from(!matches!(act, Act::Show(..) | Act::Wait(_)));
            prop_assert!(world.wishes.len() <= causes);
        }
        world.settle();
        let settled = world.wishes.len();
        prop_assert!(settled <= causes);
        world.pass(Duration::from_secs(120));
        prop_assert_eq!(world.wishes.len(), settled, "something is asked although nothing happens");
        let waiting = matches!(world.control.verdict(), Verdict::Waiting { .. });
        prop_assert!(!waiting);
        prop_assert_eq!(world.control.wake(), None);
    }
}
