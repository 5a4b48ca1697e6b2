//! Which part of the picture changed: a handful of rectangles, never more.

use crate::geometry::{Guest, Rect, Size};

/// How many rectangles are told apart before they are united: enough for a clock, a caret and a
/// pointer, few enough to cost nothing.
const CAPACITY: usize = 8;

/// A set of rectangles of fixed capacity, whose union holds everything that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    rects: [Rect<Guest>; CAPACITY],
    len: usize,
}

impl Damage {
    /// Nothing changed.
    pub const NONE: Self = Self { rects: [Rect::new(0, 0, 0, 0); CAPACITY], len: 0 };

    /// All of a picture of this size changed.
    pub fn whole(size: Size<Guest>) -> Self {
        let mut all = Self::NONE;
        all.add(size.at_origin());
        all
    }

    /// The rectangles; none is empty, and none lies in another.
    pub fn rects(&self) -> &[Rect<Guest>] {
        &self.rects[..self.len]
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all of a picture of this size changed.
    pub fn is_whole(&self, size: Size<Guest>) -> bool {
        self.rects().iter().any(|rect| rect.contains(size.at_origin()))
    }

    /// Adds a rectangle. Those that it covers go; if there are too many, all become one.
    pub fn add(&mut self, rect: Rect<Guest>) {
        if rect.is_empty() || self.rects().iter().any(|held| held.contains(rect)) {
            return;
        }
        self.drop_covered_by(rect);
        if self.len == CAPACITY {
            let united = self.rects().iter().fold(rect, |all, held| all.union(*held));
            *self = Self::NONE;
            self.rects[0] = united;
            self.len = 1;
            return;
        }
        self.rects[self.len] = rect;
        self.len += 1;
    }

    /// Adds everything that `other` holds.
    pub fn add_all(&mut self, other: &Self) {
        for rect in other.rects() {
            self.add(*rect);
        }
    }

    fn drop_covered_by(&mut self, rect: Rect<Guest>) {
        let mut kept = 0;
        for index in 0..self.len {
            if !rect.contains(self.rects[index]) {
                self.rects[kept] = self.rects[index];
                kept += 1;
            }
        }
        self.len = kept;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn covered_rectangles_go() {
        let mut damage = Damage::NONE;
        damage.add(Rect::new(5, 5, 2, 2));
        damage.add(Rect::new(50, 5, 2, 2));
        damage.add(Rect::new(0, 0, 10, 10));
        assert_eq!(damage.rects(), [Rect::new(50, 5, 2, 2), Rect::new(0, 0, 10, 10)]);
        damage.add(Rect::new(1, 1, 1, 1));
        assert_eq!(damage.rects().len(), 2);
    }

    proptest! {
        #[test]
        fn everything_added_stays_covered(
            rects in prop::collection::vec((0..500, 0..500, 0..60_u32, 0..60_u32), 0..40),
        ) {
            let mut damage = Damage::NONE;
            for (x, y, width, height) in rects {
                let rect = Rect::new(x, y, width, height);
                let before = damage;
                damage.add(rect);
                for held in before.rects().iter().chain([&rect]).filter(|held| !held.is_empty()) {
                    prop_assert!(damage.rects().iter().any(|now| now.contains(*held)));
                }
                prop_assert!(damage.rects().len() <= CAPACITY);
                prop_assert!(damage.rects().iter().all(|now| !now.is_empty()));
            }
        }
    }
}
