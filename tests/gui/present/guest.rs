//! A guest in the client's own process: a framebuffer, and the events that tell of it.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use oriel::clock;
use oriel::frame::{Ack, Acknowledge, Dmabuf, DmabufParts, Event, Image, Mailbox, Mapped, Plane, Wire};
use oriel::geometry::{Point, Rect, Size};
use oriel::pixel::{Format, Modifier};
use rustix::fs::{MemfdFlags, SealFlags};

use super::words::{Medium, pixel};

/// Bytes before the first row, as virtio-gpu's maps may have.
const OFFSET: u32 = 64;

/// Counts replies.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub(crate) sent: AtomicU64,
    pub(crate) answered: AtomicU64,
}

impl Acknowledge for Replies {
    fn acknowledge(&self, through: u64) {
        self.answered.fetch_max(through, SeqCst);
    }
}

#[derive(Debug)]
pub(crate) struct Guest {
    frames: Arc<Mailbox>,
    replies: Arc<Replies>,
    screen: Option<Screen>,
}

#[derive(Debug)]
struct Screen {
    medium: Medium,
    file: OwnedFd,
    size: (u32, u32),
    /// Pixels around the picture, or bytes after a row.
    margin: u32,
    stride: u32,
    rows: u32,
}

impl Screen {
    /// Where a pixel of the picture lies in the file.
    fn at(&self, x: u32, y: u32) -> u64 {
        let (x, y) = match self.medium {
            Medium::Dmabuf { y0_top: true } | Medium::SealedFlipped => {
                (x + self.margin, self.size.1 - 1 - y + self.margin)
            }
            Medium::Dmabuf { y0_top: false } | Medium::SealedDmabuf | Medium::Pipe => {
                (x + self.margin, y + self.margin)
            }
            _ => (x, y),
        };
        u64::from(OFFSET) + u64::from(y) * u64::from(self.stride) + u64::from(x) * 4
    }
}

/// The same file, for reading only.
fn reopen(file: &OwnedFd) -> OwnedFd {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::File::open(path).expect("the file").into()
}

fn line(picture: u32, left: u32, width: u32, y: u32) -> Vec<u8> {
    let bytes = |x| {
        let [red, green, blue] = pixel(picture, x, y);
        // The unused byte is 0: taken for alpha, the picture would not be seen.
        [blue, green, red, 0]
    };
    (left..left + width).flat_map(bytes).collect()
}

impl Guest {
    pub(crate) fn new(frames: Arc<Mailbox>, replies: Arc<Replies>) -> Self {
        Self { frames, replies, screen: None }
    }

    pub(crate) fn switch(&mut self, medium: Medium, size: (u32, u32), margin: u32, picture: u32) {
        let (stride, rows) = match medium {
            Medium::Dmabuf { .. } | Medium::SealedDmabuf | Medium::SealedFlipped | Medium::Pipe => {
                ((size.0 + 2 * margin) * 4, size.1 + 2 * margin)
            }
            _ => (size.0 * 4 + margin, size.1),
        };
        let length = u64::from(OFFSET) + u64::from(stride) * u64::from(rows);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("guest", flags).expect("memory");
        rustix::fs::ftruncate(&file, length).expect("memory");
        let screen = Screen { medium, file, size, margin, stride, rows };
        self.screen = Some(screen);
        self.scribble((0, 0, size.0, size.1), picture);
        let seals = match medium {
            Medium::SealedMap | Medium::SealedDmabuf | Medium::SealedFlipped => SealFlags::SHRINK,
            _ => SealFlags::empty(),
        };
        let screen = self.screen.as_ref().expect("just made");
        rustix::fs::fcntl_add_seals(&screen.file, seals).expect("seals");
        self.announce(length);
    }

    fn announce(&self, length: u64) {
        let Some(screen) = &self.screen else { return };
        let size = Size::new(screen.size.0, screen.size.1);
        let fd = match screen.medium {
            Medium::ReadOnlyMap => reopen(&screen.file),
            Medium::Pipe => rustix::pipe::pipe().expect("a pipe").0,
            _ => screen.file.try_clone().expect("a descriptor"),
        };
        let stat = rustix::fs::fstat(&fd).expect("a file");
        let id = (stat.st_dev, stat.st_ino);
        let bytes;
        let event = match screen.medium {
            Medium::Messages => {
                bytes = self.contents(length);
                let image = Image::new(size, screen.stride, Format::Xrgb8888, &bytes[OFFSET as usize..]);
                Event::Pixels(image.expect("an image"))
            }
            Medium::Dmabuf { .. } | Medium::SealedDmabuf | Medium::SealedFlipped | Medium::Pipe => {
                let y0_top = matches!(screen.medium, Medium::Dmabuf { y0_top: true } | Medium::SealedFlipped);
                let backing = Size::new(screen.stride / 4, screen.rows);
                let margin = screen.margin.cast_signed();
                Event::Dmabuf(
                    Dmabuf::new(DmabufParts {
                        file: id,
                        planes: vec![Plane { fd, offset: OFFSET, stride: screen.stride }],
                        fourcc: Format::Argb8888.fourcc(),
                        modifier: Modifier::LINEAR,
                        backing,
                        crop: Rect::new(margin, margin, screen.size.0, screen.size.1),
                        y0_top,
                        wire: Wire::V2,
                    })
                    .expect("a buffer"),
                )
            }
            _ => {
                let format = Format::Argb8888;
                let mapped = Mapped::new(id, fd, length, OFFSET, size, screen.stride, format);
                Event::Mapped(mapped.expect("a picture"))
            }
        };
        self.frames.apply(event, clock::now()).expect("a valid event");
        if matches!(
            screen.medium,
            Medium::Dmabuf { .. } | Medium::SealedDmabuf | Medium::SealedFlipped | Medium::Pipe
        ) {
            // A dma-buf is believed with its first update.
            self.tell((0, 0, screen.size.0, screen.size.1));
        }
    }

