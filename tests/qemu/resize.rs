//! Stock QEMU with a guest that follows the EDID: what the window is, the guest's screen is.

#[cfg(feature = "gui")]
use std::time::{Duration, Instant};

use harness::Result;
#[cfg(feature = "gui")]
use harness::desk::{Desk, Find, Layout, Output, Sway, SwayConfig, Window};
use harness::machine::{Builder, Display, GuestOptions, Report};
#[cfg(feature = "gui")]
use harness::shot::{Image, Rect};
#[cfg(feature = "gui")]
use harness::viewer::Viewer;
use oriel::geometry::{Point, Size};
use oriel::resolution::{Answer, Device, Millimetres, Wish};
use oriel::session::{ConsoleKind, Event};
use oriel::source::Source;

use crate::session_watch::Watch;
#[cfg(feature = "gui")]
use crate::support::{BOOT, ORIEL};
use crate::support::{LIMIT, guest, wait_for_guest};

fn wish(width: u32, height: u32) -> Wish {
    let millimetres = Millimetres { width: 300, height: 200 };
    Wish { size: Size::new(width, height), millimetres, at: Point::new(0, 0) }
}

/// QEMU: ui/dbus-console.c, `dbus_console_set_ui_info`; which devices have a `ui_info`.
#[test]
fn devices_without_an_edid_say_so() -> Result<()> {
    for (device, expected) in [
        ("virtio-vga", Answer::Accepted),
        ("virtio-gpu-pci", Answer::Accepted),
        ("VGA", Answer::Unsupported),
        ("bochs-display", Answer::Unsupported),
        ("ramfb", Answer::Unsupported),
        ("qxl-vga", Answer::Unsupported),
        ("cirrus-vga", Answer::Unsupported),
    ] {
        let machine = Builder::new().video(device).display(Display::DBusP2p).prepare()?.start()?;
        let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
        let console = watch.console();
        assert_eq!(console.kind, ConsoleKind::Graphic);
        watch.session.ask(console.id, wish(1000, 700));
        let answer = watch.until("answer", |event| match event {
            Event::Asked(id, asked, answer) if id == console.id => Some((asked, answer)),
            _ => None,
        });
        assert_eq!(answer, (wish(1000, 700), expected), "{device}");
        let takes = matches!(console.hardware.device(&console.label), Device::Virtio);
        assert_eq!(takes, expected == Answer::Accepted, "{device} is known for what it is");
        watch.close();
    }
    Ok(())
}

/// What is to be put into a machine's definition does what it says.
#[test]
fn a_machine_starts_with_the_size_that_is_kept() -> Result<()> {
    let size = Size::new(1000, 700);
    for (video, device) in [("virtio-vga", Device::Virtio), ("bochs-display", Device::Vga)] {
        let keep = device.keep(size).expect("a property").argument();
        let machine = Builder::new()
            .video(&format!("{video},{keep}"))
            .guest(GuestOptions::default())
            .display(Display::DBusP2p)
            .prepare()?
            .start()?;
        assert_eq!(wait_for_guest(machine.serial())?, (size.width, size.height), "{video}");
    }
    Ok(())
}

/// A guest that does not follow is one that has been asked all the same.
#[test]
fn a_guest_without_an_agent_keeps_its_size() -> Result<()> {
    let options = GuestOptions { more: "oriel.follow=no".to_owned(), ..guest(800, 600) };
    let machine = Builder::new().guest(options).display(Display::DBusP2p).prepare()?.start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    let console = watch.console();
    wait_for_guest(machine.serial())?;
    watch.session.ask(console.id, wish(1000, 700));
    let answer = watch.until("answer", |event| match event {
        Event::Asked(_, _, answer) => Some(answer),
        _ => None,
    });
    assert_eq!(answer, Answer::Accepted);
    // The guest has seen the event once it answers to what came later.
    machine.serial().send("mode 640x480")?;
    machine.serial().expect(&Report::Mode { size: (640, 480) }, LIMIT)?;
    let modes = machine.serial().reports().into_iter();
    let asked = modes.filter(|report| matches!(report, Report::Mode { size: (1000, 700) }));
    assert_eq!(asked.count(), 0);
    watch.close();
    Ok(())
}

/// What the guest draws when it is told `paint unique`: no two pixels are alike.
#[cfg(feature = "gui")]
fn unique((width, height): (u32, u32)) -> Image {
    Image::from_fn(width, height, |x, y| {
        let [_, red, green, blue] = ((x & 0xfff) << 12 | y & 0xfff).to_be_bytes();
        [red, green, blue, 255]
    })
}

