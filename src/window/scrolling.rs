//! Scroll bars over a picture that is larger than the window: seen while it moves, and under the pointer.
//!
//! They appear where a pointer is that pushes the picture by the window's edge, and do not stop it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::MachineWindow;
use crate::geometry::Scroll;

/// How long they stay when nothing moves any more.
const LINGER: Duration = Duration::from_millis(1500);

/// How far from the window's edge they are, in units: a pointer at the very edge pushes, whatever is seen.
const INSET: i32 = 3;

/// The bars: across the bottom, down the side.
#[derive(Debug)]
pub(super) struct Scrolling {
    bars: [gtk::Scrollbar; 2],
    /// Set while the bars follow the picture, and not the picture the bars.
    following: Cell<bool>,
    hiding: RefCell<Option<glib::SourceId>>,
}

impl Default for Scrolling {
    fn default() -> Self {
        let bar = |orientation, across, down| {
            let bar = gtk::Scrollbar::new(orientation, Some(&gtk::Adjustment::default()));
            bar.set_halign(across);
            bar.set_valign(down);
            bar.set_margin_end(INSET);
            bar.set_margin_bottom(INSET);
            bar.set_visible(false);
            bar.add_css_class("overlay-indicator");
            bar.add_css_class("picture");
            bar
        };
        Self {
            bars: [
                bar(gtk::Orientation::Horizontal, gtk::Align::Fill, gtk::Align::End),
                bar(gtk::Orientation::Vertical, gtk::Align::End, gtk::Align::Fill),
            ],
            following: Cell::new(false),
            hiding: RefCell::default(),
        }
    }
}

impl Scrolling {
    /// Whether one lies over the picture.
    pub(super) fn is_shown(&self) -> bool {
        self.bars.iter().any(WidgetExt::is_visible)
    }
}

impl MachineWindow {
    pub(super) fn add_scrolling(&self) {
        let imp = self.imp();
        for bar in &imp.scrolling.bars {
            imp.stage.add_overlay(bar);
            // A page lies over everything.
            bar.insert_before(&*imp.stage, Some(&*imp.page));
            bar.adjustment().connect_value_changed(glib::clone!(
                #[weak(rename_to = window)]
                self,
                move |_| window.scrolled()
            ));
            let pointer = gtk::EventControllerMotion::new();
            let over = |hovering: bool| {
                glib::clone!(
                    #[weak]
                    bar,
                    move || if hovering {
                        bar.add_css_class("hovering")
                    } else {
                        bar.remove_css_class("hovering")
                    }
                )
            };
            let (enter, leave) = (over(true), over(false));
            pointer.connect_enter(move |_, _, _| enter());
            pointer.connect_leave(move |_| leave());
            bar.add_controller(pointer);
        }
    }

    /// Brings the bars in line with what is seen, and shows them for a while if that has moved.
    pub(super) fn follow_scrolls(&self) {
        let scrolling = &self.imp().scrolling;
        scrolling.following.set(true);
        let (scrolls, pushed) = (self.view().scrolls(), self.view().is_pushed());
        let mut moved = false;
        for (bar, scroll) in scrolling.bars.iter().zip(scrolls) {
            bar.set_can_target(!pushed);
            moved |= take(&bar.adjustment(), scroll);
            if scroll.is_none() {
                bar.set_visible(false);
            }
        }
        scrolling.following.set(false);
        if moved {
            self.show_scrolling();
        }
        self.update_cover();
    }

    fn show_scrolling(&self) {
        let scrolling = &self.imp().scrolling;
        for (bar, scroll) in scrolling.bars.iter().zip(self.view().scrolls()) {
            bar.set_visible(scroll.is_some());
        }
        if let Some(source) = scrolling.hiding.take() {
            source.remove();
        }
        let hide = glib::clone!(
            #[weak(rename_to = window)]
            self,
            #[upgrade_or]
            glib::ControlFlow::Break,
            move || window.hide_scrolling()
        );
        scrolling.hiding.replace(Some(glib::timeout_add_local(LINGER, hide)));
    }

    /// Hides the bars, unless the pointer is on one.
    fn hide_scrolling(&self) -> glib::ControlFlow {
        let scrolling = &self.imp().scrolling;
        if scrolling.bars.iter().any(|bar| bar.has_css_class("hovering")) {
            return glib::ControlFlow::Continue;
        }
        scrolling.hiding.take();
        scrolling.bars.iter().for_each(|bar| bar.set_visible(false));
        self.update_cover();
        glib::ControlFlow::Break
    }

    /// The person has moved a bar.
    fn scrolled(&self) {
        let scrolling = &self.imp().scrolling;
        if scrolling.following.get() {
            return;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of a picture")]
        let value = |bar: &gtk::Scrollbar| Some(bar.adjustment().value().round() as u32);
        let [across, down] = [value(&scrolling.bars[0]), value(&scrolling.bars[1])];
        self.view().scroll_to(across, down);
    }
}

/// Whether the bar stands elsewhere now.
fn take(adjustment: &gtk::Adjustment, scroll: Option<Scroll>) -> bool {
    let Some(Scroll { value, page, upper }) = scroll else { return false };
    let [value, page, upper] = [value, page, upper].map(f64::from);
    let is = (adjustment.value(), adjustment.page_size(), adjustment.upper());
    if is == (value, page, upper) {
        return false;
    }
    adjustment.configure(value, 0.0, upper, page / 8.0, page, page);
    true
}
