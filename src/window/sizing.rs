//! How large the window is: as it was last time, else as large as the guest's picture.

use std::cell::Cell;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use super::MachineWindow;
use crate::frame::Screen;

/// The window's size while there is neither a memory nor a picture, in logical pixels.
const PLAIN: (i32, i32) = (1024, 768);

/// How much of a monitor a new window takes at most: its bars and docks are not known.
const SHARE: f64 = 0.9;

/// How long a window waits for its first picture before it appears without.
const FIRST_PICTURE: Duration = Duration::from_millis(400);

/// Who decides about the size.
#[derive(Debug, Default)]
pub(super) struct Sizing {
    /// The size that was last given to the window to suit a picture; while it still has that, the
    /// next picture may give it another.
    given: Cell<Option<(i32, i32)>>,
}

impl MachineWindow {
    /// Shows the window: with its first picture, or soon.
    pub fn open(&self) {
        let present = glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || window.appear()
        );
        glib::timeout_add_local_once(FIRST_PICTURE, present);
    }

    /// Shows the window, unless it is shown or closed.
    pub(super) fn appear(&self) {
        if !self.is_visible() && !self.is_closed() && !self.imp().away.get() {
            self.present();
        }
    }

    pub(super) fn begin_size(&self) {
        self.set_default_size(PLAIN.0, PLAIN.1);
        self.imp().sizing.given.set(Some(PLAIN));
    }

    /// Gives the window the size that it had last time.
    pub(super) fn take_size(&self, width: i32, height: i32) {
        self.imp().sizing.given.set(None);
        self.set_default_size(width, height);
    }

    /// Fits the window to a new picture, as long as nobody else has sized it.
    pub(super) fn picture_changed(&self, screen: Screen) {
        if !matches!(screen, Screen::Live(_)) {
            return;
        }
        if !self.has_size_of_its_own() && self.is_free() {
            self.fit_to_picture();
        }
        self.appear();
    }

    fn fit_to_picture(&self) {
        let Some(picture) = self.view().natural_size() else { return };
        let imp = self.imp();
        let height = |bar: &gtk::Widget| bar.measure(gtk::Orientation::Vertical, -1).1;
        let tab_bar = imp.tab_bar.parent().map_or(0, |_| height(imp.tab_bar.upcast_ref()));
        let header = height(imp.header.upcast_ref()) + tab_bar;
        let room = self.room();
        let wanted = (f64::from(picture.width), f64::from(picture.height));
        let shrink = (room.0 / wanted.0).min((room.1 - f64::from(header)) / wanted.1).min(1.0);
        #[expect(clippy::cast_possible_truncation, reason = "shorter than the monitor")]
        let length = |length: f64| (length * shrink).round() as i32;
        let size = (length(wanted.0).max(360), length(wanted.1).max(200) + header);
        self.imp().sizing.given.set(Some(size));
        self.set_default_size(size.0, size.1);
    }

    /// The part of the monitor that a new window may take, in logical pixels.
    fn room(&self) -> (f64, f64) {
        let display = gtk::prelude::WidgetExt::display(self);
        let here = self.surface().and_then(|surface| display.monitor_at_surface(&surface));
        let first = || display.monitors().item(0).and_downcast::<gdk::Monitor>();
        let Some(monitor) = here.or_else(first) else {
            return (f64::from(PLAIN.0), f64::from(PLAIN.1));
        };
        let area = monitor.geometry();
        (f64::from(area.width()) * SHARE, f64::from(area.height()) * SHARE)
    }

    /// Whether somebody has chosen the size that the window has.
    pub(super) fn has_size_of_its_own(&self) -> bool {
        self.imp().sizing.given.get() != Some(self.default_size())
    }

    /// Whether the window's size is its own.
    fn is_free(&self) -> bool {
        !self.is_maximized() && !self.is_fullscreen()
    }
}
