//! A small Wayland client: one window with a pattern of its own, and a list of what it was told.

use std::{
    fs::File,
    io::Write,
    net::Shutdown,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use harness::{
    Doing, Error, Result,
    shot::{Image, Pixel},
};
use rustix::fs::{MemfdFlags, memfd_create};
use wayland_client::{
    Connection, Dispatch, QueueHandle, WEnum, delegate_noop,
    globals::{GlobalListContents, registry_queue_init},
    protocol::{
        wl_buffer, wl_compositor, wl_keyboard, wl_pointer, wl_registry, wl_seat, wl_shm, wl_shm_pool,
        wl_surface,
    },
};
use wayland_protocols::{
    wp::{
        fractional_scale::v1::client::{
            wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1,
            wp_fractional_scale_v1::{self, WpFractionalScaleV1},
        },
        viewporter::client::{wp_viewport::WpViewport, wp_viewporter::WpViewporter},
    },
    xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base},
};

pub(crate) const APP_ID: &str = "harness.client";

/// What the client was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A window of this logical size was drawn at this scale, in 120ths.
    Drawn {
        width: i32,
        height: i32,
        scale: u32,
    },
    Key {
        code: u32,
        pressed: bool,
    },
    Modifiers {
        held: u32,
        locked: u32,
    },
    Motion {
        x: f64,
        y: f64,
    },
    Button {
        code: u32,
        pressed: bool,
    },
    Axis {
        vertical: bool,
        value: f64,
    },
    Notches {
        vertical: bool,
        count: i32,
    },
    Close,
}

/// The client, until it is dropped.
pub(crate) struct Client {
    events: Receiver<Event>,
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    pub(crate) fn start(socket: &Path, width: i32, height: i32) -> Result<Self> {
        let socket = UnixStream::connect(socket).doing("connect to the compositor")?;
        let connection =
            Connection::from_socket(socket.try_clone().doing("keep a socket")?).map_err(Error::failed)?;
        let (sender, events) = mpsc::channel();
        let thread = std::thread::spawn(move || run(&connection, sender, (width, height)));
        Ok(Self { events, socket, thread: Some(thread) })
    }

    /// The first event to come that `wanted` accepts; others before it are forgotten.
    pub(crate) fn wait_for<T>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> Result<T> {
        let limit = Duration::from_secs(10);
        let deadline = Instant::now() + limit;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                return Err(Error::Timeout {
                    what: what.to_owned(),
                    limit,
                    detail: format!("there were {seen:?}"),
                });
            };
            if let Some(found) = wanted(&event) {
                return Ok(found);
            }
            seen.push(event);
        }
    }

    pub(crate) fn expect(&self, event: &Event) -> Result<()> {
        self.wait_for(&format!("{event:?}"), |one| (one == event).then_some(()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        self.thread.take().map(JoinHandle::join);
    }
}

/// What a window of this many device pixels looks like: no two neighbours are alike.
pub(crate) fn pattern(width: u32, height: u32) -> Image {
    Image::from_fn(width, height, pixel)
}

fn pixel(x: u32, y: u32) -> Pixel {
    let [low_x, high_x, ..] = x.to_le_bytes();
    let [low_y, high_y, ..] = y.to_le_bytes();
    [low_x, low_y, 0x40 | high_x << 3 | high_y, 0xff]
}

struct State {
    events: Sender<Event>,
    shm: wl_shm::WlShm,
    surface: wl_surface::WlSurface,
    viewport: WpViewport,
    wanted: (i32, i32),
    size: (i32, i32),
    scale: u32,
    configured: bool,
}

fn run(connection: &Connection, events: Sender<Event>, wanted: (i32, i32)) {
    let (globals, mut queue) = registry_queue_init::<State>(connection).expect("a compositor");
    let handle = queue.handle();
    let compositor: wl_compositor::WlCompositor = globals.bind(&handle, 4..=4, ()).expect("wl_compositor");
    let shell: xdg_wm_base::XdgWmBase = globals.bind(&handle, 1..=1, ()).expect("xdg_wm_base");
    let scales: WpFractionalScaleManagerV1 = globals.bind(&handle, 1..=1, ()).expect("fractional scale");
    let viewporter: WpViewporter = globals.bind(&handle, 1..=1, ()).expect("viewporter");
    let _seat: wl_seat::WlSeat = globals.bind(&handle, 8..=8, ()).expect("wl_seat");
    let surface = compositor.create_surface(&handle, ());
    let toplevel = shell.get_xdg_surface(&surface, &handle, ()).get_toplevel(&handle, ());
    toplevel.set_app_id(APP_ID.to_owned());
    toplevel.set_title("pattern".to_owned());
    scales.get_fractional_scale(&surface, &handle, ());
    let mut state = State {
        events,
        shm: globals.bind(&handle, 1..=1, ()).expect("wl_shm"),
        viewport: viewporter.get_viewport(&surface, &handle, ()),
        surface,
        wanted,
        size: wanted,
        scale: 120,
        configured: false,
    };
    state.surface.commit();
    // Ends when the connection is shut down.
    while queue.blocking_dispatch(&mut state).is_ok() {}
}

impl State {
    fn draw(&self, handle: &QueueHandle<Self>) {
        let (width, height) = self.size;
        let device = |logical: i32| (logical.unsigned_abs() * self.scale + 60) / 120;
        let (w, h) = (device(width), device(height));
        let mut bytes = Vec::new();
        for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
            let [r, g, b, a] = pixel(x, y);
            bytes.extend([b, g, r, a]);
        }
        let mut file = File::from(memfd_create("pattern", MemfdFlags::CLOEXEC).expect("a memfd"));
        file.write_all(&bytes).expect("room for the pattern");
        let (w, h) = (w.cast_signed(), h.cast_signed());
        let pool = self.shm.create_pool(file.as_fd(), w * h * 4, handle, ());
        let buffer = pool.create_buffer(0, w, h, w * 4, wl_shm::Format::Xrgb8888, handle, ());
        self.surface.attach(Some(&buffer), 0, 0);
        self.surface.damage_buffer(0, 0, w, h);
        self.viewport.set_destination(width, height);
        self.surface.commit();
        pool.destroy();
        self.tell(Event::Drawn { width, height, scale: self.scale });
    }

    fn tell(&self, event: Event) {
        // The test may have seen enough.
        let _ = self.events.send(event);
    }
}

