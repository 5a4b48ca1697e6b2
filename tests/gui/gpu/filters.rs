//! The filters' shaders against the same filters written for the processor.

use oriel::frame::{Damage, Scanout};
use oriel::geometry::{Look, Placement, Rect, Rotation, Scaling, ScreenScale, Size};
use oriel::pixel::Format;
use oriel::present::filter::FURTHEST;
use oriel::present::view::View;
use oriel::present::viewport::Shape;
use oriel::present::{Colour, Filter, Kernel, Paint, Scene};

use super::{Spec, canvas, gpu, read};

/// How far a channel may be from the reference: the GPU computes in 32 bits and rounds as it likes.
const TOLERANCE: u8 = 2;

/// Colours of a picture: hard edges, smooth slopes, single lines and single pixels.
struct Pattern {
    width: i32,
    height: i32,
}

impl Pattern {
    fn texel(&self, x: i32, y: i32) -> [f64; 3] {
        let (x, y) = (x.clamp(0, self.width - 1), y.clamp(0, self.height - 1));
        let slope = f64::from(x) / f64::from(self.width - 1);
        let lines = if x % 7 == 3 || y % 5 == 2 { 1.0 } else { 0.1 };
        let dots = if (x * 13 + y * 29) % 11 == 0 { 0.9 } else { slope / 2.0 };
        [slope, lines, dots].map(|value| (value * 255.0).round() / 255.0)
    }

    fn bytes(&self) -> Vec<u8> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of 1")]
        let byte = |value: f64| (value * 255.0).round() as u8;
        let places = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        places
            .flat_map(|(x, y)| {
                let [red, green, blue] = self.texel(x, y).map(byte);
                [blue, green, red, 0]
            })
            .collect()
    }

    /// As in `shaders/picture.frag`.
    fn tent(&self, at: [f64; 2], radius: [f64; 2]) -> [f64; 3] {
        let weight = |texel: i32, axis: usize| {
            (1.0 - (f64::from(texel) + 0.5 - at[axis]).abs() / radius[axis]).max(0.0)
        };
        #[expect(clippy::cast_possible_truncation, reason = "texels of a small picture")]
        let span = |axis: usize| {
            ((at[axis] - radius[axis]).floor() as i32 - 1)..((at[axis] + radius[axis]).ceil() as i32 + 1)
        };
        let (mut sum, mut whole) = ([0.0; 3], 0.0);
        for y in span(1) {
            for x in span(0) {
                let weight = weight(x, 0) * weight(y, 1);
                let texel = self.texel(x, y);
                (0..3).for_each(|channel| sum[channel] += texel[channel] * weight);
                whole += weight;
            }
        }
        sum.map(|sum| sum / whole)
    }

    /// What a kernel makes of a position, with so many texels to a device pixel.
    fn mixed(&self, kernel: Kernel, at: [f64; 2], texels: [f64; 2]) -> [f64; 3] {
        let radius = texels.map(|texels| texels.clamp(1.0, f64::from(FURTHEST)));
        match kernel {
            #[expect(clippy::cast_possible_truncation, reason = "texels of a small picture")]
            Kernel::Nearest => self.texel(at[0].floor() as i32, at[1].floor() as i32),
            Kernel::Linear => self.tent(at, [1.0, 1.0]),
            Kernel::Area => self.tent(at, radius),
            Kernel::Sharp => {
                let axis = |axis: usize| {
                    let from = (at[axis] - 0.5).floor() + 0.5;
                    let steep = (1.0 / texels[axis]).max(1.0);
                    from + ((at[axis] - from - 0.5) * steep + 0.5).clamp(0.0, 1.0)
                };
                self.tent([axis(0), axis(1)], [1.0, 1.0])
            }
            Kernel::Sharpen => self.sharpened(at, radius),
        }
    }

    fn sharpened(&self, at: [f64; 2], radius: [f64; 2]) -> [f64; 3] {
        let [x, y] = at;
        let here = self.tent(at, radius);
        let around = [[x - radius[0], y], [x + radius[0], y], [x, y - radius[1]], [x, y + radius[1]]]
            .map(|at| self.tent(at, radius));
        let channel = |channel: usize| {
            let all = around.iter().map(|colour| colour[channel]);
            let least = all.clone().fold(here[channel], f64::min);
            let most = all.clone().fold(here[channel], f64::max);
            let room = (least.min(1.0 - most) / most.max(1.0 / 512.0)).clamp(0.0, 1.0);
            let weight = -0.16 * room.sqrt();
            ((all.sum::<f64>() * weight + here[channel]) / (1.0 + 4.0 * weight)).clamp(0.0, 1.0)
        };
        [channel(0), channel(1), channel(2)]
    }
}

/// Where a device pixel of the picture comes from.
fn source(placement: &Placement, x: u32, y: u32) -> [f64; 2] {
    let (whole, guest) = (placement.device_size(), placement.guest());
    let turned = placement.rotation().turn_size(guest);
    let across = (f64::from(x) + 0.5) * f64::from(turned.width) / f64::from(whole.width);
    let down = (f64::from(y) + 0.5) * f64::from(turned.height) / f64::from(whole.height);
    let (width, height) = (f64::from(guest.width), f64::from(guest.height));
    match placement.rotation() {
        Rotation::None => [across, down],
        Rotation::Right => [down, height - across],
        Rotation::Half => [width - across, height - down],
        Rotation::Left => [width - down, across],
    }
}

