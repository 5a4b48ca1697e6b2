//! A libvirt machine's definition: what it says of displays, and the edits that make it ready.
//!
//! - [`Definition`]: the XML, read.
//! - [`Edit`]: one change that a person can understand, want, and take back.
//! - [`plan`]: which edits a machine needs, by what is known of this computer.
//! - [`apply`]: a definition with edits made, and the way back ([`Change`]).
//! - [`Offer`]: what a person decides on, and what depends on it.
//! - [`compare`]: before and after, line by line.
//! - [`backup`]: what a definition was before it was changed, kept in a file.
//! - [`store`]: gives libvirt another definition, and never loses one.
//!
//! All but `backup` and `store` is pure. libvirt itself has the last word on every definition: it
//! validates what it is asked to define.

pub mod backup;

mod abilities;
mod change;
mod definition;
mod devices;
mod edit;
mod lines;
mod naming;
mod offer;
mod plan;
mod qemu;
mod store;
mod vgpu;
mod video;

pub use self::abilities::{Abilities, Obstacle};
pub use self::change::{Change, EditError, apply};
pub use self::definition::{Definition, DefinitionError, Graphics, GraphicsKind, Vgpu};
pub use self::edit::{Edit, Gl, Input, InputBus};
pub use self::lines::{Line, LineKind, compare};
pub use self::naming::Named;
pub use self::offer::{Item, Offer, Weight, lacks};
pub use self::plan::{Facts, VgpuFacts, plan};
pub use self::store::{Proposal, Step, StoreError, Stored, store};
pub use self::vgpu::Property;

#[cfg(test)]
mod tests;
