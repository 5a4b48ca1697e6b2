//! The guest's pointer shape and place, as data.

use std::fmt;
use std::sync::Arc;

use crate::geometry::{Guest, Point, Size};

/// A pointer shape: premultiplied ARGB, bytes B, G, R, A, tightly packed rows.
///
/// Made by `display1::decode`, which checks the length (`CursorDefine` in QEMU's
/// ui/dbus-display1.xml).
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor {
    size: Size<Guest>,
    hotspot: Point<Guest>,
    bytes: Vec<u8>,
}

impl Cursor {
    /// The longest side of a shape, in pixels: virtio-gpu has 64, vfio planes up to 512.
    pub const MAX_SIDE: u32 = 512;

    /// A shape with its hot spot, which is moved into it: QEMU gives −1 where a vGPU says none.
    ///
    /// `None` where the size is empty or too large, or the length is not 4 bytes a pixel.
    pub fn new(size: Size<Guest>, hotspot: Point<Guest>, bytes: Vec<u8>) -> Option<Self> {
        if size.is_empty() || size.width > Self::MAX_SIDE || size.height > Self::MAX_SIDE {
            return None;
        }
        if bytes.len() as u64 != size.area() * 4 {
            return None;
        }
        let inside = |at: i32, extent: u32| at.clamp(0, i32::try_from(extent - 1).unwrap_or(0));
        let hotspot = Point::new(inside(hotspot.x, size.width), inside(hotspot.y, size.height));
        Some(Self { size, hotspot, bytes })
    }

    /// Width and height.
    pub fn size(&self) -> Size<Guest> {
        self.size
    }

    /// The pixel of the shape that points.
    pub fn hotspot(&self) -> Point<Guest> {
        self.hotspot
    }

    /// Rows from the top, 4 bytes a pixel: B, G, R, A, premultiplied.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({}, hotspot {:?})", self.size, self.hotspot)
    }
}

/// What the guest wants of the pointer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Pointer {
    /// Nothing has been said: a plain arrow serves. vGPU cursors are not replayed to a listener
    /// that comes late.
    #[default]
    Unknown,
    /// The guest hides it.
    Hidden,
    /// The guest shows this shape; `None` before it has given one.
    Shown(Option<Arc<Cursor>>),
}

/// How a display tells that the guest shows its pointer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum PointerKind {
    /// By saying so (`MouseSet`).
    #[default]
    Said,
    /// By its shape as well: a vGPU's cursor plane that shows something again is given anew, and where it is
    /// only if it is elsewhere than before (`vfio_display_dmabuf_update`, hw/vfio/display.c).
    Plane,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_spot_lies_within_the_shape() {
        let cursor = Cursor::new(Size::new(2, 2), Point::new(-1, 9), vec![0; 16]).unwrap();
        assert_eq!(cursor.hotspot(), Point::new(0, 1));
    }

    #[test]
    fn a_shape_of_the_wrong_length_is_none() {
        assert_eq!(Cursor::new(Size::new(2, 2), Point::new(0, 0), vec![0; 15]), None);
        assert_eq!(Cursor::new(Size::new(0, 2), Point::new(0, 0), vec![]), None);
        assert_eq!(Cursor::new(Size::new(513, 1), Point::new(0, 0), vec![0; 513 * 4]), None);
    }
}
