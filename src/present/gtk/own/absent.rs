//! In place of imports of our own, where Oriel was built without EGL.

use std::sync::Arc;

use ::gtk::{cairo, gdk};

use crate::frame::Dmabuf;
use crate::present::ladder::Reason;

/// Imports nothing.
#[derive(Debug, Default)]
pub(super) struct Own;

#[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as with EGL")]
impl Own {
    pub(super) fn texture(
        &mut self,
        _: &Arc<Dmabuf>,
        _: &gdk::Display,
        _: Option<(&gdk::Texture, &cairo::Region)>,
    ) -> Result<gdk::Texture, Reason> {
        Err(Reason::NotBuilt)
    }
}
