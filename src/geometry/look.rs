//! What the person wants of the picture: how large, which way up, and which part of it.

use super::{Guest, Logical, Rotation, ScreenScale, Size};

/// How a picture takes the room that it has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scaling {
    /// As large as fits, aspect ratio kept. A picture that is nearly as large as the room, or as a
    /// whole part of it, stays sharp: it is not enlarged by a few pixels.
    #[default]
    Fit,
    /// One guest pixel is one device pixel; of what is larger than the room a part is seen.
    OneToOne,
    /// One guest pixel is as many whole device pixels as fit, at least one.
    Integer,
    /// Stretched over all of the room.
    Fill,
}

/// How much larger the picture is than its [`Scaling`] makes it, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zoom(u16);

/// Which part of a picture larger than its room is seen: how far the middle of the room is from the
/// middle of the picture, in device pixels. It matters only along those sides that do not fit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pan {
    /// To the right.
    pub x: i32,
    /// Down.
    pub y: i32,
}

/// All that the person can choose of how a picture is placed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look {
    pub scaling: Scaling,
    pub zoom: Zoom,
    pub rotation: Rotation,
    pub pan: Pan,
}

/// One step of the zoom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    In,
    Out,
}

impl Zoom {
    /// As the [`Scaling`] has it.
    pub const NONE: Self = Self(100);

    /// What the steps go through, in percent; denser around the natural size, as in viewers of
    /// images.
    const STEPS: [u16; 20] =
        [10, 15, 25, 33, 50, 67, 75, 90, 100, 110, 125, 150, 175, 200, 300, 400, 600, 800, 1200, 1600];

    /// So many percent, or the nearest that is possible: 10 to 1600.
    pub fn percent(percent: u32) -> Self {
        let [least, .., most] = Self::STEPS;
        Self(u16::try_from(percent).unwrap_or(most).clamp(least, most))
    }

    /// The zoom in percent.
    pub fn as_percent(self) -> u32 {
        u32::from(self.0)
    }

    /// The next larger or smaller one of the usual steps; the same at the ends.
    #[must_use]
    pub fn step(self, step: Step) -> Self {
        let next = match step {
            Step::In => Self::STEPS.into_iter().find(|percent| *percent > self.0),
            Step::Out => Self::STEPS.into_iter().rev().find(|percent| *percent < self.0),
        };
        next.map_or(self, Self)
    }

    /// A length as large as this makes it, rounded; at least one.
    pub(super) fn apply(self, length: i64) -> i64 {
        ((length * i64::from(self.0) + 50) / 100).max(1)
    }
}

impl Default for Zoom {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<Scaling> for Look {
    fn from(scaling: Scaling) -> Self {
        Self { scaling, ..Self::default() }
    }
}

impl Look {
    /// The smallest size in units in which the picture has one device pixel for each of its own, or
    /// as many as the zoom makes it in [`Scaling::OneToOne`]: what a window should offer.
    pub fn natural_size(self, guest: Size<Guest>, scale: ScreenScale) -> Size<Logical> {
        let Size { width, height, .. } = self.rotation.turn_size(guest);
        let zoom = if self.scaling == Scaling::OneToOne { self.zoom } else { Zoom::NONE };
        let length = |pixels: u32| {
            let units = scale.to_logical_ceil(zoom.apply(i64::from(pixels)));
            u32::try_from(units).unwrap_or(u32::MAX).max(1)
        };
        Size::new(length(width), length(height))
    }
}

/// The smallest size in units that holds a picture 1:1, upright: see [`Look::natural_size`].
///
/// Rounded up: a window that is a fraction of a unit too small would cut off a line, and wherever
/// an area of this size begins, at least as many device pixels lie in it.
pub fn natural_size(guest: Size<Guest>, scale: ScreenScale) -> Size<Logical> {
    Look::default().natural_size(guest, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoom_steps_meet_the_natural_size_and_end() {
        let mut zoom = Zoom::percent(97);
        zoom = zoom.step(Step::In);
        assert_eq!(zoom, Zoom::NONE);
        assert_eq!(zoom.step(Step::In).step(Step::Out), Zoom::NONE);
        assert_eq!(Zoom::percent(0).step(Step::Out), Zoom::percent(10));
        assert_eq!(Zoom::percent(u32::MAX).step(Step::In).as_percent(), 1600);
    }

    #[test]
    fn a_natural_size_holds_the_picture() {
        let size = |scale| natural_size(Size::new(1366, 768), ScreenScale::new(scale));
        assert_eq!(size(1.0), Size::new(1366, 768));
        assert_eq!(size(1.25), Size::new(1093, 615));
        assert_eq!(size(2.0), Size::new(683, 384));
        let turned = Look { rotation: Rotation::Left, ..Look::default() };
        assert_eq!(turned.natural_size(Size::new(1366, 768), ScreenScale::ONE), Size::new(768, 1366));
        let twice = Look { zoom: Zoom::percent(200), ..Look::from(Scaling::OneToOne) };
        assert_eq!(twice.natural_size(Size::new(100, 50), ScreenScale::new(1.25)), Size::new(160, 80));
    }
}
