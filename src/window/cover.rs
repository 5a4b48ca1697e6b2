//! Whether something of ours lies over the picture.
//!
//! The picture lies on a surface of its own: above the window where it can be scanned out directly,
//! but there it would hide a dialog. So the view is told before anything appears over the picture,
//! and only after it has faded away.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::MachineWindow;

/// How long dialogs, toasts and bars take to fade away, with some room.
const FADING: Duration = Duration::from_millis(500);

/// What lies over the picture, beside what the window can be asked about.
#[derive(Debug, Default)]
pub(super) struct Cover {
    toasts: Cell<u32>,
    uncovering: RefCell<Option<glib::SourceId>>,
}

impl MachineWindow {
    pub(super) fn watch_cover(&self) {
        let imp = self.imp();
        self.connect_visible_dialog_notify(|window| {
            if window.visible_dialog().is_some() {
                window.view().release_all();
            }
            window.update_cover();
        });
        imp.page.connect_visible_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.update_cover()
        ));
        imp.bars.connect_reveal_top_bars_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.update_cover()
        ));
    }

    /// Shows a short message over the picture.
    pub(super) fn toast(&self, toast: &adw::Toast) {
        let toasts = &self.imp().cover.toasts;
        toasts.set(toasts.get() + 1);
        toast.connect_dismissed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                let toasts = &window.imp().cover.toasts;
                toasts.set(toasts.get().saturating_sub(1));
                window.update_cover();
            }
        ));
        self.update_cover();
        if toast.timeout() != 0 {
            // It would wait behind a question for as long as nobody answers that.
            toast.set_priority(adw::ToastPriority::High);
        }
        self.imp().toasts.add_toast(toast.clone());
    }

    /// Tells the view whether something lies over it, at once or when that has faded away.
    pub(super) fn update_cover(&self) {
        let uncovering = &self.imp().cover.uncovering;
        if let Some(source) = uncovering.take() {
            source.remove();
        }
        if self.is_covered() {
            self.views().iter().for_each(|view| view.set_overlapped(true));
            return;
        }
        let source = glib::timeout_add_local_once(
            FADING,
            glib::clone!(
                #[weak(rename_to = window)]
                self,
                move || {
                    window.imp().cover.uncovering.take();
                    let covered = window.is_covered();
                    window.views().iter().for_each(|view| view.set_overlapped(covered));
                }
            ),
        );
        uncovering.replace(Some(source));
    }

    fn is_covered(&self) -> bool {
        let imp = self.imp();
        let header = imp.bars.is_extend_content_to_top_edge() && imp.bars.reveals_top_bars();
        let ours = imp.page.is_visible() || imp.statistics.is_shown() || imp.scrolling.is_shown();
        header || ours || imp.cover.toasts.get() > 0 || self.visible_dialog().is_some()
    }
}
