//! Whether all that follows from a placement agrees: positions, pixels, parts, and what is presented.

use proptest::prelude::*;

use super::super::{
    Device, Direct, Guest, Look, Pan, Point, Rect, Rotation, Sampling, Scaling, ScreenScale, Size, Step, Zoom,
};
use super::{Placement, Scroll};

fn place(guest: (u32, u32), room: (u32, u32), scale: f64, look: impl Into<Look>) -> Placement {
    let area = Rect::new(10, 47, room.0, room.1);
    Placement::new(Size::new(guest.0, guest.1), area, ScreenScale::new(scale), look)
        .expect("room and picture")
}

#[test]
fn a_picture_fits_with_its_aspect_ratio_in_the_middle() {
    let placed = place((1920, 1080), (960, 960), 1.0, Scaling::Fit);
    assert_eq!(placed.picture(), Rect::new(10, 47 + 210, 960, 540));
    assert_eq!(placed.zoom(), (0.5, 0.5));
    assert_eq!(placed.sampling(), Sampling::Scaled);
}

#[test]
fn one_to_one_is_exact_at_every_scale() {
    for scale in [1.0, 1.1, 1.25, 1.333, 1.5, 1.75, 2.0, 2.5] {
        for guest in [(1280, 720), (1281, 721), (640, 480), (333, 77)] {
            let placed = place(guest, (2000, 2000), scale, Scaling::OneToOne);
            assert_eq!(placed.device_size(), Size::new(guest.0, guest.1), "at {scale}");
            assert!(placed.is_exact());
            assert_eq!(placed.source(), [0.0, 0.0, f64::from(guest.0), f64::from(guest.1)]);
        }
    }
}

#[test]
fn a_size_that_divides_needs_no_buffer_of_ours() {
    // 47 units are no whole pixel at 1.25, but the picture has room to begin elsewhere.
    let placed = place((1280, 720), (2000, 2000), 1.25, Scaling::OneToOne);
    assert_eq!(placed.direct(), Direct::Exact);
    assert_eq!(placed.picture().size, Size::new(1024, 576));
    assert_eq!(place((1281, 721), (2000, 2000), 2.0, Scaling::OneToOne).direct(), Direct::Resampled);
}

#[test]
fn a_picture_as_large_as_the_monitor_is_not_scaled() {
    // 1366 / 1.25 = 1092.8: fullscreen leaves 1092 whole units, of 1365 pixels.
    let area = Rect::new(0, 0, 1092, 614);
    let placed = Placement::new(Size::new(1366, 768), area, ScreenScale::new(1.25), Scaling::Fit);
    let placed = placed.expect("room and picture");
    assert!(placed.is_exact());
    assert_eq!(placed.source(), [0.0, 0.0, 1365.0, 768.0]);
    let placed = place((1280, 800), (1024, 640), 1.25, Scaling::Fit);
    assert!(placed.is_exact());
    assert_eq!(placed.visible(), Rect::new(10, 47, 1024, 640));
}

#[test]
fn fit_does_not_blur_for_the_sake_of_an_edge() {
    assert!(place((1360, 768), (1366, 768), 1.0, Scaling::Fit).is_exact());
    assert!(place((1920, 1080), (1950, 1100), 1.0, Scaling::Fit).is_exact());
    assert!(!place((1920, 1080), (2100, 1200), 1.0, Scaling::Fit).is_exact());
    assert!(!place((1920, 1080), (1919, 1080), 1.0, Scaling::Fit).is_exact());
    let placed = place((640, 360), (1924, 1090), 1.0, Scaling::Fit);
    assert_eq!(placed.sampling(), Sampling::Whole(3));
}

#[test]
fn integer_takes_the_largest_whole_multiple() {
    let sampling = |room| place((640, 480), room, 1.25, Scaling::Integer).sampling();
    assert_eq!(sampling((1100, 1000)), Sampling::Whole(2));
    assert_eq!(sampling((1023, 1000)), Sampling::OneToOne);
    assert_eq!(sampling((100, 100)), Sampling::OneToOne);
    let tripled = Look { zoom: Zoom::percent(300), ..Look::from(Scaling::Integer) };
    assert_eq!(place((640, 480), (700, 500), 1.0, tripled).sampling(), Sampling::Whole(3));
}

