//! What the guest's screen is made of: bytes of our own, a mapping's file, or a dma-buf.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use thiserror::Error;

use super::{MAX_BYTES, MAX_SIDE};
use crate::geometry::{Backing, Guest, Point, Rect, Size};
use crate::pixel::{Format, Fourcc, Modifier};

/// The guest's screen. Cheap to clone: all of it is shared.
#[derive(Debug, Default, Clone)]
pub enum Scanout {
    /// There is none.
    #[default]
    Blank,
    /// Bytes that came in messages (`Scanout`, `Update`).
    Pixels(Arc<Pixels>),
    /// A file that QEMU draws into (`ScanoutMap`).
    Mapped(Arc<Mapped>),
    /// A buffer of a GPU or of the guest's own memory (`ScanoutDMABUF`, `ScanoutDMABUF2`).
    Dmabuf(Arc<Dmabuf>),
}

impl Scanout {
    /// Width and height of the picture; 0×0 if there is none.
    pub fn size(&self) -> Size<Guest> {
        match self {
            Self::Blank => Size::new(0, 0),
            Self::Pixels(pixels) => pixels.size,
            Self::Mapped(mapped) => mapped.size,
            Self::Dmabuf(dmabuf) => dmabuf.size(),
        }
    }

    /// Whether both are the very same picture in memory.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blank, Self::Blank) => true,
            (Self::Pixels(a), Self::Pixels(b)) => Arc::ptr_eq(a, b),
            (Self::Mapped(a), Self::Mapped(b)) => a.id == b.id,
            (Self::Dmabuf(a), Self::Dmabuf(b)) => a.id == b.id && a.crop == b.crop && a.y0_top == b.y0_top,
            _ => false,
        }
    }

    /// Whether both may be buffers of one guest that shows them in turn: of the same size and format,
    /// laid out in the same way.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mapped(a), Self::Mapped(b)) => a.id.layout == b.id.layout,
            (Self::Dmabuf(a), Self::Dmabuf(b)) => a.id.layout == b.id.layout,
            _ => false,
        }
    }
}

/// Why numbers from a peer do not describe a picture.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum LayoutError {
    #[error("a picture of {0}×{1} pixels: each side must be 1 to {MAX_SIDE}")]
    Size(u32, u32),
    #[error("a stride of {stride} bytes for rows of {row}")]
    Stride { stride: u32, row: u64 },
    #[error("a picture of {0} bytes, more than {MAX_BYTES}")]
    TooLarge(u64),
    #[error("{given} bytes of data where {needed} are needed")]
    Length { given: u64, needed: u64 },
    #[error("an unknown pixman format {0:#010x}")]
    Format(u32),
    #[error("{0} planes: there must be 1 to 4")]
    Planes(usize),
    #[error("a picture of {0:?} in a buffer of {1}")]
    Crop(Rect<Backing>, Size<Backing>),
}

/// Refuses a picture without pixels, or with a side above [`MAX_SIDE`].
pub(super) fn check_sides(width: u32, height: u32) -> Result<(), LayoutError> {
    let fits = |side: u32| (1..=MAX_SIDE).contains(&side);
    (fits(width) && fits(height)).then_some(()).ok_or(LayoutError::Size(width, height))
}

/// Bytes from the first pixel to the last: the last row need not be padded.
fn extent<S>(size: Size<S>, stride: u32, bytes_per_pixel: u32) -> Result<u64, LayoutError> {
    check_sides(size.width, size.height)?;
    let row = u64::from(size.width) * u64::from(bytes_per_pixel);
    if u64::from(stride) < row {
        return Err(LayoutError::Stride { stride, row });
    }
    let bytes = u64::from(stride) * u64::from(size.height - 1) + row;
    if bytes > MAX_BYTES {
        return Err(LayoutError::TooLarge(bytes));
    }
    Ok(bytes)
}

/// Rows of pixels borrowed from a message.
#[derive(Clone, Copy)]
pub struct Image<'a> {
    size: Size<Guest>,
    stride: u32,
    format: Format,
    bytes: &'a [u8],
}

impl<'a> Image<'a> {
    /// Rows of `stride` bytes each, of which the last may be short of its padding.
    pub fn new(size: Size<Guest>, stride: u32, format: Format, bytes: &'a [u8]) -> Result<Self, LayoutError> {
        let needed = extent(size, stride, format.bytes_per_pixel())?;
        let given = bytes.len() as u64;
        if given < needed {
            return Err(LayoutError::Length { given, needed });
        }
        Ok(Self { size, stride, format, bytes })
    }

    /// Width and height.
    pub fn size(&self) -> Size<Guest> {
        self.size
    }

    /// How its pixels are stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its rows from the top, without padding.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> {
        let row = self.size.width as usize * self.format.bytes_per_pixel() as usize;
        self.bytes
            .chunks(self.stride as usize)
            .take(self.size.height as usize)
            .map(move |bytes| &bytes[..row])
    }
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} {:?})", self.size, self.format)
    }
}