fn compare(filter: Filter, guest: (u32, u32), room: (u32, u32), rotation: Rotation) {
    let mut gpu = gpu();
    let pattern = Pattern { width: guest.0.cast_signed(), height: guest.1.cast_signed() };
    let picture = Spec::of(Format::Xrgb8888, guest.0, guest.1).buffer(&pattern.bytes(), &[(0, guest.0 * 4)]);
    let scanout = Scanout::Dmabuf(picture.dmabuf.clone());
    let look = Look { rotation, ..Look::from(Scaling::Fill) };
    let area = Rect::new(0, 0, room.0, room.1);
    let placement = Placement::new(scanout.size(), area, ScreenScale::ONE, look).expect("room");
    let scene = Scene { placement, paint: Paint { filter, background: Colour::BLACK } };
    let view = View::new(Shape::of(&scanout), scene);
    assert_eq!(view.size(), Size::new(room.0, room.1));
    let (drawn, target) = canvas(&mut gpu, room.0, room.1);
    gpu.import(&picture.dmabuf, oriel::clock::now()).expect("an import");
    gpu.draw(&scanout, &target, &view, &Damage::whole(scanout.size())).expect("a picture");
    let (across, down) = placement.zoom();
    let texels = [1.0 / across, 1.0 / down];
    let (mut worst, mut place) = (0, (0, 0));
    for (y, x) in (0..room.1).flat_map(|y| (0..room.0).map(move |x| (y, x))) {
        let wanted = pattern.mixed(view.kernel(), source(&placement, x, y), texels);
        let found = read(&drawn, x, y);
        for (wanted, found) in wanted.iter().zip(found) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of 1")]
            let off = ((wanted * 255.0).round() as u8).abs_diff(found);
            if off > worst {
                (worst, place) = (off, (x, y));
            }
        }
    }
    assert!(worst <= TOLERANCE, "{filter:?} {guest:?} in {room:?} {rotation:?}: {worst} off at {place:?}");
}

/// Odd guests: no device pixel's middle lies on the border of two of their pixels, of which either could
/// be the nearest.
const SIZES: [((u32, u32), (u32, u32)); 4] =
    [((65, 49), (101, 77)), ((65, 49), (196, 99)), ((97, 81), (41, 33)), ((81, 65), (9, 61))];

#[test]
fn every_filter_is_what_its_reference_says() {
    for filter in Filter::ALL {
        for (guest, room) in SIZES {
            compare(filter, guest, room, Rotation::None);
        }
    }
}

#[test]
fn turned_pictures_are_filtered_like_upright_ones() {
    for rotation in [Rotation::Right, Rotation::Half, Rotation::Left] {
        for filter in [Filter::Nearest, Filter::Sharp, Filter::Area, Filter::Sharpen] {
            compare(filter, (65, 49), (101, 77), rotation);
        }
    }
}

/// Lines a pixel wide, shown smaller, move by a pixel: hardly a device pixel notices. With the nearest
/// pixel, or a mixture of four, they flash.
#[test]
fn what_is_shrunk_does_not_shimmer() {
    const SIZE: (u32, u32) = (240, 64);
    const ROOM: (u32, u32) = (67, 19);
    let shown = |filter: Filter, shift: u32| -> Vec<u8> {
        let mut gpu = gpu();
        let line = (0..SIZE.0).flat_map(|x| [if (x + shift).is_multiple_of(2) { 255 } else { 0 }; 4]);
        let line: Vec<u8> = line.collect();
        let picture = Spec::of(Format::Xrgb8888, SIZE.0, SIZE.1)
            .buffer(&line.repeat(SIZE.1 as usize), &[(0, SIZE.0 * 4)]);
        let scanout = Scanout::Dmabuf(picture.dmabuf.clone());
        let area = Rect::new(0, 0, ROOM.0, ROOM.1);
        let placement = Placement::new(scanout.size(), area, ScreenScale::ONE, Scaling::Fill).expect("room");
        let scene = Scene { placement, paint: Paint { filter, background: Colour::BLACK } };
        let (drawn, target) = canvas(&mut gpu, ROOM.0, ROOM.1);
        gpu.import(&picture.dmabuf, oriel::clock::now()).expect("an import");
        let view = View::new(Shape::of(&scanout), scene);
        gpu.draw(&scanout, &target, &view, &Damage::whole(scanout.size())).expect("a picture");
        // Beyond the outermost lines there are only repetitions of them.
        (3..ROOM.0 - 3).map(|x| read(&drawn, x, ROOM.1 / 2)[0]).collect()
    };
    let flicker = |filter| {
        let (one, other) = (shown(filter, 0), shown(filter, 1));
        one.iter().zip(&other).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
    };
    assert!(flicker(Filter::Auto) <= 25, "{}", flicker(Filter::Auto));
    assert!(flicker(Filter::Nearest) == 255 && flicker(Filter::Linear) > 200);
}
