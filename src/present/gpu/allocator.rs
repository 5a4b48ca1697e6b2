//! Buffers of a GPU that others can read, allocated through GBM.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use gbm::{BufferObject, BufferObjectFlags};

use crate::frame::{Dmabuf, DmabufParts, Plane, Wire};
use crate::geometry::{Backing, Size};
use crate::pixel::{Format, Modifier};
use crate::present::ladder::Reason;

/// Allocates on one GPU.
#[derive(Debug)]
pub struct Allocator {
    device: gbm::Device<File>,
}

impl Allocator {
    /// On the GPU with this render node.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or GBM knows no driver for it.
    pub fn open(node: &Path) -> Result<Self, Reason> {
        let file = OpenOptions::new().read(true).write(true).open(node);
        let device = file.and_then(gbm::Device::new);
        let device =
            device.map_err(|error| Reason::NoGpu(format!("no buffers on {}: {error}", node.display())))?;
        Ok(Self { device })
    }

    /// A buffer of opaque pixels with one of these modifiers, the driver's favourite. The memory stays
    /// for as long as anyone has a descriptor of it.
    ///
    /// # Errors
    ///
    /// When the driver has no such buffer.
    pub fn allocate(&self, size: Size<Backing>, modifiers: &[Modifier]) -> Result<Dmabuf, Reason> {
        let failed = |error: &dyn std::error::Error| Reason::NoGpu(format!("no buffer of {size}: {error}"));
        let (width, height, format) = (size.width, size.height, gbm::Format::Xrgb8888);
        let explicit = modifiers.iter().filter(|modifier| **modifier != Modifier::INVALID);
        let explicit: Vec<_> = explicit.map(|modifier| gbm::Modifier::from(modifier.0)).collect();
        let usage = BufferObjectFlags::RENDERING;
        let plain =
            || self.device.create_buffer_object(width, height, format, usage | BufferObjectFlags::LINEAR);
        let made: io::Result<(BufferObject<()>, Option<Modifier>)> = if explicit.is_empty() {
            self.device.create_buffer_object(width, height, format, usage).map(|object| (object, None))
        } else {
            let linear = explicit.contains(&gbm::Modifier::Linear);
            let modifiers = explicit.iter().copied();
            let made =
                self.device.create_buffer_object_with_modifiers2(width, height, format, modifiers, usage);
            // Old drivers know no modifiers, or none that they name, but plain rows.
            let named = |object: &BufferObject<()>| object.modifier() != gbm::Modifier::Invalid;
            match made {
                Ok(object) if named(&object) || !linear => Ok((object, None)),
                Err(error) if !linear => Err(error),
                _ => plain().map(|object| (object, Some(Modifier::LINEAR))),
            }
        };
        let (object, layout) = made.map_err(|error| failed(&error))?;
        let count = object.plane_count();
        let planes = (0..i32::try_from(count).unwrap_or(0)).map(|index| {
            let fd = object.fd_for_plane(index).map_err(|error| failed(&error))?;
            Ok(Plane { fd, offset: object.offset(index), stride: object.stride_for_plane(index) })
        });
        let planes = planes.collect::<Result<Vec<_>, Reason>>()?;
        let first = planes.first().ok_or(Reason::NoBuffer)?;
        let stat = rustix::fs::fstat(&first.fd).map_err(|error| Reason::Io(error.to_string()))?;
        Dmabuf::new(DmabufParts {
            file: (stat.st_dev, stat.st_ino),
            planes,
            fourcc: Format::Xrgb8888.fourcc(),
            modifier: layout.unwrap_or_else(|| Modifier(object.modifier().into())),
            backing: size,
            crop: size.at_origin(),
            y0_top: false,
            wire: Wire::V2,
        })
        .map_err(|error| failed(&error))
    }
}
