//! The guest's buffers on a GPU: imported as textures, and drawn into buffers of ours in one pass.
//!
//! ```text
//!  Scanout ──┬─ Dmabuf: EGLImage, once for each buffer ──┐           ┌─▶ memory that the compositor reads
//!            └─ Pixels, Mapped: what changed, uploaded ──┴─▶ Target ─┴─▶ a dma-buf that it reads
//! ```
//!
//! Targets are buffers that the surface attaches as it does any other, instead of EGL's own window:
//! `eglSwapBuffers` would wait for the compositor while the stage is locked, commit what it likes, and
//! claim the surface's explicit synchronisation (`wp_linux_drm_syncobj_surface_v1`), which a surface
//! has only once and the direct way needs. A processor that does a GPU's work draws right into the
//! compositor's shared memory this way, and a buffer for another GPU is a target as well.
//!
//! A display of EGL is opened for a device, not for the compositor's connection: nothing here reads
//! that or waits for it.

mod about;
mod allocator;
mod egl;
mod formats;
mod gl;
mod layout;
mod losses;
mod node;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

pub use about::About;
pub use allocator::Allocator;
pub use egl::Device;
pub use formats::{Formats, Sampling};
pub use losses::Losses;
pub use node::render_node;

use self::egl::Context;
use self::gl::{Framebuffer, Gl, Order, Program, Texture};
use self::layout::{Modifiers, Reader};
use super::cache::Cache;
use super::filter::Kernel;
use super::ladder::{self, Reason};
use super::rows::{self, Source};
use super::view::View;
use crate::clock::Time;
use crate::frame::{BufferId, Damage, Dmabuf, Scanout};
use crate::geometry::{Device as Monitor, Guest, Rect, Size};
use crate::pixel::{Format, Fourcc};

/// A GPU with a context of ours, which belongs to the thread that opened it.
#[derive(Debug)]
pub struct Gpu {
    gl: Rc<Gl>,
    about: About,
    formats: Formats,
    modifiers: Modifiers,
    pictures: Cache<Imported>,
    uploaded: Option<Upload>,
    programs: HashMap<(Sampling, Kernel), Program>,
    lost: bool,
}

/// What came of importing a buffer.
#[derive(Debug)]
struct Imported {
    picture: Result<Rc<Picture>, Reason>,
    /// Keeps the file's inode from being given to another buffer.
    _dmabuf: Arc<Dmabuf>,
}

/// Something to draw from.
#[derive(Debug)]
enum Picture {
    /// Rows can be copied out of it.
    Copied(Framebuffer),
    /// Only a shader can read it.
    Sampled(Texture),
}

/// A texture that stays as long as this.
#[derive(Debug)]
pub struct Lent(Rc<Picture>);

impl Lent {
    /// Its name in OpenGL: a `GL_TEXTURE_2D`.
    pub fn name(&self) -> u32 {
        self.0.texture().name()
    }
}

/// A picture that lies in the processor's memory, as a texture.
#[derive(Debug)]
struct Upload {
    scanout: Scanout,
    picture: Picture,
    order: Order,
    staging: Vec<u8>,
}

/// A buffer to draw into.
#[derive(Debug)]
pub struct Target {
    framebuffer: Framebuffer,
    size: Size<Monitor>,
    place: Place,
}

/// Who can see what is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Whoever has the buffer that was imported.
    Buffer,
    /// Nobody, until it is read.
    Hidden,
}

/// Which GPU is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one with this render node (or primary node).
    Node(&'a Path),
    /// The first that works: hardware before a processor.
    Any,
}

/// Whether EGL knows of any hardware. Opens none.
pub fn has_hardware() -> bool {
    Device::all().is_ok_and(|devices| devices.iter().any(|device| !device.is_software()))
}

impl Gpu {
    /// Opens a GPU, with a context of this thread.
    ///
    /// # Errors
    ///
    /// When there is no EGL, no such device, or its driver lacks what it takes.
    pub fn open(wanted: Wanted<'_>) -> Result<Self, Reason> {
        let mut devices = Device::all()?;
        if let Wanted::Node(path) = wanted {
            devices.retain(|device| device.node.as_deref().is_some_and(|node| egl::is_same_node(node, path)));
        }
        let none = match wanted {
            Wanted::Node(path) => Reason::NoGpu(format!("EGL knows no device {}", path.display())),
            Wanted::Any => Reason::NoGpu("EGL knows no device".into()),
        };
        let mut failed = none;
        for device in devices {
            match Self::open_device(&device) {
                Ok(gpu) => return Ok(gpu),
                Err(reason) => failed = reason,
            }
        }
        Err(failed)
    }

