//! Something that is done again and again while it is wanted.

use std::cell::RefCell;
use std::time::Duration;

use gtk::glib;
use gtk::glib::prelude::*;

/// A source of the main loop's that is there while it is wanted.
#[derive(Debug, Default)]
pub(crate) struct Ticking(RefCell<Option<glib::SourceId>>);

impl Ticking {
    pub(crate) fn is_on(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Has `tick` called at these intervals from now on, as long as there is the object; or no longer. One
    /// that is on already goes on as it is.
    pub(crate) fn set<T: IsA<glib::Object>>(
        &self,
        on: bool,
        interval: Duration,
        object: &T,
        tick: impl Fn(&T) + 'static,
    ) {
        if on == self.is_on() {
            return;
        }
        if let Some(source) = self.0.take() {
            return source.remove();
        }
        let object = object.downgrade();
        let source = glib::timeout_add_local(interval, move || {
            let Some(object) = object.upgrade() else { return glib::ControlFlow::Break };
            tick(&object);
            glib::ControlFlow::Continue
        });
        self.0.replace(Some(source));
    }
}