    fn contents(&self, length: u64) -> Vec<u8> {
        let screen = self.screen.as_ref().expect("a screen");
        let mut bytes = vec![0; usize::try_from(length).expect("memory")];
        let got = rustix::io::pread(screen.file.as_fd(), &mut bytes, 0).expect("the file");
        assert_eq!(got, bytes.len());
        bytes
    }

    pub(crate) fn scribble(&self, (x, y, width, height): (i32, i32, u32, u32), picture: u32) {
        let Some(screen) = &self.screen else { return };
        let (left, top) = (x.cast_unsigned(), y.cast_unsigned());
        for row in top..top + height {
            let bytes = line(picture, left, width, row);
            rustix::io::pwrite(&screen.file, &bytes, screen.at(left, row)).expect("the file");
        }
    }

    pub(crate) fn paint(&self, rect: (i32, i32, u32, u32), picture: u32) {
        let Some(screen) = &self.screen else { return };
        if screen.medium != Medium::Messages {
            self.scribble(rect, picture);
            return self.tell(rect);
        }
        let (x, y, width, height) = rect;
        let top = y.cast_unsigned();
        let lines = (top..top + height).flat_map(|row| line(picture, x.cast_unsigned(), width, row));
        let bytes: Vec<u8> = lines.collect();
        let image = Image::new(Size::new(width, height), width * 4, Format::Xrgb8888, &bytes);
        let image = image.expect("an image");
        let event = Event::Patch { at: Point::new(x, y), image };
        self.frames.apply(event, clock::now()).expect("a valid event");
    }

    fn tell(&self, (x, y, width, height): (i32, i32, u32, u32)) {
        let Some(screen) = &self.screen else { return };
        // The wire counts rows of the buffer.
        let y = match screen.medium {
            Medium::Dmabuf { y0_top: true } | Medium::SealedFlipped => {
                screen.size.1.cast_signed() - y - height.cast_signed()
            }
            _ => y,
        };
        let ticket = self.replies.sent.fetch_add(1, SeqCst) + 1;
        let ack = Some(Ack::new(self.replies.clone(), ticket));
        let (width, height) = (width.cast_signed(), height.cast_signed());
        self.frames.apply(Event::Damage { x, y, width, height, ack }, clock::now()).expect("a valid event");
    }

    /// Whole pictures, each a new one, at moments that do not drift.
    pub(crate) fn play(&self, frames: u32, rate: u32) {
        let Some(screen) = &self.screen else { return };
        let (width, height) = screen.size;
        let start = Instant::now();
        for frame in 0..frames {
            let due = start + Duration::from_secs(1) * frame / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let row = frame % height;
            self.scribble((0, row.cast_signed(), width, 1), frame);
            if screen.medium == Medium::Messages {
                self.paint((0, 0, width, height), frame);
            } else {
                self.tell((0, 0, width, height));
            }
        }
    }

    /// Buffers like the one that is shown, one after the other; a frame has its buffer's picture.
    pub(crate) fn flip(&mut self, buffers: u32, frames: u32, rate: u32) {
        let Some(Screen { medium, size, margin, .. }) = self.screen else { return };
        let mut screens: Vec<_> = (0..buffers)
            .map(|picture| {
                self.switch(medium, size, margin, picture);
                self.screen.take().expect("just made")
            })
            .collect();
        let start = Instant::now();
        for frame in (0..frames).rev() {
            let due = start + Duration::from_secs(1) * (frames - frame) / rate;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let index = (frame % buffers) as usize;
            let screen = screens.swap_remove(index);
            let length = rustix::fs::fstat(&screen.file).expect("a file").st_size;
            self.screen = Some(screen);
            self.announce(length.cast_unsigned());
            screens.push(self.screen.take().expect("still there"));
            let last = screens.len() - 1;
            screens.swap(index, last);
        }
        self.screen = Some(screens.swap_remove(0));
    }

    pub(crate) fn shrink(&self, bytes: u64) {
        if let Some(screen) = &self.screen {
            rustix::fs::ftruncate(&screen.file, bytes).expect("a shorter file");
        }
    }
}
