//! Everything that a sway draws in one place, frame by frame: no picture between two looks is missed.

use std::{
    fs::File,
    os::{fd::AsFd, unix::fs::FileExt, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, memfd_create},
};
use wayland_client::{
    Connection, Dispatch, EventQueue, QueueHandle, WEnum, delegate_noop,
    globals::{GlobalListContents, registry_queue_init},
    protocol::{wl_buffer, wl_output, wl_registry, wl_shm, wl_shm_pool},
};
use wayland_protocols_wlr::screencopy::v1::client::{
    zwlr_screencopy_frame_v1::{self, ZwlrScreencopyFrameV1},
    zwlr_screencopy_manager_v1::ZwlrScreencopyManagerV1,
};

use crate::{
    desk::Sway,
    error::{Doing, Error, Result},
    shot::{Image, Rect},
};

/// How often a capture that waits for the next frame looks whether it is to end.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A part of the screen at one moment.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Since the capture began.
    pub at: Duration,
    /// What was there.
    pub image: Image,
}

/// A capture that runs until it is asked for its frames, or dropped.
#[derive(Debug)]
pub struct Capture {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<Frame>>>>,
}

impl Capture {
    /// Begins to keep each frame of a rectangle of the leftmost output, in its logical pixels. Keep it
    /// small: all frames stay in memory.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn start(sway: &Sway, rect: Rect) -> Result<Self> {
        let socket = UnixStream::connect(sway.socket()?).doing("connect to the compositor")?;
        let mut screen = Screen::open(socket, rect)?;
        let end = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&end);
        let thread = thread::spawn(move || screen.run(&asked));
        Ok(Self { end, thread: Some(thread) })
    }

    /// Ends the capture and gives all frames, the first of them the picture that there was at the start.
    ///
    /// # Errors
    /// When the compositor ended before.
    pub fn finish(mut self) -> Result<Vec<Frame>> {
        self.end.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| Error::failed("a capture has only one end"))?;
        thread.join().map_err(|_| Error::failed("the capture has panicked"))?
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Screen {
    queue: EventQueue<State>,
    shm: wl_shm::WlShm,
    output: wl_output::WlOutput,
    manager: ZwlrScreencopyManagerV1,
    rect: Rect,
}

/// What the compositor said of the frame under way.
#[derive(Debug, Default)]
struct State {
    layout: Option<Layout>,
    inverted: bool,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    format: wl_shm::Format,
    width: u32,
    height: u32,
    stride: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ready,
    Failed,
}

impl Screen {
    fn open(socket: UnixStream, rect: Rect) -> Result<Self> {
        let connection = Connection::from_socket(socket).map_err(Error::failed)?;
        let (globals, queue) = registry_queue_init::<State>(&connection).map_err(Error::failed)?;
        let handle = queue.handle();
        let shm = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let output = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let manager = globals.bind(&handle, 3..=3, ()).map_err(Error::failed)?;
        Ok(Self { queue, shm, output, manager, rect })
    }

    fn run(&mut self, end: &AtomicBool) -> Result<Vec<Frame>> {
        let began = Instant::now();
        let mut frames = Vec::new();
        while let Some(image) = self.next(frames.is_empty(), end)? {
            frames.push(Frame { at: began.elapsed(), image });
        }
        Ok(frames)
    }

    /// The next frame that differs, or the present one; nothing once the capture is to end.
    fn next(&mut self, now: bool, end: &AtomicBool) -> Result<Option<Image>> {
        let handle = self.queue.handle();
        let Rect { x, y, width, height } = self.rect;
        let frame = self.manager.capture_output_region(0, &self.output, x, y, width, height, &handle, ());
        let mut state = State::default();
        let Some(layout) = self.wait(&mut state, end, |state| state.layout)? else {
            return Ok(None);
        };
        let size = u64::from(layout.stride) * u64::from(layout.height);
        let file = File::from(memfd_create("capture", MemfdFlags::CLOEXEC).doing("make shared memory")?);
        file.set_len(size).doing("make shared memory")?;
        let number = |n: u32| i32::try_from(n).map_err(Error::failed);
        let length = i32::try_from(size).map_err(Error::failed)?;
        let pool = self.shm.create_pool(file.as_fd(), length, &handle, ());
        let (width, height, stride) = (number(layout.width)?, number(layout.height)?, number(layout.stride)?);
        let buffer = pool.create_buffer(0, width, height, stride, layout.format, &handle, ());
        if now {
            frame.copy(&buffer);
        } else {
            frame.copy_with_damage(&buffer);
        }
        let outcome = self.wait(&mut state, end, |state| state.outcome);
        frame.destroy();
        buffer.destroy();
        pool.destroy();
        match outcome? {
            None => Ok(None),
            Some(Outcome::Failed) => Err(Error::failed("the compositor gave no frame")),
            Some(Outcome::Ready) => image(&file, layout, state.inverted).map(Some),
        }
    }

    /// Reads events until there is something, or the capture is to end.
    fn wait<T>(
        &mut self,
        state: &mut State,
        end: &AtomicBool,
        found: impl Fn(&State) -> Option<T>,
    ) -> Result<Option<T>> {
        loop {
            self.queue.dispatch_pending(state).map_err(Error::failed)?;
            if let Some(found) = found(state) {
                return Ok(Some(found));
            }
            if end.load(Ordering::Relaxed) {
                return Ok(None);
            }
            self.queue.flush().map_err(Error::failed)?;
            let Some(guard) = self.queue.prepare_read() else { continue };
            let fd = guard.connection_fd();
            let ready = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&LOOK));
            if matches!(ready, Ok(1..)) {
                guard.read().map_err(Error::failed)?;
            }
        }
    }
}

fn image(file: &File, layout: Layout, inverted: bool) -> Result<Image> {
    use wl_shm::Format::{Abgr8888, Argb8888, Xbgr8888, Xrgb8888};
    let swapped = match layout.format {
        Argb8888 | Xrgb8888 => true,
        Abgr8888 | Xbgr8888 => false,
        other => return Err(Error::failed(format_args!("a frame of format {other:?} is not understood"))),
    };
    let mut bytes = vec![0; layout.stride as usize * layout.height as usize];
    file.read_exact_at(&mut bytes, 0).doing("read a frame")?;
    Ok(Image::from_fn(layout.width, layout.height, |x, y| {
        let y = if inverted { layout.height - 1 - y } else { y };
        let at = y as usize * layout.stride as usize + x as usize * 4;
        let [first, green, third] = [bytes[at], bytes[at + 1], bytes[at + 2]];
        if swapped { [third, green, first, 255] } else { [first, green, third, 255] }
    }))
}

impl Dispatch<ZwlrScreencopyFrameV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ZwlrScreencopyFrameV1,
        event: zwlr_screencopy_frame_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwlr_screencopy_frame_v1::Event;
        match event {
            Event::Buffer { format: WEnum::Value(format), width, height, stride } => {
                state.layout = Some(Layout { format, width, height, stride });
            }
            Event::Flags { flags: WEnum::Value(flags) } => {
                state.inverted = flags.contains(zwlr_screencopy_frame_v1::Flags::YInvert);
            }
            Event::Ready { .. } => state.outcome = Some(Outcome::Ready),
            Event::Failed => state.outcome = Some(Outcome::Failed),
            _ => {}
        }
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for State {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

delegate_noop!(State: ignore wl_shm::WlShm);
delegate_noop!(State: ignore wl_output::WlOutput);
delegate_noop!(State: ignore wl_buffer::WlBuffer);
delegate_noop!(State: wl_shm_pool::WlShmPool);
delegate_noop!(State: ZwlrScreencopyManagerV1);
