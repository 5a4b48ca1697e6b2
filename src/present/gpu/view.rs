//! Which part of a picture is drawn where in a buffer of the monitor's pixels.

use crate::frame::Damage;
use crate::geometry::{Backing, Device, Guest, Placement, Rect, Size};
use crate::present::viewport::{self, Exactness, Fill, Shape};

/// How a picture that a placement shows lies in a buffer as large as its part of the monitor.
///
/// A picture that is 1:1 but for the rounding of units is drawn 1:1 exactly, which a viewport cannot
/// do: it would stretch 1367 guest pixels over 1368 of the monitor's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The buffer's size.
    pub canvas: Size<Device>,
    /// The part of it that the picture fills, from its corner; the rest is black.
    pub filled: Size<Device>,
    source: Source,
    shape: Shape,
}

/// The part of the picture that is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    /// One guest pixel is one of the monitor's, from this one on.
    Exact { x: u32, y: u32 },
    /// x, y, width and height in pixels of the picture.
    Scaled([f64; 4]),
}

/// Guest pixels around a change that a filter may mix with it.
const FILTER: f64 = 1.0;

impl View {
    /// Draws a picture of `shape` where `placement` says, which may still be that of another picture.
    pub fn new(shape: Shape, placement: &Placement) -> Self {
        let picture = shape.crop.size;
        // A pixel that rounding has cut off is shown where there is room for it.
        let room = |canvas: u32, seen: u32, left: u32| canvas.min(seen + 1).min(left);
        if viewport::exactness(picture, placement) != Exactness::Scaled {
            let canvas = placement.on_monitor(placement.padded());
            let seen = placement.on_monitor(placement.visible().size);
            let (x, y) = placement.hidden_device();
            let (x, y) = (x.min(picture.width - 1), y.min(picture.height - 1));
            let filled = Size::new(
                room(canvas.width, seen.width, picture.width - x),
                room(canvas.height, seen.height, picture.height - y),
            );
            return Self { canvas, filled, source: Source::Exact { x, y }, shape };
        }
        let canvas = placement.on_monitor(placement.visible().size);
        let guest = placement.guest();
        let across = f64::from(picture.width) / f64::from(guest.width);
        let down = f64::from(picture.height) / f64::from(guest.height);
        let [x, y, width, height] = placement.source();
        let source = [x * across, y * down, width * across, height * down];
        Self { canvas, filled: canvas, source: Source::Scaled(source), shape }
    }

    /// Whether the picture's rows and columns are the buffer's own.
    pub fn is_exact(&self) -> bool {
        matches!(self.source, Source::Exact { .. })
    }

    /// How large the surface is to be.
    pub fn fill(&self) -> Fill {
        if self.is_exact() { Fill::Padded } else { Fill::Visible }
    }

    /// The picture's part that is seen: x, y, width and height in its pixels, from its top left.
    fn seen(&self) -> [f64; 4] {
        match self.source {
            Source::Exact { x, y } => {
                [x.into(), y.into(), self.filled.width.into(), self.filled.height.into()]
            }
            Source::Scaled(source) => source,
        }
    }

    /// Where the shader samples: the corner and the extent of what is seen, as parts of the whole
    /// texture. The extent down is negative where row 0 is the picture's bottom line.
    pub(super) fn part(&self) -> [f32; 4] {
        let [x, y, width, height] = self.seen();
        let (crop, buffer) = (self.shape.crop, self.shape.buffer);
        let left = f64::from(crop.origin.x) + x;
        let (top, height) = if self.shape.flipped {
            (f64::from(crop.origin.y) + f64::from(crop.size.height) - y, -height)
        } else {
            (f64::from(crop.origin.y) + y, height)
        };
        let (across, down) = (f64::from(buffer.width), f64::from(buffer.height));
        [left / across, top / down, width / across, height / down].map(narrow)
    }

