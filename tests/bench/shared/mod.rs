//! What the benchmarks of whole programs have in common: arguments and tables.

pub(crate) mod args;
pub(crate) mod table;

use std::fmt::Display;

/// What a table shows where nothing was measured.
pub(crate) const NOTHING: &str = "–";

/// A number with so many decimals, or [`NOTHING`].
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.decimals$}"))
}

/// The middle one; the mean of the middle two where their count is even.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// Bytes in MiB.
#[expect(clippy::cast_precision_loss, reason = "sizes of processes")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Says on standard error what is going on.
pub(crate) fn say(what: impl Display) {
    eprintln!("bench: {what}");
}
