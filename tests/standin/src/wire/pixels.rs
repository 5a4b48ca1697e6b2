//! Bytes that are not copied on their way into the socket.

use std::sync::Arc;

/// Bytes that many messages may share: the pixels of a frame, perhaps with a stamp of their own in front.
#[derive(Clone, Debug)]
pub struct Pixels {
    bytes: Arc<Vec<u8>>,
    stamp: Option<[u8; STAMP]>,
}

/// Bytes of a stamp: two pixels of four.
const STAMP: usize = 8;

impl Pixels {
    /// The same bytes, the first eight of them replaced by a number. Fewer bytes stay as they are.
    #[must_use]
    pub fn stamped(&self, number: u64) -> Self {
        let stamp = (self.bytes.len() >= STAMP).then(|| number.to_le_bytes());
        Self { bytes: self.bytes.clone(), stamp }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes in two parts, the first of which may be empty.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        match &self.stamp {
            Some(stamp) => [stamp, &self.bytes[STAMP..]],
            None => [&[], &self.bytes],
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(bytes), stamp: None }
    }
}

impl From<&[u8]> for Pixels {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&Vec<u8>> for Pixels {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.clone().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Pixels {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&Pixels> for Pixels {
    fn from(pixels: &Pixels) -> Self {
        pixels.clone()
    }
}
