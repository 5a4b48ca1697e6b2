//! What libmks needs, measured in the same way: HEAD of 2026-06-07 with GTK 4.24.1, headless sway with
//! its pixman renderer, llvmpipe, two cores, 60 frames a second offered by a neutral stand-in, memfds.

use standin::player::Mode;

/// One column of the measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Processor time of the viewer for each frame, in milliseconds.
    pub(crate) cpu: f64,
    /// Resident memory after 11 s, in MiB.
    pub(crate) memory: f64,
    /// From a call to its answer, in milliseconds: half of them, and 99 of a hundred.
    pub(crate) reply: (f64, Option<f64>),
}

/// What was measured for this way of sending frames and this height, if it was.
pub(crate) fn figures(mode: Mode, height: u32) -> Option<Figures> {
    let column = [480, 720, 1080, 2160].iter().position(|&one| one == height)?;
    let of = |cpu: [f64; 4], p50: [f64; 4], p99: Option<[f64; 4]>, memory: [f64; 4]| Figures {
        cpu: cpu[column],
        memory: memory[column],
        reply: (p50[column], p99.map(|p99| p99[column])),
    };
    match mode {
        Mode::Map => {
            Some(of([9.2, 13.0, 16.7, 20.7], [1.0, 1.0, 2.0, 13.7], None, [176.0, 187.0, 202.0, 321.0]))
        }
        Mode::Dmabuf | Mode::Dmabuf2 => Some(of(
            [12.9, 16.8, 18.1, 20.4],
            [1.6, 2.1, 7.9, 15.0],
            Some([10.6, 18.4, 27.8, 89.9]),
            [959.0, 2454.0, 4620.0, 12123.0],
        )),
        Mode::Pixels => None,
    }
}
