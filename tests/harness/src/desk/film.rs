//! Every picture that a sway puts on its screen, looked at as it comes (wlr-screencopy).

use std::{
    fs::File,
    os::{fd::AsFd, unix::fs::FileExt, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, ftruncate, memfd_create},
};
use wayland_client::{
    Connection, Dispatch, EventQueue, QueueHandle, WEnum, delegate_noop,
    globals::{GlobalListContents, registry_queue_init},
    protocol::{wl_buffer, wl_output, wl_registry, wl_shm, wl_shm_pool},
};
use wayland_protocols_wlr::screencopy::v1::client::{
    zwlr_screencopy_frame_v1::{self as frame, ZwlrScreencopyFrameV1},
    zwlr_screencopy_manager_v1::ZwlrScreencopyManagerV1,
};

use super::Sway;
use crate::{
    error::{Doing, Error, Result},
    shot::{Image, Pixel, Rect},
};

/// How often one who waits for a picture sees whether it is time to stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A thread that looks at every picture until this is finished or dropped.
///
/// Pictures come with the screen's refreshes, which a compositor without a screen has 60 of a second,
/// whether or not anything has changed.
#[derive(Debug)]
pub struct Film {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<u64>>>,
}

impl Film {
    /// Looks at every picture of the first output with `look`, which is given its number, too.
    ///
    /// # Errors
    /// When the compositor has ended or gives no pictures.
    pub fn start(sway: &Sway, look: impl FnMut(u64, &Still<'_>) + Send + 'static) -> Result<Self> {
        Self::run(sway, View::Whole, look)
    }

    /// Looks at a part of the first output, in its logical pixels: at once, and then whenever
    /// something in it has been drawn anew. Costs next to nothing where the screen stands still.
    ///
    /// # Errors
    /// When the compositor has ended or gives no pictures.
    pub fn of_part(
        sway: &Sway,
        part: Rect,
        look: impl FnMut(u64, &Still<'_>) + Send + 'static,
    ) -> Result<Self> {
        Self::run(sway, View::Part(part), look)
    }

    fn run(sway: &Sway, view: View, mut look: impl FnMut(u64, &Still<'_>) + Send + 'static) -> Result<Self> {
        let mut camera = Camera::open(sway, view)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while let Some(still) = camera.take(count == 0, &stopped)? {
                look(count, &still);
                count += 1;
            }
            Ok(count)
        });
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Stops, and gives how many pictures there were.
    ///
    /// # Errors
    /// When the compositor gave no more at some point.
    ///
    /// # Panics
    /// When `look` did.
    pub fn finish(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| Error::failed("the film is over"))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
enum View {
    Whole,
    Part(Rect),
}

struct Camera {
    view: View,
    queue: EventQueue<State>,
    state: State,
    manager: ZwlrScreencopyManagerV1,
    output: wl_output::WlOutput,
    shm: wl_shm::WlShm,
    canvas: Option<Canvas>,
}

/// Memory that the compositor copies the screen into.
struct Canvas {
    file: File,
    buffer: wl_buffer::WlBuffer,
    shape: Shape,
    bytes: Vec<u8>,
}

/// One picture.
#[derive(Debug)]
pub struct Still<'a> {
    bytes: &'a [u8],
    shape: Shape,
    upside_down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    format: wl_shm::Format,
    width: u32,
    height: u32,
    stride: u32,
}

impl Shape {
    /// Where red, green and blue are among the four bytes of a pixel.
    fn order(self) -> Option<[usize; 3]> {
        use wl_shm::Format::{Abgr8888, Argb8888, Xbgr8888, Xrgb8888};
        match self.format {
            Xrgb8888 | Argb8888 => Some([2, 1, 0]),
            Xbgr8888 | Abgr8888 => Some([0, 1, 2]),
            _ => None,
        }
    }
}

/// What the compositor has said of the frame that it was asked for.
#[derive(Debug, Default)]
struct State {
    shape: Option<Shape>,
    outcome: Option<bool>,
    upside_down: bool,
}

impl Camera {
    fn open(sway: &Sway, view: View) -> Result<Self> {
        let socket = UnixStream::connect(sway.socket()?).doing("connect to the compositor")?;
        let connection = Connection::from_socket(socket).map_err(Error::failed)?;
        let (globals, queue) = registry_queue_init::<State>(&connection).map_err(Error::failed)?;
        let handle = queue.handle();
        let manager = globals.bind(&handle, 3..=3, ()).map_err(Error::failed)?;
        let output = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let shm = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        Ok(Self { view, queue, state: State::default(), manager, output, shm, canvas: None })
    }

    /// The next picture that the compositor shows; nothing when it is time to stop.
    fn take(&mut self, first: bool, stop: &AtomicBool) -> Result<Option<Still<'_>>> {
        let handle = self.queue.handle();
        self.state = State::default();
        let frame = match self.view {
            View::Whole => self.manager.capture_output(0, &self.output, &handle, ()),
            View::Part(Rect { x, y, width, height }) => {
                self.manager.capture_output_region(0, &self.output, x, y, width, height, &handle, ())
            }
        };
        let Some(shape) = self.wait(stop, |state| state.shape)? else { return Ok(None) };
        if self.canvas.as_ref().is_none_or(|canvas| canvas.shape != shape) {
            self.canvas = Some(Canvas::new(&self.shm, shape, &handle)?);
        }
        let Some(canvas) = &self.canvas else { return Err(Error::failed("there is no canvas")) };
        match self.view {
            View::Part(_) if !first => frame.copy_with_damage(&canvas.buffer),
            View::Part(_) | View::Whole => frame.copy(&canvas.buffer),
        }
        let taken = self.wait(stop, |state| state.outcome);
        frame.destroy();
        let upside_down = self.state.upside_down;
        match (taken?, &mut self.canvas) {
            (Some(_), Some(canvas)) => canvas.read(upside_down).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads events until there is what `found` looks for; nothing when it is time to stop.
    fn wait<T>(&mut self, stop: &AtomicBool, found: impl Fn(&State) -> Option<T>) -> Result<Option<T>> {
        while !stop.load(Ordering::Relaxed) {
            self.queue.dispatch_pending(&mut self.state).map_err(Error::failed)?;
            if self.state.outcome == Some(false) {
                return Err(Error::failed("the compositor gives no picture"));
            }
            if let Some(found) = found(&self.state) {
                return Ok(Some(found));
            }
            self.queue.flush().map_err(Error::failed)?;
            let Some(guard) = self.queue.prepare_read() else { continue };
            let fd = guard.connection_fd();
            if matches!(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&LOOK)), Ok(1..)) {
                guard.read().map_err(Error::failed)?;
            }
        }
        Ok(None)
    }
}

impl Canvas {
    fn new(shm: &wl_shm::WlShm, shape: Shape, handle: &QueueHandle<State>) -> Result<Self> {
        if shape.order().is_none() {
            return Err(Error::failed(format_args!("the screen has pixels of {:?}", shape.format)));
        }
        let signed = |length: u32| i32::try_from(length).map_err(Error::failed);
        let length = shape.stride.checked_mul(shape.height).ok_or_else(|| Error::failed("a huge screen"))?;
        let file = memfd_create("oriel-film", MemfdFlags::CLOEXEC).doing("make memory for pictures")?;
        ftruncate(&file, length.into()).doing("make memory for pictures")?;
        let pool = shm.create_pool(file.as_fd(), signed(length)?, handle, ());
        let [width, height, stride] = [signed(shape.width)?, signed(shape.height)?, signed(shape.stride)?];
        let buffer = pool.create_buffer(0, width, height, stride, shape.format, handle, ());
        pool.destroy();
        Ok(Self { file: file.into(), buffer, shape, bytes: vec![0; length as usize] })
    }

