//! Where the guest's picture stands on the monitor, and which guest pixel lies under the pointer.

use super::{Device, Guest, Logical, Point, Rect, Size};

/// How a picture takes the room that it has.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scaling {
    /// As large as fits, aspect ratio kept.
    #[default]
    Fit,
    /// One guest pixel is one device pixel; what is too large is cut off around the middle.
    OneToOne,
}

/// Device pixels for a logical unit, in 120ths, as `wp_fractional_scale_v1` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScreenScale(u32);

impl ScreenScale {
    /// One device pixel a unit.
    pub const ONE: Self = Self(120);

    /// The nearest scale that the protocol can express, at least 1/120.
    pub fn new(scale: f64) -> Self {
        let parts = (scale * 120.0).round().clamp(1.0, 120.0 * 64.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        Self(parts as u32)
    }

    /// Device pixels for a logical unit.
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 120.0
    }

    /// The least number of units that is a whole number of device pixels.
    fn whole_step(self) -> u32 {
        let (mut divisor, mut rest) = (120, self.0 % 120);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        120 / divisor
    }

    /// A length in device pixels, rounded half up as compositors round a surface's size.
    fn to_device(self, units: i64) -> i64 {
        (units * i64::from(self.0) * 2 + 120).div_euclid(240)
    }

    /// The largest length in units that is no longer than `pixels`.
    fn to_logical_floor(self, pixels: i64) -> i64 {
        (pixels * 120).div_euclid(i64::from(self.0))
    }

    /// The nearest length in units.
    fn to_logical_round(self, pixels: i64) -> i64 {
        (pixels * 240 + i64::from(self.0)).div_euclid(i64::from(self.0) * 2)
    }
}

/// The one transform of a picture: drawing, damage, pointer and touch all use it.
///
/// The picture takes a rectangle of whole logical units, because that is all that a Wayland
/// subsurface and viewport can express, cut to the `area` it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    guest: Size<Guest>,
    picture: Rect<Logical>,
    area: Rect<Logical>,
    scale: ScreenScale,
}

impl Placement {
    /// Places a picture of `guest` pixels in `area`, whose corner is counted from the surface's.
    ///
    /// `None` where there is no picture or no room.
    pub fn new(
        guest: Size<Guest>,
        area: Rect<Logical>,
        scale: ScreenScale,
        scaling: Scaling,
    ) -> Option<Self> {
        if guest.is_empty() || area.is_empty() {
            return None;
        }
        let size = match scaling {
            Scaling::Fit => fitted(guest, area.size, scale),
            Scaling::OneToOne => natural_size(guest, scale),
        };
        Some(Self { guest, picture: centred(size, area), area, scale })
    }

    /// The picture's size in guest pixels.
    pub fn guest(&self) -> Size<Guest> {
        self.guest
    }

    /// Where the whole picture would be, also where it reaches over the area's edges.
    pub fn picture(&self) -> Rect<Logical> {
        self.picture
    }

    /// Where the picture is seen: cut to the area.
    pub fn visible(&self) -> Rect<Logical> {
        self.picture.intersection(self.area).unwrap_or(self.area)
    }

    /// The part of the guest's picture that is seen: x, y, width, height in guest pixels.
    pub fn source(&self) -> [f64; 4] {
        let visible = self.visible();
        let (across, down) = self.guest_per_unit();
        [
            f64::from(visible.origin.x - self.picture.origin.x) * across,
            f64::from(visible.origin.y - self.picture.origin.y) * down,
            f64::from(visible.size.width) * across,
            f64::from(visible.size.height) * down,
        ]
    }

    /// Device pixels for a guest pixel, across and down.
    pub fn zoom(&self) -> (f64, f64) {
        let (across, down) = self.guest_per_unit();
        (self.scale.factor() / across, self.scale.factor() / down)
    }

    /// Whether each guest pixel is exactly one device pixel.
    pub fn is_exact(&self) -> bool {
        let device = self.device_size();
        device.width == self.guest.width && device.height == self.guest.height
    }

    /// The whole picture's size on the monitor.
    pub fn device_size(&self) -> Size<Device> {
        let length = |units: u32| u32::try_from(self.scale.to_device(i64::from(units))).unwrap_or(u32::MAX);
        Size::new(length(self.picture.size.width), length(self.picture.size.height))
    }

    /// The size on the monitor of a surface of this size, at least a pixel each way.
    pub fn on_monitor(&self, size: Size<Logical>) -> Size<Device> {
        let length = |units: u32| u32::try_from(self.scale.to_device(i64::from(units))).unwrap_or(u32::MAX);
        Size::new(length(size.width).max(1), length(size.height).max(1))
    }

