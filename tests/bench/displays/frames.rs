//! What one guest picture costs on each display.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use harness::machine::{GuestOptions, Report, Serial};
use harness::{Result, usage};

use super::show::{RATE, SIZE, Showing, Way};
use crate::shared::table::Table;
use crate::shared::{NOTHING, median, number};

/// Beyond `-display none`, in milliseconds a guest frame.
const TARGET: f64 = 3.0;

/// What peers.md's measurement says of the others: QEMU 11.1, two cores, no GPU.
const EARLIER: [(Way, f64); 3] = [(Way::Gtk, 18.1), (Way::Vnc, 25.7), (Way::Spice, 37.1)];

/// From the guest's first picture until measuring starts.
const WARM_UP: Duration = Duration::from_secs(4);

/// How long the guest may be silent: it reports its frames every second.
const SILENCE: Duration = Duration::from_secs(30);

/// Milliseconds of processor time for each guest frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) qemu: f64,
    pub(crate) viewer: f64,
    pub(crate) compositor: f64,
    /// Guest frames a second.
    pub(crate) rate: f64,
    /// Frames a second that the viewer handed on, where it says so.
    pub(crate) shown: Option<f64>,
}

impl Cost {
    fn total(self) -> f64 {
        self.qemu + self.viewer + self.compositor
    }
}

/// Costs by way, one of each round.
pub(crate) type Costs = BTreeMap<Way, Vec<Cost>>;

/// Boots the guest on a display and measures for `length`.
pub(crate) fn measure(way: Way, length: Duration) -> Result<Cost> {
    let guest = GuestOptions {
        fps: RATE,
        mode: Some(SIZE),
        more: "oriel.follow=no oriel.cursor=no".to_owned(),
        ..GuestOptions::paint("flip")
    };
    let mut showing = way.start(guest, "virtio-vga")?;
    thread::sleep(WARM_UP);
    let before = Moment::of(&showing)?;
    thread::sleep(length);
    let after = Moment::of(&showing)?;
    let shown = showing.oriel().map(|viewer| viewer.stats()).transpose()?;
    let rates =
        shown.map(|lines| lines.iter().rev().take(5).filter_map(|line| line["rate"].as_f64()).collect());
    Ok(before.until(&after, rates.and_then(median)))
}

/// The meters, right when the guest has reported its frames.
#[derive(Debug)]
struct Moment {
    at: Instant,
    frames: u64,
    qemu: Duration,
    viewer: Duration,
    compositor: Duration,
}

impl Moment {
    fn of(showing: &Showing) -> Result<Self> {
        let (qemu, viewer, compositor) = showing.processes();
        let frames = next_count(showing.machine().serial())?;
        let cpu =
            |pid: Option<u32>| pid.map_or(Ok(Duration::ZERO), |pid| Ok(usage::cpu_of_tree(pid)?.total()));
        Ok(Self {
            at: Instant::now(),
            frames,
            qemu: cpu(Some(qemu))?,
            viewer: cpu(viewer)?,
            compositor: usage_of_compositor(compositor)?,
        })
    }

    fn until(&self, later: &Self, shown: Option<f64>) -> Cost {
        #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
        let frames = later.frames.saturating_sub(self.frames).max(1) as f64;
        let ms = |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e3 / frames;
        Cost {
            qemu: ms(self.qemu, later.qemu),
            viewer: ms(self.viewer, later.viewer),
            compositor: ms(self.compositor, later.compositor),
            rate: frames / (later.at - self.at).as_secs_f64(),
            shown,
        }
    }
}

/// Without its children, which it has none of that matter.
fn usage_of_compositor(pid: Option<u32>) -> Result<Duration> {
    pid.map_or(Ok(Duration::ZERO), |pid| Ok(usage::cpu(pid)?.total()))
}

/// Waits for the guest's next report, so that the count is not a second old.
fn next_count(serial: &Serial) -> Result<u64> {
    let count = |report: &Report| match report {
        Report::Frame { count, .. } => Some(*count),
        _ => None,
    };
    let newest = serial.reports().iter().rev().find_map(count).unwrap_or(0);
    serial.guest("count of the guest's frames", SILENCE, |report| count(report).filter(|&n| n > newest))
}

/// The medians of all rounds.
pub(crate) fn table(costs: &Costs) -> Table {
    let mut table = Table::new(&[
        "30 new 1920x1080 a second",
        "QEMU",
        "viewer",
        "sway",
        "beyond none",
        "times Oriel",
        "guest/s",
        "shown/s",
        "QEMU 11.1",
    ]);
    let oriel = beyond(costs, Way::Oriel);
    for (&way, rounds) in costs {
        let middle = |of: fn(&Cost) -> f64| median(rounds.iter().map(of).collect());
        let beyond = beyond(costs, way).filter(|_| way != Way::None);
        let ratio = beyond.zip(oriel).map(|(this, oriel)| this / oriel);
        let earlier = EARLIER.iter().find(|(of, _)| *of == way).map(|(_, ms)| *ms);
        table.row(vec![
            way.title().to_owned(),
            number(middle(|cost| cost.qemu), 2),
            number(middle(|cost| cost.viewer), 2),
            number(middle(|cost| cost.compositor), 2),
            number(beyond, 2),
            ratio.map_or(NOTHING.to_owned(), |ratio| format!("{ratio:.1}")),
            number(middle(|cost| cost.rate), 1),
            number(rounds.iter().map(|cost| cost.shown).collect::<Option<Vec<_>>>().and_then(median), 1),
            number(earlier, 1),
        ]);
    }
    table
}

/// Whether Oriel costs no more than it should, in words; nothing where it was not measured.
pub(crate) fn verdict(costs: &Costs) -> Option<String> {
    let beyond = beyond(costs, Way::Oriel)?;
    let reached = if beyond <= TARGET { "reached" } else { "MISSED" };
    Some(format!("Target {reached}: {beyond:.2} ms a guest frame beyond -display none, of {TARGET}."))
}

fn beyond(costs: &Costs, way: Way) -> Option<f64> {
    let total = |way| median(costs.get(&way)?.iter().map(|cost| cost.total()).collect());
    Some(total(way)? - total(Way::None)?)
}
