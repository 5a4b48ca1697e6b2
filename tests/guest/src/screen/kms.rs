//! A DRM card: mode setting, buffers that take turns, and the cursor plane.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::dumbbuffer::{DumbBuffer, DumbMapping};
use drm::control::{ClipRect, Device as _, Event, PageFlipFlags, connector, crtc, framebuffer};
use drm::{ClientCapability, Device as _, DriverCapability};
use rustix::fs::OFlags;

use super::{Draw, DrawOne, Wish, mode};
use crate::paint::{Area, Canvas, pointer};
use crate::size::Size;

/// An open card node.
#[derive(Debug)]
struct Card(File);

impl Card {
    /// Reading events must not wait for one.
    fn open(node: &Path) -> io::Result<Self> {
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        Ok(Self(OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(node)?))
    }
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// A card and what it shows.
#[derive(Debug)]
pub(crate) struct Kms {
    card: Card,
    driver: String,
    /// One for each display that the card can drive at the same time; never empty.
    heads: Vec<Head>,
    cursor: Cursor,
    /// How many pictures are to take turns.
    wanted: usize,
}

/// One display, connected or not.
#[derive(Debug)]
struct Head {
    connector: connector::Handle,
    crtc: crtc::Handle,
    output: Output,
    /// Whether it is left dark, though a display may be connected.
    dark: bool,
}

/// What is on the display.
#[derive(Debug)]
enum Output {
    Off,
    On { size: Size, buffers: Vec<Buffer>, shown: usize, flip: Flip },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flip {
    Done,
    Pending,
}

/// The cursor plane.
#[derive(Debug)]
enum Cursor {
    /// The driver has none, or refused it.
    Absent,
    Hidden(Buffer),
    Shown(Buffer),
}

impl Kms {
    /// The first card with a connected display, or else the first card.
    pub(super) fn find(buffers: usize) -> Option<Self> {
        let entries = fs::read_dir("/dev/dri").ok()?.flatten();
        let mut cards: Vec<_> =
            entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"card")).collect();
        cards.sort_by_key(fs::DirEntry::file_name);
        let mut found: Vec<(Self, connector::State)> = Vec::new();
        for card in cards {
            found.extend(Card::open(&card.path()).and_then(|card| Self::open(card, buffers)));
        }
        let connected = found.iter().position(|(_, state)| *state == connector::State::Connected);
        (!found.is_empty()).then(|| found.swap_remove(connected.unwrap_or(0)).0)
    }

    fn open(card: Card, wanted: usize) -> io::Result<(Self, connector::State)> {
        let driver = card.get_driver()?.name().to_string_lossy().replace('-', "_");
        // Not every driver has this; where it has, cursors without a hotspot are refused.
        let _ = card.set_client_capability(ClientCapability::CursorPlaneHotspot, true);
        let resources = card.resource_handles()?;
        let mut infos = Vec::new();
        for handle in resources.connectors() {
            infos.push(card.get_connector(*handle, true)?);
        }
        // The first head is that of a connected display, if there is one.
        if let Some(first) = infos.iter().position(|info| info.state() == connector::State::Connected) {
            infos[..=first].rotate_right(1);
        }
        let state = infos.first().ok_or(io::ErrorKind::NotFound)?.state();
        let mut heads: Vec<Head> = Vec::new();
        for info in infos {
            let taken: Vec<_> = heads.iter().map(|head| head.crtc).collect();
            let free = |crtc: &&crtc::Handle| !taken.contains(crtc);
            let any = || resources.crtcs().iter().find(free).copied().filter(|_| heads.is_empty());
            if let Some(crtc) = crtc_for(&card, &resources, &info, &taken).or_else(any) {
                heads.push(Head { connector: info.handle(), crtc, output: Output::Off, dark: false });
            }
        }
        if heads.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let cursor = Cursor::make(&card);
        Ok((Self { card, driver, heads, cursor, wanted }, state))
    }

    pub(super) fn driver(&self) -> &str {
        &self.driver
    }

    pub(super) fn sizes(&self) -> Vec<Size> {
        self.heads.iter().map(Head::size).collect()
    }

