//! The only door for a peer's unchecked numbers: arguments in, a valid event or an error out.
//!
//! Nothing here trusts the peer, for a guest chooses many of these numbers: sizes, strides, offsets
//! and plane counts are checked with each other and with the descriptors they speak of.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FileType, fstat};
use thiserror::Error;

use super::interface;
use super::wire::{Malformed, Reader, Words};
use crate::frame::{Cursor, Dmabuf, DmabufParts, Event, Image, LayoutError, MAX_SIDE, Mapped, Plane, Wire};
use crate::geometry::{Point, Rect, Size};
use crate::pixel::{Format, Fourcc, Modifier};

/// The most planes that a buffer has.
const MAX_PLANES: usize = 4;

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $interface:ident, $member:literal, $signature:literal;)*) => {
        /// A method that QEMU calls on a listener.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $name,)*
        }

        impl Method {
            /// Every method.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The method of this name. Where a call names no interface, the member will do.
            pub fn find(interface: &str, member: &str) -> Option<Self> {
                match member {
                    $($member if interface.is_empty() || interface == interface::$interface => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The interface that it belongs to.
            pub const fn interface(self) -> &'static str {
                match self {
                    $(Self::$name => interface::$interface,)*
                }
            }

            /// Its name on the wire.
            pub const fn member(self) -> &'static str {
                match self {
                    $(Self::$name => $member,)*
                }
            }

            /// The D-Bus types of its arguments.
            pub const fn signature(self) -> &'static str {
                match self {
                    $(Self::$name => $signature,)*
                }
            }
        }
    };
}

methods! {
    /// A whole picture, as bytes.
    Scanout = LISTENER, "Scanout", "uuuuay";
    /// A part of the picture, as bytes.
    Update = LISTENER, "Update", "iiiiuuay";
    /// A buffer of one plane that is the picture.
    ScanoutDmabuf = LISTENER, "ScanoutDMABUF", "huuuutb";
    /// A part of the buffer changed. QEMU waits for the reply.
    UpdateDmabuf = LISTENER, "UpdateDMABUF", "iiii";
    /// There is no picture, or an old buffer was freed.
    Disable = LISTENER, "Disable", "";
    /// Where the guest's pointer is, and whether.
    MouseSet = LISTENER, "MouseSet", "iii";
    /// What the guest's pointer looks like.
    CursorDefine = LISTENER, "CursorDefine", "iiiiay";
    /// A file that holds the picture. QEMU's main loop waits for the reply.
    ScanoutMap = LISTENER_MAP, "ScanoutMap", "huuuuu";
    /// A part of the file changed.
    UpdateMap = LISTENER_MAP, "UpdateMap", "iiii";
    /// A buffer that the picture is a part of.
    ScanoutDmabuf2 = LISTENER_DMABUF2, "ScanoutDMABUF2", "ahuuuuauauuuuutb";
}

/// Why a call makes no event.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Arguments of other types than the method has.
    #[error("arguments of other types")]
    Signature,
    /// The arguments are not what their types say.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Numbers that describe no picture.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A picture that begins left of or above the screen.
    #[error("a picture at ({0}, {1})")]
    Place(i64, i64),
    /// A pointer shape of an impossible size, or of another length than its size asks for.
    #[error("a pointer shape of {width}×{height} in {length} bytes")]
    Cursor { width: i32, height: i32, length: usize },
    /// The message did not bring the descriptor that it speaks of.
    #[error("descriptor {0} is missing")]
    NoDescriptor(u32),
    /// The descriptor is of something that holds no pixels.
    #[error("a descriptor of a {0:?}, not of a buffer")]
    NotABuffer(FileType),
    /// The descriptor does not say what it is.
    #[error("the descriptor cannot be examined: {0}")]
    Descriptor(#[from] io::Error),
}

impl DecodeError {
    /// The D-Bus error that tells QEMU of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Signature | Self::Malformed(_) => "org.freedesktop.DBus.Error.InvalidArgs",
            Self::Layout(LayoutError::Format(_)) => "org.qemu.Display1.Error.Unsupported",
            Self::Descriptor(_) => "org.qemu.Display1.Error.Failed",
            _ => "org.qemu.Display1.Error.Invalid",
        }
    }
}

