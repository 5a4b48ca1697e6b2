//! How large a picture is in each of the ways of scaling it.

use super::super::axis::{Length, Span, room};
use super::super::{Guest, Look, Scaling, ScreenScale, Size};

/// A picture that lacks less than this part of the room's length is as large as the room.
const NEARLY: i64 = 32;

/// The same in device pixels, for small rooms: modes are often rounded to multiples of 8.
const NEARLY_PIXELS: i64 = 8;

/// Longest side of a picture in device pixels, so that no sum of two overflows.
const LONGEST: i64 = 1 << 29;

/// What the lengths of the room are, and those of the turned picture.
struct Lengths {
    picture: [i64; 2],
    area: [i64; 2],
    room: [i64; 2],
    /// See [`ScreenScale::less_than_a_unit`].
    slack: i64,
}

/// How wide and how high a picture of the size `turned` is to be.
pub(super) fn lengths(turned: Size<Guest>, areas: [Span; 2], scale: ScreenScale, look: Look) -> [Length; 2] {
    let lengths = Lengths {
        picture: [i64::from(turned.width), i64::from(turned.height)],
        area: areas.map(Span::length),
        room: areas.map(|area| room(area, scale).length()),
        slack: scale.less_than_a_unit(),
    };
    let zoomed = |length: i64| Length::Pixels(look.zoom.apply(length).min(LONGEST));
    match look.scaling {
        Scaling::OneToOne => lengths.picture.map(zoomed),
        Scaling::Integer => {
            let times = look.zoom.apply(lengths.whole_times());
            lengths.picture.map(|length| Length::Pixels((length * times).min(LONGEST)))
        }
        Scaling::Fit | Scaling::Fill => {
            let fitted =
                if look.scaling == Scaling::Fit { lengths.fitted() } else { lengths.area.map(Length::Units) };
            if look.zoom == super::super::Zoom::NONE {
                return fitted;
            }
            fitted.map(|length| match length {
                Length::Units(units) => zoomed(scale.to_device(units)),
                Length::Pixels(pixels) => zoomed(pixels),
            })
        }
    }
}

impl Lengths {
    /// How many times the picture fits into the room, at least once. What is beyond the room by less
    /// than a unit fits: see [`Self::fitted`].
    fn whole_times(&self) -> i64 {
        let [across, down] = [0, 1].map(|axis| (self.room[axis] + self.slack) / self.picture[axis]);
        across.min(down).max(1)
    }

    /// The largest size of the picture's aspect ratio in the room.
    ///
    /// A picture that is as large as the room, or would be enlarged by no more than an edge's width,
    /// keeps whole multiples of its pixels: a guest whose mode had to be rounded to what its device
    /// takes stays sharp. So does one that is larger than the room by less than a unit, where that is
    /// cut off: a monitor of 1366 pixels at 1.25 has no whole number of units, and the 1092 that it has
    /// are 1365 pixels.
    fn fitted(&self) -> [Length; 2] {
        let times = self.whole_times();
        let sharp = self.picture.map(|length| length * times);
        let left = |axis: usize| self.room[axis] - sharp[axis];
        let fits = (0..2).all(|axis| left(axis) + self.slack >= 0);
        let nearly = (0..2).any(|axis| left(axis) <= (self.room[axis] / NEARLY).max(NEARLY_PIXELS - 1));
        if fits && nearly {
            return sharp.map(Length::Pixels);
        }
        self.scaled()
    }

    /// The largest size of the picture's aspect ratio, in whole units.
    fn scaled(&self) -> [Length; 2] {
        let [width, height] = self.picture.map(i128::from);
        let [across, down] = self.area.map(i128::from);
        let rounded = |length: i128, of: i128, to: i128, most: i128| {
            let length = ((length * to * 2 + of) / (of * 2)).clamp(1, most);
            Length::Units(i64::try_from(length).unwrap_or(i64::MAX))
        };
        let all = |axis: usize| Length::Units(self.area[axis]);
        if across * height <= down * width {
            [all(0), rounded(across, width, height, down)]
        } else {
            [rounded(down, height, width, across), all(1)]
        }
    }
}
