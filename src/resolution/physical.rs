//! How large a guest's screen is in millimetres, so that the guest's own scale comes out right.

use crate::geometry::{Device, Guest, ScreenScale, Size};

/// Nanometres from one device pixel to the next, across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pitch {
    across: u32,
    down: u32,
}

/// Width and height in millimetres, as `SetUIInfo` has them; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Millimetres {
    pub width: u16,
    pub height: u16,
}

/// Nanometres in an inch.
const INCH: u64 = 25_400_000;

/// What a logical unit is without a monitor that says so: GTK's and the desktops' 96 in an inch.
const UNITS_PER_INCH: u64 = 96;

/// Pixels in an inch between which a monitor's own word is believed. Projectors say nothing or
/// anything, and some televisions give their aspect ratio (16 × 9 mm) for a size.
const PLAUSIBLE: std::ops::RangeInclusive<u64> = 30..=800;

/// The longest side that an EDID can name: its byte 21 counts centimetres (QEMU's edid-generate.c
/// cuts off what does not fit, and would name a small screen).
const LONGEST: u64 = 2550;

impl Pitch {
    /// That of a monitor of this many pixels and millimetres, as the compositor or EDID has it; if
    /// that cannot be, what `scale` suggests.
    pub fn of_monitor(pixels: Size<Device>, millimetres: (u32, u32), scale: ScreenScale) -> Self {
        let across = pitch(millimetres.0, pixels.width);
        let down = pitch(millimetres.1, pixels.height);
        match (across, down) {
            // Pixels are squares on every monitor that is made; a size that says otherwise is wrong.
            (Some(across), Some(down)) if across.abs_diff(down) <= across / 4 => Self { across, down },
            _ => Self::of_scale(scale),
        }
    }

    /// 96 logical units in an inch.
    pub fn of_scale(scale: ScreenScale) -> Self {
        let grid = scale.grid();
        let pitch = INCH * u64::from(grid.units) / (UNITS_PER_INCH * u64::from(grid.pixels));
        let pitch = u32::try_from(pitch.max(1)).unwrap_or(u32::MAX);
        Self { across: pitch, down: pitch }
    }

    /// Pixels in an inch, rounded: what the guest will compute.
    pub fn dots_per_inch(self) -> u32 {
        let pitch = u64::from(self.across);
        u32::try_from((INCH + pitch / 2) / pitch).unwrap_or(u32::MAX)
    }

    /// How large a screen of this size is, one guest pixel being one device pixel. Too large a screen
    /// for an EDID keeps its shape.
    pub fn millimetres(self, size: Size<Guest>) -> Millimetres {
        let length = |pixels: u32, pitch: u32| (u64::from(pixels) * u64::from(pitch) + 500_000) / 1_000_000;
        let (width, height) = (length(size.width, self.across), length(size.height, self.down));
        let longest = width.max(height);
        let bounded = |length: u64| {
            let length = if longest > LONGEST { length * LONGEST / longest } else { length };
            u16::try_from(length.max(1)).unwrap_or(u16::MAX)
        };
        Millimetres { width: bounded(width), height: bounded(height) }
    }
}

impl Millimetres {
    /// Another size that nobody can tell from this one: QEMU drops a wish that is the same as the last
    /// (`dpy_set_ui_info`, ui/console.c), also where the guest has forgotten that one.
    #[must_use]
    pub(super) fn nudged(self) -> Self {
        Self { width: if self.width > 1 { self.width - 1 } else { self.width + 1 }, ..self }
    }
}

/// Nanometres for a pixel, where that is plausible.
fn pitch(millimetres: u32, pixels: u32) -> Option<u32> {
    let pitch = (u64::from(millimetres) * 1_000_000).checked_div(u64::from(pixels))?;
    let density = INCH.checked_div(pitch)?;
    PLAUSIBLE.contains(&density).then(|| u32::try_from(pitch).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_monitors_size_makes_the_guests() {
        // A 27 inch monitor.
        let pitch = Pitch::of_monitor(Size::new(2560, 1440), (597, 336), ScreenScale::ONE);
        assert_eq!(pitch.dots_per_inch(), 109);
        assert_eq!(pitch.millimetres(Size::new(2560, 1440)), Millimetres { width: 597, height: 336 });
        assert_eq!(pitch.millimetres(Size::new(1280, 720)), Millimetres { width: 298, height: 168 });
    }

    #[test]
    fn sizes_that_cannot_be_are_not_believed() {
        let scale = ScreenScale::new(1.5);
        for millimetres in [(0, 0), (16, 9), (597, 0), (597, 900), (u32::MAX, u32::MAX)] {
            let pitch = Pitch::of_monitor(Size::new(1920, 1080), millimetres, scale);
            assert_eq!(pitch.dots_per_inch(), 144, "{millimetres:?}");
        }
        assert_eq!(Pitch::of_monitor(Size::new(0, 0), (500, 300), scale), Pitch::of_scale(scale));
    }

    proptest! {
        #[test]
        fn no_size_is_nothing_or_more_than_an_edid_holds(
            pixels in (1..=u32::MAX, 1..=u32::MAX), parts in 0.0..64.0_f64,
        ) {
            let pitch = Pitch::of_scale(ScreenScale::new(parts));
            let size = pitch.millimetres(Size::new(pixels.0, pixels.1));
            prop_assert!((1..=2550).contains(&size.width) && (1..=2550).contains(&size.height));
            prop_assert_ne!(size.nudged(), size);
            prop_assert!(size.nudged().width > 0);
        }
    }
}
