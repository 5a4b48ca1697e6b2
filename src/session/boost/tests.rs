//! The boost against a guest, a screen and a QEMU that are made up.

use proptest::prelude::*;

use super::*;

const REFRESH: Duration = Duration::from_nanos(16_666_667);
const BUFFERS: Option<u64> = Some(7);

/// QEMU's own looks.
const POLL: u64 = 30;

/// A guest that flips every so many milliseconds, of which a viewer sees what QEMU looks at.
struct World {
    boost: Boost,
    now: Time,
    /// From one flip to the next; none without.
    period: Option<u64>,
    /// The flip that was seen last, by its number.
    known: u64,
    pulse: Pulse,
    seen: bool,
    answer: Answer,
    /// How long QEMU takes over a kick, in milliseconds.
    takes: u64,
    kicks: Vec<Time>,
}

impl World {
    fn new(period: Option<u64>) -> Self {
        Self {
            boost: Boost::default(),
            now: Time::from_millis(1000),
            period,
            known: 0,
            pulse: Pulse { buffers: BUFFERS, ..Pulse::default() },
            seen: true,
            answer: Answer::Looked(Refreshed::Buffer),
            takes: 1,
            kicks: Vec::new(),
        }
    }

    fn millis(&self) -> u64 {
        self.now.as_nanos() / 1_000_000
    }

    /// QEMU looks: a flip since it last did is one that the viewer hears of.
    fn qemu_looks(&mut self) {
        self.pulse.frames += 1;
        let Some(period) = self.period else { return };
        let newest = self.millis() / period;
        if newest != self.known {
            self.known = newest;
            self.pulse.flips += 1;
            self.pulse.flipped = Some(self.now);
        }
    }

    fn view(&self) -> View {
        let beats = self.now.as_nanos() / nanos(REFRESH);
        let at = Time::from_nanos(beats * nanos(REFRESH));
        View { beat: self.seen.then_some(Beat { at, refresh: Some(REFRESH) }), pulse: self.pulse }
    }

    /// So many milliseconds pass, in steps of one.
    fn run(&mut self, millis: u64) {
        let end = self.millis() + millis;
        while self.millis() < end {
            if self.millis().is_multiple_of(POLL) {
                self.qemu_looks();
            }
            self.boost.look(self.view(), self.now);
            if let Plan::Kick(at) = self.boost.plan(self.now)
                && at <= self.now
            {
                self.boost.kicked(at, self.now);
                self.kicks.push(self.now);
                self.now = self.now + Duration::from_millis(self.takes);
                self.qemu_looks();
                self.boost.answered(self.answer, self.now);
            } else {
                self.now = self.now + Duration::from_millis(1);
            }
        }
    }

    /// Flips seen and kicks sent in so many milliseconds.
    fn during(&mut self, millis: u64) -> (u64, usize) {
        let (flips, kicks) = (self.pulse.flips, self.kicks.len());
        self.run(millis);
        (self.pulse.flips - flips, self.kicks.len() - kicks)
    }
}

#[test]
fn a_guest_at_60_hz_is_seen_at_60_hz() {
    let mut world = World::new(Some(16));
    let (alone, kicks) = world.during(500);
    assert!((14..=18).contains(&alone) && kicks == 0, "{alone} flips, {kicks} kicks");
    world.run(2000);
    assert_eq!(world.boost.told(), stats::Boost::On);
    let (flips, kicks) = world.during(1000);
    assert!((56..=64).contains(&flips) && (54..=61).contains(&kicks), "{flips} flips, {kicks} kicks");
}

#[test]
fn a_guest_that_qemu_sees_well_enough_is_left_alone_longer_and_longer() {
    let mut world = World::new(Some(100));
    let (_, kicks) = world.during(60_000);
    let first = kicks;
    assert!(kicks <= 3 * 125, "a trial or three, of 2 s each: {kicks}");
    let (_, kicks) = world.during(60_000);
    assert!(kicks <= first, "fewer trials than in the minute before: {kicks}");
}

#[test]
fn kicks_come_just_before_the_screen_shows() {
    let mut world = World::new(Some(16));
    world.run(3000);
    let before = world.kicks.len();
    world.run(1000);
    for kick in &world.kicks[before..] {
        let into = kick.as_nanos() % nanos(REFRESH);
        let ahead = Duration::from_nanos(nanos(REFRESH) - into);
        let fits = (Duration::from_millis(3)..=Duration::from_millis(6)).contains(&ahead);
        assert!(fits, "{ahead:?} before the picture is seen");
    }
}

#[test]
fn nobody_who_does_not_look_is_kicked_for() {
    let mut world = World::new(Some(16));
    world.run(3000);
    world.seen = false;
    world.run(20);
    assert_eq!(world.during(5000).1, 0);
    world.seen = true;
    let (_, kicks) = world.during(1000);
    assert!(kicks > 50, "it has helped before: no need to find out again, but {kicks}");
}

