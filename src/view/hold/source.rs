//! A source of the main loop for events that somebody else may have read from the connection.
#![allow(unsafe_code, reason = "a source with a 'prepare' of its own is made with GLib's C interface")]

use std::ffi::c_int;
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use gtk::glib;
use gtk::glib::ffi;
use gtk::glib::translate::{FromGlibPtrFull, IntoGlib, ToGlibPtr};

/// What the source asks and does.
struct Hooks {
    /// Whether there is something to do: asked before and after each sleep of the main loop.
    waits: Box<dyn Fn() -> bool>,
    act: Box<dyn Fn()>,
}

/// GLib's part, with ours behind it.
#[repr(C)]
struct Raw {
    source: ffi::GSource,
    hooks: *mut Hooks,
}

/// Its functions. GLib wants them to be writable, and writes nothing.
static FUNCTIONS: Functions = Functions(ffi::GSourceFuncs {
    prepare: Some(prepare),
    check: Some(waits),
    dispatch: Some(dispatch),
    finalize: Some(finalize),
    closure_callback: None,
    closure_marshal: None,
});

struct Functions(ffi::GSourceFuncs);

// SAFETY: It holds functions, and nothing that changes.
unsafe impl Sync for Functions {}

/// Runs until it is dropped.
pub(in crate::view) struct Watch(glib::Source);

impl Watch {
    /// Calls `act` on the main loop whenever `waits` says that there is something to do, before
    /// anything of GDK's is done.
    ///
    /// A descriptor would not serve: the presenter's thread and GDK's round trips read the connection,
    /// too, and take the events of all queues from it.
    pub(in crate::view) fn new(waits: impl Fn() -> bool + 'static, act: impl Fn() + 'static) -> Self {
        let hooks = Box::into_raw(Box::new(Hooks { waits: Box::new(waits), act: Box::new(act) }));
        let size = u32::try_from(size_of::<Raw>()).expect("a small structure");
        // SAFETY: The functions live for ever, the size is that of the structure that they are given,
        // which begins with a `GSource`. `hooks` is set before anyone can call them.
        let source: glib::Source = unsafe {
            let raw = ffi::g_source_new(ptr::from_ref(&FUNCTIONS.0).cast_mut(), size);
            (*raw.cast::<Raw>()).hooks = hooks;
            ffi::g_source_set_priority(raw, glib::Priority::HIGH.into_glib());
            glib::Source::from_glib_full(raw)
        };
        source.attach(Some(&glib::MainContext::default()));
        Self(source)
    }

    /// Also ends the main loop's sleep when there is something to read here; it has to stay open as
    /// long as this.
    pub(super) fn wake_for(&self, fd: BorrowedFd<'_>) {
        let ends = ffi::G_IO_IN | ffi::G_IO_HUP | ffi::G_IO_ERR;
        // SAFETY: A source of ours that is not destroyed yet; the descriptor is open.
        unsafe { ffi::g_source_add_unix_fd(self.0.to_glib_none().0, fd.as_raw_fd(), ends) };
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

unsafe extern "C" fn prepare(source: *mut ffi::GSource, timeout: *mut c_int) -> ffi::gboolean {
    if !timeout.is_null() {
        // SAFETY: GLib's place for how long it may sleep.
        unsafe { *timeout = -1 };
    }
    // SAFETY: As we were called.
    unsafe { waits(source) }
}

unsafe extern "C" fn waits(source: *mut ffi::GSource) -> ffi::gboolean {
    // SAFETY: A source of ours, whose hooks live until it is finalized.
    let hooks = unsafe { &*(*source.cast::<Raw>()).hooks };
    (hooks.waits)().into_glib()
}

unsafe extern "C" fn dispatch(
    source: *mut ffi::GSource,
    _: ffi::GSourceFunc,
    _: ffi::gpointer,
) -> ffi::gboolean {
    // SAFETY: A source of ours, whose hooks live until it is finalized; GLib holds it meanwhile.
    let hooks = unsafe { &*(*source.cast::<Raw>()).hooks };
    (hooks.act)();
    ffi::G_SOURCE_CONTINUE
}

unsafe extern "C" fn finalize(source: *mut ffi::GSource) {
    // SAFETY: Called once, as the last of all; the pointer came from a box.
    drop(unsafe { Box::from_raw((*source.cast::<Raw>()).hooks) });
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn it_acts_while_there_is_something_to_do_and_is_gone_when_dropped() {
        let context = glib::MainContext::default();
        let _owner = context.acquire().expect("a main loop of this thread");
        let (left, token) = (Rc::new(Cell::new(3)), Rc::new(()));
        let watch = {
            let (waits, acts, held) = (left.clone(), left.clone(), token.clone());
            Watch::new(
                move || waits.get() > 0,
                move || {
                    let _ = &held;
                    acts.set(acts.get() - 1);
                },
            )
        };
        for expected in [2, 1, 0, 0] {
            context.iteration(false);
            assert_eq!(left.get(), expected);
        }
        drop(watch);
        assert_eq!(Rc::strong_count(&token), 1);
        left.set(1);
        context.iteration(false);
        assert_eq!(left.get(), 1);
    }
}
