//! The formats that a compositor takes as dma-bufs: the table and tranches of `linux-dmabuf` feedback.
//!
//! Layout from the protocol's description of `zwp_linux_dmabuf_feedback_v1`: the table has 16 bytes
//! for each pair (fourcc, 4 of padding, modifier); a tranche lists 16-bit indices into it.

use std::collections::HashSet;

use crate::pixel::{Fourcc, Modifier};

/// A pair takes this many bytes.
const ENTRY: usize = 16;

/// No index reaches beyond this many bytes of table.
pub const MAX_BYTES: usize = ENTRY << 16;

/// Feedback as it arrives.
#[derive(Debug, Default)]
pub struct Feedback {
    table: Vec<(Fourcc, Modifier)>,
    found: HashSet<(Fourcc, Modifier)>,
}

impl Feedback {
    /// A new table; what was said of the former no longer counts.
    pub fn table(&mut self, bytes: &[u8]) {
        self.table = parse(bytes);
    }

    /// Pairs that a tranche adds, as native-endian indices.
    pub fn tranche(&mut self, indices: &[u8]) {
        let indices = indices.as_chunks::<2>().0.iter().map(|pair| usize::from(u16::from_ne_bytes(*pair)));
        self.found.extend(indices.filter_map(|index| self.table.get(index)));
    }

    /// All was said: the pairs of all tranches. More may follow later, from the start.
    pub fn done(&mut self) -> HashSet<(Fourcc, Modifier)> {
        std::mem::take(&mut self.found)
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
    use super::*;

    fn entry(fourcc: &[u8; 4], modifier: u64) -> Vec<u8> {
        let mut bytes = fourcc.to_vec();
        bytes.extend([0xaa; 4]);
        bytes.extend(modifier.to_ne_bytes());
        bytes
    }

    #[test]
    fn tranches_pick_from_the_table() {
        let mut feedback = Feedback::default();
        feedback.table(&[entry(b"XR24", 0), entry(b"AR24", 7), entry(b"NV12", 1)].concat());
        feedback.tranche(&[0_u16.to_ne_bytes(), 2_u16.to_ne_bytes()].concat());
        feedback.tranche(&[2_u16.to_ne_bytes(), 9999_u16.to_ne_bytes()].concat());
        let pair = |fourcc: &[u8; 4], modifier| (Fourcc::new(*fourcc), Modifier(modifier));
        assert_eq!(feedback.done(), [pair(b"XR24", 0), pair(b"NV12", 1)].into());
        assert!(feedback.done().is_empty(), "the next feedback starts anew");
    }

    #[test]
    fn a_broken_table_has_the_entries_that_are_whole() {
        let mut feedback = Feedback::default();
        feedback.table(&entry(b"XR24", 0)[..15]);
        feedback.tranche(&[0, 0, 1]);
        assert!(feedback.done().is_empty());
    }
}
