//! A scanout as a texture: the guest's own buffer where GDK can import it, otherwise a copy of it.

use std::io;
use std::sync::Arc;

use ::gtk::prelude::*;
use ::gtk::{cairo, gdk, glib};

use super::dmabuf;
use super::own::Own;
use super::turned::{Copied, Turned};
use crate::frame::{Damage, Dmabuf, Scanout};
use crate::geometry::Rotation;
use crate::pixel::{Format, Modifier};
use crate::present::file;
use crate::present::ladder::{self, Presenting, Reason};
use crate::present::rows::{Door, Source, Target};
use crate::present::viewport::Shape;

/// What is drawn, and how it lies in the texture.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    pub(super) texture: gdk::Texture,
    pub(super) shape: Shape,
    pub(super) made: Made,
    /// Its pixels, where they are a copy, and as they were last turned.
    copied: Option<Copied>,
    turned: Option<Turned>,
}

impl Drawing {
    /// The texture to draw so that the picture is turned, how it lies in that, and how far it is still to be
    /// turned.
    pub(super) fn turned(&mut self, rotation: Rotation) -> (&gdk::Texture, Shape, Rotation) {
        let former = self.turned.take();
        self.turned = self.copied.as_ref().and_then(|copied| copied.turned(rotation, former));
        match (&self.turned, &self.copied) {
            (Some(turned), Some(copied)) => {
                let shape = Shape::whole(rotation.turn_size(copied.size), false);
                (&turned.texture, shape, Rotation::None)
            }
            _ => (&self.texture, self.shape, rotation),
        }
    }
}

/// How a texture came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// From the guest's own buffer.
    Imported,
    /// From a copy of this many bytes.
    Copied(u64),
}

/// Makes the texture of a scanout. `former` is what was drawn before: what has not changed is not
/// drawn again. For a snapshot the scanout is copied, where the processor can read it.
///
/// # Errors
///
/// When it can neither be imported nor read.
pub(super) fn make(
    scanout: &Scanout,
    damage: &Damage,
    former: Option<&Drawing>,
    display: &gdk::Display,
    (importer, presenting, own): (Importer, Presenting, &mut Own),
) -> Result<Drawing, Reason> {
    if let Scanout::Dmabuf(dmabuf) = scanout
        && (presenting == Presenting::Live || ladder::readable(scanout).is_err())
    {
        match import(dmabuf, damage, former, display, (importer, own)) {
            Ok(drawing) => return Ok(drawing),
            Err(reason) => tracing::debug!(%reason, "a dma-buf is copied"),
        }
    }
    copy(scanout, damage, former)
}

fn import(
    dmabuf: &Arc<Dmabuf>,
    damage: &Damage,
    former: Option<&Drawing>,
    display: &gdk::Display,
    (importer, own): (Importer, &mut Own),
) -> Result<Drawing, Reason> {
    if !dmabuf.planes().iter().all(|plane| file::is_buffer(&plane.fd)) {
        return Err(Reason::NoBuffer);
    }
    let (modifier, formats) = (dmabuf.modifier(), display.dmabuf_formats());
    let opaque = dmabuf.fourcc().opaque();
    let known = [opaque, dmabuf.fourcc()].into_iter().find(|format| formats.contains(format.0, modifier.0));
    let shape = Shape::of(&Scanout::Dmabuf(dmabuf.clone()));
    let region = region(&shape, damage);
    let update = followed(former, &shape, |made| made == Made::Imported).map(|texture| (texture, &region));
    let refused = || Reason::DmabufFormat(opaque, modifier);
    let texture = match known.filter(|_| !importer.downloads(modifier)) {
        Some(format) => dmabuf::texture(dmabuf, format, display, update)
            .map_err(|error| Reason::Io(error.message().to_owned())),
        None => Err(refused()),
    };
    let texture = texture.or_else(|reason| {
        own.texture(dmabuf, display, update).map_err(|own| {
            tracing::debug!(%own, "nor is it a texture of ours");
            reason
        })
    });
    // A download by GDK is better than no picture.
    let texture = texture.or_else(|reason| match known {
        Some(format) if ladder::readable(&Scanout::Dmabuf(dmabuf.clone())).is_err() => {
            dmabuf::texture(dmabuf, format, display, update)
                .map_err(|error| Reason::Io(error.message().to_owned()))
        }
        _ => Err(reason),
    })?;
    Ok(Drawing { texture, shape, made: Made::Imported, copied: None, turned: None })
}

