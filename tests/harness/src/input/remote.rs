//! Input through mutter's own interface for remote desktops: keys, a pointer, and fingers.
//!
//! `org.gnome.Mutter.RemoteDesktop` makes devices of the compositor's; what they do is what real ones do.

use std::collections::HashMap;

use zbus::{Connection, DynamicType, OwnedObjectPath, Proxy, Variant, block_on};

use super::{Axis, keys};
use crate::{
    desk::{Desk, HeadlessMutter},
    error::{Error, Result},
    process::wait_until,
};

const REMOTE: &str = "org.gnome.Mutter.RemoteDesktop";
const CAST: &str = "org.gnome.Mutter.ScreenCast";

/// How long mutter may take to offer its interfaces.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// What mutter calls the finger of a touch pad.
const FINGER: u32 = 4;

/// Devices that are there until this is dropped.
#[derive(Debug)]
pub struct RemoteInput {
    session: Proxy<'static>,
    /// Names the screen that places are on.
    screen: String,
}

impl RemoteInput {
    /// Devices at this desktop.
    ///
    /// # Errors
    /// When mutter does not offer them; the error holds the end of its log.
    pub fn connect(desk: &HeadlessMutter) -> Result<Self> {
        let address = desk.session().bus_address();
        let connection = block_on(zbus::connection::Builder::address(&*address).build());
        let connection = connection.map_err(Error::failed)?;
        // Its socket is there before its names are.
        let connected = wait_until("mutter's devices", LIMIT, || Ok(block_on(Self::over(&connection)).ok()));
        connected.map_err(|error| match block_on(Self::over(&connection)) {
            Err(why) => error.with_detail(&format!("{why}\n{}", desk.log())),
            Ok(_) => error,
        })
    }

    async fn over(connection: &Connection) -> zbus::Result<Self> {
        let remote = proxy(connection, REMOTE, "/org/gnome/Mutter/RemoteDesktop", REMOTE).await?;
        let path: OwnedObjectPath = remote.call("CreateSession", &()).await?;
        let session = proxy(connection, REMOTE, path.as_str(), &format!("{REMOTE}.Session")).await?;
        let id: String = session.get_property("SessionId").await?;

        let cast = proxy(connection, CAST, "/org/gnome/Mutter/ScreenCast", CAST).await?;
        let with = HashMap::from([("remote-desktop-session-id", Variant::from(id))]);
        let path: OwnedObjectPath = cast.call("CreateSession", &(with,)).await?;
        let cast = proxy(connection, CAST, path.as_str(), &format!("{CAST}.Session")).await?;
        // No name is the only monitor's.
        let plain = HashMap::<&str, Variant<'_>>::new();
        let screen: OwnedObjectPath = cast.call("RecordMonitor", &("", plain)).await?;

        session.call::<_, _, ()>("Start", &()).await?;
        // Each device is there only once it has done something.
        for pressed in [true, false] {
            session.call::<_, _, ()>("NotifyKeyboardKeycode", &(keys::KEY_LEFTSHIFT, pressed)).await?;
        }
        session.call::<_, _, ()>("NotifyPointerMotionRelative", &(0.0, 0.0)).await?;
        session.call::<_, _, ()>("NotifyTouchDown", &(screen.as_str(), 0_u32, 0.0, 0.0)).await?;
        session.call::<_, _, ()>("NotifyTouchUp", &(0_u32,)).await?;
        Ok(Self { session, screen: screen.to_string() })
    }

    /// Presses or releases a key.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn key(&self, code: u32, pressed: bool) -> Result<()> {
        self.notify("NotifyKeyboardKeycode", &(code, pressed))
    }

    /// Presses and releases a key.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn tap(&self, code: u32) -> Result<()> {
        self.key(code, true)?;
        self.key(code, false)
    }

    /// Presses keys one after the other and releases them in the opposite order.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn chord(&self, codes: &[u32]) -> Result<()> {
        codes.iter().try_for_each(|&code| self.key(code, true))?;
        codes.iter().rev().try_for_each(|&code| self.key(code, false))
    }

    /// Moves the pointer to a place of the screen.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn move_to(&self, x: f64, y: f64) -> Result<()> {
        self.notify("NotifyPointerMotionAbsolute", &(&self.screen, x, y))
    }

    /// Moves the pointer by so much.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn move_by(&self, dx: f64, dy: f64) -> Result<()> {
        self.notify("NotifyPointerMotionRelative", &(dx, dy))
    }

    /// Presses or releases a button, by its code.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn button(&self, button: u32, pressed: bool) -> Result<()> {
        self.notify("NotifyPointerButton", &(button.cast_signed(), pressed))
    }

    /// Presses and releases a button, by its code.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn click(&self, button: u32) -> Result<()> {
        self.button(button, true)?;
        self.button(button, false)
    }

    /// Turns a wheel by whole notches.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn wheel(&self, axis: Axis, notches: i32) -> Result<()> {
        let axis = match axis {
            Axis::Vertical => 0_u32,
            Axis::Horizontal => 1,
        };
        self.notify("NotifyPointerAxisDiscrete", &(axis, notches))
    }

    /// Scrolls as two fingers do, by logical pixels.
    ///
    /// # Errors
    /// When the compositor has ended.
    pub fn scroll(&self, axis: Axis, pixels: f64) -> Result<()> {
        let (across, down) = match axis {
            Axis::Vertical => (0.0, pixels),
            Axis::Horizontal => (pixels, 0.0),
        };
        self.notify("NotifyPointerAxis", &(across, down, FINGER))
    }

    /// Puts a finger down at a place of the screen.
    ///
    /// # Errors
    /// When the compositor has ended, and for fingers beyond those that it knows.
    pub fn touch(&self, finger: u32, x: f64, y: f64) -> Result<()> {
        self.notify("NotifyTouchDown", &(&self.screen, finger, x, y))
    }

    /// Moves a finger that is down.
    ///
    /// # Errors
    /// When the compositor has ended, and when the finger is not down.
    pub fn slide(&self, finger: u32, x: f64, y: f64) -> Result<()> {
        self.notify("NotifyTouchMotion", &(&self.screen, finger, x, y))
    }

    /// Lifts a finger.
    ///
    /// # Errors
    /// When the compositor has ended, and when the finger is not down.
    pub fn lift(&self, finger: u32) -> Result<()> {
        self.notify("NotifyTouchUp", &(finger,))
    }

    fn notify<B>(&self, method: &'static str, what: &B) -> Result<()>
    where
        B: serde::Serialize + DynamicType,
    {
        block_on(self.session.call::<_, _, ()>(method, what)).map_err(Error::failed)
    }
}

async fn proxy(
    connection: &Connection,
    name: &'static str,
    path: &str,
    interface: &str,
) -> zbus::Result<Proxy<'static>> {
    Proxy::new_owned(connection.clone(), name, path.to_owned(), interface.to_owned()).await
}
