//! A landscape at dusk that drifts by, with the guest's counters in front of it.

use super::canvas::{Veil, mix, text_width};
use super::{Area, Canvas, Facts, font};
use crate::size::Size;

/// The sky from the top to the horizon.
const SKY: [u32; 5] = [0x16_1d_40, 0x3a_31_6b, 0x8a_4f_7d, 0xe0_82_6a, 0xf9_c9_82];
const SUN: u32 = 0xff_e9_b0;
const HILLS: [Hill; 3] = [
    Hill { colour: 0x6b_48_74, level: 64, height: 6, waves: [5, 11], speed: 12 },
    Hill { colour: 0x45_33_5f, level: 74, height: 7, waves: [3, 8], speed: 30 },
    Hill { colour: 0x22_1d_3d, level: 86, height: 6, waves: [2, 5], speed: 72 },
];
const PANEL: Veil = Veil::Dense(0x0d_0f_24);
const BRIGHT: u32 = 0xff_f4_e0;
const SOFT: u32 = 0xc9_bd_dc;
const ACCENT: u32 = 0xf9_b2_66;

/// Upper left, upper right, lower left, lower right.
const CORNERS: [u32; 4] = [0xff_00_00, 0x00_ff_00, 0x00_00_ff, 0xff_ff_ff];
const CORNER_LENGTH: u32 = 24;

/// Steps of a full turn in the table of sines.
const TURN: usize = 1024;

/// One row of hills; `level` and `height` in hundredths of the picture's height.
#[derive(Debug)]
struct Hill {
    colour: u32,
    level: i32,
    height: i32,
    /// How many crests there are across the picture, for two waves laid over one another.
    waves: [usize; 2],
    /// Steps of a turn a second.
    speed: u64,
}

/// The landscape, with what it computes only once.
#[derive(Debug)]
pub(crate) struct Scene {
    /// A full turn, scaled to 1024.
    sines: Vec<i32>,
    edges: [Edge; HILLS.len()],
}

/// The upper edge of a row of hills.
#[derive(Debug, Default)]
struct Edge {
    /// For each column.
    rows: Vec<u32>,
    highest: u32,
    lowest: u32,
}

impl Edge {
    /// Lays two waves over one another.
    fn trace(&mut self, hill: &Hill, size: Size, drift: usize, sines: &[i32]) {
        let (_, height) = signed(size);
        let width = size.width as usize;
        let (level, half) = (height * hill.level / 100, height * hill.height / 100);
        // Phases in 65536ths of a step: a division for every column would cost more than the rest.
        let pace = |crests: usize| ((crests * TURN) << 16) / width.max(1);
        let [first, second] = hill.waves;
        let (mut one, mut two) = ((drift * first) << 16, (drift * second) << 16);
        let (one_pace, two_pace) = (pace(first), pace(second));
        self.rows.clear();
        for _ in 0..width {
            let sum = sines[(one >> 16) % TURN] * 2 + sines[(two >> 16) % TURN];
            self.rows.push(u32::try_from(level + half * sum / 3072).unwrap_or(0));
            (one, two) = (one + one_pace, two + two_pace);
        }
        self.highest = self.rows.iter().copied().min().unwrap_or(0);
        self.lowest = self.rows.iter().copied().max().unwrap_or(0);
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1024")]
        let sine = |step: usize| ((step as f64 / TURN as f64 * std::f64::consts::TAU).sin() * 1024.0) as i32;
        Self { sines: (0..TURN).map(sine).collect(), edges: Default::default() }
    }

