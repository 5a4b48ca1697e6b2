//! Loads kernel modules as devices ask for them, by their aliases, as udev does on a full system.

use std::collections::HashSet;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where the build puts the modules and the index in the initramfs.
const FOLDER: &str = "/modules";

/// Without this parameter the kernel's text console would take the display first: a mode set and a
/// screenful of memory for nothing.
const KMS_HELPER: (&str, &CStr) = ("drm_kms_helper", c"fbdev_emulation=0");

/// `MODULE_INIT_IGNORE_MODVERSIONS` (`linux/module.h`): a module that is taken in spite of its symbol
/// versions is not checked for its signature either, which an emulated processor needs long for.
const UNCHECKED: i32 = 1;

/// One line of the index: a module, the modules it needs, the devices it is for.
#[derive(Debug, PartialEq, Eq)]
struct Module {
    name: String,
    needs: Vec<String>,
    aliases: Vec<String>,
}

/// The modules in the initramfs and which of them are in the kernel by now.
#[derive(Debug)]
pub(crate) struct Modules {
    known: Vec<Module>,
    loaded: HashSet<String>,
    folder: PathBuf,
}

impl Modules {
    /// Reads `/modules/index`.
    pub(crate) fn open() -> io::Result<Self> {
        let folder = PathBuf::from(FOLDER);
        let index = fs::read_to_string(folder.join("index"))?;
        Ok(Self { known: parse_index(&index), loaded: HashSet::new(), folder })
    }

    /// Loads what every device that is present asks for.
    pub(crate) fn load_for_present_devices(&mut self) -> Vec<LoadError> {
        let mut asked = Vec::new();
        for bus in entries(Path::new("/sys/bus")) {
            collect_aliases(&bus.join("devices"), &mut asked);
        }
        collect_aliases(Path::new("/sys/class/input"), &mut asked);
        asked.iter().flat_map(|alias| self.load_for(alias)).collect()
    }

    /// Loads what one device asks for with its `MODALIAS`.
    pub(crate) fn load_for(&mut self, alias: &str) -> Vec<LoadError> {
        let wanted = plan(&self.known, &self.loaded, alias);
        wanted.into_iter().filter_map(|name| self.insert(name).err()).collect()
    }

    fn insert(&mut self, name: String) -> Result<(), LoadError> {
        let parameters = if name == KMS_HELPER.0 { KMS_HELPER.1 } else { c"" };
        let path = self.folder.join(format!("{name}.ko"));
        // Also when it fails: asking again would only fail again, once for every device.
        self.loaded.insert(name.clone());
        let outcome =
            File::open(path).and_then(|file| Ok(rustix::system::finit_module(file, parameters, UNCHECKED)?));
        outcome.map_err(|why| LoadError { name, why })
    }
}

/// A module that the kernel did not take.
#[derive(Debug, thiserror::Error)]
#[error("module {name}: {why}")]
pub(crate) struct LoadError {
    name: String,
    why: io::Error,
}

/// Which modules to load for a device, needed ones first.
fn plan(known: &[Module], loaded: &HashSet<String>, alias: &str) -> Vec<String> {
    let mut order = Vec::new();
    for module in known {
        if module.aliases.iter().any(|pattern| matches(pattern.as_bytes(), alias.as_bytes())) {
            add_with_needs(known, loaded, &module.name, &mut order);
        }
    }
    order
}

fn add_with_needs(known: &[Module], loaded: &HashSet<String>, name: &str, order: &mut Vec<String>) {
    if loaded.contains(name) || order.iter().any(|present| present == name) {
        return;
    }
    let needs = known.iter().find(|module| module.name == name).map_or(&[][..], |module| &module.needs);
    for need in needs {
        add_with_needs(known, loaded, need, order);
    }
    order.push(name.to_owned());
}

/// Index lines read `name:need need:alias alias`; aliases themselves hold colons.
fn parse_index(index: &str) -> Vec<Module> {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    let module = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (name, needs, aliases) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Module { name: name.to_owned(), needs: words(needs), aliases: words(aliases) })
    };
    index.lines().filter_map(module).collect()
}

/// Whether a device's alias fits a module's pattern, in which `*` stands for any text, `?` for any
/// character and `[...]` for any of those listed.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        [b'?', rest @ ..] => text.split_first().is_some_and(|(_, text)| matches(rest, text)),
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else {
                return false;
            };
            let (listed, rest) = (&rest[..end], &rest[end + 1..]);
            text.split_first().is_some_and(|(first, text)| in_list(listed, *first) && matches(rest, text))
        }
        [byte, rest @ ..] => {
            text.split_first().is_some_and(|(first, text)| first == byte && matches(rest, text))
        }
    }
}

fn in_list(listed: &[u8], byte: u8) -> bool {
    match listed {
        [low, b'-', high, rest @ ..] => (low..=high).contains(&&byte) || in_list(rest, byte),
        [one, rest @ ..] => *one == byte || in_list(rest, byte),
        [] => false,
    }
}

fn collect_aliases(devices: &Path, aliases: &mut Vec<String>) {
    for device in entries(devices) {
        if let Ok(alias) = fs::read_to_string(device.join("modalias")) {
            aliases.push(alias.trim_end().to_owned());
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
drm::
helper:drm:
virtio-gpu:drm helper:virtio:d00000010v*
xhci_pci:usbcore:pci:v*d*sv*sd*bc0Csc03i30* pci:v00001912d00000014sv*sd*bc*sc*i*
usbcore::
";

    fn plan_for(loaded: &[&str], alias: &str) -> Vec<String> {
        let loaded = loaded.iter().map(|&name| name.to_owned()).collect();
        plan(&parse_index(INDEX), &loaded, alias)
    }

    #[test]
    fn what_a_module_needs_comes_before_it() {
        assert_eq!(plan_for(&[], "virtio:d00000010v00001AF4"), ["drm", "helper", "virtio-gpu"]);
        let controller = "pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30";
        assert_eq!(plan_for(&[], controller), ["usbcore", "xhci_pci"]);
    }

    #[test]
    fn what_is_loaded_is_not_loaded_again() {
        assert_eq!(plan_for(&["drm"], "virtio:d00000010v00001AF4"), ["helper", "virtio-gpu"]);
        assert!(plan_for(&["drm", "helper", "virtio-gpu"], "virtio:d00000010v00001AF4").is_empty());
    }

    #[test]
    fn a_strange_device_loads_nothing() {
        assert!(plan_for(&[], "virtio:d00000001v00001AF4").is_empty());
        assert!(plan_for(&[], "").is_empty());
    }

    #[test]
    fn patterns_match_like_file_names() {
        let fits = |pattern: &str, text: &str| matches(pattern.as_bytes(), text.as_bytes());
        assert!(fits("input:b*v*p*e*-e*k*", "input:b0003v0627p0001e0111-e0,1,2,k110,111"));
        assert!(fits("acpi*:PNP0C0C:*", "acpi:PNP0C0C:"));
        assert!(fits("usb:v0[0-9A]?F", "usb:v0AxF"));
        assert!(!fits("usb:v0[0-9]F", "usb:v0AF"));
        assert!(!fits("acpi*:PNP0C0C:*", "acpi:PNP0C0D:"));
        assert!(!fits("a[bc", "ab"));
    }
}
