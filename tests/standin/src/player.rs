//! Frames at a steady rate, rendered beforehand, so that what is measured is the viewer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::buffer::{Buffer, Layout, Sealing};
use crate::clock;
use crate::conn::QueueStats;
use crate::listener::{DMABUF2, Listener, MAP};
use crate::reply::{PendingReply, Reply, Sent};
use crate::standin::Standin;
use crate::wire::Pixels;
use crate::{pattern, pixman};

/// How the frames reach the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// `Scanout` of every frame, as ramfb; or `Update`, where there is a damage rectangle.
    Pixels,
    /// `ScanoutMap` once, then `UpdateMap`.
    Map,
    /// `ScanoutDMABUF` for each of several buffers in turn, then `UpdateDMABUF`.
    Dmabuf,
    /// The same with `ScanoutDMABUF2`.
    Dmabuf2,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "pixels" => Self::Pixels,
            "map" => Self::Map,
            "dmabuf" => Self::Dmabuf,
            "dmabuf2" => Self::Dmabuf2,
            _ => return Err("there are pixels, map, dmabuf and dmabuf2".into()),
        })
    }
}

/// What is written into mapped memory for each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Paint {
    /// The time in the first two pixels: nearly free, whatever the size.
    Stamp,
    /// The whole picture.
    Full,
}

impl FromStr for Paint {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "stamp" => Ok(Self::Stamp),
            "full" => Ok(Self::Full),
            _ => Err("there are stamp and full".into()),
        }
    }
}

/// What QEMU does until `UpdateDMABUF` is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pacing {
    /// Goes on, as with vfio.
    Timer,
    /// Sends nothing, for at most a second, as with virtio-gpu.
    Replies,
}

impl FromStr for Pacing {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "timer" => Ok(Self::Timer),
            "replies" => Ok(Self::Replies),
            _ => Err("there are timer and replies".into()),
        }
    }
}

/// What is played.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub mode: Mode,
    pub width: u32,
    pub height: u32,
    /// Frames a second; as many as the viewer takes without.
    pub fps: Option<f64>,
    pub seconds: f64,
    /// Frames rendered beforehand, and buffers to flip between.
    pub buffers: usize,
    /// The part that changes; everything without.
    pub damage: Option<[u32; 4]>,
    pub paint: Paint,
    pub pacing: Pacing,
    /// Whether mapped memory is sealed against shrinking; stock QEMU's is not.
    pub sealed: bool,
}

impl Plan {
    /// 60 frames a second in the way named.
    #[must_use]
    pub fn new(mode: Mode, width: u32, height: u32, seconds: f64) -> Self {
        Self {
            mode,
            width,
            height,
            fps: Some(60.0),
            seconds,
            buffers: 3,
            damage: None,
            paint: Paint::Stamp,
            pacing: Pacing::Timer,
            sealed: false,
        }
    }

    fn area(&self) -> [u32; 4] {
        self.damage.unwrap_or([0, 0, self.width, self.height])
    }
}

/// One message in the order sent.
#[derive(Debug)]
pub struct Logged {
    pub frame: u64,
    pub member: &'static str,
    pub sent: Sent,
    reply: Option<Reply>,
}

/// Times that many things took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Spread {
    /// `None` where nothing was measured.
    #[must_use]
    pub fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        let at = |percent: usize| times[last * percent / 100].as_secs_f64() * 1e3;
        Some(Self { p50: at(50), p99: at(99), max: at(100) })
    }
}

/// What a run came to.
#[derive(Debug, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub plan: Plan,
    /// Seconds that the run took.
    pub took_s: f64,
    pub frames: u64,
    /// Frames that were due while there was no listener, or none that could be sent.
    pub skipped: u64,
    pub messages: BTreeMap<&'static str, u64>,
    /// Answers to `UpdateDMABUF` and `ScanoutMap`.
    pub returned: u64,
    pub failed: u64,
    /// Calls without an answer within QEMU's second.
    pub unanswered: u64,
    /// From the last byte sent to the answer read, in milliseconds.
    #[serde(rename = "reply_latency_ms")]
    pub reply_latency: Option<Spread>,
    /// From queued to in the socket, in milliseconds.
    #[serde(rename = "send_delay_ms")]
    pub send_delay: Option<Spread>,
    pub queue: QueueStats,
    /// CPU time of this process without the rendering beforehand, in milliseconds.
    pub cpu_ms: f64,
    pub cpu_ms_per_frame: f64,
    #[serde(skip)]
    pub log: Vec<Logged>,
}

