//! Where the picture ends and what is around it, and how its pixels are mixed: on every way to the screen.

use std::cell::RefCell;

use harness::desk::{Desk, Output};
use harness::shot::Image;
use oriel::geometry::{Device, Direct, Placement, Rect, Sampling, Scaling, ScreenScale, Size};

use super::desk::{LIMIT, Scene};
use super::stage::paint::{Pattern, TILES};

/// Red, green and blue, and as it is written.
const BACKGROUND: ([u8; 3], &str) = ([0xb4, 0x28, 0x64], "#b42864");

/// Ways to the screen, by their names in the settings.
#[cfg(feature = "gl")]
const WAYS: [&str; 4] = ["direct", "compose", "copy", "gtk"];
#[cfg(not(feature = "gl"))]
const WAYS: [&str; 3] = ["direct", "copy", "gtk"];

/// How far a colour may be from the one of its tile: a mixture of equals is rounded.
const TOLERANCE: u8 = 2;

/// How many pixels of a picture's edge a compositor may mix with what is behind it, which is black: wlroots
/// does where it draws with the processor, on screens of a fractional scale.
const RIM: u32 = 2;

/// A picture in fullscreen, alone on its screen.
struct Screen {
    scene: Scene,
    output: Output,
}

impl Screen {
    fn new(output: Output) -> Self {
        let mut scene = Scene::new(output, "");
        scene.play(&[
            "open guest",
            "live web",
            "console 0",
            &format!("set background {}", BACKGROUND.1),
            "action win.follow never",
            "draw 0 tiles 640 480",
        ]);
        scene.wait_for_state("page=[]");
        scene.play(&["action win.fullscreen"]);
        scene.wait_for_state("fullscreen=true");
        scene.ask_until("toasts", "toasts ", |toasts| toasts.contains("F11"));
        scene.play(&["close-toast"]);
        scene.ask_until("toasts", "toasts ", |toasts| toasts == "toasts");
        Self { scene, output }
    }

    /// Shows a picture, and says where all of it is to be.
    fn show(&mut self, pattern: Pattern, (width, height): (u32, u32), scaling: (&str, Scaling)) -> Placement {
        self.scene.play(&[
            &format!("action win.scaling {}", scaling.0),
            &format!("draw 0 {} {width} {height}", pattern.name()),
        ]);
        let Output { width: across, height: down, scale } = self.output;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a screen's side")]
        let units = |pixels: u32| (f64::from(pixels) / scale).round() as u32;
        let area = Rect::new(0, 0, units(across), units(down));
        let placement = Placement::new(Size::new(width, height), area, ScreenScale::new(scale), scaling.1);
        placement.expect("room")
    }

    /// Waits until each pixel of the screen is as it should be.
    fn expect(&self, name: &str, pattern: Pattern, placement: &Placement, rim: u32) {
        let last = RefCell::new(None);
        let seen = self.scene.sway.wait_for_picture(name, LIMIT, |image| {
            let wrong = wrong(image, pattern, placement, rim);
            last.replace(wrong);
            wrong.is_none().then_some(())
        });
        let log = self.scene.program.log();
        seen.unwrap_or_else(|error| panic!("{error}: {:?}; {placement:#?}\n{log}", last.borrow()));
    }
}

/// The first pixel that is not as it should be, with what it is and should be.
fn wrong(
    image: &Image,
    pattern: Pattern,
    placement: &Placement,
    rim: u32,
) -> Option<(u32, u32, [u8; 3], [u8; 3])> {
    let (picture, guest) = (placement.visible_pixels(), placement.guest());
    let scaled = placement.sampling() == Sampling::Scaled;
    let columns = sources(scaled, guest.width, picture.size.width, TILES.0);
    let rows = sources(scaled, guest.height, picture.size.height, TILES.1);
    let mut places = (0..image.height()).flat_map(|y| (0..image.width()).map(move |x| (x, y)));
    places.find_map(|(x, y)| {
        let is: [u8; 3] = image.get(x, y)[..3].try_into().expect("red, green, blue");
        let (should_be, darker, most) = match within(picture, x, y) {
            None => (BACKGROUND.0, 0, 0),
            Some(at) => {
                let (column, row) = (columns[at.0 as usize]?, rows[at.1 as usize]?);
                let most = if scaled { TOLERANCE } else { 0 };
                let is_rim = scaled && is_rim(picture.size, at, rim);
                let colour = pattern.pixel((guest.width, guest.height), column, row);
                (colour, if is_rim { u8::MAX } else { most }, most)
            }
        };
        let right = (0..3).all(|at| {
            let least: u8 = should_be[at].saturating_sub(darker);
            (least..=should_be[at].saturating_add(most)).contains(&is[at])
        });
        (!right).then_some((x, y, is, should_be))
    })
}

fn is_rim(size: Size<Device>, (x, y): (u32, u32), rim: u32) -> bool {
    x < rim || y < rim || x + rim >= size.width || y + rim >= size.height
}