#[cfg(feature = "gui")]
struct Stage {
    sway: Sway,
    window: Window,
    viewer: Viewer,
    machine: harness::machine::Machine,
}

#[cfg(feature = "gui")]
impl Stage {
    fn open() -> Result<Self> {
        let outputs = vec![Output::new(1680, 1260)];
        let sway = Sway::start(SwayConfig { outputs, layout: Layout::Floating, ..Default::default() })?;
        let options = GuestOptions { more: "oriel.cursor=no".to_owned(), ..GuestOptions::paint("unique") };
        let machine = Builder::new().guest(options).without_qmp().prepare()?;
        let mut arguments = vec!["--".into()];
        arguments.extend_from_slice(machine.arguments());
        let viewer = Viewer::start_as(&sway, sway.command(ORIEL), "launch", &arguments)?;
        let window = sway.wait_for_window(Find::Pid(viewer.id()), BOOT)?;
        // In a corner, so that it can grow with the guest's picture without leaving the screen.
        sway.on(&window, "move absolute position 10 px 10 px")?;
        wait_for_guest(machine.serial())?;
        Ok(Self { sway, window, viewer, machine })
    }

    /// The guest's mode, by its own word.
    fn mode(&self) -> Option<(u32, u32)> {
        let mut sizes = self.machine.serial().reports().into_iter().filter_map(|report| match report {
            Report::Ready { size, .. } | Report::Mode { size } => Some(size),
            _ => None,
        });
        sizes.next_back()
    }

    /// Waits until the guest has another mode than before and all of its picture is seen, pixel for
    /// pixel; says how long that took, and which mode it is.
    fn wait_for_exact(&self, before: Option<(u32, u32)>, since: Instant) -> Result<(Duration, (u32, u32))> {
        self.sway.wait_for_picture("guest-followed", LIMIT * 4, |screen| {
            let mode = self.mode().filter(|mode| Some(*mode) != before)?;
            screen.find(&unique(mode), screen.rect()).map(|_| (since.elapsed(), mode))
        })
    }
}

/// What of a window's length may be left over: an eighth pixel and a divisor more.
#[cfg(feature = "gui")]
fn fills(mode: u32, pixels: f64) -> bool {
    f64::from(mode) <= pixels + 1.0 && f64::from(mode) >= pixels - (pixels / 32.0).max(8.0) - 1.0
}

#[cfg(feature = "gui")]
#[test]
fn the_guest_follows_the_window_and_is_seen_pixel_for_pixel() -> Result<()> {
    let mut stage = Stage::open()?;
    stage.wait_for_exact(None, Instant::now())?;
    let output = stage.sway.outputs()?.remove(0).name;
    let mut steps = 0;
    for scale in [1.0, 1.25, 1.5] {
        stage.sway.set_scale(&output, scale)?;
        for (width, height) in [(900, 600), (640, 500), (1001, 701), (800, 613)] {
            let before = stage.mode();
            let start = Instant::now();
            stage.sway.place(&stage.window, Rect::new(10, 10, width, height))?;
            let (took, mode) = stage.wait_for_exact(before, start)?;
            eprintln!(
                "scale {scale}: a window of {width} by {height} units was exact in {mode:?} after {} ms",
                took.as_millis()
            );
            assert!(fills(mode.0, f64::from(width) * scale), "{mode:?} in {width} at {scale}");
            steps += 1;
        }
        for fullscreen in [true, false] {
            let before = stage.mode();
            let start = Instant::now();
            stage.sway.fullscreen(&stage.window, fullscreen)?;
            let (took, mode) = stage.wait_for_exact(before, start)?;
            eprintln!(
                "scale {scale}, fullscreen {fullscreen}: exact in {mode:?} after {} ms",
                took.as_millis()
            );
            assert_eq!(fills(mode.0, 1680.0) && fills(mode.1, 1260.0), fullscreen, "{mode:?}");
            steps += 1;
        }
    }
    stage.sway.close(&stage.window)?;
    stage.machine.serial().expect(&Report::Power, LIMIT)?;
    let (status, summary) = stage.viewer.finish(LIMIT)?;
    assert!(status.success(), "{status}");
    // A scale that changes may settle before the next size comes.
    let wishes = summary["wishes"].as_u64().unwrap_or_default();
    assert!((steps..=steps + 2).contains(&wishes), "one for each size: {summary}");
    assert_eq!(summary["wish"]["outcome"], "followed", "{summary}");
    Ok(())
}