/// What draws the window, as far as it matters to who imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Importer {
    OpenGl,
    /// It imports only buffers whose layout is said.
    Vulkan,
}

impl Importer {
    pub(super) fn of(native: Option<&::gtk::Native>) -> Self {
        let renderer = native.and_then(NativeExt::renderer);
        let vulkan = renderer.is_some_and(|renderer| renderer.type_().name() == "GskVulkanRenderer");
        if vulkan { Self::Vulkan } else { Self::OpenGl }
    }

    /// Whether GDK would read a buffer back to draw it (gsk/gpu/gskvulkanimage.c), through the
    /// processor, for each frame.
    fn downloads(self, modifier: Modifier) -> bool {
        self == Self::Vulkan && modifier == Modifier::INVALID
    }
}

fn copy(scanout: &Scanout, damage: &Damage, former: Option<&Drawing>) -> Result<Drawing, Reason> {
    let unreadable = |error: io::Error| Reason::Io(error.to_string());
    let format = ladder::readable(scanout)?;
    let (target, memory) = memory_format(format);
    let door = match scanout {
        Scanout::Dmabuf(dmabuf) => Some(Door::open(dmabuf).map_err(unreadable)?),
        _ => None,
    };
    let source = Source::new(scanout, format, door.as_ref()).ok_or(Reason::Short)?;
    let size = scanout.size();
    let stride = size.width as usize * target.bytes_per_pixel() as usize;
    let mut bytes = vec![0; stride * size.height as usize];
    let mut rows = Target { bytes: &mut bytes, stride, format: target };
    let copied = source.copy([size.at_origin()].into_iter(), &mut rows).map_err(unreadable)?;
    let bytes = glib::Bytes::from_owned(bytes);
    let flipped = matches!(scanout, Scanout::Dmabuf(dmabuf) if dmabuf.y0_top());
    let shape = Shape::whole(size, flipped);
    let int = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let builder = gdk::MemoryTextureBuilder::new()
        .set_width(int(size.width))
        .set_height(int(size.height))
        .set_format(memory)
        .set_stride(stride)
        .set_bytes(Some(&bytes));
    let builder = match followed(former, &shape, |made| made != Made::Imported) {
        Some(texture) => {
            builder.set_update_texture(Some(texture)).set_update_region(Some(&region(&shape, damage)))
        }
        None => builder,
    };
    let pixel = target.bytes_per_pixel() as usize;
    let made = Made::Copied(copied);
    let copied = Some(Copied { bytes, size, format: memory, pixel, flipped });
    Ok(Drawing { texture: builder.build(), shape, made, copied, turned: None })
}

/// The texture that a new one follows, if both are of one kind.
fn followed<'a>(
    former: Option<&'a Drawing>,
    shape: &Shape,
    alike: impl Fn(Made) -> bool,
) -> Option<&'a gdk::Texture> {
    let former = former.filter(|former| former.shape == *shape && alike(former.made))?;
    Some(&former.texture)
}

fn region(shape: &Shape, damage: &Damage) -> cairo::Region {
    let int = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let rects: Vec<_> = shape
        .damage(damage)
        .map(|rect| {
            let (x, y) = (rect.origin.x, rect.origin.y);
            cairo::RectangleInt::new(x, y, int(rect.size.width), int(rect.size.height))
        })
        .collect();
    cairo::Region::create_rectangles(&rects)
}

/// The format to read as, and GDK's name for it; GDK has none of 16 bits.
fn memory_format(format: Format) -> (Format, gdk::MemoryFormat) {
    match format.opaque() {
        Format::Xbgr8888 => (Format::Xbgr8888, gdk::MemoryFormat::R8g8b8x8),
        Format::Bgrx8888 => (Format::Bgrx8888, gdk::MemoryFormat::X8r8g8b8),
        Format::Rgbx8888 => (Format::Rgbx8888, gdk::MemoryFormat::X8b8g8r8),
        Format::Rgb888 => (Format::Rgb888, gdk::MemoryFormat::B8g8r8),
        Format::Bgr888 => (Format::Bgr888, gdk::MemoryFormat::R8g8b8),
        _ => (Format::Xrgb8888, gdk::MemoryFormat::B8g8r8x8),
    }
}
