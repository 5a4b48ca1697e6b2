//! Desktops without a screen: compositors and X servers, each private to the test that started it.

mod film;
mod headless;
pub mod ipc;
mod mutter;
mod session;
mod sway;
mod xvfb;

pub use film::{Film, Still};
pub use headless::HeadlessMutter;
pub use mutter::Mutter;
pub use session::Session;
pub use sway::{Find, Layout, Output, OutputState, Renderer, Sway, SwayConfig, Window};
pub use xvfb::Xvfb;

use std::{process::Command, time::Duration};

use crate::{error::Result, process::Process, shot::Image};

/// How long a desktop may take to come up, on a machine that is busy or emulated.
const START: Duration = Duration::from_secs(90);

/// What all desktops have in common.
pub trait Desk {
    /// Directories, bus and processes of this desktop.
    fn session(&self) -> &Session;

    /// Everything that is on the screen now, in device pixels.
    ///
    /// The pointer is in it, as compositors without a screen draw it themselves: comparisons of
    /// pixels move it away first ([`Input::park`](crate::input::Input::park)).
    ///
    /// # Errors
    /// When the desktop does not give a picture.
    fn screenshot(&self) -> Result<Image>;

    /// A command whose environment leads to this desktop and to nothing else of the host.
    fn command(&self, program: &str) -> Command {
        self.session().command(program)
    }

    /// Starts a client; see [`Desk::command`]. `name` names its logs.
    ///
    /// # Errors
    /// When it cannot be started.
    fn spawn(&self, name: &str, command: Command) -> Result<Process> {
        self.session().scope().spawn(name, command)
    }

    /// Takes screenshots until `check` finds what it looks for.
    ///
    /// # Errors
    /// When it has not found it within `limit`; the last picture is then kept as
    /// `NAME.last.png` beside the other artifacts.
    fn wait_for_picture<T>(
        &self,
        name: &str,
        limit: Duration,
        mut check: impl FnMut(&Image) -> Option<T>,
    ) -> Result<T>
    where
        Self: Sized,
    {
        let (mut last, mut refused) = (None, None);
        let found = crate::process::wait_until(&format!("picture '{name}'"), limit, || {
            // A compositor takes none while it changes what it scans out.
            let image = match self.screenshot() {
                Ok(image) => image,
                Err(error) => {
                    refused = Some(error);
                    return Ok(None);
                }
            };
            let found = check(&image);
            last = Some(image);
            Ok(found)
        });
        found.map_err(|error| match last.map(|image| image.keep(&format!("{name}.last"))) {
            Some(Ok(path)) => error.with_detail(&format!("the last one is {}", path.display())),
            _ => match refused {
                Some(why) => error.with_detail(&why.to_string()),
                None => error,
            },
        })
    }
}
