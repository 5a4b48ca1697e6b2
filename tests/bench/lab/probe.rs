//! Viewers as others build them, for comparison: a dma-buf as a texture of GTK's, in its offload.
//!
//! This program becomes one. It hears the machine through the same library, so what differs is how a
//! frame gets from the mailbox to the commit. Statistics are written as `oriel --stats` does.
#![allow(unsafe_code, reason = "GDK wants descriptors that outlive the texture")]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::{env, iter};

use gtk::prelude::*;
use gtk::{cairo, gdk, glib};
use harness::Result;
use harness::desk::Desk;
use oriel::clock::{self, Time};
use oriel::frame::{Damage, Dmabuf, Pending, Scanout};
use oriel::session::{Console, Event, Options, Session};
use oriel::source::Source;
use oriel::stats;

/// Tells this program that it is a probe, and which.
const ROLE: &str = "ORIEL_BENCH_PROBE";

/// How GTK is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A new texture as the paintable of a GtkPicture in a GtkGraphicsOffload, when a frame comes.
    Offload,
    /// As libmks does: the texture is made when GTK draws, as an update of the one before
    /// (lib/mks-dmabuf-paintable.c).
    Libmks,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Offload => "offload",
            Self::Libmks => "libmks",
        }
    }
}

/// What this process is to be, if it is no benchmark.
pub(crate) fn wanted() -> Option<Way> {
    let role = env::var(ROLE).ok()?;
    [Way::Offload, Way::Libmks].into_iter().find(|way| way.name() == role)
}

/// A command that starts a probe; arguments are those of `oriel`.
pub(crate) fn command(desk: &impl Desk, way: Way) -> Result<Command> {
    let own = env::current_exe().map_err(harness::Error::failed)?;
    let mut command = desk.command(&own.to_string_lossy());
    command.env(ROLE, way.name()).env("GSK_RENDERER", "ngl").env("GDK_DEBUG", "gl-gles");
    Ok(command)
}

/// Becomes the probe.
pub(crate) fn run(way: Way) -> ExitCode {
    let after = |name: &str| {
        let mut words = env::args_os().skip_while(|word| word != name);
        words.nth(1).map(PathBuf::from)
    };
    let (Some(socket), Some(stats)) = (after("--qmp"), after("--stats")) else { return ExitCode::from(2) };
    if gtk::init().is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(file) = File::create(stats) else { return ExitCode::FAILURE };
    let (session, events) = Session::start_with(Source::qmp(socket), Options::default());
    glib::spawn_future_local(async move {
        // Kept for as long as its events are heard.
        let _session = session;
        let mut file = Some(file);
        while let Ok(event) = events.recv().await {
            if let Event::ConsoleAdded(console) = event
                && let Some(file) = file.take()
            {
                Probe::show(way, console, file);
            }
        }
    });
    glib::MainLoop::new(None, false).run();
    ExitCode::SUCCESS
}

struct Probe {
    way: Way,
    console: Console,
    picture: gtk::Picture,
    /// The newest texture.
    former: RefCell<Option<gdk::Texture>>,
    /// When what it draws next was received.
    waiting: Cell<Option<Time>>,
}

impl Probe {
    fn show(way: Way, console: Console, mut file: File) {
        let picture = gtk::Picture::builder().can_shrink(false).build();
        let offload = gtk::GraphicsOffload::new(Some(&picture));
        offload.set_halign(gtk::Align::Start);
        offload.set_valign(gtk::Align::Start);
        offload.set_black_background(true);
        let window = gtk::Window::builder().child(&offload).build();
        window.fullscreen();
        window.present();
        let path = stats::Path { rung: way.name(), ..stats::Path::default() };
        console.stats.path(path);

        let (wake, woken) = async_channel::bounded(1);
        console.frames.present(clock::now(), move || _ = wake.try_send(()));
        let counters = console.stats.clone();
        glib::timeout_add_local(Duration::from_secs(1), move || {
            let report = counters.report(clock::now());
            let line = serde_json::to_string(&report).unwrap_or_default();
            if writeln!(file, "{line}").is_ok() {
                glib::ControlFlow::Continue
            } else {
                glib::ControlFlow::Break
            }
        });
        let probe =
            Rc::new(Self { way, console, picture, former: RefCell::default(), waiting: Cell::default() });
        let painted = probe.clone();
        let surface = window.surface().expect("a window that is presented");
        surface.frame_clock().connect_after_paint(move |_| {
            if let Some(received) = painted.waiting.take() {
                painted.console.stats.committed(received, clock::now());
            }
        });
        glib::spawn_future_local(async move {
            let _window = window;
            while woken.recv().await.is_ok() {
                probe.take();
            }
        });
    }

    fn take(self: &Rc<Self>) {
        let Some(pending) = self.console.frames.take() else { return };
        self.waiting.set(self.waiting.get().or(Some(pending.received)));
        if self.way == Way::Offload {
            return self.show_texture(&pending, None);
        }
        let probe = self.clone();
        let pending = RefCell::new(Some(pending));
        self.picture.add_tick_callback(move |_, _| {
            if let Some(pending) = pending.take() {
                probe.show_texture(&pending, probe.former.take());
            }
            glib::ControlFlow::Break
        });
    }

    fn show_texture(&self, pending: &Pending, former: Option<gdk::Texture>) {
        let Scanout::Dmabuf(dmabuf) = &pending.scanout else { return };
        let update = former.as_ref().map(|former| (former, &pending.damage));
        let Some(texture) = texture(dmabuf, &self.picture.display(), update) else { return };
        self.console.stats.imported();
        self.picture.set_paintable(Some(&texture));
        self.former.replace(Some(texture));
    }
}

/// A texture with descriptors of its own.
fn texture(
    dmabuf: &Arc<Dmabuf>,
    display: &gdk::Display,
    update: Option<(&gdk::Texture, &Damage)>,
) -> Option<gdk::Texture> {
    let planes = dmabuf.planes();
    let size = dmabuf.backing();
    let mut builder = gdk::DmabufTextureBuilder::new()
        .set_display(display)
        .set_width(size.width)
        .set_height(size.height)
        .set_fourcc(dmabuf.fourcc().0)
        .set_modifier(dmabuf.modifier().0)
        .set_n_planes(u32::try_from(planes.len()).ok()?);
    if let Some((former, damage)) = update {
        let region = cairo::Region::create();
        for rect in damage.rects() {
            let [width, height] =
                [rect.size.width, rect.size.height].map(|side| i32::try_from(side).unwrap_or(0));
            let whole = cairo::RectangleInt::new(rect.origin.x, rect.origin.y, width, height);
            region.union_rectangle(&whole).ok()?;
        }
        builder = builder.set_update_texture(Some(former)).set_update_region(Some(&region));
    }
    let own: Vec<_> = planes
        .iter()
        .map(|plane| plane.fd.as_fd().try_clone_to_owned())
        .collect::<std::io::Result<_>>()
        .ok()?;
    for ((index, plane), fd) in iter::zip((0..).zip(planes), &own) {
        // SAFETY: `own` lives in the release function, which is called when the texture is gone.
        builder = unsafe { builder.set_fd(index, fd.as_raw_fd()) };
        builder = builder.set_offset(index, plane.offset).set_stride(index, plane.stride);
    }
    // SAFETY: As above.
    unsafe { builder.build_with_release_func(move || drop(own)) }.ok()
}
