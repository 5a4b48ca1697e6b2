//! EGL: devices, contexts without a surface, and images of dma-bufs.
#![allow(unsafe_code, reason = "EGL's functions take pointers")]

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use khronos_egl as egl;

use super::formats::Formats;
use crate::pixel::{Fourcc, Modifier};
use crate::present::ladder::Reason;

// EGL_EXT_platform_device, EGL_EXT_device_query, EGL_EXT_device_drm, EGL_EXT_device_drm_render_node.
const PLATFORM_DEVICE: egl::Enum = 0x313f;
const DEVICE: egl::Int = 0x322c;
const DRM_DEVICE_FILE: egl::Int = 0x3233;
const DRM_RENDER_NODE_FILE: egl::Int = 0x3377;
// EGL_EXT_image_dma_buf_import.
const LINUX_DMA_BUF: egl::Enum = 0x3270;
// EGL_EXT_create_context_robustness.
const RESET_STRATEGY: egl::Int = 0x3138;
const LOSE_CONTEXT_ON_RESET: egl::Int = 0x31bf;

/// How many devices are looked at: computers have a handful.
const MOST_DEVICES: usize = 16;

/// A driver's answers are not taken beyond this.
const MOST_FORMATS: usize = 4096;

type Api = egl::DynamicInstance<egl::EGL1_5>;
type QueryDevices = unsafe extern "system" fn(egl::Int, *mut *mut c_void, *mut egl::Int) -> egl::Boolean;
type QueryDeviceString = unsafe extern "system" fn(*mut c_void, egl::Int) -> *const c_char;
type QueryDisplayAttrib =
    unsafe extern "system" fn(egl::EGLDisplay, egl::Int, *mut egl::Attrib) -> egl::Boolean;
type QueryFormats =
    unsafe extern "system" fn(egl::EGLDisplay, egl::Int, *mut egl::Int, *mut egl::Int) -> egl::Boolean;
type QueryModifiers = unsafe extern "system" fn(
    egl::EGLDisplay,
    egl::Int,
    egl::Int,
    *mut u64,
    *mut egl::Boolean,
    *mut egl::Int,
) -> egl::Boolean;

/// The library, loaded once and kept: drivers do not like to be unloaded.
struct Library {
    api: Api,
    query_devices: QueryDevices,
    query_device_string: QueryDeviceString,
    query_display_attrib: Option<QueryDisplayAttrib>,
}

/// Looks a function up whose type is `F`.
///
/// # Safety
///
/// `F` must be the type of a pointer to the function of that name.
unsafe fn function<F: Copy>(api: &Api, name: &str) -> Option<F> {
    assert_eq!(size_of::<F>(), size_of::<extern "system" fn()>());
    // SAFETY: Both are pointers to functions, and the caller vouches for the signature.
    api.get_proc_address(name).map(|found| unsafe { std::mem::transmute_copy(&found) })
}

impl Library {
    fn get() -> Result<&'static Self, Reason> {
        static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
        LIBRARY.get_or_init(Self::load).as_ref().map_err(|error| Reason::NoGpu(error.clone()))
    }

    fn load() -> Result<Self, String> {
        // SAFETY: What is called libEGL.so.1 keeps to EGL's interface.
        let api = unsafe { Api::load_required() }.map_err(|error| format!("no libEGL 1.5: {error}"))?;
        let client = api.query_string(None, egl::EXTENSIONS).map_err(|error| error.to_string())?;
        let client = client.to_string_lossy().into_owned();
        let has = |name: &str| client.split_ascii_whitespace().any(|one| one == name);
        let missing = |name: &str| format!("EGL lacks {name}");
        if !has("EGL_EXT_platform_device") {
            return Err(missing("EGL_EXT_platform_device"));
        }
        // SAFETY: The types are those of EGL_EXT_device_enumeration and EGL_EXT_device_query.
        unsafe {
            Ok(Self {
                query_devices: function(&api, "eglQueryDevicesEXT")
                    .ok_or_else(|| missing("eglQueryDevicesEXT"))?,
                query_device_string: function(&api, "eglQueryDeviceStringEXT")
                    .ok_or_else(|| missing("eglQueryDeviceStringEXT"))?,
                query_display_attrib: function(&api, "eglQueryDisplayAttribEXT"),
                api,
            })
        }
    }

    fn device_string(&self, device: *mut c_void, name: egl::Int) -> Option<String> {
        // SAFETY: `device` comes from EGL, whose devices stay for as long as the process; an unknown
        // name is answered with NULL.
        let text = unsafe { (self.query_device_string)(device, name) };
        // SAFETY: Otherwise it is a string that stays as long as the device.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }
}

