//! Points, sizes and rectangles tagged with their space, and the one transform that places a picture.
//!
//! Four spaces, which the compiler keeps apart:
//!
//! - [`Guest`]: pixels of the guest's scanout, as the guest counts them.
//! - [`Backing`]: pixels of the buffer that holds the scanout; the scanout is a rectangle in it.
//! - [`Logical`]: the window's units, as Wayland and GTK lay out in (application pixels).
//! - [`Device`]: pixels of the monitor.

//!
//! [`Placement`] is the transform; [`Look`] is what the person wants of it, [`ScreenScale`] what the
//! screen makes of units, and [`dividing_mode`] which guest size would be shown best.

mod axis;
mod look;
mod mode;
mod placement;
mod rotation;
mod scale;

pub use axis::Direct;
pub use look::{Look, Pan, Scaling, Step, Zoom, natural_size};
pub use mode::dividing_mode;
pub use placement::{Canvas, Placement, Sampling, Scroll};
pub use rotation::Rotation;
pub use scale::{Grid, ScreenScale};

use std::fmt;
use std::marker::PhantomData;

/// Pixels of the guest's scanout.
#[derive(Debug)]
pub enum Guest {}
/// Pixels of the buffer that holds the scanout.
#[derive(Debug)]
pub enum Backing {}
/// Units that a window is laid out in.
#[derive(Debug)]
pub enum Logical {}
/// Pixels of the monitor.
#[derive(Debug)]
pub enum Device {}

/// A position in the space `S`, counted from its top left corner.
pub struct Point<S> {
    pub x: i32,
    pub y: i32,
    space: PhantomData<fn() -> S>,
}

/// A width and a height in the space `S`.
pub struct Size<S> {
    pub width: u32,
    pub height: u32,
    space: PhantomData<fn() -> S>,
}

/// A rectangle in the space `S`; empty where its size has a zero.
pub struct Rect<S> {
    pub origin: Point<S>,
    pub size: Size<S>,
}

impl<S> Point<S> {
    /// The position `x` to the right of and `y` below the corner.
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y, space: PhantomData }
    }
}

impl<S> Size<S> {
    /// This wide, this high.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height, space: PhantomData }
    }

    /// Whether there is nothing of it.
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// How many pixels it has.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The larger of both widths and of both heights.
    pub fn max(self, other: Self) -> Self {
        Self::new(self.width.max(other.width), self.height.max(other.height))
    }

    /// The rectangle of this size in the corner.
    pub const fn at_origin(self) -> Rect<S> {
        Rect { origin: Point::new(0, 0), size: self }
    }

    /// The same numbers in another space.
    pub const fn cast<T>(self) -> Size<T> {
        Size::new(self.width, self.height)
    }
}

impl<S> Rect<S> {
    /// The rectangle of this size at this position.
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self { origin: Point::new(x, y), size: Size::new(width, height) }
    }

    /// What of the rectangle lies within `bounds`: a peer's numbers, made valid.
    ///
    /// Negative and overflowing numbers are peers' mistakes or attacks; nothing of such a rectangle
    /// may be left. `None` where nothing is.
    pub fn clipped(x: i32, y: i32, width: i32, height: i32, bounds: Size<S>) -> Option<Self> {
        if width <= 0 || height <= 0 {
            return None;
        }
        let left = i64::from(x).max(0);
        let top = i64::from(y).max(0);
        let right = (i64::from(x) + i64::from(width)).min(i64::from(bounds.width));
        let bottom = (i64::from(y) + i64::from(height)).min(i64::from(bounds.height));
        if left >= right || top >= bottom {
            return None;
        }
        Some(Self::new(
            i32::try_from(left).ok()?,
            i32::try_from(top).ok()?,
            u32::try_from(right - left).ok()?,
            u32::try_from(bottom - top).ok()?,
        ))
    }

    /// The first column to the right of it.
    pub const fn right(self) -> i64 {
        self.origin.x as i64 + self.size.width as i64
    }

    /// The first row below it.
    pub const fn bottom(self) -> i64 {
        self.origin.y as i64 + self.size.height as i64
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.size.is_empty()
    }

    /// Whether every point of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.origin.x <= other.origin.x
            && self.origin.y <= other.origin.y
            && self.right() >= other.right()
            && self.bottom() >= other.bottom()
    }

    /// What both have in common; `None` where that is nothing.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let left = self.origin.x.max(other.origin.x);
        let top = self.origin.y.max(other.origin.y);
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        let width = u32::try_from(right - i64::from(left)).ok()?;
        let height = u32::try_from(bottom - i64::from(top)).ok()?;
        (width > 0 && height > 0).then(|| Self::new(left, top, width, height))
    }

    /// The smallest rectangle that holds both.
    pub fn union(self, other: Self) -> Self {
        let left = self.origin.x.min(other.origin.x);
        let top = self.origin.y.min(other.origin.y);
        let extent = |edge: i64, start: i32| u32::try_from(edge - i64::from(start)).unwrap_or(u32::MAX);
        Self::new(
            left,
            top,
            extent(self.right().max(other.right()), left),
            extent(self.bottom().max(other.bottom()), top),
        )
    }

    /// The rectangle mirrored top to bottom within a picture of this height.
    pub fn flipped(self, height: u32) -> Self {
        let y = i64::from(height) - self.bottom();
        let y = i32::try_from(y).unwrap_or(i32::MIN);
        Self { origin: Point::new(self.origin.x, y), size: self.size }
    }

    /// The same numbers in another space.
    pub const fn cast<T>(self) -> Rect<T> {
        Rect::new(self.origin.x, self.origin.y, self.size.width, self.size.height)
    }
}

