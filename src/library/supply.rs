//! Where the library's machines come from, and who does something to them.
//!
//! The window asks a [`Host`], and hears what came of it as [`Told`]; neither ever waits.
//!
//! - [`Living`]: the host that there is. In tests, anything can be one.
//! - `glance`: the picture of a machine that only its display can tell.
//! - `beside`: other programs: Virtual Machine Manager, the desktop's menu, another Oriel.

mod beside;
mod glance;
mod living;
mod opening;

use std::fmt;

use super::model::{Key, News, Thumbnail};
use crate::source::libvirt::{Hypervisor, LibvirtError, Operation};

pub use self::living::Living;

/// What the library is told.
#[derive(Debug)]
pub enum Told {
    News(News),
    /// Something that was wanted did not work.
    Failed(Key, Operation, LibvirtError),
    /// What a machine shows, or that it shows nothing.
    Picture(Key, Option<Box<Thumbnail>>),
    /// A machine's definition.
    Definition(Key, Result<String, LibvirtError>),
    /// Something else went wrong, in words for people.
    Trouble(String),
}

/// How one console of an open machine reaches the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Showing {
    /// Its name, and the device that draws it.
    pub console: String,
    /// In words: the way, and how often the picture changes and is seen.
    pub way: String,
    pub rate: String,
}

/// Does what the library's window wants.
pub trait Host: fmt::Debug {
    /// Does something to one of libvirt's machines.
    fn operate(&self, key: &Key, operation: Operation);
    /// Has what takes long come to nothing.
    fn cancel(&self, key: &Key);
    /// Shows a machine in a window of its own.
    fn open(&self, key: &Key);
    /// Starts a command that was launched before.
    fn launch(&self, key: &Key);
    /// Forgets such a command.
    fn forget(&self, key: &Key);
    /// Takes a machine's picture.
    fn photograph(&self, key: &Key);
    /// Asks for a machine's definition.
    fn define(&self, key: &Key);
    /// Tries to connect once more.
    fn retry(&self, uri: &str);
    /// Connects by this URI, from now on.
    fn add(&self, uri: &str);
    /// Lets go of a connection.
    fn remove(&self, uri: &str);
    /// Looks whether there are connections now that there were not, and a Virtual Machine Manager.
    fn look_around(&self);
    /// The connection by this URI.
    fn hypervisor(&self, uri: &str) -> Option<Hypervisor>;
    /// How the consoles of a machine that is open reach the screen.
    fn showing(&self, key: &Key) -> Vec<Showing>;
    /// Whether there was a Virtual Machine Manager when it was looked for last.
    fn has_manager(&self) -> bool;
    /// Shows a machine there; or only the program, without one.
    fn open_manager(&self, key: Option<&Key>);
    /// Whether a machine is in the desktop's menu.
    fn has_launcher(&self, key: &Key) -> bool;
    /// Puts a machine into the desktop's menu, under this name, or takes it out.
    fn set_launcher(&self, key: &Key, name: Option<&str>);
}