    /// The middles of the first and last texels that belong to the picture: a filter mixes in no
    /// others.
    pub(super) fn edges(&self) -> [f32; 4] {
        let (crop, buffer) = (self.shape.crop, self.shape.buffer);
        let (left, top) = (f64::from(crop.origin.x), f64::from(crop.origin.y));
        let (right, bottom) = (left + f64::from(crop.size.width), top + f64::from(crop.size.height));
        let (across, down) = (f64::from(buffer.width), f64::from(buffer.height));
        [(left + 0.5) / across, (top + 0.5) / down, (right - 0.5) / across, (bottom - 0.5) / down].map(narrow)
    }

    /// The rows of the buffer that `place` shows, where they can be copied as they are.
    pub(super) fn copied(&self, place: Rect<Device>) -> Option<Rect<Backing>> {
        let Source::Exact { x, y } = self.source else { return None };
        if self.shape.flipped {
            return None;
        }
        let at = |origin: i32, skipped: u32, place: i32| {
            origin.saturating_add_unsigned(skipped).saturating_add(place)
        };
        let left = at(self.shape.crop.origin.x, x, place.origin.x);
        let top = at(self.shape.crop.origin.y, y, place.origin.y);
        Some(Rect::new(left, top, place.size.width, place.size.height))
    }

    /// Where a part of the picture is seen, with what a filter mixes of it into its surroundings.
    pub fn place(&self, part: Rect<Guest>) -> Option<Rect<Device>> {
        let [x, y, width, height] = self.seen();
        let margin = if self.is_exact() { 0.0 } else { FILTER };
        let across = f64::from(self.filled.width) / width;
        let down = f64::from(self.filled.height) / height;
        let left = (f64::from(part.origin.x) - x - margin) * across;
        let top = (f64::from(part.origin.y) - y - margin) * down;
        let right = left + (f64::from(part.size.width) + 2.0 * margin) * across;
        let bottom = top + (f64::from(part.size.height) + 2.0 * margin) * down;
        span(left, top, right, bottom).intersection(self.filled.at_origin())
    }

    /// The same for everything that has changed.
    pub fn damage<'a>(&'a self, damage: &'a Damage) -> impl Iterator<Item = Rect<Device>> + 'a {
        damage.rects().iter().filter_map(|rect| self.place(*rect))
    }

