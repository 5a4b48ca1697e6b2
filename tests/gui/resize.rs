//! A person who cannot leave the window's corner alone, and a stand-in whose guest obeys: the whole
//! program between the two.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use harness::desk::{Desk, Find, Layout, Output, Sway, SwayConfig, Window};
use harness::dice::Dice;
use harness::process::wait_until;
use harness::shot::{Image, Rect};
use harness::usage::{self, Memory};
use harness::viewer::Viewer;
use standin::{Call, ConsoleSpec, Listener, Release, Standin, UiInfo, pattern, pixman};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// Longer than anything here takes, on a computer that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// From one movement of the hand to the next, within a drag.
const MOVING: Duration = Duration::from_millis(8);

/// A hand that rests this long may have settled.
const RESTING: Duration = Duration::from_millis(200);

/// Longer than a window has to rest.
const SETTLED: Duration = Duration::from_millis(600);

/// Times that the window gets another size.
const SIZES: u32 = 1_000;

/// The guest: obeys each wish with a picture of that size.
struct Guest {
    qemu: Arc<Standin>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Guest {
    fn start(qemu: Standin) -> Self {
        let (qemu, stop) = (Arc::new(qemu), Arc::new(AtomicBool::new(false)));
        let listener = qemu.listener_within(0, LIMIT).expect("a listener");
        show(&listener, 640, 480);
        let (machine, stopped) = (qemu.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let mut obeyed = 0;
            while !stopped.load(SeqCst) {
                let wishes = wishes(&machine);
                if let Some(UiInfo { width, height, .. }) = wishes.get(obeyed..).and_then(<[_]>::last) {
                    obeyed = wishes.len();
                    show(&listener, *width, *height);
                }
                thread::sleep(Duration::from_millis(15));
            }
        });
        Self { qemu, stop, thread: Some(thread) }
    }

    fn wishes(&self) -> Vec<UiInfo> {
        wishes(&self.qemu)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            // It may have found the connection closed.
            let _ = thread.join();
        }
    }
}

fn show(listener: &Listener, width: u32, height: u32) {
    let stride = pattern::tight(pixman::X8R8G8B8, width);
    listener.scanout(
        width,
        height,
        stride,
        pixman::X8R8G8B8,
        pattern::render(pixman::X8R8G8B8, 0, width, height, stride),
    );
}

fn wishes(qemu: &Standin) -> Vec<UiInfo> {
    let wish = |call| if let Call::SetUiInfo(info) = call { Some(info) } else { None };
    qemu.calls().into_iter().filter_map(wish).collect()
}

/// What the guest shows in this size.
fn picture(width: u32, height: u32) -> Image {
    Image::from_fn(width, height, |x, y| {
        let [_, red, green, blue] = pattern::pixel(0, x, y).to_be_bytes();
        [red, green, blue, 255]
    })
}

struct Stage {
    guest: Guest,
    viewer: Viewer,
    window: Window,
    sway: Sway,
    scale: f64,
}

impl Stage {
    fn open(scale: f64) -> Self {
        let output = Output::new(1920, 1260).scale(scale);
        let config = SwayConfig { outputs: vec![output], layout: Layout::Floating, ..Default::default() };
        let sway = Sway::start(config).expect("a sway");
        let console = ConsoleSpec::sized(640, 480);
        let qemu = Standin::builder().release(Release::V10_1).lossy(true).console(console).build();
        let qemu = qemu.expect("a stand-in");
        let socket = sway.session().scope().join("qmp");
        qemu.serve_qmp(&socket).expect("a monitor");
        let arguments = ["--qmp", socket.to_str().expect("a plain path")];
        let viewer = Viewer::start_as(&sway, sway.command(ORIEL), "connect", &arguments).expect("oriel");
        let guest = Guest::start(qemu);
        let window = sway.wait_for_window(Find::Pid(viewer.id()), LIMIT).expect("a window");
        Self { guest, viewer, window, sway, scale }
    }

