//! Tables as Markdown has them, which can be read as they are and pasted into README.md.

use std::fmt;

/// Rows of words under headings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table; the first column is text, the others are numbers.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row, with as many words as there are headings.
    pub(crate) fn row(&mut self, words: Vec<String>) {
        self.rows.push(words);
    }

    /// Whether there is nothing under the headings.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|word| word.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (word, &width)) in row.iter().zip(&widths).enumerate() {
                let before = if column == 0 { "| " } else { " | " };
                if column == 0 {
                    write!(f, "{before}{word:<width$}")?;
                } else {
                    write!(f, "{before}{word:>width$}")?;
                }
            }
            writeln!(f, " |")?;
            if index == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    let rule = if column == 0 { "-".repeat(width) } else { "-".repeat(width - 1) + ":" };
                    write!(f, "{}{rule}", if column == 0 { "| " } else { " | " })?;
                }
                writeln!(f, " |")?;
            }
        }
        Ok(())
    }
}
