//! Events in, what to show next out: the latest picture wins, every reply is kept.
//!
//! ```text
//!            Pixels, Mapped, Damage                        grace over
//!  Waiting ─────────────────────────▶ Live ──Disable──▶ Fading ─────────▶ Off
//!                                      ▲                  │                │
//!                                      └──────────any frame────────────────┘
//! ```
//!
//! QEMU sends `Disable` also when it frees an old buffer (ui/dbus-listener.c,
//! `dbus_release_dmabuf`), so the picture stays for a moment, and any later frame brings it back.

use std::sync::Arc;
use std::time::Duration;

use super::ack::Ack;
use super::cursor::{Cursor, Pointer, PointerKind};
use super::damage::Damage;
use super::recovery::Recovery;
use super::scanout::{Dmabuf, Image, LayoutError, Mapped, Pixels, Scanout};
use crate::clock::Time;
use crate::geometry::{Guest, Point, Rect, Size};

/// How long the picture stays after a `Disable`: QEMU polls a vGPU every 30 ms, and a spurious
/// `Disable` is followed by an update within one or two polls.
const GRACE: Duration = Duration::from_millis(150);

/// How long a buffer of another kind waits for its first update. A mode change sends a black buffer
/// before the real one, in one tick of QEMU's, and updates follow only the real one; this is four
/// polls of a vGPU, or a tick on a computer that has other things to do.
const FIRST_UPDATE: Duration = Duration::from_millis(120);

/// How long a buffer waits for its first update that is like the one before: the other one of a guest
/// that flips. Both messages are sent in one tick; but once a vGPU guest has used more than five
/// buffers, each that is new to QEMU loses its update to the `Disable` for an old one.
const FLIP: Duration = Duration::from_millis(4);

/// How long the console's `Width` and `Height` may differ from our framebuffer before it is
/// believed: they arrive on another socket, in no order with the frames.
const SIZE_DISPUTE: Duration = Duration::from_millis(100);

/// What a listener hears.
#[derive(Debug)]
pub enum Event<'a> {
    /// A whole new picture (`Scanout`).
    Pixels(Image<'a>),
    /// A part of the picture (`Update`), also of one that no `Scanout` announced.
    Patch { at: Point<Guest>, image: Image<'a> },
    /// A new file to show (`ScanoutMap`).
    Mapped(Mapped),
    /// A new buffer to show (`ScanoutDMABUF`, `ScanoutDMABUF2`).
    Dmabuf(Dmabuf),
    /// The shown file or buffer changed here: the peer's numbers, unclipped (`UpdateMap`,
    /// `UpdateDMABUF`).
    Damage { x: i32, y: i32, width: i32, height: i32, ack: Option<Ack> },
    /// The display is off, or an old buffer was freed (`Disable`).
    Disable,
    /// `Width` and `Height` of the console changed.
    ConsoleSize(Size<Guest>),
    /// A pointer shape (`CursorDefine`).
    Cursor(Arc<Cursor>),
    /// Whether the guest shows its pointer, and where it is; see [`Model::pointer_place`] (`MouseSet`).
    PointerSet { at: Point<Guest>, visible: bool },
    /// The listener is gone: the picture stays as the last that was seen.
    Gone,
}

impl Event<'_> {
    /// Whether it is about the picture's pixels, rather than its size or the pointer.
    pub fn is_frame(&self) -> bool {
        matches!(
            self,
            Self::Pixels(_) | Self::Patch { .. } | Self::Mapped(_) | Self::Dmabuf(_) | Self::Damage { .. }
        )
    }

    /// Whether it says that pixels are others now, rather than where they are to come from.
    pub fn is_update(&self) -> bool {
        matches!(self, Self::Pixels(_) | Self::Patch { .. } | Self::Damage { .. })
    }
}

/// What an event did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// There is something to [`Model::take`].
    pub frame: bool,
    /// [`Model::screen`] is another.
    pub screen: bool,
    /// [`Model::pointer`] or [`Model::pointer_place`] is another.
    pub pointer: bool,
    /// A scanout was lost on the way: register again and QEMU sends it once more.
    pub resync: bool,
}

/// What the person is to be shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The guest has shown nothing yet.
    #[default]
    Waiting,
    /// A picture of this size.
    Live(Size<Guest>),
    /// The guest has switched its display off.
    Off,
}

