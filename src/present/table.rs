//! The formats that a compositor takes as dma-bufs: the table and tranches of `linux-dmabuf` feedback.
//!
//! Layout from the protocol's description of `zwp_linux_dmabuf_feedback_v1`: the table has 16 bytes
//! for each pair (fourcc, 4 of padding, modifier); a tranche lists 16-bit indices into it. Tranches
//! come in descending order of preference, each for one device.

use std::collections::HashSet;
use std::fmt;

use crate::pixel::{Fourcc, Modifier};

/// A pair takes this many bytes.
const ENTRY: usize = 16;

/// No index reaches beyond this many bytes of table.
pub const MAX_BYTES: usize = ENTRY << 16;

/// The flag of a tranche for direct scan-out (`tranche_flags` of the protocol).
const SCANOUT: u32 = 1;

/// A DRM device as a compositor names it: a `dev_t`, of a primary or a render node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device(pub u64);

impl Device {
    /// A `dev_t` in native byte order, as in the protocol's arrays.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_ne_bytes).map(Self)
    }
}

/// `major:minor`, as in `/sys/dev/char`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", rustix::fs::major(self.0), rustix::fs::minor(self.0))
    }
}

/// How well a compositor can use buffers of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// It draws them.
    Sampled,
    /// It may hand them to the display hardware as they are.
    Scanout,
}

impl Fit {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::Scanout => "scanout",
        }
    }
}

/// Pairs that a compositor likes equally well, for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tranche {
    /// The device that is to use the buffers, where the compositor says it.
    pub target: Option<Device>,
    pub fit: Fit,
    pub pairs: HashSet<(Fourcc, Modifier)>,
}

/// All that a compositor takes, the best first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Formats {
    /// The device that composes.
    pub main: Option<Device>,
    pub tranches: Vec<Tranche>,
}

impl Formats {
    /// How well the compositor can use a format; `None` if it does not take it at all. INVALID is a
    /// modifier like any other here: it stands for a layout that only drivers know, and neither it
    /// nor LINEAR may be taken for the other.
    pub fn fit(&self, fourcc: Fourcc, modifier: Modifier) -> Option<Fit> {
        let fits = self.tranches.iter().filter(|tranche| tranche.pairs.contains(&(fourcc, modifier)));
        fits.map(|tranche| tranche.fit).max()
    }

    /// One more pair of a plain list, as compositors send it up to version 3.
    pub fn list(&mut self, fourcc: Fourcc, modifier: Modifier) {
        if self.tranches.is_empty() {
            self.tranches.push(Tranche { target: None, fit: Fit::Sampled, pairs: HashSet::new() });
        }
        if let Some(tranche) = self.tranches.last_mut() {
            tranche.pairs.insert((fourcc, modifier));
        }
    }

    /// The modifiers that it takes with a format.
    pub fn modifiers(&self, fourcc: Fourcc) -> HashSet<Modifier> {
        let pairs = self.tranches.iter().flat_map(|tranche| &tranche.pairs);
        pairs.filter(|(known, _)| *known == fourcc).map(|(_, modifier)| *modifier).collect()
    }
}

impl FromIterator<(Fourcc, Modifier)> for Formats {
    fn from_iter<T: IntoIterator<Item = (Fourcc, Modifier)>>(pairs: T) -> Self {
        let mut formats = Self::default();
        pairs.into_iter().for_each(|(fourcc, modifier)| formats.list(fourcc, modifier));
        formats
    }
}

/// Feedback as it arrives, event by event.
#[derive(Debug, Default)]
pub struct Feedback {
    table: Vec<(Fourcc, Modifier)>,
    arriving: Formats,
    tranche: Arriving,
}

/// A tranche whose end has not come yet.
#[derive(Debug, Default)]
struct Arriving {
    target: Option<Device>,
    flags: u32,
    pairs: HashSet<(Fourcc, Modifier)>,
}

impl Feedback {
    /// A new table; what was said of the former no longer counts.
    pub fn table(&mut self, bytes: &[u8]) {
        self.table = parse(bytes);
    }

    /// The device that composes (`main_device`).
    pub fn main_device(&mut self, device: &[u8]) {
        self.arriving.main = Device::from_bytes(device);
    }

    /// The device that the tranche is for (`tranche_target_device`).
    pub fn target(&mut self, device: &[u8]) {
        self.tranche.target = Device::from_bytes(device);
    }

    /// What the tranche is for (`tranche_flags`).
    pub fn flags(&mut self, flags: u32) {
        self.tranche.flags = flags;
    }

    /// Pairs of the tranche, as native-endian indices (`tranche_formats`).
    pub fn pairs(&mut self, indices: &[u8]) {
        let indices = indices.as_chunks::<2>().0.iter().map(|pair| usize::from(u16::from_ne_bytes(*pair)));
        self.tranche.pairs.extend(indices.filter_map(|index| self.table.get(index)));
    }

