//! XML whose every part knows its place in the text, so that it can be edited where it stands.
//!
//! A [`Document`] is read once and never changed: [`Node`]s find their way in it and make [`Splice`]s,
//! several of which are a [`Patch`]. What no splice touches stays byte for byte as it was.
//!
//! Whoever wrote the text is not trusted: it is bounded in size and depth, has no document type and
//! thereby no entities of its own, and is UTF-8.

mod node;
mod patch;
mod reading;

use std::fmt;
use std::ops::Range;

use thiserror::Error;

pub use self::node::Node;
pub use self::patch::{Fragment, Mismatch, Patch, Splice};

/// The longest text, in bytes: as much as libvirt sends in one string (its
/// src/remote/remote_protocol.x, `REMOTE_STRING_MAX`).
pub const LONGEST: usize = 4 << 20;

/// How deep elements may lie in each other: as libxml2 has it (`xmlParserMaxDepth`).
pub const DEEPEST: usize = 256;

/// How many elements there may be; thousands of times what a machine has.
pub const MOST: usize = 65_536;

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkupError {
    #[error("it is {0} bytes long, and {LONGEST} is the most")]
    TooLong(usize),
    #[error("its elements lie more than {DEEPEST} deep in each other")]
    TooDeep,
    #[error("it has more than {MOST} elements")]
    TooMany,
    #[error("it is not UTF-8: {0}")]
    Encoding(String),
    #[error("it has a document type, and with it entities of its own, which are not read")]
    DocumentType,
    #[error("it uses the entity '&{0};', which XML does not have")]
    Entity(String),
    #[error("'{0}:' stands for no namespace")]
    Prefix(String),
    #[error("there is no element")]
    Empty,
    #[error("there is more than one outermost element, or text around it")]
    Outside,
    #[error("near byte {at}: {words}")]
    Syntax { at: usize, words: String },
}

/// A text that is well-formed.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    text: String,
    /// In the order of their start tags; the first is the outermost.
    elements: Vec<Element>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Element {
    name: Range<usize>,
    namespace: Option<String>,
    attributes: Vec<Attribute>,
    /// From `<` to behind `>`.
    opening: Range<usize>,
    /// The end tag; `None` where the start tag is both.
    closing: Option<Range<usize>>,
    /// What stands directly in it, references resolved.
    text: String,
    parent: Option<usize>,
    children: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    name: Range<usize>,
    namespace: Option<String>,
    /// Between the quotes.
    raw: Range<usize>,
    /// References resolved.
    value: String,
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// When it is no well-formed XML, or more than anybody has reason to write.
    pub fn parse(text: impl Into<String>) -> Result<Self, MarkupError> {
        let text = text.into();
        let elements = reading::read(&text)?;
        Ok(Self { text, elements })
    }

    /// Reads a text whose encoding is not known yet.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`], and when it is not UTF-8.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, MarkupError> {
        if bytes.len() > LONGEST {
            return Err(MarkupError::TooLong(bytes.len()));
        }
        let text = String::from_utf8(bytes).map_err(|error| MarkupError::Encoding(error.to_string()))?;
        Self::parse(text)
    }

    /// The text, as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outermost element.
    pub fn root(&self) -> Node<'_> {
        Node::new(self, 0)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests;
