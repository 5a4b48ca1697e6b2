//! What a benchmark may be asked for on the command line.

use std::time::Duration;

/// `[FILTER...] [--full] [--seconds N] [--rounds N]`; Cargo adds `--bench`, which says nothing new.
#[derive(Debug, Default)]
pub(crate) struct Args {
    filters: Vec<String>,
    /// Measure for as long as the figures in README.md were.
    pub(crate) full: bool,
    /// How long each case is measured.
    pub(crate) seconds: Option<Duration>,
    /// How often each case is measured.
    pub(crate) rounds: Option<usize>,
}

impl Args {
    /// Reads the command line; the error says what is expected.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        const EXPECTED: &str = "expected [FILTER...] [--full] [--seconds N] [--rounds N]";
        let mut args = Self::default();
        let mut words = words.into_iter();
        let bad = |word: &str| format!("{EXPECTED}, not {word:?}");
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => {}
                "--full" => args.full = true,
                "--seconds" => {
                    let text = words.next().unwrap_or_default();
                    let seconds: u64 = text.parse().map_err(|_| bad(&text))?;
                    args.seconds = Some(Duration::from_secs(seconds.max(1)));
                }
                "--rounds" => {
                    let text = words.next().unwrap_or_default();
                    args.rounds = Some(text.parse().map_err(|_| bad(&text))?);
                }
                option if option.starts_with('-') => return Err(bad(option)),
                _ => args.filters.push(word),
            }
        }
        Ok(args)
    }

    /// Whether a case is wanted: its name holds one of the filters, or there are none.
    pub(crate) fn want(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}
