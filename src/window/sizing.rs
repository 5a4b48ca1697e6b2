//! How large the window is: as it was last time, else as large as the guest's picture.

use std::cell::Cell;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use super::MachineWindow;
use crate::frame::Screen;
use crate::geometry::{Guest, Rotation, ScreenScale, Size};
use crate::resolution::{Policy, SizedBy};

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
    given: Cell<Option<Given>>,
    /// The last picture.
    seen: Cell<Option<Size<Guest>>>,
}

/// A picture, on this screen, this way up.
type Suited = (Size<Guest>, ScreenScale, Rotation);

/// A size that was given to the window, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    size: (i32, i32),
    /// The picture that it suits; `None` for the one to come.
    suits: Option<Suited>,
    /// Whether the window was on a monitor then, so that the scale was its.
    placed: bool,
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
        // One that has been destroyed would come back as a window of nobody's.
        let stays = !self.is_closed() && self.shared().windows().contains(self);
        if stays && !self.is_visible() && !self.imp().away.get() {
            self.present();
        }
    }

    /// Brings the machine before the person, in the window that they worked with last. While none is seen
    /// yet, the first is about to appear by itself.
    pub(crate) fn come_forward(&self) {
        if let Some(front) = self.shared().front().filter(|window| window.is_visible()) {
            front.present();
        }
    }

    pub(super) fn begin_size(&self) {
        self.set_default_size(PLAIN.0, PLAIN.1);
        self.imp().sizing.given.set(Some(Given { size: PLAIN, suits: None, placed: false }));
    }

    /// Gives the window the size that it had last time.
    pub(super) fn take_size(&self, width: i32, height: i32) {
        self.imp().sizing.given.set(None);
        self.set_default_size(width, height);
    }

    /// Fits the window to a new picture, if it had the natural size of the one before, and nobody else
    /// sizes it.
    pub(super) fn picture_changed(&self, screen: Screen) {
        let Screen::Live(size) = screen else { return };
        let before = self.imp().sizing.seen.replace(Some(size)).filter(|before| *before != size);
        let suited = !self.has_size_of_its_own() || before.is_some_and(|before| self.is_natural_for(before));
        if suited && self.is_free() {
            self.fit_to_picture();
        }
        self.appear();
    }

    /// The screen's scale is another. A window that was given its size before it was on a monitor was
    /// given that by guess.
    pub(super) fn scale_changed(&self) {
        let guessed = self.imp().sizing.given.get().is_some_and(|given| !given.placed);
        if guessed && !self.has_size_of_its_own() && self.is_free() {
            self.fit_to_picture();
        }
    }

    /// The picture may have been turned: a window of its size turns with it.
    pub(super) fn turned(&self) {
        let now = self.suited().map(|(.., rotation)| rotation);
        let given = self.imp().sizing.given.get().and_then(|given| given.suits);
        let other = given.is_some_and(|(.., rotation)| Some(rotation) != now);
        if other && !self.has_size_of_its_own() && self.is_free() {
            self.fit_to_picture();
        }
    }

    /// What a size of the window would suit now.
    fn suited(&self) -> Option<Suited> {
        let view = self.view();
        Some((self.imp().sizing.seen.get()?, view.screen_scale(), view.look().rotation))
    }

    /// The window has left fullscreen: a picture that changed meanwhile is fitted now, unless the guest
    /// changes it back.
    pub(super) fn left_fullscreen(&self) {
        if !self.has_size_of_its_own() && self.is_free() && self.follow_policy() == Policy::Off {
            self.fit_to_picture();
        }
    }

    /// Who has given the window its size.
    pub(super) fn sized_by(&self) -> SizedBy {
        if self.is_fullscreen() {
            return SizedBy::Fullscreen;
        }
        let picture = self.suited();
        let suits = |given: &Given| given.suits.is_none() || picture.is_none() || given.suits == picture;
        let given = self.imp().sizing.given.get().filter(|_| self.is_free() && !self.has_size_of_its_own());
        if given.as_ref().is_some_and(suits) { SizedBy::Picture } else { SizedBy::Person }
    }

    /// Whether this picture fills the window 1:1.
    fn is_natural_for(&self, picture: Size<Guest>) -> bool {
        let natural = self.view().look().natural_size(picture, self.view().screen_scale());
        self.content_area().is_some_and(|area| area.size == natural)
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
        let suits = self.suited();
        let display = WidgetExt::display(self);
        let placed = self.surface().is_some_and(|surface| display.monitor_at_surface(&surface).is_some());
        self.imp().sizing.given.set(Some(Given { size, suits, placed }));
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
        self.imp().sizing.given.get().map(|given| given.size) != Some(self.default_size())
    }

    /// Whether the window's size is its own.
    fn is_free(&self) -> bool {
        let tiled = self.surface().and_downcast::<gdk::Toplevel>().is_some_and(|toplevel| {
            let states = gdk::ToplevelState::TILED
                | gdk::ToplevelState::TOP_TILED
                | gdk::ToplevelState::RIGHT_TILED
                | gdk::ToplevelState::BOTTOM_TILED
                | gdk::ToplevelState::LEFT_TILED;
            toplevel.state().intersects(states)
        });
        !tiled && !self.is_maximized() && !self.is_fullscreen()
    }
}
