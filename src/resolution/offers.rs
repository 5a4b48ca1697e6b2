//! Which sizes a menu offers, and what a size that was typed in means.

use thiserror::Error;

use super::Limits;
use crate::geometry::{Device, Guest, Size};

/// A size for the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offer {
    pub size: Size<Guest>,
    pub kind: OfferKind,
}

/// Why a size is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfferKind {
    /// All of the monitor that the window is on.
    Native,
    /// One that many screens have.
    Common,
    /// One that the person has chosen before.
    Custom,
}

/// Why a typed size is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoSize {
    /// Not two numbers.
    #[error("not a size: two numbers are wanted, as in 1920×1080")]
    Form,
    /// Smaller than the first or larger than the second.
    #[error("a size from {0} to {1} is wanted")]
    Limits(Size<Guest>, Size<Guest>),
}

/// What screens have, from the largest: 16:9, 16:10, 21:9, 4:3, 5:4 and 3:2, of those that are still
/// made or that programs still ask for.
const COMMON: [Size<Guest>; 22] = [
    Size::new(7680, 4320),
    Size::new(5120, 2880),
    Size::new(5120, 1440),
    Size::new(3840, 2400),
    Size::new(3840, 2160),
    Size::new(3440, 1440),
    Size::new(3200, 1800),
    Size::new(2880, 1800),
    Size::new(2560, 1600),
    Size::new(2560, 1440),
    Size::new(2560, 1080),
    Size::new(1920, 1200),
    Size::new(1920, 1080),
    Size::new(1680, 1050),
    Size::new(1600, 1200),
    Size::new(1600, 900),
    Size::new(1440, 900),
    Size::new(1366, 768),
    Size::new(1280, 1024),
    Size::new(1280, 800),
    Size::new(1280, 720),
    Size::new(1024, 768),
];

/// What to offer: the monitor's own size first, then what fits on it, the largest first, with what
/// the person chose before in its place. Without a monitor all common sizes up to 4K.
pub fn offers(monitor: Option<Size<Device>>, limits: Limits, custom: &[Size<Guest>]) -> Vec<Offer> {
    let room = monitor.unwrap_or(Size::new(3840, 2160));
    let native = monitor.map(Size::cast).filter(|size| limits.allow(*size));
    let fits = |size: &Size<Guest>| size.width <= room.width && size.height <= room.height;
    let common = COMMON.into_iter().filter(fits).map(|size| Offer { size, kind: OfferKind::Common });
    let custom = custom.iter().map(|size| Offer { size: *size, kind: OfferKind::Custom });
    let mut rest: Vec<_> = common.chain(custom).filter(|offer| limits.allow(offer.size)).collect();
    rest.sort_by_key(|offer| (std::cmp::Reverse(offer.size.area()), std::cmp::Reverse(offer.size.width)));
    rest.dedup_by_key(|offer| offer.size);
    rest.retain(|offer| Some(offer.size) != native);
    let native = native.map(|size| Offer { size, kind: OfferKind::Native });
    native.into_iter().chain(rest).collect()
}

/// The size that somebody typed: two numbers with something between them.
///
/// # Errors
///
/// When it is no size, or one beyond the limits.
pub fn typed(text: &str, limits: Limits) -> Result<Size<Guest>, NoSize> {
    let text = text.trim();
    let between = |letter: char| matches!(letter, 'x' | 'X' | '×' | '*' | ',' | ' ');
    let (width, height) = text.split_once(between).ok_or(NoSize::Form)?;
    let number = |digits: &str| {
        let digits = digits.trim_matches(|letter: char| between(letter));
        digits.parse::<u32>().map_err(|_| NoSize::Form)
    };
    let size = Size::new(number(width)?, number(height)?);
    if limits.allow(size) { Ok(size) } else { Err(NoSize::Limits(limits.least, limits.most)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_monitors_own_size_comes_first() {
        let offered = offers(Some(Size::new(1920, 1080)), Limits::COMMON, &[Size::new(1000, 700)]);
        assert_eq!(offered[0], Offer { size: Size::new(1920, 1080), kind: OfferKind::Native });
        assert_eq!(offered[1].size, Size::new(1680, 1050));
        assert_eq!(offered.last(), Some(&Offer { size: Size::new(1000, 700), kind: OfferKind::Custom }));
        assert_eq!(offered.iter().filter(|offer| offer.size == Size::new(1920, 1080)).count(), 1);
    }

    #[test]
    fn a_device_is_not_offered_what_it_cannot() {
        let limits = Limits { most: Size::new(1280, 1024), ..Limits::COMMON };
        let offered = offers(Some(Size::new(2560, 1440)), limits, &[]);
        assert_eq!(offered[0], Offer { size: Size::new(1280, 1024), kind: OfferKind::Common });
        assert!(!offers(None, Limits::COMMON, &[]).is_empty());
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let size = Ok(Size::new(1366, 768));
        for text in ["1366x768", " 1366 × 768 ", "1366*768", "1366, 768", "1366 768", "1366X768"] {
            assert_eq!(typed(text, Limits::COMMON), size, "{text}");
        }
        for text in ["", "1366", "x", "1366x", "a×b", "-5x10", "1e3x9", "99999999999x1"] {
            assert_eq!(typed(text, Limits::COMMON), Err(NoSize::Form), "{text}");
        }
        assert!(matches!(typed("10x10", Limits::COMMON), Err(NoSize::Limits(..))));
    }

    proptest! {
        #[test]
        fn any_text_is_a_size_or_none(text in ".{0,40}") {
            if let Ok(size) = typed(&text, Limits::COMMON) {
                prop_assert!(Limits::COMMON.allow(size));
            }
        }
    }
}
