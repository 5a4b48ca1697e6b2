//! A guest's pointer shape as pixels of the host's screen: turned, scaled and padded, inverted parts made visible.

use std::sync::Arc;

use gtk::prelude::*;
use gtk::{gdk, glib};

use crate::frame::Cursor;
use crate::geometry::{Point, Rotation};

/// The longest side of a shape as drawn, in device pixels: compositors refuse or cut larger ones.
const MAX_SIDE: u32 = 512;

/// The shape turned like the picture.
pub(super) fn turned(shape: &Arc<Cursor>, rotation: Rotation) -> Arc<Cursor> {
    let size = shape.size();
    if rotation == Rotation::None {
        return shape.clone();
    }
    let turned = rotation.turn_size(size);
    let length = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let pixels = (0..length(turned.height)).flat_map(|y| (0..length(turned.width)).map(move |x| (x, y)));
    let bytes = pixels.flat_map(|(x, y)| {
        let from = rotation.turn_back(Point::new(x, y), size);
        pixel_at(shape, f64::from(from.x), f64::from(from.y))
    });
    let hotspot = rotation.turn(shape.hotspot(), size);
    Cursor::new(turned, hotspot, bytes.collect()).map_or_else(|| shape.clone(), Arc::new)
}

/// A shape scaled like the picture.
///
/// GDK wants sizes and hot spots in whole logical units, and compositors draw only those units exactly
/// that are whole pixels, too: the image is shifted and padded with transparent pixels until both are.
pub(super) struct Drawn {
    pub(super) size: (i32, i32),
    pub(super) hotspot: (i32, i32),
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

/// One dimension of [`Drawn`], in device pixels but for the two in units.
struct Span {
    units: i32,
    hot_units: i32,
    pixels: u32,
    shift: f64,
    zoom: f64,
}

/// The fewest units that are a whole number of pixels at a scale.
///
/// One where these would be so many that the shape is mostly padding: then the compositor has to round.
fn whole(scale: f64) -> f64 {
    const MOST: u32 = 12;
    let is_whole = |units: &u32| {
        let pixels = scale * f64::from(*units);
        (pixels - pixels.round()).abs() < 1e-3
    };
    (1..=MOST).find(is_whole).map_or(1.0, f64::from)
}

impl Span {
    fn new(length: u32, hot: i32, zoom: f64, scale: f64) -> Self {
        let zoom = zoom.min(f64::from(MAX_SIDE) / f64::from(length));
        let hot = f64::from(hot) * zoom;
        let step = whole(scale);
        let round_up = |units: f64| (units / step - 1e-9).ceil() * step;
        // The first such unit at or behind the hot spot: the image moves towards it, in whole pixels
        // so that at natural size none is mixed with its neighbour.
        let hot_units = round_up(hot / scale).max(0.0);
        let shift = ((hot_units * scale).round() - hot).max(0.0);
        let units = round_up((f64::from(length) * zoom + shift) / scale).max(hot_units + step);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "MAX_SIDE and a unit at most"
        )]
        Self {
            units: units as i32,
            hot_units: hot_units as i32,
            pixels: (units * scale).round() as u32,
            shift,
            zoom,
        }
    }

    /// Where in the shape a pixel of the drawing comes from.
    fn source(&self, pixel: u32) -> f64 {
        (f64::from(pixel) - self.shift + 0.5) / self.zoom - 0.5
    }
}

impl Drawn {
    pub(super) fn new(shape: &Cursor, zoom: (f64, f64), scale: f64) -> Self {
        let scale = scale.max(0.1);
        let across = Span::new(shape.size().width, shape.hotspot().x, zoom.0, scale);
        let down = Span::new(shape.size().height, shape.hotspot().y, zoom.1, scale);
        let mut bytes = vec![0; across.pixels as usize * down.pixels as usize * 4];
        let rows = bytes.chunks_exact_mut(across.pixels as usize * 4);
        for (y, row) in (0_u32..).zip(rows) {
            for (x, pixel) in (0_u32..).zip(row.chunks_exact_mut(4)) {
                pixel.copy_from_slice(&sample(shape, across.source(x), down.source(y)));
            }
        }
        Self {
            size: (across.units, down.units),
            hotspot: (across.hot_units, down.hot_units),
            width: across.pixels,
            height: down.pixels,
            bytes,
        }
    }

    pub(super) fn texture(self) -> gdk::Texture {
        memory_texture(self.width, self.height, self.bytes)
    }
}

/// The shape as it is.
pub(super) fn texture(shape: &Cursor) -> gdk::Texture {
    memory_texture(shape.size().width, shape.size().height, shape.bytes().to_vec())
}

