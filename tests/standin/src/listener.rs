//! A viewer's listener, as QEMU calls it: every method with QEMU's flags, and every way to get it wrong.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::conn::{Conn, QueueStats, duplicate};
use crate::machine::{Job, Machine, Timing};
use crate::register::Negotiation;
use crate::release::{Discards, Release};
use crate::reply::{PendingReply, Reply, Sent};
use crate::wire::{Args, Outgoing, Pixels};

pub(crate) const PATH: &str = "/org/qemu/Display1/Listener";
/// The interface of every listener.
pub const LISTENER: &str = "org.qemu.Display1.Listener";
/// The interface for shared memory (9.2).
pub const MAP: &str = "org.qemu.Display1.Listener.Unix.Map";
/// The interface for dma-bufs with planes (10.1).
pub const DMABUF2: &str = "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2";

/// The largest size that a console's `Width` and `Height` follow, in pixels.
const MAX_FOLLOWED: u32 = 32768;

/// Whether the caller of a raw method reads a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Reply,
    NoReply,
}

/// What `ScanoutDMABUF` says of its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dmabuf {
    pub width: u32,
    pub height: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
    pub fourcc: u32,
    pub modifier: u64,
    /// Despite its name: `true` is a picture whose first row is the lowest.
    pub y0_top: bool,
}

/// What `ScanoutDMABUF2` says of its descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dmabuf2 {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// Bytes, one number a plane.
    pub offsets: Vec<u32>,
    /// Bytes, one number a plane.
    pub strides: Vec<u32>,
    pub num_planes: u32,
    pub fourcc: u32,
    pub backing_width: u32,
    pub backing_height: u32,
    pub modifier: u64,
    pub y0_top: bool,
}

impl From<Dmabuf> for Dmabuf2 {
    /// One plane, shown whole.
    fn from(one: Dmabuf) -> Self {
        Self {
            x: 0,
            y: 0,
            width: one.width,
            height: one.height,
            offsets: vec![0],
            strides: vec![one.stride],
            num_planes: 1,
            fourcc: one.fourcc,
            backing_width: one.width,
            backing_height: one.height,
            modifier: one.modifier,
            y0_top: one.y0_top,
        }
    }
}

/// What `ScanoutMap` says of its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Where the picture starts, in bytes.
    pub offset: u32,
    pub width: u32,
    pub height: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
    /// A pixman format code.
    pub format: u32,
}

/// A registered listener. Clones are the same listener.
#[derive(Clone, Debug)]
pub struct Listener {
    conn: Arc<Conn>,
    console: u32,
    release: Release,
    timing: Timing,
    lossy: bool,
    negotiation: Arc<Negotiation>,
    jobs: Sender<Job>,
}

/// Keeps messages in the queue, so that what follows meets them there; dropping it lets them go.
#[derive(Debug)]
pub struct Batch<'a>(&'a Conn);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.0.end_batch();
    }
}

impl Listener {
    pub(crate) fn new(machine: &Machine, console: u32, conn: Arc<Conn>, negotiation: Negotiation) -> Self {
        Self {
            conn,
            console,
            release: machine.release,
            timing: machine.options.timing,
            lossy: machine.options.lossy,
            negotiation: Arc::new(negotiation),
            jobs: machine.jobs.clone(),
        }
    }

    /// The index of the console that it shows.
    #[must_use]
    pub fn console(&self) -> u32 {
        self.console
    }

