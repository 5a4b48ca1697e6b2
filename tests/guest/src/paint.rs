//! What is drawn: a choice of pictures, each made for one kind of test.

use std::str::FromStr;
use std::time::Duration;

pub(crate) use self::canvas::{Area, Canvas};
use self::scene::Scene;
use crate::size::Size;

mod canvas;
mod font;
pub(crate) mod pointer;
mod scene;

/// `oriel.paint=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// A landscape that moves, with counters: for people and for screenshots.
    Scene,
    /// Every pixel new in every frame, for next to no work of the guest's.
    Flip,
    /// The same, but drawn into the picture that is shown.
    InPlace,
    /// A still picture in which no two pixels are alike (up to 4096x4096).
    Unique,
    /// The landscape, still: no damage at all.
    Still,
    /// A still picture in which one small square changes, reported as damage.
    Damage,
}

/// The word is the name of no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picture is scene, flip, in-place, unique, still or damage")]
pub(crate) struct BadPaint;

impl FromStr for Paint {
    type Err = BadPaint;

    fn from_str(text: &str) -> Result<Self, BadPaint> {
        Ok(match text {
            "scene" => Self::Scene,
            "flip" => Self::Flip,
            "in-place" => Self::InPlace,
            "unique" => Self::Unique,
            "still" => Self::Still,
            "damage" => Self::Damage,
            _ => return Err(BadPaint),
        })
    }
}

/// How a picture changes from frame to frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// All of it: frames are drawn aside and flipped.
    Whole,
    /// Only this part, drawn in place.
    Part(Area),
    None,
}

impl Paint {
    pub(crate) fn motion(self, size: Size) -> Motion {
        match self {
            Self::Scene | Self::Flip => Motion::Whole,
            Self::Damage => Motion::Part(damage_area(size)),
            Self::InPlace => Motion::Part(Area { x: 0, y: 0, width: size.width, height: size.height }),
            Self::Unique | Self::Still => Motion::None,
        }
    }
}

/// What a picture tells about the guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// Since boot.
    pub(crate) time: Duration,
    /// Counts the frames from 0.
    pub(crate) frame: u64,
    pub(crate) driver: &'a str,
    /// The last thing that a person did.
    pub(crate) last: &'a str,
    /// Which head it is on, counted from 0.
    pub(crate) head: usize,
    /// Where to draw an arrow, if the display has no cursor of its own.
    pub(crate) pointer: Option<(i32, i32)>,
}

/// Draws the pictures.
#[derive(Debug)]
pub(crate) struct Painter {
    scene: Scene,
}

impl Painter {
    pub(crate) fn new() -> Self {
        Self { scene: Scene::new() }
    }

    /// Draws a whole frame.
    pub(crate) fn draw(&mut self, paint: Paint, canvas: &mut Canvas<'_>, facts: &Facts<'_>) {
        match paint {
            Paint::Scene => {
                self.scene.draw(canvas, facts);
                if let Some(at) = facts.pointer {
                    pointer::draw(canvas, at);
                }
            }
            Paint::Still => self.scene.draw_still(canvas),
            Paint::Flip | Paint::InPlace => roll(canvas, facts.frame),
            Paint::Unique => draw_unique(canvas, facts.head),
            Paint::Damage => {
                self.scene.draw_still(canvas);
                draw_change(canvas, facts.frame);
            }
        }
    }

    /// Draws only the part that [`Motion::Part`] named.
    pub(crate) fn draw_part(&mut self, paint: Paint, canvas: &mut Canvas<'_>, facts: &Facts<'_>) {
        match paint {
            Paint::InPlace => roll(canvas, facts.frame),
            _ => draw_change(canvas, facts.frame),
        }
    }
}

/// A square of 64 pixels, an eighth of the way in; smaller on a screen that is smaller.
fn damage_area(size: Size) -> Area {
    let (x, y) = (size.width / 8, size.height / 8);
    Area { x, y, width: 64.min(size.width - x), height: 64.min(size.height - y) }
}

fn draw_change(canvas: &mut Canvas<'_>, frame: u64) {
    canvas.fill(damage_area(canvas.size()), vivid(frame.wrapping_mul(37)));
}

/// Bands that move by a step a frame; stores of one value a row are the cheapest there are.
fn roll(canvas: &mut Canvas<'_>, frame: u64) {
    for y in 0..canvas.size().height {
        canvas.row(y).fill(vivid(frame.wrapping_mul(7) + u64::from(y / 4)));
    }
}

/// `x << 12 | y`, twelve bits each; on each further head with other bits inverted.
pub(crate) fn unique(head: usize, x: u32, y: u32) -> u32 {
    const INVERTED: [u32; 4] = [0, 0x55_55_55, 0xaa_aa_aa, 0xff_ff_ff];
    ((x & 0xfff) << 12 | y & 0xfff) ^ INVERTED[head % INVERTED.len()]
}

fn draw_unique(canvas: &mut Canvas<'_>, head: usize) {
    for y in 0..canvas.size().height {
        for (x, pixel) in (0..).zip(canvas.row(y)) {
            *pixel = unique(head, x, y);
        }
    }
}

