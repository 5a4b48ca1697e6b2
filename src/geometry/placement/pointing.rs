//! From positions on the surface to guest pixels, and from parts of the picture to device pixels.

use super::super::axis::{Axis, Span};
use super::super::{Device, Guest, Point, Rect, ScreenScale};
use super::{Placement, Sampling, rect};

/// Positions are computed with in these parts of a unit: whole numbers, in which the 256ths of
/// `wl_fixed` are exact and the middle of every pixel is told from its edges.
const FINE: f64 = (1_u64 << 32) as f64;

/// The parts of a device pixel: 120 times those of a unit are `parts()` times those of a pixel.
const PIXEL: i128 = 120 << 32;

impl Placement {
    /// The guest pixel under a position in the surface (units, as events have them), `None` beside
    /// the picture.
    ///
    /// At the area's own edges the outermost pixels are as large as the area is: a corner that the
    /// compositor rounds away still belongs to the corner's pixel.
    pub fn guest_at(&self, x: f64, y: f64) -> Option<Point<Guest>> {
        let column = seen_pixel(&self.across, fine(x, self.scale), self.turned().width, self.scale)?;
        let row = seen_pixel(&self.down, fine(y, self.scale), self.turned().height, self.scale)?;
        Some(self.rotation().turn_back(Point::new(column, row), self.guest))
    }

    /// The guest pixel nearest to a position in the surface: for drags that leave the picture.
    pub fn nearest_guest(&self, x: f64, y: f64) -> Point<Guest> {
        let turned = Point::new(
            pixel(&self.across, fine(x, self.scale), self.turned().width),
            pixel(&self.down, fine(y, self.scale), self.turned().height),
        );
        self.rotation().turn_back(turned, self.guest)
    }

    /// The middle of a guest pixel, as a position in the surface.
    pub fn centre_of(&self, at: Point<Guest>) -> (f64, f64) {
        let at = self.rotation().turn(at, self.guest);
        let position = |axis: &Axis, pixel: i32, of: u32| {
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 pixels")]
            let (start, length) = (axis.pixels.start as f64, axis.pixels.length() as f64);
            (start + (f64::from(pixel) + 0.5) * length / f64::from(of)) / self.scale.factor()
        };
        (position(&self.across, at.x, self.turned().width), position(&self.down, at.y, self.turned().height))
    }

    /// The device pixels of the surface that a part of the picture has a share in, also beyond the
    /// area's edges.
    pub fn pixels_of(&self, part: Rect<Guest>) -> Rect<Device> {
        self.reached(part, 0)
    }

    /// The device pixels of the surface that have to be drawn again when a part of the picture has
    /// changed; `None` if that is not seen. `reach` is how many guest pixels further the filter in use
    /// looks: 0 for the nearest neighbour, 1 for linear ones. At 1:1 and at whole multiples nothing
    /// is filtered.
    pub fn damaged(&self, part: Rect<Guest>, reach: u32) -> Option<Rect<Device>> {
        let reach = if self.sampling() == Sampling::Scaled { reach } else { 0 };
        self.reached(part, reach).intersection(self.visible_pixels())
    }

    fn reached(&self, part: Rect<Guest>, reach: u32) -> Rect<Device> {
        let turned = self.rotation().turn_rect(part, self.guest);
        let reached = |axis: &Axis, start: i32, end: i64, of: u32| {
            let (whole, of) = (axis.pixels, i128::from(of));
            let length = i128::from(whole.length());
            let first = (i128::from(start) - i128::from(reach)).max(0) * length;
            let last = (i128::from(end) + i128::from(reach)).min(of) * length;
            Span {
                start: whole.start + narrow(first.div_euclid(of)),
                end: whole.start + narrow(-(-last).div_euclid(of)),
            }
        };
        rect(
            reached(&self.across, turned.origin.x, turned.right(), self.turned().width),
            reached(&self.down, turned.origin.y, turned.bottom(), self.turned().height),
        )
    }
}

/// A position in parts of which [`PIXEL`] are a device pixel. What is no number is the corner.
fn fine(units: f64, scale: ScreenScale) -> i128 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates; nothing is further away than that")]
    let parts = (units.clamp(-1e12, 1e12) * FINE).floor() as i128;
    parts * i128::from(scale.parts())
}

/// The pixel of the turned picture at a position, the nearest if it is beside the picture.
fn pixel(axis: &Axis, at: i128, of: u32) -> i32 {
    let from_start = at - i128::from(axis.pixels.start) * PIXEL;
    let pixel = (from_start * i128::from(of)).div_euclid(i128::from(axis.pixels.length()) * PIXEL);
    i32::try_from(pixel.clamp(0, i128::from(of) - 1)).unwrap_or(i32::MAX)
}

/// The pixel at a position if it is seen there.
fn seen_pixel(axis: &Axis, at: i128, of: u32, scale: ScreenScale) -> Option<i32> {
    let (seen, area) = (axis.seen(), axis.area);
    let edge = |units: i64| i128::from(units) * (PIXEL / 120) * i128::from(scale.parts());
    let (mut start, mut end) = (i128::from(seen.start) * PIXEL, i128::from(seen.end) * PIXEL);
    let nearest = at.clamp(start, end - 1);
    if seen.start == axis.room.start {
        start = edge(area.start);
    }
    if seen.end == axis.room.end {
        end = edge(area.end);
    }
    (start <= at && at < end).then(|| pixel(axis, nearest, of))
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
