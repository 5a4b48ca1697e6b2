//! OpenGL ES 3: textures, framebuffers and the one program, each gone with its value.
#![allow(unsafe_code, reason = "OpenGL's functions are foreign, and images come as pointers")]

use std::ffi::c_void;
use std::fmt;
use std::rc::Rc;

use glow::HasContext;

use super::egl::{Context, Image};
use super::formats::Sampling;
use crate::geometry::{Backing, Device, Rect, Size};
use crate::present::filter::{FURTHEST, Kernel};
use crate::present::ladder::Reason;
use crate::present::scene::Colour;
use crate::present::view::{Map, View};

/// `GL_TEXTURE_EXTERNAL_OES` of GL_OES_EGL_image_external.
const EXTERNAL: u32 = 0x8d65;

const VERTEX: &str = include_str!("../../../shaders/picture.vert");
const FRAGMENT: &str = include_str!("../../../shaders/picture.frag");

/// How a filter mixes texels.
const fn text(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Nearest => include_str!("../../../shaders/nearest.frag"),
        Kernel::Linear => include_str!("../../../shaders/linear.frag"),
        Kernel::Sharp => include_str!("../../../shaders/sharp.frag"),
        Kernel::Area => include_str!("../../../shaders/area.frag"),
        Kernel::Sharpen => include_str!("../../../shaders/sharpen.frag"),
    }
}

/// `glEGLImageTargetTexture2DOES` of GL_OES_EGL_image.
type ImageTarget = unsafe extern "system" fn(u32, *mut c_void);

/// `glGetGraphicsResetStatus` of GL_KHR_robustness, GL_EXT_robustness and OpenGL ES 3.2.
type ResetStatus = unsafe extern "system" fn() -> u32;

/// A context and its functions. Whatever is made with it keeps it.
pub(super) struct Gl {
    gl: glow::Context,
    image_target: ImageTarget,
    reset_status: Option<ResetStatus>,
    /// Last, because everything else is of no use without it.
    pub(super) context: Context,
}

impl Gl {
    /// Loads OpenGL for a context, which is current.
    pub(super) fn load(context: Context) -> Result<Rc<Self>, Reason> {
        let missing = |name: &str| Reason::NoGpu(format!("OpenGL lacks {name}"));
        if context.proc_address("glGetString").is_null() {
            return Err(missing("glGetString"));
        }
        // SAFETY: The context is current, and the functions that EGL gives are those of these names.
        let gl = unsafe { glow::Context::from_loader_function(|name| context.proc_address(name)) };
        if !gl.supported_extensions().contains("GL_OES_EGL_image") {
            return Err(missing("GL_OES_EGL_image"));
        }
        let image_target = context.proc_address("glEGLImageTargetTexture2DOES");
        let image_target = Some(image_target).filter(|pointer| !pointer.is_null());
        let image_target = image_target.ok_or_else(|| missing("glEGLImageTargetTexture2DOES"))?;
        let robust = ["GL_KHR_robustness", "GL_EXT_robustness"];
        let robust = robust.into_iter().any(|name| gl.supported_extensions().contains(name));
        let reset = ["glGetGraphicsResetStatusKHR", "glGetGraphicsResetStatusEXT"]
            .map(|name| context.proc_address(name));
        let reset = reset.into_iter().find(|pointer| robust && !pointer.is_null());
        // SAFETY: The types are those of GL_OES_EGL_image and of both robustness extensions.
        let (image_target, reset_status) = unsafe {
            (
                std::mem::transmute::<*const c_void, ImageTarget>(image_target),
                reset.map(|pointer| std::mem::transmute::<*const c_void, ResetStatus>(pointer)),
            )
        };
        Ok(Rc::new(Self { gl, image_target, reset_status, context }))
    }

    /// Makes the context current on this thread.
    ///
    /// # Errors
    ///
    /// When it is lost.
    pub(super) fn enter(&self) -> Result<(), Reason> {
        self.context.make_current()
    }

