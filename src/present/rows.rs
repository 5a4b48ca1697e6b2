//! Pixels of a scanout, read row by row into memory of ours, and converted where they have to be.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::file;
use super::mapping::{DmabufMapping, DmabufView};
use crate::frame::{Dmabuf, Mapped, Pixels, Scanout};
use crate::geometry::{Guest, Point, Rect, Size};
use crate::pixel::Format;

/// How many bytes are copied while the listener is kept out of its framebuffer.
const BAND: usize = 512 * 1024;

/// Where pixels go.
#[derive(Debug)]
pub struct Target<'a> {
    pub bytes: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    pub format: Format,
}

/// A picture whose rows the processor can read, in the order in which they lie in its buffer.
#[derive(Debug)]
pub enum Source<'a> {
    /// In our own memory.
    Pixels(&'a Pixels),
    /// In a file that may shrink at any time.
    File { fd: BorrowedFd<'a>, rows: Rows },
    /// In a dma-buf, which cannot.
    Dmabuf { mapping: &'a DmabufMapping, rows: Rows },
}

/// How rows lie in a file.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    size: Size<Guest>,
    offset: u64,
    stride: u32,
    format: Format,
}

impl Rows {
    fn of_map(mapped: &Mapped) -> Self {
        Self {
            size: mapped.size(),
            offset: u64::from(mapped.offset()),
            stride: mapped.stride(),
            format: mapped.format(),
        }
    }

    /// The picture's part of a dma-buf with one plane of plain rows in this format.
    fn of_dmabuf(dmabuf: &Dmabuf, format: Format) -> Option<Self> {
        let plane = dmabuf.planes().first()?;
        let across = u64::try_from(dmabuf.crop().origin.x).ok()?;
        let down = u64::try_from(dmabuf.crop().origin.y).ok()?;
        let offset = u64::from(plane.offset)
            + down * u64::from(plane.stride)
            + across * u64::from(format.bytes_per_pixel());
        Some(Self { size: dmabuf.size(), offset, stride: plane.stride, format })
    }
}

/// Where a dma-buf's bytes can be read.
#[derive(Debug)]
pub enum Door {
    /// Mapped.
    Mapping(DmabufMapping),
    /// It is a regular file that stands in for a dma-buf: only `pread` is safe.
    File,
}

impl Door {
    /// Opens a linear dma-buf for reading.
    ///
    /// # Errors
    ///
    /// When its exporter does not let the processor in.
    pub fn open(dmabuf: &Dmabuf) -> io::Result<Self> {
        let plane = dmabuf.planes().first().ok_or(io::ErrorKind::InvalidInput)?;
        if file::is_regular(&plane.fd) {
            return Ok(Self::File);
        }
        DmabufMapping::new(plane.fd.as_fd()).map(Self::Mapping)
    }
}

impl<'a> Source<'a> {
    /// The rows of a scanout; for a dma-buf, through its `door` and in its readable `format`.
    /// `None` where there are none.
    pub fn new(scanout: &'a Scanout, format: Format, door: Option<&'a Door>) -> Option<Self> {
        match (scanout, door) {
            (Scanout::Pixels(pixels), _) => Some(Self::Pixels(pixels)),
            (Scanout::Mapped(mapped), _) => {
                Some(Self::File { fd: mapped.fd().as_fd(), rows: Rows::of_map(mapped) })
            }
            (Scanout::Dmabuf(dmabuf), Some(door)) => {
                let rows = Rows::of_dmabuf(dmabuf, format)?;
                Some(match door {
                    Door::Mapping(mapping) => Self::Dmabuf { mapping, rows },
                    Door::File => Self::File { fd: dmabuf.planes().first()?.fd.as_fd(), rows },
                })
            }
            (Scanout::Blank | Scanout::Dmabuf(_), _) => None,
        }
    }

    fn size(&self) -> Size<Guest> {
        match self {
            Self::Pixels(pixels) => pixels.size(),
            Self::File { rows, .. } | Self::Dmabuf { rows, .. } => rows.size,
        }
    }

    /// Gives the bytes of single pixels, counted in rows as they lie in the buffer; those that are not
    /// there are left out.
    ///
    /// # Errors
    ///
    /// When a file cannot be read at all, or a dma-buf cannot be made current.
    pub fn pixels(
        &self,
        points: impl Iterator<Item = Point<Guest>>,
        mut give: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let all = |rows: &Rows, read: &mut Read<'_>| {
            let pixel = rows.format.bytes_per_pixel();
            for point in points {
                let (Ok(x), Ok(y)) = (u64::try_from(point.x), u64::try_from(point.y)) else { continue };
                let mut bytes = [0; 4];
                let bytes = &mut bytes[..pixel as usize];
                let at = rows.offset + y * u64::from(rows.stride) + x * u64::from(pixel);
                if read(at, bytes)? == bytes.len() {
                    give(bytes);
                }
            }
            Ok(())
        };
        match self {
            // What changes there is told.
            Self::Pixels(_) => Ok(()),
            Self::File { fd, rows } => all(rows, &mut |at, bytes| read_fully(*fd, at, bytes)),
            Self::Dmabuf { mapping, rows } => {
                mapping.read(|view| all(rows, &mut |at, bytes| Ok(view.copy_to(at, bytes))))?
            }
        }
    }

    /// Copies rectangles, counted in rows as they lie in the buffer. Tells how many bytes were
    /// written.
    ///
    /// Where a file ends early, the target keeps what it had.
    ///
    /// # Errors
    ///
    /// When a file cannot be read at all, or a dma-buf cannot be made current.
    pub fn copy(&self, rects: impl Iterator<Item = Rect<Guest>>, target: &mut Target<'_>) -> io::Result<u64> {
        let bounds = self.size().at_origin();
        let mut rects = rects.filter_map(|rect| rect.intersection(bounds));
        match self {
            Self::Pixels(pixels) => Ok(rects.map(|rect| copy_pixels(pixels, rect, target)).sum()),
            Self::File { fd, rows } => rects.try_fold(0, |sum, rect| {
                let mut read = |at, bytes: &mut [u8]| read_fully(*fd, at, bytes);
                Ok(sum + copy_rows(rows, rect, target, &mut read)?)
            }),
            Self::Dmabuf { mapping, rows } => {
                let copy = |view: &DmabufView<'_>| {
                    rects.try_fold(0, |sum, rect| {
                        let mut read = |at, bytes: &mut [u8]| Ok(view.copy_to(at, bytes));
                        Ok(sum + copy_rows(rows, rect, target, &mut read)?)
                    })
                };
                mapping.read(copy)?
            }
        }
    }
}