    /// Takes part in the context that is current on this thread. It must be current whenever the
    /// value is used or dropped, or whatever was made of it.
    ///
    /// # Errors
    ///
    /// When none is, or its driver imports no buffers.
    pub fn adopt() -> Result<Self, Reason> {
        Self::of(Context::adopt()?)
    }

    fn open_device(device: &Device) -> Result<Self, Reason> {
        Self::of(Context::open(device)?)
    }

    fn of(context: Context) -> Result<Self, Reason> {
        let gl = Gl::load(context)?;
        let formats = gl.context.formats();
        let told = gl.context.has("EGL_EXT_image_dma_buf_import_modifiers");
        let modifiers = if told { Modifiers::Told } else { Modifiers::Unknown };
        let about = About::of(&gl, &formats);
        tracing::info!(%about, "a GPU is open");
        Ok(Self {
            gl,
            about,
            formats,
            modifiers,
            pictures: Cache::default(),
            uploaded: None,
            programs: HashMap::new(),
            lost: false,
        })
    }

    /// What it is, for diagnostics.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What it says that it can import.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// Makes a buffer a texture, if it is not one yet. Whether it is a new one.
    ///
    /// # Errors
    ///
    /// When the driver refuses it. Nothing is kept then but the answer.
    pub fn import(&mut self, dmabuf: &Arc<Dmabuf>, now: Time) -> Result<bool, Reason> {
        if let Some(known) = self.pictures.touch(dmabuf.id(), now) {
            return known.picture.as_ref().map(|_| false).map_err(Clone::clone);
        }
        self.enter()?;
        let picture = self.texture(dmabuf).map(|texture| Rc::new(Picture::new(texture)));
        let result = picture.as_ref().map(|_| true).map_err(Clone::clone);
        if result != Err(Reason::GpuLost) {
            let imported = Imported { picture, _dmabuf: dmabuf.clone() };
            drop(self.pictures.insert(dmabuf.id(), imported, now));
        }
        result
    }

    /// The texture of a buffer, for others who draw with this context.
    ///
    /// # Errors
    ///
    /// As [`Self::import`]; also when the texture is none that everybody can sample.
    pub fn lend(&mut self, dmabuf: &Arc<Dmabuf>, now: Time) -> Result<Lent, Reason> {
        self.import(dmabuf, now)?;
        let known = self.pictures.get_mut(dmabuf.id()).ok_or(Reason::NoBuffer)?;
        let picture = known.picture.clone()?;
        let plain = picture.texture().sampling() == Sampling::Plain;
        plain.then_some(Lent(picture)).ok_or(Reason::GpuFormat(dmabuf.fourcc(), dmabuf.modifier()))
    }

    /// How many buffers are known.
    pub fn imports(&self) -> usize {
        self.pictures.len()
    }

    /// Forgets buffers that the guest does not use any more.
    pub fn sweep(&mut self, now: Time) {
        self.pictures.sweep(now).for_each(drop);
    }

    /// When [`Self::sweep`] has something to do.
    pub fn deadline(&self) -> Option<Time> {
        self.pictures.deadline()
    }

    /// Forgets all of the guest's buffers.
    pub fn forget(&mut self) {
        self.pictures.drain().for_each(drop);
        self.uploaded = None;
    }

    /// A buffer that others can read, to draw into.
    ///
    /// # Errors
    ///
    /// When the driver cannot import it, or cannot draw into it.
    pub fn target(&mut self, dmabuf: &Dmabuf) -> Result<Target, Reason> {
        self.enter()?;
        let texture = self.texture(dmabuf)?;
        let framebuffer = Framebuffer::new(texture).map_err(|_| Reason::GpuRefused {
            size: dmabuf.backing(),
            fourcc: dmabuf.fourcc(),
            modifier: dmabuf.modifier(),
            error: "it cannot draw into it".into(),
        })?;
        Ok(Target { framebuffer, size: dmabuf.size().cast(), place: Place::Buffer })
    }

