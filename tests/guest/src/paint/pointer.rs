//! The pointer's shape, for the display's own cursor and for pictures alike.

use super::Canvas;

/// Where the shape points, from its upper left corner: not in the corner, so that a viewer that
/// forgets the hotspot is seen to be wrong.
pub(crate) const HOTSPOT: (i32, i32) = (3, 2);

const INK: u32 = 0x1b_1b_2f;
const PAPER: u32 = 0xff_ff_ff;

/// `#` is ink, `o` paper.
const SHAPE: [&str; 22] = [
    "                ",
    "   #            ",
    "   ##           ",
    "   #o#          ",
    "   #oo#         ",
    "   #ooo#        ",
    "   #oooo#       ",
    "   #ooooo#      ",
    "   #oooooo#     ",
    "   #ooooooo#    ",
    "   #oooooooo#   ",
    "   #ooooooooo#  ",
    "   #oooooooooo# ",
    "   #oooooo##### ",
    "   #oooooo#     ",
    "   #oo##ooo#    ",
    "   #o#  #oo#    ",
    "   ##   #ooo#   ",
    "   #     #oo#   ",
    "         #ooo#  ",
    "          #oo#  ",
    "           ##   ",
];

/// The dots of the shape that are there, with their colours.
fn dots() -> impl Iterator<Item = (i32, i32, u32)> {
    (0..).zip(SHAPE).flat_map(|(y, line)| {
        (0..).zip(line.bytes()).filter_map(move |(x, dot)| match dot {
            b'#' => Some((x, y, INK)),
            b'o' => Some((x, y, PAPER)),
            _ => None,
        })
    })
}

/// Draws the shape pointing at `at`.
pub(crate) fn draw(canvas: &mut Canvas<'_>, at: (i32, i32)) {
    for (x, y, colour) in dots() {
        canvas.dot(at.0 - HOTSPOT.0 + x, at.1 - HOTSPOT.1 + y, colour);
    }
}

/// Draws the shape into the corner of a transparent image with alpha (`AR24`).
pub(crate) fn draw_image(canvas: &mut Canvas<'_>) {
    for y in 0..canvas.size().height {
        canvas.row(y).fill(0);
    }
    for (x, y, colour) in dots() {
        canvas.dot(x, y, colour | 0xff_00_00_00);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Size;

    #[test]
    fn the_hotspot_is_the_tip() {
        let tip = dots().map(|(x, y, _)| (y, x)).min().unwrap();
        assert_eq!((tip.1, tip.0 + 1), HOTSPOT);
    }

    #[test]
    fn the_image_is_transparent_around_the_shape() {
        let mut pixels = vec![1; 64 * 64];
        draw_image(&mut Canvas::new(&mut pixels, Size::new(64, 64), 64));
        assert_eq!(pixels[0], 0);
        assert_eq!(pixels[64 + 3], INK | 0xff_00_00_00);
        assert_eq!(pixels.iter().filter(|pixel| **pixel != 0).count(), dots().count());
    }
}