    fn read(&mut self, upside_down: bool) -> Result<Still<'_>> {
        self.file.read_exact_at(&mut self.bytes, 0).doing("read a picture")?;
        Ok(Still { bytes: &self.bytes, shape: self.shape, upside_down })
    }
}

impl Still<'_> {
    /// Its size in device pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.shape.width, self.shape.height)
    }

    /// A pixel of it.
    ///
    /// # Panics
    /// Outside of it.
    pub fn get(&self, x: u32, y: u32) -> Pixel {
        let Shape { width, height, stride, .. } = self.shape;
        assert!(x < width && y < height, "{x},{y} is outside of {width} by {height}");
        let row = if self.upside_down { height - 1 - y } else { y };
        let start = row as usize * stride as usize + x as usize * 4;
        let [red, green, blue] = self.shape.order().unwrap_or_default();
        [self.bytes[start + red], self.bytes[start + green], self.bytes[start + blue], 255]
    }

    /// All of it, to keep.
    pub fn image(&self) -> Image {
        Image::from_fn(self.shape.width, self.shape.height, |x, y| self.get(x, y))
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.buffer.destroy();
    }
}

impl Dispatch<ZwlrScreencopyFrameV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &ZwlrScreencopyFrameV1,
        event: frame::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            frame::Event::Buffer { format: WEnum::Value(format), width, height, stride } => {
                state.shape = Some(Shape { format, width, height, stride });
            }
            frame::Event::Flags { flags: WEnum::Value(flags) } => {
                state.upside_down = flags.contains(frame::Flags::YInvert);
            }
            frame::Event::Ready { .. } => state.outcome = Some(true),
            frame::Event::Failed => state.outcome = Some(false),
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

delegate_noop!(State: ZwlrScreencopyManagerV1);
delegate_noop!(State: ignore wl_output::WlOutput);
delegate_noop!(State: ignore wl_shm::WlShm);
delegate_noop!(State: wl_shm_pool::WlShmPool);
delegate_noop!(State: ignore wl_buffer::WlBuffer);
