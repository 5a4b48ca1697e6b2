//! Whether a guest with a tablet has its pointer where the person points, or has put it elsewhere.

use std::time::Duration;

use crate::clock::Time;
use crate::geometry::{Guest, Point};

/// How long a guest may take to follow: an emulated one draws a few pictures meanwhile.
const PATIENCE: Duration = Duration::from_millis(250);

/// Guest pixels: tablets have 32768 places across (hw/input/virtio-input-hid.c), guests round.
const NEAR: u32 = 4;

/// Where the guest has its pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// Where the person points, as far as is known.
    Here,
    /// Elsewhere so far; it may be on its way until then.
    Coming(Time),
    /// Elsewhere.
    Elsewhere,
}

/// What was told to a guest of the pointer, and what it made of that.
#[derive(Debug, Default)]
pub struct Warp {
    told: Option<(Point<Guest>, Time)>,
    /// The first place that the guest told.
    first: Option<Point<Guest>>,
    /// A guest whose places change knows what it says.
    is_credible: bool,
}

impl Warp {
    /// The person points at this.
    pub fn told(&mut self, at: Point<Guest>, now: Time) {
        self.told = Some((at, now));
    }

    /// The person points elsewhere, where the guest has nothing.
    pub fn left(&mut self) {
        self.told = None;
    }

    /// Whether the guest tells places that are worth a comparison.
    pub fn is_credible(&self) -> bool {
        self.is_credible
    }

    /// Compares. `corner` is what the guest told, which with some devices is the place of the hot spot.
    pub fn look(&mut self, corner: Point<Guest>, hot: Point<Guest>, now: Time) -> Whereabouts {
        let first = *self.first.get_or_insert(corner);
        self.is_credible |= first != corner;
        let Some((told, when)) = self.told.filter(|_| self.is_credible) else { return Whereabouts::Here };
        let is_near = |x: i32, y: i32| x.abs_diff(told.x) <= NEAR && y.abs_diff(told.y) <= NEAR;
        let pointed = (corner.x.saturating_add(hot.x), corner.y.saturating_add(hot.y));
        if is_near(corner.x, corner.y) || is_near(pointed.0, pointed.1) {
            return Whereabouts::Here;
        }
        let until = when + PATIENCE;
        if now < until { Whereabouts::Coming(until) } else { Whereabouts::Elsewhere }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOT: Point<Guest> = Point::new(7, 9);

    fn at(milliseconds: u64) -> Time {
        Time::from_millis(milliseconds)
    }

    #[test]
    fn a_guest_that_follows_is_here_by_corner_or_hot_spot() {
        let mut warp = Warp::default();
        warp.look(Point::new(0, 0), HOT, at(0));
        warp.told(Point::new(100, 50), at(1000));
        for corner in [Point::new(100, 50), Point::new(93, 41), Point::new(97, 45)] {
            assert_eq!(warp.look(corner, HOT, at(9000)), Whereabouts::Here, "{corner:?}");
        }
    }

    #[test]
    fn one_that_stays_away_for_long_is_elsewhere_until_the_person_moves() {
        let mut warp = Warp::default();
        warp.look(Point::new(0, 0), HOT, at(0));
        warp.told(Point::new(100, 50), at(1000));
        let away = Point::new(300, 50);
        assert_eq!(warp.look(away, HOT, at(1100)), Whereabouts::Coming(at(1250)));
        assert_eq!(warp.look(away, HOT, at(1250)), Whereabouts::Elsewhere);
        warp.told(Point::new(101, 50), at(2000));
        assert_eq!(warp.look(away, HOT, at(2001)), Whereabouts::Coming(at(2250)));
        warp.left();
        assert_eq!(warp.look(away, HOT, at(9000)), Whereabouts::Here, "nobody points");
    }

    #[test]
    fn one_that_tells_the_same_for_ever_tells_nothing() {
        let mut warp = Warp::default();
        warp.told(Point::new(100, 50), at(1000));
        for time in [1000, 5000] {
            assert_eq!(warp.look(Point::new(0, 0), HOT, at(time)), Whereabouts::Here);
        }
        assert!(!warp.is_credible());
        let farthest = Point::new(i32::MAX, i32::MIN);
        assert_eq!(warp.look(farthest, HOT, at(5000)), Whereabouts::Elsewhere);
    }
}
