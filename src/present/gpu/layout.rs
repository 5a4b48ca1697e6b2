//! How a dma-buf's planes are told to EGL, and whether they lie within their buffers.

use std::os::fd::{AsFd, AsRawFd};

use khronos_egl as egl;

use crate::frame::{Dmabuf, Plane};
use crate::pixel::{Format, Fourcc, Modifier};
use crate::present::file;
use crate::present::ladder::{Extent, Reason};

// EGL_EXT_image_dma_buf_import and EGL_EXT_image_dma_buf_import_modifiers.
const FOURCC: egl::Attrib = 0x3271;
/// For each plane: descriptor, offset, pitch, and the modifier's low and high half.
const PLANES: [[egl::Attrib; 5]; 4] = [
    [0x3272, 0x3273, 0x3274, 0x3443, 0x3444],
    [0x3275, 0x3276, 0x3277, 0x3445, 0x3446],
    [0x3278, 0x3279, 0x327a, 0x3447, 0x3448],
    [0x3440, 0x3441, 0x3442, 0x3449, 0x344a],
];

/// Whether EGL can be told modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifiers {
    Told,
    Unknown,
}

/// The attributes with which EGL imports a buffer as `fourcc`.
///
/// [`Modifier::INVALID`] means that none was said, so none is: the driver knows its own buffers.
pub(super) fn attributes(
    dmabuf: &Dmabuf,
    fourcc: Fourcc,
    modifiers: Modifiers,
) -> Result<Vec<egl::Attrib>, Reason> {
    let modifier = dmabuf.modifier();
    let told = match (modifiers, modifier) {
        (_, Modifier::INVALID) | (Modifiers::Unknown, Modifier::LINEAR) => None,
        (Modifiers::Told, modifier) => Some(modifier),
        (Modifiers::Unknown, _) => return Err(Reason::GpuFormat(fourcc, modifier)),
    };
    let (width, height) = (dmabuf.backing().width as usize, dmabuf.backing().height as usize);
    let mut list = vec![
        egl::WIDTH as egl::Attrib,
        width,
        egl::HEIGHT as egl::Attrib,
        height,
        FOURCC,
        fourcc.0 as egl::Attrib,
        egl::IMAGE_PRESERVED as egl::Attrib,
        egl::TRUE as egl::Attrib,
    ];
    for (names, plane) in PLANES.iter().zip(dmabuf.planes()) {
        let [fd, offset, pitch, low, high] = *names;
        let number = usize::try_from(plane.fd.as_fd().as_raw_fd()).map_err(|_| Reason::NoBuffer)?;
        list.extend([fd, number, offset, plane.offset as usize, pitch, plane.stride as usize]);
        if let Some(Modifier(code)) = told {
            let half = |bits: u64| usize::try_from(bits & 0xffff_ffff).unwrap_or(0);
            list.extend([low, half(code), high, half(code >> 32)]);
        }
    }
    list.push(egl::ATTRIB_NONE);
    Ok(list)
}

/// Who reads beyond a buffer's end, if anyone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A GPU, which its memory management stops.
    Hardware,
    /// This process, which the kernel ends.
    Software,
}

/// What the descriptors are.
pub(super) fn extents(dmabuf: &Dmabuf) -> Vec<Extent> {
    let extent = |plane: &Plane| match file::is_buffer(&plane.fd) {
        true => Extent::Fixed(file::length(&plane.fd)),
        false => Extent::NoBuffer,
    };
    dmabuf.planes().iter().map(extent).collect()
}

/// Whether all of a buffer's planes lie within what was sent, read as `fourcc`.
///
/// A driver that works on the processor takes an unknown modifier for plain rows.
pub(super) fn check(
    dmabuf: &Dmabuf,
    fourcc: Fourcc,
    extents: &[Extent],
    reader: Reader,
) -> Result<(), Reason> {
    let plain = match dmabuf.modifier() {
        Modifier::LINEAR => true,
        Modifier::INVALID => reader == Reader::Software,
        _ => false,
    };
    let shapes = shapes(fourcc).filter(|shapes| shapes.len() == dmabuf.planes().len());
    if plain && shapes.is_none() {
        return Err(Reason::GpuFormat(fourcc, dmabuf.modifier()));
    }
    for (index, (plane, extent)) in dmabuf.planes().iter().zip(extents).enumerate() {
        let length = match *extent {
            Extent::Fixed(0) if reader == Reader::Software => return Err(Reason::Short),
            Extent::Fixed(length) => length,
            Extent::NoBuffer => return Err(Reason::NoBuffer),
        };
        let stride = u64::from(plane.stride);
        let shape = shapes.filter(|_| plain).map(|shapes| shapes[index]);
        let (row, rows) = shape.map_or((stride, 1), |shape| shape.extent(dmabuf));
        let end = u64::from(plane.offset) + stride * (rows - 1) + row.max(stride);
        if row > stride || length > 0 && end > length {
            return Err(Reason::Short);
        }
    }
    Ok(())
}

