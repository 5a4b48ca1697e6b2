//! A machine with two heads on a desktop of two monitors: each is filled, and exact to the pixel.

use std::time::Duration;

use harness::Result;
use harness::desk::{Output, Sway, SwayConfig};
use harness::machine::{Builder, Display, GuestOptions, Report};
use harness::shot::Image;
use harness::viewer::Viewer;

use crate::support::{BOOT, LIMIT, wait_for_guest};

/// An emulated guest's change of mode, and the picture of it.
const SOON: Duration = Duration::from_secs(120);

/// Two monitors on which a logical unit is another number of pixels.
fn monitors() -> [Output; 2] {
    [Output::new(1280, 800), Output::new(1536, 864).scale(1.5)]
}

/// What the guest draws on a head: no two pixels alike, and none as on the other.
fn drawn(head: u32, width: u32, height: u32) -> Image {
    Image::from_fn(width, height, |x, y| {
        let colour = (x << 12 | y) ^ if head == 0 { 0 } else { 0x55_55_55 };
        let [_, red, green, blue] = colour.to_be_bytes();
        [red, green, blue, 255]
    })
}

/// Waits until an output shows all of a head's picture and nothing else.
fn wait_for_exact(sway: &Sway, output: &str, want: &Image) {
    let mut last = None;
    let found = harness::process::wait_until(&format!("picture on {output}"), SOON, || {
        let Ok(shot) = sway.shot_of(output) else { return Ok(None) };
        let exact = matches!(shot.compare(want), Ok(None));
        last = Some(shot);
        Ok(exact.then_some(()))
    });
    if let Err(error) = found {
        let kept = last.map(|shot| shot.keep(output));
        panic!("{error}; {kept:?}");
    }
}

#[test]
fn a_monitor_that_is_not_there_is_refused_with_a_list() -> Result<()> {
    let sway = Sway::start(SwayConfig { outputs: monitors().to_vec(), ..Default::default() })?;
    let mut viewer = Viewer::start(&sway, "connect", &["--fullscreen=DP-9"])?;
    let status = viewer.process().wait(LIMIT)?;
    assert_eq!(status.code(), Some(2));
    let log = viewer.process().log();
    for words in ["no monitor 'DP-9'", "1  HEADLESS-1", "2  HEADLESS-2"] {
        assert!(log.contains(words), "{words:?} is not in {log}");
    }
    Ok(())
}

#[test]
fn two_heads_fill_two_monitors_of_different_scale_to_the_pixel() -> Result<()> {
    let sway = Sway::start(SwayConfig { outputs: monitors().to_vec(), ..Default::default() })?;
    let guest = GuestOptions { more: "oriel.cursor=no".to_owned(), ..GuestOptions::paint("unique") };
    let machine = Builder::new().video("virtio-vga,max_outputs=2").guest(guest).display(Display::DBusP2p);
    let machine = machine.prepare()?.start()?;
    wait_for_guest(machine.serial())?;
    let qmp = machine.qmp_socket()?.to_string_lossy().into_owned();
    let mut viewer = Viewer::start(&sway, "connect", &["--fullscreen=all", "--qmp", &qmp])?;
    let head = |viewer: &mut Viewer, number: u32, wanted: (u32, u32)| {
        let told = machine.serial().guest("size of the second head", BOOT, |report| match report {
            Report::Head { number: told, size } if *told == number => (*size == wanted).then_some(()),
            _ => None,
        });
        told.map_err(|error| {
            let (runs, windows) = (viewer.process().is_running(), sway.windows());
            error.with_detail(&format!("it runs: {runs:?}; {windows:#?}\n{}", viewer.process().log()))
        })
    };
    head(&mut viewer, 2, (1536, 864))?;
    let wanted = [drawn(0, 1280, 800), drawn(1, 1536, 864)];
    wait_for_exact(&sway, "HEADLESS-1", &wanted[0]);
    wait_for_exact(&sway, "HEADLESS-2", &wanted[1]);
    // The guest switches the second one off: its monitor is free. And on again.
    let windows = |count: usize| {
        sway.wait_for_windows("windows", LIMIT, |windows| (windows.len() == count).then_some(()))
    };
    windows(2)?;
    machine.serial().send("head 2 off")?;
    head(&mut viewer, 2, (0, 0))?;
    windows(1)?;
    machine.serial().send("head 2 on")?;
    head(&mut viewer, 2, (1536, 864))?;
    windows(2)?;
    wait_for_exact(&sway, "HEADLESS-1", &wanted[0]);
    wait_for_exact(&sway, "HEADLESS-2", &wanted[1]);
    // Both have statistics of their own, and were shown as they are.
    for console in [0, 1] {
        viewer
            .wait_for_stats("statistics of both", LIMIT, |line| (line["console"] == console).then_some(()))?;
    }
    Ok(())
}
