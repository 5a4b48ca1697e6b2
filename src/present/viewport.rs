//! Which part of a buffer goes where on the surface, in the units of `wp_viewport`.

use crate::frame::{Damage, Scanout};
use crate::geometry::{Backing, Guest, Logical, Placement, Rect, Size};

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
    /// What of it the placement shows, in the monitor's pixels.
    Seen(Fill),
}

/// Whether a picture that is meant to be 1:1 is shown exactly so.
///
/// A viewport has whole units: 1367 guest pixels at 1.25 would be stretched over 1368 of the monitor's,
/// and whether 301 units are 376 pixels or 377 depends on where the window stands.
pub fn exactness(crop: Size<Backing>, placement: &Placement) -> Exactness {
    let device = placement.device_size();
    let near = |one: u32, other: u32| one.abs_diff(other) <= 1;
    if !near(device.width, crop.width) || !near(device.height, crop.height) {
        return Exactness::Scaled;
    }
    let same = device.cast() == crop && placement.padded() == placement.visible().size;
    if same { Exactness::Exact } else { Exactness::Near }
}

/// See [`exactness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// One guest pixel is one of the monitor's.
    Exact,
    /// Nearly: drawing can make it exact, a viewport cannot.
    Near,
    /// The picture is shown in another size.
    Scaled,
}

/// How large a surface is whose buffer has the monitor's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// As large as what is seen of the picture.
    Visible,
    /// [`Placement::padded`].
    Padded,
}

impl Content {
    /// How it is shown where `placement` says.
    pub fn viewport(&self, placement: &Placement) -> Viewport {
        match self {
            Self::Picture(shape) => shape.viewport(placement),
            Self::Seen(Fill::Visible) => Viewport { source: None, destination: placement.visible().size },
            Self::Seen(Fill::Padded) => Viewport { source: None, destination: placement.padded() },
        }
    }

    /// Whether its row 0 is the bottom line.
    pub fn is_flipped(&self) -> bool {
        matches!(self, Self::Picture(shape) if shape.flipped)
    }
}

/// What the surface's viewport is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewport {
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
        let guest = placement.guest();
        let [x, y, width, height] = placement.source();
        let across = f64::from(self.crop.size.width) / f64::from(guest.width);
        let down = f64::from(self.crop.size.height) / f64::from(guest.height);
        let top = if self.flipped {
            i64::from(self.buffer.height) - self.crop.bottom()
        } else {
            i64::from(self.crop.origin.y)
        };
        let (x, width) =
            fixed(i64::from(self.crop.origin.x), x * across, width * across, self.crop.size.width);
        let (y, height) = fixed(top, y * down, height * down, self.crop.size.height);
        let all = Size::<Backing>::new(fixed_length(self.buffer.width), fixed_length(self.buffer.height));
        let source = [x, y, width, height];
        let whole =
            source == [0, 0, i32::try_from(all.width).unwrap_or(0), i32::try_from(all.height).unwrap_or(0)];
        Viewport { source: (!whole).then_some(source), destination: placement.visible().size }
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
    use crate::geometry::{Scaling, ScreenScale};

    fn place(guest: (u32, u32), room: (u32, u32), scaling: Scaling) -> Placement {
        let area = Rect::new(0, 0, room.0, room.1);
        Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::ONE, scaling).expect("room")
    }

    #[test]
    fn a_whole_picture_needs_no_source() {
        let shape = Shape::whole(Size::new(640, 480), false);
        let viewport = shape.viewport(&place((640, 480), (320, 240), Scaling::Fit));
        assert_eq!(viewport, Viewport { source: None, destination: Size::new(320, 240) });
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
    fn the_old_placement_does_for_a_new_size() {
        let shape = Shape::whole(Size::new(720, 400), false);
        let viewport = shape.viewport(&place((640, 480), (640, 480), Scaling::Fit));
        assert_eq!(viewport, Viewport { source: None, destination: Size::new(640, 480) });
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
        ) {
            let crop = Rect::new(origin.0, origin.1, shown.0, shown.1);
            let reach = |at: i32, length: u32, margin: u32| u32::try_from(at).unwrap() + length + margin;
            let buffer = Size::new(reach(origin.0, shown.0, margin.0), reach(origin.1, shown.1, margin.1));
            let shape = Shape { buffer, crop, flipped };
            let scaling = if one_to_one { Scaling::OneToOne } else { Scaling::Fit };
            let viewport = shape.viewport(&place(guest, room, scaling));
            prop_assert!(!viewport.destination.is_empty());
            if let Some([x, y, width, height]) = viewport.source {
                let top = if flipped { i64::from(buffer.height) - crop.bottom() } else { i64::from(origin.1) };
                prop_assert!(width > 0 && height > 0);
                prop_assert!(x >= origin.0 * 256 && i64::from(x) + i64::from(width) <= crop.right() * 256);
                prop_assert!(i64::from(y) >= top * 256);
                prop_assert!(i64::from(y) + i64::from(height) <= (top + i64::from(shown.1)) * 256);
            }
        }
    }
}
