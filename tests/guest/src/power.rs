//! The start and the end of the machine: file systems, kernel settings, switching off.

use std::fs;

use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};

/// Mounts what the kernel tells through, and keeps the kernel out of reports and pictures.
pub(crate) fn start() -> std::io::Result<()> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        match mount(kind, target, kind, MountFlags::empty(), None) {
            // The kernel may have mounted /dev itself.
            Ok(()) | Err(rustix::io::Errno::BUSY) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Each is a convenience: a kernel that lacks one is no reason to stop.
    let _ = fs::write("/proc/sys/kernel/printk", "1");
    let _ = fs::write("/proc/sys/kernel/panic", "-1");
    let _ = reboot(RebootCommand::CadOff);
    Ok(())
}

/// How the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    PowerOff,
    Reboot,
}

/// Ends the machine; returns only if the kernel refuses.
pub(crate) fn end(end: End) -> std::io::Error {
    let command = match end {
        End::PowerOff => RebootCommand::PowerOff,
        End::Reboot => RebootCommand::Restart,
    };
    reboot(command).err().unwrap_or(rustix::io::Errno::INTR).into()
}
