//! The loop on which libvirt reads its connections and keeps its time: on a thread of its own.
//!
//! The one that libvirt brings along runs GLib's default main context (src/util/vireventglib.c), which is
//! GTK's: on two threads at once while a program starts, and after that on the one that draws.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use virt::sys;

/// What libvirt wants to have back, and how it frees that.
struct Opaque {
    value: *mut c_void,
    free: sys::virFreeCallback,
}

// SAFETY: libvirt has it called on whichever thread runs the loop, whoever it was that registered it
// (src/util/virevent.c); nobody but libvirt ever looks at the value.
unsafe impl Send for Opaque {}

/// A descriptor that is watched.
struct Handle {
    number: c_int,
    descriptor: c_int,
    wanted: PollFlags,
    heard: sys::virEventHandleCallback,
    opaque: Opaque,
}

/// Something that is done again and again.
struct Timer {
    number: c_int,
    /// `None` while it rests.
    every: Option<Duration>,
    due: Option<Instant>,
    rings: sys::virEventTimeoutCallback,
    opaque: Opaque,
}

struct Loop {
    last: c_int,
    handles: Vec<Handle>,
    timers: Vec<Timer>,
    /// What is to be freed, once it is certain that nothing is being called with it.
    gone: Vec<Opaque>,
}

static LOOP: Mutex<Loop> =
    Mutex::new(Loop { last: 0, handles: Vec::new(), timers: Vec::new(), gone: Vec::new() });

/// Wakes the loop.
static WAKE: OnceLock<OwnedFd> = OnceLock::new();

/// Makes this libvirt's loop: once, and before the first connection.
pub(super) fn register() -> io::Result<()> {
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    // Whoever was first has registered it.
    if WAKE.set(wake).is_ok() {
        // SAFETY: these do what libvirt asks of each (include/libvirt/libvirt-event.h), from any thread, and
        // live as long as the program.
        unsafe {
            sys::virEventRegisterImpl(
                Some(add_handle),
                Some(update_handle),
                Some(remove_handle),
                Some(add_timer),
                Some(update_timer),
                Some(remove_timer),
            );
        }
    }
    Ok(())
}

/// Runs the loop, for good; ends only where nothing can be waited for.
pub(super) fn run() -> io::Error {
    loop {
        let Some(wake) = WAKE.get() else { return io::ErrorKind::NotFound.into() };
        if let Err(error) = turn(wake.as_fd()) {
            return error;
        }
    }
}