    /// The largest window that lies on the output, in units.
    fn most(&self) -> (u32, u32) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an output's side")]
        let side = |pixels: f64| (pixels / self.scale) as u32 - 20;
        (side(1920.0), side(1260.0))
    }

    fn resize(&self, width: u32, height: u32) {
        let command =
            format!("resize set width {width} px height {height} px, move absolute position 8 px 8 px");
        self.sway.on(&self.window, &command).expect("another size");
    }

    fn rect(&self) -> Rect {
        let window = self.sway.window(Find::Id(self.window.id)).expect("windows");
        window.expect("the window is there").rect
    }

    /// Waits until all of the guest's last picture is in the window, pixel for pixel.
    fn wait_for_exact(&self) {
        let seen = self.sway.wait_for_picture("exact", LIMIT, |screen| {
            let UiInfo { width, height, .. } = *self.guest.wishes().last()?;
            screen.find(&picture(width, height), screen.rect())
        });
        seen.unwrap_or_else(|error| panic!("{error}"));
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.viewer.id())).expect("a process").count()
    }

    fn memory(&self) -> Memory {
        usage::memory(self.viewer.id()).expect("a process")
    }
}

#[test]
fn a_thousand_sizes_end_in_one_wish_each_at_most() {
    for scale in [1.0, 1.5] {
        storm(scale, SIZES / 2);
    }
}

fn storm(scale: f64, sizes: u32) {
    let stage = Stage::open(scale);
    let mut dice = Dice::default();
    let most = stage.most();
    let (mut moved, mut settled, mut early) = (0, 0, None);
    while moved < sizes {
        let before = stage.guest.wishes().len();
        let mut rests = 1;
        let mut last = Instant::now();
        for _ in 0..dice.between(4, 20) {
            stage.resize(dice.between(360, most.0), dice.between(300, most.1));
            thread::sleep(MOVING);
            // On a busy computer the hand is slow.
            rests += usize::from(last.elapsed() > RESTING);
            last = Instant::now();
            moved += 1;
        }
        thread::sleep(SETTLED);
        settled += rests;
        let after = stage.guest.wishes().len();
        assert!(after <= before + rests, "{} wishes for {rests} settled sizes", after - before);
        if moved * 4 > sizes && early.is_none() {
            stage.wait_for_exact();
            early = Some((stage.memory(), stage.descriptors()));
        }
    }
    stage.wait_for_exact();
    let (count, rect) = (stage.guest.wishes().len(), stage.rect());
    let (memory, descriptors) = early.expect("looked at early");
    eprintln!(
        "scale {scale}: {moved} sizes, settled {settled} times, {count} wishes; anonymous memory {} → {} KiB, {descriptors} → {} descriptors",
        memory.anonymous / 1024,
        stage.memory().anonymous / 1024,
        stage.descriptors(),
    );
    // Nothing follows from what follows.
    thread::sleep(SETTLED * 4);
    assert_eq!((stage.guest.wishes().len(), stage.rect()), (count, rect), "it goes on by itself");
    check(&stage.guest.wishes());
    assert!(stage.descriptors() <= descriptors + 3, "descriptors leak");
    // Pictures of all sizes, at most of the screen's, may be in use; hundreds may not.
    let most = memory.anonymous + 48 * 1024 * 1024;
    assert!(stage.memory().anonymous <= most, "memory leaks: {:?} after {memory:?}", stage.memory());
}

fn check(wishes: &[UiInfo]) {
    assert!(wishes.len() > 10, "the guest was hardly asked");
    assert!(wishes.windows(2).all(|two| two[0] != two[1]), "a wish is repeated");
    for wish in wishes {
        let UiInfo { width_mm, height_mm, xoff, yoff, width, height } = *wish;
        assert!(width >= 320 && height >= 200 && width_mm > 0 && height_mm > 0, "{wish:?}");
        assert_eq!((xoff, yoff), (0, 0));
    }
    let sizes: HashSet<_> = wishes.iter().map(|wish| (wish.width, wish.height)).collect();
    assert!(sizes.len() > wishes.len() / 2, "the window was resized to few sizes");
}

/// What became of it is in the statistics.
#[test]
fn statistics_tell_of_wishes() {
    let mut stage = Stage::open(1.0);
    stage.resize(1000, 700);
    stage.wait_for_exact();
    let told = wait_until("statistics of the wish", LIMIT, || {
        let last = stage.viewer.stats()?.into_iter().next_back();
        Ok(last.map(|line| line["wish"].clone()).filter(|wish| wish["outcome"] == "followed"))
    });
    let told = told.expect("told");
    let UiInfo { width, height, width_mm, .. } = *stage.guest.wishes().last().expect("a wish");
    assert_eq!(
        (told["size"][0].as_u64(), told["size"][1].as_u64()),
        (Some(width.into()), Some(height.into()))
    );
    assert_eq!(told["millimetres"][0].as_u64(), Some(width_mm.into()));
    assert!(told["after"].as_f64().is_some(), "{told}");
    let window = stage.window.clone();
    stage.sway.close(&window).expect("a window to close");
    let (status, summary) = stage.viewer.finish(LIMIT).expect("an end");
    assert!(status.success());
    assert_eq!(summary["wishes"].as_u64(), Some(stage.guest.wishes().len() as u64));
}

