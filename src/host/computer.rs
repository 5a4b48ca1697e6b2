//! This computer's GPUs and virtual GPUs, as the kernel tells of them below `/sys`.

use std::fs;
use std::path::{Path, PathBuf};

use super::domain::{Definition, Facts, VgpuFacts};
use crate::source::libvirt::is_remote;

/// Intel's number among PCI vendors.
const INTEL: &str = "0x8086";

/// A computer, by the root of its file system: another than `/` in tests.
#[derive(Debug, Clone)]
pub struct Computer {
    root: PathBuf,
}

/// A GPU with which machines can draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// `/dev/dri/renderD128`.
    pub node: String,
    /// Its place in `/sys/devices`.
    device: PathBuf,
    /// Whether the firmware shows itself on it.
    primary: bool,
}

impl Default for Computer {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Computer {
    /// The one whose file system begins here.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// What is to be known for a machine with this definition.
    pub fn facts(&self, definition: &Definition) -> Facts {
        let gpus = self.gpus();
        let vgpus: Vec<VgpuFacts> = definition.vgpus().iter().map(|vgpu| self.vgpu(&vgpu.uuid)).collect();
        // What the vGPU draws need not go to another GPU.
        let parents: Vec<PathBuf> =
            definition.vgpus().iter().filter_map(|vgpu| self.parent(&vgpu.uuid)).collect();
        let of_parent = gpus.iter().find(|gpu| parents.contains(&gpu.device));
        let gpu = of_parent.or_else(|| gpus.iter().find(|gpu| gpu.primary)).or(gpus.first());
        Facts { render_node: gpu.map(|gpu| gpu.node.clone()), vgpus }
    }

    /// The GPUs that have a render node, in the order of these.
    pub fn gpus(&self) -> Vec<Gpu> {
        let mut names: Vec<(u32, String)> = Vec::new();
        for entry in fs::read_dir(self.root.join("sys/class/drm")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("renderD").and_then(|number| number.parse().ok());
            names.extend(number.map(|number| (number, name)));
        }
        names.sort();
        let gpu = |(_, name): (u32, String)| {
            let device = fs::canonicalize(self.root.join("sys/class/drm").join(&name).join("device")).ok()?;
            let primary = word(&device.join("boot_vga")).as_deref() == Some("1");
            Some(Gpu { node: format!("/dev/dri/{name}"), device, primary })
        };
        names.into_iter().filter_map(gpu).collect()
    }

    /// What is known of a mediated device: no more than its name where this computer has none such.
    fn vgpu(&self, uuid: &str) -> VgpuFacts {
        let parent = self.parent(uuid);
        let vendor = parent.as_deref().and_then(|parent| word(&parent.join("vendor")));
        let description = self.mediated(uuid).and_then(|device| word(&device.join("mdev_type/description")));
        VgpuFacts {
            uuid: uuid.to_owned(),
            intel: vendor.as_deref() == Some(INTEL),
            size: description.as_deref().and_then(largest),
            rom: None,
        }
    }

    /// The device of which a mediated one is a part.
    fn parent(&self, uuid: &str) -> Option<PathBuf> {
        self.mediated(uuid)?.parent().map(Path::to_owned)
    }

    fn mediated(&self, uuid: &str) -> Option<PathBuf> {
        let is_name = uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let path = self.root.join("sys/bus/mdev/devices").join(uuid.to_ascii_lowercase());
        is_name.then(|| fs::canonicalize(path).ok()).flatten()
    }
}

/// The largest size that a type of mediated devices has, by its description: `resolution: 1920x1200`
/// of Intel's (drivers/gpu/drm/i915/gvt/kvmgt.c), `max_resolution=4096x2160` of NVIDIA's.
fn largest(description: &str) -> Option<(u32, u32)> {
    let behind = description.split_once("resolution")?.1.trim_start_matches([':', '=', ' ']);
    let end = behind.find(|letter: char| !letter.is_ascii_digit() && letter != 'x').unwrap_or(behind.len());
    let (width, height) = behind[..end].split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=16_384).contains(side));
    Some((side(width)?, side(height)?))
}