/// The descriptors that came with a message; those that nobody takes are closed with it.
#[derive(Debug, Default)]
pub struct Descriptors(Vec<Option<OwnedFd>>);

impl Descriptors {
    /// Adds the next one.
    pub fn push(&mut self, fd: OwnedFd) {
        self.0.push(Some(fd));
    }

    /// Closes those that are left.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many came.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn slot(&mut self, index: u32) -> Result<&mut Option<OwnedFd>, DecodeError> {
        let missing = DecodeError::NoDescriptor(index);
        let slot = usize::try_from(index).ok().and_then(|index| self.0.get_mut(index));
        slot.filter(|slot| slot.is_some()).ok_or(missing)
    }

    fn take(&mut self, index: u32) -> Result<OwnedFd, DecodeError> {
        self.slot(index)?.take().ok_or(DecodeError::NoDescriptor(index))
    }

    fn duplicate(&mut self, index: u32) -> Result<OwnedFd, DecodeError> {
        let fd = self.slot(index)?.as_ref().ok_or(DecodeError::NoDescriptor(index))?;
        Ok(fd.try_clone()?)
    }
}

/// Makes an event of a call's arguments, which have the types in `signature`.
///
/// # Errors
///
/// When the arguments describe nothing that can be shown; what was taken of `fds` is closed.
pub fn decode<'a>(
    method: Method,
    signature: &str,
    mut args: Reader<'a>,
    fds: &mut Descriptors,
) -> Result<Event<'a>, DecodeError> {
    if signature != method.signature() {
        return Err(DecodeError::Signature);
    }
    match method {
        Method::Scanout => scanout(&mut args),
        Method::Update => update(&mut args),
        Method::ScanoutDmabuf => scanout_dmabuf(&mut args, fds),
        Method::ScanoutDmabuf2 => scanout_dmabuf2(&mut args, fds),
        Method::ScanoutMap => scanout_map(&mut args, fds),
        Method::UpdateMap | Method::UpdateDmabuf => damage(&mut args),
        Method::Disable => Ok(Event::Disable),
        Method::MouseSet => mouse_set(&mut args),
        Method::CursorDefine => cursor_define(&mut args),
    }
}

fn scanout<'a>(args: &mut Reader<'a>) -> Result<Event<'a>, DecodeError> {
    let (width, height) = (args.u32()?, args.u32()?);
    Ok(Event::Pixels(image(width, height, args)?))
}

fn update<'a>(args: &mut Reader<'a>) -> Result<Event<'a>, DecodeError> {
    let (x, y, width, height) = (args.i32()?, args.i32()?, args.i32()?, args.i32()?);
    if x < 0 || y < 0 {
        return Err(DecodeError::Place(x.into(), y.into()));
    }
    let side = |side: i32| u32::try_from(side).unwrap_or(0);
    let image = image(side(width), side(height), args)?;
    Ok(Event::Patch { at: Point::new(x, y), image })
}

/// Stride, format and rows. QEMU sends `stride × height` bytes, with the last row's padding.
fn image<'a>(width: u32, height: u32, args: &mut Reader<'a>) -> Result<Image<'a>, DecodeError> {
    let (stride, format, bytes) = (args.u32()?, args.u32()?, args.bytes()?);
    let image = Image::new(Size::new(width, height), stride, known(format)?, bytes)?;
    let (given, most) = (bytes.len() as u64, u64::from(stride) * u64::from(height));
    if given > most {
        return Err(LayoutError::Length { given, needed: most }.into());
    }
    Ok(image)
}

fn known(pixman: u32) -> Result<Format, LayoutError> {
    Format::from_pixman(pixman).ok_or(LayoutError::Format(pixman))
}

fn damage<'a>(args: &mut Reader<'a>) -> Result<Event<'a>, DecodeError> {
    let (x, y, width, height) = (args.i32()?, args.i32()?, args.i32()?, args.i32()?);
    Ok(Event::Damage { x, y, width, height, ack: None })
}