/// A framebuffer in our own memory, kept current by the listener.
pub struct Pixels {
    size: Size<Guest>,
    format: Format,
    bytes: RwLock<Vec<u8>>,
}

impl Pixels {
    /// A black picture.
    pub fn black(size: Size<Guest>, format: Format) -> Result<Self, LayoutError> {
        let row = u64::from(size.width) * u64::from(format.bytes_per_pixel());
        check_sides(size.width, size.height)?;
        let bytes = row * u64::from(size.height);
        let length = usize::try_from(bytes).ok().filter(|_| bytes <= MAX_BYTES);
        let length = length.ok_or(LayoutError::TooLarge(bytes))?;
        Ok(Self { size, format, bytes: RwLock::new(vec![0; length]) })
    }

    /// Width and height.
    pub fn size(&self) -> Size<Guest> {
        self.size
    }

    /// How its pixels are stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes from one row to the next; rows are not padded.
    pub fn stride(&self) -> u32 {
        self.size.width * self.format.bytes_per_pixel()
    }

    /// Its bytes as they are now. The listener waits while this is held: copy, and let go.
    pub fn read(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.bytes.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an image at a place where it fits in; other places are left out.
    pub(super) fn write(&self, at: Point<Guest>, image: Image<'_>) {
        let place = Rect::<Guest> { origin: at, size: image.size };
        if image.format != self.format || !self.size.at_origin().contains(place) {
            return;
        }
        let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else { return };
        let stride = self.stride() as usize;
        let start = y * stride + x * self.format.bytes_per_pixel() as usize;
        let mut bytes = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        for (target, row) in bytes[start..].chunks_mut(stride).zip(image.rows()) {
            target[..row.len()].copy_from_slice(row);
        }
    }

    /// The same picture in another size: cut off, or black where there was nothing.
    pub(super) fn resized(&self, size: Size<Guest>) -> Result<Self, LayoutError> {
        let resized = Self::black(size, self.format)?;
        {
            let old = self.read();
            let mut new = resized.bytes.write().unwrap_or_else(PoisonError::into_inner);
            let row = resized.stride().min(self.stride()) as usize;
            let rows = old.chunks(self.stride() as usize);
            for (target, source) in new.chunks_mut(resized.stride() as usize).zip(rows) {
                target[..row].copy_from_slice(&source[..row]);
            }
        }
        Ok(resized)
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({} {:?})", self.size, self.format)
    }
}

/// What tells one buffer from another: its file, and how the picture lies in it.
///
/// QEMU hands out a new descriptor each time; the inode stays (dma-bufs have one each since
/// Linux 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId {
    /// `st_dev` of the first plane's file.
    pub device: u64,
    /// `st_ino` of the first plane's file.
    pub inode: u64,
    /// A digest of size, format, modifier, strides and offsets.
    pub layout: u64,
}

/// A file that QEMU draws into, and the picture in it.
#[derive(Debug)]
pub struct Mapped {
    id: BufferId,
    fd: OwnedFd,
    offset: u32,
    stride: u32,
    size: Size<Guest>,
    format: Format,
}

impl Mapped {
    /// The picture of `size` that starts `offset` bytes into a file of `file_size` bytes.
    ///
    /// The file may still shrink later: reading must survive that.
    pub fn new(
        id: (u64, u64),
        fd: OwnedFd,
        file_size: u64,
        offset: u32,
        size: Size<Guest>,
        stride: u32,
        format: Format,
    ) -> Result<Self, LayoutError> {
        let needed = extent(size, stride, format.bytes_per_pixel())? + u64::from(offset);
        if file_size < needed {
            return Err(LayoutError::Length { given: file_size, needed });
        }
        let layout = digest(&(size, stride, offset, format));
        let id = BufferId { device: id.0, inode: id.1, layout };
        Ok(Self { id, fd, offset, stride, size, format })
    }

    /// What tells it from other buffers.
    pub fn id(&self) -> BufferId {
        self.id
    }

    /// The file.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Bytes before the first pixel.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Bytes from one row to the next.
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// Width and height.
    pub fn size(&self) -> Size<Guest> {
        self.size
    }

    /// How its pixels are stored.
    pub fn format(&self) -> Format {
        self.format
    }
}

/// One plane of a dma-buf.
#[derive(Debug)]
pub struct Plane {
    /// The plane's buffer; several planes may lie in one, each with a descriptor of its own.
    pub fd: OwnedFd,
    /// Bytes before its first row.
    pub offset: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
}

/// Which message announced a dma-buf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `ScanoutDMABUF`: QEMU 9.2 and later may lose it (ui/dbus-listener.c, the discard filter).
    V1,
    /// `ScanoutDMABUF2`, QEMU 10.1 and later.
    V2,
}

/// What a [`Dmabuf`] is made of; see [`Dmabuf::new`].
#[derive(Debug)]
pub struct DmabufParts {
    /// `st_dev` and `st_ino` of the first plane.
    pub file: (u64, u64),
    pub planes: Vec<Plane>,
    pub fourcc: Fourcc,
    pub modifier: Modifier,
    /// The size of the whole buffer.
    pub backing: Size<Backing>,
    /// The scanout's part of it.
    pub crop: Rect<Backing>,
    /// QEMU's word for 'row 0 is at the bottom' (its name reads the other way round).
    pub y0_top: bool,
    pub wire: Wire,
}

