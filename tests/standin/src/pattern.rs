//! Pictures of which every pixel is known: moving, and in every format that QEMU's surfaces have.

use crate::pixman;

/// What the bits of a pixel that carry no colour are filled with. A viewer must not let them through.
pub const FILLER: u8 = 0x5a;

/// The colour of a pixel, `0x00RRGGBB`. Each frame differs from the one before in every pixel.
#[must_use]
pub const fn pixel(frame: u32, x: u32, y: u32) -> u32 {
    let red = x.wrapping_add(frame.wrapping_mul(3)) & 0xff;
    let green = y.wrapping_add(frame.wrapping_mul(5)) & 0xff;
    let blue = ((x >> 4) ^ (y >> 4)).wrapping_add(frame.wrapping_mul(7)) & 0xff;
    red << 16 | green << 8 | blue
}

/// The colour that is left of `rgb` in a format: fewer bits, widened again by repeating the highest.
#[must_use]
pub const fn quantised(format: u32, rgb: u32) -> u32 {
    let (red, green, blue) = (rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff);
    let green_bits = match format {
        pixman::R5G6B5 => 6,
        pixman::X1R5G5B5 => 5,
        _ => return rgb & 0x00ff_ffff,
    };
    widen(red, 5) << 16 | widen(green, green_bits) << 8 | widen(blue, 5)
}

const fn widen(value: u32, bits: u32) -> u32 {
    let kept = value >> (8 - bits);
    (kept << (8 - bits)) | (kept >> (2 * bits - 8))
}

/// Writes one pixel as a format has it in memory, little-endian; `out` has its length.
fn put(format: u32, rgb: u32, out: &mut [u8]) {
    let (red, green, blue) = (rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff);
    let filler = u32::from(FILLER);
    let value = match format {
        pixman::X8R8G8B8 | pixman::A8R8G8B8 => filler << 24 | red << 16 | green << 8 | blue,
        pixman::X8B8G8R8 | pixman::A8B8G8R8 => filler << 24 | blue << 16 | green << 8 | red,
        pixman::B8G8R8X8 | pixman::B8G8R8A8 => blue << 24 | green << 16 | red << 8 | filler,
        pixman::R8G8B8X8 | pixman::R8G8B8A8 => red << 24 | green << 16 | blue << 8 | filler,
        pixman::R8G8B8 => red << 16 | green << 8 | blue,
        pixman::B8G8R8 => blue << 16 | green << 8 | red,
        pixman::R5G6B5 => red >> 3 << 11 | green >> 2 << 5 | blue >> 3,
        pixman::X1R5G5B5 => 1 << 15 | red >> 3 << 10 | green >> 3 << 5 | blue >> 3,
        other => panic!("no pattern for the format {other:#x}"),
    };
    let length = out.len();
    out.copy_from_slice(&value.to_le_bytes()[..length]);
}

/// A part of a frame. Lines are `stride` bytes apart, with `FILLER` between them.
///
/// Panics for a format that is not in [`pixman::ALL`], and for a stride below the width.
#[must_use]
pub fn render_part(format: u32, frame: u32, [x, y, width, height]: [u32; 4], stride: u32) -> Vec<u8> {
    let bytes = pixman::bytes_per_pixel(format);
    assert!(stride >= width * bytes, "a stride below the width has no picture");
    let mut out = vec![FILLER; stride as usize * height as usize];
    for (line, row) in out.chunks_exact_mut(stride as usize).zip(y..) {
        for (place, column) in line.chunks_exact_mut(bytes as usize).zip(x..x + width) {
            put(format, pixel(frame, column, row), place);
        }
    }
    out
}

/// A whole frame.
#[must_use]
pub fn render(format: u32, frame: u32, width: u32, height: u32, stride: u32) -> Vec<u8> {
    render_part(format, frame, [0, 0, width, height], stride)
}

/// Bytes of a line without padding.
#[must_use]
pub const fn tight(format: u32, width: u32) -> u32 {
    width * pixman::bytes_per_pixel(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_laid_out_as_pixman_names_them() {
        let mut bytes = [0; 4];
        for (format, wanted) in [
            (pixman::X8R8G8B8, [3, 2, 1, FILLER]),
            (pixman::X8B8G8R8, [1, 2, 3, FILLER]),
            (pixman::B8G8R8X8, [FILLER, 1, 2, 3]),
            (pixman::R8G8B8X8, [FILLER, 3, 2, 1]),
        ] {
            put(format, 0x01_02_03, &mut bytes);
            assert_eq!(bytes, wanted, "{format:#x}");
        }
        let mut bytes = [0; 2];
        put(pixman::R5G6B5, 0xff_00_00, &mut bytes);
        assert_eq!(u16::from_le_bytes(bytes), 0xf800);
    }

    #[test]
    fn few_bits_are_widened_to_the_whole_range() {
        assert_eq!(quantised(pixman::R5G6B5, 0xff_ff_ff), 0xff_ff_ff);
        assert_eq!(quantised(pixman::R5G6B5, 0), 0);
        assert_eq!(quantised(pixman::X1R5G5B5, 0x84_84_84), 0x84_84_84);
        assert_eq!(quantised(pixman::A8R8G8B8, 0x12_34_56), 0x12_34_56);
    }

    #[test]
    fn frames_differ_in_every_pixel() {
        for at in 0..64 {
            assert_ne!(pixel(1, at, at * 3), pixel(2, at, at * 3));
        }
    }

    #[test]
    fn a_part_is_cut_out_of_the_whole() {
        let format = pixman::R8G8B8;
        let whole = render(format, 9, 16, 16, 50);
        let part = render_part(format, 9, [4, 5, 3, 2], 9);
        for line in 0..2 {
            let from = (5 + line) * 50 + 4 * 3;
            assert_eq!(part[line * 9..][..9], whole[from..][..9]);
        }
    }
}