/// How the samples of one plane lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// Bytes for each `across` pixels.
    bytes: u32,
    across: u32,
    down: u32,
}

impl Shape {
    /// Bytes in a row, and rows: at least one of each.
    fn extent(self, dmabuf: &Dmabuf) -> (u64, u64) {
        let size = dmabuf.backing();
        let row = u64::from(size.width.div_ceil(self.across)) * u64::from(self.bytes);
        (row, u64::from(size.height.div_ceil(self.down)))
    }
}

const fn shape(bytes: u32, across: u32, down: u32) -> Shape {
    Shape { bytes, across, down }
}

/// The planes of the formats that are known here (`drm_fourcc.h`).
fn shapes(fourcc: Fourcc) -> Option<&'static [Shape]> {
    const TWO: &[Shape] = &[shape(2, 1, 1)];
    const THREE: &[Shape] = &[shape(3, 1, 1)];
    const FOUR: &[Shape] = &[shape(4, 1, 1)];
    const EIGHT: &[Shape] = &[shape(8, 1, 1)];
    const PAIRS: &[Shape] = &[shape(4, 2, 1)];
    const NV12: &[Shape] = &[shape(1, 1, 1), shape(2, 2, 2)];
    const NV16: &[Shape] = &[shape(1, 1, 1), shape(2, 2, 1)];
    const P010: &[Shape] = &[shape(2, 1, 1), shape(4, 2, 2)];
    const YU12: &[Shape] = &[shape(1, 1, 1), shape(1, 2, 2), shape(1, 2, 2)];
    const YU16: &[Shape] = &[shape(1, 1, 1), shape(1, 2, 1), shape(1, 2, 1)];
    const YU24: &[Shape] = &[shape(1, 1, 1), shape(1, 1, 1), shape(1, 1, 1)];
    if let Some(format) = Format::from_fourcc(fourcc) {
        return Some(match format.bytes_per_pixel() {
            2 => TWO,
            3 => THREE,
            _ => FOUR,
        });
    }
    Some(match &fourcc.0.to_le_bytes() {
        b"AR15" | b"AB15" | b"XB15" | b"AR12" | b"AB12" | b"XR12" | b"XB12" | b"BG16" => TWO,
        b"AR30" | b"XR30" | b"AB30" | b"XB30" | b"AYUV" | b"XYUV" => FOUR,
        b"AB48" | b"XB48" | b"AB4H" | b"XB4H" => EIGHT,
        b"YUYV" | b"YVYU" | b"UYVY" | b"VYUY" => PAIRS,
        b"NV12" | b"NV21" => NV12,
        b"NV16" | b"NV61" => NV16,
        b"P010" | b"P012" | b"P016" => P010,
        b"YU12" | b"YV12" => YU12,
        b"YU16" | b"YV16" => YU16,
        b"YU24" | b"YV24" => YU24,
        _ => return None,
    })
}