#[test]
fn fill_covers_the_area() {
    let placed = place((640, 480), (333, 1000), 1.5, Scaling::Fill);
    assert_eq!(placed.picture(), Rect::new(10, 47, 333, 1000));
    assert_eq!(placed.pixels(), placed.room());
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
fn panning_ends_at_the_pictures_edges() {
    let placed = place((800, 600), (400, 900), 1.0, Scaling::OneToOne);
    let look = placed.panned(i32::MAX, 50);
    assert_eq!(look.pan, Pan { x: 200, y: 0 });
    let moved = place((800, 600), (400, 900), 1.0, look);
    assert_eq!(moved.source(), [400.0, 0.0, 400.0, 600.0]);
    assert_eq!(moved.scroll_across(), Some(Scroll { value: 400, page: 400, upper: 800 }));
    assert_eq!(moved.scroll_down(), None);
    assert_eq!(moved.scrolled(Some(0), None).pan, Pan { x: -200, y: 0 });
    assert_eq!(moved.revealing(Point::new(0, 0)).pan, Pan { x: -200, y: 0 });
    assert_eq!(moved.revealing(Point::new(500, 0)), look);
    assert_eq!(moved.push(409.0, 400.0), None);
    assert!(moved.push(11.0, 400.0).is_some_and(|(right, down)| right < 0.0 && down == 0.0));
}

#[test]
fn zooming_keeps_what_is_under_the_pointer() {
    let placed = place((800, 600), (400, 300), 1.0, Scaling::OneToOne);
    let look = placed.zoomed(Step::In, Some((110.0, 147.0)));
    assert_eq!(look.zoom, Zoom::percent(110));
    let larger = place((800, 600), (400, 300), 1.0, look);
    assert_eq!(larger.guest_at(110.0, 147.0), placed.guest_at(110.0, 147.0));
    let whole = place((640, 480), (700, 500), 1.0, Scaling::Integer);
    let twice = place((640, 480), (700, 500), 1.0, whole.zoomed(Step::In, None));
    assert_eq!(twice.sampling(), Sampling::Whole(2));
    let once = place((640, 480), (700, 500), 1.0, twice.zoomed(Step::Out, None));
    assert_eq!(once.sampling(), Sampling::OneToOne);
}

#[test]
fn a_quarter_turn_puts_the_first_pixel_top_right() {
    let turned = Look { rotation: Rotation::Right, ..Look::from(Scaling::OneToOne) };
    let placed = place((300, 200), (200, 300), 1.0, turned);
    assert_eq!(placed.guest_at(209.5, 47.5), Some(Point::new(0, 0)));
    assert_eq!(placed.guest_at(10.5, 346.5), Some(Point::new(299, 199)));
    assert_eq!(placed.pixels_of(Rect::new(0, 0, 1, 1)), Rect::new(209, 47, 1, 1));
    assert!(placed.is_exact());
}

#[test]
fn nothing_is_placed_nowhere() {
    let area = Rect::new(0, 0, 100, 100);
    assert_eq!(Placement::new(Size::new(0, 5), area, ScreenScale::ONE, Scaling::Fit), None);
    let nowhere = Rect::new(0, 0, 0, 100);
    assert_eq!(Placement::new(Size::new(5, 5), nowhere, ScreenScale::ONE, Scaling::Fit), None);
}

fn sides() -> impl Strategy<Value = (u32, u32)> {
    let side = || prop_oneof![1..40_u32, 200..4100_u32, Just(65_535), 1..=65_535_u32];
    (side(), side())
}

fn areas() -> impl Strategy<Value = Rect<super::Logical>> {
    let side = || prop_oneof![1..30_u32, 100..4100_u32, Just(65_535), 1..=65_535_u32];
    let corner = || prop_oneof![Just(0), 0..100_i32];
    (corner(), corner(), side(), side()).prop_map(|(x, y, width, height)| Rect::new(x, y, width, height))
}

fn scales() -> impl Strategy<Value = ScreenScale> {
    let named = [1.0, 1.1, 1.15, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5];
    prop_oneof![
        4 => prop::sample::select(named.to_vec()).prop_map(ScreenScale::new),
        1 => (120..=480_u32).prop_map(|parts| ScreenScale::new(f64::from(parts) / 120.0)),
    ]
}

fn looks() -> impl Strategy<Value = Look> {
    let scaling =
        prop::sample::select(vec![Scaling::Fit, Scaling::OneToOne, Scaling::Integer, Scaling::Fill]);
    let zoom = prop_oneof![3 => Just(Zoom::NONE), 1 => (10..=1600_u32).prop_map(Zoom::percent)];
    let rotation =
        prop::sample::select(vec![Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left]);
    let pan = || prop_oneof![Just(0), -3000..3000_i32, any::<i32>()];
    (scaling, zoom, rotation, pan(), pan()).prop_map(|(scaling, zoom, rotation, x, y)| Look {
        scaling,
        zoom,
        rotation,
        pan: Pan { x, y },
    })
}

prop_compose! {
    fn placements()(
        guest in sides(), area in areas(), scale in scales(), look in looks(),
    ) -> Placement {
        Placement::new(Size::new(guest.0, guest.1), area, scale, look).expect("room and picture")
    }
}

/// The one of so many that is this part of the way through them, the ends included.
fn pick(part: f64, of: u32) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "below `of`")]
    let index = (part * f64::from(of)).floor() as i64;
    i32::try_from(index.clamp(0, i64::from(of) - 1)).unwrap()
}

