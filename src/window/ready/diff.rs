//! Before and after beside each other: what goes in red, what comes in green, both with a sign.

use adw::prelude::*;
use gtk::{gdk, glib};

use crate::host::domain::{Line, LineKind};

use super::super::monospace;

/// Text and ground of lines that go, or come.
struct Shades {
    text: &'static str,
    /// How much of the text's colour the ground has.
    ground: f32,
}

/// As libadwaita has them for errors and successes on its grounds (its docs, 'CSS variables').
const GONE: [Shades; 2] =
    [Shades { text: "#c30000", ground: 0.08 }, Shades { text: "#ff938c", ground: 0.12 }];
const NEW: [Shades; 2] = [Shades { text: "#007c3d", ground: 0.08 }, Shades { text: "#78e9ab", ground: 0.10 }];

/// How far the rest of a long line stands behind its beginning, in letters.
const HANGING: usize = 4;

/// Lines that begin deeper than so many letters go on as those that begin there.
const DEEPEST: usize = 16;

/// An empty comparison, under its name for those who do not see it.
pub(super) fn view(name: &str) -> gtk::TextView {
    let view = monospace::view("", name);
    let buffer = view.buffer();
    for name in ["both", "gone", "new", "gap"] {
        buffer.tag_table().add(&gtk::TextTag::builder().name(name).build());
    }
    let metrics = view.pango_context().metrics(None, None);
    let letter = metrics.approximate_digit_width() / gtk::pango::SCALE;
    for depth in 0..=DEEPEST {
        let indent = i32::try_from(depth + HANGING).expect("a few letters") * -letter;
        buffer.tag_table().add(&gtk::TextTag::builder().name(depth_name(depth)).indent(indent).build());
    }
    let manager = adw::StyleManager::default();
    paint(&buffer, manager.is_dark());
    let handler = manager.connect_dark_notify(glib::clone!(
        #[weak]
        buffer,
        move |manager| paint(&buffer, manager.is_dark())
    ));
    let handler = std::cell::Cell::new(Some(handler));
    view.connect_destroy(move |_| {
        if let Some(handler) = handler.take() {
            manager.disconnect(handler);
        }
    });
    view
}

/// Gives lines the colours that suit the ground they are on.
fn paint(buffer: &gtk::TextBuffer, dark: bool) {
    for (name, shades) in [("gone", GONE), ("new", NEW)] {
        let Shades { text, ground } = &shades[usize::from(dark)];
        let colour = gdk::RGBA::parse(*text).expect("a colour");
        let tag = buffer.tag_table().lookup(name).expect("a tag that view() has made");
        tag.set_foreground_rgba(Some(&colour));
        tag.set_paragraph_background_rgba(Some(&colour.with_alpha(*ground)));
    }
    let gap = buffer.tag_table().lookup("gap").expect("a tag that view() has made");
    let grey = gdk::RGBA::parse(if dark { "#9a9996" } else { "#5e5c64" }).expect("a colour");
    gap.set_foreground_rgba(Some(&grey));
}

/// The name of the tag for lines that begin so deep.
fn depth_name(depth: usize) -> String {
    format!("depth-{}", depth.min(DEEPEST))
}

/// Shows this.
pub(super) fn fill(view: &gtk::TextView, lines: &[Line], nothing: &str) {
    let buffer = view.buffer();
    buffer.set_text("");
    if lines.is_empty() {
        buffer.set_text(nothing);
        return;
    }
    for (place, line) in lines.iter().enumerate() {
        let (sign, tag) = match line.kind {
            LineKind::Both => ("  ", "both"),
            LineKind::Gone => ("− ", "gone"),
            LineKind::New => ("+ ", "new"),
            LineKind::Gap => ("⋯", "gap"),
        };
        let end = if place + 1 == lines.len() { "" } else { "\n" };
        let mut at = buffer.end_iter();
        let depth = depth_name(line.text.len() - line.text.trim_start().len());
        buffer.insert_with_tags_by_name(&mut at, &format!("{sign}{}{end}", line.text), &[tag, &depth]);
    }
}
