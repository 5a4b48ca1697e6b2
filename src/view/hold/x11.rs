//! The pointer of an X server: held between barriers, and how far the mouse was pushed.
//!
//! A connection of our own. XInput 2's raw motion comes whatever the pointer itself does, and barriers
//! (XFixes 5) hold the pointer without a grab, which would take the buttons from GTK. Both end with
//! the connection, so that nobody stays caught.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::AsFd;
use std::rc::Rc;

use gtk::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::connection::Connection;
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{self, BarrierDirections, ConnectionExt as _};
use x11rb::protocol::xinput::{self, ConnectionExt as _, Fp3232, XIEventMask};
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, InputFocus, ModMask, Window};
use x11rb::rust_connection::RustConnection;

use super::source::Watch;
use super::{Happened, How, Tell};
use crate::geometry::{Logical, Rect};
use crate::input::{Delta, Leds};

/// Every pointer that the person sees, as `XIAllMasterDevices` names them.
const ALL_MASTERS: u16 = 1;

/// The modifiers of lock keys: Num Lock is the second one with every usual layout.
const LOCKS: [(Leds, ModMask); 2] = [(Leds::CAPS, ModMask::LOCK), (Leds::NUM, ModMask::M2)];

/// How far barriers reach beyond each other at the corners.
const OVERLAP: i32 = 2;

/// A window's way to the server's pointer.
pub(in crate::view) struct Pointer {
    /// Before the connection that it watches.
    watch: Watch,
    link: Rc<Link>,
}

struct Link {
    connection: RustConnection,
    root: Window,
    barriers: RefCell<Vec<u32>>,
    held: Cell<Option<How>>,
    gone: Cell<bool>,
    tell: Tell,
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pointer")
            .field("watch", &self.watch)
            .field("held", &self.link.held)
            .finish_non_exhaustive()
    }
}

impl Pointer {
    /// `None` where the server has no such extensions, or cannot be reached.
    pub(super) fn open(display: &gtk::gdk::Display, tell: Tell) -> Option<Self> {
        let link = match Link::open(&display.name(), tell) {
            Ok(link) => Rc::new(link),
            Err(error) => {
                tracing::info!(%error, "the X server's pointer cannot be held");
                return None;
            }
        };
        let (waits, acts) = (Rc::downgrade(&link), Rc::downgrade(&link));
        let watch = Watch::new(
            move || waits.upgrade().is_some_and(|link| link.waits()),
            move || _ = acts.upgrade().inspect(|link| link.catch_up()),
        );
        watch.wake_for(link.connection.stream().as_fd());
        Some(Self { watch, link })
    }

    /// Holds the pointer, which is at `at` of the surface, with so many pixels a unit.
    pub(super) fn hold(&self, region: Rect<Logical>, how: How, at: Option<(f64, f64)>, scale: f64) {
        // Where it is locked has nothing to do with where the picture is.
        if how == How::Lock && self.link.held.get() == Some(How::Lock) {
            return;
        }
        let was = self.link.held.get();
        match self.link.hold(region, how, at, scale) {
            Ok(()) if was == Some(how) => {}
            Ok(()) => {
                self.link.held.set(Some(how));
                (self.link.tell)(&[Happened::Held(how)]);
            }
            Err(error) => {
                tracing::warn!(%error, "the pointer cannot be held");
                // Some of the barriers may stand.
                self.link.held.set(Some(how));
                self.release(None, None, scale);
            }
        }
    }

    pub(super) fn release(&self, place: Option<(f64, f64)>, at: Option<(f64, f64)>, scale: f64) {
        if self.link.held.take().is_none() {
            return;
        }
        if let Err(error) = self.link.release(place, at, scale) {
            tracing::warn!(%error, "the X server does not answer");
        }
        (self.link.tell)(&[Happened::Loosened]);
    }

    pub(super) fn catch_up(&self) {
        self.link.catch_up();
    }

    /// Whether the server counts a window of this process as the one with the keyboard. Where GDK says
    /// that none has it, somebody has grabbed it.
    pub(super) fn is_focus_ours(&self) -> bool {
        self.link.is_focus_ours().unwrap_or_else(|error| {
            tracing::warn!(%error, "the X server does not tell who has the keyboard");
            false
        })
    }

    /// Sets the server's lock keys; whether it has.
    pub(super) fn set_locks(&self, locks: Leds) -> bool {
        let done = self.link.set_locks(locks);
        if let Err(error) = &done {
            tracing::warn!(%error, "the X server's lock keys cannot be set");
        }
        done.is_ok()
    }
}

