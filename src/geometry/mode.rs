//! Which guest mode would fill an area and be shown exactly: what to ask the guest for.

use super::axis::{Span, room};
use super::scale::gcd;
use super::{Guest, Logical, Rect, Rotation, ScreenScale, Size};

/// What may be left over for the sake of dividing, as a part of the length and in pixels: no more
/// than [`super::Scaling::Fit`] leaves around a picture rather than blur it.
const NEARLY: u32 = 32;
const NEARLY_PIXELS: u32 = 7;

/// The largest guest size in `area` that is shown best there: 1:1, and with a viewport alone.
///
/// At the scale p/q a rectangle of whole units is one of whole pixels if p divides its sides. The
/// guest's width is a multiple of `align`, too, as many display devices want (8). Where there is no
/// such size that all but fills the area, as at 1.1 together with 8 in a small window, first p is
/// given up, then `align`: such a picture is drawn into a buffer of device pixels.
///
/// Never empty, if `area` is not.
pub fn dividing_mode(area: Rect<Logical>, scale: ScreenScale, rotation: Rotation, align: u32) -> Size<Guest> {
    let pixels = |start: i32, length: u32| {
        let room = room(Span::new(i64::from(start), i64::from(length)), scale);
        u32::try_from(room.length()).unwrap_or(u32::MAX)
    };
    let turned =
        Size::<Guest>::new(pixels(area.origin.x, area.size.width), pixels(area.origin.y, area.size.height));
    let room = rotation.turn_size(turned);
    let (divisor, align) = (scale.grid().pixels, align.max(1));
    let both = u64::from(divisor) * u64::from(align) / u64::from(gcd(divisor, align));
    let both = u32::try_from(both).unwrap_or(u32::MAX);
    Size::new(largest(room.width, [both, align]), largest(room.height, [divisor, 1]))
}

/// The largest multiple of the first step that all but fills the length.
fn largest(length: u32, steps: [u32; 2]) -> u32 {
    let enough = length - (length / NEARLY).max(NEARLY_PIXELS).min(length);
    let multiples = steps.map(|step| length / step * step);
    multiples.into_iter().find(|multiple| *multiple > 0 && *multiple >= enough).unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Direct, Placement, Scaling};
    use super::*;

    fn mode(width: u32, height: u32, scale: f64, align: u32) -> Size<Guest> {
        let area = Rect::new(0, 0, width, height);
        dividing_mode(area, ScreenScale::new(scale), Rotation::None, align)
    }

    #[test]
    fn modes_divide_by_the_numerator_and_by_eight() {
        assert_eq!(mode(1366, 768, 1.0, 8), Size::new(1360, 768));
        // 1280 × 720 pixels at 1.25: 40 and 5.
        assert_eq!(mode(1024, 576, 1.25, 8), Size::new(1280, 720));
        // 1536 × 864 units are 1920 × 1080 pixels.
        assert_eq!(mode(1536, 864, 1.25, 1), Size::new(1920, 1080));
        // 1707 units at 1.5 are 2561 pixels, and 24 divides 2544.
        assert_eq!(mode(1707, 960, 1.5, 8), Size::new(2544, 1440));
    }

    #[test]
    fn what_would_leave_too_much_is_given_up() {
        // 88 divides both 11 and 8, and would leave 40 of 640.
        assert_eq!(mode(582, 300, 1.1, 8).width, 640);
        assert_eq!(mode(3, 2, 1.0, 8), Size::new(3, 2));
    }

    #[test]
    fn a_turned_picture_has_its_width_along_the_height() {
        let area = Rect::new(0, 0, 600, 803);
        let size = dividing_mode(area, ScreenScale::ONE, Rotation::Right, 8);
        assert_eq!(size, Size::new(800, 600));
    }

    proptest! {
        #[test]
        fn a_dividing_mode_is_shown_sharp(
            at in (0..60, 0..60),
            size in (200..4000_u32, 200..3000_u32),
            scale in prop::sample::select(vec![1.0, 1.1, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5]),
            scaling in prop::sample::select(vec![Scaling::Fit, Scaling::OneToOne, Scaling::Integer]),
            align in prop::sample::select(vec![1, 8]),
        ) {
            let (area, scale) = (Rect::new(at.0, at.1, size.0, size.1), ScreenScale::new(scale));
            let mode = dividing_mode(area, scale, Rotation::None, align);
            let placed = Placement::new(mode, area, scale, scaling).expect("room");
            prop_assert!(placed.is_exact());
            prop_assert!(!placed.is_pannable(), "larger than the area");
            let divides = mode.width.is_multiple_of(scale.grid().pixels)
                && mode.height.is_multiple_of(scale.grid().pixels);
            prop_assert!(!divides || placed.direct() < Direct::Resampled);
        }
    }
}
