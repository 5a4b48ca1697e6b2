//! Which part of a picture is drawn where in a buffer of the monitor's pixels.

use crate::frame::Damage;
use crate::geometry::{Backing, Canvas, Device, Guest, Point, Rect, Rotation, Sampling, Size};
use crate::present::filter::Kernel;
use crate::present::scene::{Colour, Scene};
use crate::present::viewport::Shape;

/// How a picture lies in a buffer of device pixels, and what draws it there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    canvas: Canvas,
    scene: Scene,
    shape: Shape,
}

/// From device pixels of the buffer to texels of the guest's: `origin + x * across + y * down`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map {
    pub origin: [f64; 2],
    pub across: [f64; 2],
    pub down: [f64; 2],
}

impl View {
    /// Draws a picture of `shape` as `scene` says, which may still be that of another picture: it
    /// then takes the other's place.
    pub fn new(shape: Shape, scene: impl Into<Scene>) -> Self {
        let scene = scene.into();
        Self { canvas: scene.placement.canvas(), scene, shape }
    }

    /// The buffer's size.
    pub fn size(&self) -> Size<Device> {
        self.canvas.size
    }

    /// The part of the buffer that the picture fills; the rest is background.
    pub fn filled(&self) -> Rect<Device> {
        let none = Rect::new(0, 0, 0, 0);
        self.canvas.picture.intersection(self.size().at_origin()).unwrap_or(none)
    }

    /// What draws the picture.
    pub fn kernel(&self) -> Kernel {
        if self.is_placed() { self.scene.kernel() } else { Kernel::Linear }
    }

    /// What is around it.
    pub fn background(&self) -> Colour {
        self.scene.paint.background
    }

    /// Whether the scene is this picture's own.
    fn is_placed(&self) -> bool {
        self.shape.crop.size.cast() == self.scene.placement.guest()
    }

    /// The picture's size once it is turned.
    fn turned(&self) -> Size<Backing> {
        self.scene.placement.rotation().turn_size(self.shape.crop.size)
    }

    /// Where the texels of device pixels lie.
    pub fn map(&self) -> Map {
        let at = |x: f64, y: f64| self.texel(x, y);
        let ([left, top], [right, beside], [below, bottom]) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0));
        Map { origin: [left, top], across: [right - left, beside - top], down: [below - left, bottom - top] }
    }

    /// Where in the buffer of the guest's a position in ours comes from.
    fn texel(&self, x: f64, y: f64) -> [f64; 2] {
        let (whole, turned) = (self.canvas.picture, self.turned());
        let part = |at: f64, start: i32, length: u32, of: u32| {
            (at - f64::from(start)) * f64::from(of) / f64::from(length)
        };
        let across = part(x, whole.origin.x, whole.size.width, turned.width);
        let down = part(y, whole.origin.y, whole.size.height, turned.height);
        let crop = self.shape.crop;
        let (width, height) = (f64::from(crop.size.width), f64::from(crop.size.height));
        let (x, y) = match self.scene.placement.rotation() {
            Rotation::None => (across, down),
            Rotation::Right => (down, height - across),
            Rotation::Half => (width - across, height - down),
            Rotation::Left => (width - down, across),
        };
        let y = if self.shape.flipped { height - y } else { y };
        [f64::from(crop.origin.x) + x, f64::from(crop.origin.y) + y]
    }

    /// The first and last texels that belong to the picture: a filter mixes in no others.
    pub fn edges(&self) -> [i32; 4] {
        let Rect { origin, size } = self.shape.crop;
        let last = |start: i32, length: u32| start.saturating_add_unsigned(length).saturating_sub(1);
        [origin.x, origin.y, last(origin.x, size.width), last(origin.y, size.height)]
    }

    /// Whether the picture lies on its side.
    pub fn is_sideways(&self) -> bool {
        self.scene.placement.rotation().is_sideways()
    }

    /// How many texels a device pixel has along the picture's own width and height.
    pub fn texels(&self) -> [f64; 2] {
        let Map { across, down, .. } = self.map();
        [across[0].abs() + down[0].abs(), across[1].abs() + down[1].abs()]
    }

    /// The rows of the buffer that `place` shows, where they can be copied as they are.
    pub fn copied(&self, place: Rect<Device>) -> Option<Rect<Backing>> {
        let placement = &self.scene.placement;
        let plain = placement.rotation() == Rotation::None && !self.shape.flipped;
        if !plain || !self.is_placed() || placement.sampling() != Sampling::OneToOne {
            return None;
        }
        let at = |start: i32, place: i32, picture: i32| start.saturating_add(place).saturating_sub(picture);
        let Point { x, y, .. } = self.canvas.picture.origin;
        let left = at(self.shape.crop.origin.x, place.origin.x, x);
        let top = at(self.shape.crop.origin.y, place.origin.y, y);
        Some(Rect::new(left, top, place.size.width, place.size.height))
    }

    /// Where a part of the picture is seen, with what a filter mixes of it into its surroundings.
    pub fn place(&self, part: Rect<Guest>) -> Option<Rect<Device>> {
        let filled = Some(self.filled()).filter(|filled| !filled.is_empty())?;
        if !self.is_placed() {
            return Some(filled);
        }
        let [across, down] = self.texels();
        let placement = &self.scene.placement;
        let seen = placement.damaged(part, self.kernel().reach(across.max(down)))?;
        // From the surface's corner to the buffer's.
        let (whole, here) = (placement.pixels().origin, self.canvas.picture.origin);
        let (x, y) = (seen.origin.x - whole.x + here.x, seen.origin.y - whole.y + here.y);
        Rect::new(x, y, seen.size.width, seen.size.height).intersection(filled)
    }

    /// The same for everything that has changed.
    pub fn damage<'a>(&'a self, damage: &'a Damage) -> impl Iterator<Item = Rect<Device>> + 'a {
        damage.rects().iter().filter_map(|rect| self.place(*rect))
    }

    /// What is around the picture.
    pub fn bare(&self) -> impl Iterator<Item = Rect<Device>> {
        let Size { width, height, .. } = self.size();
        let filled = self.filled();
        let (left, top) = (unsigned(filled.origin.x), unsigned(filled.origin.y));
        let (right, bottom) = (left + filled.size.width, top + filled.size.height);
        [
            Rect::new(0, 0, width, top),
            Rect::new(0, signed(bottom), width, height - bottom),
            Rect::new(0, signed(top), left, filled.size.height),
            Rect::new(signed(right), signed(top), width - right, filled.size.height),
        ]
        .into_iter()
        .filter(|rect| !rect.is_empty())
    }
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

