//! The presenter before a compositor that misbehaves, without a window and without GTK.

mod compositor;
mod explicit;
mod looks;
mod timelines;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, SealFlags};
use wayland_client::globals::{GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Dispatch, QueueHandle, delegate_noop};

use self::compositor::{Compositor, Do, Offered, Seen};
use self::timelines::Book;
use super::shared::Shared;
use super::thread;
use crate::clock;
use crate::frame::{Ack, Acknowledge, Dmabuf, DmabufParts, Event, Mailbox, Plane, Wire};
use crate::geometry::{Backing, Placement, Rect, Scaling, ScreenScale, Size};
use crate::pixel::{Fourcc, Modifier};
use crate::present::ladder::{Reason, Rung, Wanted};
use crate::present::{Options, Scene, Status};
use crate::stats::Stats;

/// Long, for an emulated processor that others want as well.
const LIMIT: Duration = Duration::from_secs(150);
const SIZE: (u32, u32) = (64, 32);
const XR24: Fourcc = Fourcc::new(*b"XR24");
const AR24: Fourcc = Fourcc::new(*b"AR24");
const TILED: Modifier = Modifier(0x0100_0000_0000_0002);

#[derive(Debug, Default)]
struct Replies {
    sent: AtomicU64,
    answered: AtomicU64,
}

impl Acknowledge for Replies {
    fn acknowledge(&self, through: u64) {
        self.answered.fetch_max(through, SeqCst);
    }
}

/// A presenter's thread, with all that the main thread would do for it.
struct Rig {
    compositor: Compositor,
    shared: Arc<Shared>,
    frames: Arc<Mailbox>,
    stats: Arc<Stats>,
    replies: Arc<Replies>,
    thread: Option<JoinHandle<()>>,
    notices: async_channel::Receiver<()>,
}

/// What is there for a rig.
struct Setup {
    rung: Wanted,
    /// Of linux-dmabuf.
    version: u32,
    /// The timelines that the compositor knows, where it has explicit synchronisation.
    offered: Option<Book>,
    /// Those that the presenter finds.
    timelines: Book,
}

/// The main thread's own queue.
struct Main;

impl Dispatch<WlRegistry, GlobalListContents> for Main {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}
delegate_noop!(Main: WlCompositor);
delegate_noop!(Main: ignore WlSurface);

fn sampled(pairs: &[(Fourcc, Modifier)]) -> Do {
    let tranches = vec![Offered { device: 0xe280, scanout: false, pairs: pairs.into() }];
    Do::Offer { main: 0xe280, tranches }
}

impl Rig {
    fn new(version: u32, orders: impl IntoIterator<Item = Do>) -> Self {
        Self::wanting(Wanted::Auto, version, orders)
    }

    fn wanting(rung: Wanted, version: u32, orders: impl IntoIterator<Item = Do>) -> Self {
        Self::start(Setup { rung, version, offered: None, timelines: Book::default() }, orders)
    }

    fn start(setup: Setup, orders: impl IntoIterator<Item = Do>) -> Self {
        let Setup { rung, version, offered, timelines } = setup;
        let (compositor, socket) = Compositor::start(version, offered, orders);
        let connection = Connection::from_socket(socket).expect("a connection");
        let (globals, queue) = registry_queue_init::<Main>(&connection).expect("globals");
        let main: WlCompositor = globals.bind(&queue.handle(), 4..=6, ()).expect("a compositor");
        let parent = main.create_surface(&queue.handle(), ());
        let (notice, notices) = async_channel::bounded(1);
        let shared = Arc::new(Shared::new(notice).expect("an event"));
        let (frames, stats) = (Arc::new(Mailbox::default()), Arc::new(Stats::new(clock::now())));
        let options = Options { rung, ..Options::default() };
        let start = thread::Start {
            connection,
            shared: shared.clone(),
            frames: frames.clone(),
            stats: stats.clone(),
            options,
            timelines: Box::new(timelines),
        };
        let thread = Some(std::thread::spawn(move || thread::run(start)));
        let replies = Arc::default();
        let rig = Self { compositor, shared, frames, stats, replies, thread, notices };
        rig.until("the presenter's objects", || rig.shared.stage().objects.is_some());
        let area = Rect::new(0, 0, SIZE.0, SIZE.1);
        let place = Placement::new(Size::new(SIZE.0, SIZE.1), area, ScreenScale::ONE, Scaling::Fit);
        let mut stage = rig.shared.stage();
        stage.adopt(&parent);
        stage.place(place.map(Scene::from));
        parent.commit();
        stage.parent_committed();
        drop(stage);
        rig.shared.wake();
        rig
    }

