//! A picture's size in pixels, and how it is written.

use std::fmt;
use std::str::FromStr;

/// Width and height in pixels; written `1280x800`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    /// What is reported where there is no picture.
    pub(crate) const NONE: Self = Self::new(0, 0);

    pub(crate) const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// The text is no size that a mode can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mode is WIDTHxHEIGHT with both from 16 to 8192")]
pub(crate) struct BadSize;

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let (width, height) = text.split_once('x').ok_or(BadSize)?;
        let side = |text: &str| match text.parse() {
            Ok(side @ 16..=8192) => Ok(side),
            _ => Err(BadSize),
        };
        Ok(Self::new(side(width)?, side(height)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        let size: Size = "1920x1080".parse().unwrap();
        assert_eq!(size, Size::new(1920, 1080));
        assert_eq!(size.to_string(), "1920x1080");
    }

    #[test]
    fn refuses_what_no_mode_can_be() {
        for text in ["", "x", "1920", "1920x", "x1080", "15x600", "800x9000", "-800x600", "800x600x3"] {
            assert_eq!(text.parse::<Size>(), Err(BadSize), "{text:?}");
        }
    }
}
