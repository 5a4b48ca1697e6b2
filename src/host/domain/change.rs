//! A definition with edits made, and the way back.

use similar::TextDiff;
use thiserror::Error;

use super::definition::{Definition, DefinitionError};
use super::edit::Edit;
use super::video;
use crate::markup::{Mismatch, Patch};

/// How often an edit may go on changing something: a definition has fewer devices.
const ROUNDS: usize = 256;

/// Lines around a change that a diff shows.
pub(super) const CONTEXT: usize = 3;

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// There is nothing that it could be made to.
    #[error("the definition has no vGPU {0}")]
    NoVgpu(String),
    /// There is nothing that it could be made to.
    #[error("the definition has no display device at place {0}")]
    NoVideo(usize),
    /// What it has to say cannot be said in XML.
    #[error("'{edit}' cannot be written: {error}")]
    Unwritable { edit: Edit, error: DefinitionError },
    /// It was made, and still is not there: the definition is built in a way that is not understood.
    #[error("'{0}' has no effect on this definition")]
    NoEffect(Edit),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// A definition with edits made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    before: String,
    after: Definition,
    steps: Vec<(Edit, Vec<Patch>)>,
}

/// Makes edits, in this order.
///
/// # Errors
///
/// When one of them cannot be made: then none is.
pub fn apply(definition: &Definition, edits: &[Edit]) -> Result<Change, EditError> {
    let mut after = definition.clone();
    let mut steps = Vec::new();
    for edit in edits {
        if let Some(uuid) = edit.subject().filter(|uuid| after.vgpu(uuid).is_none()) {
            return Err(EditError::NoVgpu(uuid.to_owned()));
        }
        if let Edit::VideoSize { place, .. } = edit
            && !video::is_there(&after, *place)
        {
            return Err(EditError::NoVideo(*place));
        }
        let mut patches = Vec::new();
        loop {
            let patch = edit.patch(&after);
            if patch.is_empty() {
                break;
            }
            if patches.len() == ROUNDS {
                return Err(EditError::NoEffect(edit.clone()));
            }
            let text = patch.apply(after.text())?;
            if text == after.text() {
                return Err(EditError::NoEffect(edit.clone()));
            }
            after = Definition::read(text)
                .map_err(|error| EditError::Unwritable { edit: edit.clone(), error })?;
            patches.push(patch);
        }
        steps.push((edit.clone(), patches));
    }
    Ok(Change { before: definition.text().to_owned(), after, steps })
}

impl Change {
    /// The definition with all edits made.
    pub fn after(&self) -> &Definition {
        &self.after
    }

    /// The text without any.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The edits that changed something.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.steps.iter().filter(|(_, patches)| !patches.is_empty()).map(|(edit, _)| edit)
    }

    /// What changes, in the order in which it does.
    pub fn patches(&self) -> impl DoubleEndedIterator<Item = &Patch> {
        self.steps.iter().flat_map(|(_, patches)| patches)
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.edits().next().is_none()
    }

    /// Takes every edit back, the last first.
    ///
    /// # Errors
    ///
    /// When the text is not the one that the edits led to.
    pub fn undo(&self, text: &str) -> Result<String, Mismatch> {
        self.patches().rev().try_fold(text.to_owned(), |text, patch| patch.inverse().apply(&text))
    }

    /// The same change but for one edit: what to define to take it back alone.
    ///
    /// # Errors
    ///
    /// When another cannot be made without it.
    pub fn without(&self, edit: &Edit) -> Result<Self, EditError> {
        let others: Vec<Edit> =
            self.steps.iter().map(|(edit, _)| edit).filter(|other| *other != edit).cloned().collect();
        apply(&Definition::read(self.before.clone())?, &others)
    }

    /// Before and after, as a unified diff; empty where nothing changes.
    pub fn diff(&self) -> String {
        diff(&self.before, self.after.text())
    }
}

/// Two texts as a unified diff.
pub(super) fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(CONTEXT).header("before", "after").to_string()
}
