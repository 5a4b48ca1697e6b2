//! Every pixel of the guest's where it belongs: all scales, all kinds of windows, all ways up.
//!
//! One compositor and one client for each rung; the screen's scale changes under them.

use harness::shot::Rect;
use oriel::geometry::{Direct, Look, Placement, Rotation, Sampling, Scaling, ScreenScale};

use super::stage::Stage;
use super::words::{Ask, Medium, Mode, Rung};

const SCALES: [f64; 8] = [1.0, 1.1, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5];

/// A corner that is one of units and of device pixels at every scale.
const CORNER: (i32, i32) = (60, 60);

/// What the window is like; sizes in units.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Floating(i32, i32),
    /// It fills the screen, as a maximised one does.
    Tiled,
    Fullscreen,
}

const SHAPES: [Shape; 4] =
    [Shape::Floating(251, 187), Shape::Floating(240, 180), Shape::Tiled, Shape::Fullscreen];

/// A picture and how it is to be shown.
#[derive(Debug, Clone, Copy)]
struct Case {
    size: (u32, u32),
    mode: Mode,
    quarters: u32,
}

impl Case {
    fn look(self) -> Look {
        let scaling = match self.mode {
            Mode::Fit => Scaling::Fit,
            Mode::OneToOne => Scaling::OneToOne,
            Mode::Integer => Scaling::Integer,
            Mode::Fill => Scaling::Fill,
        };
        let rotation = (0..self.quarters).fold(Rotation::None, |rotation, _| rotation.right());
        Look { rotation, ..Look::from(scaling) }
    }
}

/// Odd and even, smaller and larger than the windows, 1:1 and at whole multiples. Over all scales and
/// windows each is shown all ways up.
fn cases(turn: u32) -> [Case; 5] {
    let case = |size, mode, quarters: u32| Case { size, mode, quarters: (quarters + turn) % 4 };
    [
        case((173, 131), Mode::OneToOne, 0),
        case((120, 98), Mode::OneToOne, 1),
        case((1339, 917), Mode::OneToOne, 2),
        case((61, 47), Mode::Integer, 3),
        case((60, 48), Mode::Integer, 0),
    ]
}

/// Sizes that divide: a viewport alone shows them.
fn dividing(scale: f64, turn: u32) -> [Case; 2] {
    let step = ScreenScale::new(scale).grid().pixels;
    let size = |width: u32, height: u32| (width / step * step, height / step * step);
    let case = |size, quarters: u32| Case { size, mode: Mode::OneToOne, quarters: (quarters + turn) % 4 };
    [case(size(176, 143), 0), case(size(121, 99), 1)]
}

fn shape(stage: &mut Stage, shape: Shape) {
    let window = stage.window.clone();
    match shape {
        Shape::Floating(width, height) => {
            stage.sway.fullscreen(&window, false).expect("no longer fullscreen");
            let place = Rect::new(CORNER.0, CORNER.1, width, height);
            stage.window = stage.sway.place(&window, place).expect("a place");
        }
        Shape::Tiled => {
            stage.sway.on(&window, "floating disable").expect("no longer floating");
            fills(stage, false);
        }
        Shape::Fullscreen => {
            stage.sway.fullscreen(&window, true).expect("fullscreen");
            fills(stage, true);
        }
    }
}

/// Waits until the window has drawn itself as large as the screen.
fn fills(stage: &mut Stage, fullscreen: bool) {
    let screen = stage.sway.outputs().expect("outputs")[0].rect;
    let id = stage.window.id;
    let found = stage.sway.wait_for_windows("a window over all of the screen", super::stage::LIMIT, |all| {
        let large = |one: &&harness::desk::Window| one.rect == screen && one.fullscreen == fullscreen;
        all.iter().filter(large).find(|one| one.id == id).cloned()
    });
    stage.window = found.expect("a large window");
}

fn show(stage: &mut Stage, case: Case, picture: u32, medium: Medium) -> Placement {
    let Case { size, mode, quarters } = case;
    let (filter, background) = ("auto".to_owned(), (40, 40, 40));
    stage.ask(Ask::Look { mode, quarters, filter, background });
    stage.ask(Ask::Switch { medium, size, margin: 0, picture });
    stage.placement(size, case.look())
}

/// Shows every case on a rung. `medium` is what the picture lies in; `check` is asked for each that
/// was seen without a wrong pixel.
fn all(rung: Rung, variables: &[(&str, &str)], medium: Medium, check: impl Fn(&mut Stage, &Placement)) {
    let mut stage = Stage::with(1.0, (240, 180), variables);
    stage.ask(Ask::Open { rung });
    let mut picture = 1;
    for (turn, scale) in (0..).zip(SCALES) {
        stage.rescale(scale);
        for (also, window) in (0..).zip(SHAPES) {
            shape(&mut stage, window);
            let sharp = cases(turn + also);
            let direct = dividing(scale, turn + also);
            // What is not exact by a viewport is not promised by the direct rung.
            let cases = if rung == Rung::Direct { &direct[..] } else { &sharp[..] };
            let more = if rung == Rung::Auto { &direct[..] } else { &[] };
            for case in cases.iter().chain(more) {
                picture += 1;
                let placement = show(&mut stage, *case, picture, medium);
                stage.expect_placed(&format!("{scale} {window:?} {case:?}"), &placement, picture);
                check(&mut stage, &placement);
            }
        }
    }
    stage.quit();
}

/// Waits for a rung that says that it is exact.
fn exact(stage: &mut Stage, rung: &str) {
    let rung = format!("rung: {rung}");
    stage.wait("an exact rung", |report| {
        report.status.contains(&rung) && report.status.contains("fidelity: Exact")
    });
}

#[test]
fn on_the_direct_rung_where_sizes_divide() {
    all(Rung::Direct, &[], Medium::Map, |stage, placement| {
        assert!(placement.direct() < Direct::Resampled, "{placement:#?}");
        stage.wait("the direct rung", |report| report.status.contains("rung: Direct"));
    });
}

#[test]
fn on_the_best_rung_that_shows_it_so() {
    all(Rung::Auto, &[], Medium::SealedMap, |stage, placement| {
        if placement.direct() == Direct::Exact && placement.sampling() == Sampling::OneToOne {
            exact(stage, "Direct");
        } else if placement.canvas().direct == Direct::Exact {
            // Without a GPU the processor places pixels itself.
            exact(stage, "Copy");
        }
    });
}

#[test]
fn on_the_copy_rung() {
    all(Rung::Copy, &[], Medium::Dmabuf { y0_top: true }, |_, _| {});
}

#[cfg(feature = "gl")]
#[test]
fn on_the_compose_rung() {
    all(Rung::Compose, &[], Medium::SealedFlipped, |stage, placement| {
        if placement.canvas().direct == Direct::Exact {
            exact(stage, "Compose");
        }
    });
}

#[test]
fn drawn_by_gtk_with_opengl() {
    all(Rung::Gtk, &[("GSK_RENDERER", "ngl")], Medium::Map, |stage, _| exact(stage, "Gtk"));
}

#[test]
fn drawn_by_gtk_with_vulkan() {
    all(Rung::Gtk, &[("GSK_RENDERER", "vulkan")], Medium::Map, |stage, _| exact(stage, "Gtk"));
}

#[test]
fn drawn_by_gtk_with_the_processor() {
    all(Rung::Gtk, &[("GSK_RENDERER", "cairo")], Medium::Dmabuf { y0_top: true }, |stage, _| {
        exact(stage, "Gtk");
    });
}