/// A buffer of a GPU, and the picture in it.
#[derive(Debug)]
pub struct Dmabuf {
    id: BufferId,
    planes: Vec<Plane>,
    fourcc: Fourcc,
    modifier: Modifier,
    backing: Size<Backing>,
    crop: Rect<Backing>,
    y0_top: bool,
    wire: Wire,
}

impl Dmabuf {
    /// A buffer with 1 to 4 planes, of which the picture is a part that lies inside.
    pub fn new(parts: DmabufParts) -> Result<Self, LayoutError> {
        let DmabufParts { file, planes, fourcc, modifier, backing, crop, y0_top, wire } = parts;
        if !(1..=4).contains(&planes.len()) {
            return Err(LayoutError::Planes(planes.len()));
        }
        check_sides(backing.width, backing.height)?;
        check_sides(crop.size.width, crop.size.height)?;
        if !backing.at_origin().contains(crop) {
            return Err(LayoutError::Crop(crop, backing));
        }
        if let Some(plane) = planes.iter().find(|plane| plane.stride == 0) {
            return Err(LayoutError::Stride { stride: plane.stride, row: u64::from(backing.width) });
        }
        let lines: Vec<_> = planes.iter().map(|plane| (plane.offset, plane.stride)).collect();
        let layout = digest(&(backing, fourcc, modifier, lines));
        let id = BufferId { device: file.0, inode: file.1, layout };
        Ok(Self { id, planes, fourcc, modifier, backing, crop, y0_top, wire })
    }

    /// What tells it from other buffers: the crop does not count.
    pub fn id(&self) -> BufferId {
        self.id
    }

    /// Its planes, 1 to 4.
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// Its format.
    pub fn fourcc(&self) -> Fourcc {
        self.fourcc
    }

    /// How the pixels are laid out.
    pub fn modifier(&self) -> Modifier {
        self.modifier
    }

    /// The whole buffer's size.
    pub fn backing(&self) -> Size<Backing> {
        self.backing
    }

    /// The picture's part of the buffer.
    pub fn crop(&self) -> Rect<Backing> {
        self.crop
    }

    /// The picture's size.
    pub fn size(&self) -> Size<Guest> {
        self.crop.size.cast()
    }

    /// Whether row 0 of the buffer is the bottom line of the picture.
    pub fn y0_top(&self) -> bool {
        self.y0_top
    }

    /// Which message announced it.
    pub fn wire(&self) -> Wire {
        self.wire
    }
}

fn digest(layout: &impl std::hash::Hash) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    layout.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_needs_all_of_its_rows() {
        let size = Size::new(2, 2);
        assert!(Image::new(size, 12, Format::Xrgb8888, &[0; 20]).is_ok());
        let short = Image::new(size, 12, Format::Xrgb8888, &[0; 19]).unwrap_err();
        assert_eq!(short, LayoutError::Length { given: 19, needed: 20 });
        let narrow = Image::new(size, 7, Format::Xrgb8888, &[0; 20]).unwrap_err();
        assert_eq!(narrow, LayoutError::Stride { stride: 7, row: 8 });
    }

    #[test]
    fn no_size_is_too_odd_to_be_refused() {
        for side in [0, MAX_SIDE + 1, 65_535, u32::MAX] {
            assert_eq!(
                Pixels::black(Size::new(side, 1), Format::Xrgb8888).unwrap_err(),
                LayoutError::Size(side, 1)
            );
        }
        let huge = Pixels::black(Size::new(MAX_SIDE, MAX_SIDE), Format::Xrgb8888).unwrap_err();
        assert_eq!(huge, LayoutError::TooLarge(1 << 30));
    }

    #[test]
    fn an_image_is_written_where_it_belongs() {
        let pixels = Pixels::black(Size::new(3, 3), Format::Rgb565).unwrap();
        let image = Image::new(Size::new(2, 1), 6, Format::Rgb565, &[1, 2, 3, 4, 9, 9]).unwrap();
        pixels.write(Point::new(1, 2), image);
        assert_eq!(pixels.read()[14..18], [1, 2, 3, 4]);
        pixels.write(Point::new(2, 2), image);
        assert_eq!(pixels.read()[14..18], [1, 2, 3, 4], "an image that reaches over the edge is left out");
    }

    #[test]
    fn resizing_keeps_what_fits() {
        let pixels = Pixels::black(Size::new(2, 2), Format::Rgb565).unwrap();
        let image = Image::new(Size::new(2, 2), 4, Format::Rgb565, &[1, 1, 2, 2, 3, 3, 4, 4]).unwrap();
        pixels.write(Point::new(0, 0), image);
        let grown = pixels.resized(Size::new(3, 1)).unwrap();
        assert_eq!(*grown.read(), [1, 1, 2, 2, 0, 0]);
    }
}
