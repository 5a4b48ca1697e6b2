//! A guest that draws as fast as it can on a display without back-pressure: what becomes of QEMU's
//! memory with Oriel, and with a viewer that does not read.

use std::thread;
use std::time::Duration;

use harness::machine::GuestOptions;
use harness::process::wait_until;
use harness::{Error, Result, usage};
use rustix::process::Signal;

use super::show::Way;
use crate::shared::table::Table;
use crate::shared::{mib, number};

/// From the guest's first picture until measuring starts: its own memory is in use by then.
const WARM_UP: Duration = Duration::from_secs(6);

/// How long the viewer does not read: QEMU 10 grows by about 100 MB a second meanwhile.
const STALL: Duration = Duration::from_secs(4);

/// What QEMU's memory may grow by with Oriel, in MiB a second, and still be flat.
const FLAT: f64 = 0.5;

/// QEMU's own memory, in MiB.
#[derive(Debug)]
pub(crate) struct Growth {
    /// At the start and at the end, with Oriel reading.
    pub(crate) reading: (f64, f64),
    /// Growth a second, as the slope between the two.
    pub(crate) slope: f64,
    /// Growth a second while nobody reads.
    pub(crate) stalled: f64,
    /// Messages a second that came to Oriel.
    pub(crate) messages: Option<f64>,
}

/// Floods for `length`, then stops the viewer for a moment.
pub(crate) fn measure(length: Duration) -> Result<Growth> {
    let guest = GuestOptions {
        fps: 240,
        mode: Some((1280, 720)),
        more: "oriel.follow=no".to_owned(),
        ..GuestOptions::paint("flip")
    };
    // Its pixels lie in the device's own memory, so QEMU sends them (Scanout, Update), and waits for no one.
    let mut showing = Way::Oriel.start(guest, "VGA")?;
    let (qemu, ..) = showing.processes();
    let own = || -> Result<f64> { Ok(mib(usage::memory(qemu)?.anonymous)) };
    let viewer = showing.oriel().ok_or_else(|| Error::failed("Oriel does not show the machine"))?;
    viewer.wait_for_stats("frame on the screen", WARM_UP * 10, |line| {
        line["committed"].as_u64().filter(|&frames| frames > 0).map(drop)
    })?;
    thread::sleep(WARM_UP);
    let start = own()?;
    thread::sleep(length);
    let end = own()?;
    let lines = viewer.stats()?;
    let received = lines.last().and_then(|line| Some(line["received"].as_f64()? / line["span"].as_f64()?));

    viewer.process().signal(Signal::STOP)?;
    thread::sleep(STALL);
    let stalled = own()?;
    viewer.process().signal(Signal::CONT)?;
    // Left to itself it would be ended with gigabytes still on their way.
    wait_until("QEMU's memory as before", STALL * 10, || Ok((own()? < stalled / 2.0 + end).then_some(())))?;
    Ok(Growth {
        reading: (start, end),
        slope: (end - start) / length.as_secs_f64(),
        stalled: (stalled - end) / STALL.as_secs_f64(),
        messages: received,
    })
}

pub(crate) fn table(growth: &Growth) -> Table {
    let mut table = Table::new(&[
        "1280x720 as fast as it can",
        "messages/s",
        "QEMU MiB",
        "end",
        "MiB/s",
        "not read MiB/s",
        "flat",
    ]);
    table.row(vec![
        "VGA, Oriel".to_owned(),
        number(growth.messages, 0),
        format!("{:.1}", growth.reading.0),
        format!("{:.1}", growth.reading.1),
        format!("{:.2}", growth.slope),
        format!("{:.1}", growth.stalled),
        if growth.slope < FLAT { "yes" } else { "NO" }.to_owned(),
    ]);
    table
}