impl Link {
    fn open(display: &str, tell: Tell) -> Result<Self, Box<dyn std::error::Error>> {
        let (connection, screen) = x11rb::connect(Some(display))?;
        connection.xinput_xi_query_version(2, 2)?.reply()?;
        let fixes = connection.xfixes_query_version(5, 0)?.reply()?;
        if fixes.major_version < 5 {
            return Err("XFixes has no barriers".into());
        }
        let root = connection.setup().roots[screen].root;
        Ok(Self {
            connection,
            root,
            barriers: RefCell::default(),
            held: Cell::default(),
            gone: Cell::default(),
            tell,
        })
    }

    fn hold(
        &self,
        region: Rect<Logical>,
        how: How,
        at: Option<(f64, f64)>,
        scale: f64,
    ) -> Result<(), ReplyOrIdError> {
        self.drop_barriers()?;
        let now = self.connection.query_pointer(self.root)?.reply()?;
        let (x, y) = (i32::from(now.root_x), i32::from(now.root_y));
        let (left, top, right, bottom) = match (how, at) {
            (How::Confine, Some(at)) => {
                #[expect(clippy::cast_possible_truncation, reason = "pixels of a screen")]
                let along =
                    |start: i32, at: f64, unit: i32| start + ((f64::from(unit) - at) * scale).round() as i32;
                let length = |length: u32| i32::try_from(length).unwrap_or(i32::MAX);
                let far = (
                    region.origin.x.saturating_add(length(region.size.width)),
                    region.origin.y.saturating_add(length(region.size.height)),
                );
                (
                    along(x, at.0, region.origin.x),
                    along(y, at.1, region.origin.y),
                    along(x, at.0, far.0),
                    along(y, at.1, far.1),
                )
            }
            _ => (x, y, x + 1, y + 1),
        };
        self.add_barrier((left, top - OVERLAP), (left, bottom + OVERLAP))?;
        self.add_barrier((right, top - OVERLAP), (right, bottom + OVERLAP))?;
        self.add_barrier((left - OVERLAP, top), (right + OVERLAP, top))?;
        self.add_barrier((left - OVERLAP, bottom), (right + OVERLAP, bottom))?;
        self.select(XIEventMask::RAW_MOTION)?;
        self.connection.flush()?;
        Ok(())
    }

    /// A barrier that lets nothing through; coordinates are those of the root window.
    fn add_barrier(&self, from: (i32, i32), to: (i32, i32)) -> Result<(), ReplyOrIdError> {
        let on_screen = |at: i32| u16::try_from(at.max(0)).unwrap_or(u16::MAX);
        let barrier = self.connection.generate_id()?;
        let ((x1, y1), (x2, y2)) = (from, to);
        let neither = BarrierDirections::from(0_u32);
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(on_screen);
        xfixes::create_pointer_barrier(&self.connection, barrier, self.root, x1, y1, x2, y2, neither, &[])?
            .check()?;
        self.barriers.borrow_mut().push(barrier);
        Ok(())
    }

    fn drop_barriers(&self) -> Result<(), ReplyOrIdError> {
        for barrier in self.barriers.take() {
            self.connection.xfixes_delete_pointer_barrier(barrier)?;
        }
        Ok(())
    }

    fn release(
        &self,
        place: Option<(f64, f64)>,
        at: Option<(f64, f64)>,
        scale: f64,
    ) -> Result<(), ReplyOrIdError> {
        self.drop_barriers()?;
        self.select(XIEventMask::from(0_u32))?;
        if let (Some(place), Some(at)) = (place, at) {
            #[expect(clippy::cast_possible_truncation, reason = "pixels of a screen")]
            let by = |to: f64, from: f64| ((to - from) * scale).round() as i16;
            let (x, y) = (by(place.0, at.0), by(place.1, at.1));
            // No window to warp to: as far as it is from where it was held.
            self.connection.warp_pointer(x11rb::NONE, x11rb::NONE, 0, 0, 0, 0, x, y)?;
        }
        self.connection.flush()?;
        Ok(())
    }

    fn select(&self, mask: XIEventMask) -> Result<(), ReplyOrIdError> {
        let mask = xinput::EventMask { deviceid: ALL_MASTERS, mask: vec![mask] };
        self.connection.xinput_xi_select_events(self.root, &[mask])?;
        Ok(())
    }