    /// Memory of the GPU's to draw into, from which [`Self::read`] reads.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn hidden_target(&mut self, size: Size<Monitor>) -> Result<Target, Reason> {
        self.enter()?;
        if !self.gl.has("GL_EXT_read_format_bgra") {
            return Err(Reason::NoGpu("OpenGL lacks GL_EXT_read_format_bgra".into()));
        }
        let texture = Texture::of_size(&self.gl, size, Order::Red)?;
        let framebuffer = Framebuffer::new(texture);
        let framebuffer = framebuffer.map_err(|_| Reason::NoGpu("it cannot draw into a texture".into()))?;
        Ok(Target { framebuffer, size, place: Place::Hidden })
    }

    /// Draws what of a picture is old in a target: one pass. A dma-buf must have been imported.
    ///
    /// What was drawn is in the target's memory when this returns, unless its buffer is a GPU's: then
    /// the kernel makes whoever reads it wait (implicit synchronisation).
    ///
    /// # Errors
    ///
    /// When the GPU is lost, after which nothing of this value works any more; or when there is no
    /// picture.
    pub fn draw(
        &mut self,
        scanout: &Scanout,
        onto: &Target,
        view: &View,
        stale: &Damage,
    ) -> Result<(), Reason> {
        self.enter()?;
        let picture = match scanout {
            Scanout::Dmabuf(dmabuf) => imported(&mut self.pictures, dmabuf.id())?,
            _ => &self.uploaded.as_ref().ok_or(Reason::Short)?.picture,
        };
        let places = || view.damage(stale).filter_map(|place| place.intersection(onto.size.at_origin()));
        onto.framebuffer.fill(view.background(), view.bare());
        match picture {
            Picture::Copied(rows) if view.copied(view.filled()).is_some() => {
                let pairs = places().filter_map(|place| Some((view.copied(place)?, place)));
                onto.framebuffer.copy(rows, pairs);
            }
            _ => {
                let texture = picture.texture();
                let (sampling, kernel) = (texture.sampling(), view.kernel());
                let program = match self.programs.entry((sampling, kernel)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(Program::new(&self.gl, sampling, kernel)?),
                };
                program.draw(texture, &onto.framebuffer, view, places());
            }
        }
        if onto.place == Place::Buffer {
            if self.about.waits() { self.gl.finish() } else { self.gl.flush() }
        }
        self.alive()
    }

    /// Reads what was drawn into a hidden target into rows of `stride` bytes: blue, green, red, unused.
    ///
    /// # Errors
    ///
    /// When the GPU is lost.
    pub fn read(
        &mut self,
        from: &Target,
        places: impl Iterator<Item = Rect<Monitor>>,
        stride: usize,
        rows: &mut [u8],
    ) -> Result<(), Reason> {
        self.enter()?;
        for place in places.filter_map(|place| place.intersection(from.size.at_origin())) {
            from.framebuffer.read(place, stride, rows)?;
        }
        self.alive()
    }

    /// Brings the texture of a picture in the processor's memory up to date. Tells how many bytes
    /// were copied for that.
    ///
    /// # Errors
    ///
    /// When its memory cannot be read, or the GPU is lost.
    pub fn upload(&mut self, scanout: &Scanout, damage: &Damage) -> Result<u64, Reason> {
        self.enter()?;
        let size = scanout.size();
        let known = self.uploaded.take().filter(|upload| upload.scanout.is_same(scanout));
        let (mut upload, damage) = match known {
            Some(upload) => (upload, *damage),
            None => (Upload::new(&self.gl, scanout)?, Damage::whole(size)),
        };
        let bytes = upload.update(scanout, &damage)?;
        self.uploaded = Some(upload);
        Ok(bytes)
    }

    /// Makes the GPU as good as lost: everything fails from now on. For tests of what happens then.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    fn enter(&self) -> Result<(), Reason> {
        if self.lost { Err(Reason::GpuLost) } else { self.gl.enter() }
    }

    fn alive(&self) -> Result<(), Reason> {
        if self.gl.is_lost() { Err(Reason::GpuLost) } else { Ok(()) }
    }

    /// Imports a buffer in its opaque format, or else in its own: a scanout has no alpha.
    fn texture(&self, dmabuf: &Dmabuf) -> Result<Texture, Reason> {
        let (opaque, own) = (dmabuf.fourcc().opaque(), dmabuf.fourcc());
        let first = self.texture_as(dmabuf, opaque);
        if opaque == own || matches!(first, Ok(_) | Err(Reason::GpuLost)) {
            return first;
        }
        self.texture_as(dmabuf, own)
    }

    fn texture_as(&self, dmabuf: &Dmabuf, fourcc: Fourcc) -> Result<Texture, Reason> {
        let reader = if self.about.software { Reader::Software } else { Reader::Hardware };
        layout::check(dmabuf, fourcc, &layout::extents(dmabuf), reader)?;
        let attributes = layout::attributes(dmabuf, fourcc, self.modifiers)?;
        let said = self.formats.sampling(fourcc, dmabuf.modifier())?;
        // Mesa's processors call every format external, and can draw into all that have colours.
        let plain = said == Sampling::Plain || self.about.software && layout::is_rgb(fourcc);
        let refused = |error: String| Reason::GpuRefused {
            size: dmabuf.backing(),
            fourcc,
            modifier: dmabuf.modifier(),
            error,
        };
        let mut last = Reason::GpuFormat(fourcc, dmabuf.modifier());
        for sampling in [Sampling::Plain, Sampling::External] {
            if sampling == Sampling::Plain && !plain {
                continue;
            }
            let image = self.gl.context.import(&attributes).map_err(|error| refused(error.to_string()))?;
            match Texture::of_image(&self.gl, image, sampling) {
                Ok(texture) => return Ok(texture),
                Err(Reason::GpuLost) => return Err(Reason::GpuLost),
                Err(reason) => last = refused(reason.to_string()),
            }
        }
        Err(last)
    }
}

