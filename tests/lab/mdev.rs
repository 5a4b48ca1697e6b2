//! Mediated devices: virtual GPUs that the kernel's sample drivers make, by the life cycle of GVT-g.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use harness::{Doing, Result};

/// What kind of display a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bochs display whose framebuffers are dma-bufs, with 64 MiB of video memory.
    MbochsLarge,
    /// The same with 4 MiB and, as its EDID region says, at most 800x600.
    MbochsSmall,
    /// A framebuffer in a region of the device, 1024x768.
    Mdpy,
}

impl Kind {
    fn types(self) -> &'static str {
        match self {
            Self::MbochsLarge => "mbochs/mbochs/mdev_supported_types/mbochs-large",
            Self::MbochsSmall => "mbochs/mbochs/mdev_supported_types/mbochs-small",
            Self::Mdpy => "mdpy/mdpy/mdev_supported_types/mdpy-xga",
        }
    }
}

/// A device, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mdev {
    path: PathBuf,
}

impl Mdev {
    pub(crate) fn create(kind: Kind) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let uuid = format!("0f1e2d3c-0000-4000-8000-{:012x}", COUNT.fetch_add(1, Ordering::Relaxed));
        let create = Path::new("/sys/devices/virtual").join(kind.types()).join("create");
        fs::write(&create, &uuid).doing(format_args!("make a device with {}", create.display()))?;
        Ok(Self { path: Path::new("/sys/bus/mdev/devices").join(uuid) })
    }

    /// As QEMU's `-device` takes it.
    pub(crate) fn device(&self, more: &str) -> String {
        let path = self.path.display();
        format!("vfio-pci-nohotplug,sysfsdev={path},display=on,ramfb=on{more}")
    }
}

impl Drop for Mdev {
    fn drop(&mut self) {
        // Fails while QEMU still has it; the machine ends soon in any case.
        let _ = fs::write(self.path.join("remove"), "1");
    }
}
