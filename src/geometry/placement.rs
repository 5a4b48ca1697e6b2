//! Where the guest's picture stands on the monitor, and which guest pixel lies under the pointer.

mod moving;
mod pointing;
mod sizing;
#[cfg(test)]
mod tests;

use super::axis::{Axis, Direct, Span};
use super::{Device, Guest, Logical, Look, Pan, Rect, Rotation, ScreenScale, Size};

pub use self::moving::Scroll;

/// The one transform of a picture: drawing, damage, pointer, touch and cursor all use it.
///
/// The picture takes a rectangle of whole device pixels, counted from the surface's corner as the
/// compositor rounds units to pixels; that rectangle is the truth, and every other number follows
/// from it exactly. Presenting it takes one of two ways:
///
/// - *Direct*: the guest's buffer with a viewport, whose rectangle is [`Self::visible`], in whole
///   units. [`Self::direct`] says whether that comes to the same pixels.
/// - *Compose*: a buffer of device pixels that the picture is drawn into: [`Self::canvas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    guest: Size<Guest>,
    area: Rect<Logical>,
    scale: ScreenScale,
    /// With the zoom and the pan that are possible.
    look: Look,
    across: Axis,
    down: Axis,
}

/// A buffer of device pixels, and where the picture is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// The surface that shows all of the buffer: position and viewport destination.
    pub surface: Rect<Logical>,
    /// The buffer.
    pub size: Size<Device>,
    /// Where the whole picture is, counted from the buffer's corner; what is beyond its edges is not
    /// seen, what is beside the picture is background.
    pub picture: Rect<Device>,
    /// Never [`Direct::Resampled`].
    pub direct: Direct,
}

/// How guest pixels become device pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// One is one: no filter touches it.
    OneToOne,
    /// One is a square of this side: sharp with the nearest neighbour.
    Whole(u32),
    /// Filtered.
    Scaled,
}

impl Placement {
    /// Places a picture of `guest` pixels in `area`, whose corner is counted from the surface's.
    ///
    /// `None` where there is no picture or no room.
    pub fn new(
        guest: Size<Guest>,
        area: Rect<Logical>,
        scale: ScreenScale,
        look: impl Into<Look>,
    ) -> Option<Self> {
        let look = look.into();
        if guest.is_empty() || area.is_empty() {
            return None;
        }
        let (columns, rows) = (
            Span::new(i64::from(area.origin.x), i64::from(area.size.width)),
            Span::new(i64::from(area.origin.y), i64::from(area.size.height)),
        );
        let turned = look.rotation.turn_size(guest);
        let [width, height] = sizing::lengths(turned, [columns, rows], scale, look);
        let across = Axis::new(columns, scale, width, look.pan.x);
        let down = Axis::new(rows, scale, height, look.pan.y);
        let look = Look { pan: Pan { x: across.pan(), y: down.pan() }, ..look };
        Some(Self { guest, area, scale, look, across, down })
    }

    /// The picture's size in guest pixels.
    pub fn guest(&self) -> Size<Guest> {
        self.guest
    }

    /// What was asked for, with the pan as far as it is possible.
    pub fn look(&self) -> Look {
        self.look
    }

    /// How far the picture is turned.
    pub fn rotation(&self) -> Rotation {
        self.look.rotation
    }

    /// The screen's scale.
    pub fn scale(&self) -> ScreenScale {
        self.scale
    }

    /// Where the whole picture would be, also where it reaches over the area's edges: in units, which
    /// are only near to what is meant where [`Self::direct`] says so.
    pub fn picture(&self) -> Rect<Logical> {
        rect(self.across.units, self.down.units)
    }

    /// Where the picture is seen, cut to the area, in units likewise.
    pub fn visible(&self) -> Rect<Logical> {
        rect(self.across.seen_units(), self.down.seen_units())
    }

    /// Where the whole picture is, in device pixels of the surface, also beyond the area's edges.
    pub fn pixels(&self) -> Rect<Device> {
        rect(self.across.pixels, self.down.pixels)
    }

    /// Where the picture is seen, in device pixels of the surface.
    pub fn visible_pixels(&self) -> Rect<Device> {
        rect(self.across.seen(), self.down.seen())
    }

    /// The device pixels of the area.
    pub fn room(&self) -> Rect<Device> {
        rect(self.across.room, self.down.room)
    }

    /// The part of the guest's picture that is seen: x, y, width, height in guest pixels, upright.
    pub fn source(&self) -> [f64; 4] {
        self.rotation().turn_back_span(self.turned_source(), self.guest)
    }

