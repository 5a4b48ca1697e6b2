//! Pictures of which a test knows every pixel, and what lies over the picture.

use std::os::unix::fs::FileExt;

use super::*;

/// What a guest draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// No two pixels are alike.
    Unique,
    /// Plain tiles, [`TILES`] across and down.
    Tiles,
    /// Lines from top to bottom, black and white in turn.
    Lines,
}

/// How many tiles there are across and down.
pub(crate) const TILES: (u32, u32) = (4, 3);

impl Pattern {
    /// Its name in scripts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Tiles => "tiles",
            Self::Lines => "lines",
        }
    }

    fn named(name: &str) -> Self {
        let mut all = [Self::Unique, Self::Tiles, Self::Lines].into_iter();
        all.find(|pattern| pattern.name() == name).expect("a pattern")
    }

    /// The colour of a pixel of a picture of this size.
    pub(crate) fn pixel(self, (width, height): (u32, u32), x: u32, y: u32) -> [u8; 3] {
        match self {
            Self::Unique => {
                let [_, red, green, blue] = ((x & 0xfff) << 12 | y & 0xfff).to_be_bytes();
                [red, green, blue]
            }
            Self::Tiles => {
                let (column, row) = (x * TILES.0 / width, y * TILES.1 / height);
                let byte = |value: u32| u8::try_from(value).expect("a byte");
                [byte(60 + 60 * column), byte(40 + 90 * row), byte(255 - 40 * (column + row))]
            }
            Self::Lines => [if x.is_multiple_of(2) { 0 } else { 255 }; 3],
        }
    }
}

impl Play {
    /// Shows a pattern, in memory of the guest's own.
    pub(super) fn draw(&self, id: u32, name: &str, (width, height): (u32, u32)) {
        self.tell(Event::InUse(ConsoleId(id), true));
        let pattern = Pattern::named(name);
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let bytes: Vec<u8> = pixels
            .flat_map(|(x, y)| {
                let [red, green, blue] = pattern.pixel((width, height), x, y);
                [blue, green, red, 0]
            })
            .collect();
        let length = u64::from(width) * u64::from(height) * 4;
        let (fd, file) = memory(length);
        let fd = std::fs::File::from(fd);
        fd.write_all_at(&bytes, 0).expect("memory");
        let format = Format::from_pixman(0x2002_0888).expect("x8r8g8b8");
        let size = Size::new(width, height);
        let mapped = Mapped::new(file, fd.into(), length, 0, size, width * 4, format).expect("a picture");
        self.apply(id, frame::Event::Mapped(mapped));
    }

    /// The scroll bars over the picture that are seen: across or down, where in the window, and what they
    /// say.
    pub(super) fn say_bars(&self) {
        let bars = all::<gtk::Scrollbar>(self.window().upcast_ref()).into_iter();
        let seen = bars.filter(|bar| bar.has_css_class("picture") && bar.is_mapped());
        let words = seen.map(|bar| {
            let bounds = bar.compute_bounds(self.window()).expect("in the window");
            let (left, top) = self.window().surface_transform();
            let (x, y) = (f64::from(bounds.x()) + left, f64::from(bounds.y()) + top);
            let adjustment = bar.adjustment();
            format!(
                "{:?} {x} {y} {} {} {} {} {}",
                bar.orientation(),
                bounds.width(),
                bounds.height(),
                adjustment.value(),
                adjustment.page_size(),
                adjustment.upper()
            )
        });
        self.recorder.say(&format!("bars {}", words.collect::<Vec<_>>().join("|")));
    }
}
