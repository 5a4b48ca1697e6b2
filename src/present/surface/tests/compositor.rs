//! A compositor in the test's own process: it offers, refuses and withholds what it is told to, ends
//! the connection over what real ones end it over, and remembers what it was asked for.

pub(super) mod points;

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::fs::MemfdFlags;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_buffer_params_v1::{
    self as params, ZwpLinuxBufferParamsV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_feedback_v1::{
    TrancheFlags, ZwpLinuxDmabufFeedbackV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_v1::{
    self as dmabuf, ZwpLinuxDmabufV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::viewporter::server::wp_viewport::{self as viewport, WpViewport};
use wayland_protocols::wp::viewporter::server::wp_viewporter::{self as viewporter, WpViewporter};
use wayland_server::backend::{ClientData, ClientId, ObjectId};
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_callback::WlCallback;
use wayland_server::protocol::wl_compositor::{self, WlCompositor};
use wayland_server::protocol::wl_output::Transform;
use wayland_server::protocol::wl_region::{self, WlRegion};
use wayland_server::protocol::wl_shm::{self, WlShm};
use wayland_server::protocol::wl_shm_pool::{self, WlShmPool};
use wayland_server::protocol::wl_subcompositor::{self, WlSubcompositor};
use wayland_server::protocol::wl_subsurface::WlSubsurface;
use wayland_server::protocol::wl_surface::{self, WlSurface};
use wayland_server::{Client, DataInit, Dispatch, Display, DisplayHandle, GlobalDispatch, New, Resource};

use self::points::{Commit, Points};
use super::timelines::Book;
use crate::pixel::{Fourcc, Modifier};

const LIMIT: Duration = Duration::from_secs(150);

/// A tranche of the feedback, and whether it is for scan-out.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) device: u64,
    pub(super) scanout: bool,
    pub(super) pairs: Vec<(Fourcc, Modifier)>,
}

/// What the compositor is to do from now on.
#[derive(Debug, Clone)]
pub(super) enum Do {
    /// Send feedback for the surface, or have it ready for who asks.
    Offer { main: u64, tranches: Vec<Offered> },
    /// Refuse every dma-buf, or none.
    Refuse(bool),
    /// Say nothing of frames, or say it at once.
    Hide(bool),
    /// Reach no point of release, or each when its buffer is replaced.
    Keep(bool),
}

/// What it was asked for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A plane of a buffer: its index and file, and where it lies.
    Add {
        index: u32,
        inode: u64,
        offset: u32,
        stride: u32,
        modifier: Modifier,
    },
    Create {
        size: (i32, i32),
        format: Fourcc,
        modifier: Modifier,
        planes: usize,
    },
    /// All of a surface that is said to be opaque.
    Opaque(Vec<[i32; 4]>),
    Transform(Transform),
    /// In 256ths of a pixel; `None` for all of the buffer.
    Source(Option<[i32; 4]>),
    Destination(i32, i32),
    /// The points of the commit that follows.
    Points(Points),
    /// The picture's surface has points no longer.
    Pointless,
    /// A buffer of the picture's surface, by the number of its creation; `None` takes it away.
    Attach(Option<u32>),
    Damage([i32; 4]),
    Commit,
    Destroyed(u32),
}

#[derive(Debug, Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    more: Condvar,
}

pub(super) struct Compositor {
    log: Arc<Log>,
    orders: Sender<Do>,
    wake: Arc<OwnedFd>,
}

impl Compositor {
    /// Serves one client, with linux-dmabuf of this version, and explicit synchronisation on these
    /// timelines; the other end of the client's socket.
    pub(super) fn start(
        version: u32,
        timelines: Option<Book>,
        orders: impl IntoIterator<Item = Do>,
    ) -> (Self, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a socket");
        let (sender, receiver) = channel();
        let log = Arc::new(Log::default());
        let wake = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC).expect("an event"));
        let compositor = Self { log: log.clone(), orders: sender, wake: wake.clone() };
        orders.into_iter().for_each(|order| compositor.order(order));
        std::thread::spawn(move || serve(ours, version, timelines, &receiver, &wake, log));
        (compositor, theirs)
    }

    pub(super) fn order(&self, order: Do) {
        self.orders.send(order).expect("a compositor");
        rustix::io::write(&self.wake, &1_u64.to_ne_bytes()).expect("room");
    }

    /// Waits until what was seen so far is enough, and tells it.
    pub(super) fn wait(&self, what: &str, enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let seen = self.log.seen.lock().expect("no panic");
        let (seen, late) =
            self.log.more.wait_timeout_while(seen, LIMIT, |seen| !enough(seen)).expect("no panic");
        assert!(!late.timed_out(), "no {what}: {seen:?}");
        seen.clone()
    }
}