    /// Whether the GPU was reset, so that nothing that was made is worth anything any more.
    pub(super) fn is_lost(&self) -> bool {
        // SAFETY: The context is current; it takes nothing.
        self.reset_status.is_some_and(|status| unsafe { status() } != glow::NO_ERROR)
    }

    /// What OpenGL says of itself: vendor, renderer, version.
    pub(super) fn strings(&self) -> [String; 3] {
        // SAFETY: The context is current, and every OpenGL has these strings.
        [glow::VENDOR, glow::RENDERER, glow::VERSION]
            .map(|name| unsafe { self.gl.get_parameter_string(name) })
    }

    /// Whether OpenGL has an extension.
    pub(super) fn has(&self, name: &str) -> bool {
        self.gl.supported_extensions().contains(name)
    }

    /// Sends off what was drawn.
    pub(super) fn flush(&self) {
        // SAFETY: The context is current.
        unsafe { self.gl.flush() };
    }

    /// Waits until what was drawn is in memory.
    pub(super) fn finish(&self) {
        // SAFETY: The context is current.
        unsafe { self.gl.finish() };
    }

    /// What went wrong since the last call.
    fn check(&self, what: &str) -> Result<(), Reason> {
        // SAFETY: The context is current.
        match unsafe { self.gl.get_error() } {
            glow::NO_ERROR => Ok(()),
            _ if self.is_lost() => Err(Reason::GpuLost),
            code => Err(Reason::NoGpu(format!("{what}: OpenGL error {code:#06x}"))),
        }
    }

    /// Forgets errors of before.
    fn settle(&self) {
        // A lost context may say the same forever.
        for _ in 0..8 {
            // SAFETY: The context is current.
            if unsafe { self.gl.get_error() } == glow::NO_ERROR {
                return;
            }
        }
    }
}

impl fmt::Debug for Gl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.context, f)
    }
}

/// In which order a pixel's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Red first: every driver has it.
    Red,
    /// Blue first, as most guests have it: GL_EXT_texture_format_BGRA8888.
    Blue,
}

impl Order {
    fn storage(self) -> u32 {
        /// `GL_BGRA8_EXT` of GL_EXT_texture_storage.
        const BGRA8: u32 = 0x93a1;
        if self == Self::Red { glow::RGBA8 } else { BGRA8 }
    }

    fn format(self) -> u32 {
        if self == Self::Red { glow::RGBA } else { glow::BGRA }
    }
}

/// An image to sample from.
pub(super) struct Texture {
    gl: Rc<Gl>,
    name: glow::Texture,
    sampling: Sampling,
    _image: Option<Image>,
}

impl Texture {
    fn new(gl: &Rc<Gl>, sampling: Sampling, image: Option<Image>) -> Result<Self, Reason> {
        // SAFETY: The context is current.
        let name = unsafe { gl.gl.create_texture() }.map_err(Reason::NoGpu)?;
        let texture = Self { gl: gl.clone(), name, sampling, _image: image };
        texture.bind();
        // SAFETY: The texture is bound to its target.
        unsafe {
            let target = texture.target();
            let edge = glow::CLAMP_TO_EDGE.cast_signed();
            gl.gl.tex_parameter_i32(target, glow::TEXTURE_WRAP_S, edge);
            gl.gl.tex_parameter_i32(target, glow::TEXTURE_WRAP_T, edge);
            // Without mipmaps it has no pixels otherwise.
            let nearest = glow::NEAREST.cast_signed();
            gl.gl.tex_parameter_i32(target, glow::TEXTURE_MIN_FILTER, nearest);
            gl.gl.tex_parameter_i32(target, glow::TEXTURE_MAG_FILTER, nearest);
        }
        Ok(texture)
    }

    /// The pixels of an imported buffer: not a copy of them.
    pub(super) fn of_image(gl: &Rc<Gl>, image: Image, sampling: Sampling) -> Result<Self, Reason> {
        gl.settle();
        let pointer = image.as_ptr();
        let texture = Self::new(gl, sampling, Some(image))?;
        // SAFETY: The texture is bound, and keeps the image.
        unsafe { (gl.image_target)(texture.target(), pointer) };
        gl.check("the buffer is no texture")?;
        Ok(texture)
    }

