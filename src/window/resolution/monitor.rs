//! What the monitor that the window is on means for the guest: its own size, and how large a pixel is.

use adw::prelude::*;
use gtk::gdk;

use super::super::MachineWindow;
use crate::geometry::{Device, ScreenScale, Size};
use crate::resolution::Pitch;

/// A monitor, as far as it matters to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// All of its pixels.
    pub(super) size: Size<Device>,
    pub(super) pitch: Pitch,
}

/// What monitors are made with; a size that is off by less than a unit is one of these. A compositor
/// tells units alone, and 1366 pixels at 1.25 are 1092.8 of them.
const MADE: [(u32, u32); 13] = [
    (1366, 768),
    (1440, 900),
    (1600, 900),
    (1680, 1050),
    (1920, 1080),
    (1920, 1200),
    (2256, 1504),
    (2560, 1440),
    (2560, 1600),
    (2880, 1800),
    (3440, 1440),
    (3840, 2160),
    (5120, 2880),
];

impl MachineWindow {
    /// The monitor that the window is on, or the first one while it is on none.
    pub(super) fn screen(&self) -> Option<Screen> {
        let display = WidgetExt::display(self);
        let here = self.surface().and_then(|surface| display.monitor_at_surface(&surface));
        let first = || display.monitors().item(0).and_downcast::<gdk::Monitor>();
        let monitor = here.or_else(first)?;
        let (area, scale) = (monitor.geometry(), monitor.scale());
        let units = (area.width(), area.height());
        let millimetres = upright(units, (monitor.width_mm(), monitor.height_mm()));
        let size = pixels(units, scale)?;
        let pitch = Pitch::of_monitor(size, millimetres, ScreenScale::new(scale));
        Some(Screen { size, pitch })
    }
}

/// The monitor's pixels, of its logical size.
fn pixels(units: (i32, i32), scale: f64) -> Option<Size<Device>> {
    #[expect(clippy::cast_possible_truncation, reason = "a monitor's side")]
    let side = |units: i32| u32::try_from((f64::from(units) * scale).round() as i64).ok();
    let size = Size::new(side(units.0)?, side(units.1)?);
    let turned =
        |(width, height)| if units.0 < units.1 { Size::new(height, width) } else { Size::new(width, height) };
    let near = |made: u32, side: u32| f64::from(made.abs_diff(side)) < scale;
    let is_near = |made: &Size<Device>| near(made.width, size.width) && near(made.height, size.height);
    let whole = scale.fract() == 0.0;
    let made = MADE.into_iter().map(turned).find(|made| !whole && is_near(made));
    Some(made.unwrap_or(size)).filter(|size| !size.is_empty())
}

/// Millimetres the way round that the monitor's sides are: some compositors tell those of a monitor
/// that stands on its side as if it lay.
fn upright(units: (i32, i32), millimetres: (i32, i32)) -> (u32, u32) {
    let [width, height] = [millimetres.0, millimetres.1].map(|side| u32::try_from(side).unwrap_or(0));
    if (units.0 < units.1) == (width < height) { (width, height) } else { (height, width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitors_pixels_are_found_again() {
        assert_eq!(pixels((1920, 1080), 1.0), Some(Size::new(1920, 1080)));
        assert_eq!(pixels((1920, 1080), 2.0), Some(Size::new(3840, 2160)));
        assert_eq!(pixels((1092, 614), 1.25), Some(Size::new(1366, 768)), "both cut off");
        assert_eq!(pixels((864, 1536), 1.25), Some(Size::new(1080, 1920)), "on its side");
        assert_eq!(pixels((1365, 767), 1.0), Some(Size::new(1365, 767)), "it says so itself");
        assert_eq!(pixels((0, 0), 1.0), None);
    }

    #[test]
    fn millimetres_lie_as_the_monitor_does() {
        assert_eq!(upright((1920, 1080), (597, 336)), (597, 336));
        assert_eq!(upright((1080, 1920), (597, 336)), (336, 597));
        assert_eq!(upright((1920, 1080), (-1, 0)), (0, 0));
    }
}
