//! The machine's pointer, pixel for pixel: worn by the desktop's own, and drawn where that is not.

use harness::desk::Output;
use harness::input::{Input, keys};
use harness::shot::{Image, Rect};

use super::keyboard::{GUEST, WINDOW, wait_for};
use super::pointer::wait_for_hold;
use super::stage::point::Shape;
use super::{Scene, showing};

/// The screen, which the window fills.
const SCREEN: (i32, i32) = (768, 576);

/// Each scale with the height that it leaves the picture under the header.
const SCALES: [(f64, i32); 3] = [(1.0, 530), (1.5, 507), (2.0, 484)];

/// A place in the picture, and how much around it is looked at.
const PLACE: (i32, i32) = (301, 225);
const AROUND: i32 = 48;

/// A window that fills a screen, whose pictures will.
fn filling() -> (Scene, Input) {
    let output = Output::new(SCREEN.0.unsigned_abs(), SCREEN.1.unsigned_abs());
    let mut scene = Scene::new(output, "");
    scene.play(&["open guest", "live web", "console 0", "mode 0 absolute"]);
    let window = scene.window();
    scene.sway.on(&window, "floating disable").expect("a window");
    let input = scene.input();
    (scene, input)
}

/// Another scale, and a picture of which each pixel is one of the screen's.
fn rescale(scene: &mut Scene, input: &mut Input, (scale, height): (f64, i32)) {
    scene.sway.set_scale("HEADLESS-1", scale).expect("a scale");
    input.layout_changed(&scene.sway).expect("a layout");
    scene.play(&[&format!("picture 0 {} {height}", SCREEN.0)]);
    scene.wait_for_state(&format!("size={}x{}", f64::from(SCREEN.0) / scale, f64::from(SCREEN.1) / scale));
    scene.wait_for_state("page=[]");
}

/// What is seen around [`PLACE`].
fn part(image: &Image, height: i32) -> Image {
    let top = SCREEN.1 - height;
    image.crop(Rect::new(PLACE.0 - AROUND, top + PLACE.1 - AROUND, 2 * AROUND, 2 * AROUND))
}

/// Whether exactly this is seen there.
fn shows(height: i32, want: &Image) -> impl Fn(&Image) -> bool {
    move |image| part(image, height).compare(want).is_ok_and(|found| found.is_none())
}

/// The same as [`part`] with a shape over it, which points at [`PLACE`].
fn with_shape(bare: &Image, shape: &Shape) -> Image {
    Image::from_fn(bare.width(), bare.height(), |x, y| {
        let of_shape = |at: u32, hot: i32, side: u32| {
            let at = at.cast_signed() - AROUND + hot;
            u32::try_from(at).ok().filter(|at| *at < side)
        };
        let pixel = of_shape(x, shape.hot.0, shape.size.0)
            .zip(of_shape(y, shape.hot.1, shape.size.1))
            .map(|(x, y)| (y * shape.size.0 + x) as usize * 4)
            .map(|start| <[u8; 4]>::try_from(&shape.bytes[start..start + 4]).expect("four"));
        match pixel {
            Some([blue, green, red, 255]) => [red, green, blue, 255],
            _ => bare.get(x, y),
        }
    })
}

fn point_at_place(input: &mut Input, scale: f64, height: i32) {
    let at = |pixel: i32| (f64::from(pixel) + 0.5) / scale;
    input.move_to(at(PLACE.0), at(SCREEN.1 - height + PLACE.1)).expect("a pointer");
}

#[test]
fn the_desktops_pointer_wears_the_guests_shape_at_every_scale() {
    let (mut scene, mut input) = filling();
    let shape = Shape::named("arrow");
    for (scale, height) in SCALES {
        rescale(&mut scene, &mut input, (scale, height));
        input.move_to(1.0, f64::from(SCREEN.1) / scale - 1.0).expect("a pointer");
        let bare = part(&scene.picture(), height);
        scene.play(&["cursor 0 arrow", "cursor 0 10 10"]);
        point_at_place(&mut input, scale, height);
        let want = with_shape(&bare, &shape);
        scene.wait_for_picture(&format!("arrow-{scale}"), shows(height, &want));
        scene.play(&["cursor 0 hidden"]);
        scene.wait_for_picture(&format!("hidden-{scale}"), shows(height, &bare));
        // What inverts is black with a white edge, which is seen on everything.
        scene.play(&["cursor 0 beam", "cursor 0 10 10"]);
        let beam = |image: &Image| {
            let at = |x: i32, y: i32| {
                part(image, height).get((AROUND + x).unsigned_abs(), (AROUND + y).unsigned_abs())
            };
            (-5..=5).all(|y| at(0, y) == [0, 0, 0, 255] && at(-1, y) == [255; 4] && at(1, y) == [255; 4])
        };
        scene.wait_for_picture(&format!("beam-{scale}"), beam);
    }
}