    /// Memory for pixels of four bytes in this order.
    pub(super) fn of_size<S>(gl: &Rc<Gl>, size: Size<S>, order: Order) -> Result<Self, Reason> {
        gl.settle();
        let texture = Self::new(gl, Sampling::Plain, None)?;
        // SAFETY: The texture is bound, and has no storage yet.
        unsafe {
            gl.gl.tex_storage_2d(
                glow::TEXTURE_2D,
                1,
                order.storage(),
                signed(size.width),
                signed(size.height),
            );
        }
        gl.check("no texture")?;
        Ok(texture)
    }

    /// Writes a rectangle of pixels in this order from a picture whose rows have `stride` bytes.
    pub(super) fn write(
        &self,
        place: Rect<Backing>,
        order: Order,
        stride: usize,
        rows: &[u8],
    ) -> Result<(), Reason> {
        let Some(span) = span(place, stride) else { return Ok(()) };
        let bytes = &rows[span];
        self.bind();
        // SAFETY: The slice ends with the last byte that OpenGL reads with rows of this length; it
        // refuses a place outside of the texture.
        unsafe {
            self.gl.gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 4);
            self.gl.gl.pixel_store_i32(glow::UNPACK_ROW_LENGTH, row_length(stride));
            self.gl.gl.tex_sub_image_2d(
                glow::TEXTURE_2D,
                0,
                place.origin.x,
                place.origin.y,
                signed(place.size.width),
                signed(place.size.height),
                order.format(),
                glow::UNSIGNED_BYTE,
                glow::PixelUnpackData::Slice(Some(bytes)),
            );
        }
        self.gl.check("pixels were not taken")
    }

    /// Its name in OpenGL.
    pub(super) fn name(&self) -> u32 {
        self.name.0.get()
    }

    pub(super) fn sampling(&self) -> Sampling {
        self.sampling
    }

    fn target(&self) -> u32 {
        match self.sampling {
            Sampling::Plain => glow::TEXTURE_2D,
            Sampling::External => EXTERNAL,
        }
    }

    fn bind(&self) {
        // SAFETY: The context is current, and the texture is one of its own.
        unsafe { self.gl.gl.bind_texture(self.target(), Some(self.name)) };
    }
}

impl Drop for Texture {
    fn drop(&mut self) {
        if self.gl.enter().is_ok() {
            // SAFETY: The context is current, and the texture is one of its own.
            unsafe { self.gl.gl.delete_texture(self.name) };
        }
    }
}

impl fmt::Debug for Texture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texture({:?}, {:?})", self.name, self.sampling)
    }
}

/// A texture that can be drawn into, or copied from.
pub(super) struct Framebuffer {
    texture: Texture,
    name: glow::Framebuffer,
}