fn unsigned(pixels: i32) -> u32 {
    u32::try_from(pixels).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Direct, Look, Placement, Scaling, ScreenScale};

    fn place(guest: (u32, u32), room: (u32, u32), scale: f64, look: impl Into<Look>) -> Placement {
        let area = Rect::new(3, 5, room.0, room.1);
        let scale = ScreenScale::new(scale);
        Placement::new(Size::new(guest.0, guest.1), area, scale, look).expect("room")
    }

    fn whole(width: u32, height: u32, flipped: bool) -> Shape {
        Shape::whole(Size::new(width, height), flipped)
    }

    #[test]
    fn what_a_viewport_would_stretch_by_a_pixel_is_copied() {
        // 1367 pixels are 1093.6 units: 1094 of them have 1367.5 pixels, which is 1368.
        let placement = place((1367, 769), (2000, 2000), 1.25, Scaling::OneToOne);
        let view = View::new(whole(1367, 769, false), placement);
        assert!(placement.direct() > Direct::Exact && placement.canvas().direct == Direct::Exact);
        assert_eq!(view.filled().size, Size::new(1367, 769));
        let rows = view.copied(view.filled()).expect("the same pixels");
        assert_eq!(rows, Rect::new(0, 0, 1367, 769));
        let bare: u64 = view.bare().map(|rect| rect.size.area()).sum();
        assert_eq!(bare + view.filled().size.area(), view.size().area());
    }

    #[test]
    fn what_is_too_large_is_cut_around_the_middle() {
        let placement = place((800, 600), (400, 300), 1.0, Scaling::OneToOne);
        let view = View::new(whole(800, 600, false), placement);
        let corner = Rect::new(0, 0, 1, 1);
        assert_eq!(view.copied(corner), Some(Rect::new(200, 150, 1, 1)));
        assert_eq!(view.map().origin, [200.0, 150.0]);
        assert_eq!(view.place(Rect::new(190, 140, 20, 20)), Some(Rect::new(0, 0, 10, 10)));
        assert_eq!(view.place(Rect::new(0, 0, 200, 600)), None);
    }

    #[test]
    fn a_crop_is_sampled_within_its_edges_and_upside_down_if_it_has_to_be() {
        let crop = Rect::new(10, 20, 100, 50);
        let shape = Shape { buffer: Size::new(200, 100), crop, flipped: true };
        let view = View::new(shape, place((100, 50), (200, 100), 1.0, Scaling::Fill));
        assert_eq!(view.map(), Map { origin: [10.0, 70.0], across: [0.5, 0.0], down: [0.0, -0.5] });
        assert_eq!(view.edges(), [10, 20, 109, 69]);
        assert_eq!(view.copied(view.filled()), None);
        // The picture's top line is on the canvas's top, wherever it lies in the buffer.
        let top = view.place(Rect::new(0, 0, 100, 1)).expect("seen");
        assert_eq!((top.origin.y, top.size.width), (0, 200));
    }

    #[test]
    fn the_old_placement_does_for_a_new_size() {
        let placement = place((640, 480), (640, 480), 1.0, Scaling::Fit);
        let view = View::new(whole(720, 400, false), placement);
        assert_eq!((view.copied(view.filled()), view.filled().size), (None, Size::new(640, 480)));
        assert_eq!(view.map().across, [1.125, 0.0]);
    }

    proptest! {
        #[test]
        fn device_pixels_are_drawn_from_where_the_pointer_finds_them(
            guest in (1..900_u32, 1..900_u32),
            room in (1..700_u32, 1..700_u32),
            scale in prop::sample::select(vec![1.0, 1.1, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5]),
            scaling in prop::sample::select(
                vec![Scaling::Fit, Scaling::OneToOne, Scaling::Integer, Scaling::Fill]),
            quarters in 0..4,
            flipped: bool,
            at in (0.0..1.0, 0.0..1.0),
        ) {
            let rotation = (0..quarters).fold(Rotation::None, |rotation, _| rotation.right());
            let placement = place(guest, room, scale, Look { rotation, ..Look::from(scaling) });
            let view = View::new(whole(guest.0, guest.1, flipped), placement);
            let filled = view.filled();
            prop_assert!(view.size().at_origin().contains(filled) && !filled.is_empty());
            #[expect(clippy::cast_possible_truncation, reason = "small")]
            let pick = |start: i32, length: u32, at: f64| start + (f64::from(length) * at) as i32;
            let x = pick(filled.origin.x, filled.size.width, at.0);
            let y = pick(filled.origin.y, filled.size.height, at.1);
            let [column, row] = view.texel(f64::from(x) + 0.5, f64::from(y) + 0.5);
            let row = if flipped { f64::from(guest.1) - row } else { row };
            let corner = placement.pixels().origin;
            let units = |at: i32, corner: i32, picture: i32| {
                (f64::from(at - picture + corner) + 0.5) / placement.scale().factor()
            };
            let picture = view.canvas.picture.origin;
            let found = placement.nearest_guest(
                units(x, corner.x, picture.x), units(y, corner.y, picture.y));
            // On the border of two guest pixels either will do.
            for (here, there) in [(column, found.x), (row, found.y)] {
                prop_assert!(here > f64::from(there) - 1e-6 && here < f64::from(there) + 1.0 + 1e-6);
            }
        }

        #[test]
        fn everything_stays_within_buffer_and_canvas(
            guest in (1..3000_u32, 1..3000_u32),
            shown in (1..3000_u32, 1..3000_u32),
            room in (1..2000_u32, 1..2000_u32),
            scale in prop::sample::select(vec![1.0, 1.25, 1.5, 1.75, 2.0]),
            part in (-50..3000_i32, -50..3000_i32, 1..500_u32, 1..500_u32),
            one_to_one: bool,
        ) {
            let scaling = if one_to_one { Scaling::OneToOne } else { Scaling::Fit };
            let shape = whole(shown.0, shown.1, false);
            let view = View::new(shape, place(guest, room, scale, scaling));
            prop_assert!(!view.size().is_empty() && !view.filled().is_empty());
            prop_assert!(view.size().at_origin().contains(view.filled()));
            if let Some(rows) = view.copied(view.filled()) {
                prop_assert!(shape.buffer.at_origin().contains(rows));
            }
            if let Some(place) = view.place(Rect::new(part.0, part.1, part.2, part.3)) {
                prop_assert!(view.filled().contains(place));
            }
            // All of the picture is all that is seen.
            let all = view.place(Rect::new(0, 0, shown.0, shown.1)).expect("seen");
            prop_assert_eq!(all, view.filled());
        }
    }
}