fn imported(pictures: &mut Cache<Imported>, id: BufferId) -> Result<&Picture, Reason> {
    let known = pictures.get_mut(id).ok_or(Reason::NoBuffer)?;
    known.picture.as_deref().map_err(Clone::clone)
}

impl Picture {
    fn new(texture: Texture) -> Self {
        Framebuffer::new(texture).map_or_else(Self::Sampled, Self::Copied)
    }

    fn texture(&self) -> &Texture {
        match self {
            Self::Copied(framebuffer) => framebuffer.texture(),
            Self::Sampled(texture) => texture,
        }
    }
}

impl Upload {
    fn new(gl: &Rc<Gl>, scanout: &Scanout) -> Result<Self, Reason> {
        let size = scanout.size();
        let native = ["GL_EXT_texture_format_BGRA8888", "GL_EXT_texture_storage"];
        let made = native.iter().all(|name| gl.has(name)).then_some(Order::Blue);
        let made = made.and_then(|order| Some((Texture::of_size(gl, size, order).ok()?, order)));
        let (texture, order) = match made {
            Some(made) => made,
            None => (Texture::of_size(gl, size, Order::Red)?, Order::Red),
        };
        let bytes = usize::try_from(size.area() * 4).map_err(|_| Reason::Short)?;
        let picture = Picture::new(texture);
        Ok(Self { scanout: scanout.clone(), picture, order, staging: vec![0; bytes] })
    }

    fn update(&mut self, scanout: &Scanout, damage: &Damage) -> Result<u64, Reason> {
        let format = ladder::readable(scanout)?;
        let source = Source::new(scanout, format, None).ok_or(Reason::Short)?;
        let size = scanout.size();
        let stride = size.width as usize * 4;
        let format = if self.order == Order::Blue { Format::Xrgb8888 } else { Format::Xbgr8888 };
        let bounds = size.at_origin();
        let within = |rect: &Rect<Guest>| rect.intersection(bounds);
        let mut target = rows::Target { bytes: &mut self.staging, stride, format };
        let copied = source.copy(damage.rects().iter().filter_map(within), &mut target);
        let copied = copied.map_err(|error| Reason::Io(error.to_string()))?;
        for rect in damage.rects().iter().filter_map(within) {
            self.picture.texture().write(rect.cast(), self.order, stride, &self.staging)?;
        }
        Ok(copied)
    }
}