/// What to show next.
#[derive(Debug)]
pub struct Pending {
    /// The picture.
    pub scanout: Scanout,
    /// What of it changed since the last one that was taken.
    pub damage: Damage,
    /// The reply to every update in it: drop it when the picture has been used.
    pub ack: Option<Ack>,
    /// When the oldest change in it was received.
    pub received: Time,
    /// How many events it unites: all but one were overtaken.
    pub events: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Waiting,
    Live,
    Fading { since: Time },
    Off,
}

/// A picture that is shown with its first update.
#[derive(Debug)]
struct Arriving {
    scanout: Scanout,
    /// When it is shown without one.
    due: Time,
}

/// Changes that nobody has taken yet.
#[derive(Debug)]
struct Fresh {
    damage: Damage,
    ack: Option<Ack>,
    received: Time,
    events: u32,
}

/// The state of one console's screen.
#[derive(Debug)]
pub struct Model {
    signal: Signal,
    shown: Scanout,
    arriving: Option<Arriving>,
    fresh: Option<Fresh>,
    console: Option<(Size<Guest>, Time)>,
    pointer: Pointer,
    pointer_kind: PointerKind,
    place: Option<Point<Guest>>,
    /// The last shape, also while the pointer is hidden.
    shape: Option<Arc<Cursor>>,
    recovery: Recovery,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            signal: Signal::Waiting,
            shown: Scanout::Blank,
            arriving: None,
            fresh: None,
            console: None,
            pointer: Pointer::Unknown,
            pointer_kind: PointerKind::default(),
            place: None,
            shape: None,
            recovery: Recovery::default(),
        }
    }
}

impl Model {
    /// Takes in what the listener heard at `now`.
    ///
    /// # Errors
    ///
    /// When the numbers describe no picture; the state is then as before.
    pub fn apply(&mut self, event: Event<'_>, now: Time) -> Result<Applied, LayoutError> {
        let before = (self.screen(), self.fresh.is_some());
        let mut applied = Applied::default();
        match event {
            Event::Pixels(image) => {
                self.replace_pixels(image, now)?;
                self.recovery.replaced();
            }
            Event::Patch { at, image } => self.patch(at, image, now)?,
            Event::Mapped(mapped) => self.map(mapped, now),
            Event::Dmabuf(dmabuf) => self.announce(dmabuf, now),
            Event::Damage { x, y, width, height, ack } => {
                self.damage([x, y, width, height], ack, now);
                self.recovery.updated(&self.shown);
            }
            Event::Disable => self.disable(now),
            Event::ConsoleSize(size) => self.resize_console(size, now),
            Event::Cursor(cursor) => applied.pointer = self.define_cursor(cursor),
            Event::PointerSet { at, visible } => applied.pointer = self.set_pointer(at, visible),
            Event::Gone => self.fresh = self.fresh.take().map(|fresh| Fresh { ack: None, ..fresh }),
        }
        Ok(self.finish(before, applied))
    }

    /// Does what has become due; see [`Self::deadline`].
    pub fn tick(&mut self, now: Time) -> Applied {
        let before = (self.screen(), self.fresh.is_some());
        if let Signal::Fading { since } = self.signal
            && now.since(since) >= GRACE
        {
            self.signal = Signal::Off;
            self.fresh = None;
        }
        if self.arriving.as_ref().is_some_and(|arriving| now >= arriving.due) {
            self.accept_arriving(now);
        }
        self.settle_size(now);
        let resync = self.recovery.ask(now);
        self.finish(before, Applied { resync, ..Applied::default() })
    }

    /// When [`Self::tick`] has something to do next.
    pub fn deadline(&self) -> Option<Time> {
        let fading = match self.signal {
            Signal::Fading { since } => Some(since + GRACE),
            _ => None,
        };
        let arriving = self.arriving.as_ref().map(|arriving| arriving.due);
        let dispute = self.disputed_size().map(|(_, since)| since + SIZE_DISPUTE);
        [fading, arriving, dispute, self.recovery.due()].into_iter().flatten().min()
    }

    /// What to show next, once.
    pub fn take(&mut self) -> Option<Pending> {
        let Fresh { damage, ack, received, events } = self.fresh.take()?;
        Some(Pending { scanout: self.shown.clone(), damage, ack, received, events })
    }

    /// The picture as it is, whole: for a screenshot, or for a viewer that has just come.
    pub fn current(&self) -> Option<Scanout> {
        matches!(self.signal, Signal::Live | Signal::Fading { .. }).then(|| self.shown.clone())
    }

    /// The reply to what is there to [`Self::take`], which stays.
    pub fn take_ack(&mut self) -> Option<Ack> {
        self.fresh.as_mut()?.ack.take()
    }

