//! What a device shows at most, going by what became of wishes for more.
//!
//! A vfio device has a largest size that QEMU knows and tells nobody (`max_xres` and `max_yres` of its EDID
//! region): it passes on no more than that of either side (`vfio_display_edid_update`, hw/vfio/display.c).
//! So a side that ends at the same length twice, after two wishes for more that were far apart, is as long
//! as it can be. Once is no sign: guests have lists of modes, and people who choose from them; nor is a
//! guest one that does nothing at all.

use super::Limits;
use crate::geometry::{Guest, Size};

/// What is known of both sides.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ceiling {
    width: Side,
    height: Side,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Side {
    #[default]
    Open,
    /// It was asked for this and became that.
    Suspected { asked: u32, shown: u32 },
    /// No longer than this.
    Most(u32),
}

impl Side {
    fn stayed(self, asked: u32, shown: u32, changed: bool) -> Self {
        match self {
            Self::Most(most) if shown <= most => self,
            Self::Suspected { asked: before, shown: then } if then == shown && apart(before, asked) => {
                Self::Most(shown)
            }
            Self::Suspected { shown: then, .. } if then == shown => self,
            _ if shown < asked && changed => Self::Suspected { asked, shown },
            _ => Self::Open,
        }
    }

    /// It is as long as this, so it can be.
    fn showed(self, length: u32) -> Self {
        match self {
            Self::Suspected { shown, .. } | Self::Most(shown) if shown < length => Self::Open,
            other => other,
        }
    }

    fn most(self) -> Option<u32> {
        if let Self::Most(most) = self { Some(most) } else { None }
    }
}

/// Whether a list of modes would have something between two lengths: a fifth is further than most steps.
fn apart(one: u32, other: u32) -> bool {
    one.abs_diff(other) >= one.min(other) / 5
}

impl Ceiling {
    /// A guest that showed `before` was asked for a size, and has stayed with what it shows.
    pub(super) fn stayed(&mut self, asked: Size<Guest>, before: Option<Size<Guest>>, shown: Size<Guest>) {
        let changed = before != Some(shown);
        self.width = self.width.stayed(asked.width, shown.width, changed);
        self.height = self.height.stayed(asked.height, shown.height, changed);
    }

    /// The guest shows this.
    pub(super) fn showed(&mut self, size: Size<Guest>) {
        self.width = self.width.showed(size.width);
        self.height = self.height.showed(size.height);
    }

    /// Limits, as far as they lie below it.
    pub(super) fn within(self, limits: Limits) -> Limits {
        let side =
            |side: Side, least: u32, most: u32| side.most().map_or(most, |known| known.clamp(least, most));
        let Limits { least, most, .. } = limits;
        let most = Size::new(
            side(self.width, least.width, most.width),
            side(self.height, least.height, most.height),
        );
        Limits { most, ..limits }
    }

    /// Whether this is why a guest shows less than it was asked for.
    pub(super) fn explains(self, asked: Size<Guest>, shown: Size<Guest>) -> bool {
        let side = |side: Side, asked: u32, shown: u32| {
            shown == asked || side.most() == Some(shown) && shown < asked
        };
        asked != shown
            && side(self.width, asked.width, shown.width)
            && side(self.height, asked.height, shown.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Size<Guest> = Size::new(640, 480);
    const MOST: Size<Guest> = Size::new(800, 600);

    /// What a device of at most 800 by 600 makes of wishes, one after the other.
    fn asked(wishes: &[(u32, u32)]) -> Ceiling {
        let (mut ceiling, mut shown) = (Ceiling::default(), START);
        for &(width, height) in wishes {
            let before = shown;
            shown = Size::new(width.min(MOST.width), height.min(MOST.height));
            ceiling.showed(shown);
            let wish = Size::new(width, height);
            if wish != shown {
                ceiling.stayed(wish, Some(before), shown);
            }
        }
        ceiling
    }

    fn most(ceiling: Ceiling) -> Size<Guest> {
        ceiling.within(Limits::COMMON).most
    }

    #[test]
    fn two_wishes_for_more_find_the_most() {
        assert_eq!(asked(&[(1000, 700)]), asked(&[(1000, 700), (1010, 705)]), "once, as good as");
        assert_eq!(most(asked(&[(1000, 700)])), Limits::COMMON.most);
        let found = asked(&[(1000, 700), (1300, 900)]);
        assert_eq!(most(found), MOST);
        assert!(found.explains(Size::new(1300, 900), MOST));
        assert!(found.explains(Size::new(1300, 500), Size::new(800, 500)));
        assert!(!found.explains(MOST, MOST) && !found.explains(Size::new(1300, 900), START));
    }

    #[test]
    fn each_side_is_one_by_itself() {
        let found = asked(&[(1000, 500), (1300, 400)]);
        assert_eq!(most(found), Size::new(800, Limits::COMMON.most.height));
    }

    #[test]
    fn what_is_shown_can_be_shown() {
        let mut found = asked(&[(1000, 700), (1300, 900)]);
        found.showed(Size::new(1024, 600));
        assert_eq!(most(found), Size::new(Limits::COMMON.most.width, 600));
    }

    #[test]
    fn a_guest_that_does_nothing_says_nothing() {
        let mut ceiling = Ceiling::default();
        for width in [1000, 1300, 1700] {
            ceiling.stayed(Size::new(width, 900), Some(START), START);
        }
        assert_eq!(ceiling, Ceiling::default());
    }

    #[test]
    fn a_list_of_modes_is_no_ceiling() {
        let modes = [1024, 1152, 1280, 1366, 1440, 1600, 1680, 1920];
        let (mut ceiling, mut shown) = (Ceiling::default(), START);
        for wish in [1030, 1300, 1270, 1500, 1910, 1330, 1650, 1100] {
            let before = shown;
            let width = modes.into_iter().rev().find(|mode| *mode <= wish).expect("a mode");
            shown = Size::new(width, 480);
            ceiling.showed(shown);
            ceiling.stayed(Size::new(wish, 480), Some(before), shown);
            assert_eq!(most(ceiling), Limits::COMMON.most, "{wish}");
        }
    }
}
