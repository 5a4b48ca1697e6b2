//! Every pixel of the guest's where it belongs: all scales, all kinds of windows, all ways up.
//!
//! One compositor and one client for each rung; the screen's scale changes under them.

use std::time::{Duration, Instant};

use harness::shot::Rect;
use oriel::geometry::{Direct, Look, Placement, Rotation, Sampling, Scaling, ScreenScale};

use super::stage::Stage;
use super::words::{Ask, Medium, Mode, Rung};

const SCALES: [f64; 8] = [1.0, 1.1, 1.25, 4.0 / 3.0, 1.5, 1.75, 2.0, 2.5];

/// A corner that is one of units and of device pixels at every scale.
const CORNER: (i32, i32) = (60, 60);

/// Nearly the screen's size in device pixels: large enough for the windows at every scale, and not much
/// larger, because all of it is looked at.
const SCREEN: (u32, u32) = (800, 640);

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
        case((901, 903), Mode::OneToOne, 2),
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
            floats(stage, Rect::new(CORNER.0, CORNER.1, width, height));
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

/// Puts the window here. Sway gives it the size that it has just drawn, if that comes late: then it is
/// asked once more.
fn floats(stage: &mut Stage, place: Rect) {
    let Rect { x, y, width, height } = place;
    let id = stage.window.id;
    let command = format!(
        "floating enable, resize set width {width} px height {height} px, move absolute position {x} px {y} px"
    );
    let deadline = Instant::now() + super::stage::LIMIT * 3;
    loop {
        stage.sway.on(&stage.window, &command).expect("a window");
        let found = stage.sway.wait_for_windows("a place", Duration::from_secs(2), |all| {
            all.iter().find(|one| one.id == id && one.rect == place).cloned()
        });
        match found {
            Ok(window) => return stage.window = window,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
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
fn all(rung: Rung, renderer: Option<(&str, &str)>, medium: Medium, check: impl Fn(&mut Stage, &Placement)) {
    let variables: Vec<_> = renderer.map(|(name, _)| ("GSK_RENDERER", name)).into_iter().collect();
    let mut stage = Stage::with(1.0, (240, 180), &variables);
    stage.whole = rung == Rung::Gtk;
    stage.ask(Ask::Open { rung });
    if let Some((_, renderer)) = renderer {
        let report = stage.report();
        assert_eq!(report.renderer, renderer, "is its driver installed? {report:#?}");
    }
    let mut picture = 1;
    for (turn, scale) in (0..).zip(SCALES) {
        stage.rescale(SCREEN, scale);
        for (also, window) in (0..).zip(SHAPES) {
            shape(&mut stage, window);
            let sharp = cases(turn + also);
            let direct = dividing(scale, turn + also);
            // What is not exact by a viewport is not promised by the direct rung.
            let cases = if rung == Rung::Direct { &direct[..] } else { &sharp[..] };
            let more = if rung == Rung::Auto { &direct[..] } else { &[] };
            for case in cases.iter().chain(more) {
                picture += 1;
                let name = format!("{scale} {window:?} {case:?}");
                eprintln!("{name}");
                let placement = show(&mut stage, *case, picture, medium);
                stage.expect_placed(&name, &placement, picture);
                check(&mut stage, &placement);
            }
        }
    }
    stage.quit();
}

/// Waits for a rung that says that it is exact, in its statistics, too.
fn exact(stage: &mut Stage, rung: &str) {
    let (status, name) = (format!("rung: {rung}"), rung.to_lowercase());
    stage.wait("an exact rung", |report| {
        let path = &report.stats["path"];
        let told = path["rung"] == *name && path["sampling"] == "exact";
        told && report.status.contains(&status) && report.status.contains("fidelity: Exact")
    });
}

/// Waits for the direct rung; that its pixels are the guest's is in the statistics.
fn direct(stage: &mut Stage) {
    stage.wait("the direct rung", |report| {
        let path = &report.stats["path"];
        let told = path["rung"] == "direct" && (path["sampling"] == "exact" || path["sampling"] == "rounded");
        told && report.status.contains("rung: Direct")
    });
}

#[test]
fn on_the_direct_rung_where_sizes_divide() {
    all(Rung::Direct, None, Medium::Map, |stage, placement| {
        assert!(placement.direct() < Direct::Resampled, "{placement:#?}");
        direct(stage);
    });
}

#[test]
fn on_the_best_rung_that_shows_it_so() {
    all(Rung::Auto, None, Medium::SealedMap, |stage, placement| {
        if !placement.gains_by_canvas() && placement.sampling() == Sampling::OneToOne {
            direct(stage);
        } else if placement.canvas().direct <= Direct::Steady {
            // Without a GPU the processor places pixels itself.
            exact(stage, "Copy");
        }
    });
}

#[test]
fn on_the_copy_rung() {
    all(Rung::Copy, None, Medium::Dmabuf { y0_top: true }, |_, _| {});
}

#[cfg(feature = "gl")]
#[test]
fn on_the_compose_rung() {
    all(Rung::Compose, None, Medium::SealedFlipped, |stage, placement| {
        if placement.canvas().direct <= Direct::Steady {
            exact(stage, "Compose");
        }
    });
}

#[test]
fn drawn_by_gtk_with_opengl() {
    all(Rung::Gtk, Some(("ngl", "GskGLRenderer")), Medium::Map, |stage, _| exact(stage, "Gtk"));
}

/// Mesa's lavapipe does a GPU's work (Debian: mesa-vulkan-drivers).
#[test]
fn drawn_by_gtk_with_vulkan() {
    all(Rung::Gtk, Some(("vulkan", "GskVulkanRenderer")), Medium::Map, |stage, _| exact(stage, "Gtk"));
}

#[test]
fn drawn_by_gtk_with_the_processor() {
    all(Rung::Gtk, Some(("cairo", "GskCairoRenderer")), Medium::Dmabuf { y0_top: true }, |stage, _| {
        exact(stage, "Gtk");
    });
}

/// The window moves between two monitors of different scale while it is shown.
#[test]
fn from_one_monitor_to_another_and_back() {
    for (rung, medium) in [(Rung::Auto, Medium::SealedMap), (Rung::Gtk, Medium::Map)] {
        let mut stage = Stage::with(1.0, (240, 180), &[]);
        stage.whole = rung == Rung::Gtk;
        stage.rescale(SCREEN, 1.25);
        stage.ask(Ask::Open { rung });
        let other = stage.sway.add_output(harness::desk::Output::new(800, 640).scale(2.0)).expect("another");
        for (turn, (output, scale)) in
            (1..).zip([("HEADLESS-1", 1.25), (&*other, 2.0)].into_iter().cycle().take(5))
        {
            let case = Case { size: (171 + turn, 131), mode: Mode::OneToOne, quarters: turn };
            let left = stage.sway.outputs().expect("outputs").into_iter().find(|one| one.name == output);
            let left = left.expect("the output").rect.x;
            floats(&mut stage, Rect::new(left + CORNER.0, CORNER.1, 240, 180));
            stage.scale = scale;
            let placement = show(&mut stage, case, turn, medium);
            stage.output = output.to_owned();
            stage.left = left;
            stage.expect_placed(&format!("{output} {turn}"), &placement, turn);
            if turn % 2 == 0 {
                // It is moved while it is shown, and nothing new comes from the guest.
                let again = stage.placement(case.size, case.look());
                stage.expect_placed(&format!("{output} {turn} again"), &again, turn);
            }
        }
        stage.quit();
    }
}
