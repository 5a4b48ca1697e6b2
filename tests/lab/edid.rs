//! A vGPU's guest has the window's size by the EDID that QEMU writes for it, as far as the device goes.

use std::time::Instant;

use harness::Result;
use harness::desk::{Desk, Find, Layout, Output, Renderer, Sway, SwayConfig, Window};
use harness::machine::{GuestOptions, Report, Running};
use harness::shot::Rect;
use harness::viewer::Viewer;
use serde_json::Value;

use crate::mdev::{Kind, Mdev};
use crate::stage::{Evidence, LIMIT, nested, next_stats, unique, view_window, wait_for_driver};

/// What the device shows at most (samples/vfio-mdev/mbochs.c, `mbochs_types`).
const MOST: (u32, u32) = (800, 600);

struct Room {
    viewer: Viewer,
    machine: Running,
    // After the machine, without which alone it can be removed.
    _mdev: Mdev,
    window: Window,
    sway: Sway,
}

impl Room {
    fn open() -> Result<Self> {
        let outputs = vec![Output::new(1280, 900)];
        let config =
            SwayConfig { outputs, layout: Layout::Floating, renderer: Renderer::Gles, ..Default::default() };
        let sway = Sway::start(config)?;
        let mdev = Mdev::create(Kind::MbochsSmall)?;
        let guest = GuestOptions {
            more: "oriel.cursor=no oriel.buffers=1".to_owned(),
            ..GuestOptions::paint("unique")
        };
        let machine = nested(guest, 128, &mdev.device(",xres=640,yres=480")).prepare()?.start()?;
        wait_for_driver(&machine, "bochs_drm")?;
        let viewer = view_window(&sway, &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
        let window = sway.wait_for_window(Find::Pid(viewer.id()), LIMIT)?;
        Ok(Self { viewer, machine, _mdev: mdev, window, sway })
    }

    fn resize(&self, width: i32, height: i32) -> Result<()> {
        self.sway.place(&self.window, Rect::new(10, 10, width, height)).map(drop)
    }

    /// The guest's mode, by its own word.
    fn mode(&self) -> Option<(u32, u32)> {
        let mut sizes = self.machine.serial().reports().into_iter().filter_map(|report| match report {
            Report::Ready { size, .. } | Report::Mode { size } => Some(size),
            _ => None,
        });
        sizes.next_back()
    }

    /// Waits until the guest has a mode that is `right` and all of its picture is seen, pixel for pixel.
    fn wait_for_exact(&self, right: impl Fn((u32, u32)) -> bool) -> Result<(u32, u32)> {
        self.sway.wait_for_picture("guest-followed", LIMIT, |screen| {
            let mode = self.mode().filter(|mode| right(*mode))?;
            screen.find(&unique(mode), screen.rect()).map(|_| mode)
        })
    }

    /// Waits until a wish has come to this end.
    fn wait_for_outcome(&self, outcome: &str) -> Result<Value> {
        next_stats(&self.viewer, outcome, |second| {
            (second["wish"]["outcome"] == outcome).then(|| second["wish"].clone())
        })
    }

    /// Waits until the guest has been asked for this.
    fn wait_for_wish(&self, size: (u32, u32)) -> Result<()> {
        next_stats(&self.viewer, "a wish", |second| {
            let asked = &second["wish"]["size"];
            (asked[0] == size.0 && asked[1] == size.1).then_some(())
        })
    }

    /// The guest's driver goes and comes back, as when the guest starts again.
    fn restart_driver(&self) -> Result<()> {
        let serial = self.machine.serial();
        serial.send("unbind")?;
        serial.expect(&Report::Mode { size: (0, 0) }, LIMIT)?;
        serial.send("bind")
    }
}

/// Nearly as large as the window's room, which is 46 units less high.
fn fits((width, height): (u32, u32), window: (u32, u32)) -> bool {
    let near = |mode: u32, room: u32| mode <= room && mode + 16 > room;
    near(width, window.0) && near(height, window.1 - 46)
}

#[test]
fn the_guest_follows_as_far_as_its_device_goes() -> Result<()> {
    let room = Room::open()?;
    Evidence::of(&room.sway, &room.viewer, &room.machine).of_failure("edid", || follow(&room))
}

fn follow(room: &Room) -> Result<()> {
    assert_eq!(room.wait_for_exact(|_| true)?, (640, 480), "as its definition says");
    // bochs-drm looks at the EDID only when it starts: that nothing happens is said, and why.
    room.resize(700, 560)?;
    room.wait_for_outcome("ignored")?;
    let start = Instant::now();
    room.restart_driver()?;
    let mode = room.wait_for_exact(|mode| fits(mode, (700, 560)))?;
    eprintln!("exact in {mode:?} {} ms after the driver was to start again", start.elapsed().as_millis());
    room.wait_for_outcome("followed")?;

    // Of what is more than the device has, QEMU passes on as much as there is.
    room.resize(1100, 880)?;
    room.wait_for_wish((1096, 834))?;
    room.restart_driver()?;
    assert_eq!(room.wait_for_exact(|mode| mode != (700, 560) && mode.0 > 700)?, MOST);
    Ok(())
}
