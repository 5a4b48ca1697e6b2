//! GDK's connection to the compositor, as an event queue of our own on it.
#![allow(unsafe_code, reason = "a display that GDK has connected comes as a pointer")]

use gdk_wayland::WaylandDisplay;
use wayland_client::Connection;
use wayland_client::backend::Backend;

/// A second way into GDK's connection.
///
/// It must be the same connection, because a subsurface and its parent are objects of one. It must
/// not be the same `Backend` that others in this process may use, because `wayland-client` wakes no
/// other thread whose events it has read.
pub fn connect(display: &WaylandDisplay) -> Option<Connection> {
    let pointer = display.wl_display_raw()?;
    // SAFETY: The pointer is that of a live `wl_display`. GDK disconnects it only in
    // `gdk_display_close`, which this program never calls: it stays until the process ends.
    let backend = unsafe { Backend::from_foreign_display(pointer.as_ptr().cast()) };
    Some(Connection::from_backend(backend))
}