/// Reads until the slice is full or the file ends; how much there was.
fn read_fully(fd: BorrowedFd<'_>, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match rustix::io::pread(fd, &mut bytes[done..], at + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}

/// Columns and rows of a rectangle that lies within a picture.
fn spans(rect: Rect<Guest>) -> (usize, usize, usize, usize) {
    let at = |value: i32| usize::try_from(value).unwrap_or(0);
    (at(rect.origin.x), at(rect.origin.y), rect.size.width as usize, rect.size.height as usize)
}

/// The framebuffer is locked for a band at a time, so that the listener never waits for long. What it
/// writes in between is damage of its own, and comes with the next frame.
fn copy_pixels(pixels: &Pixels, rect: Rect<Guest>, target: &mut Target<'_>) -> u64 {
    let (x, y, width, height) = spans(rect);
    let (stride, pixel) = (pixels.stride() as usize, pixels.format().bytes_per_pixel() as usize);
    let band = (BAND / (width * pixel)).max(1);
    let mut written = 0;
    for first in (0..height).step_by(band) {
        let bytes = pixels.read();
        for row in y + first..y + height.min(first + band) {
            let start = row * stride + x * pixel;
            let source = &bytes[start..start + width * pixel];
            written += put(source, pixels.format(), x, row, target);
        }
    }
    written
}

/// How a read fills bytes from a place in a file.
type Read<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

fn copy_rows(
    rows: &Rows,
    rect: Rect<Guest>,
    target: &mut Target<'_>,
    read: &mut Read<'_>,
) -> io::Result<u64> {
    let (x, y, width, height) = spans(rect);
    let stride = rows.stride as usize;
    let pixel = rows.format.bytes_per_pixel() as usize;
    if rows.format.opaque() != target.format.opaque() {
        return convert_rows(rows, rect, target, read);
    }
    // One long read is cheaper than many short ones, up to twice the bytes.
    if stride == target.stride && width * pixel * 2 >= stride {
        let len = stride * (height - 1) + rows.size.width as usize * pixel;
        let start = y * stride;
        let Some(bytes) = target.bytes.get_mut(start..start + len) else { return Ok(0) };
        return read(rows.offset + start as u64, bytes).map(|count| count as u64);
    }
    let mut written = 0;
    for row in y..y + height {
        let start = row * target.stride + x * pixel;
        let Some(bytes) = target.bytes.get_mut(start..start + width * pixel) else { break };
        let count = read(rows.offset + (row * stride + x * pixel) as u64, bytes)?;
        written += count as u64;
        if count < width * pixel {
            break;
        }
    }
    Ok(written)
}

fn convert_rows(
    rows: &Rows,
    rect: Rect<Guest>,
    target: &mut Target<'_>,
    read: &mut Read<'_>,
) -> io::Result<u64> {
    let (x, y, width, height) = spans(rect);
    let pixel = rows.format.bytes_per_pixel() as usize;
    let mut line = vec![0; width * pixel];
    let mut written = 0;
    for row in y..y + height {
        let at = rows.offset + (row * rows.stride as usize + x * pixel) as u64;
        if read(at, &mut line)? < line.len() {
            break;
        }
        written += put(&line, rows.format, x, row, target);
    }
    Ok(written)
}

/// Puts a run of pixels at a place in the target, converted to its format.
fn put(source: &[u8], format: Format, x: usize, row: usize, target: &mut Target<'_>) -> u64 {
    let pixels = source.len() / format.bytes_per_pixel() as usize;
    let pixel = target.format.bytes_per_pixel() as usize;
    let start = row * target.stride + x * pixel;
    let Some(bytes) = target.bytes.get_mut(start..start + pixels * pixel) else { return 0 };
    if format.opaque() == target.format.opaque() {
        bytes.copy_from_slice(source);
    } else {
        convert(source, format, bytes, target.format);
    }
    bytes.len() as u64
}

/// Converts pixels to XRGB8888 or ABGR8888, the only formats that anything is converted to; the
/// fourth byte becomes opaque.
fn convert(source: &[u8], format: Format, target: &mut [u8], to: Format) {
    debug_assert!(matches!(to.opaque(), Format::Xrgb8888 | Format::Xbgr8888));
    let reversed = to.opaque() == Format::Xrgb8888;
    let pixel = format.bytes_per_pixel() as usize;
    for (from, into) in source.chunks_exact(pixel).zip(target.as_chunks_mut::<4>().0) {
        let [red, green, blue] = format.rgb(from);
        *into = if reversed { [blue, green, red, 255] } else { [red, green, blue, 255] };
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use super::*;
    use crate::clock::Time;
    use crate::frame::{Event, Image, Model};

    const SIZE: Size<Guest> = Size::new(4, 3);

    /// Each byte tells its place.
    fn file(len: u8) -> OwnedFd {
        let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        let bytes: Vec<u8> = (0..len).collect();
        rustix::io::pwrite(&fd, &bytes, 0).expect("bytes");
        fd
    }

    fn map(fd: OwnedFd, offset: u32, stride: u32, format: Format) -> Scanout {
        let mapped = Mapped::new((1, 1), fd, 4096, offset, SIZE, stride, format).expect("a picture");
        Scanout::Mapped(Arc::new(mapped))
    }

    fn copy(scanout: &Scanout, rect: Rect<Guest>, stride: usize, format: Format) -> (u64, Vec<u8>) {
        let mut bytes = vec![0xee; stride * 3];
        let mut target = Target { bytes: &mut bytes, stride, format };
        let source = Source::new(scanout, format, None).expect("rows");
        let written = source.copy([rect].into_iter(), &mut target).expect("a copy");
        (written, bytes)
    }

    #[test]
    fn a_rectangle_of_a_file_costs_what_it_covers() {
        let scanout = map(file(100), 3, 20, Format::Xrgb8888);
        let (written, bytes) = copy(&scanout, Rect::new(1, 1, 2, 2), 16, Format::Xrgb8888);
        assert_eq!(written, 16);
        assert_eq!(bytes[20..28], [27, 28, 29, 30, 31, 32, 33, 34]);
        assert_eq!(bytes[36..44], [47, 48, 49, 50, 51, 52, 53, 54]);
        assert_eq!(bytes.iter().filter(|byte| **byte == 0xee).count(), 48 - 16);
    }

    #[test]
    fn wide_rectangles_are_read_in_one_go() {
        let scanout = map(file(100), 4, 16, Format::Xrgb8888);
        let (written, bytes) = copy(&scanout, Rect::new(1, 1, 3, 2), 16, Format::Xrgb8888);
        assert_eq!(written, 32);
        assert_eq!(bytes[16..48], (20..52).collect::<Vec<u8>>());
        assert_eq!(bytes[..16], [0xee; 16]);
    }

    #[test]
    fn a_file_that_has_shrunk_leaves_the_old_rows() {
        let fd = file(30);
        let scanout = map(fd, 0, 16, Format::Xrgb8888);
        for stride in [16, 20] {
            let (written, bytes) = copy(&scanout, SIZE.at_origin(), stride, Format::Xrgb8888);
            assert_eq!(written, 30);
            assert_eq!(bytes[..16], (0..16).collect::<Vec<u8>>());
            assert_eq!(bytes[2 * stride..], vec![0xee; stride]);
        }
    }

    #[test]
    fn formats_are_converted_where_they_must_be() {
        let scanout = map(file(24), 0, 8, Format::Rgb565);
        let (written, bytes) = copy(&scanout, Rect::new(0, 1, 1, 1), 16, Format::Xrgb8888);
        assert_eq!(written, 4);
        let [red, green, blue] = Format::Rgb565.rgb(&[8, 9]);
        assert_eq!(bytes[16..20], [blue, green, red, 255]);
        assert_eq!(bytes[20..24], [0xee; 4]);
    }

    #[test]
    fn rectangles_beyond_the_picture_are_cut() {
        let scanout = map(file(100), 0, 16, Format::Xrgb8888);
        let (written, _) = copy(&scanout, Rect::new(-5, 2, 100, 100), 16, Format::Xrgb8888);
        assert_eq!(written, 16);
        let (written, _) = copy(&scanout, Rect::new(5, 5, 9, 9), 16, Format::Xrgb8888);
        assert_eq!(written, 0);
    }

    #[test]
    fn messages_pixels_are_copied_like_any_others() {
        let mut model = Model::default();
        let bytes: Vec<u8> = (0..48).collect();
        let image = Image::new(SIZE, 16, Format::Xbgr8888, &bytes).expect("an image");
        model.apply(Event::Pixels(image), Time::default()).expect("a picture");
        let scanout = model.current().expect("a picture");
        let (written, same) = copy(&scanout, Rect::new(3, 0, 1, 3), 16, Format::Xbgr8888);
        assert_eq!((written, &same[12..16]), (12, &[12, 13, 14, 15][..]));
        let (_, converted) = copy(&scanout, Rect::new(3, 0, 1, 1), 16, Format::Xrgb8888);
        assert_eq!(converted[12..16], [14, 13, 12, 255]);
    }

    #[test]
    fn a_stand_in_for_a_dmabuf_is_read_as_a_file() {
        use crate::frame::{DmabufParts, Plane, Wire};
        use crate::pixel::Modifier;
        let dmabuf = Dmabuf::new(DmabufParts {
            file: (1, 1),
            planes: vec![Plane { fd: file(100), offset: 2, stride: 24 }],
            fourcc: Format::Xrgb8888.fourcc(),
            modifier: Modifier::LINEAR,
            backing: Size::new(6, 4),
            crop: Rect::new(1, 1, 4, 3),
            y0_top: false,
            wire: Wire::V2,
        });
        let dmabuf = dmabuf.expect("a buffer");
        let door = Door::open(&dmabuf).expect("a file");
        assert!(matches!(door, Door::File));
        let scanout = Scanout::Dmabuf(Arc::new(dmabuf));
        let source = Source::new(&scanout, Format::Xrgb8888, Some(&door)).expect("rows");
        let mut bytes = vec![0; 48];
        let mut target = Target { bytes: &mut bytes, stride: 16, format: Format::Xrgb8888 };
        source.copy([Rect::new(0, 0, 1, 1)].into_iter(), &mut target).expect("a copy");
        assert_eq!(bytes[..4], [30, 31, 32, 33]);
    }
}
