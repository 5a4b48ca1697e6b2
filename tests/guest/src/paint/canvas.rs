//! Pixels in memory, and the few ways to put something on them; everything is clipped.

use super::font;
use crate::size::Size;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A picture that is being drawn: pixels are `0x00RRGGBB` (`XR24`).
#[derive(Debug)]
pub(crate) struct Canvas<'a> {
    pixels: &'a mut [u32],
    size: Size,
    stride: usize,
}

impl<'a> Canvas<'a> {
    /// `stride` is the length of a row in pixels. The size is cut to what the memory holds.
    pub(crate) fn new(pixels: &'a mut [u32], size: Size, stride: usize) -> Self {
        let rows = pixels.len().checked_div(stride).unwrap_or(0);
        let width = size.width.min(u32::try_from(stride).unwrap_or(u32::MAX));
        let height = size.height.min(u32::try_from(rows).unwrap_or(u32::MAX));
        Self { pixels, size: Size::new(width, height), stride }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The pixels of a row; none where there is no such row.
    pub(crate) fn row(&mut self, y: u32) -> &mut [u32] {
        if y >= self.size.height {
            return &mut [];
        }
        let start = y as usize * self.stride;
        &mut self.pixels[start..start + self.size.width as usize]
    }

    /// The pixels of a row from `left` up to `right`, as far as they are on the canvas.
    fn span(&mut self, y: i32, left: i32, right: i32) -> &mut [u32] {
        let Ok(y) = u32::try_from(y) else {
            return &mut [];
        };
        let row = self.row(y);
        let column = |x: i32| usize::try_from(x).unwrap_or(0).min(row.len());
        let (left, right) = (column(left), column(right));
        &mut row[left..right.max(left)]
    }

    pub(crate) fn fill(&mut self, area: Area, colour: u32) {
        let right = area.x.saturating_add(area.width).min(self.size.width) as usize;
        for y in area.y..area.y.saturating_add(area.height).min(self.size.height) {
            if let Some(span) = self.row(y).get_mut(area.x as usize..right) {
                span.fill(colour);
            }
        }
    }

    pub(crate) fn dot(&mut self, x: i32, y: i32, colour: u32) {
        self.span(y, x, x.saturating_add(1)).fill(colour);
    }

    /// A full circle.
    pub(crate) fn disc(&mut self, centre: (i32, i32), radius: i32, colour: u32) {
        for y in -radius..=radius {
            let half = (radius * radius - y * y).isqrt();
            self.span(centre.1 + y, centre.0 - half, centre.0 + half + 1).fill(colour);
        }
    }

    /// Lays a colour over a rectangle with round corners.
    pub(crate) fn veil(&mut self, corner: (i32, i32), size: (i32, i32), radius: i32, veil: Veil) {
        let radius = radius.clamp(0, size.0.min(size.1) / 2);
        for y in 0..size.1 {
            let into = (radius - y).max(radius - (size.1 - 1 - y)).max(0);
            let inset = radius - (radius * radius - into * into).isqrt();
            let span = self.span(corner.1 + y, corner.0 + inset, corner.0 + size.0 - inset);
            veil.cover(span);
        }
    }

    /// Text with its upper left corner at `at`, each dot of a letter `scale` pixels wide and high.
    pub(crate) fn text(&mut self, at: (i32, i32), scale: i32, colour: u32, text: &str) {
        for (index, letter) in (0..).zip(text.chars()) {
            let left = at.0 + index * font::ADVANCE * scale;
            for (line, bits) in (0..).zip(font::glyph(letter)) {
                let top = at.1 + line * scale;
                for run in font::runs(bits) {
                    for y in top..top + scale {
                        self.span(y, left + run.start * scale, left + run.end * scale).fill(colour);
                    }
                }
            }
        }
    }

    /// Text around the middle `x`.
    pub(crate) fn text_centred(&mut self, (x, y): (i32, i32), scale: i32, colour: u32, text: &str) {
        self.text((x - text_width(text, scale) / 2, y), scale, colour, text);
    }
}

/// A colour and how much it hides. Shifts in place of multiplications: an emulated processor does
/// them for several pixels at once, and checks for overflow would keep it from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Veil {
    /// An eighth of the colour.
    Faint(u32),
    /// A quarter of the colour.
    Light(u32),
    /// Three quarters of the colour.
    Dense(u32),
}