/// A walk around the colour circle in 1530 steps, no two alike.
fn vivid(step: u64) -> u32 {
    let step = u32::try_from(step % 1530).expect("less than 1530");
    let (rising, falling) = (step % 255, 255 - step % 255);
    match step / 255 {
        0 => 0xff_00_00 | rising << 8,
        1 => falling << 16 | 0xff_00,
        2 => 0xff_00 | rising,
        3 => falling << 8 | 0xff,
        4 => rising << 16 | 0xff,
        _ => 0xff_00_00 | falling,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const FACTS: Facts<'_> = Facts {
        time: Duration::from_secs(12),
        frame: 360,
        driver: "none",
        last: "nothing yet",
        pointer: None,
        head: 0,
    };

    fn drawn(paint: Paint, size: Size, facts: &Facts<'_>) -> Vec<u32> {
        let mut pixels = vec![0; (size.width * size.height) as usize];
        let mut canvas = Canvas::new(&mut pixels, size, size.width as usize);
        Painter::new().draw(paint, &mut canvas, facts);
        pixels
    }

    const PAINTS: [Paint; 5] = [Paint::Scene, Paint::Flip, Paint::Unique, Paint::Still, Paint::Damage];

    #[test]
    fn every_picture_fits_every_size() {
        for paint in PAINTS {
            for (width, height) in [(16, 16), (17, 400), (400, 17), (640, 480)] {
                let pixels = drawn(paint, Size::new(width, height), &FACTS);
                assert!(pixels.iter().all(|pixel| pixel >> 24 == 0), "{paint:?}");
            }
        }
    }

    #[test]
    fn no_two_pixels_of_the_unique_picture_are_alike() {
        let pixels = drawn(Paint::Unique, Size::new(1280, 800), &FACTS);
        assert_eq!(pixels[1280 * 3 + 2], 2 << 12 | 3);
        assert_eq!(pixels.iter().collect::<HashSet<_>>().len(), pixels.len());
    }

    #[test]
    fn heads_are_told_apart() {
        let size = Size::new(320, 240);
        for paint in [Paint::Unique, Paint::Scene] {
            let first = drawn(paint, size, &FACTS);
            assert!(first != drawn(paint, size, &Facts { head: 1, ..FACTS }), "{paint:?}");
        }
    }

    #[test]
    fn every_pixel_of_a_flip_is_new() {
        let size = Size::new(64, 480);
        for frame in [0, 1, 218, 219, 1529] {
            let before = drawn(Paint::Flip, size, &Facts { frame, ..FACTS });
            let after = drawn(Paint::Flip, size, &Facts { frame: frame + 1, ..FACTS });
            assert!(before.iter().zip(&after).all(|(before, after)| before != after), "frame {frame}");
        }
    }

    #[test]
    fn still_pictures_are_still_and_moving_ones_move() {
        let size = Size::new(320, 240);
        let later = Facts { time: Duration::from_secs(13), frame: 390, last: "key 30 KEY_A down", ..FACTS };
        for paint in PAINTS {
            let same = drawn(paint, size, &FACTS) == drawn(paint, size, &later);
            assert_eq!(same, paint.motion(size) == Motion::None, "{paint:?}");
        }
    }

    #[test]
    fn damage_stays_in_its_square() {
        let size = Size::new(640, 480);
        let area = damage_area(size);
        assert_eq!((area.width, area.height), (64, 64));
        let before = drawn(Paint::Damage, size, &FACTS);
        let after = drawn(Paint::Damage, size, &Facts { frame: 361, ..FACTS });
        for (at, (before, after)) in (0..).zip(before.iter().zip(&after)) {
            let (x, y) = (at % size.width, at / size.width);
            let inside = (area.x..area.x + 64).contains(&x) && (area.y..area.y + 64).contains(&y);
            assert_eq!(before != after, inside, "at {x},{y}");
        }
    }

    #[test]
    fn corners_are_marked_to_the_very_edge() {
        let size = Size::new(320, 200);
        for paint in [Paint::Scene, Paint::Still] {
            let pixels = drawn(paint, size, &FACTS);
            let at = |x: u32, y: u32| pixels[(y * size.width + x) as usize];
            let corners = [at(0, 0), at(319, 0), at(0, 199), at(319, 199)];
            assert_eq!(corners, [0xff_00_00, 0x00_ff_00, 0x00_00_ff, 0xff_ff_ff], "{paint:?}");
            assert_eq!([at(1, 0), at(0, 1), at(23, 0)], [0xff_00_00; 3]);
            assert_ne!(at(1, 1), 0xff_00_00);
            assert_ne!(at(24, 0), 0xff_00_00);
        }
    }

    #[test]
    fn the_colour_circle_is_closed_and_without_repeats() {
        let colours: HashSet<u32> = (0..1530).map(vivid).collect();
        assert_eq!(colours.len(), 1530);
        assert_eq!(vivid(1530), vivid(0));
    }
}
