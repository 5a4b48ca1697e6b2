//! A picture in memory, turned there: GTK then has nothing to do but to place its pixels.
//!
//! GSK draws what is turned in two steps, the second of which mixes what lies between pixels. Where a
//! large picture's two triangles meet, that is not exact with every driver.

use ::gtk::{gdk, glib};

use crate::geometry::{Guest, Point, Rotation, Size};

/// The pixels of a texture, row after row without anything between.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub(super) bytes: glib::Bytes,
    pub(super) size: Size<Guest>,
    pub(super) format: gdk::MemoryFormat,
    /// Bytes of one pixel.
    pub(super) pixel: usize,
    /// The last row is the picture's first.
    pub(super) flipped: bool,
}

/// What was turned last, and how.
#[derive(Debug, Clone)]
pub(super) struct Turned {
    rotation: Rotation,
    pub(super) texture: gdk::Texture,
}

impl Copied {
    /// The whole as a texture, turned; `former` where that is what is wanted. `None` where the picture is
    /// as it should be.
    pub(super) fn turned(&self, rotation: Rotation, former: Option<Turned>) -> Option<Turned> {
        if rotation == Rotation::None && !self.flipped {
            return None;
        }
        if let Some(former) = former.filter(|former| former.rotation == rotation) {
            return Some(former);
        }
        let size = rotation.turn_size(self.size);
        let int = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let bytes = turn(&self.bytes, self.size, self.pixel, (rotation, self.flipped));
        let texture = gdk::MemoryTextureBuilder::new()
            .set_width(int(size.width))
            .set_height(int(size.height))
            .set_format(self.format)
            .set_stride(size.width as usize * self.pixel)
            .set_bytes(Some(&glib::Bytes::from_owned(bytes)))
            .build();
        Some(Turned { rotation, texture })
    }
}

/// Turns the pixels of a picture of this size, after its rows have changed places if it is flipped.
fn turn(from: &[u8], size: Size<Guest>, pixel: usize, (rotation, flipped): (Rotation, bool)) -> Vec<u8> {
    let turned = rotation.turn_size(size);
    let stride = size.width as usize * pixel;
    let start = |x: u32, y: u32| {
        let at = Point::new(x.cast_signed(), y.cast_signed());
        let Point { x, y, .. } = rotation.turn_back(at, size);
        let row = if flipped { size.height.cast_signed() - 1 - y } else { y };
        row as isize * stride.cast_signed() + x as isize * pixel.cast_signed()
    };
    let mut to = Vec::with_capacity(from.len());
    for y in 0..turned.height {
        let first = start(0, y);
        // Every row is a straight line through the picture.
        let step = if turned.width > 1 { start(1, y) - first } else { 0 };
        let mut at = first;
        for _ in 0..turned.width {
            let begin = at.unsigned_abs();
            to.extend_from_slice(&from[begin..begin + pixel]);
            at += step;
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_goes_where_the_turn_puts_it() {
        let size: Size<Guest> = Size::new(5, 3);
        for pixel in [3, 4] {
            let bytes: Vec<u8> = (0..15).flat_map(|number| vec![number; pixel]).collect();
            let mut rotation = Rotation::None;
            for turn_number in 0..8 {
                let flipped = turn_number >= 4;
                let turned = turn(&bytes, size, pixel, (rotation, flipped));
                assert_eq!(turned.len(), bytes.len());
                let width = rotation.turn_size(size).width as usize;
                for number in 0..15_u8 {
                    let (x, mut y) = (i32::from(number) % 5, i32::from(number) / 5);
                    if flipped {
                        y = 2 - y;
                    }
                    let to = rotation.turn(Point::new(x, y), size);
                    let at = (to.y.unsigned_abs() as usize * width + to.x.unsigned_abs() as usize) * pixel;
                    assert_eq!(turned[at..at + pixel], vec![number; pixel], "{rotation:?} {flipped}");
                }
                rotation = rotation.right();
            }
        }
    }
}
