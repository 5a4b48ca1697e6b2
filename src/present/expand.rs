//! Guest pixels as device pixels, by the processor: 1:1, at whole multiples, and turned.

use super::view::{Map, View};
use crate::frame::Damage;
use crate::geometry::{Device, Guest, Rect, Size};

/// Rows of guest pixels as they lie in their buffer, of four bytes each.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Bytes of a pixel.
const PIXEL: usize = 4;

/// Draws what is `stale` into rows of device pixels, each from the nearest guest pixel, and what is
/// around the picture if all of it is. Tells how many bytes were written.
///
/// The view must be that of a buffer that holds nothing but the picture, of this size.
pub fn draw(
    view: &View,
    stale: &Damage,
    size: Size<Guest>,
    picture: Picture<'_>,
    onto: &mut [u8],
    stride: usize,
) -> u64 {
    let mut written = 0;
    if stale.is_whole(size) {
        let [red, green, blue] = view.background().0;
        for bare in view.bare() {
            for row in rows(onto, stride, bare) {
                row.chunks_exact_mut(PIXEL)
                    .for_each(|pixel| pixel.copy_from_slice(&[blue, green, red, 0xff]));
            }
            written += bare.size.area() * PIXEL as u64;
        }
    }
    for place in view.damage(stale) {
        draw_place(view, place, picture, onto, stride);
        written += place.size.area() * PIXEL as u64;
    }
    written
}

fn draw_place(view: &View, place: Rect<Device>, picture: Picture<'_>, onto: &mut [u8], stride: usize) {
    let lookup = Lookup::new(view, place);
    let whole = view.copied(place).is_some();
    for (y, row) in rows(onto, stride, place).enumerate() {
        let line = lookup.down[y];
        if whole {
            let start = lookup.across[0] * PIXEL + line * picture.stride;
            row.copy_from_slice(&picture.bytes[start..start + row.len()]);
            continue;
        }
        for (x, pixel) in row.chunks_exact_mut(PIXEL).enumerate() {
            let along = lookup.across[x];
            let (column, line) = if lookup.sideways { (line, along) } else { (along, line) };
            let start = column * PIXEL + line * picture.stride;
            pixel.copy_from_slice(&picture.bytes[start..start + PIXEL]);
        }
    }
}

/// From columns and rows of device pixels to those of the guest's.
struct Lookup {
    /// The guest's column for each of ours; its row, where the picture lies on its side.
    across: Vec<usize>,
    /// The guest's row for each of ours; its column, where the picture lies on its side.
    down: Vec<usize>,
    sideways: bool,
}

impl Lookup {
    fn new(view: &View, place: Rect<Device>) -> Self {
        let Map { origin, across, down } = view.map();
        let [left, top, right, bottom] = view.edges().map(f64::from);
        // Each dimension of a quarter turn depends on one of the other only.
        let sideways = view.is_sideways();
        let (column, row) = if sideways { (1, 0) } else { (0, 1) };
        let limits = [(left, right), (top, bottom)];
        let line = |start: i32, length: u32, dimension: usize, step: f64| {
            let (first, last) = limits[dimension];
            let texel = |pixel: u32| {
                let at = f64::from(start) + f64::from(pixel) + 0.5;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
                {
                    (origin[dimension] + at * step).floor().clamp(first, last) as usize
                }
            };
            (0..length).map(texel).collect()
        };
        Self {
            across: line(place.origin.x, place.size.width, column, across[column]),
            down: line(place.origin.y, place.size.height, row, down[row]),
            sideways,
        }
    }
}

/// The bytes of a rectangle, row by row.
fn rows(bytes: &mut [u8], stride: usize, place: Rect<Device>) -> impl Iterator<Item = &mut [u8]> + use<'_> {
    let at = |edge: i32| usize::try_from(edge).unwrap_or(0);
    let (left, top) = (at(place.origin.x) * PIXEL, at(place.origin.y));
    let (width, height) = (place.size.width as usize * PIXEL, place.size.height as usize);
    bytes.chunks_exact_mut(stride).skip(top).take(height).map(move |row| &mut row[left..left + width])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Look, Placement, Point, Rotation, Scaling, ScreenScale, Zoom};
    use crate::present::scene::{Colour, Paint, Scene};
    use crate::present::viewport::Shape;

    const BACKGROUND: Colour = Colour([1, 2, 3]);

    fn pixel(x: i32, y: i32) -> [u8; 4] {
        let value = u32::try_from(x * 1000 + y + 1).expect("inside");
        value.to_le_bytes()
    }

    fn picture(size: Size<Guest>, flipped: bool) -> Vec<u8> {
        let (width, height) = (size.width.cast_signed(), size.height.cast_signed());
        let line = |y: i32| if flipped { height - 1 - y } else { y };
        (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, line(y)))).collect()
    }

    proptest! {
        #[test]
        fn every_device_pixel_is_the_guests_or_background(
            guest in (1..90_u32, 1..90_u32),
            room in (1..200_u32, 1..200_u32),
            scale in prop::sample::select(vec![1.0, 1.1, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5]),
            whole: bool,
            percent in prop::sample::select(vec![100, 200, 300]),
            quarters in 0..4,
            flipped: bool,
        ) {
            let rotation = (0..quarters).fold(Rotation::None, |rotation, _| rotation.right());
            let scaling = if whole { Scaling::Integer } else { Scaling::OneToOne };
            let look = Look { rotation, zoom: Zoom::percent(percent), ..Look::from(scaling) };
            let size = Size::new(guest.0, guest.1);
            let area = Rect::new(7, 3, room.0, room.1);
            let placement = Placement::new(size, area, ScreenScale::new(scale), look).expect("room");
            let paint = Paint { background: BACKGROUND, ..Paint::default() };
            let view = View::new(Shape::whole(size, flipped), Scene { placement, paint });
            let stride = view.size().width as usize * PIXEL;
            let mut bytes = vec![0; stride * view.size().height as usize];
            let data = picture(size, flipped);
            let rows = Picture { bytes: &data, stride: size.width as usize * PIXEL };
            draw(&view, &Damage::whole(size), size, rows, &mut bytes, stride);
            let filled = view.filled();
            let (whole, at) = (placement.pixels().size, placement.canvas().picture.origin);
            let turned = rotation.turn_size(size);
            for (index, found) in bytes.chunks_exact(PIXEL).enumerate() {
                let index = i32::try_from(index).expect("small");
                let width = view.size().width.cast_signed();
                let (x, y) = (index % width, index / width);
                if !filled.contains(Rect::new(x, y, 1, 1)) {
                    prop_assert_eq!(found, [3, 2, 1, 0xff]);
                    continue;
                }
                let times = (whole.width / turned.width, whole.height / turned.height);
                let column = (x - at.x) / times.0.cast_signed();
                let row = (y - at.y) / times.1.cast_signed();
                let source = rotation.turn_back(Point::new(column, row), size);
                prop_assert_eq!(found, pixel(source.x, source.y));
            }
        }
    }
}
