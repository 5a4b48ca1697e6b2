//! How a text's lines end, here and in the guest.
//!
//! Nobody tells which system a guest runs: QEMU does not pass on what its agent says of line ends
//! (`VD_AGENT_CAP_GUEST_LINEEND_CRLF`, ui/vdagent.c). But what is copied in a guest shows it.

use std::borrow::Cow;
use std::sync::Arc;

/// How lines end in the guest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnds {
    /// As in the last text from there that has several lines; until there is one, as here.
    #[default]
    Auto,
    /// As here, with a line feed.
    Unix,
    /// With a carriage return before it.
    Windows,
}

/// What is known of the guest's lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) wanted: LineEnds,
    /// Whether its last text with several lines ended them as on Windows.
    learned: bool,
}

impl Lines {
    /// Looks at what was copied in the guest, and gives it the host's line ends.
    pub(super) fn for_host(&mut self, text: Arc<str>) -> Arc<str> {
        if text.contains('\n') {
            self.learned = ends_as_on_windows(&text);
        }
        if self.as_on_windows() && text.contains('\r') { text.replace("\r\n", "\n").into() } else { text }
    }

    /// Gives what was copied on the host the guest's line ends.
    pub(super) fn for_guest(self, text: Arc<str>) -> Arc<str> {
        if !(self.as_on_windows() && text.contains('\n')) {
            return text;
        }
        let plain = match text.contains("\r\n") {
            true => Cow::Owned(text.replace("\r\n", "\n")),
            false => Cow::Borrowed(&*text),
        };
        plain.replace('\n', "\r\n").into()
    }

    /// Whether the guest's lines end as on Windows.
    fn as_on_windows(self) -> bool {
        match self.wanted {
            LineEnds::Auto => self.learned,
            LineEnds::Unix => false,
            LineEnds::Windows => true,
        }
    }
}

/// Whether every line feed has a carriage return before it: a text that mixes them is left alone.
fn ends_as_on_windows(text: &str) -> bool {
    text.match_indices('\n').all(|(at, _)| text[..at].ends_with('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(wanted: LineEnds) -> Lines {
        Lines { wanted, learned: false }
    }

    #[test]
    fn a_guest_shows_how_its_lines_end() {
        let mut lines = given(LineEnds::Auto);
        assert_eq!(&*lines.for_guest("a\nb\n".into()), "a\nb\n", "nothing is known");
        assert_eq!(&*lines.for_host("a\r\nb\r\n".into()), "a\nb\n");
        assert_eq!(&*lines.for_host("a word".into()), "a word");
        assert_eq!(&*lines.for_guest("a\nb\r\n".into()), "a\r\nb\r\n");
        assert_eq!(&*lines.for_host("a\nb\r\n".into()), "a\nb\r\n", "a mixture stays");
        assert_eq!(&*lines.for_guest("a\nb".into()), "a\nb");
    }

    #[test]
    fn the_person_has_the_last_word() {
        let mut unix = given(LineEnds::Unix);
        assert_eq!(&*unix.for_host("a\r\nb".into()), "a\r\nb");
        assert_eq!(&*unix.for_guest("a\r\nb\n".into()), "a\r\nb\n");
        let mut windows = given(LineEnds::Windows);
        assert_eq!(&*windows.for_host("a\r\nb\n".into()), "a\nb\n");
        assert_eq!(&*windows.for_guest("a\nb".into()), "a\r\nb");
    }
}
