//! Machines that libvirt runs: listed, watched, switched, opened.
//!
//! A [`Hypervisor`] is one connection by its URI, on threads of its own: no call ever waits on a thread
//! of the caller's, each has a deadline, and a libvirtd that hangs, goes or comes back changes nothing
//! about that. It keeps a [`Roster`], libvirt's events keep that current, and whoever wants to know
//! hears of each [`Change`].
//!
//! - `roster`: the machines as a pure state machine, events in and changes out.
//! - `machine`: a machine as libvirt describes it.
//! - `client`: the connection (in builds with the feature `libvirt`), its events, its calls.
//! - `drawn`: what draws one of a machine's displays.
//! - `domain`: one machine as a [`Source`](super::Source).
//! - [`guard`]: what lets a machine run that waits for a viewer who was killed.
//! - `platform`: what a machine is built on, and what runs it.
//! - `shot`: the picture that libvirt takes of a machine.
//! - `switches`: which of a machine's switches do something.

#[cfg_attr(not(feature = "libvirt"), path = "libvirt/absent.rs")]
mod client;
mod domain;
mod drawn;
mod error;
#[cfg_attr(not(feature = "libvirt"), expect(dead_code, reason = "nothing is started without libvirt"))]
pub mod guard;
mod machine;
mod platform;
mod roster;
mod shot;
mod switches;

use std::path::{Path, PathBuf};

use crate::folders;

pub use self::client::Hypervisor;
pub use self::domain::{Domain, Reached, is_remote};
pub use self::drawn::Drawn;
pub use self::error::LibvirtError;
pub use self::machine::{Display, FirstPicture, Machine, Off, Operation, Paused, State, Which};
pub use self::platform::{Platform, Version};
pub use self::roster::{Ask, Change, Roster, Status};
pub use self::shot::{Shot, ShotError};
pub use self::switches::Danger;

/// A person's own machines.
pub const SESSION: &str = "qemu:///session";

/// The computer's machines.
pub const SYSTEM: &str = "qemu:///system";

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything that this person is allowed to; it may ask for a password.
    Full,
    /// Look. Nobody is asked for anything.
    ReadOnly,
}

/// The usual connections on which there may be machines: to ask any other would start a daemon that
/// finds none.
pub fn likely() -> Vec<&'static str> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(|path| PathBuf::from(path).join("libvirt"));
    let defined = folders::config().map(|path| path.join("libvirt/qemu"));
    let session =
        runtime.is_some_and(|path| has_socket(&path)) || defined.is_some_and(|path| has_files(&path));
    let system = has_socket(Path::new("/run/libvirt"));
    [(session, SESSION), (system, SYSTEM)].into_iter().filter_map(|(is, uri)| is.then_some(uri)).collect()
}

/// Whether a daemon listens here, the old one for everything or the one for QEMU.
fn has_socket(folder: &Path) -> bool {
    ["libvirt-sock", "virtqemud-sock"].iter().any(|name| folder.join(name).exists())
}

fn has_files(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == "xml"))
}

#[cfg(test)]
mod tests;