struct Nobody;
impl ClientData for Nobody {}

struct State {
    log: Arc<Log>,
    main: u64,
    tranches: Vec<Offered>,
    refuse: bool,
    hide: bool,
    feedbacks: Vec<ZwpLinuxDmabufFeedbackV1>,
    /// The picture's surface: the one that is another's part.
    picture: Option<ObjectId>,
    callbacks: HashMap<ObjectId, Vec<WlCallback>>,
    /// The picture's buffer, and the one before it, which is on the screen until the next commit.
    attached: Option<WlBuffer>,
    replaced: Option<WlBuffer>,
    buffers: u32,
    /// Those of shared memory.
    shared: HashSet<u32>,
    commit: Commit,
}

fn serve(
    socket: UnixStream,
    version: u32,
    timelines: Option<Book>,
    orders: &Receiver<Do>,
    wake: &OwnedFd,
    log: Arc<Log>,
) {
    let mut display = Display::<State>::new().expect("a display");
    let mut handle = display.handle();
    handle.create_global::<State, WlCompositor, ()>(6, ());
    handle.create_global::<State, WlSubcompositor, ()>(1, ());
    handle.create_global::<State, WlShm, ()>(1, ());
    handle.create_global::<State, WpViewporter, ()>(1, ());
    handle.create_global::<State, ZwpLinuxDmabufV1, ()>(version, ());
    if timelines.is_some() {
        handle.create_global::<State, WpLinuxDrmSyncobjManagerV1, ()>(1, ());
    }
    handle.insert_client(socket, Arc::new(Nobody)).expect("a client");
    let mut state = State {
        log,
        main: 0,
        tranches: Vec::new(),
        refuse: false,
        hide: false,
        feedbacks: Vec::new(),
        picture: None,
        callbacks: HashMap::new(),
        attached: None,
        replaced: None,
        buffers: 0,
        shared: HashSet::new(),
        commit: Commit::new(timelines.unwrap_or_default()),
    };
    loop {
        loop {
            match orders.try_recv() {
                Ok(order) => state.obey(order),
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            }
        }
        display.dispatch_clients(&mut state).expect("requests");
        display.flush_clients().expect("events");
        let fd = display.backend().poll_fd().try_clone_to_owned().expect("a descriptor");
        let mut fds = [PollFd::new(&fd, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        rustix::event::poll(&mut fds, None).expect("a wait");
        if fds[1].revents().contains(PollFlags::IN) {
            rustix::io::read(wake, &mut [0; 8]).expect("a count");
        }
    }
}

impl State {
    fn obey(&mut self, order: Do) {
        match order {
            Do::Offer { main, tranches } => {
                (self.main, self.tranches) = (main, tranches);
                self.feedbacks.retain(Resource::is_alive);
                self.feedbacks.iter().for_each(|feedback| self.advise(feedback));
            }
            Do::Refuse(refuse) => self.refuse = refuse,
            Do::Keep(keep) => self.commit.keep(keep),
            Do::Hide(hide) => {
                self.hide = hide;
                if !hide {
                    self.callbacks
                        .values_mut()
                        .flat_map(std::mem::take)
                        .for_each(|callback| callback.done(0));
                }
            }
        }
    }

    fn saw(&self, seen: Seen) {
        self.log.seen.lock().expect("no panic").push(seen);
        self.log.more.notify_all();
    }

    fn offers(&self, pair: (Fourcc, Modifier)) -> bool {
        self.tranches.iter().any(|tranche| tranche.pairs.contains(&pair))
    }

    fn advise(&self, feedback: &ZwpLinuxDmabufFeedbackV1) {
        let pairs: Vec<_> = self.tranches.iter().flat_map(|tranche| &tranche.pairs).copied().collect();
        let mut table = Vec::new();
        for (fourcc, modifier) in &pairs {
            table.extend(fourcc.0.to_ne_bytes());
            table.extend([0; 4]);
            table.extend(modifier.0.to_ne_bytes());
        }
        let file = rustix::fs::memfd_create("table", MemfdFlags::CLOEXEC).expect("memory");
        rustix::io::pwrite(&file, &table, 0).expect("room");
        feedback.format_table(file.as_fd(), u32::try_from(table.len()).expect("a short table"));
        feedback.main_device(self.main.to_ne_bytes().to_vec());
        let mut next = 0_u16;
        for tranche in &self.tranches {
            feedback.tranche_target_device(tranche.device.to_ne_bytes().to_vec());
            let flags = if tranche.scanout { TrancheFlags::Scanout } else { TrancheFlags::empty() };
            feedback.tranche_flags(flags);
            let end = next + u16::try_from(tranche.pairs.len()).expect("few");
            feedback.tranche_formats((next..end).flat_map(u16::to_ne_bytes).collect());
            feedback.tranche_done();
            next = end;
        }
        feedback.done();
    }
}

macro_rules! globals {
    ($($interface:ty),*) => {$(
        impl GlobalDispatch<$interface, ()> for State {
            fn bind(_: &mut Self, _: &DisplayHandle, _: &Client, resource: New<$interface>, (): &(), init: &mut DataInit<'_, Self>) {
                init.init(resource, ());
            }
        }
    )*};
}

globals!(WlCompositor, WlSubcompositor, WpViewporter, WpLinuxDrmSyncobjManagerV1);

impl GlobalDispatch<WlShm, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        shm: New<WlShm>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let shm = init.init(shm, ());
        shm.format(wl_shm::Format::Xrgb8888);
        shm.format(wl_shm::Format::Argb8888);
    }
}

