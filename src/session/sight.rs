//! What a console shows, as far as it matters to who chooses among several: something, or nothing.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::follow::Sight;
use super::hardware::Hardware;
use crate::frame::{Mailbox, Mapped, Pixels, Pulse, Scanout};
use crate::geometry::{Guest, Size};

/// The size of the surface that QEMU begins with, and on which it says that the guest shows nothing
/// (ui/console.c, `graphic_console_init`).
const NOTICE: Size<Guest> = Size::new(640, 480);

/// The height of QEMU's letters, in pixels (`qemu_create_placeholder_surface`).
const LETTER: u32 = 16;

/// One console's last sight.
#[derive(Debug, Default)]
pub(super) struct Eye {
    pulse: Pulse,
    kind: u64,
    sight: Sight,
    content: Content,
    usage: Usage,
}

/// What there is to see.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// No picture, or QEMU's notice that the guest shows nothing.
    #[default]
    Nothing,
    /// One colour: a guest that clears its screen, or has nothing on it.
    Plain,
    Picture,
}

/// Whether the guest uses an output, which it does until there has been nothing for a while.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Usage {
    #[default]
    Unused,
    /// Since so many looks there is nothing.
    Used { nothing: u32 },
}

/// For so many looks in a row there is nothing on an output that the guest does not use any more: a
/// change of its mode takes less.
const GONE: u32 = 4;

impl Usage {
    fn seen(self, content: Content) -> Self {
        match (self, content) {
            (_, Content::Picture) | (Self::Used { .. }, Content::Plain) => Self::Used { nothing: 0 },
            (Self::Used { nothing }, Content::Nothing) if nothing + 1 < GONE => {
                Self::Used { nothing: nothing + 1 }
            }
            _ => Self::Unused,
        }
    }
}

impl Eye {
    /// Looks at a console. What has not changed is not looked at again.
    pub(super) fn look(&mut self, frames: &Mailbox, hardware: Hardware) -> Sight {
        let pulse = frames.pulse();
        let scanout = frames.current().unwrap_or_default();
        let kind = kind(&scanout);
        let same = kind == self.kind;
        if !same || pulse != self.pulse {
            (self.pulse, self.kind) = (pulse, kind);
            self.content = content(&scanout, hardware);
            self.sight = match self.content {
                Content::Picture => Sight::Picture(kind),
                Content::Plain if same => self.sight,
                Content::Plain | Content::Nothing => Sight::Nothing,
            };
        }
        self.usage = self.usage.seen(self.content);
        self.sight
    }

    /// Whether the guest uses the output, going by what has been seen of it.
    pub(super) fn is_used(&self) -> bool {
        self.usage != Usage::Unused
    }
}

/// A number that is another for another size or kind of picture.
fn kind(scanout: &Scanout) -> u64 {
    let mut hasher = DefaultHasher::new();
    let kind = match scanout {
        Scanout::Blank => (0, 0),
        Scanout::Pixels(_) => (1, 0),
        Scanout::Mapped(mapped) => (2, u64::from(mapped.stride())),
        Scanout::Dmabuf(dmabuf) => (3, dmabuf.id().layout),
    };
    (kind, scanout.size()).hash(&mut hasher);
    hasher.finish()
}

/// What there is to see. A dma-buf is not read for that: of a GPU of the guest's, what has the size of
/// QEMU's notice is taken for it.
fn content(scanout: &Scanout, hardware: Hardware) -> Content {
    match scanout {
        Scanout::Blank => Content::Nothing,
        Scanout::Pixels(pixels) => Rows::of_pixels(pixels).content(),
        Scanout::Mapped(mapped) => Rows::of_mapped(mapped).content(),
        Scanout::Dmabuf(dmabuf) => {
            let is_gpu = !matches!(hardware, Hardware::Other | Hardware::Ramfb);
            if is_gpu && dmabuf.size() == NOTICE { Content::Nothing } else { Content::Picture }
        }
    }
}

/// Reads the row with this number.
type ReadRow<'a> = Box<dyn FnMut(u32, &mut Vec<u8>) + 'a>;

/// A picture's rows, one after the other.
struct Rows<'a> {
    count: u32,
    /// Bytes of one pixel.
    pixel: usize,
    read: ReadRow<'a>,
}

impl<'a> Rows<'a> {
    fn of_pixels(pixels: &'a Pixels) -> Self {
        let stride = pixels.stride() as usize;
        let read = move |row: u32, line: &mut Vec<u8>| {
            let start = row as usize * stride;
            line.clear();
            line.extend_from_slice(&pixels.read()[start..start + stride]);
        };
        let pixel = pixels.format().bytes_per_pixel() as usize;
        Self { count: pixels.size().height, pixel, read: Box::new(read) }
    }