impl Summary {
    /// One line a message: frame, method, and when it was queued, sent and answered, in nanoseconds of
    /// `CLOCK_MONOTONIC`. A field is empty where it did not happen.
    #[must_use]
    pub fn log_csv(&self) -> String {
        let mut out = String::from("frame,member,queued,sent,answered\n");
        let nanos = |time: Option<Duration>| time.map_or(String::new(), |time| time.as_nanos().to_string());
        for line in &self.log {
            let times = line.sent.times();
            let (queued, sent, answered) =
                (nanos(Some(times.queued)), nanos(times.sent), nanos(times.answered));
            writeln!(out, "{},{},{queued},{sent},{answered}", line.frame, line.member)
                .expect("writing to a string");
        }
        out
    }
}

/// What a frame is made of, ready before the clock starts.
enum Frames {
    Messages {
        /// What the first part is a part of, where not everything changes.
        ground: Option<Pixels>,
        frames: Vec<Pixels>,
    },
    Map {
        buffer: Buffer,
        frames: Vec<Vec<u8>>,
    },
    Dmabufs(Vec<Buffer>),
}

struct Player<'a> {
    plan: &'a Plan,
    listener: Listener,
    frames: Frames,
    log: Vec<Logged>,
    pending: Option<PendingReply>,
    /// Whether this listener has been given something to update.
    has_scanout: bool,
    frame: u64,
}

