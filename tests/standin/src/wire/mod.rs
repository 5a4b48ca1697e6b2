//! D-Bus messages as bytes: enough of the encoding to write any message, also a wrong one, and to read what a viewer sends.
//!
//! Encoding is our own so that a test may send what no library would; decoding is zbus's.

mod args;
mod encode;
mod incoming;
mod outgoing;
mod pixels;

pub use args::Args;
pub use incoming::Incoming;
pub(crate) use outgoing::Outgoing;
pub use pixels::Pixels;

/// The longest message the D-Bus specification allows, in bytes.
pub(crate) const MAX_MESSAGE: usize = 128 << 20;
/// The part of a header that says how long the rest is, in bytes.
pub(crate) const FIXED_HEADER: usize = 16;
/// The message flag by which a caller says that it reads no reply.
pub const NO_REPLY_EXPECTED: u8 = 1;

/// Message types of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// A property's value, of the few types that the display's interfaces use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Bool(bool),
    I32(i32),
    U32(u32),
    Str(String),
    Strs(Vec<String>),
    U32s(Vec<u32>),
}

/// An interface's name with its properties.
pub(crate) type Interface = (&'static str, Vec<(&'static str, Value)>);