fn turn(wake: BorrowedFd<'_>) -> io::Result<()> {
    let (watched, due) = {
        let all = all();
        let watched = all.handles.iter().filter(|handle| !handle.wanted.is_empty());
        let watched = watched.map(|handle| (handle.number, handle.descriptor, handle.wanted));
        (watched.collect::<Vec<_>>(), all.timers.iter().filter_map(|timer| timer.due).min())
    };
    let mut polled = vec![PollFd::from_borrowed_fd(wake, PollFlags::IN)];
    polled.extend(watched.iter().map(|(_, descriptor, wanted)| {
        // SAFETY: libvirt keeps a descriptor open while it is watched; one that it closes in this very
        // moment is polled in vain, and nothing but that is done with it.
        PollFd::from_borrowed_fd(unsafe { BorrowedFd::borrow_raw(*descriptor) }, *wanted)
    }));
    let wait = due.map(|due| due.saturating_duration_since(Instant::now()));
    let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
    match poll(&mut polled, wait.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let happened: Vec<PollFlags> = polled.iter().skip(1).map(PollFd::revents).collect();
    // It may not have been woken.
    let _ = rustix::io::read(wake, &mut [0; 8]);
    for ((number, ..), events) in watched.into_iter().zip(happened) {
        if !events.is_empty() {
            hear(number, events);
        }
    }
    for number in due_timers(Instant::now()) {
        ring(number);
    }
    free_what_is_gone();
    Ok(())
}

fn hear(number: c_int, events: PollFlags) {
    let found = all().handles.iter().find(|handle| handle.number == number).map(|handle| {
        let Handle { heard, descriptor, opaque, .. } = handle;
        (*heard, *descriptor, opaque.value)
    });
    if let Some((Some(heard), descriptor, value)) = found {
        // SAFETY: it is what libvirt has registered together, and frees only after this turn.
        unsafe { heard(number, descriptor, told(events), value) };
    }
}

fn due_timers(now: Instant) -> Vec<c_int> {
    let mut all = all();
    let due = all.timers.iter_mut().filter(|timer| timer.due.is_some_and(|due| due <= now));
    due.map(|timer| {
        timer.due = timer.every.map(|every| now + every);
        timer.number
    })
    .collect()
}

fn ring(number: c_int) {
    let rings = |timer: &Timer| timer.number == number && timer.every.is_some();
    let found = all().timers.iter().find(|timer| rings(timer)).map(|timer| (timer.rings, timer.opaque.value));
    if let Some((Some(rings), value)) = found {
        // SAFETY: it is what libvirt has registered together, and frees only after this turn.
        unsafe { rings(number, value) };
    }
}

fn free_what_is_gone() {
    let gone = std::mem::take(&mut all().gone);
    for Opaque { value, free } in gone {
        if let Some(free) = free {
            // SAFETY: it was taken out of the loop before this, so nothing is called with it any more, and
            // it is freed once.
            unsafe { free(value) };
        }
    }
}

fn all() -> MutexGuard<'static, Loop> {
    LOOP.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake() {
    if let Some(wake) = WAKE.get() {
        // When it is full the loop is awake anyway.
        let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
    }
}

/// libvirt's events, and those of poll(2) that they are.
const EVENTS: [(sys::virEventHandleType, PollFlags); 4] = [
    (sys::VIR_EVENT_HANDLE_READABLE, PollFlags::IN),
    (sys::VIR_EVENT_HANDLE_WRITABLE, PollFlags::OUT),
    (sys::VIR_EVENT_HANDLE_ERROR, PollFlags::ERR),
    (sys::VIR_EVENT_HANDLE_HANGUP, PollFlags::HUP),
];

fn wanted(events: c_int) -> PollFlags {
    let events = sys::virEventHandleType::try_from(events).unwrap_or_default();
    EVENTS.into_iter().filter(|(theirs, _)| events & theirs != 0).map(|(_, ours)| ours).collect()
}

fn told(happened: PollFlags) -> c_int {
    // A descriptor that is closed is one that has failed.
    let failed = if happened.contains(PollFlags::NVAL) { PollFlags::ERR } else { PollFlags::empty() };
    let events = EVENTS.into_iter().filter(|(_, ours)| (happened | failed).contains(*ours));
    let events = events.fold(0, |all, (theirs, _)| all | theirs);
    c_int::try_from(events).expect("a few bits")
}

/// How often, as libvirt says it: in milliseconds, never where that is less than none.
fn every(milliseconds: c_int) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

unsafe extern "C" fn add_handle(
    descriptor: c_int,
    events: c_int,
    heard: sys::virEventHandleCallback,
    value: *mut c_void,
    free: sys::virFreeCallback,
) -> c_int {
    if descriptor < 0 {
        return -1;
    }
    let mut all = all();
    all.last += 1;
    let (number, opaque) = (all.last, Opaque { value, free });
    all.handles.push(Handle { number, descriptor, wanted: wanted(events), heard, opaque });
    wake();
    number
}

unsafe extern "C" fn update_handle(number: c_int, events: c_int) {
    if let Some(handle) = all().handles.iter_mut().find(|handle| handle.number == number) {
        handle.wanted = wanted(events);
    }
    wake();
}

unsafe extern "C" fn remove_handle(number: c_int) -> c_int {
    let mut all = all();
    let Some(place) = all.handles.iter().position(|handle| handle.number == number) else { return -1 };
    let handle = all.handles.remove(place);
    all.gone.push(handle.opaque);
    wake();
    0
}

unsafe extern "C" fn add_timer(
    milliseconds: c_int,
    rings: sys::virEventTimeoutCallback,
    value: *mut c_void,
    free: sys::virFreeCallback,
) -> c_int {
    let mut all = all();
    all.last += 1;
    let (number, opaque, every) = (all.last, Opaque { value, free }, every(milliseconds));
    let due = every.map(|every| Instant::now() + every);
    all.timers.push(Timer { number, every, due, rings, opaque });
    wake();
    number
}

unsafe extern "C" fn update_timer(number: c_int, milliseconds: c_int) {
    if let Some(timer) = all().timers.iter_mut().find(|timer| timer.number == number) {
        timer.every = every(milliseconds);
        timer.due = timer.every.map(|every| Instant::now() + every);
    }
    wake();
}

unsafe extern "C" fn remove_timer(number: c_int) -> c_int {
    let mut all = all();
    let Some(place) = all.timers.iter().position(|timer| timer.number == number) else { return -1 };
    let timer = all.timers.remove(place);
    all.gone.push(timer.opaque);
    wake();
    0
}