#[test]
fn a_guest_with_a_mouse_has_its_pointer_drawn_where_it_is() {
    let (mut scene, mut input) = filling();
    scene.play(&["mode 0 relative"]);
    let shape = Shape::named("arrow");
    for (scale, height) in SCALES {
        rescale(&mut scene, &mut input, (scale, height));
        input.move_to(1.0, f64::from(SCREEN.1) / scale - 1.0).expect("a pointer");
        scene.play(&["cursor 0 hidden"]);
        let bare = part(&scene.picture(), height);
        let corner = (PLACE.0 - shape.hot.0, PLACE.1 - shape.hot.1);
        scene.play(&["cursor 0 arrow", &format!("cursor 0 {} {}", corner.0, corner.1)]);
        let want = with_shape(&bare, &shape);
        scene.wait_for_picture(&format!("drawn-{scale}"), shows(height, &want));
        scene.play(&["cursor 0 hidden"]);
        scene.wait_for_picture(&format!("gone-{scale}"), shows(height, &bare));
    }
}

#[test]
fn a_guest_that_puts_its_pointer_elsewhere_has_it_drawn_there() {
    let (mut scene, mut input) = filling();
    let shape = Shape::named("arrow");
    let (scale, height) = SCALES[1];
    rescale(&mut scene, &mut input, (scale, height));
    scene.play(&["cursor 0 hidden"]);
    let bare = part(&scene.picture(), height);
    let point_at = |input: &mut Input, pixel: (i32, i32)| {
        let at = |pixel: i32| (f64::from(pixel) + 0.5) / scale;
        input.move_to(at(pixel.0), at(SCREEN.1 - height + pixel.1)).expect("a pointer");
    };
    let told =
        |scene: &mut Scene, at: (i32, i32)| scene.hear_until(|said| said == format!("0 MoveTo({at:?})"));
    let guest_at = |at: (i32, i32)| format!("cursor 0 {} {}", at.0 - shape.hot.0, at.1 - shape.hot.1);

    point_at(&mut input, (20, 30));
    told(&mut scene, (20, 30));
    scene.play(&["cursor 0 arrow", &guest_at((10, 10)), &guest_at((20, 30)), &guest_at(PLACE)]);
    scene.wait_for_picture("elsewhere", shows(height, &with_shape(&bare, &shape)));
    // It follows again.
    point_at(&mut input, (40, 50));
    told(&mut scene, (40, 50));
    scene.play(&[&guest_at((40, 50))]);
    scene.wait_for_picture("here", shows(height, &bare));
    // Where a person pointed with a tablet says nothing any more once the guest has had a mouse.
    scene.play(&["mode 0 relative", &guest_at(PLACE)]);
    scene.wait_for_picture("mouse", shows(height, &with_shape(&bare, &shape)));
    scene.play(&["mode 0 absolute"]);
    scene.wait_for_picture("tablet", shows(height, &bare));
}

#[test]
fn a_pointer_that_is_let_go_comes_back_where_the_guests_was() {
    let mut scene = showing("guest", 640, 480);
    let mut input = scene.input();
    scene.play(&["mode 0 relative", "cursor 0 arrow", "cursor 0 400 250"]);
    scene.wait_for_state("size=640x526");
    let window = scene.window().rect;
    input.move_to(f64::from(window.x + 100), f64::from(window.y + 200)).expect("a pointer");
    input.click(keys::BTN_LEFT).expect("a button");
    wait_for(&mut scene, GUEST);
    wait_for_hold(&mut scene, true);
    scene.play(&["cursor 0 500 300"]);
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_LEFTALT]).expect("keys");
    wait_for(&mut scene, WINDOW);
    wait_for_hold(&mut scene, false);
    scene.play(&["mode 0 absolute"]);
    input.move_by(10.0, 20.0).expect("a pointer");
    let Shape { hot, .. } = Shape::named("arrow");
    let expected = format!("0 MoveTo(({}, {}))", 500 + hot.0 + 10, 300 + hot.1 + 20);
    scene.hear_until(|answer| answer == expected);
}