    /// The tranche is complete (`tranche_done`).
    pub fn tranche(&mut self) {
        let Arriving { target, flags, pairs } = std::mem::take(&mut self.tranche);
        let fit = if flags & SCANOUT == 0 { Fit::Sampled } else { Fit::Scanout };
        self.arriving.tranches.push(Tranche { target, fit, pairs });
    }

    /// All was said (`done`). More may follow later, from the start.
    pub fn done(&mut self) -> Formats {
        self.tranche = Arriving::default();
        std::mem::take(&mut self.arriving)
    }
}

fn parse(bytes: &[u8]) -> Vec<(Fourcc, Modifier)> {
    let pair = |entry: &[u8; ENTRY]| {
        let [f0, f1, f2, f3, _, _, _, _, modifier @ ..] = *entry;
        (Fourcc(u32::from_ne_bytes([f0, f1, f2, f3])), Modifier(u64::from_ne_bytes(modifier)))
    };
    bytes.as_chunks::<ENTRY>().0.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(fourcc: [u8; 4], modifier: u64) -> Vec<u8> {
        let mut bytes = fourcc.to_vec();
        bytes.extend([0xaa; 4]);
        bytes.extend(modifier.to_ne_bytes());
        bytes
    }

    fn indices(indices: &[u16]) -> Vec<u8> {
        indices.iter().flat_map(|index| index.to_ne_bytes()).collect()
    }

    const XR24: Fourcc = Fourcc::new(*b"XR24");
    const AR24: Fourcc = Fourcc::new(*b"AR24");

    fn table() -> Feedback {
        let mut feedback = Feedback::default();
        feedback.table(&[entry(*b"XR24", 0), entry(*b"AR24", 7), entry(*b"XR24", 1)].concat());
        feedback
    }

    #[test]
    fn tranches_pick_from_the_table_and_say_whom_they_are_for() {
        let mut feedback = table();
        feedback.main_device(&0xe280_u64.to_ne_bytes());
        feedback.target(&0xe200_u64.to_ne_bytes());
        feedback.flags(SCANOUT);
        feedback.pairs(&indices(&[0]));
        feedback.tranche();
        feedback.target(&0xe280_u64.to_ne_bytes());
        feedback.pairs(&indices(&[0, 1]));
        feedback.pairs(&indices(&[1, 9999]));
        feedback.tranche();
        let formats = feedback.done();
        assert_eq!(formats.main.map(|device| device.to_string()).as_deref(), Some("226:128"));
        let targets: Vec<_> = formats.tranches.iter().map(|tranche| (tranche.target, tranche.fit)).collect();
        let target = |device| Some(Device(device));
        assert_eq!(targets, [(target(0xe200), Fit::Scanout), (target(0xe280), Fit::Sampled)]);
        assert_eq!(formats.fit(XR24, Modifier(0)), Some(Fit::Scanout), "the better of two tranches");
        assert_eq!(formats.fit(AR24, Modifier(7)), Some(Fit::Sampled));
        assert_eq!(formats.fit(XR24, Modifier(1)), None, "in the table, but in no tranche");
        assert_eq!(feedback.done(), Formats::default(), "the next feedback starts anew");
    }

    #[test]
    fn a_layout_that_nobody_names_is_not_a_plain_one() {
        let formats: Formats = [(XR24, Modifier::INVALID), (AR24, Modifier::LINEAR)].into_iter().collect();
        assert_eq!(formats.fit(XR24, Modifier::LINEAR), None);
        assert_eq!(formats.fit(AR24, Modifier::INVALID), None);
        assert_eq!(formats.modifiers(XR24), [Modifier::INVALID].into());
    }

    #[test]
    fn a_tranche_without_an_end_does_not_count() {
        let mut feedback = table();
        feedback.pairs(&indices(&[0]));
        assert_eq!(feedback.done().fit(XR24, Modifier(0)), None);
        feedback.tranche();
        assert_eq!(feedback.done().fit(XR24, Modifier(0)), None, "nor for the next one");
    }

    #[test]
    fn a_device_of_another_width_is_none() {
        assert_eq!(Device::from_bytes(&[1, 2, 3, 4]), None);
        let mut feedback = table();
        feedback.main_device(&[]);
        assert_eq!(feedback.done().main, None);
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_only_pairs_of_the_table_are_found(
            table in proptest::collection::vec(any::<u8>(), 0..200),
            tranches in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4),
        ) {
            let mut feedback = Feedback::default();
            feedback.table(&table);
            for tranche in &tranches {
                feedback.pairs(tranche);
                feedback.tranche();
            }
            let known = parse(&table);
            prop_assert_eq!(known.len(), table.len() / ENTRY);
            let formats = feedback.done();
            prop_assert_eq!(formats.tranches.len(), tranches.len());
            let found = formats.tranches.iter().flat_map(|tranche| &tranche.pairs);
            prop_assert!(found.into_iter().all(|pair| known.contains(pair)));
        }
    }
}