impl Veil {
    /// Nothing can overflow: what is added is no more than the room that was made for it.
    fn cover(self, pixels: &mut [u32]) {
        match self {
            Self::Faint(colour) => {
                let add = eighth(colour);
                pixels
                    .iter_mut()
                    .for_each(|pixel| *pixel = pixel.wrapping_sub(eighth(*pixel)).wrapping_add(add));
            }
            Self::Light(colour) => {
                let add = quarter(colour);
                pixels
                    .iter_mut()
                    .for_each(|pixel| *pixel = pixel.wrapping_sub(quarter(*pixel)).wrapping_add(add));
            }
            Self::Dense(colour) => {
                let add = colour - quarter(colour);
                pixels.iter_mut().for_each(|pixel| *pixel = quarter(*pixel).wrapping_add(add));
            }
        }
    }
}

const fn eighth(colour: u32) -> u32 {
    colour >> 3 & 0x1f_1f_1f
}

const fn quarter(colour: u32) -> u32 {
    colour >> 2 & 0x3f_3f_3f
}

/// The width of a text in pixels.
pub(crate) fn text_width(text: &str, scale: i32) -> i32 {
    let letters = i32::try_from(text.chars().count()).unwrap_or(0);
    (letters * font::ADVANCE - 1).max(0) * scale
}

/// A colour between two; `share` of 0 is the first, 256 the second.
pub(crate) const fn mix(first: u32, second: u32, share: u32) -> u32 {
    let keep = 256 - share;
    let red_blue = ((first & 0xff_00_ff) * keep + (second & 0xff_00_ff) * share) >> 8 & 0xff_00_ff;
    let green = ((first & 0x00_ff_00) * keep + (second & 0x00_ff_00) * share) >> 8 & 0x00_ff_00;
    red_blue | green
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_outside() {
        // One more column and row than the picture has: they must stay as they were.
        let mut pixels = vec![7; 11 * 6];
        let mut canvas = Canvas::new(&mut pixels, Size::new(10, 5), 11);
        canvas.disc((5, 2), 30, 1);
        canvas.text((-3, -3), 4, 2, "MW");
        canvas.veil((-5, -5), (40, 40), 3, Veil::Dense(3));
        canvas.fill(Area { x: 8, y: 3, width: u32::MAX, height: 50 }, 4);
        canvas.dot(-1, 0, 5);
        canvas.dot(10, 4, 5);
        for (index, pixel) in pixels.iter().enumerate() {
            assert_eq!(*pixel == 7, index % 11 == 10 || index / 11 == 5, "at {index}");
        }
    }

    #[test]
    fn a_canvas_is_no_larger_than_its_memory() {
        let mut pixels = vec![0; 30];
        assert_eq!(Canvas::new(&mut pixels, Size::new(100, 100), 10).size(), Size::new(10, 3));
        assert_eq!(Canvas::new(&mut [], Size::new(4, 4), 0).size(), Size::new(0, 0));
    }

    #[test]
    fn colours_mix_without_spilling() {
        assert_eq!(mix(0x12_34_56, 0xff_ff_ff, 0), 0x12_34_56);
        assert_eq!(mix(0x12_34_56, 0xff_fe_fd, 256), 0xff_fe_fd);
        assert_eq!(mix(0x00_00_00, 0xff_ff_ff, 128), 0x7f_7f_7f);
    }

    #[test]
    fn veils_cover_by_their_share() {
        let covered = |veil: Veil, pixel| {
            let mut pixels = [pixel];
            veil.cover(&mut pixels);
            pixels[0]
        };
        for colour in [0x00_00_00, 0xff_ff_ff, 0x80_40_20] {
            for veil in [Veil::Faint(colour), Veil::Light(colour), Veil::Dense(colour)] {
                assert_eq!(covered(veil, colour), colour, "{veil:?}");
            }
        }
        assert_eq!(covered(Veil::Faint(0xff_ff_ff), 0), 0x1f_1f_1f);
        assert_eq!(covered(Veil::Light(0), 0xff_ff_ff), 0xc0_c0_c0);
        assert_eq!(covered(Veil::Dense(0xff_00_ff), 0x00_ff_00), 0xc0_3f_c0);
    }

    #[test]
    fn a_letter_is_drawn_where_it_belongs() {
        let mut pixels = vec![0; 8 * 8];
        Canvas::new(&mut pixels, Size::new(8, 8), 8).text((1, 0), 1, 1, "L");
        let rows: Vec<String> = pixels
            .chunks(8)
            .map(|row| row.iter().map(|&dot| if dot == 1 { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(rows[0], ".#......");
        assert_eq!(rows[6], ".#####..");
        assert_eq!(rows[7], "........");
        assert_eq!(text_width("LL", 2), 22);
    }
}
