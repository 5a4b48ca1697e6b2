//! A vGPU's flips at the screen's pace: QEMU looks every 30 ms by itself, and when its monitor is told to.

use std::thread;
use std::time::{Duration, Instant};

use harness::machine::{GuestOptions, Report};
use harness::{Error, Result};
use oriel::clock;
use oriel::session::{Boosting, Console, Event, Hardware, Options, Ramfb, Session};
use oriel::source::Source;
use oriel::stats::Boost;

use crate::mdev::{Kind, Mdev};
use crate::screen::Screen;
use crate::stage::{LIMIT, nested};

/// Of a screen at 144 Hz: of what reaches the viewer, it hides nothing.
const REFRESH: Duration = Duration::from_nanos(6_944_444);

/// How long flips are counted.
const SPAN: Duration = Duration::from_secs(10);

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

/// Flips and updates a second that reach a viewer of a guest that flips 120 times a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boosted {
    /// As QEMU looks by itself.
    pub(crate) plain: (f64, f64),
    /// When its monitor is told to.
    pub(crate) boosted: (f64, f64),
    /// While nobody sees the picture.
    pub(crate) hidden: (f64, f64),
}

pub(crate) fn measure() -> Result<Boosted> {
    let mdev = Mdev::create(Kind::MbochsLarge)?;
    let guest = GuestOptions { fps: 120, ..GuestOptions::paint("flip") };
    let machine = nested(guest, 128, &mdev.device("")).prepare()?.start()?;
    let (session, events) =
        Session::start_with(Source::qmp(machine.qmp_socket()?), Options { boost: Boosting::Off });
    let console = loop {
        match events.recv_blocking() {
            Ok(Event::ConsoleAdded(console)) => break console,
            Ok(_) => {}
            Err(error) => return Err(Error::failed(format_args!("no console: {error}"))),
        }
    };
    let listening = thread::spawn(move || while events.recv_blocking().is_ok() {});
    assert_eq!(console.hardware, Hardware::Vfio { ramfb: Ramfb::On });
    let screen = Screen::of(&console, REFRESH);
    machine.serial().guest("guest that draws", LIMIT, |report| match report {
        Report::Ready { size, .. } => Some(*size),
        _ => None,
    })?;
    until("flips", || console.frames.pulse().flips > 50);

    let plain = rates(&console);
    assert_eq!(console.stats.summary(clock::now()).counts.kicks, 0);
    session.set_boost(Boosting::Auto);
    until("boost", || console.stats.current_boost() == Boost::On);
    let boosted = rates(&console);

    // Nobody looks: no kicks, and QEMU's own looks go on.
    drop(screen);
    until("rest", || console.stats.current_boost() == Boost::Idle);
    let kicks = console.stats.summary(clock::now()).counts.kicks;
    let hidden = rates(&console);
    assert!(console.stats.summary(clock::now()).counts.kicks <= kicks + 1);
    session.close();
    listening.join().expect("a listener that ends well");
    Ok(Boosted { plain, boosted, hidden })
}

#[test]
fn a_vgpus_flips_reach_us_at_the_screens_pace() -> Result<()> {
    let rates = measure()?;
    eprintln!("flips and updates a second: {rates:.1?}");
    assert!(rates.boosted.0 > rates.plain.0 * 1.5, "{rates:.1?}");
    assert!(rates.hidden.0 < rates.boosted.0, "{rates:.1?}");
    Ok(())
}
