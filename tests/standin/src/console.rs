//! What a test says of a console, and what the stand-in keeps of one.

use std::collections::BTreeSet;

/// Whether a person sees a picture or a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleKind {
    Graphic,
    Text,
}

/// How the console's pointer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    Absolute,
    Relative,
}

/// A console as a test wants it. The default is a 1024×768 graphic one with a tablet.
#[derive(Clone, Debug)]
pub struct ConsoleSpec {
    pub label: String,
    pub head: u32,
    pub kind: ConsoleKind,
    pub width: u32,
    pub height: u32,
    pub device_address: String,
    pub pointer: Pointer,
    /// Whether `SetUIInfo` is understood; a VGA or ramfb console refuses it.
    pub resizable: bool,
    /// `Keyboard.Modifiers` at the start: 1 scroll, 2 num, 4 caps.
    pub modifiers: u32,
}

impl Default for ConsoleSpec {
    fn default() -> Self {
        Self {
            label: "VGA".into(),
            head: 0,
            kind: ConsoleKind::Graphic,
            width: 1024,
            height: 768,
            device_address: "pci/0000/02.0".into(),
            pointer: Pointer::Absolute,
            resizable: true,
            modifiers: 0,
        }
    }
}

impl ConsoleSpec {
    /// A console of this size, in pixels.
    #[must_use]
    pub fn sized(width: u32, height: u32) -> Self {
        Self { width, height, ..Self::default() }
    }
}

/// A console while the machine runs.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) index: u32,
    pub(crate) spec: ConsoleSpec,
    pub(crate) keys_down: BTreeSet<u32>,
    pub(crate) ui_info: Option<crate::UiInfo>,
    /// Live listeners, each by who registered it: a bus name, or `p2p`.
    pub(crate) listeners: Vec<(u64, String)>,
}

impl Console {
    pub(crate) fn new(index: u32, spec: ConsoleSpec) -> Self {
        Self { index, spec, keys_down: BTreeSet::new(), ui_info: None, listeners: Vec::new() }
    }

    pub(crate) fn path(&self) -> String {
        path(self.index)
    }
}

pub(crate) fn path(index: u32) -> String {
    format!("/org/qemu/Display1/Console_{index}")
}
