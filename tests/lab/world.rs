//! One machine with a vGPU that most tests share: it has been seen from power-on, and goes on from test to test.

use std::sync::{Mutex, PoisonError};

use harness::desk::{Capture, Frame, Sway};
use harness::machine::{Builder, Display, GuestOptions, Report, Running};
use harness::shot::Rect;
use harness::viewer::Viewer;
use harness::{Error, Result};
use serde_json::json;

use crate::mdev::{Kind, Mdev};
use crate::stage::{LIMIT, SCREEN, desk, keep, view, wait_for_unique};

/// Where both the firmware's first line and the guest's picture are.
pub(crate) const CORNER: Rect = Rect { x: 0, y: 0, width: 256, height: 48 };

/// Sixteen pictures of 1024x768 take turns in 64 MiB of video memory.
const MORE: &str = "oriel.buffers=16 oriel.cursor=no";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) viewer: Viewer,
    pub(crate) machine: Running,
    // After the machine, without which alone it can be removed.
    _mdev: Mdev,
    pub(crate) sway: Sway,
    /// Each frame of [`CORNER`] from the moment before power-on to the guest's first picture.
    pub(crate) power_on: Vec<Frame>,
}

static WORLD: Mutex<Option<World>> = Mutex::new(None);

/// Lets a test use the machine, whose guest shows its unique picture. One that fails takes it along.
pub(crate) fn world(name: &str, test: impl FnOnce(&mut World) -> Result<()>) -> Result<()> {
    let mut slot = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = match slot.take() {
        Some(world) => world,
        None => World::start()?,
    };
    let outcome = test(&mut world);
    if let Err(error) = outcome {
        world.keep(name)?;
        return Err(error);
    }
    *slot = Some(world);
    Ok(())
}

impl World {
    fn start() -> Result<Self> {
        let sway = desk()?;
        let mdev = Mdev::create(Kind::MbochsLarge)?;
        let (width, height) = SCREEN;
        let guest = GuestOptions {
            mode: Some((width, height)),
            more: format!("{MORE} mitigations=off nokaslr cryptomgr.notests"),
            ..GuestOptions::paint("unique")
        };
        let machine = Builder::new()
            .guest(guest)
            .unpacked_kernel()
            .kvm()
            .memory(128)
            .video(&mdev.device(""))
            .devices(&[])
            .display(Display::DBusGl)
            .argument("-S")
            .prepare()?
            .start()?;
        let viewer = view(&sway, "auto", &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
        let capture = Capture::start(&sway, CORNER)?;
        let mut world = Self { viewer, machine, _mdev: mdev, sway, power_on: Vec::new() };
        let shown = world.boot();
        world.power_on = capture.finish()?;
        if let Err(error) = shown {
            world.keep("power-on")?;
            return Err(error);
        }
        Ok(world)
    }

    fn boot(&self) -> Result<()> {
        let mut qmp = self.machine.qmp()?;
        qmp.execute("cont", json!({}))?;
        // Otherwise a reset would end the machine.
        qmp.execute("set-action", json!({ "reboot": "reset" }))?;
        self.wait_for_driver()?;
        self.settle()
    }

    /// Waits until the guest's driver has set a mode.
    pub(crate) fn wait_for_driver(&self) -> Result<()> {
        self.machine.serial().guest("a mode of the guest", LIMIT, |report| {
            matches!(report, Report::Ready { driver, .. } if driver == "bochs_drm").then_some(())
        })
    }

    /// Back to what every test begins with: the unique picture, every pixel of it.
    pub(crate) fn settle(&self) -> Result<()> {
        self.guest("paint unique")?;
        self.guest(&format!("mode {}x{}", SCREEN.0, SCREEN.1))?;
        wait_for_unique(&self.sway, SCREEN, "unique")
    }

    /// The same after a pixel was changed behind the guest's back: only a new picture repairs that.
    pub(crate) fn settle_after_mark(&self) -> Result<()> {
        self.guest("paint still")?;
        self.settle()
    }

    /// Tells the guest something.
    pub(crate) fn guest(&self, line: &str) -> Result<()> {
        self.machine.serial().send(line)
    }

    /// The rung that frames take now.
    pub(crate) fn rung(&self) -> Result<String> {
        let stats = self.viewer.stats()?;
        let last = stats.last().ok_or_else(|| Error::failed("there are no statistics"))?;
        Ok(last["path"]["rung"].as_str().unwrap_or("").to_owned())
    }

    /// Starts the viewer anew, with another way to present or with other options.
    pub(crate) fn view_again(&mut self, present: &str, more: &[&str]) -> Result<()> {
        self.viewer.process().stop();
        let socket = self.machine.qmp_socket()?.to_string_lossy().into_owned();
        let mut source = vec!["--qmp", &socket];
        source.extend(more);
        self.viewer = view(&self.sway, present, &source)?;
        Ok(())
    }

    fn keep(&self, name: &str) -> Result<()> {
        keep(&self.sway, &self.viewer, name)?;
        let dir = harness::shot::artifacts().join(name);
        let _ = std::fs::write(dir.join("serial.log"), self.machine.serial().lines().join("\n"));
        let _ = std::fs::copy(self.machine.stderr(), dir.join("qemu.log"));
        Ok(())
    }
}