impl Dispatch<xdg_toplevel::XdgToplevel, ()> for State {
    fn event(
        state: &mut Self,
        _: &xdg_toplevel::XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            xdg_toplevel::Event::Configure { width: 0, height: 0, .. } => state.size = state.wanted,
            xdg_toplevel::Event::Configure { width, height, .. } => state.size = (width, height),
            xdg_toplevel::Event::Close => state.tell(Event::Close),
            _ => {}
        }
    }
}

impl Dispatch<xdg_surface::XdgSurface, ()> for State {
    fn event(
        state: &mut Self,
        surface: &xdg_surface::XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            state.configured = true;
            state.draw(handle);
        }
    }
}

impl Dispatch<WpFractionalScaleV1, ()> for State {
    fn event(
        state: &mut Self,
        _: &WpFractionalScaleV1,
        event: wp_fractional_scale_v1::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let wp_fractional_scale_v1::Event::PreferredScale { scale } = event {
            state.scale = scale;
            if state.configured {
                state.draw(handle);
            }
        }
    }
}

impl Dispatch<xdg_wm_base::XdgWmBase, ()> for State {
    fn event(
        _: &mut Self,
        shell: &xdg_wm_base::XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            shell.pong(serial);
        }
    }
}

impl Dispatch<wl_seat::WlSeat, ()> for State {
    fn event(
        _: &mut Self,
        seat: &wl_seat::WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(has) } = event {
            if has.contains(wl_seat::Capability::Pointer) {
                seat.get_pointer(handle, ());
            }
            if has.contains(wl_seat::Capability::Keyboard) {
                seat.get_keyboard(handle, ());
            }
        }
    }
}

impl Dispatch<wl_pointer::WlPointer, ()> for State {
    fn event(
        state: &mut Self,
        _: &wl_pointer::WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let vertical = |axis| axis == WEnum::Value(wl_pointer::Axis::VerticalScroll);
        match event {
            wl_pointer::Event::Enter { surface_x: x, surface_y: y, .. }
            | wl_pointer::Event::Motion { surface_x: x, surface_y: y, .. } => {
                state.tell(Event::Motion { x, y })
            }
            wl_pointer::Event::Button { button, state: now, .. } => {
                let pressed = now == WEnum::Value(wl_pointer::ButtonState::Pressed);
                state.tell(Event::Button { code: button, pressed });
            }
            wl_pointer::Event::Axis { axis, value, .. } => {
                state.tell(Event::Axis { vertical: vertical(axis), value })
            }
            wl_pointer::Event::AxisValue120 { axis, value120 } => {
                state.tell(Event::Notches { vertical: vertical(axis), count: value120 / 120 });
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_keyboard::WlKeyboard, ()> for State {
    fn event(
        state: &mut Self,
        _: &wl_keyboard::WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_keyboard::Event::Key { key, state: now, .. } => {
                let pressed = now == WEnum::Value(wl_keyboard::KeyState::Pressed);
                state.tell(Event::Key { code: key, pressed });
            }
            wl_keyboard::Event::Modifiers { mods_depressed: held, mods_locked: locked, .. } => {
                state.tell(Event::Modifiers { held, locked });
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_buffer::WlBuffer, ()> for State {
    fn event(
        _: &mut Self,
        buffer: &wl_buffer::WlBuffer,
        _: wl_buffer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        // The only event says that the compositor needs it no longer.
        buffer.destroy();
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

delegate_noop!(State: wl_compositor::WlCompositor);
delegate_noop!(State: ignore wl_surface::WlSurface);
delegate_noop!(State: ignore wl_shm::WlShm);
delegate_noop!(State: wl_shm_pool::WlShmPool);
delegate_noop!(State: WpFractionalScaleManagerV1);
delegate_noop!(State: WpViewporter);
delegate_noop!(State: WpViewport);
