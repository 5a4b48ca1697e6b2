//! Which part of a buffer goes where on the surface, in the units of `wp_viewport`.

use crate::frame::{Damage, Scanout};
use crate::geometry::{Backing, Guest, Logical, Placement, Rect, Rotation, Size};

/// How a picture lies in the buffer that is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The whole buffer.
    pub buffer: Size<Backing>,
    /// The picture's part of it.
    pub crop: Rect<Backing>,
    /// Row 0 of the buffer is the bottom line of the picture (QEMU's `y0_top`).
    pub flipped: bool,
}

/// What a buffer that is attached holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The picture, in its own pixels.
    Picture(Shape),
    /// What of it the placement shows, in the monitor's pixels: see [`Placement::canvas`].
    Seen,
}

impl Content {
    /// Where the surface is that shows it.
    pub fn place(&self, placement: &Placement) -> Rect<Logical> {
        match self {
            Self::Picture(_) => placement.visible(),
            Self::Seen => placement.canvas().surface,
        }
    }

    /// How it is shown where `placement` says.
    pub fn viewport(&self, placement: &Placement) -> Viewport {
        match self {
            Self::Picture(shape) => shape.viewport(placement),
            Self::Seen => {
                let destination = self.place(placement).size;
                Viewport { turn: Turn::default(), source: None, destination }
            }
        }
    }
}

/// How a buffer is turned to be the surface: first set upright, then turned.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Its row 0 is the bottom line.
    pub flipped: bool,
    pub rotation: Rotation,
}

/// What the surface's viewport is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewport {
    /// How the buffer is turned before anything else.
    pub turn: Turn,
    /// x, y, width, height in 256ths of a pixel of the buffer as the transform turns it; `None` for
    /// all of it.
    pub source: Option<[i32; 4]>,
    /// The surface's size.
    pub destination: Size<Logical>,
}

/// `wl_fixed` counts in 256ths.
const FIXED: f64 = 256.0;

impl Shape {
    /// The shape of a scanout whose own buffer is shown.
    pub fn of(scanout: &Scanout) -> Self {
        match scanout {
            Scanout::Dmabuf(dmabuf) => {
                Self { buffer: dmabuf.backing(), crop: dmabuf.crop(), flipped: dmabuf.y0_top() }
            }
            other => Self::whole(other.size(), false),
        }
    }

    /// The shape of a buffer that holds nothing but the picture.
    pub fn whole(size: Size<Guest>, flipped: bool) -> Self {
        Self { buffer: size.cast(), crop: size.cast().at_origin(), flipped }
    }

    /// Where a part of the picture lies in the buffer.
    pub fn in_buffer(&self, part: Rect<Guest>) -> Rect<Backing> {
        let part = if self.flipped { part.flipped(self.crop.size.height) } else { part };
        let x = self.crop.origin.x.saturating_add(part.origin.x);
        let y = self.crop.origin.y.saturating_add(part.origin.y);
        Rect::new(x, y, part.size.width, part.size.height)
    }

    /// The same for every rectangle of some damage.
    pub fn damage<'a>(&'a self, damage: &'a Damage) -> impl Iterator<Item = Rect<Backing>> + 'a {
        damage.rects().iter().map(|rect| self.in_buffer(*rect))
    }

    /// How the picture is shown where `placement` says.
    ///
    /// The placement may still be the one for a picture of another size: the same part of the new
    /// picture is then shown, until the window has placed it anew. The source always lies within the
    /// buffer, because a compositor ends the connection over one that does not.
    pub fn viewport(&self, placement: &Placement) -> Viewport {
        let rotation = placement.rotation();
        let turn = Turn { flipped: self.flipped, rotation };
        let buffer = rotation.turn_size(self.buffer);
        let crop = self.turned_crop(rotation);
        let guest = rotation.turn_size(placement.guest());
        let [x, y, width, height] = placement.turned_source();
        let across = f64::from(crop.size.width) / f64::from(guest.width);
        let down = f64::from(crop.size.height) / f64::from(guest.height);
        let (x, width) = fixed(i64::from(crop.origin.x), x * across, width * across, crop.size.width);
        let (y, height) = fixed(i64::from(crop.origin.y), y * down, height * down, crop.size.height);
        let all = Size::<Backing>::new(fixed_length(buffer.width), fixed_length(buffer.height));
        let source = [x, y, width, height];
        let whole =
            source == [0, 0, i32::try_from(all.width).unwrap_or(0), i32::try_from(all.height).unwrap_or(0)];
        Viewport { turn, source: (!whole).then_some(source), destination: placement.visible().size }
    }

    /// The picture's part of the buffer once that is upright and turned.
    fn turned_crop(&self, rotation: Rotation) -> Rect<Backing> {
        let upright = if self.flipped { self.crop.flipped(self.buffer.height) } else { self.crop };
        rotation.turn_rect(upright.cast(), self.buffer.cast()).cast()
    }
}

fn fixed_length(pixels: u32) -> u32 {
    pixels.saturating_mul(256)
}

