//! What the crate `virt` leaves to its users: libvirt's events, and owning the descriptors it gives.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::thread;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{self, Error};
use virt::sys;

use super::events;

/// What a subscription hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something happened to the machine with this UUID.
    Happened(String),
    /// The connection has ended.
    Closed,
}

type Listener = Box<dyn Fn(Heard) + Send + Sync>;

/// Starts the thread on which libvirt reads its connections and tells of events; once, for good.
/// Before the first connection is made.
pub(super) fn run_events() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || {
        // It would write every error to standard error.
        error::clear_error_callback();
        events::register().map_err(|error| error.to_string())?;
        let run = || {
            let error = events::run();
            tracing::error!(%error, "libvirt's event loop has ended");
        };
        let started = thread::Builder::new().name("oriel-libvirt-events".into()).spawn(run);
        started.map(drop).map_err(|error| error.to_string())
    };
    STARTED.get_or_init(start).clone()
}

/// The wish to be told what happens on a connection, until it is dropped.
pub(super) struct Subscription {
    connect: Connect,
    lifecycle: c_int,
    /// Not every driver has a connection that can close.
    close: bool,
}

impl Subscription {
    /// `heard` is called on libvirt's thread, and must not ask anything of libvirt.
    pub(super) fn new(
        connect: &Connect,
        heard: impl Fn(Heard) + Send + Sync + Clone + 'static,
    ) -> Result<Self, Error> {
        let lifecycle = into_opaque(heard.clone());
        let callback: unsafe extern "C" fn(
            sys::virConnectPtr,
            sys::virDomainPtr,
            c_int,
            c_int,
            *mut c_void,
        ) -> c_int = on_lifecycle;
        // SAFETY: libvirt calls what it is given for an event with the arguments of that event, and a
        // lifecycle event has these (`virConnectDomainEventCallback`); the pointer that it takes for a
        // generic callback is one to a function, too.
        let generic = unsafe {
            std::mem::transmute::<
                unsafe extern "C" fn(
                    sys::virConnectPtr,
                    sys::virDomainPtr,
                    c_int,
                    c_int,
                    *mut c_void,
                ) -> c_int,
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
            >(callback)
        };
        // SAFETY: the connection is open; `lifecycle` is a listener of ours that libvirt passes to the
        // callback, and gives back to `free` once it will not be called any more.
        let number = unsafe {
            sys::virConnectDomainEventRegisterAny(
                connect.as_ptr(),
                std::ptr::null_mut(),
                LIFECYCLE,
                Some(generic),
                lifecycle,
                Some(free),
            )
        };
        if number == -1 {
            let error = Error::last_error();
            // SAFETY: libvirt did not take it, so it is still ours, and nobody else has it.
            unsafe { free(lifecycle) };
            return Err(error);
        }
        let mut subscription = Self { connect: connect.clone(), lifecycle: number, close: false };
        let closed = into_opaque(heard);
        // SAFETY: as above; the callback has the type that libvirt asks for.
        let registered = unsafe {
            sys::virConnectRegisterCloseCallback(connect.as_ptr(), Some(on_close), closed, Some(free))
        };
        if registered == -1 {
            // SAFETY: libvirt did not take it, so it is still ours, and nobody else has it.
            unsafe { free(closed) };
        } else {
            subscription.close = true;
        }
        Ok(subscription)
    }
}

#[expect(clippy::cast_possible_wrap, reason = "the number is 0")]
const LIFECYCLE: c_int = sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE as c_int;

impl Drop for Subscription {
    fn drop(&mut self) {
        // SAFETY: the connection is open as long as we hold it; what is taken back was registered on it.
        // That it fails because the connection has ended makes no difference.
        unsafe {
            sys::virConnectDomainEventDeregisterAny(self.connect.as_ptr(), self.lifecycle);
            if self.close {
                sys::virConnectUnregisterCloseCallback(self.connect.as_ptr(), Some(on_close));
            }
        }
    }
}

fn into_opaque(heard: impl Fn(Heard) + Send + Sync + 'static) -> *mut c_void {
    let listener: Box<Listener> = Box::new(Box::new(heard));
    Box::into_raw(listener).cast()
}

/// Frees a listener that libvirt has done with.
///
/// # Safety
///
/// `opaque` comes from [`into_opaque`], and nobody else has it.
unsafe extern "C" fn free(opaque: *mut c_void) {
    // SAFETY: by contract it is a box that was turned into a pointer, once.
    drop(unsafe { Box::from_raw(opaque.cast::<Listener>()) });
}

/// # Safety
///
/// `opaque` comes from [`into_opaque`] and has not been freed; `domain` is a domain.
unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    _event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    /// Digits, dashes and the zero at the end (`VIR_UUID_STRING_BUFLEN`).
    const LENGTH: usize = 37;
    let mut uuid: [c_char; LENGTH] = [0; LENGTH];
    // SAFETY: by contract; it writes `LENGTH` bytes at most, and does not ask the daemon.
    if unsafe { sys::virDomainGetUUIDString(domain, uuid.as_mut_ptr()) } == 0 {
        // SAFETY: it has written a string that ends within the array.
        let uuid = unsafe { CStr::from_ptr(uuid.as_ptr()) };
        // SAFETY: by contract it is a listener, which libvirt frees only after the last call.
        let listener = unsafe { &*opaque.cast::<Listener>() };
        listener(Heard::Happened(uuid.to_string_lossy().into_owned()));
    }
    0
}

/// # Safety
///
/// `opaque` comes from [`into_opaque`] and has not been freed.
unsafe extern "C" fn on_close(_: sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: by contract it is a listener, which libvirt frees only after the last call.
    let listener = unsafe { &*opaque.cast::<Listener>() };
    listener(Heard::Closed);
}

/// A connection to a machine's display.
pub(super) fn open_graphics(domain: &Domain, index: u32) -> Result<OwnedFd, Error> {
    let number = domain.open_graphics_fd(index, 0)?;
    // SAFETY: libvirt has just received this descriptor for us, and keeps none itself
    // (src/libvirt-domain.c, `virDomainOpenGraphicsFD`).
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(number).expect("descriptors are small")) })
}

/// Cancels what is being done to a machine's memory.
pub(super) fn abort_job(domain: &Domain) -> Result<(), Error> {
    // SAFETY: a domain that lives as long as this call.
    match unsafe { sys::virDomainAbortJob(domain.as_ptr()) } {
        0 => Ok(()),
        _ => Err(Error::last_error()),
    }
}
