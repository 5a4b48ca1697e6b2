//! Textures of our own import, on a context of GDK's: for buffers that GDK refuses, or would download.
#![allow(unsafe_code, reason = "GDK takes textures by OpenGL's name, and must be told when to let go")]

use std::sync::Arc;
use std::time::Duration;

use ::gtk::prelude::*;
use ::gtk::{cairo, gdk, glib};

use crate::clock;
use crate::frame::Dmabuf;
use crate::present::gpu::{Gpu, Lent};
use crate::present::ladder::Reason;

/// For so long a picture may be drawn after it was taken away.
const LINGER: Duration = Duration::from_secs(1);

/// Imports of ours, made when the first is needed.
#[derive(Debug, Default)]
pub(super) enum Own {
    #[default]
    Closed,
    Open(Box<Importer>),
    Failed(Reason),
}

/// A context that shares its textures with GDK's.
#[derive(Debug)]
pub(super) struct Importer {
    context: gdk::GLContext,
    gpu: Option<Gpu>,
    /// Textures that GDK may still draw, each with a token that GDK holds.
    lent: Vec<(Arc<()>, Lent)>,
}

impl Own {
    /// A dma-buf as a texture; `update` is the one that it follows, and what has changed.
    ///
    /// # Errors
    ///
    /// When there is no OpenGL, or its driver does not import the buffer for all to sample.
    pub(super) fn texture(
        &mut self,
        dmabuf: &Arc<Dmabuf>,
        display: &gdk::Display,
        update: Option<(&gdk::Texture, &cairo::Region)>,
    ) -> Result<gdk::Texture, Reason> {
        if matches!(self, Self::Closed) {
            *self = match Importer::open(display) {
                Ok(importer) => Self::Open(Box::new(importer)),
                Err(reason) => Self::Failed(reason),
            };
        }
        match self {
            Self::Open(importer) => importer.texture(dmabuf, update),
            Self::Failed(reason) => Err(reason.clone()),
            Self::Closed => Err(Reason::GpuLost),
        }
    }
}

impl Importer {
    fn open(display: &gdk::Display) -> Result<Self, Reason> {
        let failed = |error: glib::Error| Reason::NoGpu(error.message().to_owned());
        let context = display.create_gl_context().map_err(failed)?;
        context.realize().map_err(failed)?;
        context.make_current();
        let gpu = Some(Gpu::adopt()?);
        Ok(Self { context, gpu, lent: Vec::new() })
    }

    fn texture(
        &mut self,
        dmabuf: &Arc<Dmabuf>,
        update: Option<(&gdk::Texture, &cairo::Region)>,
    ) -> Result<gdk::Texture, Reason> {
        self.context.make_current();
        self.lent.retain(|(token, _)| Arc::strong_count(token) > 1);
        let gpu = self.gpu.as_mut().ok_or(Reason::GpuLost)?;
        let now = clock::now();
        gpu.sweep(now);
        let lent = gpu.lend(dmabuf, now)?;
        let int = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let mut builder = gdk::GLTextureBuilder::new()
            .set_context(Some(&self.context))
            .set_id(lent.name())
            .set_width(int(dmabuf.backing().width))
            .set_height(int(dmabuf.backing().height))
            .set_format(gdk::MemoryFormat::R8g8b8x8);
        if let Some((former, region)) = update {
            builder = builder.set_update_texture(Some(former)).set_update_region(Some(region));
        }
        let token = Arc::new(());
        let held = token.clone();
        self.lent.push((token, lent));
        // SAFETY: The texture is one of the builder's context, and is `lent` until GDK drops `held`.
        Ok(unsafe { builder.build_with_release_func(move || drop(held)) })
    }
}

/// GDK may draw its last frame once more: textures stay for a moment.
impl Drop for Importer {
    fn drop(&mut self) {
        let rest = (self.context.clone(), std::mem::take(&mut self.lent), self.gpu.take());
        glib::timeout_add_local_once(LINGER, move || {
            let (context, lent, gpu) = rest;
            context.make_current();
            drop((lent, gpu));
            gdk::GLContext::clear_current();
        });
    }
}