/// The position is that of the shape's corner or of the hot spot, depending on the device, and may
/// be negative. Farther out than any screen reaches it is at that distance: it is reckoned with. QEMU
/// before 9.1 sends any number for 'on'.
fn mouse_set<'a>(args: &mut Reader<'a>) -> Result<Event<'a>, DecodeError> {
    let (x, y, on) = (args.i32()?, args.i32()?, args.i32()?);
    let farthest = i32::try_from(MAX_SIDE).unwrap_or(i32::MAX);
    let [x, y] = [x, y].map(|at| at.clamp(-farthest, farthest));
    Ok(Event::PointerSet { at: Point::new(x, y), visible: on != 0 })
}

fn cursor_define<'a>(args: &mut Reader<'a>) -> Result<Event<'a>, DecodeError> {
    let (width, height) = (args.i32()?, args.i32()?);
    let hotspot = Point::new(args.i32()?, args.i32()?);
    let bytes = args.bytes()?;
    let wrong = || DecodeError::Cursor { width, height, length: bytes.len() };
    let side = |side: i32| u32::try_from(side).ok().filter(|side| *side <= Cursor::MAX_SIDE);
    let size =
        side(width).zip(side(height)).map(|(width, height)| Size::new(width, height)).ok_or_else(wrong)?;
    if bytes.len() as u64 != size.area() * 4 {
        return Err(wrong());
    }
    let cursor = Cursor::new(size, hotspot, bytes.to_vec()).ok_or_else(wrong)?;
    Ok(Event::Cursor(Arc::new(cursor)))
}

/// QEMU may pass its standard input here, where a blob has no memory of its own (virtio-gpu.c): only
/// a regular file of the right size will do.
fn scanout_map<'a>(args: &mut Reader<'a>, fds: &mut Descriptors) -> Result<Event<'a>, DecodeError> {
    let (handle, offset) = (args.u32()?, args.u32()?);
    let size = Size::new(args.u32()?, args.u32()?);
    let (stride, format) = (args.u32()?, args.u32()?);
    let format = known(format)?;
    let fd = fds.take(handle)?;
    let file = File::of(&fd)?;
    if file.kind != FileType::RegularFile {
        return Err(DecodeError::NotABuffer(file.kind));
    }
    let mapped = Mapped::new(file.id, fd, file.size, offset, size, stride, format)?;
    Ok(Event::Mapped(mapped))
}

/// The first form: one plane that starts with the buffer, of which the picture is all.
fn scanout_dmabuf<'a>(args: &mut Reader<'a>, fds: &mut Descriptors) -> Result<Event<'a>, DecodeError> {
    let handle = args.u32()?;
    let backing = Size::new(args.u32()?, args.u32()?);
    let (stride, fourcc) = (args.u32()?, Fourcc(args.u32()?));
    let (modifier, y0_top) = (Modifier(args.u64()?), args.bool()?);
    let fd = fds.take(handle)?;
    let file = File::of_buffer(&fd)?;
    let planes = vec![Plane { fd, offset: 0, stride }];
    let crop = backing.at_origin();
    let parts =
        DmabufParts { file: file.id, planes, fourcc, modifier, backing, crop, y0_top, wire: Wire::V1 };
    dmabuf(parts, &file)
}

/// The second form, of QEMU 10.1: several planes, and a part of the buffer.
fn scanout_dmabuf2<'a>(args: &mut Reader<'a>, fds: &mut Descriptors) -> Result<Event<'a>, DecodeError> {
    let handles = args.words()?;
    let (x, y, width, height) = (args.u32()?, args.u32()?, args.u32()?, args.u32()?);
    let (offsets, strides) = (args.words()?, args.words()?);
    let count = args.u32()? as usize;
    let fourcc = Fourcc(args.u32()?);
    let (backing_width, backing_height) = (args.u32()?, args.u32()?);
    let (modifier, y0_top) = (Modifier(args.u64()?), args.bool()?);
    let place = i32::try_from(x).ok().zip(i32::try_from(y).ok());
    let (left, top) = place.ok_or(DecodeError::Place(x.into(), y.into()))?;
    // A vGPU's buffers have said 0×0 here (QEMU 8.1): the picture is all there is, then.
    let whole = |backing: u32, start: u32, extent: u32| {
        if backing == 0 { start.saturating_add(extent) } else { backing }
    };
    let backing = Size::new(whole(backing_width, x, width), whole(backing_height, y, height));
    let planes = planes(count, handles, offsets, strides, fds)?;
    let file = File::of_buffer(&planes[0].fd)?;
    for plane in &planes[1..] {
        File::of_buffer(&plane.fd)?;
    }
    let crop = Rect::new(left, top, width, height);
    let parts =
        DmabufParts { file: file.id, planes, fourcc, modifier, backing, crop, y0_top, wire: Wire::V2 };
    dmabuf(parts, &file)
}

