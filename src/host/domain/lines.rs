//! Two texts line by line, as people compare them.

use similar::{ChangeTag, TextDiff};

use super::change::CONTEXT;

/// One line of two texts beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: LineKind,
    /// Without the end of the line.
    pub text: String,
}

/// In which of two texts a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Both,
    /// In the first alone.
    Gone,
    /// In the second alone.
    New,
    /// Lines that both have are left out here.
    Gap,
}

/// What differs between two texts, and a few lines around it; nothing where nothing does.
///
/// Passwords are not among it: whoever looks over a shoulder needs none.
pub fn compare(before: &str, after: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    let mut end = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let start = group.first().map_or(0, |first| first.old_range().start);
        if start > end {
            lines.push(Line { kind: LineKind::Gap, text: String::new() });
        }
        end = group.last().map_or(end, |last| last.old_range().end);
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        lines.extend(changes.map(|change| {
            let kind = match change.tag() {
                ChangeTag::Equal => LineKind::Both,
                ChangeTag::Delete => LineKind::Gone,
                ChangeTag::Insert => LineKind::New,
            };
            Line { kind, text: without_password(change.value().trim_end_matches(['\r', '\n'])) }
        }));
    }
    if !lines.is_empty() && end < before.lines().count() {
        lines.push(Line { kind: LineKind::Gap, text: String::new() });
    }
    lines
}

/// The password of a SPICE or VNC display is the only secret in a definition (libvirt:
/// docs/formatdomain.rst, 'Graphical framebuffers').
fn without_password(line: &str) -> String {
    const NAME: &str = " passwd=";
    let Some(at) = line.find(NAME).map(|at| at + NAME.len()) else { return line.to_owned() };
    let value = &line[at..];
    let Some(quote) = value.chars().next().filter(|quote| matches!(quote, '\'' | '"')) else {
        return line.to_owned();
    };
    let Some(length) = value[1..].find(quote) else { return line[..at].to_owned() };
    format!("{}{quote}•••{}", &line[..at], &value[1 + length..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_what_is_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let lines = compare(before, &before.replace("5\n", "five\n"));
        let shown: Vec<(LineKind, &str)> = lines.iter().map(|line| (line.kind, &*line.text)).collect();
        use LineKind::{Both, Gap, Gone, New};
        let expected = [
            (Gap, ""),
            (Both, "2"),
            (Both, "3"),
            (Both, "4"),
            (Gone, "5"),
            (New, "five"),
            (Both, "6"),
            (Both, "7"),
            (Both, "8"),
            (Gap, ""),
        ];
        assert_eq!(shown, expected);
        assert_eq!(compare(before, before), []);
        assert_eq!(compare("a", "a\nb").iter().filter(|line| line.kind == New).count(), 2);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("<g passwd='se\"cret' a='b'/>"), "<g passwd='•••' a='b'/>");
        assert_eq!(without_password("<g passwd=\"s\"/>"), "<g passwd=\"•••\"/>");
        assert_eq!(without_password("<g passwd='s"), "<g passwd=");
        assert_eq!(without_password("<g passwdValidTo='2010'/>"), "<g passwdValidTo='2010'/>");
    }
}