    fn is_focus_ours(&self) -> Result<bool, ReplyError> {
        let pid = self.connection.intern_atom(false, b"_NET_WM_PID")?.reply()?.atom;
        let mut window = self.connection.get_input_focus()?.reply()?.focus;
        // GDK gives the keyboard to a child of the window that is named.
        while window > Window::from(InputFocus::POINTER_ROOT) && window != self.root {
            let told = self.connection.get_property(false, window, pid, AtomEnum::CARDINAL, 0, 1)?.reply()?;
            if let Some(owner) = told.value32().and_then(|mut values| values.next()) {
                return Ok(owner == std::process::id());
            }
            window = self.connection.query_tree(window)?.reply()?.parent;
        }
        Ok(false)
    }

    fn set_locks(&self, locks: Leds) -> Result<(), ReplyError> {
        let mut on = ModMask::from(0_u16);
        for (light, modifier) in LOCKS {
            if locks.contains(light) {
                on |= modifier;
            }
        }
        let (all, none) = (ModMask::LOCK | ModMask::M2, ModMask::from(0_u16));
        self.connection.xkb_use_extension(1, 0)?.reply()?;
        let keyboard = u16::from(xkb::ID::USE_CORE_KBD);
        self.connection.xkb_latch_lock_state(keyboard, all, on, false, 0_u8.into(), none, false, 0)?.check()
    }

    /// Whether something has come, or the server is gone and that is news.
    fn waits(&self) -> bool {
        let stream = self.connection.stream();
        let mut fds = [PollFd::new(stream, PollFlags::IN)];
        !self.gone.get() && poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Tells what has come.
    fn catch_up(&self) {
        let mut heard = Vec::new();
        loop {
            match self.connection.poll_for_event() {
                Ok(Some(Event::XinputRawMotion(motion))) => heard.extend(pushed(&motion)),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    if !self.gone.replace(true) {
                        tracing::warn!(%error, "the X server is gone");
                    }
                    break;
                }
            }
        }
        if !heard.is_empty() {
            (self.tell)(&heard);
        }
    }
}

/// How far a mouse was pushed: its first two axes, of those that have changed.
fn pushed(motion: &xinput::RawMotionEvent) -> Option<Happened> {
    let mask = motion.valuator_mask.first().copied().unwrap_or_default();
    let mut values = motion.axisvalues.iter().zip(&motion.axisvalues_raw);
    let mut axis = |bit: u32| if mask & 1 << bit != 0 { values.next() } else { None };
    let (across, down) = (axis(0), axis(1));
    if across.is_none() && down.is_none() {
        return None;
    }
    let both = |pair: Option<(&Fp3232, &Fp3232)>| {
        pair.map_or((0.0, 0.0), |(moved, raw)| (number(*moved), number(*raw)))
    };
    let ((x, raw_x), (y, raw_y)) = (both(across), both(down));
    Some(Happened::Pushed(Delta { x, y, raw_x, raw_y }))
}

fn number(fixed: Fp3232) -> f64 {
    f64::from(fixed.integral) + f64::from(fixed.frac) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(mask: u32, values: &[(i32, u32)]) -> xinput::RawMotionEvent {
        let values: Vec<_> =
            values.iter().map(|(integral, frac)| Fp3232 { integral: *integral, frac: *frac }).collect();
        xinput::RawMotionEvent {
            response_type: 35,
            extension: 131,
            sequence: 0,
            length: 0,
            event_type: xinput::RAW_MOTION_EVENT,
            deviceid: 2,
            time: 0,
            detail: 0,
            sourceid: 4,
            flags: 0_u32.into(),
            valuator_mask: vec![mask],
            axisvalues_raw: values.clone(),
            axisvalues: values,
        }
    }

    #[test]
    fn axes_that_have_not_changed_are_left_out_of_an_event() {
        let delta = |x, y| Some(Happened::Pushed(Delta { x, y, raw_x: x, raw_y: y }));
        assert_eq!(pushed(&motion(3, &[(1, 1 << 31), (-2, 1 << 30)])), delta(1.5, -1.75));
        assert_eq!(pushed(&motion(2, &[(4, 0)])), delta(0.0, 4.0));
        assert_eq!(pushed(&motion(5, &[(7, 0), (120, 0)])), delta(7.0, 0.0), "and the wheel's");
        assert_eq!(pushed(&motion(4, &[(120, 0)])), None);
    }
}
