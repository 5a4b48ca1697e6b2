//! The pointer beyond what GTK knows: held to the picture, how far it was pushed, and where it is at once.

mod source;
mod turning;
mod wayland;
mod x11;

pub(super) use source::Watch;
pub(super) use turning::UNITS_PER_CLICK;

use std::fmt;
use std::rc::Rc;

use gdk_wayland::WaylandSurface;
use gdk_wayland::prelude::*;
use gtk::gdk;
use wayland_client::Proxy;
use wayland_client::protocol::wl_surface::WlSurface;

use crate::geometry::{Logical, Rect};
use crate::input::{Delta, Leds};

/// How a pointer is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// It stays where it is; only pushes are told of.
    Lock,
    /// It stays within the picture.
    Confine,
}

/// What becomes of the pointer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Happened {
    /// It is here on the surface, in logical units.
    Moved(f64, f64),
    /// It was pushed by so much while it is held.
    Pushed(Delta),
    /// The wheel turned by so many 120ths of a click, to the right and down.
    Turned(f64, f64),
    /// A button at this moment of the compositor's: GDK tells of it in its own time, and nothing may
    /// overtake it.
    Button(u32),
    Left,
    Held(How),
    Loosened,
}

/// Hears what happens.
pub(super) type Tell = Rc<dyn Fn(&[Happened])>;

/// Somebody who is to know what happens on a surface.
#[derive(Clone)]
pub(super) struct Listener {
    /// Which one, at the moment; see [`identity`].
    pub(super) surface: Rc<dyn Fn() -> Option<usize>>,
    pub(super) tell: Tell,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// What tells surfaces apart, on whichever queue they are named.
pub(super) fn identity(surface: &WlSurface) -> Option<usize> {
    let proxy = surface.id().as_ptr();
    (!proxy.is_null()).then(|| proxy.addr())
}

/// A window's way to the pointer. Dropping it lets go.
#[derive(Debug)]
pub(super) enum Holder {
    Wayland { seat: Rc<wayland::Seat>, surface: WaylandSurface, listener: u64 },
    X11 { pointer: x11::Pointer, surface: gdk::Surface },
}

impl Holder {
    /// `None` where the windowing system has no such way.
    pub(super) fn open(surface: &gdk::Surface, tell: impl Fn(&[Happened]) + 'static) -> Option<Self> {
        let display = surface.display();
        let Some(wayland) = surface.downcast_ref::<WaylandSurface>() else {
            let is_x11 = display.type_().name() == "GdkX11Display";
            let pointer = is_x11.then(|| x11::Pointer::open(&display, Rc::new(tell)))??;
            return Some(Self::X11 { pointer, surface: surface.clone() });
        };
        let surface = wayland.clone();
        let seat = wayland::Seat::of(&display)?;
        let weak = surface.downgrade();
        let here = move || identity(&weak.upgrade()?.wl_surface()?);
        let listener = seat.listen(Listener { surface: Rc::new(here), tell: Rc::new(tell) });
        Some(Self::Wayland { seat, surface, listener })
    }

    /// Whether the pointer can be held, as far as is known.
    pub(super) fn can_hold(&self) -> bool {
        match self {
            Self::Wayland { seat, .. } => seat.can_hold(),
            Self::X11 { .. } => true,
        }
    }

    /// Holds the pointer to this part of the surface, as soon as it is there; it is at `at` now.
    pub(super) fn hold(&self, region: Rect<Logical>, how: How, at: Option<(f64, f64)>) {
        match self {
            Self::Wayland { seat, surface, .. } => seat.hold(surface, region, how),
            Self::X11 { pointer, surface } => pointer.hold(region, how, at, surface.scale()),
        }
    }

    /// Lets it go, to come back at this place of the surface if one is given; GDK has it at `at`.
    pub(super) fn release(&self, place: Option<(f64, f64)>, at: Option<(f64, f64)>) {
        match self {
            Self::Wayland { seat, surface, .. } => seat.release(Some(surface), place),
            Self::X11 { pointer, surface } => pointer.release(place, at, surface.scale()),
        }
    }

    /// Whether the keyboard would be this process's, if nobody had grabbed it, as far as is known.
    pub(super) fn is_focus_ours(&self) -> bool {
        match self {
            Self::Wayland { .. } => false,
            Self::X11 { pointer, .. } => pointer.is_focus_ours(),
        }
    }

    /// Sets the host's lock keys; whether a program may.
    pub(super) fn set_locks(&self, locks: Leds) -> bool {
        match self {
            Self::Wayland { .. } => false,
            Self::X11 { pointer, .. } => pointer.set_locks(locks),
        }
    }

    /// Takes in what has happened, also where nobody has noticed yet.
    pub(super) fn catch_up(&self) {
        match self {
            Self::Wayland { seat, .. } => seat.catch_up(),
            Self::X11 { pointer, .. } => pointer.catch_up(),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Self::Wayland { seat, listener, .. } = self {
            seat.unlisten(*listener);
        }
    }
}
