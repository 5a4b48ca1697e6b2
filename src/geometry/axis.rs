//! One dimension of a placement: where a length of picture stands in a length of room.

use super::ScreenScale;

/// How well a rectangle of whole logical units, which is all that a viewport and a subsurface's
/// position can say, meets the device pixels that the picture is to have.
///
/// From best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direct {
    /// All edges are edges of units and of device pixels: exact with every compositor.
    Exact,
    /// The length is one of units and of device pixels, only where it begins is between two pixels: the
    /// picture has its size wherever the window stands, and is at most a pixel beside its place.
    Steady,
    /// Each edge, rounded for itself to the nearest device pixel, is the right one. Exact where the
    /// compositor rounds so and the window stands on a whole device pixel, as mutter (from 51) and
    /// wlroots do.
    Rounded,
    /// The compositor would scale the picture to another size than it is to have.
    Resampled,
}

/// The extent of something along the dimension, `start` inclusive, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// How long the picture is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many units, no more than the room has.
    Units(i64),
    /// So many device pixels.
    Pixels(i64),
}

/// Where a picture stands along one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Axis {
    scale: ScreenScale,
    /// The room, in units and in the device pixels that compositors round it to.
    pub(super) area: Span,
    pub(super) room: Span,
    /// The whole picture, in both. Where they disagree, `pixels` is what is meant.
    pub(super) units: Span,
    pub(super) pixels: Span,
    pub(super) direct: Direct,
}

/// Furthest that a picture is moved from the middle of its room to be exact there, in device pixels:
/// 1.15 is 23/20, and what nobody uses may be inexact.
const FURTHEST: i64 = 24;

impl Span {
    pub(super) fn new(start: i64, length: i64) -> Self {
        Self { start, end: start + length }
    }

    pub(super) fn length(self) -> i64 {
        self.end - self.start
    }