/// A GPU, or a processor that does a GPU's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Where the kernel has it: its render node, or else its primary node. None for a processor.
    pub node: Option<PathBuf>,
    pointer: usize,
    extensions: String,
}

impl Device {
    /// All that EGL knows of: hardware first, in EGL's order.
    pub(super) fn all() -> Result<Vec<Self>, Reason> {
        let library = Library::get()?;
        let mut pointers = [std::ptr::null_mut(); MOST_DEVICES];
        let mut count = 0;
        let most = egl::Int::try_from(pointers.len()).unwrap_or(0);
        // SAFETY: There is room for as many devices as are asked for.
        let answered = unsafe { (library.query_devices)(most, pointers.as_mut_ptr(), &raw mut count) };
        if answered != egl::TRUE {
            return Err(Reason::NoGpu("EGL tells of no devices".into()));
        }
        let known = pointers.iter().take(usize::try_from(count).unwrap_or(0));
        let mut devices: Vec<_> = known.map(|pointer| Self::look_at(library, *pointer)).collect();
        devices.sort_by_key(Self::is_software);
        if software_is_forced() {
            devices.retain(Self::is_software);
        }
        Ok(devices)
    }

    fn look_at(library: &Library, pointer: *mut c_void) -> Self {
        let extensions = library.device_string(pointer, egl::EXTENSIONS).unwrap_or_default();
        let has = |name: &str| extensions.split_ascii_whitespace().any(|one| one == name);
        let render = has("EGL_EXT_device_drm_render_node")
            .then(|| library.device_string(pointer, DRM_RENDER_NODE_FILE))
            .flatten();
        let primary =
            || has("EGL_EXT_device_drm").then(|| library.device_string(pointer, DRM_DEVICE_FILE)).flatten();
        Self { node: render.or_else(primary).map(PathBuf::from), pointer: pointer as usize, extensions }
    }

    /// Whether a processor does the work.
    pub fn is_software(&self) -> bool {
        self.extensions.split_ascii_whitespace().any(|one| one == "EGL_MESA_device_software")
    }
}

/// Whether Mesa is told to leave GPUs alone. One that is opened all the same takes the process with it:
/// Mesa 25.0 starts its software renderer on the GPU's node then, without what that needs
/// (src/gallium/frontends/dri/drisw.c, `drisw_init_screen`).
fn software_is_forced() -> bool {
    const NO: [&str; 7] = ["", "0", "n", "no", "f", "false", "off"];
    let value = std::env::var("LIBGL_ALWAYS_SOFTWARE").unwrap_or_default();
    !NO.contains(&value.to_ascii_lowercase().as_str())
}

/// A context of OpenGL ES 3 without a surface, for one thread.
///
/// Its display is never terminated: EGL has one for each device and process, and another context may
/// be using it.
pub(super) struct Context {
    library: &'static Library,
    display: egl::Display,
    context: egl::Context,
    whose: Whose,
    extensions: String,
    /// What EGL says it is made by, and its version.
    pub(super) vendor: String,
    _of_one_thread: PhantomData<*const ()>,
}

/// Who made a context, and makes it current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    /// Another library's, which must not find another context current than it believes.
    Another,
}

