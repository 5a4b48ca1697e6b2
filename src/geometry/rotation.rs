//! Quarter turns: what is where when the picture is turned.

use super::{Guest, Point, Rect, Size};

/// How far the picture is turned, clockwise.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// As the guest draws it.
    #[default]
    None,
    /// A quarter: the guest's top is at the right.
    Right,
    /// A half: the guest's top is at the bottom.
    Half,
    /// Three quarters: the guest's top is at the left.
    Left,
}

impl Rotation {
    /// A quarter turn further, clockwise.
    #[must_use]
    pub const fn right(self) -> Self {
        match self {
            Self::None => Self::Right,
            Self::Right => Self::Half,
            Self::Half => Self::Left,
            Self::Left => Self::None,
        }
    }

    /// A quarter turn back.
    #[must_use]
    pub const fn left(self) -> Self {
        self.right().right().right()
    }

    /// Whether width and height change places.
    pub const fn is_sideways(self) -> bool {
        matches!(self, Self::Right | Self::Left)
    }

    /// The size of something when it is turned; and of something turned when it is turned back.
    #[must_use]
    pub const fn turn_size<S>(self, size: Size<S>) -> Size<S> {
        if self.is_sideways() { Size::new(size.height, size.width) } else { size }
    }

    /// Where a pixel of a picture of the size `of` is once it is turned.
    #[must_use]
    pub fn turn(self, at: Point<Guest>, of: Size<Guest>) -> Point<Guest> {
        let (right, bottom) = (last(of.width) - at.x, last(of.height) - at.y);
        match self {
            Self::None => at,
            Self::Right => Point::new(bottom, at.x),
            Self::Half => Point::new(right, bottom),
            Self::Left => Point::new(at.y, right),
        }
    }

    /// The pixel of a picture of the size `of` that [`Self::turn`] puts here.
    #[must_use]
    pub fn turn_back(self, at: Point<Guest>, of: Size<Guest>) -> Point<Guest> {
        match self {
            Self::None => at,
            Self::Right => Point::new(at.y, last(of.height) - at.x),
            Self::Half => Point::new(last(of.width) - at.x, last(of.height) - at.y),
            Self::Left => Point::new(last(of.width) - at.y, at.x),
        }
    }

    /// Where a part of a picture of the size `of` is once it is turned.
    #[must_use]
    pub fn turn_rect(self, part: Rect<Guest>, of: Size<Guest>) -> Rect<Guest> {
        let Rect { origin, size } = part;
        let behind = |extent: u32, end: i64| i32::try_from(i64::from(extent) - end).unwrap_or(i32::MIN);
        let (right, bottom) = (behind(of.width, part.right()), behind(of.height, part.bottom()));
        let origin = match self {
            Self::None => origin,
            Self::Right => Point::new(bottom, origin.x),
            Self::Half => Point::new(right, bottom),
            Self::Left => Point::new(origin.y, right),
        };
        Rect { origin, size: self.turn_size(size) }
    }

    /// A motion across the turned picture as one across the upright one.
    #[must_use]
    pub const fn turn_back_motion(self, right: f64, down: f64) -> (f64, f64) {
        match self {
            Self::None => (right, down),
            Self::Right => (down, -right),
            Self::Half => (-right, -down),
            Self::Left => (-down, right),
        }
    }

    /// The part (x, y, width, height) of a picture of the size `of` that is here when it is turned.
    pub(super) fn turn_back_span(self, part: [f64; 4], of: Size<Guest>) -> [f64; 4] {
        let [x, y, width, height] = part;
        let (full_width, full_height) = (f64::from(of.width), f64::from(of.height));
        match self {
            Self::None => part,
            Self::Right => [y, full_height - x - width, height, width],
            Self::Half => [full_width - x - width, full_height - y - height, width, height],
            Self::Left => [full_width - y - height, x, height, width],
        }
    }
}

/// The last pixel of so many.
fn last(extent: u32) -> i32 {
    i32::try_from(extent).unwrap_or(i32::MAX) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) const ALL: [Rotation; 4] =
        [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left];

    const OF: Size<Guest> = Size::new(640, 480);

    #[test]
    fn the_top_left_corner_goes_round_clockwise() {
        let corner = Point::new(0, 0);
        let corners = ALL.map(|rotation| rotation.turn(corner, OF));
        let expected = [corner, Point::new(479, 0), Point::new(639, 479), Point::new(0, 639)];
        assert_eq!(corners, expected);
    }

    #[test]
    fn four_quarters_are_none() {
        for rotation in ALL {
            assert_eq!(rotation.right().left(), rotation);
            assert_eq!(rotation.right().right().right().right(), rotation);
        }
    }

    proptest! {
        #[test]
        fn what_is_turned_back_is_where_it_was(x in 0..640, y in 0..480, index in 0..4_usize) {
            let (rotation, at) = (ALL[index], Point::new(x, y));
            let turned = rotation.turn(at, OF);
            prop_assert_eq!(rotation.turn_back(turned, OF), at);
            let size = rotation.turn_size(OF);
            prop_assert!(size.at_origin().contains(Rect::new(turned.x, turned.y, 1, 1)));
        }

        #[test]
        fn a_motion_turns_like_the_way_between_two_pixels(
            from in (0..640, 0..480), to in (0..640, 0..480), index in 0..4_usize,
        ) {
            let rotation = ALL[index];
            let [a, b] = [from, to].map(|(x, y)| rotation.turn(Point::new(x, y), OF));
            let motion = rotation.turn_back_motion(f64::from(b.x - a.x), f64::from(b.y - a.y));
            prop_assert_eq!(motion, (f64::from(to.0 - from.0), f64::from(to.1 - from.1)));
        }

        #[test]
        fn a_part_turns_like_its_pixels(
            x in 0..600, y in 0..400, w in 1..40_u32, h in 1..80_u32, index in 0..4_usize,
        ) {
            let (rotation, part) = (ALL[index], Rect::new(x, y, w, h));
            let turned = rotation.turn_rect(part, OF);
            let ends = [part.origin, Point::new(x + last(w), y + last(h))];
            for end in ends.map(|end| rotation.turn(end, OF)) {
                prop_assert!(turned.contains(Rect::new(end.x, end.y, 1, 1)));
            }
            prop_assert_eq!(turned.size.area(), part.size.area());
            let span = [turned.origin.x, turned.origin.y].map(f64::from);
            let size = [turned.size.width, turned.size.height].map(f64::from);
            let back = rotation.turn_back_span([span[0], span[1], size[0], size[1]], OF);
            prop_assert_eq!(back, [f64::from(x), f64::from(y), f64::from(w), f64::from(h)]);
        }
    }
}