    /// Draws the landscape as it is at a moment, with the counters.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas<'_>, facts: &Facts<'_>) {
        let milliseconds = u64::try_from(facts.time.as_millis()).unwrap_or(u64::MAX);
        self.draw_landscape(canvas, milliseconds);
        self.draw_spinner(canvas, facts.frame);
        draw_panel(canvas, facts);
        draw_corners(canvas);
    }

    /// Draws the landscape as it is at one fixed moment, without counters.
    pub(crate) fn draw_still(&mut self, canvas: &mut Canvas<'_>) {
        self.draw_landscape(canvas, 9_000);
        let size = canvas.size();
        let (width, height) = signed(size);
        let scale = (width / 240).clamp(1, 6);
        canvas.text_centred((width / 2, height / 4), scale, BRIGHT, &size.to_string());
        draw_corners(canvas);
    }

    fn draw_landscape(&mut self, canvas: &mut Canvas<'_>, milliseconds: u64) {
        let size = canvas.size();
        for (edge, hill) in HILLS.iter().enumerate() {
            let drift = self.step(milliseconds, hill.speed);
            self.edges[edge].trace(hill, size, drift, &self.sines);
        }
        // The sun stands behind the hills: sky first, as far down as any of it can be seen.
        let (_, height) = signed(size);
        let horizon = (height * 4 / 5).max(1);
        for y in 0..self.edges[0].lowest.min(size.height) {
            canvas.row(y).fill(sky(y.cast_signed(), horizon));
        }
        self.draw_sun(canvas, milliseconds);
        for y in self.edges[0].highest..size.height {
            self.draw_hills(canvas.row(y), y);
        }
    }

    fn draw_sun(&self, canvas: &mut Canvas<'_>, milliseconds: u64) {
        let (width, height) = signed(canvas.size());
        let day = self.step(milliseconds, 14);
        let sun = (
            width / 2 + width * 3 / 8 * self.sines[(day + TURN / 4) % TURN] / 1024,
            height * 11 / 20 - height / 4 * (self.sines[day] + 1024) / 2048,
        );
        let radius = width.min(height) / 11;
        for (halo, veil) in [(radius * 8 / 5, Veil::Faint(SUN)), (radius * 5 / 4, Veil::Light(SUN))] {
            canvas.veil((sun.0 - halo, sun.1 - halo), (halo * 2, halo * 2), halo, veil);
        }
        canvas.disc(sun, radius, SUN);
    }

    /// Draws what there is of the hills in one row: the nearest that fills it, and those before it.
    fn draw_hills(&self, row: &mut [u32], y: u32) {
        let layers = || HILLS.iter().zip(&self.edges);
        let full = layers().rposition(|(_, edge)| y >= edge.lowest);
        if let Some(full) = full {
            row.fill(HILLS[full].colour);
        }
        for (hill, edge) in layers().skip(full.map_or(0, |full| full + 1)) {
            if y < edge.highest {
                continue;
            }
            for (pixel, edge) in row.iter_mut().zip(&edge.rows) {
                *pixel = if y >= *edge { hill.colour } else { *pixel };
            }
        }
    }

    /// Twelve dots of which one more is lit in every frame.
    fn draw_spinner(&self, canvas: &mut Canvas<'_>, frame: u64) {
        let (width, height) = signed(canvas.size());
        let unit = (width.min(height) / 120).max(1);
        let centre = (width - 14 * unit, 14 * unit);
        let lit = usize::try_from(frame % 12).expect("less than 12");
        for dot in 0..12 {
            let step = dot * TURN / 12;
            let (x, y) = (self.sines[step], -self.sines[(step + TURN / 4) % TURN]);
            let at = (centre.0 + x * 7 * unit / 1024, centre.1 + y * 7 * unit / 1024);
            let age = u32::try_from((lit + 12 - dot) % 12).expect("less than 12");
            canvas.disc(at, unit + unit / 2, mix(BRIGHT, SKY[1], age * 21));
        }
    }

    /// Where in a turn something is that moves by `speed` steps a second.
    fn step(&self, milliseconds: u64, speed: u64) -> usize {
        usize::try_from(milliseconds.wrapping_mul(speed) / 1000 % TURN as u64).expect("less than a turn")
    }
}

fn sky(y: i32, horizon: i32) -> u32 {
    let bands = i32::try_from(SKY.len()).expect("few") - 1;
    let at = (y.min(horizon - 1) * bands * 256 / horizon).cast_unsigned();
    let band = (at / 256) as usize;
    mix(SKY[band], SKY[(band + 1).min(SKY.len() - 1)], at % 256)
}

/// Seconds and frames, large; the mode, the driver and the last input event.
fn draw_panel(canvas: &mut Canvas<'_>, facts: &Facts<'_>) {
    let size = canvas.size();
    let (width, height) = signed(size);
    let unit = (width / 320).min(height / 180).max(1);
    let panel = (unit * 152, unit * 76);
    let corner = ((width - panel.0) / 2, (height - panel.1) * 2 / 5);
    canvas.veil(corner, panel, unit * 5, PANEL);

    let middle = width / 2;
    let tenths = facts.time.as_millis() / 100;
    let head = if facts.head == 0 { String::new() } else { format!(" head {}", facts.head + 1) };
    let lines = [
        (7, 1, ACCENT, "Oriel test guest".to_owned()),
        (19, 3, BRIGHT, format!("{}.{}", tenths / 10, tenths % 10)),
        (44, 1, BRIGHT, format!("frame {}", facts.frame)),
        (54, 1, SOFT, format!("{size} {}{head}", facts.driver)),
        (64, 1, ACCENT, facts.last.to_owned()),
    ];
    for (down, scale, colour, text) in lines {
        let scale = fitting(&text, scale * unit, panel.0 - unit * 8);
        canvas.text_centred((middle, corner.1 + down * unit), scale, colour, &text);
    }
}

/// The scale at which a text is no wider than `room`.
fn fitting(text: &str, scale: i32, room: i32) -> i32 {
    if text_width(text, scale) <= room {
        return scale;
    }
    (room / text_width(text, 1).max(font::WIDTH)).clamp(1, scale)
}

/// One-pixel lines along both edges of each corner, a colour for each.
fn draw_corners(canvas: &mut Canvas<'_>) {
    let Size { width, height } = canvas.size();
    let (across, down) = (CORNER_LENGTH.min(width / 2), CORNER_LENGTH.min(height / 2));
    let places = [(false, false), (true, false), (false, true), (true, true)];
    for ((right, bottom), colour) in places.into_iter().zip(CORNERS) {
        let far = |is_far: bool, whole: u32, part: u32| {
            if is_far { whole.saturating_sub(part) } else { 0 }
        };
        let x = |part| far(right, width, part);
        let y = |part| far(bottom, height, part);
        canvas.fill(Area { x: x(across), y: y(1), width: across, height: 1 }, colour);
        canvas.fill(Area { x: x(1), y: y(down), width: 1, height: down }, colour);
    }
}

fn signed(size: Size) -> (i32, i32) {
    (size.width.cast_signed(), size.height.cast_signed())
}
