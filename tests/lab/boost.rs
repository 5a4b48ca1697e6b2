//! A vGPU's flips at the screen's pace: QEMU looks every 30 ms by itself, and when its monitor is told to.

use std::thread;
use std::time::{Duration, Instant};

use harness::machine::{GuestOptions, Report, Running};
use harness::{Error, Result};
use oriel::clock;
use oriel::session::{Boosting, Console, Event, Hardware, Options, Ramfb, Session};
use oriel::source::Source;
use oriel::stats::Boost;

use crate::mdev::{Kind, Mdev};
use crate::screen::Screen;
use crate::stage::{Evidence, LIMIT, nested};

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

/// What happens in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Flips that reach us.
    pub(crate) flips: f64,
    /// Updates that reach us.
    pub(crate) updates: f64,
    /// Pictures that the guest has drawn, by its own count and clock.
    pub(crate) guest: f64,
}

impl Rates {
    fn count(console: &Console, machine: &Running) -> Result<Self> {
        let reports = machine.serial().reports().len();
        let (start, before) = (Instant::now(), console.frames.pulse());
        thread::sleep(SPAN);
        let (after, span) = (console.frames.pulse(), start.elapsed().as_secs_f64());
        let told = machine.serial().reports().split_off(reports);
        let mut told = told.into_iter().filter_map(|report| match report {
            Report::Frame { count, at } => Some((count, at.parse::<f64>().ok()?)),
            _ => None,
        });
        let (Some(first), Some(last)) = (told.next(), told.next_back()) else {
            return Err(Error::failed("the guest does not tell what it draws"));
        };
        let rate = |count: u64, span: f64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / span;
        Ok(Self {
            flips: rate(after.flips - before.flips, span),
            updates: rate(after.frames - before.frames, span),
            guest: rate(last.0 - first.0, last.1 - first.1),
        })
    }
}

/// What reaches a viewer of a guest that flips at a pace of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boosted {
    /// As QEMU looks by itself.
    pub(crate) plain: Rates,
    /// When its monitor is told to.
    pub(crate) boosted: Rates,
    /// While nobody sees the picture.
    pub(crate) hidden: Rates,
}

pub(crate) fn measure(flips: u32) -> Result<Boosted> {
    let mdev = Mdev::create(Kind::MbochsLarge)?;
    let guest = GuestOptions { fps: flips, ..GuestOptions::paint("flip") };
    let machine = nested(guest, 128, &mdev.device("")).prepare()?.start()?;
    let evidence = Evidence { machine: Some(&machine), desk: None };
    evidence.of_failure("boost", || measure_in(&machine))
}

fn measure_in(machine: &Running) -> Result<Boosted> {
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

    let plain = Rates::count(&console, machine)?;
    assert_eq!(console.stats.summary(clock::now()).counts.kicks, 0);
    session.set_boost(Boosting::Auto);
    until("boost", || console.stats.current_boost() == Boost::On);
    let boosted = Rates::count(&console, machine)?;

    // Nobody looks: no kicks, and QEMU's own looks go on.
    drop(screen);
    until("rest", || console.stats.current_boost() == Boost::Idle);
    let kicks = console.stats.summary(clock::now()).counts.kicks;
    let hidden = Rates::count(&console, machine)?;
    assert!(console.stats.summary(clock::now()).counts.kicks <= kicks + 1);
    session.close();
    listening.join().expect("a listener that ends well");
    Ok(Boosted { plain, boosted, hidden })
}

/// The guest flips as often as the emulated processors let it without haste.
#[test]
fn a_vgpus_flips_reach_us_at_the_screens_pace_and_its_guest_keeps_its_own() -> Result<()> {
    // Whatever else this computer does may take a quarter, but not what makes a guest half as fast.
    let is_as_hoped = |Boosted { plain, boosted, hidden }: &Boosted| {
        boosted.flips > plain.flips * 1.5
            && boosted.flips > hidden.flips
            && boosted.updates > hidden.updates
            && boosted.guest > plain.guest.min(hidden.guest) * 0.75
    };
    // Where it does much just then, once more.
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let rates = measure(60)?;
        eprintln!("a second: {rates:.1?}");
        if is_as_hoped(&rates) {
            return Ok(());
        }
        seen.push(rates);
    }
    Err(Error::failed(format_args!("never as hoped: {seen:.1?}")))
}
