//! Finding the guest's picture on a screen by the coloured corners that the guest draws.

use harness::shot::{Image, Pixel, Rect};

/// The corners' colours: upper left, upper right, lower left, lower right (tests/guest, `scene`).
const CORNERS: [Pixel; 4] = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255; 4]];

/// Pixels along each edge that a corner's lines take.
const LENGTH: i32 = 24;

/// The guest's picture on a screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Picture {
    /// Where it is, in device pixels.
    pub(crate) place: Rect,
    /// What the guest drew, in its own pixels.
    pub(crate) guest: (u32, u32),
}

impl Picture {
    /// Looks for the picture of a guest in this mode inside a part of the screen.
    pub(crate) fn find(screen: &Image, part: Rect, guest: (u32, u32)) -> Option<Self> {
        let part = part.intersection(screen.rect());
        let inside = screen.crop(part);
        let [red, green, blue] = [0, 1, 2].map(|channel| inside.find_rect(|pixel| is_vivid(pixel, channel)));
        let (red, green, blue) = (red?, green?, blue?);
        let (x, y) = (red.x, red.y);
        let place = Rect::new(part.x + x, part.y + y, green.right() - x, blue.bottom() - y);
        let picture = Self { place, guest };
        // In the right order, and not distorted by more than the rounding of both edges.
        let skew = f64::from(place.width) / f64::from(guest.0) - f64::from(place.height) / f64::from(guest.1);
        let is_whole = green.x > x && blue.y > y && skew.abs() * f64::from(guest.1) < 3.0;
        is_whole.then_some(picture)
    }

    /// Whether one guest pixel is one device pixel.
    pub(crate) fn is_exact(&self) -> bool {
        (self.place.width, self.place.height) == (self.guest.0.cast_signed(), self.guest.1.cast_signed())
    }

    /// Checks every pixel of the corners' lines; only for a picture that is not scaled.
    pub(crate) fn has_exact_corners(&self, screen: &Image) -> bool {
        let Rect { x, y, .. } = self.place;
        let (right, bottom) = (self.place.right() - 1, self.place.bottom() - 1);
        let corners = [(x, y, 1, 1), (right, y, -1, 1), (x, bottom, 1, -1), (right, bottom, -1, -1)];
        let shows =
            |x: i32, y: i32, colour: Pixel| screen.get(x.cast_unsigned(), y.cast_unsigned()) == colour;
        corners.into_iter().zip(CORNERS).all(|((x, y, right, down), colour)| {
            (0..LENGTH).all(|step| shows(x + right * step, y, colour) && shows(x, y + down * step, colour))
        })
    }

    /// Where on the screen the middle of a guest pixel is.
    pub(crate) fn on_screen(&self, (x, y): (u32, u32)) -> (f64, f64) {
        let along = |at: u32, start: i32, length: i32, of: u32| {
            f64::from(start) + (f64::from(at) + 0.5) * f64::from(length) / f64::from(of)
        };
        let Rect { x: left, y: top, width, height } = self.place;
        (along(x, left, width, self.guest.0), along(y, top, height, self.guest.1))
    }
}

/// Clearly more of one primary colour than of the others, as lines are that were scaled.
fn is_vivid(pixel: Pixel, channel: usize) -> bool {
    let others = (0..3).filter(|&other| other != channel).map(|other| pixel[other]).max().unwrap_or(0);
    others < 80 && pixel[channel] > 120 && pixel[channel] - others > 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest_picture(width: u32, height: u32) -> Image {
        Image::from_fn(width, height, |x, y| {
            let (right, bottom) = (width - 1 - x, height - 1 - y);
            let is_on = |x, y| (x == 0 && y < 24) || (y == 0 && x < 24);
            let corners = [(x, y), (right, y), (x, bottom), (right, bottom)];
            corners.iter().position(|&(x, y)| is_on(x, y)).map_or([22, 29, 64, 255], |index| CORNERS[index])
        })
    }

    #[test]
    fn it_is_found_where_it_is() {
        let guest = guest_picture(320, 200);
        let screen = Image::from_fn(500, 400, |x, y| {
            if (80..400).contains(&x) && (50..250).contains(&y) {
                guest.get(x - 80, y - 50)
            } else {
                [250, 250, 250, 255]
            }
        });
        let found = Picture::find(&screen, screen.rect(), (320, 200)).expect("it is there");
        assert_eq!(found.place, Rect::new(80, 50, 320, 200));
        assert!(found.is_exact() && found.has_exact_corners(&screen));
        assert_eq!(found.on_screen((0, 0)), (80.5, 50.5));
        assert_eq!(Picture::find(&screen, screen.rect(), (640, 200)), None);
        assert_eq!(Picture::find(&screen, Rect::new(0, 0, 300, 400), (320, 200)), None);
    }

    #[test]
    fn a_scaled_one_is_found_too() {
        let guest = guest_picture(320, 200);
        let screen = Image::from_fn(480, 300, |x, y| guest.get(x * 2 / 3, y * 2 / 3));
        let found = Picture::find(&screen, screen.rect(), (320, 200)).expect("it is there");
        assert_eq!(found.place, screen.rect());
        assert!(!found.is_exact());
        assert_eq!(found.on_screen((319, 0)), (319.5 * 1.5, 0.75));
    }
}
