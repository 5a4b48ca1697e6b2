//! What stock QEMU tells of its displays, what it does when it is made to look at one, and which of
//! several is the one to look at.

use std::path::Path;

use harness::Result;
use harness::machine::{Builder, Display};
use oriel::session::{Choice, ConsoleId, Event, Firmware, Hardware};
use oriel::source::Source;
use oriel::source::qmp::Client;
use oriel::source::{RefreshError, Refreshed, Refresher};
use serde_json::json;

use crate::session_watch::Watch;
use crate::support::{guest, wait_for_guest};

const VGA: ConsoleId = ConsoleId(0);
const GPU: ConsoleId = ConsoleId(1);

/// The next console that is told to be the one to look at.
fn active(watch: &Watch) -> ConsoleId {
    watch.until("active console", |event| match event {
        Event::ActiveConsole(id) => Some(id),
        _ => None,
    })
}

#[test]
fn devices_are_known_whatever_they_are_called() -> Result<()> {
    let machine = Builder::new()
        .video("virtio-vga,id=picture,max_outputs=2")
        .devices(&["secondary-vga,id=vfio", "ramfb", "bochs-display"])
        .display(Display::DBusP2p)
        .prepare()?
        .start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    let mut found: Vec<_> = (0..5).map(|_| watch.console()).collect();
    found.sort_by_key(|console| console.id);
    let told: Vec<_> = found.iter().map(|console| (console.label.as_str(), console.hardware)).collect();
    let expected = [
        ("picture.0", Hardware::VirtioGpu),
        ("vfio", Hardware::Other),
        ("ramfb", Hardware::Ramfb),
        ("bochs-display", Hardware::Other),
        ("picture.1", Hardware::VirtioGpu),
    ];
    for one in expected {
        assert!(told.contains(&one), "{one:?} is not among {told:?}");
    }
    assert_eq!(Firmware::of(found.iter().map(|console| console.hardware)), Firmware::Draws);
    watch.close();
    Ok(())
}

/// What we ask of a vGPU's type exists.
#[test]
fn a_vgpu_has_the_property_that_is_asked_for() -> Result<()> {
    let machine = Builder::new().video("VGA").display(Display::None).prepare()?.start()?;
    let has_ramfb = |name: &str| -> Result<bool> {
        let listed = machine.qmp()?.execute("device-list-properties", json!({ "typename": name }))?;
        let names: Vec<_> =
            listed.as_array().expect("a list").iter().map(|one| one["name"].clone()).collect();
        assert!(names.contains(&"display".into()), "{name} is no display: {names:?}");
        Ok(names.contains(&"ramfb".into()))
    };
    assert!(has_ramfb("vfio-pci-nohotplug")?);
    assert!(!has_ramfb("vfio-pci")?);
    Ok(())
}

/// QEMU: ui/ui-qmp-cmds.c, `qmp_screendump`.
#[test]
fn a_display_is_looked_at_and_no_picture_is_ever_written() -> Result<()> {
    let machine = Builder::new()
        .video("VGA,id=first")
        .devices(&["virtio-gpu-pci,id=second,max_outputs=2"])
        .display(Display::DBusP2p)
        .prepare()?
        .start()?;
    zruntime::block_on(async {
        let monitor = Client::connect(machine.qmp_socket().unwrap()).await.unwrap();
        for device in [None, Some(("first", 0)), Some(("second", 0)), Some(("second", 1))] {
            for _ in 0..20 {
                let refreshed = Refresher::Monitor(&monitor).refresh(device).await.unwrap();
                assert_eq!(refreshed, Refreshed::Surface, "{device:?}");
            }
        }
        let error = Refresher::Monitor(&monitor).refresh(Some(("nobody", 0))).await.unwrap_err();
        assert!(matches!(error, RefreshError::Refused(_)), "{error}");
    });
    assert!(!Path::new("/dev/null/oriel-refresh").exists());
    Ok(())
}

/// Firmware on one display, the guest on another.
#[test]
fn the_display_that_the_guest_takes_up_is_the_one_to_look_at() -> Result<()> {
    let machine = Builder::new()
        // The guest has no driver for this one.
        .video("cirrus-vga")
        .devices(&["virtio-gpu-pci"])
        .guest(guest(800, 600))
        .display(Display::DBusP2p)
        .prepare()?
        .start()?;
    let watch = Watch::start(Source::qmp(machine.qmp_socket()?));
    assert_eq!(active(&watch), VGA, "firmware");
    wait_for_guest(machine.serial())?;
    assert_eq!(active(&watch), GPU, "the guest's driver");

    watch.session.choose(Choice::Console(VGA));
    assert_eq!(active(&watch), VGA);
    watch.session.choose(Choice::Automatic);
    assert_eq!(active(&watch), GPU);
    watch.close();
    Ok(())
}
