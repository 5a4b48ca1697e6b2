//! What is measured: sizes, ways of sending frames, and what makes it hard.

use standin::player::Mode;

/// Sizes from a firmware's to a large screen's.
pub(crate) const SIZES: [(u32, u32); 4] = [(640, 480), (1280, 720), (1920, 1080), (3840, 2160)];

/// The largest of [`SIZES`].
pub(crate) const LARGE: (u32, u32) = SIZES[3];

/// One way of using the viewer.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) mode: Mode,
    pub(crate) size: (u32, u32),
    /// The part that changes from frame to frame; all of it without.
    pub(crate) damage: Option<[u32; 4]>,
    /// Whether the memory is sealed, so that it is as good as a dma-buf to drivers without hardware.
    pub(crate) sealed: bool,
    /// The viewer's `--present`, where it is not `auto`.
    pub(crate) present: Option<&'static str>,
    pub(crate) main_loop: MainLoop,
}

/// Which table a case belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Frames,
    Blocked,
    Damage,
}

/// What the viewer's main loop is doing meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MainLoop {
    Free,
    /// See [`super::blocked`].
    Blocked,
}

/// The part that changes in the cases of [`Kind::Damage`].
const SMALL: [u32; 4] = [640, 360, 64, 64];

/// All cases but the flood.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Mode::Map, Mode::Pixels, Mode::Dmabuf2] {
        cases.extend(SIZES.map(|size| Case::new(Kind::Frames, mode, size)));
    }
    cases.extend(SIZES.map(|size| {
        let case = Case::new(Kind::Frames, Mode::Dmabuf2, size);
        let name = case.name.replace("dmabuf2", "dmabuf2-compose");
        Case { name, sealed: true, present: Some("compose"), ..case }
    }));
    for size in [SIZES[0], SIZES[2]] {
        for main_loop in [MainLoop::Free, MainLoop::Blocked] {
            let what = if main_loop == MainLoop::Blocked { "blocked" } else { "free" };
            let case = Case::new(Kind::Blocked, Mode::Map, size);
            cases.push(Case { name: format!("{}/{what}", case.name), main_loop, ..case });
        }
    }
    for (mode, present) in [(Mode::Map, None), (Mode::Map, Some("copy")), (Mode::Pixels, None)] {
        for damage in [None, Some(SMALL)] {
            let what = if damage.is_some() { "64x64" } else { "whole" };
            let case = Case::new(Kind::Damage, mode, LARGE);
            let way = present.map_or(String::new(), |way| format!("/{way}"));
            cases.push(Case { name: format!("{}{way}/{what}", case.name), damage, present, ..case });
        }
    }
    cases
}

impl Case {
    fn new(kind: Kind, mode: Mode, size: (u32, u32)) -> Self {
        let (width, height) = size;
        let name = format!("{}/{}/{width}x{height}", kind.word(), word(mode));
        Self { name, kind, mode, size, damage: None, sealed: false, present: None, main_loop: MainLoop::Free }
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Blocked => "blocked",
            Self::Damage => "damage",
        }
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Pixels => "pixels",
        Mode::Map => "map",
        Mode::Dmabuf => "dmabuf",
        Mode::Dmabuf2 => "dmabuf2",
    }
}
