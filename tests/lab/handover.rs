//! From the firmware's ramfb to the guest's driver in one window.

use harness::Result;
use harness::desk::Desk;
use harness::machine::{GuestOptions, Report};

use crate::mdev::Kind;
use crate::stage::{self, LIMIT, Stage};

#[test]
fn from_the_firmware_to_the_driver_in_one_window() -> Result<()> {
    let t=std::time::Instant::now();
    let sway = stage::desk()?;
    eprintln!("sway {:?}", t.elapsed());
    let stage = Stage::start(Kind::MbochsLarge, GuestOptions::paint("flip"))?;
    eprintln!("qemu {:?}", t.elapsed());
    let (mut viewer, _window) = stage.view(&sway, &["-v"])?;
    eprintln!("window {:?}", t.elapsed());
    std::thread::sleep(std::time::Duration::from_secs(5));
    sway.screenshot()?.keep("early")?;
    stage.qemu.serial().guest("mode of the guest", LIMIT, |report| match report {
        Report::Ready { size, .. } => Some(*size),
        _ => None,
    })?;
    eprintln!("ready {:?}", t.elapsed());
    std::thread::sleep(std::time::Duration::from_secs(5));
    eprintln!("{:#?}", viewer.stats()?);
    eprintln!("{:#?}", stage.qemu.serial().lines());
    sway.screenshot()?.keep("handover")?;
    eprintln!("{}", viewer.process().log());
    Ok(())
}
