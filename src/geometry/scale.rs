//! How many device pixels a logical unit is, as the exact fraction that compositors count in.

/// Device pixels for a logical unit, in 120ths, as `wp_fractional_scale_v1` counts.
///
/// Everything is computed in whole numbers: a scale of 1.1 is 132/120 and nothing near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScreenScale(u32);

/// Where device pixels and logical units have their edges in common: every so many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Device pixels from one common edge to the next: the numerator of the scale.
    pub pixels: u32,
    /// Logical units from one common edge to the next: its denominator.
    pub units: u32,
}

impl ScreenScale {
    /// One device pixel a unit.
    pub const ONE: Self = Self(120);

    /// The nearest scale that the protocol can express, at least 1/120.
    pub fn new(scale: f64) -> Self {
        let parts = (scale * 120.0).round().clamp(1.0, 120.0 * 64.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        Self(parts as u32)
    }

    /// Device pixels for a logical unit.
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 120.0
    }

    /// The scale as a reduced fraction: 1.25 is 5/4.
    pub fn grid(self) -> Grid {
        let common = gcd(self.0, 120);
        Grid { pixels: self.0 / common, units: 120 / common }
    }

    /// The first whole unit at or behind `units` whose edge is also one of a device pixel: where
    /// something has to begin that is to be exact wherever the window stands.
    pub fn next_common_edge(self, units: i32) -> i32 {
        let step = i64::from(self.grid().units);
        let edge = (i64::from(units) + step - 1).div_euclid(step) * step;
        i32::try_from(edge).unwrap_or(units)
    }

    /// Device pixels that are not enough for a unit: what a monitor may be larger than its whole
    /// number of units.
    pub(super) fn less_than_a_unit(self) -> i64 {
        i64::from(self.0.div_ceil(120)) - 1
    }

    /// 120ths of a device pixel in a unit.
    pub(super) fn parts(self) -> i64 {
        i64::from(self.0)
    }

    /// An edge in device pixels, rounded half up as compositors round the edges of surfaces.
    pub(super) fn to_device(self, units: i64) -> i64 {
        (units * self.parts() * 2 + 120).div_euclid(240)
    }

    /// Whether an edge in units is one of a device pixel, too.
    pub(super) fn is_common(self, units: i64) -> bool {
        (units * self.parts()).rem_euclid(120) == 0
    }

    /// The shortest length in units that is no shorter than `pixels`.
    pub(super) fn to_logical_ceil(self, pixels: i64) -> i64 {
        -(-pixels * 120).div_euclid(self.parts())
    }

    /// The nearest edge in units.
    pub(super) fn to_logical_round(self, pixels: i64) -> i64 {
        (pixels * 240 + self.parts()).div_euclid(self.parts() * 2)
    }
}

/// The greatest common divisor; `b` is not 0.
pub(super) const fn gcd(a: u32, b: u32) -> u32 {
    if a.is_multiple_of(b) { b } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scales_are_reduced_fractions() {
        for (scale, pixels, units) in [
            (1.0, 1, 1),
            (1.1, 11, 10),
            (1.15, 23, 20),
            (1.25, 5, 4),
            (1.333, 4, 3),
            (1.5, 3, 2),
            (1.75, 7, 4),
            (2.0, 2, 1),
            (2.5, 5, 2),
        ] {
            assert_eq!(ScreenScale::new(scale).grid(), Grid { pixels, units }, "{scale}");
        }
    }

    #[test]
    fn no_number_makes_an_impossible_scale() {
        for scale in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-9] {
            assert!(ScreenScale::new(scale).factor() <= 64.0);
        }
        assert_eq!(ScreenScale::new(-1.0).grid(), Grid { pixels: 1, units: 120 });
    }

    #[test]
    fn a_header_bar_of_47_units_is_followed_by_the_next_common_edge() {
        assert_eq!(ScreenScale::new(1.25).next_common_edge(47), 48);
        assert_eq!(ScreenScale::new(1.1).next_common_edge(47), 50);
        assert_eq!(ScreenScale::new(2.0).next_common_edge(47), 47);
    }

    proptest! {
        #[test]
        fn edges_convert_there_and_back(parts in 120..=480_u32, units in -100_000..100_000_i64) {
            let scale = ScreenScale(parts);
            prop_assert_eq!(scale.to_logical_round(scale.to_device(units)), units);
            let pixels = scale.to_device(units);
            prop_assert!(scale.to_device(scale.to_logical_ceil(pixels)) >= pixels);
        }

        #[test]
        fn common_edges_are_exact(parts in 1..=480_u32, units in 0..10_000_i32) {
            let scale = ScreenScale(parts);
            let edge = scale.next_common_edge(units);
            prop_assert!(edge >= units && i64::from(edge) < i64::from(units) + i64::from(scale.grid().units));
            prop_assert!(scale.is_common(i64::from(edge)));
        }
    }
}