    /// Whether both are the same registration.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.conn, &other.conn)
    }

    /// How the viewer authenticated and what it said it can do.
    #[must_use]
    pub fn negotiation(&self) -> &Negotiation {
        &self.negotiation
    }

    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.conn.is_closed()
    }

    /// Waits until fewer messages than `limit` wait for the viewer, or it is gone; returns for how long.
    pub(crate) fn wait_until_queued_below(&self, limit: usize) -> Duration {
        self.conn.wait_until_queued_below(limit)
    }

    /// What waits for the viewer to read it, and what has gone.
    #[must_use]
    pub fn queue(&self) -> QueueStats {
        self.conn.stats()
    }

    /// `Scanout`: a whole picture in the message.
    pub fn scanout(
        &self,
        width: u32,
        height: u32,
        stride: u32,
        format: u32,
        pixels: impl Into<Pixels>,
    ) -> Sent {
        self.discard();
        let args = Args::new().u32(width).u32(height).u32(stride).u32(format).pixels(pixels);
        let sent = self.tell(LISTENER, "Scanout", args);
        self.follow(width, height);
        sent
    }

    /// `Update`: a part of the picture, in pixels, tightly packed where `stride` says so.
    pub fn update(
        &self,
        [x, y, width, height]: [i32; 4],
        stride: u32,
        format: u32,
        pixels: impl Into<Pixels>,
    ) -> Sent {
        let args = rect([x, y, width, height]).u32(stride).u32(format).pixels(pixels);
        self.tell(LISTENER, "Update", args)
    }

    /// `ScanoutMap`: blocks, and with it the stand-in's main loop, until the answer or QEMU's second is over.
    pub fn scanout_map(&self, fd: impl AsFd, map: Map) -> Reply {
        let reply = self.map_call(Args::new().fd(duplicate(fd)), map);
        if reply.is_returned() {
            self.follow(map.width, map.height);
        }
        reply
    }

    /// `ScanoutMap` with a descriptor index that leads nowhere.
    pub fn scanout_map_without_fd(&self, map: Map) -> Reply {
        self.map_call(Args::new().fd_index(0), map)
    }

    fn map_call(&self, args: Args, map: Map) -> Reply {
        self.discard();
        let args = args.u32(map.offset).u32(map.width).u32(map.height).u32(map.stride).u32(map.format);
        let conn = self.conn.clone();
        let timeout = self.timing.reply;
        let (done, reply) = channel();
        let call = Outgoing::call(PATH, MAP, "ScanoutMap", args);
        let work = Job::Run(Box::new(move |_| {
            // The test waits below for as long as the main loop runs.
            let _ = done.send(conn.call(call).wait(timeout));
        }));
        if self.jobs.send(work).is_err() {
            return Reply::Closed;
        }
        reply.recv().unwrap_or(Reply::Closed)
    }

    /// `UpdateMap`: the mapped picture changed here.
    pub fn update_map(&self, area: [i32; 4]) -> Sent {
        self.tell(MAP, "UpdateMap", rect(area))
    }

    /// `ScanoutDMABUF`: another buffer is shown.
    pub fn scanout_dmabuf(&self, fd: impl AsFd, dmabuf: Dmabuf) -> Sent {
        self.discard();
        let sent = self.tell(LISTENER, "ScanoutDMABUF", dmabuf_args(Args::new().fd(duplicate(fd)), dmabuf));
        self.follow(dmabuf.width, dmabuf.height);
        sent
    }

    /// `ScanoutDMABUF` with a descriptor index that leads nowhere.
    pub fn scanout_dmabuf_without_fd(&self, dmabuf: Dmabuf) -> Sent {
        self.discard();
        self.tell(LISTENER, "ScanoutDMABUF", dmabuf_args(Args::new().fd_index(0), dmabuf))
    }

    /// `ScanoutDMABUF2`: another buffer, of as many descriptors as given.
    pub fn scanout_dmabuf2(&self, fds: &[impl AsFd], dmabuf: &Dmabuf2) -> Sent {
        self.discard();
        let fds: Vec<OwnedFd> = fds.iter().map(duplicate).collect();
        let args = Args::new().fds(fds).u32(dmabuf.x).u32(dmabuf.y);
        let args = args.u32(dmabuf.width).u32(dmabuf.height);
        let args = args.u32s(&dmabuf.offsets).u32s(&dmabuf.strides).u32(dmabuf.num_planes);
        let args = args.u32(dmabuf.fourcc).u32(dmabuf.backing_width).u32(dmabuf.backing_height);
        let sent = self.tell(DMABUF2, "ScanoutDMABUF2", args.u64(dmabuf.modifier).bool(dmabuf.y0_top));
        self.follow(dmabuf.width, dmabuf.height);
        sent
    }

    /// `UpdateDMABUF`: the buffer changed here; QEMU waits 1000 ms for the reply.
    pub fn update_dmabuf(&self, area: [i32; 4]) -> PendingReply {
        self.conn.call(Outgoing::call(PATH, LISTENER, "UpdateDMABUF", rect(area)))
    }

    /// `Disable`: a buffer was freed, perhaps the one that is shown.
    pub fn disable(&self) -> Sent {
        self.discard();
        self.tell(LISTENER, "Disable", Args::new())
    }

    /// `MouseSet`: where the guest's pointer is, and whether it shows. Before 9.1 `on` is any number.
    pub fn mouse_set(&self, x: i32, y: i32, on: i32) -> Sent {
        self.tell(LISTENER, "MouseSet", Args::new().i32(x).i32(y).i32(on))
    }

    /// `CursorDefine`: the pointer's shape, 4 bytes a pixel, premultiplied alpha.
    pub fn cursor_define(
        &self,
        [width, height]: [i32; 2],
        [hot_x, hot_y]: [i32; 2],
        pixels: impl Into<Pixels>,
    ) -> Sent {
        let args = Args::new().i32(width).i32(height).i32(hot_x).i32(hot_y).pixels(pixels);
        self.tell(LISTENER, "CursorDefine", args)
    }

    /// Any method with any arguments. The interface follows from the method's name.
    pub fn raw(&self, member: &str, args: Args, expect: Expect) -> PendingReply {
        let interface = match member {
            "ScanoutMap" | "UpdateMap" => MAP,
            "ScanoutDMABUF2" => DMABUF2,
            _ => LISTENER,
        };
        let call = Outgoing::call(PATH, interface, member.to_owned(), args);
        self.conn.call(if expect == Expect::NoReply { call.no_reply() } else { call })
    }

    /// A method of any interface at any path.
    pub fn raw_at(&self, path: &str, interface: &str, member: &str, args: Args) -> PendingReply {
        self.conn.call(Outgoing::call(path.to_owned(), interface.to_owned(), member.to_owned(), args))
    }

    /// Bytes that need not be a message.
    pub fn bytes(&self, bytes: &[u8]) -> Sent {
        self.conn.send_bytes(bytes.to_vec())
    }

    /// The first `part` (0 to 1) of a call's bytes, after which the stream ends.
    pub fn half(&self, member: &str, args: Args, part: f64) {
        self.conn.send_half(Outgoing::call(PATH, LISTENER, member.to_owned(), args).no_reply(), part);
        self.conn.close();
    }

    /// Closes after everything queued has been written.
    pub fn close(&self) {
        self.conn.close();
    }

    /// Ends the stream after everything queued, but goes on reading.
    pub fn end(&self) {
        self.conn.end();
    }

    /// Closes now, whatever is queued.
    pub fn abort(&self) {
        self.conn.abort();
    }

    /// Keeps what is sent from now on in the queue until the batch is dropped: with a stand-in that is
    /// `lossy`, what QEMU would throw away is then sure to be.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        self.conn.begin_batch();
        Batch(&self.conn)
    }

    /// Waits until everything queued has left; false after `timeout`.
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> bool {
        self.conn.send_bytes(Vec::new()).wait_sent(timeout)
    }

    fn tell(&self, interface: &'static str, member: &'static str, args: Args) -> Sent {
        self.conn.send(Outgoing::call(PATH, interface, member, args).no_reply())
    }

    fn discard(&self) {
        if self.lossy && self.release.discards() == Discards::DisplayMessages {
            self.conn.discard();
        }
    }

    /// The console's size follows, as QEMU's does, and is told of after the message is queued.
    fn follow(&self, width: u32, height: u32) {
        if (1..=MAX_FOLLOWED).contains(&width) && (1..=MAX_FOLLOWED).contains(&height) {
            let console = self.console;
            // A stand-in that has ended has no size.
            let _ = self.jobs.send(Job::Run(Box::new(move |machine| machine.resize(console, width, height))));
        }
    }
}

fn rect([x, y, width, height]: [i32; 4]) -> Args {
    Args::new().i32(x).i32(y).i32(width).i32(height)
}

fn dmabuf_args(args: Args, dmabuf: Dmabuf) -> Args {
    let args = args.u32(dmabuf.width).u32(dmabuf.height).u32(dmabuf.stride);
    args.u32(dmabuf.fourcc).u64(dmabuf.modifier).bool(dmabuf.y0_top)
}