    /// Makes the whole picture new again, for a viewer that has just come.
    pub fn renew(&mut self, now: Time) {
        if self.current().is_some() {
            self.freshen(Damage::whole(self.shown.size()), None, now);
        }
    }

    /// What the person is to be shown.
    pub fn screen(&self) -> Screen {
        match self.signal {
            Signal::Waiting => Screen::Waiting,
            Signal::Live | Signal::Fading { .. } => Screen::Live(self.shown.size()),
            Signal::Off => Screen::Off,
        }
    }

    /// Where the guest has its pointer, if it has said so: the corner of its shape, as vGPUs and
    /// virtio-gpu have it. Few devices tell the place of the hot spot instead.
    pub fn pointer_place(&self) -> Option<Point<Guest>> {
        self.place
    }

    /// From now on the display tells of its pointer so.
    pub fn set_pointer_kind(&mut self, kind: PointerKind) {
        self.pointer_kind = kind;
    }

    /// What the guest wants of the pointer.
    pub fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn finish(&self, before: (Screen, bool), applied: Applied) -> Applied {
        let screen = self.screen() != before.0;
        Applied { frame: self.fresh.is_some() && !before.1, screen: screen || applied.screen, ..applied }
    }

    fn replace_pixels(&mut self, image: Image<'_>, now: Time) -> Result<(), LayoutError> {
        let pixels = match &self.shown {
            Scanout::Pixels(held) if held.size() == image.size() && held.format() == image.format() => {
                held.clone()
            }
            _ => Arc::new(Pixels::black(image.size(), image.format())?),
        };
        pixels.write(Point::new(0, 0), image);
        if image.size() != self.shown.size() {
            // It was said of the picture before; what is said of this one is still to come.
            self.console = None;
        }
        self.show_pixels(pixels, image.size().at_origin(), now);
        Ok(())
    }

    /// A surface switch by itself sends nothing, so an update may be the first of a new size: text
    /// consoles go from 640×480 to 720×400 that way.
    fn patch(&mut self, at: Point<Guest>, image: Image<'_>, now: Time) -> Result<(), LayoutError> {
        let place = Rect { origin: at, size: image.size() };
        let reach = Size::new(reach(at.x, image.size().width), reach(at.y, image.size().height));
        let held = match &self.shown {
            Scanout::Pixels(held) if held.format() == image.format() => Some(held.clone()),
            _ => None,
        };
        let pixels = match held {
            Some(held) if held.size().at_origin().contains(place) => held,
            // From the corner and over the edge: a whole new surface. Elsewhere: a part of one.
            Some(held) if at == Point::new(0, 0) => Arc::new(held.resized(reach)?),
            Some(held) => Arc::new(held.resized(held.size().max(reach))?),
            None => Arc::new(Pixels::black(reach, image.format())?),
        };
        pixels.write(at, image);
        self.console = self.console.filter(|(size, _)| size.at_origin().contains(place));
        self.show_pixels(pixels, place, now);
        Ok(())
    }

    fn show_pixels(&mut self, pixels: Arc<Pixels>, drawn: Rect<Guest>, now: Time) {
        let scanout = Scanout::Pixels(pixels);
        if !self.shown.is_same(&scanout) {
            return self.show(scanout, now);
        }
        self.revive();
        let mut damage = Damage::NONE;
        damage.add(drawn);
        self.freshen(damage, None, now);
    }

    /// A guest that flips pages sends a file and its update each time, back to back
    /// (ui/dbus-listener.c, `dbus_gfx_update`): they are one frame. The first of a kind is shown at once.
    fn map(&mut self, mapped: Mapped, now: Time) {
        let flips = matches!(&self.shown, Scanout::Mapped(shown) if shown.size() == mapped.size());
        let scanout = Scanout::Mapped(Arc::new(mapped));
        self.recovery.replaced();
        if flips && self.signal == Signal::Live {
            self.await_update(scanout, now);
        } else {
            self.show(scanout, now);
        }
    }

    fn announce(&mut self, dmabuf: Dmabuf, now: Time) {
        let scanout = Scanout::Dmabuf(Arc::new(dmabuf));
        self.recovery.announced(&scanout, &self.shown, now);
        if scanout.size() != self.shown.size() {
            // What differs was said of the picture before.
            self.console = self.console.filter(|(size, _)| *size == scanout.size());
        }
        if let Some((console, _)) = self.console {
            self.recovery.compare(console, &scanout, now);
        }
        self.await_update(scanout, now);
    }

