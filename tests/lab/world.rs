//! One machine with a vGPU that most tests share: it has been seen from power-on, and goes on from test to test.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use harness::desk::{Film, Sway};
use harness::machine::{GuestOptions, Report, Running};
use harness::shot::{Image, Rect};
use harness::viewer::Viewer;
use harness::{Error, Result};
use serde_json::json;

use crate::mdev::{Kind, Mdev};
use crate::stage::{Evidence, LIMIT, desk, nested, settled, view, wait_for_unique};

/// Where both the firmware's first lines and a part of the guest's picture are.
const CORNER: Rect = Rect { x: 0, y: 0, width: 256, height: 192 };

/// Of the corner's pixels every so manieth is kept, across and down.
pub(crate) const STRIDE: u32 = 3;

/// What the guest shows, in the middle of the screen: fewer pixels than the firmware, for speed.
pub(crate) const GUEST: (u32, u32) = (640, 480);

/// Sixteen pictures take turns.
const MORE: &str = "oriel.buffers=16 oriel.cursor=no";

/// Each picture of [`CORNER`] that is put on the screen.
#[derive(Debug)]
pub(crate) struct Corner {
    film: Film,
    pictures: Arc<Mutex<Vec<Image>>>,
}

impl Corner {
    pub(crate) fn watch(sway: &Sway) -> Result<Self> {
        let pictures = Arc::new(Mutex::new(Vec::new()));
        let kept = pictures.clone();
        let film = Film::of_part(sway, CORNER, move |_, still| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let (width, height) = still.size();
            let image =
                Image::from_fn(width / STRIDE, height / STRIDE, |x, y| still.get(x * STRIDE, y * STRIDE));
            if kept.last() != Some(&image) {
                kept.push(image);
            }
        })?;
        Ok(Self { film, pictures })
    }

    /// All of them, but of each run of equal ones the first.
    pub(crate) fn finish(self) -> Result<Vec<Image>> {
        self.film.finish()?;
        Ok(std::mem::take(&mut self.pictures.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Whether nothing can be seen in a picture.
pub(crate) fn is_black(image: &Image) -> bool {
    image.count(|pixel| pixel[..3].iter().any(|&part| part > 40)) == 0
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) viewer: Viewer,
    pub(crate) machine: Running,
    // After the machine, without which alone it can be removed.
    _mdev: Mdev,
    pub(crate) sway: Sway,
    /// Each picture of [`CORNER`] from the moment before power-on to the guest's first.
    pub(crate) power_on: Vec<Image>,
}

static WORLD: Mutex<Option<World>> = Mutex::new(None);

/// Lets a test use the machine, whose guest shows its unique picture. One that fails takes it along.
pub(crate) fn world(name: &str, test: impl FnOnce(&mut World) -> Result<()>) -> Result<()> {
    let mut slot = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = match slot.take() {
        Some(world) => world,
        None => World::start()?,
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| test(&mut world)));
    settled(outcome, || world.evidence().keep(name))?;
    *slot = Some(world);
    Ok(())
}

impl World {
    fn start() -> Result<Self> {
        let sway = desk()?;
        let mdev = Mdev::create(Kind::MbochsLarge)?;
        let guest =
            GuestOptions { mode: Some(GUEST), more: MORE.to_owned(), ..GuestOptions::paint("unique") };
        let machine = nested(guest, 128, &mdev.device(""))
            // So that the person's pointer is the guest's.
            .devices(&["virtio-tablet-pci"])
            .argument("-S")
            .prepare()?
            .start()?;
        let viewer = view(&sway, "auto", &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
        let corner = Corner::watch(&sway)?;
        let mut world = Self { viewer, machine, _mdev: mdev, sway, power_on: Vec::new() };
        world.evidence().of_failure("power-on", || world.boot())?;
        world.power_on = corner.finish()?;
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
        self.guest(&format!("mode {}x{}", GUEST.0, GUEST.1))?;
        wait_for_unique(&self.sway, GUEST, "unique")
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

    fn evidence(&self) -> Evidence<'_> {
        Evidence::of(&self.sway, &self.viewer, &self.machine)
    }
}
