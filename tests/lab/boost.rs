//! A vGPU's flips at the screen's pace: QEMU looks every 30 ms by itself, and when its monitor is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use harness::Result;
use harness::machine::{Builder, Display, GuestOptions, Report};
use oriel::clock;
use oriel::session::{Boosting, Console, Event, Hardware, Options, Ramfb, Session};
use oriel::source::Source;
use oriel::stats::Boost;

use crate::mdev::{Kind, Mdev};
use crate::stage::LIMIT;

/// How long flips are counted.
const SPAN: Duration = Duration::from_secs(10);

/// A screen at 144 Hz that takes every picture: of what reaches the viewer, it hides nothing.
struct Screen {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Screen {
    const REFRESH: Duration = Duration::from_nanos(6_944_444);

    fn of(console: &Console) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, frames) = (stop.clone(), console.frames.clone());
        frames.present(clock::now(), || {});
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                if frames.take().is_some() {
                    frames.cadence().seen(clock::now(), Self::REFRESH);
                }
                thread::sleep(Self::REFRESH);
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

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "no {what} in time");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Flips and updates a second that reach us.
fn rates(console: &Console) -> (f64, f64) {
    let (start, before) = (Instant::now(), console.frames.pulse());
    thread::sleep(SPAN);
    let (after, span) = (console.frames.pulse(), start.elapsed().as_secs_f64());
    let rate = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / span;
    (rate(after.flips - before.flips), rate(after.frames - before.frames))
}

#[test]
fn a_vgpus_flips_reach_us_at_the_screens_pace() -> Result<()> {
    let mdev = Mdev::create(Kind::MbochsLarge)?;
    let machine = Builder::new()
        .guest(GuestOptions { fps: 120, ..GuestOptions::paint("flip") })
        .unpacked_kernel()
        .kvm()
        .memory(128)
        .video(&mdev.device(""))
        .devices(&[])
        .display(Display::DBusGl)
        .prepare()?
        .start()?;
    let (session, events) =
        Session::start_with(Source::qmp(machine.qmp_socket()?), Options { boost: Boosting::Off });
    let console = loop {
        match events.recv_blocking() {
            Ok(Event::ConsoleAdded(console)) => break console,
            Ok(_) => {}
            Err(error) => panic!("no console: {error}"),
        }
    };
    let listening = thread::spawn(move || while events.recv_blocking().is_ok() {});
    assert_eq!(console.hardware, Hardware::Vfio { ramfb: Ramfb::On });
    let screen = Screen::of(&console);
    machine.serial().guest("guest that draws", LIMIT, |report| match report {
        Report::Ready { size, .. } => Some(*size),
        _ => None,
    })?;
    until("flips", || console.frames.pulse().flips > 50);

    let (plain, plain_updates) = rates(&console);
    assert_eq!(console.stats.summary(clock::now()).counts.kicks, 0);
    session.set_boost(Boosting::Auto);
    eprintln!("flips a second without: {plain:.1}, updates {plain_updates:.1}");
    let mut stood = Boost::None;
    until("boost", || {
        let stands = console.stats.current_boost();
        if std::mem::replace(&mut stood, stands) != stands {
            let kicks = console.stats.summary(clock::now()).counts.kicks;
            eprintln!("{stands:?} after {kicks} kicks and {} flips", console.frames.pulse().flips);
        }
        stands == Boost::On
    });
    let (boosted, boosted_updates) = rates(&console);
    let counts = console.stats.summary(clock::now()).counts;
    eprintln!("flips a second: {plain:.1}, boosted {boosted:.1}");
    eprintln!("updates a second: {plain_updates:.1}, boosted {boosted_updates:.1}; {} kicks", counts.kicks);
    assert!(boosted > plain * 1.5, "{plain:.1} flips a second, boosted {boosted:.1}");

    // Nobody looks: no kicks, and QEMU's own looks go on.
    drop(screen);
    until("rest", || console.stats.current_boost() == Boost::Idle);
    let kicks = console.stats.summary(clock::now()).counts.kicks;
    let (hidden, _) = rates(&console);
    assert!(console.stats.summary(clock::now()).counts.kicks <= kicks + 1);
    eprintln!("flips a second while hidden: {hidden:.1}");
    session.close();
    listening.join().expect("a listener that ends well");
    Ok(())
}