    /// The columns to the right of the picture and the rows below it, which are black.
    pub(super) fn bare(&self) -> impl Iterator<Item = Rect<Device>> {
        let Size { width, height, .. } = self.canvas;
        let (across, down) = (self.filled.width, self.filled.height);
        let column = Rect::new(signed(across), 0, width - across, height);
        let row = Rect::new(0, signed(down), width, height - down);
        [column, row].into_iter().filter(|rect| !rect.is_empty())
    }
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "parts of a texture")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// The whole pixels that a rectangle touches.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is cut")]
fn span(left: f64, top: f64, right: f64, bottom: f64) -> Rect<Device> {
    // What rounding made of a whole number is that number.
    let (first, last) = (|at: f64| (at + 1e-6).floor() as i32, |at: f64| (at - 1e-6).ceil() as i32);
    let (x, y) = (first(left), first(top));
    let length = |end: i32, start: i32| i64::from(end).saturating_sub(start.into()).max(0) as u32;
    Rect::new(x, y, length(last(right), x), length(last(bottom), y))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Direct, Scaling, ScreenScale};

    fn place(guest: (u32, u32), room: (u32, u32), scale: f64, scaling: Scaling) -> Placement {
        let area = Rect::new(3, 5, room.0, room.1);
        let scale = ScreenScale::new(scale);
        Placement::new(Size::new(guest.0, guest.1), area, scale, scaling).expect("room")
    }

    fn whole(width: u32, height: u32, flipped: bool) -> Shape {
        Shape::whole(Size::new(width, height), flipped)
    }

    #[test]
    fn what_a_viewport_would_stretch_by_a_pixel_is_exact() {
        // 1367 pixels are 1093.6 units: 1094 of them have 1367.5 pixels, which is 1368.
        let placement = place((1367, 769), (2000, 2000), 1.25, Scaling::OneToOne);
        let view = View::new(whole(1367, 769, false), &placement);
        assert!(view.is_exact() && placement.direct() != Direct::Exact);
        assert_eq!(view.canvas, Size::new(1370, 770));
        assert_eq!(view.filled, Size::new(1367, 769));
        let bare: Vec<_> = view.bare().collect();
        assert_eq!(bare, [Rect::new(1367, 0, 3, 770), Rect::new(0, 769, 1370, 1)]);
    }

    #[test]
    fn what_is_too_large_is_cut_around_the_middle() {
        let placement = place((800, 600), (400, 300), 1.0, Scaling::OneToOne);
        let view = View::new(whole(800, 600, false), &placement);
        let corner = Rect::new(0, 0, 1, 1);
        assert_eq!(view.copied(corner), Some(Rect::new(200, 150, 1, 1)));
        assert_eq!(view.part(), [0.25, 0.25, 0.5, 0.5]);
        assert_eq!(view.place(Rect::new(190, 140, 20, 20)), Some(Rect::new(0, 0, 10, 10)));
        assert_eq!(view.place(Rect::new(0, 0, 200, 600)), None);
    }

    #[test]
    fn a_crop_is_sampled_within_its_edges_and_upside_down_if_it_has_to_be() {
        let crop = Rect::new(10, 20, 100, 50);
        let shape = Shape { buffer: Size::new(200, 100), crop, flipped: true };
        let view = View::new(shape, &place((100, 50), (400, 400), 1.0, Scaling::Fit));
        assert_eq!(view.part(), [0.05, 0.7, 0.5, -0.5]);
        let edges = [10.5 / 200.0, 20.5 / 100.0, 109.5 / 200.0, 69.5 / 100.0];
        assert_eq!(view.edges(), edges);
        assert_eq!(view.copied(view.filled.at_origin()), None);
        // The picture's top line is on the canvas's top, wherever it lies in the buffer.
        let top = view.place(Rect::new(0, 0, 100, 1)).expect("seen");
        assert_eq!((top.origin.y, top.size.width), (0, 400));
    }

    #[test]
    fn the_old_placement_does_for_a_new_size() {
        let placement = place((640, 480), (640, 480), 1.0, Scaling::Fit);
        let view = View::new(whole(720, 400, false), &placement);
        assert!(!view.is_exact());
        assert_eq!((view.canvas, view.part()), (Size::new(640, 480), [0.0, 0.0, 1.0, 1.0]));
    }

    proptest! {
        #[test]
        fn everything_stays_within_buffer_and_canvas(
            guest in (1..3000_u32, 1..3000_u32),
            shown in (1..3000_u32, 1..3000_u32),
            room in (1..2000_u32, 1..2000_u32),
            scale in prop_oneof![Just(1.0), Just(1.25), Just(1.5), Just(1.75), Just(2.0)],
            part in (-50..3000_i32, -50..3000_i32, 1..500_u32, 1..500_u32),
            one_to_one: bool,
        ) {
            let scaling = if one_to_one { Scaling::OneToOne } else { Scaling::Fit };
            let shape = whole(shown.0, shown.1, false);
            let view = View::new(shape, &place(guest, room, scale, scaling));
            prop_assert!(!view.canvas.is_empty() && !view.filled.is_empty());
            prop_assert!(view.canvas.at_origin().contains(view.filled.at_origin()));
            if let Some(rows) = view.copied(view.filled.at_origin()) {
                prop_assert!(shape.buffer.at_origin().contains(rows));
            }
            let [left, top, width, height] = view.part();
            prop_assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.001 && top + height <= 1.001);
            if let Some(place) = view.place(Rect::new(part.0, part.1, part.2, part.3)) {
                prop_assert!(view.filled.at_origin().contains(place));
            }
            // All of the picture is all that is seen.
            let all = view.place(Rect::new(0, 0, shown.0, shown.1)).expect("seen");
            prop_assert_eq!(all, view.filled.at_origin());
        }
    }
}
