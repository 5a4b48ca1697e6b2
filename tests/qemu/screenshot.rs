//! Screenshots of stock QEMU, compared pixel by pixel with its own.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use harness::Result;
use harness::machine::{Builder, Display, Firmware, Running};
use harness::shot::Image;
use serde_json::json;

use crate::support::{BOOT, done, guest, pause, wait_for_guest};

/// What QEMU itself takes for the picture.
fn screendump(machine: &Running, file: &Path) -> Result<Image> {
    machine.qmp()?.execute("screendump", json!({ "filename": file, "format": "png" }))?;
    Image::load(file)
}

/// Takes both screenshots of a machine at rest, which have to be the same.
fn compare(machine: &Running, name: &str) -> Result<Image> {
    let place = tempfile::tempdir().unwrap();
    let (ours, theirs) = (place.path().join("ours.png"), place.path().join("theirs.png"));
    // QEMU's own first: it brings its surface up to date.
    let theirs = screendump(machine, &theirs)?;
    done(&["screenshot", "--qmp", machine.qmp_socket()?.to_str().unwrap(), ours.to_str().unwrap()]);
    let ours = Image::load(&ours)?;
    ours.expect(&theirs, name)?;
    Ok(ours)
}

/// The size of the picture that QEMU shows, with words of its own, until the guest has one.
const PLACEHOLDER: (u32, u32) = (640, 480);

/// Waits until the firmware has written something, by QEMU's own screenshots.
fn wait_for_letters(machine: &Running) -> Result<()> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("look.png");
    let deadline = Instant::now() + BOOT;
    loop {
        let picture = screendump(machine, &file)?;
        let is_guests = (picture.width(), picture.height()) != PLACEHOLDER;
        if is_guests && picture.count(|[red, green, blue, _]| red > 100 && green > 100 && blue > 100) > 500 {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "the firmware writes nothing");
        thread::sleep(Duration::from_millis(200));
    }
}

/// VGA text: its memory is shared by nobody, so pixels come in messages.
#[test]
fn a_bios_is_shown_as_it_is() -> Result<()> {
    let machine = Builder::new().video("VGA").display(Display::DBusP2p).prepare()?.start()?;
    wait_for_letters(&machine)?;
    pause(&machine)?;
    let picture = compare(&machine, "screenshot-bios")?;
    assert_eq!((picture.width(), picture.height()), (720, 400));
    Ok(())
}

#[test]
fn uefi_firmware_is_shown_as_it_is() -> Result<()> {
    let machine = Builder::new().firmware(Firmware::Ovmf).display(Display::DBusP2p).prepare()?.start()?;
    wait_for_letters(&machine)?;
    pause(&machine)?;
    compare(&machine, "screenshot-uefi").map(drop)
}

/// virtio-gpu: its surfaces are memory files, so pixels come as descriptors.
#[test]
fn the_linux_guest_is_shown_as_it_is() -> Result<()> {
    let machine = Builder::new().guest(guest(1024, 768)).display(Display::DBusP2p).prepare()?.start()?;
    assert_eq!(wait_for_guest(machine.serial())?, (1024, 768));
    pause(&machine)?;
    let picture = compare(&machine, "screenshot-guest")?;
    assert_eq!((picture.width(), picture.height()), (1024, 768));
    Ok(())
}