// Derived traits would ask the same of the marker `S`.
macro_rules! value {
    ($name:ident, $($field:ident),*) => {
        impl<S> Clone for $name<S> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<S> Copy for $name<S> {}
        impl<S> PartialEq for $name<S> {
            fn eq(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&*
            }
        }
        impl<S> Eq for $name<S> {}
        impl<S> std::hash::Hash for $name<S> {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                $(self.$field.hash(state);)*
            }
        }
    };
}
value!(Point, x, y);
value!(Size, width, height);
value!(Rect, origin, size);

impl<S> fmt::Debug for Point<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.x, self.y)
    }
}

impl<S> fmt::Display for Size<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

impl<S> fmt::Debug for Size<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<S> fmt::Debug for Rect<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.size, self.origin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Size<Guest> = Size::new(640, 480);

    #[test]
    fn a_peers_rectangle_is_clipped_to_the_picture() {
        let whole = BOUNDS.at_origin();
        assert_eq!(Rect::clipped(0, 0, 640, 480, BOUNDS), Some(whole));
        assert_eq!(Rect::clipped(i32::MIN, -5, i32::MAX, 10, BOUNDS), None);
        assert_eq!(Rect::clipped(-5, -5, i32::MAX, i32::MAX, BOUNDS), Some(whole));
        assert_eq!(Rect::clipped(10, 10, -1, 5, BOUNDS), None);
        assert_eq!(Rect::clipped(10, 10, 0, 5, BOUNDS), None);
        assert_eq!(Rect::clipped(640, 0, 1, 1, BOUNDS), None);
        assert_eq!(Rect::clipped(639, 479, 9, 9, BOUNDS), Some(Rect::new(639, 479, 1, 1)));
    }

    proptest! {
        #[test]
        fn what_is_clipped_lies_within(x: i32, y: i32, width: i32, height: i32, w in 0..5000_u32, h in 0..5000_u32) {
            let bounds = Size::<Guest>::new(w, h);
            if let Some(rect) = Rect::clipped(x, y, width, height, bounds) {
                prop_assert!(!rect.is_empty());
                prop_assert!(bounds.at_origin().contains(rect));
            }
        }

        #[test]
        fn a_union_holds_both_and_an_intersection_lies_in_both(
            a in (0..900, 0..900, 1..900_u32, 1..900_u32),
            b in (0..900, 0..900, 1..900_u32, 1..900_u32),
        ) {
            let a = Rect::<Guest>::new(a.0, a.1, a.2, a.3);
            let b = Rect::<Guest>::new(b.0, b.1, b.2, b.3);
            let union = a.union(b);
            prop_assert!(union.contains(a) && union.contains(b));
            if let Some(common) = a.intersection(b) {
                prop_assert!(a.contains(common) && b.contains(common));
            }
        }

        #[test]
        fn mirrored_twice_is_unchanged(y in 0..400, h in 1..80_u32) {
            let rect = Rect::<Guest>::new(3, y, 7, h);
            prop_assert_eq!(rect.flipped(480).flipped(480), rect);
        }
    }
}