    /// The size of what is seen, with so much more to the right and below that it has a whole number
    /// of device pixels, where the area has room for that.
    ///
    /// A compositor rounds both edges of a surface to device pixels. Only such a surface has the same
    /// size on the monitor wherever it stands.
    pub fn padded(&self) -> Size<Logical> {
        let seen = self.visible();
        let step = self.scale.whole_step();
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
        let (seen, picture) = (self.visible().origin, self.picture.origin);
        let length = |units: i32| u32::try_from(self.scale.to_device(i64::from(units))).unwrap_or(0);
        (length(seen.x - picture.x), length(seen.y - picture.y))
    }

    /// The guest pixel under a position in the surface, `None` beside the picture.
    pub fn guest_at(&self, x: f64, y: f64) -> Option<Point<Guest>> {
        let seen = self.visible();
        let within = |at: f64, start: i32, extent: u32| {
            at >= f64::from(start) && at < f64::from(start) + f64::from(extent)
        };
        (within(x, seen.origin.x, seen.size.width) && within(y, seen.origin.y, seen.size.height))
            .then(|| self.nearest_guest(x, y))
    }

    /// The guest pixel nearest to a position in the surface: for drags that leave the picture.
    pub fn nearest_guest(&self, x: f64, y: f64) -> Point<Guest> {
        let (across, down) = self.guest_per_unit();
        Point::new(
            pixel((x - f64::from(self.picture.origin.x)) * across, self.guest.width),
            pixel((y - f64::from(self.picture.origin.y)) * down, self.guest.height),
        )
    }

    /// The middle of a guest pixel, as a position in the surface.
    pub fn centre_of(&self, at: Point<Guest>) -> (f64, f64) {
        let (across, down) = self.guest_per_unit();
        (
            f64::from(self.picture.origin.x) + (f64::from(at.x) + 0.5) / across,
            f64::from(self.picture.origin.y) + (f64::from(at.y) + 0.5) / down,
        )
    }

    fn guest_per_unit(&self) -> (f64, f64) {
        (
            f64::from(self.guest.width) / f64::from(self.picture.size.width),
            f64::from(self.guest.height) / f64::from(self.picture.size.height),
        )
    }
}

/// The size in units at which one guest pixel is one device pixel, or as near as whole units come.
pub fn natural_size(guest: Size<Guest>, scale: ScreenScale) -> Size<Logical> {
    let length =
        |pixels: u32| u32::try_from(scale.to_logical_round(i64::from(pixels))).unwrap_or(u32::MAX).max(1);
    Size::new(length(guest.width), length(guest.height))
}

/// The largest size of the guest's aspect ratio in `room`.
///
/// A picture that is exactly as large as the room, or up to a unit smaller, stays 1:1: a monitor
/// of 1366 pixels at 1.25 has no whole number of units.
fn fitted(guest: Size<Guest>, room: Size<Logical>, scale: ScreenScale) -> Size<Logical> {
    let natural = natural_size(guest, scale);
    let floor = |pixels: u32| u32::try_from(scale.to_logical_floor(i64::from(pixels))).unwrap_or(u32::MAX);
    if floor(guest.width) == room.width && natural.height <= room.height
        || floor(guest.height) == room.height && natural.width <= room.width
    {
        return Size::new(natural.width.min(room.width), natural.height.min(room.height));
    }
    let by_width =
        u64::from(room.width) * u64::from(guest.height) <= u64::from(room.height) * u64::from(guest.width);
    let scaled = |length: u32, of: u32, to: u32| {
        let rounded = (u64::from(length) * u64::from(to) * 2 + u64::from(of)) / (u64::from(of) * 2);
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    };
    if by_width {
        Size::new(room.width, scaled(room.width, guest.width, guest.height).min(room.height))
    } else {
        Size::new(scaled(room.height, guest.height, guest.width).min(room.width), room.height)
    }
}

/// Puts `size` in the middle of `area`, at whole units.
fn centred(size: Size<Logical>, area: Rect<Logical>) -> Rect<Logical> {
    let start = |origin: i32, room: u32, length: u32| {
        let offset = (i64::from(room) - i64::from(length)).div_euclid(2);
        i32::try_from(i64::from(origin) + offset).unwrap_or(origin)
    };
    Rect::new(
        start(area.origin.x, area.size.width, size.width),
        start(area.origin.y, area.size.height, size.height),
        size.width,
        size.height,
    )
}