fn memory_texture(width: u32, height: u32, bytes: Vec<u8>) -> gdk::Texture {
    let stride = width as usize * 4;
    let side = |length: u32| i32::try_from(length).unwrap_or(i32::MAX);
    let bytes = glib::Bytes::from_owned(bytes);
    let format = gdk::MemoryFormat::B8g8r8a8Premultiplied;
    gdk::MemoryTexture::new(side(width), side(height), format, &bytes, stride).upcast()
}

/// The shape's colour at a place between its pixels, weighed linearly; transparent outside.
fn sample(shape: &Cursor, x: f64, y: f64) -> [u8; 4] {
    let (left, top) = (x.floor(), y.floor());
    let (right_weight, bottom_weight) = (x - left, y - top);
    let mut mixed = [0.0; 4];
    for (dx, across) in [(0.0, 1.0 - right_weight), (1.0, right_weight)] {
        for (dy, down) in [(0.0, 1.0 - bottom_weight), (1.0, bottom_weight)] {
            let weight = across * down;
            if weight > 0.0 {
                let pixel = pixel_at(shape, left + dx, top + dy);
                mixed.iter_mut().zip(pixel).for_each(|(sum, byte)| *sum += f64::from(byte) * weight);
            }
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a weighed mean of bytes")]
    mixed.map(|sum| sum.round() as u8)
}

fn pixel_at(shape: &Cursor, x: f64, y: f64) -> [u8; 4] {
    let size = shape.size();
    if x < 0.0 || y < 0.0 || x >= f64::from(size.width) || y >= f64::from(size.height) {
        return [0; 4];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the shape")]
    let start = (y as usize * size.width as usize + x as usize) * 4;
    shape.bytes()[start..start + 4].try_into().unwrap_or([0; 4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    /// 3×2 pixels, each of its own colour, opaque.
    fn shape(hotspot: (i32, i32)) -> Cursor {
        let bytes = (0..6_u8).flat_map(|index| [index * 10, index * 20, index * 30, 255]).collect();
        Cursor::new(Size::new(3, 2), Point::new(hotspot.0, hotspot.1), bytes).expect("a shape")
    }

    #[test]
    fn at_natural_size_pixels_stay_as_they_are() {
        let drawn = Drawn::new(&shape((1, 1)), (1.0, 1.0), 1.0);
        assert_eq!((drawn.size, drawn.hotspot), ((3, 2), (1, 1)));
        assert_eq!(drawn.bytes, shape((1, 1)).bytes());
    }

    #[test]
    fn a_turned_shape_keeps_its_pixels_and_its_hot_one() {
        let upright = Arc::new(shape((2, 1)));
        let hot = pixel_at(&upright, 2.0, 1.0);
        for rotation in [Rotation::Right, Rotation::Half, Rotation::Left] {
            let turned = turned(&upright, rotation);
            let at = turned.hotspot();
            assert_eq!(turned.size(), rotation.turn_size(upright.size()));
            assert_eq!(pixel_at(&turned, f64::from(at.x), f64::from(at.y)), hot, "{rotation:?}");
        }
    }

    #[test]
    fn twice_the_scale_makes_half_the_units() {
        let drawn = Drawn::new(&shape((2, 1)), (2.0, 2.0), 2.0);
        assert_eq!((drawn.size, drawn.hotspot), ((3, 2), (2, 1)));
        assert_eq!((drawn.width, drawn.height), (6, 4));
    }

    #[test]
    fn a_fractional_scale_pads_to_whole_units_and_keeps_pixels() {
        for scale in [1.25, 1.5, 1.75, 1.1, 2.25] {
            for hotspot in [(0, 0), (1, 0), (2, 1)] {
                let drawn = Drawn::new(&shape(hotspot), (1.0, 1.0), scale);
                let is = |units: i32, pixels: f64| (f64::from(units) * scale - pixels).abs() < 1e-6;
                assert!(is(drawn.size.0, f64::from(drawn.width)), "at {scale}");
                assert!(is(drawn.size.1, f64::from(drawn.height)), "at {scale}");
                assert!(is(drawn.hotspot.0, (f64::from(drawn.hotspot.0) * scale).round()), "at {scale}");
                assert!(drawn.hotspot.0 < drawn.size.0 && drawn.hotspot.1 < drawn.size.1);
                let opaque = drawn.bytes.chunks(4).filter(|pixel| pixel[3] == 255).count();
                assert_eq!(opaque, 6, "at {scale}: a pixel was lost or mixed");
            }
        }
    }

    #[test]
    fn a_shape_never_grows_without_bound() {
        let drawn = Drawn::new(&shape((0, 0)), (1e6, 1e6), 1.0);
        assert!(drawn.width <= MAX_SIDE + 2);
    }
}