/// Somewhere between the ends, or at one of them.
fn parts() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64]
}

/// The middle of a device pixel, as a position in the surface; just within the area where that ends
/// in the middle of the pixel.
fn position(placed: &Placement, pixel: Point<Device>) -> (f64, f64) {
    let at = |pixel: i32, end: i64| {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let end = end as f64;
        ((f64::from(pixel) + 0.5) / placed.scale().factor()).min(end - 1e-6)
    };
    (at(pixel.x, placed.area.right()), at(pixel.y, placed.area.bottom()))
}

fn one<S>(at: Point<S>) -> Rect<S> {
    Rect { origin: at, size: Size::new(1, 1) }
}

/// One of the device pixels in which the picture is seen.
fn seen_pixel(placed: &Placement, across: f64, down: f64) -> Point<Device> {
    let seen = placed.visible_pixels();
    Point::new(seen.origin.x + pick(across, seen.size.width), seen.origin.y + pick(down, seen.size.height))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_guest_pixel_is_found_where_it_is(placed in placements(), across in parts(), down in parts()) {
        let guest = placed.guest();
        let at = Point::new(pick(across, guest.width), pick(down, guest.height));
        let (x, y) = placed.centre_of(at);
        prop_assert_eq!(placed.nearest_guest(x, y), at);
    }

    #[test]
    fn the_pixel_under_the_pointer_is_the_one_drawn_there(
        placed in placements(), across in parts(), down in parts(),
    ) {
        let pixel = seen_pixel(&placed, across, down);
        let (x, y) = position(&placed, pixel);
        let at = placed.guest_at(x, y);
        prop_assert!(at.is_some(), "{pixel:?} is beside the picture");
        let at = at.unwrap();
        prop_assert_eq!(placed.nearest_guest(x, y), at);
        let drawn = placed.pixels_of(one(at));
        prop_assert!(drawn.contains(one(pixel)), "{at:?} is at {drawn:?}, not {pixel:?}");
        if placed.is_exact() {
            prop_assert_eq!(drawn, one(pixel));
        }
    }

    #[test]
    fn what_is_seen_lies_in_the_area(placed in placements()) {
        let (seen, room) = (placed.visible_pixels(), placed.room());
        prop_assert!(placed.area.contains(placed.visible()));
        prop_assert!(room.contains(seen) && placed.pixels().contains(seen));
        // No gap beside a picture that does not fit.
        let whole = placed.pixels().size;
        prop_assert_eq!(seen.size.width, whole.width.min(room.size.width));
        prop_assert_eq!(seen.size.height, whole.height.min(room.size.height));
        let [x, y, width, height] = placed.source();
        prop_assert!(x >= -1e-6 && y >= -1e-6 && width > 0.0 && height > 0.0);
        prop_assert!(x + width <= f64::from(placed.guest().width) + 1e-6);
        prop_assert!(y + height <= f64::from(placed.guest().height) + 1e-6);
    }

    #[test]
    fn damage_covers_what_has_changed(
        placed in placements(),
        across in parts(),
        down in parts(),
        size in (0.0..1.0_f64, 0.0..1.0_f64),
        pixel in (parts(), parts()),
    ) {
        let guest = placed.guest();
        let (x, y) = (pick(across, guest.width), pick(down, guest.height));
        let most = |length: u32, at: i32| length - u32::try_from(at).unwrap();
        let length = |part: f64, most: u32| u32::try_from(pick(part, most)).unwrap() + 1;
        let part = Rect::<Guest>::new(
            x, y, length(size.0, most(guest.width, x)), length(size.1, most(guest.height, y)),
        );
        let damaged = placed.damaged(part, 1);
        let pixel = seen_pixel(&placed, pixel.0, pixel.1);
        let (x, y) = position(&placed, pixel);
        if part.contains(one(placed.nearest_guest(x, y))) {
            prop_assert!(damaged.is_some_and(|damaged| damaged.contains(one(pixel))));
        }
        if let Some(damaged) = damaged {
            prop_assert!(placed.visible_pixels().contains(damaged));
        }
    }

    #[test]
    fn all_changed_is_all_that_is_seen(placed in placements()) {
        prop_assert_eq!(placed.damaged(placed.guest().at_origin(), 0), Some(placed.visible_pixels()));
    }

    #[test]
    fn a_viewport_that_is_said_to_be_right_is(placed in placements()) {
        let meant = placed.visible_pixels();
        let shown = rounded(placed.visible(), placed.scale());
        match placed.direct() {
            Direct::Exact | Direct::Steady | Direct::Rounded => prop_assert_eq!(shown, meant),
            Direct::Resampled => prop_assert_ne!(shown, meant),
        }
        if placed.direct() <= Direct::Steady {
            let Size { width, height, .. } = placed.visible().size;
            for moved in 0..i64::from(placed.scale().grid().units) {
                let corner = (placed.visible().origin.x, placed.visible().origin.y);
                let moved = i32::try_from(moved).expect("few");
                let elsewhere = Rect::new(corner.0 + moved, corner.1 - moved, width, height);
                prop_assert_eq!(rounded(elsewhere, placed.scale()).size, meant.size);
            }
        }
        if placed.direct() == Direct::Exact {
            let seen = placed.visible();
            for edge in [i64::from(seen.origin.x), i64::from(seen.origin.y), seen.right(), seen.bottom()] {
                prop_assert!(placed.scale().is_common(edge));
            }
        }
        let viewport = placed.as_viewport();
        prop_assert!(viewport.direct() < Direct::Resampled);
        prop_assert_eq!(rounded(viewport.visible(), viewport.scale()), viewport.visible_pixels());
        prop_assert_eq!(viewport.visible(), placed.visible());
    }

    #[test]
    fn a_canvas_holds_what_is_seen_pixel_for_pixel(placed in placements()) {
        let canvas = placed.canvas();
        let corner = rounded(canvas.surface, placed.scale());
        prop_assert!(placed.area.contains(canvas.surface));
        prop_assert_eq!(corner.size, canvas.size);
        prop_assert!(canvas.direct < Direct::Resampled);
        let seen = canvas.picture.intersection(canvas.size.at_origin()).expect("something is seen");
        let (x, y) = (corner.origin.x + seen.origin.x, corner.origin.y + seen.origin.y);
        let held = Rect::<Device> { origin: Point::new(x, y), size: seen.size };
        prop_assert!(held.contains(placed.visible_pixels()));
        prop_assert_eq!(canvas.picture.size, placed.pixels().size);
        prop_assert_eq!(corner.origin.x + canvas.picture.origin.x, placed.pixels().origin.x);
    }

    #[test]
    fn a_look_that_was_taken_stays(placed in placements()) {
        let again = Placement::new(placed.guest(), placed.area, placed.scale(), placed.look());
        prop_assert_eq!(again, Some(placed));
    }

    #[test]
    fn the_areas_corners_are_pixels(placed in placements()) {
        let area = placed.area;
        let (left, top) = (f64::from(area.origin.x), f64::from(area.origin.y));
        let (seen, room) = (placed.visible_pixels(), placed.room());
        if seen == room {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let (right, bottom) = (area.right() as f64 - 1.0 / 256.0, area.bottom() as f64 - 1.0 / 256.0);
            for (x, y) in [(left, top), (right, top), (left, bottom), (right, bottom)] {
                prop_assert!(placed.guest_at(x, y).is_some());
            }
            prop_assert_eq!(placed.guest_at(left - 0.01, top), None);
            prop_assert_eq!(placed.guest_at(right + 0.01, bottom), None);
        }
        // Drags reach the last pixels, whichever way the picture is turned.
        let far = [(-1e9, -1e9), (1e9, -1e9), (-1e9, 1e9), (1e9, f64::INFINITY)];
        let guest = placed.guest();
        for (x, y) in far {
            let at = placed.nearest_guest(x, y);
            let last = |length: u32| i32::try_from(length).unwrap() - 1;
            prop_assert!(at.x == 0 || at.x == last(guest.width));
            prop_assert!(at.y == 0 || at.y == last(guest.height));
        }
    }

    #[test]
    fn no_number_breaks_it(
        guest in (1..=u32::MAX, 1..=u32::MAX),
        at: (i32, i32),
        size in (1..=u32::MAX, 1..=u32::MAX),
        scale in 0.0..100.0_f64,
        look in looks(),
        x: f64,
        y: f64,
    ) {
        let (guest, area) = (Size::new(guest.0, guest.1), Rect::new(at.0, at.1, size.0, size.1));
        let placed = Placement::new(guest, area, ScreenScale::new(scale), look).expect("room");
        placed.guest_at(x, y);
        placed.nearest_guest(x, y);
        placed.canvas();
        placed.source();
        placed.damaged(Rect::new(at.0, at.1, size.0, size.1), u32::MAX);
        placed.zoomed(Step::In, Some((x, y)));
        placed.push(x, y);
        placed.as_viewport().visible();
    }

    #[test]
    fn zooming_moves_the_fixed_pixel_by_less_than_one(placed in placements(), across in parts(), down in parts()) {
        let pixel = seen_pixel(&placed, across, down);
        let at = position(&placed, pixel);
        for step in [Step::In, Step::Out] {
            let look = placed.zoomed(step, Some(at));
            let other = Placement::new(placed.guest(), placed.area, placed.scale(), look).expect("room");
            prop_assert_eq!(other.look(), look);
            let hidden = other.scroll_across().filter(|bar| bar.value > 0 && bar.value + bar.page < bar.upper);
            if hidden.is_some() && !placed.rotation().is_sideways() {
                let found = other.centre_of(placed.nearest_guest(at.0, at.1)).0;
                prop_assert!((found - at.0).abs() * placed.scale().factor() <= 1.0);
            }
        }
    }
}

/// What a compositor makes of a rectangle of units.
fn rounded(units: Rect<super::Logical>, scale: ScreenScale) -> Rect<Device> {
    let edge = |at: i64| i32::try_from(scale.to_device(at)).unwrap();
    let (left, top) = (edge(units.origin.x.into()), edge(units.origin.y.into()));
    let length = |end: i64, start: i32| u32::try_from(edge(end) - start).unwrap();
    Rect::new(left, top, length(units.right(), left), length(units.bottom(), top))
}