/// A pixel's place in a rectangle.
fn within(rect: Rect<Device>, x: u32, y: u32) -> Option<(u32, u32)> {
    let at = (x.checked_sub(rect.origin.x.cast_unsigned())?, y.checked_sub(rect.origin.y.cast_unsigned())?);
    (at.0 < rect.size.width && at.1 < rect.size.height).then_some(at)
}

/// The guest pixel of each device pixel along a side of the picture; `None` where tiles are mixed.
fn sources(scaled: bool, guest: u32, shown: u32, tiles: u32) -> Vec<Option<u32>> {
    let step = f64::from(guest) / f64::from(shown);
    // A filter looks a guest pixel or a device pixel far, whichever is longer, to each side.
    let reach = 2.0 * step.max(1.0);
    let source = |at: u32| {
        let place = (f64::from(at) + 0.5) * step;
        let between = |tile: u32| f64::from(tile) * f64::from(guest) / f64::from(tiles);
        let mixed = scaled && (1..tiles).any(|tile| (between(tile) - place).abs() < reach);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a pixel of a picture")]
        (!mixed).then_some(place as u32)
    };
    (0..shown).map(source).collect()
}

fn everything_has_its_place(output: Output) {
    let mut screen = Screen::new(output);
    for way in WAYS {
        screen.scene.play(&[&format!("set present {way}")]);
        for (pattern, size, scaling) in [
            // Bars at both sides, and none.
            (Pattern::Tiles, (400, 390), ("fit", Scaling::Fit)),
            (Pattern::Tiles, (333, 390), ("fill", Scaling::Fill)),
            // Twice and once as large, where whole units do not make whole pixels.
            (Pattern::Unique, (301, 203), ("integer", Scaling::Integer)),
            (Pattern::Unique, (640, 439), ("one-to-one", Scaling::OneToOne)),
            (Pattern::Unique, (639, 441), ("one-to-one", Scaling::OneToOne)),
        ] {
            let name = format!("{way}-{}-{}-{}", output.scale, scaling.0, size.0);
            let placement = screen.show(pattern, size, scaling);
            let is_fractional = output.scale.fract() != 0.0;
            let is_exact = placement.is_exact() && placement.direct() < Direct::Resampled;
            if way == "direct" && is_fractional && pattern == Pattern::Unique && !is_exact {
                continue;
            }
            // Neither of these mixes pixels itself.
            let rim = if matches!(way, "direct" | "copy") && is_fractional { RIM } else { 0 };
            screen.expect(&name, pattern, &placement, rim);
        }
    }
}

#[test]
fn the_picture_and_what_is_around_it_have_their_places() {
    everything_has_its_place(Output::new(660, 450));
}

#[test]
fn the_picture_and_what_is_around_it_have_their_places_at_one_and_a_half() {
    everything_has_its_place(Output::new(660, 450).scale(1.5));
}

/// What is left of the contrast of black and white lines: 1 where no pixel is mixed, 0 where all are grey.
fn contrast(image: &Image) -> f64 {
    let across = (0..image.width()).map(|x| f64::from(image.get(x, image.height() / 2)[0]));
    across.map(|value| (value - 127.5).abs() / 127.5).sum::<f64>() / f64::from(image.width())
}

/// What the menu of filters does.
#[test]
fn the_filter_that_is_chosen_mixes_the_pixels() {
    let mut screen = Screen::new(Output::new(660, 450));
    let larger = [("nearest", 1.0), ("linear", 0.5), ("sharp", 0.77), ("nearest", 1.0)];
    let smaller = [("nearest", 1.0), ("linear", 0.5), ("area", 0.1), ("nearest", 1.0)];
    // GTK has no other.
    let plain = [("nearest", 1.0), ("linear", 0.5), ("nearest", 1.0)];
    let mut steps = vec![("gtk", (300, 200), &plain[..])];
    if cfg!(feature = "gl") {
        steps.extend([("compose", (300, 200), &larger[..]), ("compose", (1650, 1125), &smaller)]);
    }
    for (way, size, filters) in steps {
        screen.scene.play(&[&format!("set present {way}"), "action win.filter auto"]);
        let placement = screen.show(Pattern::Lines, size, ("fit", Scaling::Fit));
        assert_eq!(placement.device_size().width, screen.output.width);
        for (filter, wanted) in filters {
            screen.scene.play(&[&format!("action win.filter {filter}")]);
            let last = RefCell::new(0.0);
            let name = format!("filter-{way}-{}-{filter}", size.0);
            let seen = screen.scene.sway.wait_for_picture(&name, LIMIT, |image| {
                let found = contrast(image);
                last.replace(found);
                ((found - wanted).abs() < 0.1).then_some(())
            });
            eprintln!("{name}: {}", last.borrow());
            seen.unwrap_or_else(|error| panic!("{error}: a contrast of {}", last.borrow()));
        }
    }
}