/// A span that starts `start` into one of `extent` pixels at `origin`, as `wl_fixed`: never empty,
/// never beyond the end.
fn fixed(origin: i64, start: f64, length: f64, extent: u32) -> (i32, i32) {
    let end = i64::from(extent) * 256;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped")]
    let (start, length) = ((start * FIXED).round() as i64, (length * FIXED).round() as i64);
    let start = start.clamp(0, end - 1);
    let length = length.clamp(1, end - start);
    let narrow = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    (narrow(origin * 256 + start), narrow(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Look, Scaling, ScreenScale};

    fn place(guest: (u32, u32), room: (u32, u32), scaling: Scaling) -> Placement {
        let area = Rect::new(0, 0, room.0, room.1);
        Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::ONE, scaling).expect("room")
    }

    #[test]
    fn a_whole_picture_needs_no_source() {
        let shape = Shape::whole(Size::new(640, 480), false);
        let viewport = shape.viewport(&place((640, 480), (320, 240), Scaling::Fit));
        assert_eq!((viewport.source, viewport.destination), (None, Size::new(320, 240)));
    }

    #[test]
    fn a_crop_is_counted_from_the_buffers_corner() {
        let crop = Rect::new(10, 20, 100, 50);
        let shape = Shape { buffer: Size::new(200, 100), crop, flipped: false };
        let placement = place((100, 50), (100, 50), Scaling::Fit);
        assert_eq!(shape.viewport(&placement).source, Some([2560, 5120, 25600, 12800]));
        assert_eq!(shape.in_buffer(Rect::new(1, 2, 3, 4)), Rect::new(11, 22, 3, 4));
    }

    #[test]
    fn a_flipped_buffer_is_counted_from_its_last_row() {
        let crop = Rect::new(10, 20, 100, 50);
        let shape = Shape { buffer: Size::new(200, 100), crop, flipped: true };
        let placement = place((100, 50), (100, 50), Scaling::Fit);
        // Rows 20 to 69 of 100 are rows 30 to 79 from the bottom.
        assert_eq!(shape.viewport(&placement).source, Some([2560, 30 * 256, 25600, 12800]));
        // The picture's top line is the crop's last row.
        assert_eq!(shape.in_buffer(Rect::new(0, 0, 100, 1)), Rect::new(10, 69, 100, 1));
    }

    #[test]
    fn a_turned_crop_is_counted_in_the_turned_buffer() {
        let crop = Rect::new(10, 20, 100, 50);
        let upright = Shape { buffer: Size::new(200, 100), crop, flipped: false };
        // 30 rows are below the crop; they are at the left once the top is at the right.
        assert_eq!(upright.turned_crop(Rotation::Right), Rect::new(30, 10, 50, 100));
        let flipped = Shape { flipped: true, ..upright };
        assert_eq!(flipped.turned_crop(Rotation::Right), Rect::new(20, 10, 50, 100));
        assert_eq!(flipped.turned_crop(Rotation::None), Rect::new(10, 30, 100, 50));
    }

    #[test]
    fn the_old_placement_does_for_a_new_size() {
        let shape = Shape::whole(Size::new(720, 400), false);
        let viewport = shape.viewport(&place((640, 480), (640, 480), Scaling::Fit));
        assert_eq!((viewport.source, viewport.destination), (None, Size::new(640, 480)));
    }

    proptest! {
        #[test]
        fn the_source_lies_in_the_crop(
            guest in (1..5000_u32, 1..5000_u32),
            shown in (1..5000_u32, 1..5000_u32),
            origin in (0..50, 0..50),
            margin in (0..50_u32, 0..50_u32),
            room in (1..3000_u32, 1..3000_u32),
            flipped: bool,
            one_to_one: bool,
            quarters in 0..4,
        ) {
            let rotation = (0..quarters).fold(Rotation::None, |rotation, _| rotation.right());
            let crop = Rect::new(origin.0, origin.1, shown.0, shown.1);
            let reach = |at: i32, length: u32, margin: u32| u32::try_from(at).unwrap() + length + margin;
            let buffer = Size::new(reach(origin.0, shown.0, margin.0), reach(origin.1, shown.1, margin.1));
            let shape = Shape { buffer, crop, flipped };
            let scaling = if one_to_one { Scaling::OneToOne } else { Scaling::Fit };
            let look = Look { rotation, ..Look::from(scaling) };
            let area = Rect::new(0, 0, room.0, room.1);
            let placement = Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::ONE, look);
            let viewport = shape.viewport(&placement.expect("room"));
            prop_assert!(!viewport.destination.is_empty());
            if let Some([x, y, width, height]) = viewport.source {
                let within = shape.turned_crop(rotation);
                prop_assert!(rotation.turn_size(buffer).at_origin().contains(within));
                prop_assert!(width > 0 && height > 0);
                prop_assert!(x >= within.origin.x * 256 && y >= within.origin.y * 256);
                prop_assert!(i64::from(x) + i64::from(width) <= within.right() * 256);
                prop_assert!(i64::from(y) + i64::from(height) <= within.bottom() * 256);
            }
        }
    }
}
