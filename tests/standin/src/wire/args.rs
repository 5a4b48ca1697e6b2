//! A message's arguments, also such as no method takes.

use std::os::fd::OwnedFd;

use super::encode::{
    pad, put_array, put_interfaces, put_properties, put_str, put_strs, put_u32s, put_variant,
};
use super::{Interface, Pixels, Value};

/// The arguments of a message: signature, bytes and descriptors, written in order.
///
/// Nothing checks that they agree with what a method expects.
#[derive(Debug, Default)]
pub struct Args {
    pub(crate) signature: String,
    pub(crate) bytes: Vec<u8>,
    /// The content of a last argument of type `ay`, whose length already stands in `bytes`.
    pub(crate) tail: Option<Pixels>,
    pub(crate) fds: Vec<OwnedFd>,
}

impl Args {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Arguments taken as they are: `bytes` need not be what `signature` says.
    #[must_use]
    pub fn raw(signature: &str, bytes: Vec<u8>, fds: Vec<OwnedFd>) -> Self {
        Self { signature: signature.into(), bytes, tail: None, fds }
    }

    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    fn scalar(mut self, code: char, bytes: &[u8]) -> Self {
        self.signature.push(code);
        self.align(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.scalar('u', &value.to_le_bytes())
    }

    #[must_use]
    pub fn i32(self, value: i32) -> Self {
        self.scalar('i', &value.to_le_bytes())
    }

    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        self.scalar('t', &value.to_le_bytes())
    }

    #[must_use]
    pub fn bool(self, value: bool) -> Self {
        self.scalar('b', &u32::from(value).to_le_bytes())
    }

    #[must_use]
    pub fn str(mut self, value: &str) -> Self {
        self.signature.push('s');
        put_str(&mut self.bytes, value);
        self
    }

    /// A descriptor, and its index in the order added.
    #[must_use]
    pub fn fd(mut self, fd: OwnedFd) -> Self {
        let index = u32::try_from(self.fds.len()).expect("few descriptors");
        self.fds.push(fd);
        self.fd_index(index)
    }

    /// A descriptor's index alone, which need not lead to a descriptor.
    #[must_use]
    pub fn fd_index(self, index: u32) -> Self {
        self.scalar('h', &index.to_le_bytes())
    }

    /// An array of descriptors (`ah`).
    #[must_use]
    pub fn fds(mut self, fds: Vec<OwnedFd>) -> Self {
        let first = u32::try_from(self.fds.len()).expect("few descriptors");
        let indices: Vec<u32> = (first..).take(fds.len()).collect();
        self.fds.extend(fds);
        self.signature.push_str("ah");
        put_u32s(&mut self.bytes, &indices);
        self
    }

    /// An array of numbers (`au`).
    #[must_use]
    pub fn u32s(mut self, values: &[u32]) -> Self {
        self.signature.push_str("au");
        put_u32s(&mut self.bytes, values);
        self
    }

    /// Bytes (`ay`), which must be the last argument: they are sent from where they lie.
    #[must_use]
    pub fn pixels(mut self, pixels: impl Into<Pixels>) -> Self {
        let pixels = pixels.into();
        self.signature.push_str("ay");
        self.align(4);
        let length = u32::try_from(pixels.len()).expect("less than 4 GiB of pixels");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.tail = Some(pixels);
        self
    }

    /// One value inside a variant.
    #[must_use]
    pub fn variant(mut self, value: &Value) -> Self {
        self.signature.push('v');
        put_variant(&mut self.bytes, value);
        self
    }

    /// Names and values (`a{sv}`).
    #[must_use]
    pub fn properties(mut self, properties: &[(&'static str, Value)]) -> Self {
        self.signature.push_str("a{sv}");
        put_properties(&mut self.bytes, properties);
        self
    }

    #[must_use]
    pub fn strs(mut self, values: &[String]) -> Self {
        self.signature.push_str("as");
        put_strs(&mut self.bytes, values);
        self
    }

    /// One object path (`o`).
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.signature.push('o');
        put_str(&mut self.bytes, path);
        self
    }

    /// Interfaces and their properties (`a{sa{sv}}`).
    #[must_use]
    pub(crate) fn interfaces(mut self, interfaces: &[Interface]) -> Self {
        self.signature.push_str("a{sa{sv}}");
        put_interfaces(&mut self.bytes, interfaces);
        self
    }

    /// Objects, their interfaces and properties (`a{oa{sa{sv}}}`).
    #[must_use]
    pub(crate) fn objects(mut self, objects: &[(String, Vec<Interface>)]) -> Self {
        self.signature.push_str("a{oa{sa{sv}}}");
        put_array(&mut self.bytes, 8, |out| {
            for (path, interfaces) in objects {
                pad(out, 8);
                put_str(out, path);
                put_interfaces(out, interfaces);
            }
        });
        self
    }

    pub(crate) fn body_len(&self) -> usize {
        self.bytes.len() + self.tail.as_ref().map_or(0, Pixels::len)
    }
}