    /// Waits for something that the presenter gives notice of, or that happens soon after.
    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(
                start.elapsed() < LIMIT,
                "no {what}: {:?}, {:?}",
                self.shared.status(),
                self.stats.summary(clock::now())
            );
            _ = self.notices.try_recv();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn shows(&self, rung: Rung) {
        self.until(
            rung.name(),
            || matches!(self.shared.status(), Status::Showing { rung: on, .. } if on == rung),
        );
    }

    fn show(&self, buffer: &Buffer) {
        self.show_dmabuf(buffer.dmabuf());
    }

    fn show_dmabuf(&self, dmabuf: Dmabuf) {
        self.frames.apply(Event::Dmabuf(dmabuf), clock::now()).expect("a buffer");
        self.update([0, 0, 64, 32]);
    }

    fn update(&self, [x, y, width, height]: [i32; 4]) {
        let ticket = self.replies.sent.fetch_add(1, SeqCst) + 1;
        let ack = Some(Ack::new(self.replies.clone(), ticket));
        self.frames.apply(Event::Damage { x, y, width, height, ack }, clock::now()).expect("damage");
    }

    fn all_answered(&self) -> bool {
        self.replies.answered.load(SeqCst) == self.replies.sent.load(SeqCst)
    }

    fn creates(&self) -> usize {
        let seen = self.compositor.wait("anything", |_| true);
        seen.iter().filter(|seen| matches!(seen, Seen::Create { .. })).count()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shared.stop(&self.frames);
        let thread = self.thread.take().expect("joined once");
        let ended = thread.join();
        if !std::thread::panicking() {
            ended.expect("a presenter that ends well");
            assert!(!matches!(self.shared.status(), Status::Gone { .. }), "{:?}", self.shared.status());
        }
    }
}

/// A buffer of the guest's: sealed memory, as good as a dma-buf to who only passes it on.
struct Buffer {
    file: OwnedFd,
    fourcc: Fourcc,
    modifier: Modifier,
    planes: usize,
    backing: Size<Backing>,
    crop: Rect<Backing>,
    y0_top: bool,
}

impl Buffer {
    fn new(fourcc: Fourcc, modifier: Modifier) -> Self {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("guest", flags).expect("memory");
        // Room enough for every plane of every buffer here.
        rustix::fs::ftruncate(&file, 1 << 16).expect("room");
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK).expect("seals");
        let backing = Size::new(SIZE.0, SIZE.1);
        Self { file, fourcc, modifier, planes: 1, backing, crop: backing.at_origin(), y0_top: false }
    }

    /// Where a plane lies: no two alike.
    fn layout(&self, index: usize) -> (u32, u32) {
        let number = u32::try_from(index).expect("few");
        (number * 0x2400, (self.backing.width + 16 * number) * 4)
    }

    fn inode(&self) -> u64 {
        rustix::fs::fstat(&self.file).expect("a file").st_ino
    }

    fn dmabuf(&self) -> Dmabuf {
        let stat = rustix::fs::fstat(&self.file).expect("a file");
        let plane = |index| {
            let (offset, stride) = self.layout(index);
            Plane { fd: self.file.try_clone().expect("room"), offset, stride }
        };
        Dmabuf::new(DmabufParts {
            file: (stat.st_dev, stat.st_ino),
            planes: (0..self.planes).map(plane).collect(),
            fourcc: self.fourcc,
            modifier: self.modifier,
            backing: self.backing,
            crop: self.crop,
            y0_top: self.y0_top,
            wire: Wire::V2,
        })
        .expect("a buffer")
    }
}

