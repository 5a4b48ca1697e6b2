//! What can go wrong in a test's surroundings, in words that a person reading a test log can use.

use std::{fmt, io, time::Duration};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a step of the surroundings failed.
#[derive(thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, as in "start sway".
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// What was awaited did not come.
    #[error("no {what} within {} ms{}", .limit.as_millis(), shown(.detail))]
    Timeout {
        /// What was awaited, as in "window of io.example.App".
        what: String,
        /// How long it was awaited.
        limit: Duration,
        /// What was seen instead; may be empty.
        detail: String,
    },
    /// A program or a protocol did something else than it should.
    #[error("{0}")]
    Failed(String),
}

/// Tests that return this error print it with `Debug`; the sentence is what helps there.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// A failure told in one sentence.
    pub fn failed(text: impl fmt::Display) -> Self {
        Self::Failed(text.to_string())
    }

    /// Adds what else is known, such as the end of a log.
    #[must_use]
    pub fn with_detail(self, more: &str) -> Self {
        match self {
            Self::Timeout { what, limit, detail } => {
                let detail = if detail.is_empty() { more.to_owned() } else { format!("{detail}\n{more}") };
                Self::Timeout { what, limit, detail }
            }
            other if more.is_empty() => other,
            other => Self::Failed(format!("{other}\n{more}")),
        }
    }
}

/// Names what was being done when the system refused.
pub trait Doing<T> {
    /// Turns an error of the system into one that says what was tried.
    ///
    /// # Errors
    /// The same failure, named.
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::Io { what: what.to_string(), source: error.into() })
    }
}

fn shown(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!("; {detail}") }
}
