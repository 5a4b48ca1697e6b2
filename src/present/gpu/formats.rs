//! What a GPU says that it can import: formats, modifiers, and which only a special sampler can read.

use std::collections::HashMap;

use crate::pixel::{Fourcc, Modifier};
use crate::present::ladder::Reason;

/// How a texture can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// As any other texture.
    Plain,
    /// Only through `samplerExternalOES`.
    External,
}

/// EGL's table of formats. It promises nothing: only an import shows what works.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Formats {
    known: HashMap<Fourcc, Vec<(Modifier, Sampling)>>,
}

impl Formats {
    /// One more format, with its modifiers and whether they are for external sampling only.
    pub(super) fn add(&mut self, fourcc: Fourcc, modifiers: impl Iterator<Item = (Modifier, bool)>) {
        let sampling = |external| if external { Sampling::External } else { Sampling::Plain };
        let modifiers = modifiers.map(|(modifier, external)| (modifier, sampling(external)));
        self.known.entry(fourcc).or_default().extend(modifiers);
    }

    /// Whether there is a table at all.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many pairs of format and modifier there are.
    pub fn len(&self) -> usize {
        self.known.values().map(|modifiers| modifiers.len().max(1)).sum()
    }

    /// The modifiers of a format, in the driver's order.
    pub fn modifiers(&self, fourcc: Fourcc) -> impl Iterator<Item = (Modifier, Sampling)> {
        self.known.get(&fourcc).into_iter().flatten().copied()
    }

    /// How a buffer that is to be imported as `fourcc` can be sampled, as far as the table knows.
    ///
    /// A driver without a table, or without modifiers for this format, is asked by importing.
    pub fn sampling(&self, fourcc: Fourcc, modifier: Modifier) -> Result<Sampling, Reason> {
        let unknown = || Reason::GpuFormat(fourcc, modifier);
        if self.known.is_empty() {
            return Ok(Sampling::Plain);
        }
        let modifiers = self.known.get(&fourcc).ok_or_else(unknown)?;
        if let Some((_, sampling)) = modifiers.iter().find(|(known, _)| *known == modifier) {
            return Ok(*sampling);
        }
        if modifier == Modifier::INVALID || modifiers.is_empty() {
            // The driver's own layout: external where all that it names is.
            let external = !modifiers.is_empty()
                && modifiers.iter().all(|(_, sampling)| *sampling == Sampling::External);
            return Ok(if external { Sampling::External } else { Sampling::Plain });
        }
        Err(unknown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixel::Format;

    const TILED: Modifier = Modifier(1 << 56 | 2);

    fn table() -> Formats {
        let mut formats = Formats::default();
        let known = [(Modifier::LINEAR, true), (TILED, false)];
        formats.add(Format::Xrgb8888.fourcc(), known.into_iter());
        formats.add(Format::Rgb565.fourcc(), std::iter::empty());
        formats.add(Fourcc::new(*b"NV12"), std::iter::once((Modifier::LINEAR, true)));
        formats
    }

    #[test]
    fn what_the_table_has_is_sampled_as_it_says() {
        let sampling = |format: Format, modifier| table().sampling(format.fourcc(), modifier);
        assert_eq!(sampling(Format::Xrgb8888, Modifier::LINEAR), Ok(Sampling::External));
        assert_eq!(sampling(Format::Xrgb8888, TILED), Ok(Sampling::Plain));
        assert_eq!(sampling(Format::Rgb565, TILED), Ok(Sampling::Plain));
        assert_eq!(table().len(), 4);
    }

    #[test]
    fn a_layout_that_nobody_names_is_the_drivers_own() {
        let xrgb = Format::Xrgb8888.fourcc();
        assert_eq!(table().sampling(xrgb, Modifier::INVALID), Ok(Sampling::Plain));
        let planar = Fourcc::new(*b"NV12");
        assert_eq!(table().sampling(planar, Modifier::INVALID), Ok(Sampling::External));
    }

    #[test]
    fn what_the_table_lacks_is_refused_unless_there_is_none() {
        let (bgr, other) = (Format::Bgr888.fourcc(), Modifier(7));
        assert_eq!(table().sampling(bgr, other), Err(Reason::GpuFormat(bgr, other)));
        let xrgb = Format::Xrgb8888.fourcc();
        assert_eq!(table().sampling(xrgb, other), Err(Reason::GpuFormat(xrgb, other)));
        assert_eq!(Formats::default().sampling(bgr, other), Ok(Sampling::Plain));
    }
}