    fn resize_console(&mut self, size: Size<Guest>, now: Time) {
        self.console = Some((size, now));
        let coming = self.arriving.as_ref().map_or(&self.shown, |arriving| &arriving.scanout);
        self.recovery.compare(size, coming, now);
    }

    fn await_update(&mut self, scanout: Scanout, now: Time) {
        let flips = self.signal != Signal::Waiting && scanout.is_like(&self.shown);
        let due = now + if flips { FLIP } else { FIRST_UPDATE };
        let due = self.arriving.as_ref().map_or(due, |arriving| arriving.due.min(due));
        self.arriving = Some(Arriving { scanout, due });
    }

    fn damage(&mut self, [x, y, width, height]: [i32; 4], ack: Option<Ack>, now: Time) {
        if self.recovery.doubted_until().is_none_or(|until| now >= until) {
            self.accept_arriving(now);
        }
        let size = self.shown.size();
        let Some(rect) = Rect::clipped(x, y, width, height, size) else { return };
        self.revive();
        let flipped = matches!(&self.shown, Scanout::Dmabuf(dmabuf) if dmabuf.y0_top());
        let mut damage = Damage::NONE;
        damage.add(if flipped { rect.flipped(size.height) } else { rect });
        self.freshen(damage, ack, now);
    }

    fn accept_arriving(&mut self, now: Time) {
        if let Some(arriving) = self.arriving.take() {
            self.show(arriving.scanout, now);
        }
    }

    fn show(&mut self, scanout: Scanout, now: Time) {
        self.arriving = None;
        self.signal = Signal::Live;
        self.shown = scanout;
        self.freshen(Damage::whole(self.shown.size()), None, now);
    }

    fn disable(&mut self, now: Time) {
        self.recovery.disabled(now);
        if let (Some(arriving), Some(until)) = (&mut self.arriving, self.recovery.doubted_until()) {
            arriving.due = until;
        }
        if self.signal == Signal::Live {
            self.signal = Signal::Fading { since: now };
        }
    }

    /// A frame came: the display is on, whatever was said before.
    fn revive(&mut self) {
        if !matches!(self.shown, Scanout::Blank) {
            self.signal = Signal::Live;
        }
    }

    fn freshen(&mut self, damage: Damage, ack: Option<Ack>, now: Time) {
        let size = self.shown.size().at_origin();
        let fresh =
            self.fresh.get_or_insert(Fresh { damage: Damage::NONE, ack: None, received: now, events: 0 });
        if fresh.damage.rects().iter().any(|rect| !size.contains(*rect)) {
            fresh.damage = Damage::NONE;
        }
        fresh.damage.add_all(&damage);
        fresh.events = fresh.events.saturating_add(1);
        fresh.ack = match (fresh.ack.take(), ack) {
            (Some(older), Some(newer)) => Some(older.join(newer)),
            (older, newer) => newer.or(older),
        };
    }

    fn disputed_size(&self) -> Option<(Size<Guest>, Time)> {
        let Scanout::Pixels(pixels) = &self.shown else { return None };
        self.console.filter(|(size, _)| *size != pixels.size() && !size.is_empty())
    }

    /// A surface that became smaller may have sent only small updates.
    fn settle_size(&mut self, now: Time) {
        let Some((size, since)) = self.disputed_size() else { return };
        if now.since(since) < SIZE_DISPUTE {
            return;
        }
        self.console = None;
        let Scanout::Pixels(pixels) = &self.shown else { return };
        if let Ok(resized) = pixels.resized(size) {
            self.show(Scanout::Pixels(Arc::new(resized)), now);
        }
    }

    fn define_cursor(&mut self, cursor: Arc<Cursor>) -> bool {
        let pointer = match (&self.pointer, self.pointer_kind) {
            (Pointer::Hidden, PointerKind::Said) => Pointer::Hidden,
            _ => Pointer::Shown(Some(cursor.clone())),
        };
        self.shape = Some(cursor);
        std::mem::replace(&mut self.pointer, pointer.clone()) != pointer
    }

    fn set_pointer(&mut self, at: Point<Guest>, visible: bool) -> bool {
        let pointer = if visible { Pointer::Shown(self.shape.clone()) } else { Pointer::Hidden };
        // A pointer that is hidden is at 0,0 for most devices.
        let moved = visible && self.place.replace(at) != Some(at);
        std::mem::replace(&mut self.pointer, pointer.clone()) != pointer || moved
    }
}

fn reach(at: i32, extent: u32) -> u32 {
    u32::try_from(at).unwrap_or(0).saturating_add(extent)
}

#[cfg(test)]
mod tests;
