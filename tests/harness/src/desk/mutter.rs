//! GNOME's compositor, nested in an X server without a screen: what GNOME does, with screenshots.
//!
//! Nested rather than `--headless`, because a headless mutter gives its picture to PipeWire only.

use std::path::PathBuf;

use crate::{
    desk::{Desk, Session, Xvfb, session::wait_for_socket},
    error::Result,
    process::Process,
    shot::Image,
};

const DISPLAY: &str = "wayland-mutter";

/// A mutter that runs until this is dropped.
#[derive(Debug)]
pub struct Mutter {
    server: Process,
    session: Session,
    screen: Xvfb,
}

impl Mutter {
    /// Starts a mutter with one monitor of this many pixels and waits until clients can connect.
    ///
    /// # Errors
    /// When it or its X server does not come up; the error holds the end of its log.
    pub fn start(width: u32, height: u32) -> Result<Self> {
        let screen = Xvfb::start(width, height)?;
        let mut session = Session::start("mutter")?;
        let mut command = session.command("mutter");
        command
            .args(["--nested", "--wayland", "--no-x11", "--wayland-display", DISPLAY])
            .env("MUTTER_DEBUG_DUMMY_MODE_SPECS", format!("{width}x{height}"))
            .envs(
                screen
                    .session()
                    .command("")
                    .get_envs()
                    .filter_map(|(name, value)| (name == "DISPLAY").then_some((name, value?))),
            );
        let mut server = session.scope().spawn("mutter", command)?;
        wait_for_socket(&mut server, "Wayland socket of mutter", &session.runtime_dir().join(DISPLAY))?;
        session.set("WAYLAND_DISPLAY", DISPLAY);
        session.set("XDG_SESSION_TYPE", "wayland");
        session.set("GDK_BACKEND", "wayland");
        Ok(Self { server, session, screen })
    }

    /// The process of the compositor.
    pub fn process(&self) -> &Process {
        &self.server
    }

    /// The path of the Wayland socket.
    pub fn socket(&self) -> PathBuf {
        self.session.runtime_dir().join(DISPLAY)
    }

    /// The X server that it is shown on; its pointer and keyboard are mutter's.
    pub fn screen(&self) -> &Xvfb {
        &self.screen
    }
}

impl Desk for Mutter {
    fn session(&self) -> &Session {
        &self.session
    }

    fn screenshot(&self) -> Result<Image> {
        self.screen.screenshot()
    }
}