/// The pixel that a coordinate falls in, within 0 to `extent` − 1.
fn pixel(at: f64, extent: u32) -> i32 {
    let last = f64::from(extent.saturating_sub(1));
    #[expect(clippy::cast_possible_truncation, reason = "clamped to a u32's range, and extents fit an i32")]
    {
        at.floor().clamp(0.0, last) as i32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(guest: (u32, u32), room: (u32, u32), scale: f64, scaling: Scaling) -> Placement {
        let area = Rect::new(10, 47, room.0, room.1);
        Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::new(scale), scaling)
            .expect("room and picture")
    }

    #[test]
    fn a_picture_fits_with_its_aspect_ratio_in_the_middle() {
        let placed = place((1920, 1080), (960, 960), 1.0, Scaling::Fit);
        assert_eq!(placed.picture(), Rect::new(10, 47 + 210, 960, 540));
        assert_eq!(placed.zoom(), (0.5, 0.5));
        assert!(!placed.is_exact());
    }

    #[test]
    fn one_to_one_is_exact_where_the_size_divides() {
        let placed = place((1280, 720), (2000, 2000), 1.25, Scaling::OneToOne);
        assert_eq!(placed.picture().size, Size::new(1024, 576));
        assert!(placed.is_exact());
        assert!(!place((1281, 721), (2000, 2000), 2.0, Scaling::OneToOne).is_exact());
    }

    #[test]
    fn a_picture_as_large_as_the_screen_is_not_scaled() {
        // 1366 / 1.25 = 1092.8: fullscreen leaves 1092 whole units.
        let placed = place((1366, 768), (1092, 614), 1.25, Scaling::Fit);
        assert_eq!(placed.picture().size, Size::new(1092, 614));
        let placed = place((1280, 800), (1024, 640), 1.25, Scaling::Fit);
        assert!(placed.is_exact());
    }

    #[test]
    fn a_larger_picture_is_cut_around_the_middle() {
        let placed = place((800, 600), (400, 300), 1.0, Scaling::OneToOne);
        assert_eq!(placed.visible(), Rect::new(10, 47, 400, 300));
        assert_eq!(placed.source(), [200.0, 150.0, 400.0, 300.0]);
        assert_eq!(placed.guest_at(10.0, 47.0), Some(Point::new(200, 150)));
        assert_eq!(placed.guest_at(9.9, 47.0), None);
    }

    #[test]
    fn padding_makes_whole_pixels_where_there_is_room() {
        for (scale, step) in [(1.0, 1), (1.25, 4), (1.5, 2), (1.75, 4), (1.1, 10), (4.0 / 3.0, 3), (2.0, 1)] {
            assert_eq!(ScreenScale::new(scale).whole_step(), step, "{scale}");
        }
        let placed = place((376, 276), (320, 221), 1.25, Scaling::OneToOne);
        assert_eq!(placed.visible().size, Size::new(301, 221));
        assert_eq!(placed.padded(), Size::new(304, 221));
    }

    #[test]
    fn nothing_is_placed_nowhere() {
        let area = Rect::new(0, 0, 100, 100);
        assert_eq!(Placement::new(Size::new(0, 5), area, ScreenScale::ONE, Scaling::Fit), None);
        let nowhere = Rect::new(0, 0, 0, 100);
        assert_eq!(Placement::new(Size::new(5, 5), nowhere, ScreenScale::ONE, Scaling::Fit), None);
    }

    fn scalings() -> impl Strategy<Value = Scaling> {
        prop_oneof![Just(Scaling::Fit), Just(Scaling::OneToOne)]
    }

    proptest! {
        #[test]
        fn pointer_and_picture_agree(
            guest in (1..5000_u32, 1..5000_u32),
            room in (1..5000_u32, 1..5000_u32),
            scale in prop_oneof![Just(1.0), Just(1.25), Just(1.5), Just(1.75), Just(2.0)],
            scaling in scalings(),
            x in 0.0..1.0_f64,
            y in 0.0..1.0_f64,
        ) {
            let placed = place(guest, room, scale, scaling);
            #[expect(clippy::cast_possible_truncation, reason = "below the guest's size")]
            let at = Point::new((x * f64::from(guest.0)) as i32, (y * f64::from(guest.1)) as i32);
            let (across, down) = placed.centre_of(at);
            prop_assert_eq!(placed.nearest_guest(across, down), at);
        }

        #[test]
        fn what_is_seen_lies_in_the_area(
            guest in (1..9000_u32, 1..9000_u32),
            room in (1..5000_u32, 1..5000_u32),
            scaling in scalings(),
        ) {
            let placed = place(guest, room, 1.5, scaling);
            prop_assert!(Rect::new(10, 47, room.0, room.1).contains(placed.visible()));
            let [x, y, width, height] = placed.source();
            prop_assert!(x >= 0.0 && y >= 0.0);
            prop_assert!(x + width <= f64::from(guest.0) + 1e-6 && y + height <= f64::from(guest.1) + 1e-6);
        }

        #[test]
        fn corners_map_to_corner_pixels(guest in (1..4000_u32, 1..4000_u32), room in (1..4000_u32, 1..4000_u32)) {
            let placed = place(guest, room, 1.0, Scaling::Fit);
            let seen = placed.visible();
            prop_assert_eq!(placed.guest_at(f64::from(seen.origin.x), f64::from(seen.origin.y)), Some(Point::new(0, 0)));
            let last = placed.nearest_guest(1e9, 1e9);
            prop_assert_eq!((last.x + 1, last.y + 1), (i32::try_from(guest.0).unwrap(), i32::try_from(guest.1).unwrap()));
        }
    }
}