    /// The file may have shrunk: what is not there is black.
    fn of_mapped(mapped: &'a Mapped) -> Self {
        let pixel = mapped.format().bytes_per_pixel() as usize;
        let length = mapped.size().width as usize * pixel;
        let read = move |row: u32, line: &mut Vec<u8>| {
            line.clear();
            line.resize(length, 0);
            let at = u64::from(mapped.offset()) + u64::from(row) * u64::from(mapped.stride());
            // What cannot be read stays black.
            let _ = rustix::io::pread(mapped.fd(), line, at);
        };
        Self { count: mapped.size().height, pixel, read: Box::new(read) }
    }

    /// Whether all pixels of a row are as `first`, which is the row's own first where there is none.
    fn is_plain(&mut self, row: u32, line: &mut Vec<u8>, first: &mut Option<Vec<u8>>) -> bool {
        (self.read)(row, line);
        let Some(begin) = line.get(..self.pixel) else { return true };
        let first = first.get_or_insert_with(|| begin.to_vec());
        line.chunks_exact(self.pixel).all(|pixel| pixel == first)
    }

    /// QEMU's notice is of one colour, but for a line of text in its middle.
    fn content(&mut self) -> Content {
        let count = self.count;
        let top = (count / LETTER).saturating_sub(1) / 2 * LETTER;
        let mut text = top..(top + LETTER).min(count);
        let (mut line, mut first) = (Vec::new(), None);
        let mut is_plain = |row| self.is_plain(row, &mut line, &mut first);
        if !(0..text.start).chain(text.end..count).all(&mut is_plain) {
            return Content::Picture;
        }
        if text.all(is_plain) { Content::Plain } else { Content::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::frame::{Event, Image};
    use crate::geometry::Point;
    use crate::pixel::Format;

    fn mailbox(size: Size<Guest>) -> Mailbox {
        let mailbox = Mailbox::default();
        let bytes = vec![0; (size.width * size.height * 4) as usize];
        let image = Image::new(size, size.width * 4, Format::Xrgb8888, &bytes).expect("an image");
        mailbox.apply(Event::Pixels(image), Time::from_millis(1)).expect("a picture");
        mailbox
    }

    fn dot(mailbox: &Mailbox, x: i32, y: i32) {
        let image = Image::new(Size::new(1, 1), 4, Format::Xrgb8888, &[255; 4]).expect("an image");
        mailbox.apply(Event::Patch { at: Point::new(x, y), image }, Time::from_millis(2)).expect("a dot");
    }

    #[test]
    fn black_is_nothing_and_so_is_qemus_notice() {
        let mailbox = mailbox(NOTICE);
        let mut eye = Eye::default();
        assert_eq!(eye.look(&mailbox, Hardware::Other), Sight::Nothing);
        // The middle line of 30 is the fifteenth.
        dot(&mailbox, 300, 14 * 16);
        dot(&mailbox, 330, 14 * 16 + 15);
        assert_eq!(eye.look(&mailbox, Hardware::Other), Sight::Nothing);
        dot(&mailbox, 300, 15 * 16);
        assert!(matches!(eye.look(&mailbox, Hardware::Other), Sight::Picture(_)));
    }

    #[test]
    fn a_picture_stays_one_until_it_has_another_size() {
        let mailbox = mailbox(Size::new(32, 32));
        dot(&mailbox, 3, 3);
        let mut eye = Eye::default();
        let first = eye.look(&mailbox, Hardware::Other);
        dot(&mailbox, 9, 9);
        assert_eq!(eye.look(&mailbox, Hardware::Other), first);
        dot(&mailbox, 40, 40);
        let second = eye.look(&mailbox, Hardware::Other);
        assert!(second != first && second != Sight::Nothing);
    }

    fn fill(mailbox: &Mailbox, size: Size<Guest>, value: u8) {
        let bytes = vec![value; (size.width * size.height * 4) as usize];
        let image = Image::new(size, size.width * 4, Format::Xrgb8888, &bytes).expect("an image");
        mailbox.apply(Event::Patch { at: Point::new(0, 0), image }, Time::from_millis(3)).expect("a colour");
    }

    #[test]
    fn an_output_is_used_until_there_is_nothing_for_a_while() {
        let size = Size::new(64, 64);
        let mailbox = mailbox(size);
        let mut eye = Eye::default();
        let mut used = |times: u32| {
            for _ in 0..times {
                let _ = eye.look(&mailbox, Hardware::VirtioGpu);
            }
            eye.is_used()
        };
        assert!(!used(9), "black from the beginning");
        dot(&mailbox, 3, 3);
        assert!(used(1));
        fill(&mailbox, size, 0);
        assert!(used(9), "a cleared screen is the guest's affair");
        // The middle line of four is the second.
        dot(&mailbox, 30, 16);
        assert!(used(3) && !used(1), "QEMU's notice, for as long as no mode change takes");
        fill(&mailbox, size, 0);
        assert!(!used(9));
        dot(&mailbox, 3, 3);
        assert!(used(1));
    }

    #[test]
    fn without_a_picture_there_is_nothing() {
        assert_eq!(Eye::default().look(&Mailbox::default(), Hardware::VirtioGpu), Sight::Nothing);
    }
}
