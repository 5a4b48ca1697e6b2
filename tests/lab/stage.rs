//! A vGPU guest under a nested QEMU, a desktop that takes dma-bufs, and the real program before both.

use std::time::Duration;

use harness::Result;
use harness::desk::{Desk, Find, Output, Renderer, Sway, SwayConfig, Window};
use harness::machine::{Builder, Display, GuestOptions, Running};
use harness::viewer::Viewer;

use crate::mdev::{Kind, Mdev};

/// Longer than anything takes here, where a guest is emulated by an emulated processor.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A desktop with OpenGL and linux-dmabuf.
pub(crate) fn desk() -> Result<Sway> {
    let outputs = vec![Output::new(1280, 1024)];
    Sway::start(SwayConfig { outputs, renderer: Renderer::Gles, ..SwayConfig::default() })
}

/// A machine with a vGPU.
#[derive(Debug)]
pub(crate) struct Stage {
    // First, because the device can be removed only without it.
    pub(crate) qemu: Running,
    pub(crate) mdev: Mdev,
}

impl Stage {
    pub(crate) fn start(kind: Kind, guest: GuestOptions) -> Result<Self> {
        let mdev = Mdev::create(kind)?;
        let machine = Builder::new()
            .guest(guest)
            .unpacked_kernel()
            .memory(128)
            .video(&mdev.device(""))
            .devices(&[])
            .display(Display::DBusGl)
            .prepare()?;
        Ok(Self { qemu: machine.start()?, mdev })
    }

    /// The program in a window of its own.
    pub(crate) fn view(&self, sway: &Sway, more: &[&str]) -> Result<(Viewer, Window)> {
        let socket = self.qemu.qmp_socket()?.to_string_lossy().into_owned();
        let mut arguments = vec!["--qmp", &socket];
        arguments.extend(more);
        let viewer = Viewer::start(sway, "connect", &arguments)?;
        let window = sway.wait_for_window(Find::Pid(viewer.id()), LIMIT)?;
        Ok((viewer, window))
    }
}
