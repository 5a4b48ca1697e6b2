//! Zooming, and panning over a picture that is larger than its room.

use super::super::axis::Axis;
use super::super::{Guest, Logical, Look, Pan, Point, Scaling, Step, Zoom};
use super::Placement;

/// What a scroll bar along one side needs, in device pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scroll {
    /// How much of the picture is in front of what is seen.
    pub value: u32,
    /// How much is seen.
    pub page: u32,
    /// How long the picture is.
    pub upper: u32,
}

/// How near to the room's edge the pointer pushes the picture, in units.
const EDGE: f64 = 24.0;

/// How fast it does at the very edge, in units a second.
const FASTEST: f64 = 1500.0;

impl Placement {
    /// Whether a part of the picture is hidden, which panning would show.
    pub fn is_pannable(&self) -> bool {
        self.scroll_across().is_some() || self.scroll_down().is_some()
    }

    /// How the picture can be moved sideways; `None` if all of its width is seen.
    pub fn scroll_across(&self) -> Option<Scroll> {
        scroll(&self.across)
    }

    /// How the picture can be moved up and down; `None` if all of its height is seen.
    pub fn scroll_down(&self) -> Option<Scroll> {
        scroll(&self.down)
    }

    /// The look after what is seen has moved over the picture by so many device pixels.
    pub fn panned(&self, right: i32, down: i32) -> Look {
        let Pan { x, y } = self.look.pan;
        self.with_pan(Pan { x: x.saturating_add(right), y: y.saturating_add(down) })
    }

    /// The look after scroll bars were moved to these values, as in [`Scroll`].
    pub fn scrolled(&self, across: Option<u32>, down: Option<u32>) -> Look {
        let by = |bar: Option<Scroll>, to: Option<u32>| {
            let moved = bar.zip(to).map_or(0, |(bar, to)| i64::from(to) - i64::from(bar.value));
            i32::try_from(moved).unwrap_or(0)
        };
        self.panned(by(self.scroll_across(), across), by(self.scroll_down(), down))
    }

    /// The look after moving no further than is needed to see a guest pixel: where the keyboard is.
    pub fn revealing(&self, at: Point<Guest>) -> Look {
        let (pixels, seen) = (self.pixels_of(super::Rect::new(at.x, at.y, 1, 1)), self.visible_pixels());
        let by = |start: i32, end: i64, first: i32, last: i64| {
            let before = i64::from(start) - i64::from(first);
            let behind = end - last;
            i32::try_from(if before < 0 { before } else { behind.max(0) }).unwrap_or(0)
        };
        self.panned(
            by(pixels.origin.x, pixels.right(), seen.origin.x, seen.right()),
            by(pixels.origin.y, pixels.bottom(), seen.origin.y, seen.bottom()),
        )
    }

    /// The look one step larger or smaller. What is at `fixed`, a position in the surface, stays
    /// there as far as the picture's edges let it; without one that is the middle.
    pub fn zoomed(&self, step: Step, fixed: Option<(f64, f64)>) -> Look {
        let zoom = self.next_zoom(step);
        let bare = Look { zoom, pan: Pan::default(), ..self.look };
        let Some(larger) = Self::new(self.guest, self.area, self.scale, bare) else { return bare };
        let (x, y) = fixed.unwrap_or_else(|| self.middle());
        let (across, down) = larger.centre_of(self.nearest_guest(x, y));
        let pixels = |distance: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            {
                (distance * self.scale.factor()).round() as i32
            }
        };
        larger.panned(pixels(across - x), pixels(down - y))
    }

    /// How fast the picture is to move, in device pixels a second, while the pointer is here: the
    /// nearer to an edge behind which there is more, the faster. `None` where it is to stay.
    pub fn push(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let right = push(&self.across, x);
        let down = push(&self.down, y);
        (right != 0.0 || down != 0.0).then(|| (right * self.scale.factor(), down * self.scale.factor()))
    }

    /// The zoom that makes the next whole multiple in [`Scaling::Integer`], else the next step.
    fn next_zoom(&self, step: Step) -> Zoom {
        if self.look.scaling != Scaling::Integer {
            return self.look.zoom.step(step);
        }
        let times = |placed: &Self| placed.device_size().width / placed.turned().width.max(1);
        let bare = Look { zoom: Zoom::NONE, ..self.look };
        let unzoomed = Self::new(self.guest, self.area, self.scale, bare).map_or(1, |placed| times(&placed));
        let wanted = match step {
            Step::In => times(self).saturating_add(1),
            Step::Out => times(self).saturating_sub(1).max(1),
        };
        Zoom::percent(wanted.saturating_mul(100).saturating_add(unzoomed / 2) / unzoomed.max(1))
    }

    fn with_pan(&self, pan: Pan) -> Look {
        let look = Look { pan, ..self.look };
        Self::new(self.guest, self.area, self.scale, look).map_or(look, |placed| placed.look)
    }

    fn middle(&self) -> (f64, f64) {
        let middle = |start: i32, length: u32| f64::from(start) + f64::from(length) / 2.0;
        let super::Rect::<Logical> { origin, size } = self.area;
        (middle(origin.x, size.width), middle(origin.y, size.height))
    }
}

fn scroll(axis: &Axis) -> Option<Scroll> {
    let (before, behind) = axis.hidden();
    if before + behind == 0 {
        return None;
    }
    let length = |pixels: i64| u32::try_from(pixels).unwrap_or(u32::MAX);
    Some(Scroll {
        value: length(before),
        page: length(axis.seen().length()),
        upper: length(axis.pixels.length()),
    })
}

/// Units a second along one dimension, negative towards the start.
fn push(axis: &Axis, at: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "coordinates of a window are small")]
    let (start, end) = (axis.area.start as f64, axis.area.end as f64);
    let (before, behind) = axis.hidden();
    let strength = |distance: f64| FASTEST * (1.0 - distance.max(0.0) / EDGE).clamp(0.0, 1.0);
    if before > 0 && at - start < EDGE {
        -strength(at - start)
    } else if behind > 0 && end - at < EDGE {
        strength(end - at)
    } else {
        0.0
    }
}