/// A guest that has not heard of its second output, as a virtio-gpu's may not have when it was told of both
/// at the same time: it is told again, in a way that QEMU passes on.
#[test]
fn an_output_that_is_to_fill_a_monitor_is_asked_for_until_it_is_used() {
    let outputs = vec![Output::new(800, 600), Output::new(1024, 768)];
    let sway = Sway::start(SwayConfig { outputs, ..Default::default() }).expect("a sway");
    let head = |head| ConsoleSpec { head, ..ConsoleSpec::sized(640, 480) };
    let qemu = Standin::builder().release(Release::V10_1).console(head(0)).console(head(1)).build();
    let qemu = qemu.expect("a stand-in");
    let socket = sway.session().scope().join("qmp");
    qemu.serve_qmp(&socket).expect("a monitor");
    let arguments = ["-vv", "--fullscreen=all", "--qmp", socket.to_str().expect("a plain path")];
    let mut viewer = Viewer::start_as(&sway, sway.command(ORIEL), "connect", &arguments).expect("oriel");
    let (first, second) = (qemu.listener_within(0, LIMIT), qemu.listener_within(1, LIMIT));
    show(&first.expect("a listener"), 800, 600);
    let sizes = |console| {
        let wish = |call| if let Call::SetUiInfo(info) = call { Some(info) } else { None };
        qemu.calls_on(console).into_iter().filter_map(wish).collect::<Vec<_>>()
    };
    let asked = wait_until("another wish", LIMIT, || {
        let wishes = sizes(1).into_iter().filter(|wish| (wish.width, wish.height) == (1024, 768));
        let wishes: HashSet<_> = wishes.map(|wish| wish.width_mm).collect();
        Ok((wishes.len() > 1).then_some(()))
    });
    asked.unwrap_or_else(|error| panic!("{error}; {:?}\n{}", sizes(1), viewer.process().log()));
    // Where the monitor is, the output is to be.
    let places: HashSet<_> = sizes(1).into_iter().map(|wish| (wish.xoff, wish.yoff)).collect();
    assert!(places.contains(&(800, 0)), "{places:?}");
    assert!(sizes(0).iter().all(|wish| (wish.xoff, wish.yoff) == (0, 0)), "{:?}", sizes(0));
    // It lights up at last, and is left alone.
    show(&second.expect("a listener"), 1024, 768);
    sway.wait_for_windows("windows", LIMIT, |all| (all.len() == 2).then_some(())).expect("two windows");
}

/// What the guest tells, and what is seen of it, each by itself.
#[test]
fn both_rates_are_written_down() {
    let sway = Sway::start(SwayConfig::default()).expect("a sway");
    let qemu = Standin::builder().release(Release::V10_1).console(ConsoleSpec::sized(640, 480)).build();
    let qemu = qemu.expect("a stand-in");
    let socket = sway.session().scope().join("qmp");
    qemu.serve_qmp(&socket).expect("a monitor");
    let arguments = ["--qmp", socket.to_str().expect("a plain path")];
    let mut viewer = Viewer::start_as(&sway, sway.command(ORIEL), "connect", &arguments).expect("oriel");
    let listener = qemu.listener_within(0, LIMIT).expect("a listener");
    let rates = |line: &serde_json::Value| {
        let rate = |name: &str| line[name].as_f64().expect("a rate");
        (line["summary"] == false).then(|| (rate("guest_rate"), rate("presented_rate")))
    };
    let (draws, stop) = (AtomicBool::new(true), AtomicBool::new(false));
    let (moving, resting) = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                if draws.load(SeqCst) {
                    show(&listener, 640, 480);
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let moving = viewer.wait_for_stats("a guest that draws", LIMIT, |line| {
            rates(line).filter(|(guest, seen)| *guest > 0.0 && *seen > 0.0)
        });
        draws.store(false, SeqCst);
        let resting = viewer.wait_for_stats("a guest that rests", LIMIT, |line| {
            rates(line).filter(|rates| *rates == (0.0, 0.0))
        });
        stop.store(true, SeqCst);
        (moving, resting)
    });
    moving.expect("both rates");
    resting.expect("none");
}
