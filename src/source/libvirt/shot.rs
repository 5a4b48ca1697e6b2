//! The picture that libvirt takes of a machine, as it comes and as pixels.

use std::io::Cursor;

use thiserror::Error;

/// The most pixels that a picture may have: four screens of 8K.
const MOST: u64 = 4 * 7680 * 4320;

/// A picture in three bytes a pixel: red, green, blue.
#[derive(Clone, PartialEq, Eq)]
pub struct Shot {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Why a picture cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShotError {
    #[error("the picture is of a kind that is not known: {0}")]
    Kind(String),
    #[error("the picture is too large: {0}x{1}")]
    TooLarge(u32, u32),
    #[error("the picture is damaged: {0}")]
    Damaged(String),
}

impl std::fmt::Debug for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shot {}x{}", self.width, self.height)
    }
}

impl Shot {
    /// Reads what QEMU wrote: a portable pixmap, or a PNG file.
    ///
    /// # Errors
    ///
    /// When it is neither, or not whole, or enormous.
    pub fn read(kind: &str, bytes: &[u8]) -> Result<Self, ShotError> {
        match kind {
            "image/x-portable-pixmap" => Self::read_pixmap(bytes),
            "image/png" => Self::read_png(bytes),
            other => Err(ShotError::Kind(other.to_owned())),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Red, green, blue; rows from the top, without gaps.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, ShotError> {
        if pixels.len() == length(width, height)? {
            Ok(Self { width, height, pixels })
        } else {
            Err(ShotError::Damaged(format!("{} bytes for {width}x{height} pixels", pixels.len())))
        }
    }

    /// `P6`, width, height and 255 in words, one blank, and the pixels.
    fn read_pixmap(bytes: &[u8]) -> Result<Self, ShotError> {
        let damaged = |words: &str| ShotError::Damaged(words.to_owned());
        let mut rest = bytes.strip_prefix(b"P6").ok_or_else(|| damaged("it does not begin like a pixmap"))?;
        let mut numbers = [0_u32; 3];
        for number in &mut numbers {
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let end = rest[start..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0) + start;
            let digits = std::str::from_utf8(&rest[start..end]).unwrap_or_default();
            *number = digits.parse().map_err(|_| damaged("a number is missing"))?;
            rest = &rest[end..];
        }
        let [width, height, most] = numbers;
        let pixels = rest.get(1..).ok_or_else(|| damaged("it has no pixels"))?;
        if most != 255 {
            return Err(damaged("it has other than 8 bits a colour"));
        }
        length(width, height)?;
        Self::new(width, height, pixels.to_vec())
    }

    fn read_png(bytes: &[u8]) -> Result<Self, ShotError> {
        let damaged = |error: png::DecodingError| ShotError::Damaged(error.to_string());
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(damaged)?;
        let (width, height) = reader.info().size();
        length(width, height)?;
        let size = reader.output_buffer_size().ok_or(ShotError::TooLarge(width, height))?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
        pixels.truncate(frame.buffer_size());
        let pixels = match frame.color_type {
            png::ColorType::Rgb => pixels,
            png::ColorType::Rgba => {
                pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
            }
            other => return Err(ShotError::Kind(format!("PNG with {other:?}"))),
        };
        Self::new(width, height, pixels)
    }
}

/// How many bytes a picture of this size has.
fn length(width: u32, height: u32) -> Result<usize, ShotError> {
    let count = u64::from(width) * u64::from(height);
    let bytes = (1..=MOST).contains(&count).then(|| usize::try_from(count * 3).ok()).flatten();
    bytes.ok_or(ShotError::TooLarge(width, height))
}
