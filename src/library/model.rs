//! The library without a window: values in, values out.
//!
//! - `entry`: a machine, wherever it comes from.
//! - `condition`: how it is, and what can be done with it.
//! - `shelf`: all of them, kept current by what is told.
//! - `order`: search, sort, group.
//! - `address`: libvirt's URIs, as people type them.
//! - `shutter`: whose picture is to be taken next.
//! - `thumbnail`: pictures made small.
//! - `launcher`: a machine as an entry in the desktop's menu.

mod address;
mod condition;
mod entry;
mod launcher;
mod order;
mod shelf;
mod shutter;
mod thumbnail;

pub use self::address::{Address, AddressError};
pub use self::condition::{Condition, Obstacle, Primary};
pub use self::entry::{Answer, Entry, Key, Launched, Place, What};
pub use self::launcher::{desktop_entry, file_name};
pub use self::order::{Group, Grouping, Look, Sort};
pub use self::shelf::{Effect, News, Shelf};
pub use self::shutter::Shutter;
pub use self::thumbnail::Thumbnail;

#[cfg(test)]
mod tests;
