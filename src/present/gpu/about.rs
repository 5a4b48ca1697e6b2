//! What a GPU and its driver are, in words for diagnostics.

use std::fmt;
use std::path::PathBuf;

use super::egl::Device;
use super::formats::Formats;
use super::gl::Gl;

/// Extensions that make a difference here.
const TELLING: [&str; 6] = [
    "EGL_EXT_image_dma_buf_import_modifiers",
    "EGL_EXT_create_context_robustness",
    "EGL_ANDROID_native_fence_sync",
    "EGL_KHR_fence_sync",
    "EGL_MESA_image_dma_buf_export",
    "EGL_EXT_buffer_age",
];

/// A GPU and its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Where the kernel has it; `None` for a processor that does a GPU's work.
    pub node: Option<PathBuf>,
    /// Whether a processor does the work.
    pub software: bool,
    /// EGL's vendor and version.
    pub egl: String,
    /// OpenGL's vendor, renderer and version.
    pub gl: [String; 3],
    /// Extensions that make a difference, of those that there are.
    pub extensions: Vec<&'static str>,
    /// Pairs of format and modifier that EGL says it imports; 0 where it does not say.
    pub formats: usize,
}

impl About {
    pub(super) fn of(gl: &Gl, formats: &Formats) -> Self {
        let opened = gl.context.device();
        let strings = gl.strings();
        let software = opened.as_ref().is_some_and(Device::is_software)
            || ["llvmpipe", "softpipe", "SwiftShader"].iter().any(|name| strings[1].contains(name));
        let has = |name: &&str| gl.context.extensions().split_ascii_whitespace().any(|one| one == *name);
        Self {
            node: opened.and_then(|device| device.node).filter(|_| !software),
            software,
            egl: gl.context.vendor.clone(),
            gl: strings,
            extensions: TELLING.into_iter().filter(has).collect(),
            formats: formats.len(),
        }
    }

    /// Whether what was drawn has to be waited for before anyone else may read it: a processor works
    /// without the kernel's fences, and NVIDIA's driver attaches none to its buffers.
    pub(super) fn waits(&self) -> bool {
        self.software || self.gl[0].contains("NVIDIA")
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [vendor, renderer, version] = &self.gl;
        let node = self.node.as_ref().map_or("a processor".into(), |node| node.display().to_string());
        write!(
            f,
            "{vendor} {renderer}, {version}; EGL {}; {node}; {} formats; {}",
            self.egl,
            self.formats,
            self.extensions.join(" ")
        )
    }
}
