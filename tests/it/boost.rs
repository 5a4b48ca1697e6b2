//! A vGPU at the screen's pace, against the QEMU stand-in: a guest that flips, a QEMU that looks seldom,
//! a screen that shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oriel::clock;
use oriel::session::{Boosting, Console, Hardware, Options, Ramfb};
use oriel::source::Source;
use oriel::stats::Boost;
use serde_json::json;
use standin::buffer::{Buffer, Layout};
use standin::pixman::X8R8G8B8;
use standin::{Call, ConsoleSpec, Release, Standin};

use crate::session_watch::{PATIENCE, Watch, eventually};

const REFRESH: Duration = Duration::from_nanos(16_666_667);
const POLL: Duration = Duration::from_millis(30);

/// A machine whose vGPU flips between two buffers, of which QEMU sees what it looks at.
struct Machine {
    qemu: Arc<Standin>,
    /// So often QEMU was made to look.
    looks: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    guest: Option<JoinHandle<()>>,
    _place: tempfile::TempDir,
    socket: PathBuf,
}

impl Machine {
    /// `label` is what the device is called, and `screendump` what QEMU says to that.
    fn new(label: &str, screendump: &'static str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("qmp");
        let spec = ConsoleSpec { label: label.into(), ..ConsoleSpec::sized(64, 48) };
        let qemu = Arc::new(Standin::builder().release(Release::V11_1).console(spec).build().unwrap());
        qemu.serve_qmp(&socket).unwrap();
        let looks = Arc::new(AtomicU64::new(0));
        let counted = looks.clone();
        qemu.answer_qmp("screendump", move |arguments| {
            assert_eq!(arguments, &json!({ "filename": "/dev/null/oriel-refresh" }));
            counted.fetch_add(1, Ordering::SeqCst);
            Err(screendump.to_owned())
        });
        qemu.answer_qmp("qom-get", |arguments| {
            match (arguments["path"].as_str(), arguments["property"].as_str()) {
                (Some("/machine/peripheral/hostdev0"), Some("type")) => Ok(json!("vfio-pci-nohotplug")),
                (Some("/machine/peripheral/hostdev0"), Some("ramfb")) => Ok(json!(true)),
                _ => Err("Device not found".into()),
            }
        });
        Self { qemu, looks, stop: Arc::default(), guest: None, _place: place, socket }
    }

    fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }

    fn session(&self, boost: Boosting) -> (Watch, Console) {
        let watch = Watch::start_with(Source::qmp(&self.socket), Options { boost });
        let console = watch.console();
        (watch, console)
    }

    /// The guest flips with every look: faster than anybody looks.
    fn flip(&mut self) {
        let (qemu, looks, stop) = (self.qemu.clone(), self.looks.clone(), self.stop.clone());
        let listener = qemu.listener_within(0, PATIENCE).unwrap();
        self.guest = Some(thread::spawn(move || {
            let layout = Layout::tight(64, 48, X8R8G8B8);
            let buffers = [1, 2].map(|frame| Buffer::with_frame(layout, frame).unwrap());
            let mut seen = looks.load(Ordering::SeqCst);
            for turn in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let buffer = &buffers[turn % 2];
                listener.scanout_dmabuf2(&[buffer], &buffer.dmabuf().into());
                listener.update_dmabuf([0, 0, 64, 48]);
                let poll = Instant::now() + POLL;
                while Instant::now() < poll && looks.load(Ordering::SeqCst) == seen {
                    thread::sleep(Duration::from_millis(1));
                }
                seen = looks.load(Ordering::SeqCst);
            }
        }));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(guest) = self.guest.take() {
            let ended = guest.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// Somebody looks: pictures are taken, and seen at every refresh.
struct Screen {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Screen {
    fn of(console: &Console) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, frames) = (stop.clone(), console.frames.clone());
        frames.present(clock::now(), || {});
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                if frames.take().is_some() {
                    frames.cadence().seen(clock::now(), REFRESH);
                }
                thread::sleep(REFRESH);
            }
            frames.stop_presenting();
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking());
    }
}