fn commits(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| **seen == Seen::Commit).count()
}

#[test]
fn sixteen_flipping_buffers_are_made_known_once() {
    for version in [3, 4, 5] {
        let tranches = vec![
            Offered { device: 0xe200, scanout: true, pairs: vec![(XR24, TILED)] },
            Offered { device: 0xe280, scanout: false, pairs: vec![(XR24, TILED), (XR24, Modifier::LINEAR)] },
        ];
        let rig = Rig::new(version, [Do::Offer { main: 0xe280, tranches }]);
        let buffers: Vec<_> = (0..16).map(|_| Buffer::new(AR24, TILED)).collect();
        for flip in 0..160 {
            rig.show(&buffers[flip % 16]);
            rig.compositor.wait("a commit", |seen| commits(seen) > flip);
        }
        rig.shows(Rung::Direct);
        assert_eq!(rig.creates(), 16);
        let seen = rig.compositor.wait("anything", |_| true);
        let opaque = Seen::Create { size: (64, 32), format: XR24, modifier: TILED, planes: 1 };
        assert!(seen.contains(&opaque), "without alpha: {seen:?}");
        assert_eq!(rig.stats.summary(clock::now()).counts.imported, 16);
        let fit = rig.stats.current_path().fit;
        assert_eq!(fit, Some(if version == 3 { "sampled" } else { "scanout" }));
    }
}

#[test]
fn only_what_has_changed_is_damaged() {
    let rig = Rig::new(5, [sampled(&[(XR24, Modifier::LINEAR)])]);
    let buffer = Buffer::new(XR24, Modifier::LINEAR);
    rig.show(&buffer);
    rig.compositor.wait("a commit", |seen| commits(seen) == 1);
    rig.update([3, 4, 5, 6]);
    rig.compositor.wait("the damage", |seen| seen.contains(&Seen::Damage([3, 4, 5, 6])));
}

#[test]
fn a_buffer_that_is_drawn_into_is_shown_again_until_it_stands_still() {
    let rig = Rig::new(5, [sampled(&[(XR24, Modifier::LINEAR)])]);
    let buffer = Buffer::new(XR24, Modifier::LINEAR);
    let resampled = || rig.stats.summary(clock::now()).counts.resampled;
    let shade = AtomicU64::new(0);
    rig.show(&buffer);
    rig.until("pictures that nobody announced", || {
        let row = vec![shade.fetch_add(1, SeqCst).to_le_bytes()[0]; (SIZE.0 * 4) as usize];
        for y in 0..u64::from(SIZE.1) {
            rustix::io::pwrite(&buffer.file, &row, y * row.len() as u64).expect("memory");
        }
        rig.update([0, 0, 64, 32]);
        std::thread::sleep(Duration::from_millis(30));
        resampled() >= 5
    });
    std::thread::sleep(Duration::from_millis(400));
    let rested = resampled();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(resampled(), rested, "nothing moves any more");
}

#[test]
fn a_refused_buffer_falls_and_climbs_when_the_compositor_says_something_new() {
    let plain = (XR24, Modifier::LINEAR);
    let rig = Rig::new(4, [sampled(&[plain]), Do::Refuse(true)]);
    rig.show(&Buffer::new(XR24, Modifier::LINEAR));
    rig.shows(Rung::Copy);
    let Status::Showing { refused, .. } = rig.shared.status() else { unreachable!() };
    assert_eq!(refused.reason(Rung::Direct), Some(&Reason::Refused));
    rig.until("a reply", || rig.all_answered());
    assert_eq!(rig.creates(), 1, "what was refused is not asked for again");
    rig.compositor.order(Do::Refuse(false));
    rig.compositor.order(sampled(&[plain, (AR24, Modifier::LINEAR)]));
    // The guest does nothing: the same picture takes the better way.
    rig.shows(Rung::Direct);
    assert_eq!(rig.creates(), 2);
}

