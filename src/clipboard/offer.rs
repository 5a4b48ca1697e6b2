//! What a copy is, by the types that it comes in.

/// Types that mean "this is a secret", whatever their content is.
///
/// KDE's is the one in use on Linux: KeePassXC, KWallet and `wl-copy --sensitive` set it to
/// "secret". The others come with applications from macOS (nspasteboard.org; the second as Qt spells
/// it) and with those of Windows, which Wine passes on.
pub const SECRET: [&str; 6] = [
    "x-kde-passwordManagerHint",
    "application/x-nspasteboard-concealed-type",
    "org.nspasteboard.ConcealedType",
    "ExcludeClipboardContentFromMonitorProcessing",
    "Clipboard Viewer Ignore",
    "application/x-copyq-secret",
];

/// Types of text, the best first; every toolkit offers the first or the second, or converts to them.
pub const TEXT: [&str; 5] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "STRING", "TEXT"];

/// What somebody has copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offer {
    /// Nothing, or nothing that is text.
    Nothing,
    /// Text.
    Text,
    /// What nobody else should see: it never leaves.
    Secret,
}

impl Offer {
    /// What comes in these MIME types, or X11's names for them.
    pub fn of<'a>(types: impl IntoIterator<Item = &'a str>) -> Self {
        let mut offer = Self::Nothing;
        for one in types {
            let is = |known: &&str| known.eq_ignore_ascii_case(one);
            if SECRET.iter().any(is) {
                return Self::Secret;
            }
            if TEXT.iter().any(is) {
                offer = Self::Text;
            }
        }
        offer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_known_by_its_names() {
        assert_eq!(Offer::of(["TARGETS", "UTF8_STRING"]), Offer::Text);
        assert_eq!(Offer::of(["text/plain;charset=UTF-8"]), Offer::Text);
        assert_eq!(Offer::of(["image/png", "text/html"]), Offer::Nothing);
        assert_eq!(Offer::of([]), Offer::Nothing);
    }

    #[test]
    fn a_secret_stays_one_whatever_else_it_comes_as() {
        for mark in SECRET {
            assert_eq!(Offer::of(["text/plain", mark]), Offer::Secret);
            assert_eq!(Offer::of([mark.to_uppercase().as_str(), "text/plain"]), Offer::Secret);
        }
    }
}
