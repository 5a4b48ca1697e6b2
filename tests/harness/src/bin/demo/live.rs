//! With a desktop: a window for the person, who does what there is to do.

use std::{
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use harness::{
    Doing, Error, Result,
    machine::{Report, Serial, State},
    process::Scope,
    viewer,
};

use crate::{machine, say, summary::Summary};

/// Opens the window and waits until it is closed, or for `seconds`.
pub(crate) fn run(seconds: Option<Duration>) -> Result<Summary> {
    let machine = machine()?;
    let scope = Scope::new("demo")?;
    let stats = scope.join("stats.jsonl");
    let mut oriel = Command::new(viewer::program()?);
    oriel.arg("launch").arg("--stats").arg(&stats);
    if let Some(seconds) = seconds {
        oriel.arg("--exit-after").arg(seconds.as_secs().to_string());
    }
    oriel.arg("--").args(machine.arguments());
    say("opening a window; close it to switch the guest off");
    let mut oriel = oriel.spawn().doing("start oriel")?;
    let before_guest = reports_before_guest(&mut oriel, machine.serial(), &stats)?;
    let status = oriel.wait().doing("wait for oriel")?;
    if !status.success() {
        return Err(Error::failed(format_args!("oriel ended with {status}")));
    }
    let stats = viewer::read_stats(&stats)?;
    Ok(Summary { checks: seen(&machine.serial().reports()), stats, before_guest })
}

/// Waits for the guest to draw, or for the window to be closed before.
fn reports_before_guest(oriel: &mut Child, serial: &Serial, stats: &Path) -> Result<usize> {
    const LOOK: Duration = Duration::from_secs(1);
    let is_ready = |report: &Report| matches!(report, Report::Ready { .. }).then_some(());
    while oriel.try_wait().doing("ask for oriel")?.is_none() && !serial.is_closed() {
        if serial.guest("guest that draws", LOOK, is_ready).is_ok() {
            break;
        }
    }
    Ok(viewer::read_stats(stats)?.len())
}

/// What the guest says that the person did.
fn seen(reports: &[Report]) -> Vec<String> {
    let count = |is: fn(&Report) -> bool| reports.iter().filter(|&report| is(report)).count();
    if count(|report| matches!(report, Report::Ready { .. })) == 0 {
        return vec!["the window was closed before the guest was up".to_owned()];
    }
    let keys = count(|report| matches!(report, Report::Key { state: State::Down, .. }));
    let buttons = count(|report| matches!(report, Report::Button { state: State::Down, .. }));
    let motions = count(|report| matches!(report, Report::Abs { .. } | Report::Rel { .. }));
    let mut seen =
        vec![format!("the guest saw {keys} keys, {buttons} clicks and {motions} motions of the pointer")];
    if reports.contains(&Report::Power) {
        seen.push("the guest was asked to switch off".to_owned());
    }
    seen
}
