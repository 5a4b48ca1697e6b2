//! The last words of a process: its last lines, each of bounded length.

use std::collections::VecDeque;

/// So many lines tell why QEMU ended: its messages are one or two.
const LINES: usize = 12;

/// The longest line that is kept, in characters.
const LONGEST: usize = 400;

/// The last lines that a process wrote.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    /// Takes in one line, which may be any bytes.
    pub(super) fn push(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text: String = text.trim_end().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        if text.is_empty() {
            return;
        }
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(text);
    }

    /// What there is.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_made_harmless() {
        let mut tail = Tail::default();
        for line in 0..100 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        assert_eq!(tail.lines().len(), LINES);
        assert_eq!(tail.lines().last().unwrap(), "line 99");

        tail.push(b"\n");
        tail.push(b"\x1b[31mred \xff\r\n");
        tail.push(&[b'x'; 10_000]);
        let lines = tail.lines();
        assert_eq!(lines[LINES - 2], "[31mred \u{fffd}");
        assert_eq!(lines[LINES - 1].len(), LONGEST);
    }
}
