//! An X server without a screen, and without a window manager.

use crate::{
    desk::{Desk, START, Session},
    error::{Error, Result},
    process::{Process, wait_until},
    shot::{self, Image},
};

/// An X server that runs until this is dropped.
#[derive(Debug)]
pub struct Xvfb {
    server: Process,
    session: Session,
}

impl Xvfb {
    /// Starts a server with one screen of this many pixels, 24 bits deep.
    ///
    /// # Errors
    /// When it does not come up; the error holds the end of its log.
    pub fn start(width: u32, height: u32) -> Result<Self> {
        let mut session = Session::start("xvfb")?;
        let mut command = session.command("Xvfb");
        // It chooses a free display number itself and writes it to its standard output once it is ready.
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-dpi", "96", "-screen", "0"])
            .arg(format!("{width}x{height}x24"));
        let mut server = session.scope().spawn("xvfb", command)?;
        let display = wait_until("display number of Xvfb", START, || {
            if !server.is_running()? {
                return Err(Error::failed("Xvfb ended at once").with_detail(&server.log()));
            }
            let text = std::fs::read_to_string(server.stdout()).unwrap_or_default();
            Ok(text.strip_suffix('\n').map(|number| format!(":{number}")))
        })?;
        session.set("DISPLAY", display);
        session.set("XDG_SESSION_TYPE", "x11");
        session.set("GDK_BACKEND", "x11");
        Ok(Self { server, session })
    }

    /// Clients draw so many pixels for each of their units; X itself knows nothing of that.
    #[must_use]
    pub fn scale(mut self, scale: u32) -> Self {
        self.session.set("GDK_SCALE", scale.to_string());
        self
    }

    /// The process of the server.
    pub fn process(&self) -> &Process {
        &self.server
    }
}

impl Desk for Xvfb {
    fn session(&self) -> &Session {
        &self.session
    }

    fn screenshot(&self) -> Result<Image> {
        shot::of_x_root(&self.session)
    }
}