/// Plays to the listener of a console, and to each that takes its place.
pub fn play(qemu: &Standin, first: &Listener, plan: &Plan) -> io::Result<Summary> {
    let needed = match plan.mode {
        Mode::Map => Some(MAP),
        Mode::Dmabuf2 => Some(DMABUF2),
        Mode::Pixels | Mode::Dmabuf => None,
    };
    if let Some(interface) = needed.filter(|interface| !first.negotiation().uses(interface)) {
        let text = format!("the viewer or the release does not know {interface}");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    let mut player = Player {
        plan,
        listener: first.clone(),
        frames: Frames::prepare(plan)?,
        log: Vec::new(),
        pending: None,
        has_scanout: false,
        frame: 0,
    };
    let (start, cpu) = (Instant::now(), clock::cpu());
    let length = Duration::from_secs_f64(plan.seconds);
    let mut skipped = 0;
    let mut due = Duration::ZERO;
    while start.elapsed() < length {
        player.follow(qemu);
        if player.listener.is_closed() || !player.may_send() {
            skipped += u64::from(plan.fps.is_some());
            if plan.fps.is_none() {
                thread::sleep(Duration::from_millis(1));
            }
        } else {
            player.send()?;
        }
        due += plan.fps.map_or(Duration::ZERO, |fps| Duration::from_secs_f64(1.0 / fps));
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
    let (took, cpu) = (start.elapsed(), clock::cpu().saturating_sub(cpu));
    Ok(player.summary(took, cpu, skipped))
}

impl Frames {
    fn prepare(plan: &Plan) -> io::Result<Self> {
        let format = pixman::X8R8G8B8;
        let Plan { width, height, .. } = *plan;
        let count = u32::try_from(plan.buffers.max(1)).unwrap_or(1);
        let sealing = if plan.sealed { Sealing::Shrink } else { Sealing::None };
        let layout = Layout { sealing, ..Layout::tight(width, height, format) };
        Ok(match plan.mode {
            Mode::Pixels => {
                let [.., part_width, _] = plan.area();
                let stride = pattern::tight(format, part_width);
                let render = |frame| pattern::render_part(format, frame, plan.area(), stride).into();
                let whole =
                    || pattern::render(format, 0, width, height, pattern::tight(format, width)).into();
                Self::Messages {
                    ground: plan.damage.is_some().then(whole),
                    frames: (0..count).map(render).collect(),
                }
            }
            Mode::Map => {
                let full = if plan.paint == Paint::Full { count } else { 0 };
                let render = |frame| pattern::render(format, frame, width, height, layout.stride);
                let buffer = Buffer::with_frame(layout, 0)?;
                Self::Map { buffer, frames: (0..full).map(render).collect() }
            }
            Mode::Dmabuf | Mode::Dmabuf2 => {
                let buffers = (0..count).map(|frame| Buffer::with_frame(layout, frame));
                Self::Dmabufs(buffers.collect::<io::Result<_>>()?)
            }
        })
    }
}

impl Player<'_> {
    /// Goes over to a listener that registered later.
    fn follow(&mut self, qemu: &Standin) {
        if let Ok(later) = qemu.listener_after(&self.listener, Duration::ZERO) {
            self.listener = later;
            self.pending = None;
            self.has_scanout = false;
        }
    }

    /// Whether QEMU would send now: not while it waits for an answer, nor without end.
    fn may_send(&self) -> bool {
        const UNPACED_QUEUE: usize = 4;
        if self.plan.fps.is_none() && self.listener.queue().queued_messages > UNPACED_QUEUE {
            return false;
        }
        let waits = |pending: &PendingReply| {
            let age = clock::now().saturating_sub(pending.sent().times().queued);
            pending.poll().is_none() && age < Duration::from_secs(1)
        };
        self.plan.pacing == Pacing::Timer || !self.pending.as_ref().is_some_and(waits)
    }

    fn send(&mut self) -> io::Result<()> {
        let now = u64::try_from(clock::now().as_nanos()).unwrap_or(u64::MAX);
        let format = pixman::X8R8G8B8;
        let Plan { width, height, .. } = *self.plan;
        let [x, y, part_width, part_height] = self.plan.area();
        let area = [x, y, part_width, part_height].map(u32::cast_signed);
        let first = !std::mem::replace(&mut self.has_scanout, true);
        if first {
            // What a new listener is told before anything else.
            self.listener.mouse_set(0, 0, 0);
        }
        match &self.frames {
            Frames::Messages { ground, frames } => {
                if let Some(ground) = ground.as_ref().filter(|_| first) {
                    self.listener.scanout(width, height, pattern::tight(format, width), format, ground);
                }
                let pixels = pick(frames, self.frame).stamped(now);
                let stride = pattern::tight(format, part_width);
                let (member, sent) = if self.plan.damage.is_some() {
                    ("Update", self.listener.update(area, stride, format, pixels))
                } else {
                    ("Scanout", self.listener.scanout(width, height, stride, format, pixels))
                };
                self.note(member, sent);
            }
            Frames::Map { buffer, frames } => {
                if !frames.is_empty() {
                    buffer.write(0, pick::<Vec<u8>>(frames, self.frame))?;
                }
                buffer.write(0, &now.to_le_bytes())?;
                if first {
                    scanned_out(&self.listener.scanout_map(buffer, buffer.map()))?;
                }
                let sent = self.listener.update_map(area);
                self.note("UpdateMap", sent);
            }
            Frames::Dmabufs(buffers) => {
                let buffer = pick(buffers, self.frame);
                buffer.write(0, &now.to_le_bytes())?;
                if first || buffers.len() > 1 {
                    let (member, sent) = if self.plan.mode == Mode::Dmabuf {
                        ("ScanoutDMABUF", self.listener.scanout_dmabuf(buffer, buffer.dmabuf()))
                    } else {
                        let dmabuf = buffer.dmabuf().into();
                        ("ScanoutDMABUF2", self.listener.scanout_dmabuf2(&[buffer], &dmabuf))
                    };
                    self.note(member, sent);
                }
                let pending = self.listener.update_dmabuf(area);
                self.note("UpdateDMABUF", pending.sent().clone());
                self.pending = Some(pending);
            }
        }
        self.frame += 1;
        Ok(())
    }

    fn note(&mut self, member: &'static str, sent: Sent) {
        self.log.push(Logged { frame: self.frame, member, sent, reply: None });
    }

    fn summary(mut self, took: Duration, cpu: Duration, skipped: u64) -> Summary {
        // The last answers may still be on their way.
        let patience = Instant::now() + Duration::from_secs(1);
        for line in self.log.iter_mut().filter(|line| line.member == "UpdateDMABUF") {
            let left = patience.saturating_duration_since(Instant::now());
            line.reply = Some(PendingReply(line.sent.clone()).wait(left));
        }
        let mut messages = BTreeMap::new();
        for line in &self.log {
            *messages.entry(line.member).or_default() += 1;
        }
        let count = |of: fn(&Reply) -> bool| {
            let replies = self.log.iter().filter_map(|line| line.reply.as_ref());
            replies.filter(|reply| of(reply)).count() as u64
        };
        let latency = |line: &Logged| PendingReply(line.sent.clone()).latency();
        let delay = |line: &Logged| {
            let times = line.sent.times();
            Some(times.sent?.saturating_sub(times.queued))
        };
        let cpu_ms = cpu.as_secs_f64() * 1e3;
        #[expect(clippy::cast_precision_loss, reason = "far fewer frames than 2^52")]
        let cpu_ms_per_frame = cpu_ms / self.frame.max(1) as f64;
        Summary {
            plan: self.plan.clone(),
            took_s: took.as_secs_f64(),
            frames: self.frame,
            skipped,
            messages,
            returned: count(Reply::is_returned),
            failed: count(|reply| reply.error_name().is_some()),
            unanswered: count(|reply| matches!(reply, Reply::TimedOut | Reply::Closed)),
            reply_latency: Spread::of(self.log.iter().filter_map(latency).collect()),
            send_delay: Spread::of(self.log.iter().filter_map(delay).collect()),
            queue: self.listener.queue(),
            cpu_ms,
            cpu_ms_per_frame,
            log: self.log,
        }
    }
}

/// QEMU would fall back to pixels; here that would measure something else than asked for.
fn scanned_out(reply: &Reply) -> io::Result<()> {
    if reply.is_returned() {
        return Ok(());
    }
    Err(io::Error::other(format!("the viewer did not take ScanoutMap: {reply:?}")))
}

/// The one of several whose turn it is.
fn pick<T>(all: &[T], frame: u64) -> &T {
    let turn = frame % all.len() as u64;
    &all[usize::try_from(turn).expect("below the length")]
}
