//! How the picture is to look: where it stands, how its pixels are mixed, and what is around it.

use super::filter::{Filter, Kernel};
use super::ladder::Reason;
use crate::geometry::{Backing, Direct, Placement, Sampling, Size};

/// A colour without transparency: red, green, blue.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour(pub [u8; 3]);

/// What of the picture's looks is no geometry.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Paint {
    pub filter: Filter,
    /// What is seen beside the picture.
    pub background: Colour,
}

/// A picture's place and paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    pub placement: Placement,
    pub paint: Paint,
}

/// Why a picture would be drawn into a buffer of the monitor's pixels rather than shown by a viewport.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Because nothing cheaper does.
    #[default]
    Shown,
    /// Because a GPU mixes its pixels better than the compositor does; not at any price.
    Nicer,
    /// Because it is exact only so: see [`Scene::is_drawn_exactly`].
    Exact,
    /// Because that was asked for, or a filter that a compositor does not have.
    Drawn,
}

/// How true the device pixels are to the guest's.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Fidelity {
    /// Nothing is seen.
    #[default]
    None,
    /// A guest pixel is one device pixel, or a square of them, wherever the window stands.
    Exact,
    /// The same where the compositor rounds the edges of surfaces each for itself.
    Rounded,
    /// They are mixed by us.
    Mixed(Kernel),
    /// They are mixed by the compositor, and not by the filter that was chosen for this reason.
    Compositor(Option<Reason>),
    /// They are mixed by GTK.
    Gtk(Kernel),
}

impl Colour {
    pub const BLACK: Self = Self([0; 3]);

    /// Written as `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self([byte(0)?, byte(2)?, byte(4)?]))
    }

    /// The same as parts of 1.
    pub fn parts(self) -> [f32; 3] {
        self.0.map(|byte| f32::from(byte) / 255.0)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl From<Placement> for Scene {
    fn from(placement: Placement) -> Self {
        Self { placement, paint: Paint::default() }
    }
}

impl Scene {
    /// What draws a device pixel, if we do.
    pub fn kernel(&self) -> Kernel {
        self.paint.filter.kernel(&self.placement)
    }

    /// Whether a buffer of device pixels shows a picture sharp that a viewport would mix.
    ///
    /// 1367 guest pixels at 1.25 would be stretched over 1368 of the monitor's. Of whole multiples no
    /// compositor promises the nearest pixel, and most take a mixture.
    pub fn is_drawn_exactly(&self) -> bool {
        match self.placement.sampling() {
            Sampling::OneToOne => self.placement.gains_by_canvas(),
            Sampling::Whole(_) => true,
            Sampling::Scaled => false,
        }
    }

    /// Why a picture of this size would be drawn. The placement may still be that of another picture:
    /// nothing is promised until the window has placed this one.
    pub fn need(&self, picture: Size<Backing>) -> Need {
        if picture.cast() != self.placement.guest() {
            return Need::Shown;
        }
        if self.is_drawn_exactly() {
            return Need::Exact;
        }
        match (self.placement.sampling(), self.paint.filter) {
            (Sampling::OneToOne | Sampling::Whole(_), _) | (Sampling::Scaled, Filter::Linear) => Need::Shown,
            (Sampling::Scaled, Filter::Auto) => Need::Nicer,
            (Sampling::Scaled, _) => Need::Drawn,
        }
    }

    /// What a picture is like that is drawn into a buffer of device pixels.
    pub fn drawn(&self) -> Fidelity {
        match (self.placement.sampling(), self.placement.canvas().direct) {
            (Sampling::Scaled, _) => Fidelity::Mixed(self.kernel()),
            (_, Direct::Exact | Direct::Steady) => Fidelity::Exact,
            (_, Direct::Rounded | Direct::Resampled) => Fidelity::Rounded,
        }
    }

    /// What a picture is like that a viewport shows; `unfiltered` says why it is not drawn.
    pub fn viewed(&self, unfiltered: Option<&Reason>) -> Fidelity {
        match (self.placement.sampling(), self.placement.direct()) {
            (Sampling::OneToOne, Direct::Exact | Direct::Steady) => Fidelity::Exact,
            (Sampling::OneToOne, Direct::Rounded) => Fidelity::Rounded,
            (Sampling::Scaled, _) if self.paint.filter == Filter::Linear => Fidelity::Compositor(None),
            _ => Fidelity::Compositor(unfiltered.cloned()),
        }
    }
}

impl Fidelity {
    /// Its name in reports.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Exact => Some("exact"),
            Self::Rounded => Some("rounded"),
            Self::Mixed(kernel) | Self::Gtk(kernel) => Some(kernel.name()),
            Self::Compositor(_) => Some("compositor"),
        }
    }

    /// Whether the picture has the pixels that its placement says, rather than those of a rectangle
    /// of whole units.
    pub fn is_placed(&self) -> bool {
        !matches!(self, Self::Compositor(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Rect, Scaling, ScreenScale};

    fn scene(guest: (u32, u32), scale: f64, scaling: Scaling, filter: Filter) -> Scene {
        let area = Rect::new(0, 0, 1600, 1200);
        let guest = Size::new(guest.0, guest.1);
        let placement = Placement::new(guest, area, ScreenScale::new(scale), scaling).expect("room");
        Scene { placement, paint: Paint { filter, background: Colour::BLACK } }
    }

    #[test]
    fn colours_are_written_as_they_are_read() {
        let colour = Colour::parse("#2E3436").expect("a colour");
        assert_eq!((colour, colour.to_string().as_str()), (Colour([0x2e, 0x34, 0x36]), "#2e3436"));
        for wrong in ["", "#", "2e3436", "#2e343", "#2e34360", "#zzzzzz", "#é234"] {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_divides_is_left_to_a_viewport_and_what_does_not_is_drawn() {
        let need = |guest: (u32, u32), scale| {
            scene(guest, scale, Scaling::OneToOne, Filter::Auto).need(Size::new(guest.0, guest.1))
        };
        assert_eq!(need((1367, 769), 1.0), Need::Shown);
        assert_eq!(need((1360, 760), 1.25), Need::Shown);
        assert_eq!(need((1367, 769), 1.25), Need::Exact);
        assert_eq!(need((641, 480), 2.0), Need::Exact);
    }

    #[test]
    fn multiples_are_drawn_and_filters_are_where_a_compositor_has_none() {
        let need = |scaling, filter| scene((640, 480), 1.0, scaling, filter).need(Size::new(640, 480));
        assert_eq!(need(Scaling::Integer, Filter::Auto), Need::Exact);
        assert_eq!(need(Scaling::Fill, Filter::Auto), Need::Nicer);
        assert_eq!(need(Scaling::Fill, Filter::Linear), Need::Shown);
        assert_eq!(need(Scaling::Fill, Filter::Sharpen), Need::Drawn);
        let stale = scene((640, 480), 1.0, Scaling::Integer, Filter::Sharp);
        assert_eq!(stale.need(Size::new(720, 400)), Need::Shown);
    }
}