    pub(super) fn events(&self) -> BorrowedFd<'_> {
        self.card.as_fd()
    }

    pub(super) fn set_mode(&mut self, wish: Wish, draw: &mut Draw<'_>) -> io::Result<()> {
        let mut wishes = [wish].into_iter();
        for (number, head) in self.heads.iter_mut().enumerate() {
            let wish = wishes.next().unwrap_or(Wish::Preferred);
            head.set_mode(&self.card, self.wanted, wish, &mut |canvas| draw(number, canvas))?;
        }
        Ok(())
    }

    /// Lights a head from the next mode on, or leaves it dark.
    pub(super) fn light(&mut self, number: usize, on: bool) {
        if let Some(head) = self.heads.get_mut(number) {
            head.dark = !on;
        }
    }

    pub(super) fn poke(&mut self, x: u32, y: u32, color: u32) {
        let Output::On { size, buffers, shown, .. } = &mut self.heads[0].output else {
            return;
        };
        if x < size.width && y < size.height {
            buffers[*shown].canvas().row(y)[x as usize] = color;
        }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.heads.iter_mut().try_for_each(|head| head.blank(&self.card))
    }

    pub(super) fn is_free(&self) -> bool {
        let mut shown = self.heads.iter().filter(|head| !matches!(head.output, Output::Off)).peekable();
        shown.peek().is_some() && shown.all(|head| matches!(head.output, Output::On { flip: Flip::Done, .. }))
    }

    pub(super) fn flip(&mut self, draw: &mut Draw<'_>) -> io::Result<()> {
        for (number, head) in self.heads.iter_mut().enumerate() {
            head.flip(&self.card, &mut |canvas| draw(number, canvas))?;
        }
        Ok(())
    }

    pub(super) fn touch_up(&mut self, area: Area, draw: &mut Draw<'_>) -> io::Result<()> {
        self.heads[0].touch_up(&self.card, area, &mut |canvas| draw(0, canvas))
    }

    pub(super) fn read_events(&mut self) {
        let Ok(events) = self.card.receive_events() else {
            return;
        };
        for event in events {
            let Event::PageFlip(event) = event else { continue };
            let head = self.heads.iter_mut().find(|head| head.crtc == event.crtc);
            if let Some(Head { output: Output::On { flip, .. }, .. }) = head {
                *flip = Flip::Done;
            }
        }
    }

    pub(super) fn point(&mut self, at: Option<(i32, i32)>) -> bool {
        let cursor = std::mem::replace(&mut self.cursor, Cursor::Absent);
        let outcome = cursor.point(&self.card, self.heads[0].crtc, at);
        self.cursor = outcome.unwrap_or(Cursor::Absent);
        !matches!(self.cursor, Cursor::Absent)
    }
}

impl Head {
    fn size(&self) -> Size {
        match &self.output {
            Output::Off => Size::NONE,
            Output::On { size, .. } => *size,
        }
    }

    fn set_mode(&mut self, card: &Card, wanted: usize, wish: Wish, draw: &mut DrawOne<'_>) -> io::Result<()> {
        let info = card.get_connector(self.connector, true)?;
        let chosen = match info.state() {
            _ if self.dark => None,
            connector::State::Disconnected => None,
            connector::State::Connected | connector::State::Unknown => mode::choose(&info, wish),
        };
        let Some(chosen) = chosen else {
            return self.blank(card);
        };
        let size = mode::size(&chosen);
        if size == self.size() {
            return Ok(());
        }
        // As many buffers as wanted, or fewer where the card's memory holds no more.
        let mut buffers = vec![Buffer::make(card, size)?];
        buffers.extend((1..wanted).map_while(|_| Buffer::make(card, size).ok()));
        draw(&mut buffers[0].canvas());
        let first = Some(buffers[0].id);
        if let Err(error) = card.set_crtc(self.crtc, first, (0, 0), &[self.connector], Some(chosen)) {
            free(card, buffers);
            return Err(error);
        }
        let old =
            std::mem::replace(&mut self.output, Output::On { size, buffers, shown: 0, flip: Flip::Done });
        if let Output::On { buffers, .. } = old {
            free(card, buffers);
        }
        Ok(())
    }

    fn blank(&mut self, card: &Card) -> io::Result<()> {
        card.set_crtc(self.crtc, None, (0, 0), &[], None)?;
        if let Output::On { buffers, .. } = std::mem::replace(&mut self.output, Output::Off) {
            free(card, buffers);
        }
        Ok(())
    }

    fn flip(&mut self, card: &Card, draw: &mut DrawOne<'_>) -> io::Result<()> {
        let Output::On { size, buffers, shown, flip } = &mut self.output else {
            return Ok(());
        };
        if buffers.len() < 2 {
            let Size { width, height } = *size;
            return self.touch_up(card, Area { x: 0, y: 0, width, height }, draw);
        }
        let next = (*shown + 1) % buffers.len();
        draw(&mut buffers[next].canvas());
        card.page_flip(self.crtc, buffers[next].id, PageFlipFlags::EVENT, None)?;
        *shown = next;
        *flip = Flip::Pending;
        Ok(())
    }

