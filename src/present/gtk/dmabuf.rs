//! A dma-buf as a texture of GDK's.
#![allow(unsafe_code, reason = "GDK wants descriptors that outlive the texture")]

use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, PoisonError};

use ::gtk::{cairo, gdk};

use crate::frame::Dmabuf;
use crate::pixel::Fourcc;

/// Imports a dma-buf as it is now; `update` is the texture that it follows, and what has changed.
///
/// # Errors
///
/// When neither the GPU nor GDK can import it. Nothing is kept then.
pub(super) fn texture(
    dmabuf: &Arc<Dmabuf>,
    format: Fourcc,
    display: &gdk::Display,
    update: Option<(&gdk::Texture, &cairo::Region)>,
) -> Result<gdk::Texture, ::gtk::glib::Error> {
    let planes = dmabuf.planes();
    let mut builder = gdk::DmabufTextureBuilder::new()
        .set_display(display)
        .set_width(dmabuf.backing().width)
        .set_height(dmabuf.backing().height)
        .set_fourcc(format.0)
        .set_modifier(dmabuf.modifier().0)
        .set_n_planes(u32::try_from(planes.len()).unwrap_or(1));
    if let Some((former, region)) = update {
        builder = builder.set_update_texture(Some(former)).set_update_region(Some(region));
    }
    for (index, plane) in (0..).zip(planes) {
        let fd = plane.fd.as_fd().as_raw_fd();
        // SAFETY: The descriptor belongs to `dmabuf`, which `keep` holds until the texture is gone.
        builder = unsafe { builder.set_fd(index, fd) };
        builder = builder.set_offset(index, plane.offset).set_stride(index, plane.stride);
    }
    // GDK calls the release function only for a texture that was made; emptied by hand otherwise.
    let keep = Arc::new(Mutex::new(Some(dmabuf.clone())));
    let kept = keep.clone();
    let release = move || drop(kept.lock().unwrap_or_else(PoisonError::into_inner).take());
    // SAFETY: As above: the descriptors stay open until `release` is called.
    let texture = unsafe { builder.build_with_release_func(release) };
    if texture.is_err() {
        keep.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
    texture
}