/// Whether a format has colours as a screen does, and not as a video has.
pub(super) fn is_rgb(fourcc: Fourcc) -> bool {
    let code = fourcc.0.to_le_bytes();
    Format::from_fourcc(fourcc).is_some()
        || matches!(&code[..2], b"AR" | b"XR" | b"AB" | b"XB" | b"RA" | b"RX" | b"BA" | b"BX" | b"BG")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DmabufParts, Wire};
    use crate::geometry::Size;

    fn dmabuf(fourcc: &[u8; 4], modifier: Modifier, planes: &[(u32, u32)]) -> Dmabuf {
        let fd = || rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        let planes =
            planes.iter().map(|(offset, stride)| Plane { fd: fd(), offset: *offset, stride: *stride });
        let backing = Size::new(641, 481);
        Dmabuf::new(DmabufParts {
            file: (1, 2),
            planes: planes.collect(),
            fourcc: Fourcc::new(*fourcc),
            modifier,
            backing,
            crop: backing.at_origin(),
            y0_top: false,
            wire: Wire::V2,
        })
        .expect("a buffer")
    }

    fn value(list: &[usize], name: usize) -> Option<usize> {
        list.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1).copied())
    }

    #[test]
    fn an_unknown_modifier_is_not_told() {
        let buffer = dmabuf(b"XR24", Modifier::INVALID, &[(64, 4096)]);
        let list = attributes(&buffer, buffer.fourcc(), Modifiers::Told).expect("attributes");
        assert_eq!((value(&list, 0x3443), value(&list, 0x3273)), (None, Some(64)));
        assert_eq!((value(&list, 0x3057), value(&list, 0x3056)), (Some(641), Some(481)));
        assert_eq!((list.len() % 2, list.last()), (1, Some(&egl::ATTRIB_NONE)));
    }

    #[test]
    fn linear_is_told_as_zero_and_tiled_in_halves() {
        let buffer = dmabuf(b"XR24", Modifier::LINEAR, &[(0, 4096)]);
        let list = attributes(&buffer, buffer.fourcc(), Modifiers::Told).expect("attributes");
        assert_eq!((value(&list, 0x3443), value(&list, 0x3444)), (Some(0), Some(0)));
        let tiled = Modifier(0x0123_4567_89ab_cdef);
        let planes = [(0, 4096), (4096, 512), (8192, 64), (12288, 32)];
        let buffer = dmabuf(b"XR24", tiled, &planes);
        let list = attributes(&buffer, buffer.fourcc(), Modifiers::Told).expect("attributes");
        assert_eq!((value(&list, 0x3449), value(&list, 0x344a)), (Some(0x89ab_cdef), Some(0x0123_4567)));
        assert_eq!(value(&list, 0x3442), Some(32));
        let old = attributes(&buffer, buffer.fourcc(), Modifiers::Unknown);
        assert_eq!(old, Err(Reason::GpuFormat(buffer.fourcc(), tiled)));
    }

    #[test]
    fn planes_lie_within_their_buffers() {
        let one = |stride, length| {
            let buffer = dmabuf(b"XR24", Modifier::LINEAR, &[(16, stride)]);
            check(&buffer, buffer.fourcc(), &[Extent::Fixed(length)], Reader::Software)
        };
        assert_eq!(one(641 * 4, 16 + 641 * 4 * 481), Ok(()));
        assert_eq!(one(641 * 4, 16 + 641 * 4 * 481 - 1), Err(Reason::Short));
        assert_eq!(one(641 * 4 - 1, 1 << 30), Err(Reason::Short));
        assert_eq!(one(641 * 4, 0), Err(Reason::Short));
        // Chroma has half the rows, rounded up.
        let video = dmabuf(b"NV12", Modifier::LINEAR, &[(0, 704), (704 * 481, 704)]);
        let lengths = |second: u64| [Extent::Fixed(1 << 30), Extent::Fixed(704 * (481 + second))];
        assert_eq!(check(&video, video.fourcc(), &lengths(241), Reader::Software), Ok(()));
        assert_eq!(check(&video, video.fourcc(), &lengths(240), Reader::Software), Err(Reason::Short));
    }

    #[test]
    fn what_is_no_buffer_or_of_unknown_layout_is_refused() {
        let plain = dmabuf(b"XR24", Modifier::LINEAR, &[(0, 4096)]);
        let none = check(&plain, plain.fourcc(), &[Extent::NoBuffer], Reader::Hardware);
        assert_eq!(none, Err(Reason::NoBuffer));
        let odd = dmabuf(b"????", Modifier::INVALID, &[(0, 4096)]);
        let long = [Extent::Fixed(1 << 30)];
        let refused = Err(Reason::GpuFormat(odd.fourcc(), Modifier::INVALID));
        assert_eq!(check(&odd, odd.fourcc(), &long, Reader::Software), refused);
        assert_eq!(check(&odd, odd.fourcc(), &long, Reader::Hardware), Ok(()));
        // Compression adds planes of its own.
        let tiled = dmabuf(b"XR24", Modifier(1 << 56 | 4), &[(0, 4096), (1 << 22, 128)]);
        assert_eq!(check(&tiled, tiled.fourcc(), &[long[0], long[0]], Reader::Hardware), Ok(()));
    }
}
