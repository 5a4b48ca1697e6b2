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

/// Rows that are written at a time: a turn by a quarter reads as many pixels side by side.
const BLOCK: usize = 16;

/// Turns the pixels of a picture of this size, after its rows have changed places if it is flipped.
fn turn(from: &[u8], size: Size<Guest>, pixel: usize, how: (Rotation, bool)) -> Vec<u8> {
    // The length of a pixel is known where it is moved: that is twice as fast.
    match pixel {
        3 => turn_pixels::<3>(from, size, how),
        _ => turn_pixels::<4>(from, size, how),
    }
}

fn turn_pixels<const N: usize>(
    from: &[u8],
    size: Size<Guest>,
    (rotation, flipped): (Rotation, bool),
) -> Vec<u8> {
    let (from, _) = from.as_chunks::<N>();
    let turned = rotation.turn_size(size);
    let (width, height) = (turned.width as usize, turned.height as usize);
    let place = |x: u32, y: u32| {
        let at = Point::new(x.cast_signed(), y.cast_signed());
        let Point { x, y, .. } = rotation.turn_back(at, size);
        let row = if flipped { size.height.cast_signed() - 1 - y } else { y };
        row as isize * size.width as isize + x as isize
    };
    // Every row and every column is a straight line through the picture.
    let first = place(0, 0);
    let across = if width > 1 { place(1, 0) - first } else { 1 };
    let down = if height > 1 { place(0, 1) - first } else { 0 };
    let start = |y: usize| first + y.cast_signed() * down;
    let mut to = vec![[0; N]; width * height];
    if across == 1 {
        for (y, row) in to.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&from[start(y).unsigned_abs()..][..width]);
        }
        return to.into_flattened();
    }
    for (block, rows) in to.chunks_mut(width * BLOCK).enumerate() {
        for x in 0..width {
            let mut at = start(block * BLOCK) + x.cast_signed() * across;
            for pixel in rows[x..].iter_mut().step_by(width) {
                *pixel = from[at.unsigned_abs()];
                at += down;
            }
        }
    }
    to.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_goes_where_the_turn_puts_it() {
        // Also those of more rows than are written at a time.
        for (width, height) in [(5_u32, 3_u32), (1, 7), (7, 1), (1, 1), (33, 18), (18, 33), (16, 32)] {
            let size: Size<Guest> = Size::new(width, height);
            let pixels = width * height;
            for pixel in [3, 4] {
                let name = |number: u32| number.to_le_bytes()[..pixel].to_vec();
                let bytes: Vec<u8> = (0..pixels).flat_map(name).collect();
                let mut rotation = Rotation::None;
                for turn_number in 0..8 {
                    let flipped = turn_number >= 4;
                    let turned = turn(&bytes, size, pixel, (rotation, flipped));
                    assert_eq!(turned.len(), bytes.len());
                    let row = rotation.turn_size(size).width;
                    for number in 0..pixels {
                        let (x, mut y) = (number % width, number / width);
                        if flipped {
                            y = height - 1 - y;
                        }
                        let to = rotation.turn(Point::new(x.cast_signed(), y.cast_signed()), size);
                        let at = (to.y.unsigned_abs() * row + to.x.unsigned_abs()) as usize * pixel;
                        assert_eq!(turned[at..at + pixel], name(number), "{size} {rotation:?} {flipped}");
                    }
                    rotation = rotation.right();
                }
            }
        }
    }
}