impl Framebuffer {
    /// Takes a texture; gives it back where the driver cannot draw into it.
    pub(super) fn new(texture: Texture) -> Result<Self, Texture> {
        if texture.sampling != Sampling::Plain {
            return Err(texture);
        }
        let gl = &texture.gl.gl;
        // SAFETY: The context is current, and the texture is one of its own.
        let (name, status) = unsafe {
            let Ok(name) = gl.create_framebuffer() else { return Err(texture) };
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(name));
            let (point, target) = (glow::COLOR_ATTACHMENT0, glow::TEXTURE_2D);
            gl.framebuffer_texture_2d(glow::FRAMEBUFFER, point, target, Some(texture.name), 0);
            (name, gl.check_framebuffer_status(glow::FRAMEBUFFER))
        };
        let complete = status == glow::FRAMEBUFFER_COMPLETE;
        if !complete {
            // SAFETY: As above.
            unsafe { gl.delete_framebuffer(name) };
            return Err(texture);
        }
        Ok(Self { texture, name })
    }

    pub(super) fn texture(&self) -> &Texture {
        &self.texture
    }

    /// Fills rectangles with a colour.
    pub(super) fn fill(&self, colour: Colour, places: impl Iterator<Item = Rect<Device>>) {
        let gl = &self.texture.gl.gl;
        // SAFETY: The context is current, and the framebuffer is one of its own.
        unsafe {
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(self.name));
            gl.enable(glow::SCISSOR_TEST);
            let [red, green, blue] = colour.parts();
            gl.clear_color(red, green, blue, 1.0);
            for place in places {
                scissor(gl, place);
                gl.clear(glow::COLOR_BUFFER_BIT);
            }
            gl.disable(glow::SCISSOR_TEST);
        }
    }

    /// Copies pixels as they are.
    pub(super) fn copy(&self, from: &Self, pairs: impl Iterator<Item = (Rect<Backing>, Rect<Device>)>) {
        let gl = &self.texture.gl.gl;
        // SAFETY: The context is current, and both framebuffers are its own. OpenGL cuts what lies
        // outside.
        unsafe {
            gl.bind_framebuffer(glow::READ_FRAMEBUFFER, Some(from.name));
            gl.bind_framebuffer(glow::DRAW_FRAMEBUFFER, Some(self.name));
            for (source, place) in pairs {
                let ([x0, y0, x1, y1], [u0, v0, u1, v1]) = (corners(source), corners(place));
                let (mask, filter) = (glow::COLOR_BUFFER_BIT, glow::NEAREST);
                gl.blit_framebuffer(x0, y0, x1, y1, u0, v0, u1, v1, mask, filter);
            }
        }
    }

    /// Reads a rectangle as bytes blue, green, red, unused, into a picture whose rows have `stride`
    /// bytes.
    pub(super) fn read(&self, place: Rect<Device>, stride: usize, rows: &mut [u8]) -> Result<(), Reason> {
        let Some(span) = span(place, stride) else { return Ok(()) };
        let bytes = &mut rows[span];
        let gl = &self.texture.gl.gl;
        // SAFETY: The slice ends with the last byte that OpenGL writes with rows of this length.
        unsafe {
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(self.name));
            gl.pixel_store_i32(glow::PACK_ALIGNMENT, 4);
            gl.pixel_store_i32(glow::PACK_ROW_LENGTH, row_length(stride));
            gl.read_pixels(
                place.origin.x,
                place.origin.y,
                signed(place.size.width),
                signed(place.size.height),
                glow::BGRA,
                glow::UNSIGNED_BYTE,
                glow::PixelPackData::Slice(Some(bytes)),
            );
        }
        self.texture.gl.check("pixels were not given")
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        if self.texture.gl.enter().is_ok() {
            // SAFETY: The context is current, and the framebuffer is one of its own.
            unsafe { self.texture.gl.gl.delete_framebuffer(self.name) };
        }
    }
}

impl fmt::Debug for Framebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Framebuffer({:?}, {:?})", self.name, self.texture)
    }
}

/// The shader for one way of sampling and one filter.
pub(super) struct Program {
    gl: Rc<Gl>,
    name: glow::Program,
    /// Where `PAIRS` and `edges` are.
    pairs: [Option<glow::UniformLocation>; 4],
    edges: Option<glow::UniformLocation>,
}

/// What [`View`] says in two numbers each.
const PAIRS: [&str; 4] = ["origin", "across", "down", "texels"];

