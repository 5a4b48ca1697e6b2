//! What a machine is built on, and what runs it.

use std::fmt;

/// What a machine is built on, as far as its definition says; libvirt has an answer of its own for what
/// is missing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The program, as a path.
    pub emulator: Option<String>,
    /// `x86_64`.
    pub arch: Option<String>,
    /// `pc-q35-10.0`.
    pub machine: Option<String>,
    /// `kvm`, `qemu`.
    pub kind: Option<String>,
}

/// A version as libvirt counts them: a million, a thousand and one for each of its three numbers
/// (include/libvirt/libvirt-host.h, `virConnectGetVersion`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

/// What is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub libvirt: Version,
    /// QEMU's; another hypervisor's where the connection leads to one.
    pub hypervisor: Version,
}

impl Version {
    /// The one of three numbers.
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self(major * 1_000_000 + minor * 1000 + micro)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0 / 1_000_000, self.0 / 1000 % 1000, self.0 % 1000)
    }
}
