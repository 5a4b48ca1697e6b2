//! From what a pointing device reports to what a guest understands: whole clicks and whole counts.

use super::{Button, Command, Press};

/// A click of the wheel in the units of high-resolution wheels (`WL_POINTER_AXIS_VALUE120`).
const CLICK: f64 = 120.0;

/// Most clicks sent for one report: a peer of the compositor could claim any number.
const MOST_CLICKS: f64 = 32.0;

/// Gathers parts of clicks until they are whole; QEMU's wheel knows nothing smaller.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wheel {
    across: f64,
    down: f64,
}

impl Wheel {
    /// The wheel turned by so many 120ths of a click, to the right and down.
    pub fn turn(&mut self, across: f64, down: f64) -> impl Iterator<Item = Command> + use<> {
        let (button, count) = clicks(&mut self.down, down, Button::WheelUp, Button::WheelDown);
        let (sideways, times) = clicks(&mut self.across, across, Button::WheelLeft, Button::WheelRight);
        let vertical = std::iter::repeat_n(button, count);
        let horizontal = std::iter::repeat_n(sideways, times);
        vertical
            .chain(horizontal)
            .flat_map(|button| [Command::Button(button, Press::Down), Command::Button(button, Press::Up)])
    }
}

/// Whole clicks out of what has gathered; turning back drops what had gathered the other way.
fn clicks(gathered: &mut f64, turned: f64, back: Button, forth: Button) -> (Button, usize) {
    if !turned.is_finite() {
        return (forth, 0);
    }
    if *gathered * turned < 0.0 {
        *gathered = 0.0;
    }
    let total = (*gathered + turned).clamp(-CLICK * MOST_CLICKS, CLICK * MOST_CLICKS);
    let whole = (total / CLICK).trunc();
    *gathered = total - whole * CLICK;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most MOST_CLICKS")]
    let count = whole.abs() as usize;
    (if whole < 0.0 { back } else { forth }, count)
}

/// A movement of a pointing device, as `zwp_relative_pointer_v1` tells of it.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Delta {
    /// As the desktop moves its own pointer: accelerated, in logical units.
    pub x: f64,
    pub y: f64,
    /// As the device moved, in its own counts.
    pub raw_x: f64,
    pub raw_y: f64,
}

/// How fast a relative pointer moves, and by whose acceleration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    factor: f64,
    is_raw: bool,
}

impl Default for Speed {
    /// As the desktop's own pointer.
    fn default() -> Self {
        Self { factor: 1.0, is_raw: false }
    }
}

impl Speed {
    /// The slowest and the fastest.
    pub const RANGE: (f64, f64) = (0.05, 20.0);

    /// So many times as fast as the desktop's own pointer.
    pub fn accelerated(factor: f64) -> Self {
        Self { factor: Self::clamped(factor), is_raw: false }
    }

    /// So many times as fast as the device moves: the guest accelerates, or a game does.
    pub fn raw(factor: f64) -> Self {
        Self { factor: Self::clamped(factor), is_raw: true }
    }

    fn clamped(factor: f64) -> f64 {
        if factor.is_finite() { factor.clamp(Self::RANGE.0, Self::RANGE.1) } else { 1.0 }
    }
}

/// Gathers parts of counts, so that slow movements of a fine mouse are not lost.
#[derive(Debug, Default, Clone, Copy)]
pub struct Motion {
    speed: Speed,
    x: f64,
    y: f64,
}

impl Motion {
    /// How fast it moves.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Moves this fast from now on.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }

    /// A locked pointer moved; nothing to send until that makes a whole count.
    pub fn pushed(&mut self, delta: Delta) -> Option<Command> {
        let Speed { factor, is_raw } = self.speed;
        let (x, y) = if is_raw { (delta.raw_x, delta.raw_y) } else { (delta.x, delta.y) };
        self.moved(x * factor, y * factor)
    }

    /// The pointer moved by so many counts; nothing to send until that makes a whole one.
    pub fn moved(&mut self, x: f64, y: f64) -> Option<Command> {
        let x = whole(&mut self.x, x);
        let y = whole(&mut self.y, y);
        (x != 0 || y != 0).then_some(Command::MoveBy { x, y })
    }

    /// What has gathered is of no use any more.
    pub fn forget(&mut self) {
        (self.x, self.y) = (0.0, 0.0);
    }
}