#[test]
fn a_guest_that_stands_still_is_not_kicked() {
    let mut world = World::new(Some(16));
    world.run(3000);
    world.period = None;
    world.run(300);
    assert_eq!(world.during(5000).1, 0);
    assert_eq!(world.boost.told(), stats::Boost::Idle);
}

#[test]
fn who_knows_better_is_not_asked_for_proof() {
    let mut world = World::new(None);
    world.boost = Boost::new(Policy::Always);
    let (_, kicks) = world.during(10_000);
    assert!((560..=600).contains(&kicks), "{kicks}");
    assert_eq!(world.boost.told(), stats::Boost::On);
    world.seen = false;
    world.run(20);
    assert_eq!(world.during(1000).1, 0, "but nothing for nobody");
}

#[test]
fn one_answer_is_enough_to_know_a_surface() {
    let mut world = World::new(Some(16));
    world.answer = Answer::Looked(Refreshed::Surface);
    assert_eq!(world.during(30_000).1, 1);
    world.pulse.buffers = Some(8);
    world.answer = Answer::Looked(Refreshed::Buffer);
    assert!(world.during(3000).1 > 50, "other buffers are another matter");
}

#[test]
fn a_qemu_that_refuses_is_not_asked_again() {
    let mut world = World::new(Some(16));
    world.answer = Answer::Refused;
    assert_eq!(world.during(30_000).1, 1);
    world.pulse.buffers = Some(8);
    assert_eq!(world.during(30_000).1, 0);
    assert_eq!((world.boost.plan(world.now), world.boost.told()), (Plan::Over, stats::Boost::Refused));
}

#[test]
fn a_qemu_that_is_held_up_by_it_is_left_alone() {
    let mut world = World::new(Some(16));
    world.takes = 500;
    let (_, kicks) = world.during(9000);
    assert!(kicks < 10, "{kicks}");
    assert_eq!(world.boost.told(), stats::Boost::Useless);
}

#[test]
fn a_guest_that_slows_down_is_measured_anew() {
    let mut world = World::new(Some(16));
    world.run(3000);
    world.period = Some(50);
    world.run(6000);
    assert_eq!(world.boost.told(), stats::Boost::Useless);
}

#[test]
fn a_guest_that_begins_to_draw_fast_is_not_kept_waiting() {
    let mut world = World::new(Some(40));
    world.run(120_000);
    assert_eq!(world.boost.told(), stats::Boost::Useless, "at 25 pictures a second QEMU misses none");
    world.period = Some(16);
    world.run(8000);
    assert_eq!(world.boost.told(), stats::Boost::On);
}

#[derive(Debug, Clone)]
enum Op {
    Pass(u64),
    Flip,
    Beat,
    Hide,
    Buffers(Option<u64>),
    Answer(Answer),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..40_000_u64).prop_map(Op::Pass),
        8 => Just(Op::Flip),
        6 => Just(Op::Beat),
        1 => Just(Op::Hide),
        1 => prop_oneof![Just(None), (1..4_u64).prop_map(Some)].prop_map(Op::Buffers),
        8 => Just(Op::Answer(Answer::Looked(Refreshed::Buffer))),
        1 => Just(Op::Answer(Answer::Looked(Refreshed::Surface))),
    ];
    prop::collection::vec(op, 0..2000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_the_rules_are_kept(ops in ops(), refresh in 2_000_000..40_000_000_u64) {
        let refresh = Duration::from_nanos(refresh);
        let mut boost = Boost::default();
        let mut now = Time::from_millis(1000);
        let mut view = View { pulse: Pulse { buffers: Some(1), ..Pulse::default() }, beat: None };
        let mut waiting = false;
        let mut last: Option<Time> = None;
        for op in ops {
            match op {
                Op::Pass(micros) => now = now + Duration::from_micros(micros),
                Op::Flip => {
                    view.pulse.flips += 1;
                    view.pulse.flipped = Some(now);
                }
                Op::Beat => view.beat = Some(Beat { at: now, refresh: Some(refresh) }),
                Op::Hide => view.beat = None,
                Op::Buffers(buffers) => view.pulse.buffers = buffers,
                Op::Answer(answer) if waiting => {
                    boost.answered(answer, now);
                    waiting = false;
                }
                Op::Answer(_) => {}
            }
            boost.look(view, now);
            let Plan::Kick(at) = boost.plan(now) else { continue };
            prop_assert!(!waiting, "two at once");
            prop_assert!(view.pulse.buffers.is_some(), "without a buffer");
            let seen = view.beat.is_some_and(|beat| now.since(beat.at) < UNSEEN);
            prop_assert!(seen, "while nobody looks");
            prop_assert!(at <= now + refresh * 2, "too late to be of use");
            if at <= now {
                prop_assert!(now.since(at) <= refresh / 4, "late");
                prop_assert!(last.is_none_or(|last| at >= last + refresh), "oftener than the screen");
                boost.kicked(at, now);
                last = Some(at);
                waiting = true;
            }
        }
    }
}
