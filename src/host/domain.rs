//! A libvirt machine's definition: what it says of displays, and the edits that make it ready.
//!
//! - [`Definition`]: the XML, read.
//! - [`Edit`]: one change that a person can understand, want, and take back.
//! - [`plan`]: which edits a machine needs, by what is known of this computer.
//! - [`apply`]: a definition with edits made, and the way back ([`Change`]).
//! - [`backup`]: what a definition was before it was changed, kept in a file.
//!
//! All but `backup` is pure. libvirt itself has the last word on every definition: it validates what
//! it is asked to define.

pub mod backup;

mod change;
mod definition;
mod devices;
mod edit;
mod plan;
mod qemu;
mod vgpu;

pub use self::change::{Change, EditError, apply};
pub use self::definition::{Definition, DefinitionError, Graphics, GraphicsKind, Vgpu};
pub use self::edit::{Edit, Gl, Input, InputBus};
pub use self::plan::{Facts, VgpuFacts, plan};
pub use self::vgpu::Property;

#[cfg(test)]
mod tests;