impl GlobalDispatch<ZwpLinuxDmabufV1, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        dmabuf: New<ZwpLinuxDmabufV1>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let dmabuf = init.init(dmabuf, ());
        for (fourcc, Modifier(modifier)) in state.tranches.iter().flat_map(|tranche| &tranche.pairs) {
            if dmabuf.version() < 4 {
                let half = |bits: u64| u32::try_from(bits & 0xffff_ffff).expect("32 bits");
                dmabuf.modifier(fourcc.0, half(modifier >> 32), half(*modifier));
            }
        }
    }
}

/// `requests!(Interface, Data, |state, resource, request, data, init| ...)`
macro_rules! requests {
    ($interface:ty, $data:ty, |$state:pat_param, $resource:pat_param, $request:pat_param, $udata:pat_param, $init:pat_param| $body:expr) => {
        impl Dispatch<$interface, $data> for State {
            fn request(
                $state: &mut Self,
                _: &Client,
                $resource: &$interface,
                $request: <$interface as Resource>::Request,
                $udata: &$data,
                _: &DisplayHandle,
                $init: &mut DataInit<'_, Self>,
            ) {
                $body
            }
        }
    };
}

requests!(WlCompositor, (), |_, _, request, (), init| match request {
    wl_compositor::Request::CreateSurface { id } => _ = init.init(id, ()),
    wl_compositor::Request::CreateRegion { id } => _ = init.init(id, Mutex::default()),
    _ => {}
});
requests!(WlRegion, Rects, |_, _, request, rects, _| {
    if let wl_region::Request::Add { x, y, width, height } = request {
        rects.lock().expect("no panic").push([x, y, width, height]);
    }
});
requests!(WlCallback, (), |_, _, _, (), _| {});
requests!(WlSubsurface, (), |_, _, _, (), _| {});
requests!(WpViewport, (), |state, _, request, (), _| match request {
    viewport::Request::SetSource { x, y, width, height } => {
        #[expect(clippy::cast_possible_truncation, reason = "it came as so many 256ths")]
        let source = [x, y, width, height].map(|length| (length * 256.0) as i32);
        state.saw(Seen::Source((source != [-256; 4]).then_some(source)));
    }
    viewport::Request::SetDestination { width, height } => state.saw(Seen::Destination(width, height)),
    _ => {}
});
requests!(ZwpLinuxDmabufFeedbackV1, (), |_, _, _, (), _| {});
requests!(WlSubcompositor, (), |state, _, request, (), init| {
    if let wl_subcompositor::Request::GetSubsurface { id, surface, .. } = request {
        init.init(id, ());
        state.picture = Some(surface.id());
    }
});
requests!(WpViewporter, (), |_, _, request, (), init| {
    if let viewporter::Request::GetViewport { id, .. } = request {
        init.init(id, ());
    }
});
requests!(WlShm, (), |_, _, request, (), init| {
    if let wl_shm::Request::CreatePool { id, .. } = request {
        init.init(id, ());
    }
});
requests!(WlShmPool, (), |state, _, request, (), init| {
    if let wl_shm_pool::Request::CreateBuffer { id, .. } = request {
        init.init(id, state.buffers);
        state.shared.insert(state.buffers);
        state.buffers += 1;
    }
});