fn word(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// What is to be known for a machine with this definition on a connection of libvirt's: nothing where
/// that leads to another computer. Reads files.
pub fn facts_at(uri: &str, definition: &Definition) -> Facts {
    if is_remote(uri) { Facts::default() } else { Computer::default().facts(definition) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const VGPU: &str = "4b20d080-1b54-4048-85b3-a6a62d165c01";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(root: &Path, path: &str, to: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(root.join(to), path).unwrap();
    }

    /// A graphics card as the first GPU, and Intel's as the one with the virtual GPU.
    fn computer(root: &Path) -> Computer {
        let (card, intel) = ("sys/devices/pci0000:00/0000:01:00.0", "sys/devices/pci0000:00/0000:00:02.0");
        write(root, &format!("{card}/boot_vga"), "1\n");
        write(root, &format!("{card}/vendor"), "0x1002\n");
        write(root, &format!("{intel}/boot_vga"), "0\n");
        write(root, &format!("{intel}/vendor"), "0x8086\n");
        let kind = format!("{intel}/mdev_supported_types/i915-GVTg_V5_4");
        write(root, &format!("{kind}/description"), "fence: 4\nresolution: 1920x1200\nweight: 4\n");
        fs::create_dir_all(root.join(intel).join(VGPU)).unwrap();
        link(root, &format!("{intel}/{VGPU}/mdev_type"), &kind);
        link(root, &format!("sys/bus/mdev/devices/{VGPU}"), &format!("{intel}/{VGPU}"));
        for (node, device) in [("renderD128", card), ("renderD129", intel)] {
            write(root, &format!("sys/class/drm/{node}/dev"), "226:128\n");
            link(root, &format!("sys/class/drm/{node}/device"), device);
        }
        Computer::at(root)
    }

    fn definition(uuid: &str) -> Definition {
        let text = format!(
            "<domain><devices><hostdev type='mdev' model='vfio-pci'><source><address uuid='{uuid}'/></source>\
             </hostdev></devices></domain>"
        );
        Definition::read(text).unwrap()
    }

    #[test]
    fn a_vgpu_is_drawn_with_the_gpu_that_it_is_a_part_of() {
        let place = tempfile::tempdir().unwrap();
        let computer = computer(place.path());
        let facts = computer.facts(&definition(&VGPU.to_uppercase()));
        assert_eq!(facts.render_node.as_deref(), Some("/dev/dri/renderD129"));
        let [vgpu] = &facts.vgpus[..] else { panic!("{facts:?}") };
        assert_eq!((vgpu.intel, vgpu.size), (true, Some((1920, 1200))));
    }

    #[test]
    fn others_are_drawn_with_the_gpu_that_the_firmware_uses() {
        let place = tempfile::tempdir().unwrap();
        let computer = computer(place.path());
        let facts = computer.facts(&definition("00000000-0000-4000-8000-000000000000"));
        assert_eq!(facts.render_node.as_deref(), Some("/dev/dri/renderD128"));
        assert_eq!((facts.vgpus[0].intel, facts.vgpus[0].size), (false, None));
        let escaping = computer.facts(&definition("../../../etc"));
        assert_eq!(escaping.vgpus[0].size, None);
    }

    #[test]
    fn a_computer_without_gpus_has_nothing_to_tell() {
        let place = tempfile::tempdir().unwrap();
        let facts = Computer::at(place.path()).facts(&definition(VGPU));
        assert_eq!(facts.render_node, None);
    }

    #[test]
    fn sizes_are_found_in_descriptions() {
        assert_eq!(largest("num_heads=4, max_resolution=4096x2160, max_instance=16"), Some((4096, 2160)));
        assert_eq!(largest("resolution: 1024x768\nweight: 2"), Some((1024, 768)));
        for none in ["virtual display, 16 MB video memory", "resolution: x", "resolution: 0x0", "resolution:"]
        {
            assert_eq!(largest(none), None, "{none}");
        }
    }
}
