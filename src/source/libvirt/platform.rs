//! What a machine is built on, and what runs it.

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
/// (include/libvirt/libvirt-host.h, `virConnectGetLibVersion`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

impl Version {
    /// The one of three numbers.
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self(major * 1_000_000 + minor * 1000 + micro)
    }
}
