//! Stock QEMU: firmware, the guest's reports, QMP.

use std::time::Duration;

use harness::{
    Error, Result,
    machine::{Builder, Display, Firmware, GuestOptions, Report, State},
};
use serde_json::json;

/// An emulated machine, on a computer that is busy with other tests.
const BOOT: Duration = Duration::from_secs(180);
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn the_guest_is_ready_and_reports_what_it_is_given() -> Result<()> {
    let guest = GuestOptions { mode: Some((1024, 768)), ..GuestOptions::default() };
    let mut machine = Builder::new().guest(guest).display(Display::None).prepare()?.start()?;
    let serial = machine.serial().clone();
    let size = serial.guest("guest that draws", BOOT, |report| match report {
        Report::Ready { size, .. } => Some(*size),
        _ => None,
    })?;
    assert_eq!(size, (1024, 768));
    let mut qmp = machine.qmp()?;
    let key =
        |down| json!({ "type": "key", "data": { "down": down, "key": { "type": "qcode", "data": "a" } } });
    qmp.execute("input-send-event", json!({ "events": [key(true), key(false)] }))?;
    serial.expect(&Report::Key { code: 30, state: State::Down }, LIMIT)?;
    serial.expect(&Report::Key { code: 30, state: State::Up }, LIMIT)?;
    serial.send("mode 800x600")?;
    serial.expect(&Report::Mode { size: (800, 600) }, LIMIT)?;
    qmp.execute("system_powerdown", json!({}))?;
    serial.expect(&Report::Power, LIMIT)?;
    qmp.wait_for("SHUTDOWN", LIMIT)?;
    let status = machine.process().wait(LIMIT)?;
    assert!(status.success(), "{status}");
    Ok(())
}

#[test]
fn uefi_firmware_starts_with_variables_of_its_own() -> Result<()> {
    let machine = Builder::new().firmware(Firmware::Ovmf).display(Display::None).prepare()?.start()?;
    let mut qmp = machine.qmp()?;
    let status = qmp.execute("query-status", json!({}))?;
    assert_eq!(status["running"], true);
    let refused = qmp.execute("no-such-command", json!({}));
    assert!(matches!(refused, Err(Error::Failed(text)) if text.contains("no-such-command")));
    machine
        .serial()
        .wait_for("boot manager of the firmware", BOOT, |line| line.contains("BdsDxe").then_some(()))
}

#[test]
fn a_machine_that_cannot_start_says_why() -> Result<()> {
    let machine = Builder::new().display(Display::Other("no-such-display".into())).prepare()?;
    let error = machine.start().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("no-such-display"), "{error}");
    Ok(())
}
