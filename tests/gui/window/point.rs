//! What a script makes of the pointer: the machine's, in shape and place, and how it is held.

use oriel::frame::Cursor;
use oriel::geometry::Point;

use super::*;

/// A pointer of the machine's: width, height, the pixel that points, and rows of B, G, R, A.
pub(crate) struct Shape {
    pub(crate) size: (u32, u32),
    pub(crate) hot: (i32, i32),
    pub(crate) bytes: Vec<u8>,
}

impl Shape {
    /// `arrow` has a colour of its own in each pixel, and odd sides; `beam` inverts what it lies on.
    pub(crate) fn named(name: &str) -> Self {
        let (size, hot) = if name == "beam" { ((5, 15), (2, 7)) } else { ((13, 17), (3, 2)) };
        let colour = |x: u32, y: u32| {
            let byte = |value: u32| u8::try_from(value).expect("a byte");
            match name {
                "beam" if x == 2 || y == 0 || y == 14 => [255, 255, 255, 0],
                "beam" => [0; 4],
                _ if x <= y => [byte(x * 18), byte(y * 14), byte(200 - x * 3), 255],
                _ => [0; 4],
            }
        };
        let pixels = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
        Self { size, hot, bytes: pixels.flat_map(|(x, y)| colour(x, y)).collect() }
    }
}

impl Play {
    pub(super) fn act_on_pointer(&self, words: &[&str]) {
        match *words {
            ["mode", id, mode] => {
                let mode = if mode == "absolute" { PointerMode::Absolute } else { PointerMode::Relative };
                self.tell(Event::PointerMode(ConsoleId(id.parse().expect("a number")), mode));
            }
            ["cursor", id, "hidden"] => self.set_cursor(id.parse().expect("a number"), (0, 0), false),
            ["cursor", id, name] => {
                let Shape { size, hot, bytes } = Shape::named(name);
                let cursor = Cursor::new(Size::new(size.0, size.1), Point::new(hot.0, hot.1), bytes);
                let cursor = frame::Event::Cursor(Arc::new(cursor.expect("a shape")));
                self.apply(id.parse().expect("a number"), cursor);
            }
            // The corner of its shape, as vGPUs tell it.
            ["cursor", id, x, y] => {
                let at = [x, y].map(|at| at.parse().expect("a number"));
                self.set_cursor(id.parse().expect("a number"), (at[0], at[1]), true);
            }
            ["tie", tie] => self.view().set_tie(match tie {
                "lock" => Tie::Lock,
                "confine" => Tie::Confine,
                _ => Tie::Free,
            }),
            ["touch", event, x, y] => self.touch(event, x, y),
            ["raw", factor] => self.view().set_speed(Speed::raw(factor.parse().expect("a number"))),
            ["pointer"] => self.say_pointer(),
            ["hold"] => self.recorder.say(&format!("hold {}", self.view().holds_pointer())),
            // The main loop does nothing else meanwhile, as while a large window is being drawn.
            ["busy", milliseconds] => {
                std::thread::sleep(Duration::from_millis(milliseconds.parse().expect("a number")))
            }
            _ => panic!("not in the script's language: {words:?}"),
        }
    }

    /// In which part of the picture the pointer is, as far as the window knows.
    fn say_pointer(&self) {
        let (window, view) = (self.window(), self.view());
        let (left, top) = window.surface_transform();
        let seat = gtk::prelude::WidgetExt::display(window).default_seat().expect("a seat");
        let surface = window.surface().expect("a surface");
        let at = surface.device_position(&seat.pointer().expect("a pointer"));
        let bounds = view.compute_bounds(window).expect("a place");
        let (x, y, _) = at.unwrap_or((-1.0, -1.0, gtk::gdk::ModifierType::empty()));
        // From 0 to 2: near the beginning, in the middle, near the end.
        let part = |at: f64, start: f32, length: f32| match (at - f64::from(start)) / f64::from(length) {
            0.0..0.25 => Some(0),
            0.25..=0.75 => Some(1),
            0.75..=1.0 => Some(2),
            _ => None,
        };
        let parts =
            part(x - left, bounds.x(), bounds.width()).zip(part(y - top, bounds.y(), bounds.height()));
        let words = parts.map(|(across, down)| format!("{across} {down}"));
        self.recorder.say(&format!("pointer {}", words.as_deref().unwrap_or("elsewhere")));
    }

    fn set_cursor(&self, id: u32, (x, y): (i32, i32), visible: bool) {
        self.apply(id, frame::Event::PointerSet { at: Point::new(x, y), visible });
    }
}