    /// The same after the picture has been turned: what a viewport wants, which counts in the buffer
    /// as its transform has turned it (`wp_viewport.set_source`).
    pub fn turned_source(&self) -> [f64; 4] {
        let (seen, whole, turned) = (self.visible_pixels(), self.pixels(), self.turned());
        let across = f64::from(turned.width) / f64::from(whole.size.width);
        let down = f64::from(turned.height) / f64::from(whole.size.height);
        [
            f64::from(seen.origin.x - whole.origin.x) * across,
            f64::from(seen.origin.y - whole.origin.y) * down,
            f64::from(seen.size.width) * across,
            f64::from(seen.size.height) * down,
        ]
    }

    /// Whether a viewport shows the picture as it is meant.
    pub fn direct(&self) -> Direct {
        self.across.direct.max(self.down.direct)
    }

    /// What a buffer of device pixels has to hold.
    pub fn canvas(&self) -> Canvas {
        let (columns, across, left) = self.across.canvas();
        let (rows, down, top) = self.down.canvas();
        let relative = |span: Span, to: Span| Span::new(span.start - to.start, span.length());
        Canvas {
            surface: rect(columns, rows),
            size: rect::<Device>(across, down).size,
            picture: rect(relative(self.across.pixels, across), relative(self.down.pixels, down)),
            direct: left.max(top),
        }
    }

    /// Whether a buffer of device pixels is right where a viewport may be wrong, across or down.
    pub fn gains_by_canvas(&self) -> bool {
        self.across.gains_by_canvas() || self.down.gains_by_canvas()
    }

    /// The same picture where a viewport shows it if nothing better is to be had: pointer and damage
    /// then agree with what is seen.
    #[must_use]
    pub fn as_viewport(self) -> Self {
        let (across, down) = (self.across.in_whole_units(), self.down.in_whole_units());
        Self { across, down, ..self }
    }

    /// Device pixels for a guest pixel, along the guest's width and height.
    pub fn zoom(&self) -> (f64, f64) {
        let size = self.rotation().turn_size(self.device_size());
        let along = |pixels: u32, of: u32| f64::from(pixels) / f64::from(of);
        (along(size.width, self.guest.width), along(size.height, self.guest.height))
    }

    /// How guest pixels become device pixels.
    pub fn sampling(&self) -> Sampling {
        let size = self.rotation().turn_size(self.device_size());
        let times = size.width / self.guest.width;
        let whole = |pixels: u32, of: u32| u64::from(of) * u64::from(times) == u64::from(pixels);
        match times {
            0 => Sampling::Scaled,
            _ if !(whole(size.width, self.guest.width) && whole(size.height, self.guest.height)) => {
                Sampling::Scaled
            }
            1 => Sampling::OneToOne,
            times => Sampling::Whole(times),
        }
    }

    /// Whether each guest pixel is exactly one device pixel.
    pub fn is_exact(&self) -> bool {
        self.sampling() == Sampling::OneToOne
    }

    /// The whole picture's size on the monitor.
    pub fn device_size(&self) -> Size<Device> {
        self.pixels().size
    }

    /// The size on the monitor of a surface of this size, at least a pixel each way.
    pub fn on_monitor(&self, size: Size<Logical>) -> Size<Device> {
        let length =
            |units: u32| u32::try_from(self.scale.to_device(i64::from(units))).unwrap_or(u32::MAX).max(1);
        Size::new(length(size.width), length(size.height))
    }

    /// The size of what is seen, with so much more to the right and below that it has a whole number
    /// of device pixels, where the area has room for that.
    ///
    /// A compositor rounds both edges of a surface to device pixels. Only such a surface has the same
    /// size on the monitor wherever it stands.
    pub fn padded(&self) -> Size<Logical> {
        let seen = self.visible();
        let step = self.scale.grid().units;
        let room = |origin: i32, length: u32, end: i64| {
            let padded = length.next_multiple_of(step);
            if i64::from(origin) + i64::from(padded) <= end { padded } else { length }
        };
        Size::new(
            room(seen.origin.x, seen.size.width, self.area.right()),
            room(seen.origin.y, seen.size.height, self.area.bottom()),
        )
    }

    /// How many device pixels of the whole picture lie to the left of what is seen, and above it.
    pub fn hidden_device(&self) -> (u32, u32) {
        let hidden = |axis: &Axis| u32::try_from(axis.hidden().0).unwrap_or(0);
        (hidden(&self.across), hidden(&self.down))
    }

    /// The picture's size once it is turned.
    fn turned(&self) -> Size<Guest> {
        self.rotation().turn_size(self.guest)
    }
}

/// Two spans as a rectangle. Lengths are bounded where they are chosen.
fn rect<S>(across: Span, down: Span) -> Rect<S> {
    let edge = |at: i64| i32::try_from(at).unwrap_or(if at < 0 { i32::MIN } else { i32::MAX });
    let length = |span: Span| u32::try_from(span.length()).unwrap_or(u32::MAX).max(1);
    Rect::new(edge(across.start), edge(down.start), length(across), length(down))
}
