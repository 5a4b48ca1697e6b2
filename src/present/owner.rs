//! Which GPU has the guest's buffer, where that is not the one that composes.
//!
//! Nobody says it: not QEMU, whose `DeviceAddress` is the device's place in the guest, and not the
//! kernel, which tells only who exported a buffer, and for most drivers no more than `drm`. So GPUs
//! are asked one after the other, the likeliest first, and the one that imports the buffer has it, or
//! as good as has it.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use super::table::Device;

/// A GPU as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its render node.
    pub path: PathBuf,
    /// All of its device numbers: compositors name any of them.
    pub devices: Vec<Device>,
    /// The driver's name, such as `i915`.
    pub driver: String,
    /// Its place on the bus, such as `0000:00:02.0`.
    pub pci: Option<String>,
}

/// What tells of buffers' exporters, and of GPUs.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// `/sys/class/drm`.
    pub drm: &'a Path,
    /// `/dev/dri`.
    pub dev: &'a Path,
}

impl Default for Places<'_> {
    fn default() -> Self {
        Self { drm: Path::new("/sys/class/drm"), dev: Path::new("/dev/dri") }
    }
}

impl Places<'_> {
    /// The GPUs with a render node, in the kernel's order.
    pub fn nodes(self) -> Vec<Node> {
        let entries = fs::read_dir(self.drm).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("renderD")).collect();
        names.sort_unstable();
        names.iter().map(|name| self.node(name)).collect()
    }

    fn node(self, name: &str) -> Node {
        let device = self.drm.join(name).join("device");
        let siblings = fs::read_dir(device.join("drm")).into_iter().flatten().flatten();
        let numbers = siblings.filter_map(|sibling| number(&sibling.path()));
        let own = number(&self.drm.join(name));
        let mut devices: Vec<_> = own.into_iter().chain(numbers).collect();
        devices.sort_unstable_by_key(|device| device.0);
        devices.dedup();
        let driver = fs::read_link(device.join("driver")).ok();
        let driver = driver.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
        let uevent = fs::read_to_string(device.join("uevent")).unwrap_or_default();
        let pci = uevent.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME=")).map(str::to_owned);
        Node { path: self.dev.join(name), devices, driver: driver.unwrap_or_default(), pci }
    }
}

/// A device number, from the file `dev` of a device's folder.
fn number(folder: &Path) -> Option<Device> {
    let text = fs::read_to_string(folder.join("dev")).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some(Device(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?)))
}

/// Who exported a dma-buf, as far as the kernel says it (`exp_name` of its fdinfo).
pub fn exporter(buffer: impl AsFd) -> Option<String> {
    let path = format!("/proc/self/fdinfo/{}", buffer.as_fd().as_raw_fd());
    exporter_in(&fs::read_to_string(path).ok()?)
}

fn exporter_in(fdinfo: &str) -> Option<String> {
    let name = fdinfo.lines().find_map(|line| line.strip_prefix("exp_name:"))?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The GPUs to ask for a buffer, the likeliest first: those whose driver exported it, then the others.
/// The one that composes has been asked before.
pub fn order<'a>(nodes: &'a [Node], exporter: Option<&str>, composing: Option<Device>) -> Vec<&'a Node> {
    let composes = |node: &Node| composing.is_some_and(|device| node.devices.contains(&device));
    let mut others: Vec<_> = nodes.iter().filter(|node| !composes(node)).collect();
    others.sort_by_key(|node| exporter != Some(node.driver.as_str()));
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str, minors: &[u32], driver: &str) -> Node {
        let devices = minors.iter().map(|minor| Device(rustix::fs::makedev(226, *minor))).collect();
        Node { path: path.into(), devices, driver: driver.into(), pci: None }
    }

    fn paths(nodes: &[&Node]) -> Vec<String> {
        nodes.iter().map(|node| node.path.display().to_string()).collect()
    }

    #[test]
    fn the_exporters_gpu_is_asked_first_and_the_composing_one_not_at_all() {
        let nodes = [
            node("amd", &[0, 128], "amdgpu"),
            node("nv", &[1, 129], "nvidia"),
            node("igd", &[2, 130], "i915"),
        ];
        let composing = |minor| Some(Device(rustix::fs::makedev(226, minor)));
        assert_eq!(paths(&order(&nodes, Some("i915"), composing(1))), ["igd", "amd"]);
        assert_eq!(paths(&order(&nodes, Some("i915"), composing(129))), ["igd", "amd"]);
        assert_eq!(paths(&order(&nodes, Some("drm"), composing(129))), ["amd", "igd"]);
        assert_eq!(paths(&order(&nodes, None, None)), ["amd", "nv", "igd"]);
        assert!(order(&nodes[..1], Some("amdgpu"), composing(0)).is_empty());
    }

    #[test]
    fn the_kernels_list_is_read() {
        let root = tempfile::tempdir().expect("a folder");
        let (drm, dev) = (root.path().join("class"), root.path().join("dev"));
        let pci = root.path().join("0000:00:02.0");
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write(pci.join("drm/card0/dev"), "226:0\n");
        write(pci.join("drm/renderD128/dev"), "226:128\n");
        write(pci.join("uevent"), "DRIVER=i915\nPCI_CLASS=30000\nPCI_SLOT_NAME=0000:00:02.0\n");
        std::os::unix::fs::symlink("../../bus/pci/drivers/i915", pci.join("driver")).expect("a link");
        std::os::unix::fs::symlink(&pci, pci.join("drm/renderD128/device")).expect("a link");
        fs::create_dir(&drm).expect("a folder");
        std::os::unix::fs::symlink(pci.join("drm/renderD128"), drm.join("renderD128")).expect("a link");
        fs::write(drm.join("version"), "drm 1.1.0").expect("a file");
        let nodes = Places { drm: &drm, dev: &dev }.nodes();
        let mut expected = node("", &[0, 128], "i915");
        expected.path = dev.join("renderD128");
        expected.pci = Some("0000:00:02.0".into());
        assert_eq!(nodes, [expected]);
        let nowhere = root.path().join("nowhere");
        assert_eq!(Places { drm: &nowhere, dev: &dev }.nodes(), []);
    }

    #[test]
    fn an_exporter_is_told_by_the_kernel() {
        let fdinfo = "pos:\t0\nflags:\t02000002\nsize:\t4096\ncount:\t2\nexp_name:\tmbochs\nname:\t\n";
        assert_eq!(exporter_in(fdinfo).as_deref(), Some("mbochs"));
        assert_eq!(exporter_in("pos:\t0\n"), None);
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
        assert_eq!(exporter(&file), None);
    }
}