    pub(super) fn intersection(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

/// The device pixels of an area: each edge rounded for itself, and at least one pixel.
pub(super) fn room(area: Span, scale: ScreenScale) -> Span {
    let start = scale.to_device(area.start);
    Span { start, end: scale.to_device(area.end).max(start + 1) }
}

impl Axis {
    /// Puts a picture in the middle of `area`, or as far from there as `pan` says and is possible.
    pub(super) fn new(area: Span, scale: ScreenScale, length: Length, pan: i32) -> Self {
        let room = room(area, scale);
        let (units, pixels, direct) = match length {
            Length::Units(units) => in_units(area, scale, units),
            Length::Pixels(pixels) if pixels > room.length() => {
                panned(area, room, scale, pixels, i64::from(pan))
            }
            Length::Pixels(pixels) => anchored(area, room, scale, pixels),
        };
        Self { scale, area, room, units, pixels, direct }
    }

    /// The pixels of the picture that are seen.
    pub(super) fn seen(&self) -> Span {
        self.pixels.intersection(self.room)
    }

    /// The units in which it is seen.
    pub(super) fn seen_units(&self) -> Span {
        let seen = self.units.intersection(self.area);
        if seen.length() > 0 { seen } else { Span::new(seen.start.min(self.area.end - 1), 1) }
    }

    /// How much of the picture there is in front of the room, and behind it.
    pub(super) fn hidden(&self) -> (i64, i64) {
        ((self.room.start - self.pixels.start).max(0), (self.pixels.end - self.room.end).max(0))
    }

    /// How far the picture is from the middle: see [`super::Pan`].
    pub(super) fn pan(&self) -> i32 {
        if self.pixels.length() <= self.room.length() {
            return 0;
        }
        i32::try_from(middle(self.room, self.pixels.length()) - self.pixels.start).unwrap_or(0)
    }

    /// The same picture where a viewport with a rectangle of whole units shows it.
    pub(super) fn in_whole_units(self) -> Self {
        if self.direct < Direct::Resampled {
            return self;
        }
        Self { pixels: room(self.units, self.scale), direct: class(self.scale, self.units), ..self }
    }

    /// The smallest span of units that a buffer of device pixels can fill exactly and that holds
    /// what is seen: its units, its pixels, and how exactly. Its edges are common edges of units and
    /// pixels wherever the area reaches that far.
    pub(super) fn canvas(&self) -> (Span, Span, Direct) {
        let seen = self.seen();
        let (pixels, step) = (i64::from(self.scale.grid().pixels), i64::from(self.scale.grid().units));
        let before = seen.start.div_euclid(pixels) * step;
        let behind = -(-seen.end).div_euclid(pixels) * step;
        let start = self.canvas_edge(seen.start, before, self.area.start);
        let needed = (self.scale.to_logical_ceil(seen.end) - start).max(1);
        let steady = start - (-needed).div_euclid(step) * step;
        let end = if !self.scale.is_common(start) && steady <= self.area.end {
            steady
        } else {
            self.canvas_edge(seen.end, behind, self.area.end).max(start + 1)
        };
        let units = Span { start, end };
        (units, room(units, self.scale), class(self.scale, units))
    }

    /// Whether a canvas is right where a viewport may be wrong.
    pub(super) fn gains_by_canvas(&self) -> bool {
        self.canvas().2 < self.direct
    }

    /// The unit's edge for one end of the canvas: where the picture ends if that is one, else the
    /// next common edge, else the next that rounds to it, else the end of the area.
    fn canvas_edge(&self, pixel: i64, common: i64, limit: i64) -> i64 {
        let within = |edge: i64| self.area.start <= edge && edge <= self.area.end;
        let near = self.scale.to_logical_round(pixel);
        let meets = within(near) && self.scale.to_device(near) == pixel;
        if meets && self.scale.is_common(near) {
            near
        } else if within(common) {
            common
        } else if meets {
            near
        } else {
            limit
        }
    }
}

/// A picture of whole units, in the middle.
fn in_units(area: Span, scale: ScreenScale, length: i64) -> (Span, Span, Direct) {
    let length = length.clamp(1, area.length());
    let units = Span::new(area.start + (area.length() - length) / 2, length);
    (units, room(units, scale), class(scale, units))
}

fn class(scale: ScreenScale, units: Span) -> Direct {
    match (scale.is_common(units.length()), scale.is_common(units.start)) {
        (true, true) => Direct::Exact,
        (true, false) => Direct::Steady,
        (false, _) => Direct::Rounded,
    }
}

/// Where a length begins that has its middle in that of the room. What cannot be halved is behind.
fn middle(room: Span, length: i64) -> i64 {
    room.start + (room.length() - length) / 2
}

/// A picture longer than its room, which it fills.
fn panned(area: Span, room: Span, scale: ScreenScale, length: i64, pan: i64) -> (Span, Span, Direct) {
    let start = (middle(room, length) - pan).clamp(room.end - length, room.start);
    let pixels = Span::new(start, length);
    // What a viewport shows are the area's units.
    (nearest_units(scale, pixels), pixels, class(scale, area))
}

/// A picture no longer than its room: as near to the middle as it can be shown best. At the least it
/// begins where a unit does, a common edge if that can be, so that a surface can.
fn anchored(area: Span, room: Span, scale: ScreenScale, length: i64) -> (Span, Span, Direct) {
    let middle = middle(room, length);
    let starts = Span { start: room.start, end: room.end - length };
    let nearest = scale.to_logical_round(middle);
    let reach = i64::from(scale.grid().units).min(FURTHEST);
    let places = (nearest - reach..=nearest + reach).filter_map(|start| {
        let pixel = scale.to_device(start);
        let possible = starts.start <= pixel && pixel <= starts.end && start >= area.start;
        let distance = (pixel - middle).abs();
        let place = || (place(area, scale, start, length), distance, pixel);
        (possible && distance <= FURTHEST).then(place)
    });
    match places.min_by_key(|((direct, common, _), distance, _)| (*direct, !common, *distance)) {
        Some(((direct, _, units), _, pixel)) => (units, Span::new(pixel, length), direct),
        None => {
            let pixels = Span::new(middle, length);
            (clamped(nearest_units(scale, pixels), area), pixels, Direct::Resampled)
        }
    }
}

/// How well a length of pixels is shown from a unit's edge on, whether that edge is a common one, and
/// the units.
fn place(area: Span, scale: ScreenScale, start: i64, length: i64) -> (Direct, bool, Span) {
    let common = scale.is_common(start);
    if let Some(units) = exact_units(area, scale, start, length) {
        return (class(scale, units), common, units);
    }
    // A buffer of device pixels in these units holds the last pixel, too.
    let end = scale.to_logical_ceil(scale.to_device(start) + length);
    (Direct::Resampled, common, clamped(Span { start, end }, area))
}

/// The units from `start` on that are rounded to exactly so many pixels, if there are any.
fn exact_units(area: Span, scale: ScreenScale, start: i64, length: i64) -> Option<Span> {
    let last = scale.to_device(start) + length;
    let near = scale.to_logical_round(last);
    let end = [near, near + 1, near - 1].into_iter().find(|end| scale.to_device(*end) == last)?;
    (area.start <= start && start < end && end <= area.end).then_some(Span { start, end })
}

fn nearest_units(scale: ScreenScale, pixels: Span) -> Span {
    let start = scale.to_logical_round(pixels.start);
    Span { start, end: scale.to_logical_round(pixels.end).max(start + 1) }
}

fn clamped(units: Span, area: Span) -> Span {
    let start = units.start.clamp(area.start, area.end - 1);
    Span { start, end: units.end.clamp(start + 1, area.end) }
}
