//! Counts what the listener allocates: nothing for each update, and never more than it may hold.

#![allow(unsafe_code)] // A global allocator is an unsafe trait.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oriel::clock;
use oriel::display1::{Frames, Listener, Pace, Peer};
use oriel::frame::Mailbox;
use oriel::stats::Stats;
use standin::buffer::{Buffer, Layout as Picture};
use standin::pixman::X8R8G8B8;
use standin::{Release, Standin};
use zbus::message::Flags;
use zruntime::block_on;

const WAIT: Duration = Duration::from_secs(60);

thread_local! {
    /// How often this thread has asked for memory.
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

/// Bytes in use, of all threads.
static LIVE: AtomicIsize = AtomicIsize::new(0);
/// The most that [`LIVE`] has been since it was last reset.
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, with a tally.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn tally(freed: usize, requested: usize) {
    if requested > 0 {
        // A thread that ends has no counter any more.
        let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
    }
    let change = requested.cast_signed() - freed.cast_signed();
    let live = LIVE.fetch_add(change, Ordering::Relaxed) + change;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tally(0, layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        tally(0, layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        tally(layout.size(), 0);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        tally(layout.size(), size);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// One test at a time: the tally of bytes is of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A viewer that takes every frame, and whose loop says how often it has asked for memory.
struct Viewer {
    qemu: Standin,
    mailbox: Arc<Mailbox>,
    woken: Receiver<()>,
    requests: Arc<AtomicU64>,
    _listener: Listener,
}

impl Viewer {
    fn new() -> Self {
        let (qemu, socket): (Standin, UnixStream) = Standin::builder().release(Release::V10_0).p2p().unwrap();
        let peer = block_on(Peer::p2p(socket)).unwrap();
        let (mailbox, stats) = (Arc::new(Mailbox::default()), Arc::new(Stats::new(clock::now())));
        let console = peer.console(0);
        let frames = Frames { mailbox: mailbox.clone(), stats, pace: Pace::Screen };
        let register = Listener::register(&console, frames, |_| {});
        let listener = block_on(register).unwrap();
        let (wake, woken) = channel();
        let requests = Arc::new(AtomicU64::new(0));
        let told = requests.clone();
        mailbox.present(clock::now(), move || {
            // Before the channel takes its share, from the thread of the loop.
            told.store(REQUESTS.get(), Ordering::SeqCst);
            let _ = wake.send(());
            REQUESTS.set(told.load(Ordering::SeqCst));
        });
        Self { qemu, mailbox, woken, requests, _listener: listener }
    }

    fn qemu(&self) -> standin::Listener {
        self.qemu.listener_within(0, WAIT).unwrap()
    }

    /// Takes the next frame, and says how often the loop had asked for memory by then.
    fn frame(&self) -> u64 {
        loop {
            self.woken.recv_timeout(WAIT).expect("a frame");
            let requests = self.requests.load(Ordering::SeqCst);
            if self.mailbox.take().is_some() {
                return requests;
            }
        }
    }
}

fn picture() -> Buffer {
    Buffer::with_frame(Picture::tight(64, 48, X8R8G8B8), 1).unwrap()
}

#[test]
fn updates_of_a_map_allocate_nothing() {
    let _alone = alone();
    let viewer = Viewer::new();
    let (qemu, picture) = (viewer.qemu(), picture());
    assert!(qemu.scanout_map(&picture, picture.map()).is_returned());
    viewer.frame();
    qemu.update_map([0, 0, 1, 1]);
    let before = viewer.frame();
    for x in 0..500 {
        qemu.update_map([x % 60, 0, 3, 3]);
        assert_eq!(viewer.frame(), before, "update {x}");
    }
}

#[test]
fn updates_of_a_dmabuf_allocate_nothing_and_neither_do_their_replies() {
    let _alone = alone();
    let viewer = Viewer::new();
    let (qemu, picture) = (viewer.qemu(), picture());
    qemu.scanout_dmabuf(&picture, picture.dmabuf());
    let update = |x| {
        let reply = qemu.update_dmabuf([x % 60, 0, 3, 3]);
        let requests = viewer.frame();
        assert!(reply.wait(WAIT).is_returned());
        requests
    };
    update(0);
    let before = update(1);
    for x in 0..500 {
        assert_eq!(update(x), before, "update {x}");
    }
}

/// Calls as QEMU writes them, one after the other.
fn calls<B: serde::Serialize + zbus::DynamicType>(member: &str, body: &B, count: usize) -> Vec<u8> {
    let call = zbus::Message::method_call("/org/qemu/Display1/Listener", member)
        .interface("org.qemu.Display1.Listener")
        .with_flags(Flags::NO_REPLY_EXPECTED)
        .build(body)
        .unwrap();
    call.data().bytes().repeat(count)
}

/// The most bytes that were in use while `work` ran, above those before.
fn peak(work: impl FnOnce()) -> isize {
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    work();
    PEAK.load(Ordering::SeqCst) - before
}

#[test]
fn a_million_updates_take_no_more_memory_than_one() {
    let _alone = alone();
    let viewer = Viewer::new();
    let qemu = viewer.qemu();
    let chunk = calls("Update", &(0_i32, 0_i32, 4_i32, 4_i32, 16_u32, X8R8G8B8, &[7_u8; 64][..]), 1000);
    let grown = peak(|| {
        for _ in 0..1000 {
            qemu.bytes(&chunk);
            assert!(qemu.flush(WAIT), "the viewer reads on");
        }
    });
    viewer.frame();
    // The stand-in's own copies of a chunk are in it too.
    assert!(grown < 4_000_000, "{grown} bytes more for a million updates");
}

#[test]
fn a_million_updates_of_a_dmabuf_that_nobody_shows_take_no_more_memory_than_one() {
    let _alone = alone();
    let viewer = Viewer::new();
    let qemu = viewer.qemu();
    let picture = picture();
    qemu.scanout_dmabuf(&picture, picture.dmabuf());
    let chunk = calls("UpdateDMABUF", &(0_i32, 0_i32, 4_i32, 4_i32), 1000);
    let grown = peak(|| {
        for _ in 0..1000 {
            qemu.bytes(&chunk);
            assert!(qemu.flush(WAIT), "the viewer reads on");
        }
    });
    assert!(grown < 4_000_000, "{grown} bytes more for a million updates");
}

#[test]
fn a_header_that_promises_much_costs_little() {
    let _alone = alone();
    let viewer = Viewer::new();
    let qemu = viewer.qemu();
    let mut bytes = b"l\x01\x01\x01".to_vec();
    for word in [120_000_000_u32, 1, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(200_000, 0);
    let grown = peak(|| {
        qemu.bytes(&bytes);
        assert!(qemu.flush(WAIT));
        qemu.bytes(&[0; 1]);
        assert!(qemu.flush(WAIT));
    });
    assert!(grown < 4_000_000, "{grown} bytes for a promise");
}

#[test]
fn a_large_buffer_is_given_back_once_messages_are_small_again() {
    let _alone = alone();
    let viewer = Viewer::new();
    let qemu = viewer.qemu();
    let before = LIVE.load(Ordering::SeqCst);
    qemu.scanout(3000, 2000, 12_000, X8R8G8B8, vec![0; 24_000_000]);
    viewer.frame();
    let small = calls("MouseSet", &(0_i32, 0_i32, 1_i32), 2000);
    qemu.bytes(&small);
    qemu.scanout(8, 8, 32, X8R8G8B8, vec![0; 256]);
    viewer.frame();
    qemu.bytes(&small);
    qemu.scanout(9, 9, 36, X8R8G8B8, vec![0; 324]);
    viewer.frame();
    let kept = LIVE.load(Ordering::SeqCst) - before;
    assert!(kept < 1_000_000, "{kept} bytes are kept");
}
