//! What happens to a picture that no surface of ours can show, and its way back up.
//!
//! GTK draws it, if it can; otherwise the last picture stays. It goes to a surface again when there is
//! reason to hope: another kind of picture, another monitor, another scale, another wish.

use std::cell::RefCell;

use gtk::prelude::*;
use gtk::subclass::prelude::*;

use super::DisplayView;
use crate::present::Facts;
use crate::present::{Kind, Output, Refusals, Rung, Status, Wanted};

/// So many kinds of pictures are remembered to have been refused; a guest that has more of them goes
/// up and down once for each.
const REMEMBERED: usize = 16;

/// What no surface of ours could show, since window, monitor and wish are what they are.
#[derive(Debug, Default)]
pub(super) struct Falling {
    kinds: RefCell<Vec<Kind>>,
    /// Why the picture that there is now can be shown in no way at all.
    stuck: RefCell<Option<Refusals>>,
    /// What the surface knew that refused the picture.
    facts: RefCell<Option<Facts>>,
}

impl Falling {
    /// Everything may be otherwise now.
    pub(super) fn forget(&self) {
        self.kinds.take();
        self.stuck.take();
        self.facts.take();
    }

    fn remember(&self, kind: Kind) {
        let mut kinds = self.kinds.borrow_mut();
        kinds.retain(|known| *known != kind);
        if kinds.len() == REMEMBERED {
            kinds.remove(0);
        }
        kinds.push(kind);
    }
}

impl DisplayView {
    /// The output says something else of itself, or there is another picture.
    pub(super) fn fall_or_climb(&self) {
        let imp = self.imp();
        let automatic = imp.options.get().rung == Wanted::Auto;
        let status = imp.output.borrow().as_ref().map(Output::status);
        let drawn = matches!(*imp.output.borrow(), Some(Output::Drawn(_)));
        match status {
            Some(Status::Refused { refused }) if automatic && !drawn => self.fall(refused),
            _ if drawn && automatic => self.climb_for_another_kind(),
            Some(Status::Showing { .. }) => drop(imp.falling.stuck.take()),
            _ => {}
        }
    }

    /// Window, monitor, scale or wish are others: what was refused may be taken now.
    pub(super) fn climb(&self) {
        let falling = &self.imp().falling;
        let fallen = !falling.kinds.borrow().is_empty();
        falling.forget();
        if fallen {
            tracing::debug!("the picture is tried on a surface again");
            self.open_output();
        }
    }

    /// Why the picture that there is now can be shown in no way.
    pub(super) fn stuck(&self) -> Option<Refusals> {
        self.imp().falling.stuck.borrow().clone()
    }

    /// What is known of the compositor and the GPU, if anything was asked of them.
    pub fn facts(&self) -> Option<Facts> {
        match &*self.imp().output.borrow() {
            Some(output @ Output::Surface(_)) => Some(output.facts()),
            _ => self.imp().falling.facts.borrow().clone(),
        }
    }

    fn fall(&self, refused: Refusals) {
        let imp = self.imp();
        let Some(native) = self.native() else { return };
        let console =
            imp.console.borrow().as_ref().map(|console| (console.frames.clone(), console.stats.clone()));
        let Some((frames, stats)) = console else { return };
        if let Some(scanout) = frames.current() {
            imp.falling.remember(Kind::of(&scanout));
        }
        if let Err(reason) = Output::check_drawn(&native, &frames) {
            imp.falling.stuck.replace(Some(refused.and(Rung::Gtk, reason)));
            return;
        }
        imp.falling.stuck.take();
        let facts = self.facts();
        imp.falling.facts.replace(facts);
        self.close_output();
        let how = (refused, imp.options.get().presenting);
        let output = Output::open_drawn(&native, frames, stats, how, self.watcher());
        imp.output.replace(Some(output));
        self.place();
    }

    /// A picture that has not been refused yet deserves better than GTK.
    fn climb_for_another_kind(&self) {
        let imp = self.imp();
        let scanout = imp.console.borrow().as_ref().and_then(|console| console.frames.current());
        let kinds = imp.falling.kinds.borrow();
        let another = scanout.is_some_and(|scanout| !kinds.contains(&Kind::of(&scanout)));
        let fallen = !kinds.is_empty();
        drop(kinds);
        if fallen && another {
            self.open_output();
        }
    }
}
