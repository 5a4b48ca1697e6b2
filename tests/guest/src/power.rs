//! The start and the end of the machine and of its display's driver: mounts, settings, switching off.

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

/// Where the kernel keeps the drivers of PCI devices.
const DRIVERS: &str = "/sys/bus/pci/drivers/bochs-drm";

/// Parts the display's device from its driver, as unloading the module would.
pub(crate) fn unbind() -> std::io::Result<()> {
    let device = fs::canonicalize("/sys/class/drm/card0/device")?;
    let name = device.file_name().ok_or(std::io::ErrorKind::NotFound)?;
    fs::write(format!("{DRIVERS}/unbind"), name.as_encoded_bytes())
}

/// Brings the first display device without a driver together with its driver.
pub(crate) fn bind() -> std::io::Result<()> {
    /// As in `include/linux/pci_ids.h`.
    const DISPLAY: &str = "0x03";
    for device in fs::read_dir("/sys/bus/pci/devices")?.flatten() {
        let class = fs::read_to_string(device.path().join("class")).unwrap_or_default();
        if class.starts_with(DISPLAY) && !device.path().join("driver").exists() {
            return fs::write(format!("{DRIVERS}/bind"), device.file_name().as_encoded_bytes());
        }
    }
    Err(std::io::ErrorKind::NotFound.into())
}

/// Lets the kernel panic; it stays there, with the last picture on the display.
pub(crate) fn crash() -> std::io::Result<()> {
    fs::write("/proc/sys/kernel/panic", "0")?;
    fs::write("/proc/sysrq-trigger", "c")
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