#[test]
fn the_last_good_picture_stays_when_a_buffer_is_refused() {
    let rig = Rig::wanting(Wanted::Direct, 5, [sampled(&[(XR24, TILED)])]);
    rig.show(&Buffer::new(XR24, TILED));
    rig.shows(Rung::Direct);
    for (modifier, planes) in [(Modifier::INVALID, 1), (Modifier(7), 1), (TILED, 4)] {
        let mut odd = Buffer::new(XR24, modifier);
        odd.planes = planes;
        if modifier == TILED {
            rig.compositor.order(Do::Refuse(true));
        }
        rig.show(&odd);
        rig.until("a refusal", || matches!(rig.shared.status(), Status::Refused { .. }));
        rig.until("a reply", || rig.all_answered());
        let seen = rig.compositor.wait("anything", |_| true);
        assert!(!seen.contains(&Seen::Attach(None)), "{seen:?}");
        rig.compositor.order(Do::Refuse(false));
        rig.show(&Buffer::new(XR24, TILED));
        rig.shows(Rung::Direct);
    }
}

#[test]
fn buffers_are_made_known_again_to_another_gpu_and_to_none_that_repeats_itself() {
    let rig = Rig::new(4, [sampled(&[(XR24, TILED)])]);
    let buffer = Buffer::new(XR24, TILED);
    rig.show(&buffer);
    rig.shows(Rung::Direct);
    rig.compositor.wait("a picture", |seen| seen.contains(&Seen::Attach(Some(0))));
    for _ in 0..5 {
        rig.compositor.order(sampled(&[(XR24, TILED)]));
        rig.show(&buffer);
        rig.until("a reply", || rig.all_answered());
    }
    assert_eq!(rig.stats.summary(clock::now()).counts.imported, 1);
    let tranches = vec![Offered { device: 0xe281, scanout: false, pairs: vec![(XR24, TILED)] }];
    rig.compositor.order(Do::Offer { main: 0xe281, tranches });
    rig.compositor.wait("the picture again", |seen| seen.contains(&Seen::Attach(Some(1))));
    rig.compositor.wait("the old one's end", |seen| seen.contains(&Seen::Destroyed(0)));
}

#[test]
fn buffers_that_the_guest_left_behind_go_though_nothing_happens() {
    let rig = Rig::new(5, [sampled(&[(XR24, TILED)])]);
    let buffers: Vec<_> = (0..3).map(|_| Buffer::new(XR24, TILED)).collect();
    for (buffer, number) in buffers.iter().zip(0..) {
        rig.show(buffer);
        rig.compositor.wait("a picture", |seen| seen.contains(&Seen::Attach(Some(number))));
    }
    let gone = |seen: &[Seen]| [0, 1].iter().all(|old| seen.contains(&Seen::Destroyed(*old)));
    let seen = rig.compositor.wait("the end of the old ones", gone);
    assert!(!seen.contains(&Seen::Destroyed(2)), "what is shown stays");
}

#[test]
fn a_compositor_that_shows_nothing_keeps_nobody_waiting() {
    let rig = Rig::new(5, [sampled(&[(XR24, TILED)]), Do::Hide(true)]);
    let buffer = Buffer::new(XR24, TILED);
    for _ in 0..20 {
        rig.show(&buffer);
        rig.until("a reply", || rig.all_answered());
    }
    let committed = rig.stats.summary(clock::now()).counts.committed;
    assert!(committed <= 2, "{committed} commits that nobody sees");
    rig.compositor.order(Do::Hide(false));
    rig.update([0, 0, 1, 1]);
    rig.until("the newest", || rig.stats.summary(clock::now()).counts.committed > committed);
}

