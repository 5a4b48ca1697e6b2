//! A compositor, a client in it, and what is to be seen.

use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use harness::desk::{Desk, Find, Layout, Output, Session, Sway, SwayConfig, Window};
use harness::process::Process;
use harness::shot::{Image, Rect};
use oriel::geometry::{Look, Placement, Point, ScreenScale, Size};

use super::words::{Ask, Line, Report, SIZE, SOCKET, pixel};

/// Long enough for a machine that is busy with other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// With this in the environment, the client's Wayland messages are kept in the file it names.
const TRACE: &str = "ORIEL_TEST_TRACE";

/// The test as which this program, started once more, is the client.
const CLIENT: &str = "a_map_is_shown_as_it_is";

/// A client on some desktop.
pub(crate) struct Actor {
    pub(crate) client: Process,
    line: Line,
}

impl Actor {
    /// A client whose window wants to be so large.
    pub(crate) fn enter(desk: &impl Desk, size: (i32, i32)) -> Self {
        Self::enter_with(desk, size, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn enter_with(
        desk: &impl Desk,
        (width, height): (i32, i32),
        variables: &[(&str, &str)],
    ) -> Self {
        let path = desk.session().scope().join("client.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let program = std::env::current_exe().expect("this program");
        let mut command = desk.command(&program.to_string_lossy());
        command.args(["--exact", CLIENT, "--nocapture", "--test-threads=1"]);
        command.env(SOCKET, &path).env(SIZE, format!("{width}x{height}"));
        command.envs(variables.iter().copied());
        if std::env::var_os(TRACE).is_some() {
            command.env("WAYLAND_DEBUG", "client");
        }
        let mut client = desk.spawn("client", command).expect("the client");
        listener.set_nonblocking(true).expect("a socket");
        let stream = harness::process::wait_until("the client", LIMIT, || {
            if !client.is_running()? {
                return Err(harness::Error::failed("the client ended"));
            }
            Ok(listener.accept().ok().map(|(stream, _)| stream))
        });
        let stream = stream.unwrap_or_else(|error| panic!("{error:?}: {}", client.log()));
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(LIMIT * 3)).expect("a limit");
        Self { client, line: Line::new(stream) }
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> Report {
        self.line.say(&ask);
        let report = self.line.hear();
        report.unwrap_or_else(|| panic!("the client is gone after {ask:?}: {}", self.client.log()))
    }

    pub(crate) fn report(&mut self) -> Report {
        self.ask(Ask::Report)
    }

    /// Waits until the report is as it should be.
    pub(crate) fn wait(&mut self, what: &str, check: impl Fn(&Report) -> bool) -> Report {
        let mut last = None;
        let found = harness::process::wait_until(what, LIMIT, || {
            let report = self.report();
            last = Some(report.clone());
            Ok(check(&report).then_some(report))
        });
        found.unwrap_or_else(|error| panic!("{error:?}: {last:#?}\n{}", self.client.log()))
    }

    /// The client ends as it should, and the compositor had nothing to complain of.
    pub(crate) fn quit(mut self) {
        self.line.say(&Ask::Quit);
        let status = self.client.wait(LIMIT).expect("the client's end");
        let log = self.client.log();
        assert!(status.success(), "{status}: {log}");
        // GTK 4.18 complains so when a clip ends where what it draws anew begins, and draws as it should.
        let harmless = "Clipping is broken, everything is clipped";
        let log: Vec<_> = log.lines().filter(|line| !line.contains(harmless)).collect();
        let log = log.join("\n");
        for word in ["CRITICAL", "protocol error", "WARN"] {
            assert!(!log.contains(word), "{log}");
        }
    }

    /// Waits until the screen shows a whole picture, wherever the window is, and says where.
    pub(crate) fn find(
        &mut self,
        desk: &impl Desk,
        name: &str,
        size: (u32, u32),
        picture: u32,
    ) -> (u32, u32) {
        let at = |image: &Image, left: u32, top: u32, x: u32, y: u32| {
            image.get(left + x, top + y)[..3] == pixel(picture, x, y)
        };
        let mut last = None;
        let found = harness::process::wait_until(name, LIMIT, || {
            let image = desk.screenshot()?;
            let across = 0..=image.width().saturating_sub(size.0);
            let mut places =
                (0..=image.height().saturating_sub(size.1)).flat_map(|y| across.clone().map(move |x| (x, y)));
            let place = places
                .find(|(left, top)| (0..size.1).all(|y| (0..size.0).all(|x| at(&image, *left, *top, x, y))));
            last = Some(image);
            Ok(place)
        });
        found.unwrap_or_else(|error| {
            let kept = last.map(|image| image.keep(name));
            panic!("{error:?}: {kept:?} {:#?}\n{}", self.report(), self.client.log())
        })
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Some(path) = std::env::var_os(TRACE) {
            std::fs::copy(self.client.stderr(), path).expect("a trace");
        }
    }
}

/// GNOME's compositor without any screen: it takes dma-bufs, but gives no picture.
pub(crate) struct Headless {
    session: Session,
    _server: Process,
}

impl Headless {
    pub(crate) fn start() -> Self {
        const DISPLAY: &str = "wayland-headless";
        let mut session = Session::start("headless").expect("a session");
        let mut command = session.command("mutter");
        command.args(["--headless", "--wayland", "--no-x11", "--virtual-monitor", "1280x800"]);
        command.args(["--wayland-display", DISPLAY]);
        let mut server = session.scope().spawn("mutter", command).expect("mutter");
        let socket = session.runtime_dir().join(DISPLAY);
        let ready = harness::process::wait_until("mutter's socket", LIMIT, || {
            if !server.is_running()? {
                return Err(harness::Error::failed("mutter ended"));
            }
            Ok(UnixStream::connect(&socket).ok())
        });
        ready.unwrap_or_else(|error| panic!("{error:?}: {}", server.log()));
        session.set("WAYLAND_DISPLAY", DISPLAY);
        session.set("GDK_BACKEND", "wayland");
        Self { session, _server: server }
    }
}

impl Desk for Headless {
    fn session(&self) -> &Session {
        &self.session
    }

    fn screenshot(&self) -> harness::Result<Image> {
        Err(harness::Error::failed("a headless mutter gives no picture"))
    }
}

/// Multiples of the scale's numerator: on a screen that is no whole number of units, sway scales all
/// that it shows.
fn output((width, height): (u32, u32), scale: f64) -> Output {
    let step = ScreenScale::new(scale).grid().pixels;
    let side = |length: u32| length / step * step;
    Output::new(side(width), side(height)).scale(scale)
}

pub(crate) struct Stage {
    pub(crate) actor: Actor,
    pub(crate) sway: Sway,
    pub(crate) window: Window,
    pub(crate) scale: f64,
    /// The output that is looked at, and how far right it is in the layout.
    pub(crate) output: String,
    pub(crate) left: i32,
    /// Whether the window's last pixels may be missing, if they are no whole ones: GTK's are.
    pub(crate) whole: bool,
}

impl Stage {
    /// A window of this size, in logical units, at 20,10 of an output of this scale.
    pub(crate) fn new(scale: f64, size: (i32, i32)) -> Self {
        Self::with(scale, size, &[])
    }

    /// The same, with these variables in the client's environment.
    pub(crate) fn with(scale: f64, (width, height): (i32, i32), variables: &[(&str, &str)]) -> Self {
        let config = SwayConfig {
            outputs: vec![output((1200, 840), scale)],
            layout: Layout::Floating,
            ..SwayConfig::default()
        };
        let sway = Sway::start(config).expect("sway");
        let actor = Actor::enter_with(&sway, (width, height), variables);
        let window = sway.wait_for_window(Find::Pid(actor.client.id()), LIMIT).expect("a window");
        let window = sway.place(&window, Rect::new(20, 10, width, height)).expect("a place");
        Self { actor, sway, window, scale, whole: false, output: "HEADLESS-1".to_owned(), left: 0 }
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> Report {
        self.actor.ask(ask)
    }

    pub(crate) fn report(&mut self) -> Report {
        self.actor.report()
    }

    pub(crate) fn wait(&mut self, what: &str, check: impl Fn(&Report) -> bool) -> Report {
        self.actor.wait(what, check)
    }

    pub(crate) fn quit(self) {
        self.actor.quit();
    }

    /// A length in device pixels.
    pub(crate) fn device(&self, units: i32) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "screens are small")]
        {
            (f64::from(units) * self.scale).round() as i32
        }
    }

    /// Gives the window another size, whether or not it has drawn the last.
    pub(crate) fn resize(&mut self, (width, height): (i32, i32)) {
        let command = format!("resize set width {width} px height {height} px");
        self.sway.on(&self.window, &command).expect("another size");
    }

    /// Puts the window back where it was, with this size, and waits for it.
    pub(crate) fn place(&mut self, (width, height): (i32, i32)) {
        let rect = Rect::new(20, 10, width, height);
        self.window = self.sway.place(&self.window, rect).expect("a place");
    }

    /// Gives the screen another scale, and nearly this size: a whole number of units.
    pub(crate) fn rescale(&mut self, size: (u32, u32), scale: f64) {
        self.sway.set_output("HEADLESS-1", output(size, scale)).expect("another scale");
        self.scale = scale;
    }

    /// The placement that the client has, for a picture of this size.
    pub(crate) fn placement(&mut self, size: (u32, u32), look: Look) -> Placement {
        let scale = self.scale;
        let report = self.wait("the screen's scale", |report| (report.scale - scale).abs() < 0.01);
        let (x, y, width, height) = report.area;
        let area = oriel::geometry::Rect::new(x, y, width, height);
        let placement = Placement::new(Size::new(size.0, size.1), area, ScreenScale::new(scale), look);
        placement.expect("room")
    }

    /// Waits until the screen shows every pixel of a picture where `placement` has it, with nothing
    /// mixed: 1:1 or a whole multiple.
    pub(crate) fn expect_placed(&mut self, name: &str, placement: &Placement, picture: u32) {
        let (whole, mut seen) = (placement.pixels(), placement.visible_pixels());
        if self.whole {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small window")]
            let pixels = |units: i32| (f64::from(units) * self.scale + 1e-6).floor() as u32;
            let window = Size::new(pixels(self.window.rect.width), pixels(self.window.rect.height));
            seen = seen.intersection(window.at_origin()).expect("something is seen");
        }
        let turned = placement.rotation().turn_size(placement.guest());
        let times = (whole.size.width / turned.width, whole.size.height / turned.height);
        assert_eq!((turned.width * times.0, turned.height * times.1), (whole.size.width, whole.size.height));
        // The window stands on a whole device pixel.
        let corner = (self.device(self.window.rect.x - self.left), self.device(self.window.rect.y));
        let place = Rect::new(
            corner.0 + seen.origin.x,
            corner.1 + seen.origin.y,
            seen.size.width.cast_signed(),
            seen.size.height.cast_signed(),
        );
        let before = (seen.origin.x - whole.origin.x, seen.origin.y - whole.origin.y);
        let (placement, times) = (*placement, (times.0.cast_signed(), times.1.cast_signed()));
        self.expect_pixels(name, place, |x, y| {
            let at =
                Point::new((x.cast_signed() + before.0) / times.0, (y.cast_signed() + before.1) / times.1);
            let from = placement.rotation().turn_back(at, placement.guest());
            Some(pixel(picture, from.x.cast_unsigned(), from.y.cast_unsigned()))
        });
    }

    /// Looks for the client's window, which may be another.
    pub(crate) fn find_window(&mut self) {
        self.window = self.sway.wait_for_window(Find::Pid(self.actor.client.id()), LIMIT).expect("a window");
    }

    /// A rectangle of `size` device pixels at `at`, which is counted in units from the window's corner.
    fn on_screen(&self, at: (i32, i32), size: (u32, u32)) -> Rect {
        let (x, y) = (self.device(self.window.rect.x + at.0), self.device(self.window.rect.y + at.1));
        Rect::new(x, y, size.0.cast_signed(), size.1.cast_signed())
    }

    /// Waits until the screen shows a picture there, pixel by pixel; `u32::MAX` is any.
    pub(crate) fn expect(
        &mut self,
        name: &str,
        at: (i32, i32),
        size: (u32, u32),
        picture: impl Fn(u32, u32) -> u32,
    ) {
        self.expect_part(name, at, size, (0, 0), picture);
    }

    /// The same for a part of the picture that begins at `from`.
    pub(crate) fn expect_part(
        &mut self,
        name: &str,
        at: (i32, i32),
        size: (u32, u32),
        from: (u32, u32),
        picture: impl Fn(u32, u32) -> u32,
    ) {
        self.expect_pixels(name, self.on_screen(at, size), |x, y| {
            let (x, y) = (x + from.0, y + from.1);
            let picture = Some(picture(x, y)).filter(|picture| *picture != u32::MAX)?;
            Some(pixel(picture, x, y))
        });
    }

    /// Waits until there is nothing but the desktop.
    pub(crate) fn expect_none(&mut self, name: &str, at: (i32, i32), size: (u32, u32)) {
        // The window's stripe is in front of the desktop.
        let (at, size) = ((at.0 + 8, at.1), (size.0 - 8, size.1));
        self.expect_colour(name, at, size, [0, 0, 0]);
    }

    pub(crate) fn expect_colour(&mut self, name: &str, at: (i32, i32), size: (u32, u32), colour: [u8; 3]) {
        self.expect_pixels(name, self.on_screen(at, size), |_, _| Some(colour));
    }

    /// Whether the screen shows a picture there at the moment.
    #[cfg(feature = "gl")]
    pub(crate) fn shows(&mut self, at: (i32, i32), (width, height): (u32, u32), picture: u32) -> bool {
        let place = self.on_screen(at, (width, height));
        let (left, top) = (at.0.cast_unsigned(), at.1.cast_unsigned());
        let Ok(image) = self.sway.shot_of(&self.output) else { return false };
        let image = image.crop(place);
        let mut pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.all(|(x, y)| image.get(x, y)[..3] == pixel(picture, left + x, top + y))
    }

    /// Waits until not one pixel in ten is as in picture 1.
    pub(crate) fn expect_change(&mut self, name: &str, at: (i32, i32), size: (u32, u32)) {
        let place = self.on_screen(at, size);
        let (left, top) = (at.0.cast_unsigned(), at.1.cast_unsigned());
        let seen = self.sway.wait_for_picture(name, LIMIT, |image| {
            let image = image.crop(place);
            let mut same = 0;
            for y in 0..size.1 {
                let line = (0..size.0).filter(|x| image.get(*x, y)[..3] == pixel(1, left + x, top + y));
                same += line.count();
            }
            (same * 10 < (size.0 * size.1) as usize).then_some(())
        });
        seen.expect("a change");
    }

    fn expect_pixels(&mut self, name: &str, place: Rect, want: impl Fn(u32, u32) -> Option<[u8; 3]>) {
        let (width, height) = (place.width.cast_unsigned(), place.height.cast_unsigned());
        let wanted = |image: &Image| {
            Image::from_fn(width, height, |x, y| {
                let [red, green, blue] = want(x, y).unwrap_or_else(|| {
                    let [red, green, blue, _] = image.get(x, y);
                    [red, green, blue]
                });
                [red, green, blue, 255]
            })
        };
        let seen = harness::process::wait_until(&format!("picture '{name}'"), LIMIT, || {
            // A compositor takes none while it changes what it scans out.
            let Ok(image) = self.sway.shot_of(&self.output) else { return Ok(None) };
            let image = image.crop(place);
            Ok(image.compare(&wanted(&image)).expect("the same size").is_none().then_some(()))
        });
        if let Err(error) = seen {
            let image = self.sway.shot_of(&self.output).expect("a screenshot").crop(place);
            let wrong = image.expect(&wanted(&image), name).err();
            let report = self.report();
            panic!("{error:?}\n{wrong:?}\n{report:#?}\n{}", self.actor.client.log());
        }
    }
}
