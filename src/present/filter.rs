//! How guest pixels are mixed where the picture is shown in another size.

use crate::geometry::{Placement, Sampling};

/// What the person wants of pictures that are shown in another size. At 1:1 and at whole multiples no
/// filter touches them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// [`Self::Sharp`] for what is enlarged, [`Self::Area`] for what is shrunk, where a GPU does it
    /// for nothing; otherwise what the compositor has.
    #[default]
    Auto,
    /// The nearest guest pixel: crisp and uneven.
    Nearest,
    /// A mixture of four, which every compositor has.
    Linear,
    /// Guest pixels with edges one device pixel wide: even, and sharp when enlarged.
    Sharp,
    /// All guest pixels that a device pixel covers: shrunk pictures do not shimmer.
    Area,
    /// Smooth, with contrast added where there is little.
    Sharpen,
}

/// What draws a device pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    Nearest,
    Linear,
    Sharp,
    Area,
    Sharpen,
}

/// Texels that [`Kernel::Area`] looks to each side at most: what is shrunk further is sampled.
pub const FURTHEST: u32 = 16;

impl Filter {
    /// All of them, in the order of menus and of their numbers in the settings.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Nearest, Self::Linear, Self::Sharp, Self::Area, Self::Sharpen];

    /// Its name on the command line, in settings and actions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nearest => "nearest",
            Self::Linear => "linear",
            Self::Sharp => "sharp",
            Self::Area => "area",
            Self::Sharpen => "sharpen",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// What draws a picture that is placed so.
    pub fn kernel(self, placement: &Placement) -> Kernel {
        if placement.sampling() != Sampling::Scaled {
            return Kernel::Nearest;
        }
        match self {
            Self::Auto => {
                let (across, down) = placement.zoom();
                if across >= 1.0 && down >= 1.0 { Kernel::Sharp } else { Kernel::Area }
            }
            Self::Nearest => Kernel::Nearest,
            Self::Linear => Kernel::Linear,
            Self::Sharp => Kernel::Sharp,
            Self::Area => Kernel::Area,
            Self::Sharpen => Kernel::Sharpen,
        }
    }
}

impl Kernel {
    /// Its name in reports, and of its file in `shaders/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Linear => "linear",
            Self::Sharp => "sharp",
            Self::Area => "area",
            Self::Sharpen => "sharpen",
        }
    }

    /// How many guest pixels away a change is still seen, for a picture with `texels` guest pixels to
    /// a device pixel.
    pub fn reach(self, texels: f64) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, clamped")]
        let radius = (texels.ceil() as u32).clamp(1, FURTHEST);
        match self {
            Self::Nearest => 0,
            Self::Linear | Self::Sharp => 1,
            Self::Area => radius,
            // Its neighbours are as far away as it looks itself.
            Self::Sharpen => 2 * radius,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Rect, Scaling, ScreenScale, Size};

    fn placed(guest: (u32, u32), room: (u32, u32), scaling: Scaling) -> Placement {
        let area = Rect::new(0, 0, room.0, room.1);
        Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::ONE, scaling).expect("room")
    }

    #[test]
    fn names_are_found_again() {
        for filter in Filter::ALL {
            assert_eq!(Filter::named(filter.name()), Some(filter));
        }
        assert_eq!(Filter::named("blurry"), None);
    }

    #[test]
    fn the_automatic_one_knows_which_way_it_goes() {
        let larger = placed((640, 480), (1000, 1000), Scaling::Fit);
        assert_eq!(Filter::Auto.kernel(&larger), Kernel::Sharp);
        let smaller = placed((640, 480), (500, 500), Scaling::Fit);
        assert_eq!(Filter::Auto.kernel(&smaller), Kernel::Area);
        // Wider, but less high.
        let stretched = placed((640, 480), (1000, 300), Scaling::Fill);
        assert_eq!(Filter::Auto.kernel(&stretched), Kernel::Area);
    }

    #[test]
    fn whole_multiples_are_never_filtered() {
        for filter in Filter::ALL {
            for room in [(640, 480), (1280, 960)] {
                let placement = placed((640, 480), room, Scaling::Integer);
                assert_eq!(filter.kernel(&placement), Kernel::Nearest);
            }
        }
    }
}