impl Program {
    pub(super) fn new(gl: &Rc<Gl>, sampling: Sampling, kernel: Kernel) -> Result<Self, Reason> {
        let sampler = match sampling {
            Sampling::Plain => "#define PICTURE sampler2D\n",
            Sampling::External => {
                "#extension GL_OES_EGL_image_external_essl3 : require\n#define PICTURE samplerExternalOES\n"
            }
        };
        let header = format!("#version 300 es\n{sampler}#define FURTHEST {FURTHEST}.0\n");
        let fragment = format!("{FRAGMENT}\n{}", text(kernel));
        // SAFETY: The context is current, and all names are its own.
        unsafe {
            let name = gl.gl.create_program().map_err(Reason::NoGpu)?;
            let mut program = Self { gl: gl.clone(), name, pairs: Default::default(), edges: None };
            for (kind, text) in [(glow::VERTEX_SHADER, VERTEX), (glow::FRAGMENT_SHADER, &*fragment)] {
                let shader = gl.gl.create_shader(kind).map_err(Reason::NoGpu)?;
                gl.gl.shader_source(shader, &format!("{header}{text}"));
                gl.gl.compile_shader(shader);
                gl.gl.attach_shader(name, shader);
                let compiled = gl.gl.get_shader_compile_status(shader);
                let log = if compiled { String::new() } else { gl.gl.get_shader_info_log(shader) };
                // It goes with the program.
                gl.gl.delete_shader(shader);
                if !compiled {
                    return Err(Reason::NoGpu(format!("a shader does not compile: {log}")));
                }
            }
            gl.gl.link_program(name);
            if !gl.gl.get_program_link_status(name) {
                let log = gl.gl.get_program_info_log(name);
                return Err(Reason::NoGpu(format!("the shaders do not link: {log}")));
            }
            program.pairs = PAIRS.map(|pair| gl.gl.get_uniform_location(name, pair));
            program.edges = gl.gl.get_uniform_location(name, "edges");
            Ok(program)
        }
    }

    /// Draws a texture as `view` has it, no more of it than `places`.
    pub(super) fn draw(
        &self,
        texture: &Texture,
        onto: &Framebuffer,
        view: &View,
        places: impl Iterator<Item = Rect<Device>>,
    ) {
        let gl = &self.gl.gl;
        let (size, Map { origin, across, down }) = (view.size(), view.map());
        // SAFETY: The context is current, and all names are its own.
        unsafe {
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(onto.name));
            gl.viewport(0, 0, signed(size.width), signed(size.height));
            gl.use_program(Some(self.name));
            texture.bind();
            for (place, pair) in self.pairs.iter().zip([origin, across, down, view.texels()]) {
                let [x, y] = pair.map(narrow);
                gl.uniform_2_f32(place.as_ref(), x, y);
            }
            let [left, top, right, bottom] = view.edges();
            gl.uniform_4_i32(self.edges.as_ref(), left, top, right, bottom);
            gl.enable(glow::SCISSOR_TEST);
            for place in places {
                scissor(gl, place);
                gl.draw_arrays(glow::TRIANGLE_STRIP, 0, 4);
            }
            gl.disable(glow::SCISSOR_TEST);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "texels of a picture")]
fn narrow(value: f64) -> f32 {
    value as f32
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.gl.enter().is_ok() {
            // SAFETY: The context is current, and the program is one of its own.
            unsafe { self.gl.gl.delete_program(self.name) };
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({:?})", self.name)
    }
}

/// # Safety
///
/// The context must be current.
unsafe fn scissor(gl: &glow::Context, place: Rect<Device>) {
    let (width, height) = (signed(place.size.width), signed(place.size.height));
    // SAFETY: As the caller vouches.
    unsafe { gl.scissor(place.origin.x, place.origin.y, width, height) };
}

/// The bytes of a picture from the first pixel of a rectangle to its last; `None` where it has none.
fn span<S>(place: Rect<S>, stride: usize) -> Option<std::ops::Range<usize>> {
    let (x, y) = (usize::try_from(place.origin.x).ok()?, usize::try_from(place.origin.y).ok()?);
    let (width, height) = (place.size.width as usize, place.size.height as usize);
    let start = y * stride + x * 4;
    (width > 0 && height > 0).then(|| start..start + (height - 1) * stride + width * 4)
}

/// OpenGL counts in pixels.
fn row_length(stride: usize) -> i32 {
    i32::try_from(stride / 4).unwrap_or(0)
}

fn corners<S>(rect: Rect<S>) -> [i32; 4] {
    let (x, y) = (rect.origin.x, rect.origin.y);
    [x, y, x.saturating_add_unsigned(rect.size.width), y.saturating_add_unsigned(rect.size.height)]
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}