fn whole(gathered: &mut f64, moved: f64) -> i32 {
    if !moved.is_finite() {
        return 0;
    }
    let total = (*gathered + moved).clamp(-32_768.0, 32_767.0);
    let counts = total.trunc();
    *gathered = total - counts;
    #[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
    {
        counts as i32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turned(wheel: &mut Wheel, across: f64, down: f64) -> Vec<Button> {
        let downs = wheel.turn(across, down).filter_map(|command| match command {
            Command::Button(button, Press::Down) => Some(button),
            _ => None,
        });
        downs.collect()
    }

    #[test]
    fn parts_of_a_click_gather() {
        let mut wheel = Wheel::default();
        assert_eq!(turned(&mut wheel, 0.0, 60.0), []);
        assert_eq!(turned(&mut wheel, 0.0, 60.0), [Button::WheelDown]);
        assert_eq!(turned(&mut wheel, 0.0, -240.0), [Button::WheelUp; 2]);
        assert_eq!(turned(&mut wheel, 120.0, 0.0), [Button::WheelRight]);
        assert_eq!(turned(&mut wheel, -120.0, 0.0), [Button::WheelLeft]);
    }

    #[test]
    fn turning_back_starts_anew() {
        let mut wheel = Wheel::default();
        turned(&mut wheel, 0.0, 119.0);
        assert_eq!(turned(&mut wheel, 0.0, -60.0), []);
        assert_eq!(turned(&mut wheel, 0.0, -60.0), [Button::WheelUp]);
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let mut wheel = Wheel::default();
        assert_eq!(turned(&mut wheel, 0.0, f64::NAN), []);
        assert_eq!(turned(&mut wheel, 0.0, f64::MAX).len(), 32);
        let mut motion = Motion::default();
        assert_eq!(motion.moved(f64::INFINITY, f64::NAN), None);
        assert_eq!(motion.moved(1e300, 0.0), Some(Command::MoveBy { x: 32_767, y: 0 }));
    }

    #[test]
    fn a_speed_is_a_sensible_number() {
        assert_eq!(Speed::raw(0.0), Speed::raw(0.05));
        assert_eq!(Speed::accelerated(1e9), Speed::accelerated(20.0));
        assert_eq!(Speed::accelerated(f64::NAN), Speed::default());
    }

    #[test]
    fn a_locked_pointer_moves_by_the_devices_counts_or_by_the_desktops() {
        let delta = Delta { x: 1.5, y: -3.0, raw_x: 4.0, raw_y: 0.0 };
        let mut motion = Motion::default();
        assert_eq!(motion.pushed(delta), Some(Command::MoveBy { x: 1, y: -3 }));
        assert_eq!(motion.pushed(delta), Some(Command::MoveBy { x: 2, y: -3 }), "with what was left over");
        motion.set_speed(Speed::raw(0.25));
        assert_eq!(motion.pushed(delta), Some(Command::MoveBy { x: 1, y: 0 }));
    }

    proptest! {
        #[test]
        fn a_thousand_small_movements_add_up(
            quarters in prop::collection::vec(-20..20_i32, 1000),
            factor in prop::sample::select(vec![0.25, 0.5, 1.0, 2.0]),
        ) {
            let mut motion = Motion::default();
            motion.set_speed(Speed::raw(factor));
            let mut sent = 0;
            for quarter in &quarters {
                let delta = Delta { raw_x: f64::from(*quarter) / 4.0, ..Delta::default() };
                if let Some(Command::MoveBy { x, .. }) = motion.pushed(delta) {
                    sent += x;
                }
            }
            let moved = f64::from(quarters.iter().sum::<i32>()) / 4.0 * factor;
            // Powers of two: nothing is rounded on the way.
            prop_assert!((f64::from(sent) - moved).abs() < 1.0, "{sent} of {moved}");
            prop_assert_eq!(f64::from(sent) + motion.x, moved);
        }

        #[test]
        fn no_motion_is_lost(moves in prop::collection::vec(-3.0..3.0_f64, 0..200)) {
            let mut motion = Motion::default();
            let mut sent = 0.0;
            for moved in &moves {
                if let Some(Command::MoveBy { x, .. }) = motion.moved(*moved, 0.0) {
                    sent += f64::from(x);
                }
            }
            prop_assert!((moves.iter().sum::<f64>() - sent).abs() < 1.0 + 1e-9);
        }
    }
}
