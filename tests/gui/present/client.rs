//! A window with nothing in it but a picture, in a process of its own, that does as it is told.

use std::cell::{Cell, RefCell};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use adw::prelude::*;
use gtk::{gdk, glib, graphene};
use oriel::clock;
use oriel::frame::{Mailbox, Screen};
use oriel::geometry::{Logical, Look, Placement, Rect, Rotation, Scaling, ScreenScale};
use oriel::present::{Colour, Filter, Options, Output, Paint, Presenting, Scene, Stacking, Wanted};
use oriel::stats::Stats;

use super::canvas::Canvas;
use super::guest::{Guest, Replies};
use super::words::{Ask, Line, Mode, Report, Rung, SIZE};

/// Transparent, so that what is below is seen; a stripe in each corner shows where the window ends.
const STYLE: &str = "
    window { background: none; border-radius: 0; box-shadow: none; outline: none; }
    .marked { background: linear-gradient(to right, #ff0000 8px, transparent 8px); }
";

struct Client {
    window: adw::Window,
    canvas: Canvas,
    frames: Arc<Mailbox>,
    stats: Arc<Stats>,
    replies: Arc<Replies>,
    output: RefCell<Option<Output>>,
    border: Cell<Option<i32>>,
    look: Cell<Look>,
    paint: Cell<Paint>,
    stacking: Cell<Stacking>,
    busy: RefCell<Option<glib::SourceId>>,
}

pub(crate) fn run(socket: &str) {
    adw::init().expect("a display");
    let provider = gtk::CssProvider::new();
    provider.load_from_string(STYLE);
    let display = gdk::Display::default().expect("a display");
    gtk::style_context_add_provider_for_display(&display, &provider, 800);
    let frames = Arc::new(Mailbox::default());
    let replies = Arc::new(Replies::default());
    let (asks, asked) = async_channel::unbounded::<(Ask, std::sync::mpsc::Sender<Report>)>();
    let line = Line::new(UnixStream::connect(socket).expect("the test"));
    let guest = Guest::new(frames.clone(), replies.clone());
    std::thread::spawn(move || converse(line, guest, &asks));
    let client = Client::new(frames, replies);
    let main = glib::MainLoop::new(None, false);
    let ending = main.clone();
    glib::spawn_future_local(async move {
        while let Ok((ask, answer)) = asked.recv().await {
            if ask == Ask::Quit {
                break;
            }
            match ask {
                Ask::Churn { times } => client.churn(times).await,
                _ => client.act(&ask),
            }
            _ = answer.send(client.report());
        }
        client.output.take();
        client.window.destroy();
        ending.quit();
    });
    main.run();
}

/// The guest acts on this thread, like a listener; the window on the main thread.
fn converse(
    mut line: Line,
    mut guest: Guest,
    asks: &async_channel::Sender<(Ask, std::sync::mpsc::Sender<Report>)>,
) {
    while let Some(ask) = line.hear::<Ask>() {
        match ask {
            Ask::Switch { medium, size, margin, picture } => guest.switch(medium, size, margin, picture),
            Ask::Paint { rect, picture } => guest.paint(rect, picture),
            Ask::Scribble { rect, picture } => guest.scribble(rect, picture),
            Ask::Flip { buffers, frames, rate } => guest.flip(buffers, frames, rate),
            Ask::Play { frames, rate } => guest.play(frames, rate),
            Ask::Shrink { bytes } => guest.shrink(bytes),
            _ => {}
        }
        let (answer, answered) = std::sync::mpsc::channel();
        let quit = ask == Ask::Quit;
        asks.send_blocking((ask, answer)).expect("the main loop runs");
        if quit {
            return;
        }
        line.say(&answered.recv().expect("an answer"));
    }
}

impl Client {
    fn new(frames: Arc<Mailbox>, replies: Arc<Replies>) -> Rc<Self> {
        let window = adw::Window::new();
        window.set_decorated(false);
        let size = std::env::var(SIZE).expect("a size");
        let (width, height) = size.split_once('x').expect("a size");
        window.set_default_size(width.parse().expect("a width"), height.parse().expect("a height"));
        window.set_size_request(50, 50);
        let canvas = Canvas::new();
        canvas.add_css_class("marked");
        window.set_content(Some(&canvas));
        window.present();
        let client = Rc::new(Self {
            window,
            canvas,
            stats: Arc::new(Stats::new(clock::now())),
            frames: frames.clone(),
            replies,
            output: RefCell::default(),
            border: Cell::new(Some(0)),
            look: Cell::default(),
            paint: Cell::default(),
            stacking: Cell::default(),
            busy: RefCell::default(),
        });
        let weak = Rc::downgrade(&client);
        client.canvas.connect_drawn(move |snapshot| {
            if let Some(client) = weak.upgrade() {
                client.draw(snapshot);
            }
        });
        let (changed, changes) = async_channel::bounded(1);
        frames.observe(move |_| _ = changed.try_send(()));
        let canvas = client.canvas.clone();
        glib::spawn_future_local(async move {
            while changes.recv().await.is_ok() {
                canvas.queue_draw();
            }
        });
        client
    }

    /// As a view does: the picture is placed while the window draws.
    fn draw(&self, snapshot: &gtk::Snapshot) {
        let output = self.output.borrow();
        let scene = self.scene();
        match (&*output, scene) {
            (Some(Output::Surface(surface)), scene) => surface.place(scene, self.stacking.get()),
            (Some(Output::Drawn(painter)), Some(scene)) => {
                painter.snapshot(snapshot, &scene, self.origin());
            }
            _ => {}
        }
    }

    fn origin(&self) -> (f64, f64) {
        let corner = self.canvas.compute_point(&self.window, &graphene::Point::zero());
        let (x, y) = self.window.surface_transform();
        let corner = corner.unwrap_or_else(graphene::Point::zero);
        (f64::from(corner.x()) + x, f64::from(corner.y()) + y)
    }

    fn scene(&self) -> Option<Scene> {
        let Screen::Live(guest) = self.frames.screen() else { return None };
        let (area, scale) = (self.area()?, ScreenScale::new(self.scale()));
        let placement = Placement::new(guest, area, scale, self.look.get())?;
        Some(Scene { placement, paint: self.paint.get() })
    }

    fn area(&self) -> Option<Rect<Logical>> {
        let border = self.border.get()?;
        let (x, y) = self.origin();
        #[expect(clippy::cast_possible_truncation, reason = "widgets stand at whole units here")]
        let (x, y) = (x.round() as i32, y.round() as i32);
        let room = |length: i32| u32::try_from(length - 2 * border).unwrap_or(0);
        Some(Rect::new(x + border, y + border, room(self.canvas.width()), room(self.canvas.height())))
    }

    fn scale(&self) -> f64 {
        self.window.surface().map_or(1.0, |surface| surface.scale())
    }

    fn act(self: &Rc<Self>, ask: &Ask) {
        match *ask {
            Ask::Open { rung } => self.open(rung, Presenting::Live),
            Ask::OpenSnapshot { rung } => self.open(rung, Presenting::Snapshot),
            Ask::Close => drop(self.output.take()),
            Ask::Border { units } => self.border.set(Some(units)),
            Ask::Nowhere => self.border.set(None),
            Ask::OneToOne => self.look.set(Scaling::OneToOne.into()),
            Ask::Look { mode, quarters, ref filter, background: (red, green, blue) } => {
                let scaling = match mode {
                    Mode::Fit => Scaling::Fit,
                    Mode::OneToOne => Scaling::OneToOne,
                    Mode::Integer => Scaling::Integer,
                    Mode::Fill => Scaling::Fill,
                };
                let rotation = (0..quarters).fold(Rotation::None, |rotation, _| rotation.right());
                self.look.set(Look { rotation, ..Look::from(scaling) });
                let filter = Filter::named(filter).expect("a filter");
                self.paint.set(Paint { filter, background: Colour([red, green, blue]) });
            }
            Ask::Below { below } => {
                self.stacking.set(if below { Stacking::Below } else { Stacking::Above });
            }
            Ask::Dialog => {
                let dialog = adw::AlertDialog::new(Some("A dialog"), Some("It is above the picture."));
                dialog.add_response("ok", "OK");
                dialog.present(Some(&self.window));
            }
            Ask::Busy { busy, period } => self.keep_busy(busy, period),
            Ask::Visible { visible } => self.window.set_visible(visible),
            _ => {}
        }
        self.canvas.queue_draw();
    }

    fn open(self: &Rc<Self>, rung: Rung, presenting: Presenting) {
        self.output.take();
        let rung = match rung {
            Rung::Auto => Wanted::Auto,
            Rung::Direct => Wanted::Direct,
            Rung::Compose => Wanted::Compose,
            Rung::Copy => Wanted::Copy,
            Rung::Gtk => Wanted::Gtk,
        };
        let canvas = self.canvas.clone();
        let changed = move || canvas.queue_draw();
        let (frames, stats) = (self.frames.clone(), self.stats.clone());
        let output = Output::open(&self.window, frames, stats, Options { rung, presenting }, changed);
        self.output.replace(Some(output));
    }

    async fn churn(self: &Rc<Self>, times: u32) {
        for turn in 0..times {
            self.open(Rung::Auto, Presenting::Live);
            if let Some(Output::Surface(surface)) = &*self.output.borrow() {
                surface.place(self.scene(), Stacking::Below);
            }
            // Some get far enough to show a frame, some do not.
            glib::timeout_future(Duration::from_millis(u64::from(turn % 5))).await;
        }
        self.output.take();
    }

    fn keep_busy(&self, busy: u32, period: u32) {
        if let Some(former) = self.busy.take() {
            former.remove();
        }
        let span = Duration::from_millis(u64::from(busy));
        let keep = move || {
            std::thread::sleep(span);
            glib::ControlFlow::Continue
        };
        if busy > 0 {
            let period = Duration::from_millis(u64::from(period));
            self.busy.replace(Some(glib::timeout_add_local(period, keep)));
        }
    }

    fn report(&self) -> Report {
        let count = |path| std::fs::read_dir(path).map_or(0, Iterator::count);
        let status = self.output.borrow().as_ref().map(Output::status);
        Report {
            stats: serde_json::to_value(self.stats.summary(clock::now())).expect("JSON"),
            status: format!("{status:?}"),
            updates: self.replies.sent.load(SeqCst),
            answered: self.replies.answered.load(SeqCst),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            area: self.area().map_or((0, 0, 0, 0), |area| {
                (area.origin.x, area.origin.y, area.size.width, area.size.height)
            }),
            scale: self.scale(),
            renderer: self
                .window
                .renderer()
                .map(|renderer| renderer.type_().name().to_owned())
                .unwrap_or_default(),
        }
    }
}
