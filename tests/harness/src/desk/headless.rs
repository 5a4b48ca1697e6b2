//! GNOME's compositor without a screen: what GNOME does with input, and no screenshots.
//!
//! Nested in an X server ([`Mutter`](super::Mutter)) it says that it holds a pointer, but the X server's
//! own goes on. This one has devices of its own, which
//! [`RemoteInput`](crate::input::RemoteInput) moves.

use std::{fs, path::PathBuf};

use crate::{
    desk::{Desk, Session, session::wait_for_socket},
    error::{Doing, Error, Result},
    process::Process,
    shot::Image,
};

const DISPLAY: &str = "wayland-headless";

/// A shortcut of the desktop's own that clients can see the effect of.
const SHORTCUTS: &str = "\
[org/gnome/desktop/wm/keybindings]
toggle-fullscreen=['<Super>x']
";

/// A mutter that runs until this is dropped.
#[derive(Debug)]
pub struct HeadlessMutter {
    server: Process,
    /// Places on the screen are named by streams of its picture.
    pipewire: Process,
    session: Session,
}

impl HeadlessMutter {
    /// Starts a mutter with one monitor of this many pixels and waits until clients can connect.
    ///
    /// Super+X is a shortcut of the desktop's: it makes the window in front fill the screen, and back.
    ///
    /// # Errors
    /// When it or PipeWire does not come up; the error holds the end of its log.
    pub fn start(width: u32, height: u32) -> Result<Self> {
        let mut session = Session::start("headless")?;
        let keyfile = session.scope().join("config/glib-2.0/settings/keyfile");
        let settings = fs::read_to_string(&keyfile).doing("read the desktop's settings")?;
        fs::write(&keyfile, settings + SHORTCUTS).doing("write the desktop's settings")?;
        let mut pipewire = session.scope().spawn("pipewire", session.command("pipewire"))?;
        wait_for_socket(&mut pipewire, "socket of PipeWire", &session.runtime_dir().join("pipewire-0"))?;
        let mut command = session.command("mutter");
        command.args(["--headless", "--wayland", "--no-x11", "--wayland-display", DISPLAY]);
        command.arg("--virtual-monitor").arg(format!("{width}x{height}"));
        let mut server = session.scope().spawn("mutter", command)?;
        wait_for_socket(&mut server, "Wayland socket of mutter", &session.runtime_dir().join(DISPLAY))?;
        session.set("WAYLAND_DISPLAY", DISPLAY);
        session.set("XDG_SESSION_TYPE", "wayland");
        session.set("GDK_BACKEND", "wayland");
        Ok(Self { server, pipewire, session })
    }

    /// The process of the compositor.
    pub fn process(&self) -> &Process {
        &self.server
    }

    /// The path of the Wayland socket.
    pub fn socket(&self) -> PathBuf {
        self.session.runtime_dir().join(DISPLAY)
    }

    /// The end of the logs of all that runs here.
    pub fn log(&self) -> String {
        self.server.log() + &self.pipewire.log()
    }
}

impl Desk for HeadlessMutter {
    fn session(&self) -> &Session {
        &self.session
    }

    /// There are none: this mutter gives its picture to PipeWire only.
    fn screenshot(&self) -> Result<Image> {
        Err(Error::failed("a headless mutter gives no screenshots"))
    }
}
