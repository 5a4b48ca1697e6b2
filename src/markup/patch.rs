//! Changes of a text, each of which knows what was there before.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use thiserror::Error;

/// At one place of a text something else takes the place of what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// The first byte of it in the text as it was.
    pub at: usize,
    pub removed: String,
    pub inserted: String,
}

/// Splices of one text, in their order and apart from each other.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Patch(Vec<Splice>);

/// The text is not the one that a patch was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text has been changed since, near byte {at}")]
pub struct Mismatch {
    pub at: usize,
}

impl Patch {
    /// Of splices that were made from one document, and none of which touches another's bytes.
    pub fn new(splices: impl IntoIterator<Item = Splice>) -> Self {
        let mut splices: Vec<Splice> = splices.into_iter().collect();
        splices.retain(|splice| splice.removed != splice.inserted);
        // Those at one place stay in the order in which they were made.
        splices.sort_by_key(|splice| splice.at);
        Self(splices)
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What changes.
    pub fn splices(&self) -> &[Splice] {
        &self.0
    }

    /// The text as it is afterwards.
    ///
    /// # Errors
    ///
    /// When it is not the text that the patch is for.
    pub fn apply(&self, text: &str) -> Result<String, Mismatch> {
        let mut result = String::with_capacity(text.len() + 256);
        let mut done = 0;
        for Splice { at, removed, inserted } in &self.0 {
            let mismatch = Mismatch { at: *at };
            result.push_str(text.get(done..*at).ok_or(mismatch)?);
            done = at.checked_add(removed.len()).ok_or(mismatch)?;
            if text.get(*at..done) != Some(removed) {
                return Err(mismatch);
            }
            result.push_str(inserted);
        }
        result.push_str(text.get(done..).ok_or(Mismatch { at: done })?);
        Ok(result)
    }

    /// What leads back from the text afterwards to the text before.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let (mut grown, mut shrunk) = (0, 0);
        let back = |Splice { at, removed, inserted }: &Splice| {
            let splice =
                Splice { at: at + grown - shrunk, removed: inserted.clone(), inserted: removed.clone() };
            grown += inserted.len();
            shrunk += removed.len();
            splice
        };
        Self(self.0.iter().map(back).collect())
    }
}

/// An element to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
}

impl Fragment {
    /// An element without attributes and content; a prefix in its name has to be declared.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), children: Vec::new() }
    }

    /// With this attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With this element in it, behind those that it has.
    #[must_use]
    pub fn containing(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// Writes it, each element on a line of its own behind `line`: a line break and what indents it,
    /// each deeper one by `step` more. All on one line where `line` is empty.
    pub(super) fn write(&self, out: &mut String, line: &str, step: &str) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            // Writing to a string does not fail.
            let _ = write!(out, " {name}='{}'", escaped(value));
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        let deeper = if line.is_empty() { String::new() } else { format!("{line}{step}") };
        for child in &self.children {
            out.push_str(&deeper);
            child.write(out, &deeper, step);
        }
        let _ = write!(out, "{line}</{}>", self.name);
    }
}

/// A value as it stands between quotes of either kind.
pub(super) fn escaped(value: &str) -> String {
    // What a reader would take for a blank is written as what it is.
    escape(value).replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;")
}