/// Planes that have no descriptor of their own lie in the first one's buffer: QEMU stops filling the
/// list at the first that it does not have (ui/dbus-listener.c, `dbus_scanout_dmabuf`).
fn planes(
    count: usize,
    handles: Words<'_>,
    offsets: Words<'_>,
    strides: Words<'_>,
    fds: &mut Descriptors,
) -> Result<Vec<Plane>, DecodeError> {
    let enough = (1..=MAX_PLANES).contains(&count) && offsets.len() >= count && strides.len() >= count;
    if !enough || handles.len() > MAX_PLANES {
        return Err(LayoutError::Planes(count).into());
    }
    let handle = |plane: usize| handles.get(plane).or(handles.get(0)).ok_or(DecodeError::NoDescriptor(0));
    let mut planes = Vec::with_capacity(count);
    for plane in 0..count {
        let here = handle(plane)?;
        let again = (plane + 1..count).any(|later| handle(later).is_ok_and(|there| there == here));
        let fd = if again { fds.duplicate(here)? } else { fds.take(here)? };
        let (offset, stride) = (offsets.get(plane).unwrap_or(0), strides.get(plane).unwrap_or(0));
        planes.push(Plane { fd, offset, stride });
    }
    Ok(planes)
}

fn dmabuf<'a>(parts: DmabufParts, file: &File) -> Result<Event<'a>, DecodeError> {
    let dmabuf = Dmabuf::new(parts)?;
    check_rows(&dmabuf, file)?;
    Ok(Event::Dmabuf(dmabuf))
}

/// Where rows follow one another in a format that we know, they must be as long as the picture is
/// wide, and all of them in the buffer. What other layouts need, only their drivers know.
fn check_rows(dmabuf: &Dmabuf, file: &File) -> Result<(), LayoutError> {
    let Some(format) = Format::from_fourcc(dmabuf.fourcc()).filter(|_| dmabuf.modifier() == Modifier::LINEAR)
    else {
        return Ok(());
    };
    let Some(plane) = dmabuf.planes().first() else { return Ok(()) };
    let Size { width, height, .. } = dmabuf.backing();
    let row = u64::from(width) * u64::from(format.bytes_per_pixel());
    if u64::from(plane.stride) < row {
        return Err(LayoutError::Stride { stride: plane.stride, row });
    }
    let rows = u64::from(plane.stride) * u64::from(height - 1) + row;
    let needed = u64::from(plane.offset) + rows;
    // Kernels before 5.3 tell no size.
    if file.size != 0 && file.size < needed {
        return Err(LayoutError::Length { given: file.size, needed });
    }
    Ok(())
}

/// What the kernel knows of a descriptor.
struct File {
    kind: FileType,
    /// Device and inode.
    id: (u64, u64),
    /// In bytes.
    size: u64,
}

impl File {
    fn of(fd: impl AsFd) -> Result<Self, DecodeError> {
        let stat = fstat(fd).map_err(io::Error::from)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Self { kind: FileType::from_raw_mode(stat.st_mode), id: (stat.st_dev, stat.st_ino), size })
    }

    /// A dma-buf's inode has no type (drivers/dma-buf/dma-buf.c makes an anonymous one); a sealed
    /// memory file can be imported like one.
    fn of_buffer(fd: impl AsFd) -> Result<Self, DecodeError> {
        let file = Self::of(fd)?;
        match file.kind {
            FileType::RegularFile | FileType::Unknown => Ok(file),
            other => Err(DecodeError::NotABuffer(other)),
        }
    }
}
