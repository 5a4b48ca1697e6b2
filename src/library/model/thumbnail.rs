//! A machine's picture made small: every pixel of it counts, none is picked out.

/// A small picture in three bytes a pixel: red, green, blue; rows from the top, without gaps.
#[derive(Clone, PartialEq, Eq)]
pub struct Thumbnail {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for Thumbnail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thumbnail {}x{}", self.width, self.height)
    }
}

impl Thumbnail {
    /// Makes a picture of red, green and blue bytes so small that it fits into `most`, or leaves it as
    /// it is. `None` where the picture has no size, or not as many bytes as it should.
    pub fn shrink(width: u32, height: u32, pixels: &[u8], most: (u32, u32)) -> Option<Self> {
        let (wide, high) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        if wide == 0 || high == 0 || pixels.len() != wide.checked_mul(high)?.checked_mul(3)? {
            return None;
        }
        if width <= most.0 && height <= most.1 {
            return Some(Self { width, height, pixels: pixels.to_vec() });
        }
        let (small_width, small_height) = fitted((width, height), most);
        let (across, down) = (usize::try_from(small_width).ok()?, usize::try_from(small_height).ok()?);
        let mut small = Vec::with_capacity(across * down * 3);
        for row in 0..down {
            let (top, bottom) = span(row, down, high);
            for column in 0..across {
                let (left, right) = span(column, across, wide);
                small.extend(mean(pixels, wide, (top, bottom), (left, right)));
            }
        }
        Some(Self { width: small_width, height: small_height, pixels: small })
    }
}

/// The largest size of the same shape that fits; at least one pixel each way.
fn fitted((width, height): (u32, u32), most: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(width), u64::from(height));
    let (most_wide, most_high) = (u64::from(most.0.max(1)), u64::from(most.1.max(1)));
    let (wide, high) = if width * most_high >= height * most_wide {
        (most_wide, height * most_wide / width)
    } else {
        (width * most_high / height, most_high)
    };
    let small = |side: u64| u32::try_from(side.max(1)).unwrap_or(u32::MAX);
    (small(wide), small(high))
}

/// The pixels of `length` that the `index`th of `count` parts covers; at least one.
fn span(index: usize, count: usize, length: usize) -> (usize, usize) {
    let start = index * length / count;
    let end = ((index + 1) * length / count).max(start + 1);
    (start, end.min(length))
}

/// The mean of a part of the picture.
fn mean(pixels: &[u8], width: usize, rows: (usize, usize), columns: (usize, usize)) -> [u8; 3] {
    let mut sums = [0_u64; 3];
    for row in rows.0..rows.1 {
        let line = &pixels[(row * width + columns.0) * 3..(row * width + columns.1) * 3];
        for pixel in line.chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
        }
    }
    let count = ((rows.1 - rows.0) * (columns.1 - columns.0)).max(1) as u64;
    sums.map(|sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX))
}