impl Dispatch<WlBuffer, u32> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlBuffer,
        _: <WlBuffer as Resource>::Request,
        _: &u32,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &WlBuffer, number: &u32) {
        state.saw(Seen::Destroyed(*number));
    }
}

requests!(WlSurface, (), |state, surface, request, (), init| {
    let is_picture = state.picture == Some(surface.id());
    match request {
        wl_surface::Request::Frame { callback } => {
            let callback = init.init(callback, ());
            state.callbacks.entry(surface.id()).or_default().push(callback);
        }
        wl_surface::Request::Attach { buffer, .. } if is_picture => {
            let number = buffer.as_ref().map(|buffer| *buffer.data::<u32>().expect("a buffer of ours"));
            state.saw(Seen::Attach(number));
            state.commit.attach(number);
            if state.attached != buffer {
                state.replaced = std::mem::replace(&mut state.attached, buffer);
            }
        }
        wl_surface::Request::DamageBuffer { x, y, width, height } if is_picture => {
            state.saw(Seen::Damage([x, y, width, height]));
        }
        wl_surface::Request::SetBufferTransform { transform } if is_picture => {
            state.saw(Seen::Transform(transform.into_result().expect("a transform")));
        }
        wl_surface::Request::SetOpaqueRegion { region } => {
            let rects =
                region.map(|region| region.data::<Rects>().expect("ours").lock().expect("no panic").clone());
            state.saw(Seen::Opaque(rects.unwrap_or_default()));
        }
        wl_surface::Request::Commit => {
            if is_picture {
                if let Some(points) = state.commit.check(|buffer| !state.shared.contains(&buffer)) {
                    state.saw(Seen::Points(points));
                }
                state.saw(Seen::Commit);
                let replaced = state.replaced.take().filter(Resource::is_alive);
                // Of a buffer that had points nothing else is told.
                if !state.commit.release()
                    && let Some(replaced) = replaced
                {
                    replaced.release();
                }
            }
            if !state.hide {
                let callbacks = state.callbacks.remove(&surface.id()).unwrap_or_default();
                callbacks.into_iter().for_each(|callback| callback.done(0));
            }
        }
        _ => {}
    }
});

requests!(ZwpLinuxDmabufV1, (), |state, _, request, (), init| match request {
    dmabuf::Request::CreateParams { params_id } => _ = init.init(params_id, Mutex::default()),
    dmabuf::Request::GetSurfaceFeedback { id, .. } | dmabuf::Request::GetDefaultFeedback { id } => {
        let feedback = init.init(id, ());
        state.advise(&feedback);
        state.feedbacks.push(feedback);
    }
    _ => {}
});

/// What a region is made of.
type Rects = Mutex<Vec<[i32; 4]>>;

/// The modifiers of the planes.
type Planes = Mutex<Vec<Modifier>>;

impl Dispatch<ZwpLinuxBufferParamsV1, Planes> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        params: &ZwpLinuxBufferParamsV1,
        request: params::Request,
        planes: &Planes,
        handle: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let mut planes = planes.lock().expect("no panic");
        match request {
            params::Request::Add { fd, plane_idx: index, offset, stride, modifier_hi, modifier_lo } => {
                let modifier = Modifier(u64::from(modifier_hi) << 32 | u64::from(modifier_lo));
                let inode = rustix::fs::fstat(&fd).expect("a file").st_ino;
                state.saw(Seen::Add { index, inode, offset, stride, modifier });
                planes.push(modifier);
            }
            params::Request::Create { width, height, format, .. } => {
                let (format, modifier) = (Fourcc(format), planes[0]);
                let size = (width, height);
                state.saw(Seen::Create { size, format, modifier, planes: planes.len() });
                if !state.offers((format, modifier)) || planes.iter().any(|plane| *plane != modifier) {
                    params.post_error(params::Error::InvalidFormat, "not offered");
                } else if state.refuse {
                    params.failed();
                } else {
                    let buffer = client.create_resource::<WlBuffer, u32, Self>(handle, 1, state.buffers);
                    state.buffers += 1;
                    params.created(&buffer.expect("a buffer"));
                }
            }
            params::Request::CreateImmed { .. } => params.post_error(params::Error::InvalidWlBuffer, "never"),
            _ => {}
        }
    }
}