#[test]
fn a_buffer_that_is_never_finished_is_waited_for_a_moment() {
    let rig = Rig::new(5, [sampled(&[(XR24, TILED)])]);
    let (reader, _writer) = rustix::pipe::pipe().expect("a pipe");
    let buffer = Buffer { file: reader, ..Buffer::new(XR24, TILED) };
    rig.show(&buffer);
    rig.until("the end of the wait", || rig.stats.summary(clock::now()).counts.unfinished == 1);
    // It is no buffer at all, but that is another matter.
    rig.until("a reply", || rig.all_answered());
}

#[test]
fn who_asks_for_direct_alone_gets_no_copy() {
    let rig = Rig::wanting(Wanted::Direct, 5, [sampled(&[])]);
    rig.show(&Buffer::new(XR24, Modifier::LINEAR));
    rig.until("a refusal", || matches!(rig.shared.status(), Status::Refused { .. }));
    assert_eq!(rig.creates(), 0, "what was not offered is not asked for");
}

#[cfg(feature = "gl")]
#[test]
fn a_lost_gpu_is_opened_again_until_that_is_no_use() {
    let rig = Rig::wanting(Wanted::Compose, 5, [sampled(&[])]);
    let buffer = Buffer::new(AR24, Modifier::LINEAR);
    let commits = |wanted| {
        rig.until("a commit", || rig.stats.summary(clock::now()).counts.committed == wanted);
    };
    rig.show(&buffer);
    commits(1);
    rig.shows(Rung::Compose);
    for lost in 1..=3 {
        rig.shared.losses.store(1, SeqCst);
        rig.update([0, 0, 8, 8]);
        // The whole picture is drawn anew, on another GPU.
        commits(1 + lost);
        assert_eq!(rig.stats.summary(clock::now()).counts.imported, 1 + lost);
    }
    rig.shared.losses.store(1, SeqCst);
    rig.update([0, 0, 8, 8]);
    rig.until("a refusal", || matches!(rig.shared.status(), Status::Refused { .. }));
    let Status::Refused { refused } = rig.shared.status() else { unreachable!() };
    assert_eq!(refused.reason(Rung::Compose), Some(&Reason::GpuLost));
    rig.until("a reply", || rig.all_answered());
    // The last picture stays.
    let seen = rig.compositor.wait("anything", |_| true);
    assert!(!seen.contains(&Seen::Attach(None)), "{seen:?}");
}

/// In the lab machine there is one GPU, of software: it bridges to itself.
#[cfg(feature = "gl")]
#[test]
#[ignore = "needs a render node"]
fn a_bridge_draws_into_rows_that_others_can_read_on_a_render_node() {
    use crate::present::gpu::Allocator;
    use crate::present::owner::Places;

    let nodes = Places::default().nodes();
    let node = nodes.first().expect("a render node");
    let guest = Allocator::open(&node.path)
        .and_then(|gpu| gpu.allocate(Size::new(SIZE.0, SIZE.1), &[Modifier::LINEAR]));
    let rig = Rig::wanting(Wanted::Bridge, 5, [sampled(&[(XR24, Modifier::LINEAR)])]);
    rig.show_dmabuf(guest.expect("a buffer"));
    rig.until("a picture", || rig.stats.summary(clock::now()).counts.committed == 1);
    rig.shows(Rung::Bridge);
    rig.compositor.wait("its buffer", |seen| seen.contains(&Seen::Attach(Some(0))));
    let report = rig.stats.summary(clock::now());
    assert_eq!((report.counts.passes, report.counts.imported, report.counts.copied), (1, 1, 0));
    assert!(rig.shared.facts().owner.is_some());
    // More of them than it has buffers to draw into, and on after the GPU was lost.
    for committed in 2..=20 {
        rig.shared.losses.store(u32::from(committed == 10), SeqCst);
        rig.update([0, 0, 8, 8]);
        rig.until("a commit", || rig.stats.summary(clock::now()).counts.committed == committed);
    }
    rig.shows(Rung::Bridge);
    let report = rig.stats.summary(clock::now());
    assert_eq!((report.counts.imported, report.counts.copied), (2, 0));
}
