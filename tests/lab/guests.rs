//! Other displays with dma-bufs or regions: virtio-gpu with blobs, and a vGPU without dma-bufs.

use harness::Result;
use harness::desk::{Desk, Sway};
use harness::machine::{GuestOptions, Running};
use harness::viewer::Viewer;

use crate::mdev::{Kind, Mdev};
use crate::stage::{
    Evidence, LIMIT, SCREEN, desk, nested, nested_without_guest, next_stats, total, view, wait_for_driver,
    wait_for_unique,
};
use crate::world::{Corner, is_black};

fn rung(viewer: &Viewer) -> Result<Option<String>> {
    Ok(viewer.stats()?.last().and_then(|last| last["path"]["rung"].as_str().map(str::to_owned)))
}

/// A machine whose memory is one file, so that the pictures in it can be dma-bufs.
fn virtio(device: &str) -> Result<Running> {
    let guest = GuestOptions {
        mode: Some(SCREEN),
        more: "oriel.cursor=no".to_owned(),
        ..GuestOptions::paint("unique")
    };
    let machine = nested(guest, 192, device)
        .argument("-object")
        .argument("memory-backend-memfd,id=memory,size=192M,share=on")
        .argument("-machine")
        .argument("memory-backend=memory")
        .prepare()?
        .start()?;
    wait_for_driver(&machine, "virtio_gpu")?;
    Ok(machine)
}

/// Shows a still picture, flips, and a still picture again, all directly.
fn shown_directly(device: &str, name: &str) -> Result<()> {
    let machine = virtio(device)?;
    let sway = desk()?;
    let viewer = view(&sway, "auto", &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
    Evidence::of(&sway, &viewer, &machine).of_failure(name, || watch(&machine, &sway, &viewer, name))
}

fn watch(machine: &Running, sway: &Sway, viewer: &Viewer, name: &str) -> Result<()> {
    wait_for_unique(sway, SCREEN, name)?;
    assert_eq!(rung(viewer)?.as_deref(), Some("direct"));
    // Each flip frees nothing here, but each new mode is a scanout with a `Disable` right behind it.
    let corner = Corner::watch(sway)?;
    machine.serial().send("paint flip")?;
    let answered = next_stats(viewer, "a second of flips", |second| {
        let count = |name: &str| second[name].as_u64().unwrap_or(0);
        (count("replied") > 2 && count("committed") > 2).then_some(second.clone())
    })?;
    machine.serial().send("paint unique")?;
    wait_for_unique(sway, SCREEN, name)?;
    let black = corner.finish()?.iter().filter(|picture| is_black(picture)).count();
    assert_eq!(black, 0);
    assert_eq!(answered["path"]["rung"], "direct");
    assert_eq!(total(&viewer.stats()?, "copied"), 0);
    Ok(())
}

#[test]
fn blobs_of_a_virtio_gpu_are_shown_directly_and_outlive_disable() -> Result<()> {
    shown_directly("virtio-gpu-pci,blob=true,edid=on", "blob")
}

/// Pictures are textures of QEMU's renderer then, which it exports.
#[test]
fn textures_of_a_virtio_gpu_with_opengl_are_shown_directly() -> Result<()> {
    shown_directly("virtio-gpu-gl-pci,edid=on", "opengl")
}

/// mdpy shows a gray gradient from the start: nobody has to boot for it.
#[test]
fn a_vgpu_without_dmabufs_is_shown_too() -> Result<()> {
    let mdev = Mdev::create(Kind::Mdpy)?;
    let machine = nested_without_guest(64, &mdev.device("")).prepare()?.start()?;
    let sway = desk()?;
    let viewer = view(&sway, "auto", &["--qmp", &machine.qmp_socket()?.to_string_lossy()])?;
    let gray = |y: u32| u8::try_from(y * 255 / SCREEN.1).unwrap_or(255);
    Evidence::of(&sway, &viewer, &machine).of_failure("mdpy", || {
        sway.wait_for_picture("mdpy", LIMIT, |image| {
            let right = |y: u32| image.get(SCREEN.0 / 2, y)[..3] == [gray(y); 3];
            (0..SCREEN.1).step_by(11).all(right).then_some(())
        })
    })
}
