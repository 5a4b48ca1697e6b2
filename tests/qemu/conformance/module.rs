//! Reads the `GDBusInterfaceInfo` tables in a shared object (glib's gio/gdbusintrospection.h).
//!
//! gdbus-codegen writes an interface as static structures that point at one another. In the file
//! those pointers are relocations: a place in memory, and the address to put there.

use std::collections::{BTreeMap, HashMap};

/// The members of an interface, with the D-Bus types of their arguments or values.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) methods: BTreeMap<String, String>,
    pub(crate) properties: BTreeMap<String, String>,
}

/// The reference count of structures that are never freed.
const STATIC: u32 = u32::MAX;

const LOAD: u32 = 1;
const WITH_ADDEND: u32 = 4;
/// `R_X86_64_RELATIVE` and `R_AARCH64_RELATIVE`.
const RELATIVE: [u64; 2] = [8, 1027];

/// A shared object of 64 bits, little-endian, as it would lie in memory.
struct Image<'a> {
    file: &'a [u8],
    /// Address, length and place in the file.
    segments: Vec<(u64, u64, u64)>,
    /// What a place in memory points at.
    pointers: HashMap<u64, u64>,
}

/// Every interface in the object whose name starts with `prefix`.
pub(crate) fn interfaces(file: &[u8], prefix: &str) -> Option<BTreeMap<String, Interface>> {
    let image = Image::new(file)?;
    let mut found = BTreeMap::new();
    for (&place, &target) in &image.pointers {
        let Some(name) = image.string(target).filter(|name| name.starts_with(prefix)) else { continue };
        // The name follows the count.
        let start = place.wrapping_sub(8);
        if image.u32(start) == Some(STATIC)
            && let Some(interface) = image.interface(start)
            && interface != Interface::default()
        {
            found.insert(name, interface);
        }
    }
    Some(found)
}

impl<'a> Image<'a> {
    fn new(file: &'a [u8]) -> Option<Self> {
        let is_64_bit = file.starts_with(b"\x7fELF\x02\x01");
        if !is_64_bit {
            return None;
        }
        let headers = word(file, 32)?;
        let (size, count) = (half(file, 54)?, half(file, 56)?);
        let segments = (0..count)
            .map(|index| headers + index * size)
            .filter(|at| double(file, *at) == Some(LOAD))
            .filter_map(|at| Some((word(file, at + 16)?, word(file, at + 32)?, word(file, at + 8)?)))
            .collect();
        let mut image = Self { file, segments, pointers: HashMap::new() };
        image.read_relocations()?;
        Some(image)
    }

    fn read_relocations(&mut self) -> Option<()> {
        let sections = word(self.file, 40)?;
        let (size, count) = (half(self.file, 58)?, half(self.file, 60)?);
        for at in (0..count).map(|index| sections + index * size) {
            if double(self.file, at + 4)? != WITH_ADDEND {
                continue;
            }
            let (start, length) = (word(self.file, at + 24)?, word(self.file, at + 32)?);
            for entry in (start..start + length).step_by(24) {
                if RELATIVE.contains(&(word(self.file, entry + 8)? & 0xffff_ffff)) {
                    self.pointers.insert(word(self.file, entry)?, word(self.file, entry + 16)?);
                }
            }
        }
        Some(())
    }

    fn interface(&self, start: u64) -> Option<Interface> {
        let mut interface = Interface::default();
        for method in self.list(start + 16) {
            let arguments = self.list(method + 16).into_iter();
            let signature = arguments.map(|argument| self.text(argument + 16)).collect::<Option<String>>()?;
            interface.methods.insert(self.text(method + 8)?, signature);
        }
        for property in self.list(start + 32) {
            interface.properties.insert(self.text(property + 8)?, self.text(property + 16)?);
        }
        Some(interface)
    }

    /// The structures in the list that the pointer at `place` leads to; a null pointer ends it.
    fn list(&self, place: u64) -> Vec<u64> {
        let Some(start) = self.pointers.get(&place) else { return Vec::new() };
        (0..).map_while(|index| self.pointers.get(&(start + index * 8)).copied()).collect()
    }

    /// The string that the pointer at `place` leads to.
    fn text(&self, place: u64) -> Option<String> {
        self.string(*self.pointers.get(&place)?)
    }

    fn string(&self, address: u64) -> Option<String> {
        let bytes = self.file.get(usize::try_from(self.place(address)?).ok()?..)?;
        let end = bytes.iter().take(256).position(|byte| *byte == 0)?;
        String::from_utf8(bytes[..end].to_vec()).ok()
    }

    fn u32(&self, address: u64) -> Option<u32> {
        double(self.file, self.place(address)?)
    }

    /// Where in the file an address is.
    fn place(&self, address: u64) -> Option<u64> {
        let segment =
            self.segments.iter().find(|(start, length, _)| (*start..start + length).contains(&address));
        segment.map(|(start, _, place)| address - start + place)
    }
}

fn bytes<const N: usize>(file: &[u8], at: u64) -> Option<[u8; N]> {
    file.get(usize::try_from(at).ok()?..)?.first_chunk().copied()
}

fn half(file: &[u8], at: u64) -> Option<u64> {
    bytes(file, at).map(|bytes| u16::from_le_bytes(bytes).into())
}

fn double(file: &[u8], at: u64) -> Option<u32> {
    bytes(file, at).map(u32::from_le_bytes)
}

fn word(file: &[u8], at: u64) -> Option<u64> {
    bytes(file, at).map(u64::from_le_bytes)
}