    fn touch_up(&mut self, card: &Card, area: Area, draw: &mut DrawOne<'_>) -> io::Result<()> {
        let Output::On { buffers, shown, .. } = &mut self.output else {
            return Ok(());
        };
        let buffer = &mut buffers[*shown];
        draw(&mut buffer.canvas());
        let narrow = |length: u32| u16::try_from(length).expect("a size is at most 8192");
        let (left, top) = (narrow(area.x), narrow(area.y));
        let clip = ClipRect::new(left, top, left + narrow(area.width), top + narrow(area.height));
        match card.dirty_framebuffer(buffer.id, &[clip]) {
            // A driver whose display reads the buffer itself needs to be told of nothing.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NOSYS.raw_os_error()) => Ok(()),
            outcome => outcome,
        }
    }
}

impl Cursor {
    fn make(card: &Card) -> Self {
        let side = |which| card.get_driver_capability(which).ok().and_then(|side| u32::try_from(side).ok());
        let width = side(DriverCapability::CursorWidth).unwrap_or(64);
        let height = side(DriverCapability::CursorHeight).unwrap_or(64);
        let Ok(mut image) = Buffer::make_image(card, Size::new(width, height), DrmFourcc::Argb8888) else {
            return Self::Absent;
        };
        pointer::draw_image(&mut image.canvas());
        Self::Hidden(image)
    }

    /// An error means that the card has no cursor plane.
    #[expect(deprecated, reason = "the calls with a hotspot that need no atomic mode setting")]
    fn point(self, card: &Card, crtc: crtc::Handle, at: Option<(i32, i32)>) -> io::Result<Self> {
        let place = |(x, y): (i32, i32)| (x - pointer::HOTSPOT.0, y - pointer::HOTSPOT.1);
        match (self, at) {
            (Self::Hidden(image), Some(at)) => {
                card.set_cursor2(crtc, Some(&image.dumb), pointer::HOTSPOT)?;
                card.move_cursor(crtc, place(at))?;
                Ok(Self::Shown(image))
            }
            (Self::Shown(image), Some(at)) => {
                card.move_cursor(crtc, place(at))?;
                Ok(Self::Shown(image))
            }
            (Self::Shown(image), None) => {
                card.set_cursor2(crtc, None::<&DumbBuffer>, (0, 0))?;
                Ok(Self::Hidden(image))
            }
            (unchanged, _) => Ok(unchanged),
        }
    }
}

/// A picture in the card's memory.
struct Buffer {
    dumb: DumbBuffer,
    pixels: DumbMapping<'static>,
    id: framebuffer::Handle,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer").field("dumb", &self.dumb).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Buffer {
    fn make(card: &Card, size: Size) -> io::Result<Self> {
        Self::make_image(card, size, DrmFourcc::Xrgb8888)
    }

    fn make_image(card: &Card, size: Size, format: DrmFourcc) -> io::Result<Self> {
        let dumb = card.create_dumb_buffer((size.width, size.height), format, 32)?;
        let depth = if format == DrmFourcc::Argb8888 { 32 } else { 24 };
        let made = card.add_framebuffer(&dumb, depth, 32).and_then(|id| {
            // The mapping borrows a description of the buffer for as long as it lives. A leaked one
            // (32 bytes for each mode) keeps the pages in place from frame to frame.
            let description: &'static mut DumbBuffer = Box::leak(Box::new(dumb));
            Ok(Self { dumb, pixels: card.map_dumb_buffer(description)?, id })
        });
        if made.is_err() {
            // The first error is the one to tell.
            let _ = card.destroy_dumb_buffer(dumb);
        }
        made
    }

    fn canvas(&mut self) -> Canvas<'_> {
        let (width, height) = self.dumb.size();
        let stride = self.dumb.pitch() as usize / 4;
        Canvas::new(bytemuck::cast_slice_mut(&mut self.pixels), Size::new(width, height), stride)
    }
}

/// Gives buffers that are no longer shown back to the card.
fn free(card: &Card, buffers: Vec<Buffer>) {
    for Buffer { dumb, pixels, id } in buffers {
        drop(pixels);
        // What cannot be freed is lost until the card is closed; nothing else can be done.
        let _ = card.destroy_framebuffer(id);
        let _ = card.destroy_dumb_buffer(dumb);
    }
}

/// A CRTC that can drive the connector, and none that is taken.
fn crtc_for(
    card: &Card,
    resources: &drm::control::ResourceHandles,
    info: &connector::Info,
    taken: &[crtc::Handle],
) -> Option<crtc::Handle> {
    let encoder = card.get_encoder(*info.encoders().first()?).ok()?;
    let possible = resources.filter_crtcs(encoder.possible_crtcs());
    possible.into_iter().find(|crtc| !taken.contains(crtc))
}
