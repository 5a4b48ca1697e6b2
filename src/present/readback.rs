//! The guest's picture as plain pixels: for a screenshot, with no display server at all.

use std::io;

use png::{BitDepth, ColorType, Encoder, EncodingError};
use thiserror::Error;

use super::ladder::{self, Reason};
use super::rows::{Door, Source, Target};
use crate::frame::Scanout;
use crate::geometry::{Guest, Size};
use crate::pixel::Format;

/// A picture in our own memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size<Guest>,
    rgba: Vec<u8>,
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("there is no picture")]
    Blank,
    #[error(transparent)]
    Unreadable(#[from] Reason),
    #[error("the picture cannot be read")]
    Io(#[from] io::Error),
}

impl Picture {
    /// Reads all of a scanout as it is now.
    ///
    /// # Errors
    ///
    /// When there is none, or the processor cannot read it: a tiled dma-buf, for one.
    pub fn read(scanout: &Scanout) -> Result<Self, ReadError> {
        let size = scanout.size();
        if size.is_empty() {
            return Err(ReadError::Blank);
        }
        let format = ladder::readable(scanout)?;
        let door = match scanout {
            Scanout::Dmabuf(dmabuf) => Some(Door::open(dmabuf)?),
            _ => None,
        };
        let source = Source::new(scanout, format, door.as_ref()).ok_or(ReadError::Blank)?;
        let stride = size.width as usize * 4;
        let mut rgba = vec![0; stride * size.height as usize];
        let mut target = Target { bytes: &mut rgba, stride, format: Format::Abgr8888 };
        source.copy([size.at_origin()].into_iter(), &mut target)?;
        if matches!(scanout, Scanout::Dmabuf(dmabuf) if dmabuf.y0_top()) {
            rgba = rgba.chunks_exact(stride).rev().flatten().copied().collect();
        }
        for pixel in rgba.as_chunks_mut::<4>().0 {
            pixel[3] = 255;
        }
        Ok(Self { size, rgba })
    }

    /// A picture of `width` times `height` pixels of the bytes R, G, B each, rows from the top; `None`
    /// where these are not so many.
    pub fn from_rgb(width: u32, height: u32, rgb: &[u8]) -> Option<Self> {
        let size = Size::new(width, height);
        let rgba: Vec<u8> = rgb.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        let pixels = u64::from(width) * u64::from(height);
        (rgba.len() as u64 == pixels * 4 && !size.is_empty()).then_some(Self { size, rgba })
    }

    /// Width and height.
    pub fn size(&self) -> Size<Guest> {
        self.size
    }

    /// Bytes R, G, B, A of each pixel, rows from the top, without padding; A is always 255.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// Its bytes, given away.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }

    /// Writes it as a PNG file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_png(&self, file: impl io::Write) -> io::Result<()> {
        let into_io = |error| match error {
            EncodingError::IoError(error) => error,
            other => io::Error::other(other),
        };
        let mut encoder = Encoder::new(file, self.size.width, self.size.height);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        let rgb: Vec<u8> =
            self.rgba.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
        let mut writer = encoder.write_header().map_err(into_io)?;
        writer.write_image_data(&rgb).map_err(into_io)?;
        writer.finish().map_err(into_io)
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({})", self.size)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frame::{Dmabuf, DmabufParts, Plane, Wire};
    use crate::geometry::Rect;
    use crate::pixel::Modifier;

    fn dmabuf(bytes: &[u8], y0_top: bool) -> Scanout {
        let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        rustix::io::pwrite(&fd, bytes, 0).expect("bytes");
        let dmabuf = Dmabuf::new(DmabufParts {
            file: (1, 1),
            planes: vec![Plane { fd, offset: 0, stride: 8 }],
            fourcc: Format::Argb8888.fourcc(),
            modifier: Modifier::LINEAR,
            backing: Size::new(2, 2),
            crop: Rect::new(0, 0, 1, 2),
            y0_top,
            wire: Wire::V2,
        });
        Scanout::Dmabuf(Arc::new(dmabuf.expect("a buffer")))
    }

    #[test]
    fn a_picture_comes_out_upright_and_opaque() {
        let bytes: Vec<u8> = (0..16).collect();
        let upright = Picture::read(&dmabuf(&bytes, false)).expect("a picture");
        assert_eq!(upright.rgba(), [2, 1, 0, 255, 10, 9, 8, 255]);
        let flipped = Picture::read(&dmabuf(&bytes, true)).expect("a picture");
        assert_eq!(flipped.rgba(), [10, 9, 8, 255, 2, 1, 0, 255]);
    }

    #[test]
    fn a_png_holds_the_same_pixels() {
        let picture = Picture::read(&dmabuf(&[7; 16], false)).expect("a picture");
        let mut file = Vec::new();
        picture.write_png(&mut file).expect("a file");
        let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a frame");
        assert_eq!((info.width, info.height, info.color_type), (1, 2, ColorType::Rgb));
        assert_eq!(bytes, [7; 6]);
    }

    #[test]
    fn nothing_to_read_is_an_error() {
        assert!(matches!(Picture::read(&Scanout::Blank), Err(ReadError::Blank)));
    }
}
