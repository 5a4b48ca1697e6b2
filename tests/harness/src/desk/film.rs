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

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
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
    shot::{Image, Pixel},
};

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
    pub fn start(sway: &Sway, mut look: impl FnMut(u64, &Still<'_>) + Send + 'static) -> Result<Self> {
        let mut camera = Camera::open(sway)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                look(count, &camera.take()?);
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

struct Camera {
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

/// What the compositor has said of the frame that it was asked for.
#[derive(Debug, Default)]
struct State {
    shape: Option<Shape>,
    outcome: Option<bool>,
    upside_down: bool,
}

impl Camera {
    fn open(sway: &Sway) -> Result<Self> {
        let socket = UnixStream::connect(sway.socket()?).doing("connect to the compositor")?;
        let connection = Connection::from_socket(socket).map_err(Error::failed)?;
        let (globals, queue) = registry_queue_init::<State>(&connection).map_err(Error::failed)?;
        let handle = queue.handle();
        let manager = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let output = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        let shm = globals.bind(&handle, 1..=1, ()).map_err(Error::failed)?;
        Ok(Self { queue, state: State::default(), manager, output, shm, canvas: None })
    }

    /// The next picture that the compositor shows.
    fn take(&mut self) -> Result<Still<'_>> {
        let handle = self.queue.handle();
        self.state = State::default();
        let frame = self.manager.capture_output(0, &self.output, &handle, ());
        let shape = loop {
            if let Some(shape) = self.state.shape {
                break shape;
            }
            self.wait()?;
        };
        if self.canvas.as_ref().is_none_or(|canvas| canvas.shape != shape) {
            self.canvas = Some(Canvas::new(&self.shm, shape, &handle)?);
        }
        let Some(canvas) = &mut self.canvas else { return Err(Error::failed("there is no canvas")) };
        frame.copy(&canvas.buffer);
        while self.state.outcome.is_none() {
            self.queue.blocking_dispatch(&mut self.state).map_err(Error::failed)?;
        }
        frame.destroy();
        if self.state.outcome == Some(false) {
            return Err(Error::failed("the compositor gives no picture"));
        }
        canvas.read(self.state.upside_down)
    }

    fn wait(&mut self) -> Result<()> {
        if self.state.outcome == Some(false) {
            return Err(Error::failed("the compositor gives no picture"));
        }
        self.queue.blocking_dispatch(&mut self.state).map(drop).map_err(Error::failed)
    }
}

impl Canvas {
    fn new(shm: &wl_shm::WlShm, shape: Shape, handle: &QueueHandle<State>) -> Result<Self> {
        if !matches!(shape.format, wl_shm::Format::Xrgb8888 | wl_shm::Format::Argb8888) {
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
        [self.bytes[start + 2], self.bytes[start + 1], self.bytes[start], 255]
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