#[test]
fn a_vgpu_is_looked_at_while_it_flips_and_somebody_sees_it() {
    let mut machine = Machine::new("hostdev0", "no surface");
    let (watch, console) = machine.session(Boosting::Auto);
    assert_eq!(console.hardware, Hardware::Vfio { ramfb: Ramfb::On });
    machine.flip();
    let screen = Screen::of(&console);
    eventually("kicks that help", || console.stats.current_boost() == Boost::On);
    eventually("more of them", || machine.looks() > 100);

    drop(screen);
    eventually("it rests", || console.stats.current_boost() == Boost::Idle);
    let looks = machine.looks();
    eventually("QEMU's own looks", {
        let seen = console.frames.pulse().frames + 30;
        let console = console.clone();
        move || console.frames.pulse().frames > seen
    });
    assert!(machine.looks() <= looks + 1, "nobody sees it");

    let _screen = Screen::of(&console);
    eventually("it is looked at again", || machine.looks() > looks + 20);
    watch.session.set_boost(Boosting::Off);
    eventually("it ends", || console.stats.current_boost() == Boost::None);
    let looks = machine.looks();
    thread::sleep(POLL * 4);
    assert!(machine.looks() <= looks + 1, "the person does not want it");
    watch.close();
}

#[test]
fn a_surface_of_qemus_own_is_left_alone_after_one_look() {
    let mut machine =
        Machine::new("vfio-pci", "failed to open file '/dev/null/oriel-refresh': Not a directory");
    let (watch, console) = machine.session(Boosting::Auto);
    assert_eq!(console.hardware, Hardware::Vfio { ramfb: Ramfb::Off });
    machine.flip();
    let _screen = Screen::of(&console);
    eventually("one look", || machine.looks() == 1);
    let seen = console.frames.pulse().frames + 60;
    eventually("pictures", || console.frames.pulse().frames > seen);
    assert_eq!(machine.looks(), 1);
    watch.close();
}

#[test]
fn what_qemu_does_not_poll_is_never_looked_at() {
    let mut machine = Machine::new("virtio-vga", "no surface");
    let (watch, console) = machine.session(Boosting::Auto);
    assert_eq!(console.hardware, Hardware::VirtioGpu);
    machine.flip();
    let _screen = Screen::of(&console);
    eventually("pictures", || console.frames.pulse().frames > 120);
    assert_eq!((machine.looks(), console.stats.current_boost()), (0, Boost::None));
    let screendumps = |call: &Call| matches!(call, Call::Qmp(name) if name == "screendump");
    assert!(!machine.qemu.calls().iter().any(screendumps));
    watch.close();
}

#[test]
fn a_person_who_does_not_want_it_is_not_served_it() {
    let mut machine = Machine::new("vfio-pci", "no surface");
    let (watch, console) = machine.session(Boosting::Off);
    machine.flip();
    let _screen = Screen::of(&console);
    eventually("pictures", || console.frames.pulse().frames > 60);
    assert_eq!(machine.looks(), 0);
    watch.session.set_boost(Boosting::Auto);
    eventually("it is looked at", || machine.looks() > 20);
    watch.close();
}

#[test]
fn a_monitor_that_refuses_to_look_is_asked_once() {
    let mut machine = Machine::new("vfio-pci", "The command screendump has been disabled for this instance");
    let (watch, console) = machine.session(Boosting::Auto);
    machine.flip();
    let _screen = Screen::of(&console);
    eventually("a refusal", || console.stats.current_boost() == Boost::Refused);
    let seen = console.frames.pulse().frames + 60;
    eventually("pictures", || console.frames.pulse().frames > seen);
    assert_eq!(machine.looks(), 1);
    watch.close();
}