impl Context {
    /// Takes part in the context that is current on this thread, which somebody else has made.
    ///
    /// # Errors
    ///
    /// When none is, or when it is not EGL's, or imports no dma-bufs.
    pub(super) fn adopt() -> Result<Self, Reason> {
        let library = Library::get()?;
        let api = &library.api;
        let current = api.get_current_display().zip(api.get_current_context());
        let (display, context) = current.ok_or_else(|| Reason::NoGpu("no context of EGL's".into()))?;
        let text = |name| {
            let text = api.query_string(Some(display), name);
            text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let vendor = format!("{} (EGL {})", text(egl::VENDOR), text(egl::VERSION));
        let (extensions, whose) = (text(egl::EXTENSIONS), Whose::Another);
        let context =
            Self { library, display, context, whose, extensions, vendor, _of_one_thread: PhantomData };
        let name = "EGL_EXT_image_dma_buf_import";
        if context.has(name) { Ok(context) } else { Err(Reason::NoGpu(format!("EGL lacks {name}"))) }
    }

    /// Opens a device and makes a context current on this thread.
    pub(super) fn open(device: &Device) -> Result<Self, Reason> {
        let library = Library::get()?;
        let api = &library.api;
        let failed = |what: &str, error: egl::Error| Reason::NoGpu(format!("{what}: {error}"));
        let pointer = device.pointer as *mut c_void;
        // SAFETY: The pointer is a device that EGL named.
        let display = unsafe { api.get_platform_display(PLATFORM_DEVICE, pointer, &[egl::ATTRIB_NONE]) };
        let display = display.map_err(|error| failed("no display", error))?;
        let (major, minor) = api.initialize(display).map_err(|error| failed("EGL does not start", error))?;
        let text = |name| {
            let text = api.query_string(Some(display), name);
            text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let extensions = text(egl::EXTENSIONS);
        let has = |name: &str| extensions.split_ascii_whitespace().any(|one| one == name);
        for name in
            ["EGL_EXT_image_dma_buf_import", "EGL_KHR_surfaceless_context", "EGL_KHR_no_config_context"]
        {
            if !has(name) {
                return Err(Reason::NoGpu(format!("EGL lacks {name}")));
            }
        }
        api.bind_api(egl::OPENGL_ES_API).map_err(|error| failed("no OpenGL ES", error))?;
        let mut attributes = vec![egl::CONTEXT_CLIENT_VERSION, 3];
        if has("EGL_EXT_create_context_robustness") {
            attributes.extend([RESET_STRATEGY, LOSE_CONTEXT_ON_RESET]);
        }
        attributes.push(egl::NONE);
        // SAFETY: EGL_KHR_no_config_context has no configuration for this.
        let any = unsafe { egl::Config::from_ptr(std::ptr::null_mut()) };
        let context = api.create_context(display, any, None, &attributes);
        let context = context.map_err(|error| failed("no context of OpenGL ES 3", error))?;
        let vendor = format!("{} (EGL {major}.{minor})", text(egl::VENDOR));
        let whose = Whose::Ours;
        let context =
            Self { library, display, context, whose, extensions, vendor, _of_one_thread: PhantomData };
        context.make_current()?;
        Ok(context)
    }

    /// Makes it current on this thread, if another is.
    ///
    /// # Errors
    ///
    /// When it is lost.
    pub(super) fn make_current(&self) -> Result<(), Reason> {
        let api = &self.library.api;
        if api.get_current_context() == Some(self.context) {
            return Ok(());
        }
        if self.whose == Whose::Another {
            return Err(Reason::NoGpu("its context is not current".into()));
        }
        match api.make_current(self.display, None, None, Some(self.context)) {
            Ok(()) => Ok(()),
            Err(egl::Error::ContextLost) => Err(Reason::GpuLost),
            Err(error) => Err(Reason::NoGpu(format!("the context cannot be used: {error}"))),
        }
    }

    /// Whether the display has an extension.
    pub(super) fn has(&self, name: &str) -> bool {
        self.extensions.split_ascii_whitespace().any(|one| one == name)
    }

    /// The display's extensions.
    pub(super) fn extensions(&self) -> &str {
        &self.extensions
    }

    /// A function of OpenGL or of an extension, NULL where there is none.
    pub(super) fn proc_address(&self, name: &str) -> *const c_void {
        self.library.api.get_proc_address(name).map_or(std::ptr::null(), |found| found as *const c_void)
    }

    /// The device that the display was opened for, as EGL says afterwards.
    pub(super) fn device(&self) -> Option<Device> {
        let query = self.library.query_display_attrib?;
        let mut pointer: egl::Attrib = 0;
        // SAFETY: The display is initialised, and there is room for one value.
        let answered = unsafe { query(self.display.as_ptr(), DEVICE, &raw mut pointer) };
        (answered == egl::TRUE && pointer != 0).then(|| Device::look_at(self.library, pointer as *mut c_void))
    }

    /// Imports a dma-buf. EGL takes descriptors of its own; those in `attributes` stay the caller's.
    pub(super) fn import(&self, attributes: &[egl::Attrib]) -> Result<Image, egl::Error> {
        let (none, nothing) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: EGL_EXT_image_dma_buf_import wants no context and no client buffer.
        let (context, buffer) =
            unsafe { (egl::Context::from_ptr(none), egl::ClientBuffer::from_ptr(nothing)) };
        let (library, display) = (self.library, self.display);
        let image = library.api.create_image(display, context, LINUX_DMA_BUF, buffer, attributes)?;
        Ok(Image { library, display, image })
    }

    /// What EGL says that it can import; empty where it says nothing.
    pub(super) fn formats(&self) -> Formats {
        let mut formats = Formats::default();
        if !self.has("EGL_EXT_image_dma_buf_import_modifiers") {
            return formats;
        }
        let api = &self.library.api;
        // SAFETY: The types are those of EGL_EXT_image_dma_buf_import_modifiers.
        let (one, other): (Option<QueryFormats>, Option<QueryModifiers>) = unsafe {
            (function(api, "eglQueryDmaBufFormatsEXT"), function(api, "eglQueryDmaBufModifiersEXT"))
        };
        let (Some(query_formats), Some(query_modifiers)) = (one, other) else { return formats };
        let display = self.display.as_ptr();
        let codes = answers(|most, codes: *mut egl::Int, count| {
            // SAFETY: There is room for `most` codes.
            unsafe { query_formats(display, most, codes, count) }
        });
        for code in codes {
            let fourcc = Fourcc(code.cast_unsigned());
            let mut external = vec![egl::FALSE; MOST_FORMATS];
            let modifiers = answers(|most, modifiers: *mut u64, count| {
                let external = if most == 0 { std::ptr::null_mut() } else { external.as_mut_ptr() };
                // SAFETY: There is room for `most` of both, at most `MOST_FORMATS`.
                unsafe { query_modifiers(display, code, most, modifiers, external, count) }
            });
            let known = modifiers.into_iter().zip(external);
            formats
                .add(fourcc, known.map(|(modifier, external)| (Modifier(modifier), external == egl::TRUE)));
        }
        formats
    }
}

/// Asks how many there are, then for all of them.
fn answers<T: Copy + Default>(
    mut query: impl FnMut(egl::Int, *mut T, *mut egl::Int) -> egl::Boolean,
) -> Vec<T> {
    let mut count = 0;
    if query(0, std::ptr::null_mut(), &raw mut count) != egl::TRUE {
        return Vec::new();
    }
    let mut found = vec![T::default(); usize::try_from(count).unwrap_or(0).min(MOST_FORMATS)];
    let most = egl::Int::try_from(found.len()).unwrap_or(0);
    if most == 0 || query(most, found.as_mut_ptr(), &raw mut count) != egl::TRUE {
        return Vec::new();
    }
    found.truncate(usize::try_from(count).unwrap_or(0));
    found
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.whose == Whose::Another {
            return;
        }
        let api = &self.library.api;
        if api.get_current_context() == Some(self.context) {
            _ = api.make_current(self.display, None, None, None);
        }
        if let Err(error) = api.destroy_context(self.display, self.context) {
            tracing::debug!(%error, "a context could not be destroyed");
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.vendor)
    }
}

/// A buffer that EGL has imported.
pub(super) struct Image {
    library: &'static Library,
    display: egl::Display,
    image: egl::Image,
}

impl Image {
    pub(super) fn as_ptr(&self) -> *mut c_void {
        self.image.as_ptr()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Err(error) = self.library.api.destroy_image(self.display, self.image) {
            tracing::debug!(%error, "an image could not be destroyed");
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Image")
    }
}

/// Whether two paths name the same device file.
pub(super) fn is_same_node(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| rustix::fs::stat(path).ok().map(|stat| stat.st_rdev);
    one == other || device(one).is_some_and(|number| number != 0 && device(other) == Some(number))
}
