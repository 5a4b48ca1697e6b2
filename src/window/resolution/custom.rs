//! The dialog for a size that the menu does not offer.

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use super::super::line::Line;
use crate::frame::Screen;
use crate::resolution::{Limits, NoSize, typed};

impl MachineWindow {
    pub(super) fn ask_for_size(&self) {
        let limits = self.size_limits();
        let shown = match self.view().screen() {
            Screen::Live(size) => size.to_string(),
            Screen::Waiting | Screen::Off => String::new(),
        };
        let line = Line {
            heading: &gettext("Custom Resolution"),
            body: &gettext("In pixels of the machine’s screen"),
            title: &gettext("Width × Height"),
            text: &shown,
            hint: words(None, limits),
            accept: &gettext("_Set"),
        };
        let read = move |text: &str| typed(text, limits).map_err(|wrong| words(Some(wrong), limits));
        self.ask_for_line(line, None, read, |window, size| {
            window.add_size(size);
            window.choose_size(size);
        });
    }
}

/// What is wrong with what was typed, or what may be.
fn words(wrong: Option<NoSize>, limits: Limits) -> String {
    let values = [("least", limits.least.to_string()), ("most", limits.most.to_string())];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    match wrong {
        Some(NoSize::Form) => gettext("Two numbers, as in 1920×1080"),
        Some(NoSize::Limits(..)) | None => gettext_f("From {least} to {most}", &values),
    }
}
