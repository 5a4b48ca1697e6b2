//! What the widget holds, and when GTK calls it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use gtk::subclass::prelude::*;
use gtk::{gdk, glib, prelude::*};

use super::board::Ear;
use super::cursor::Cursors;
use super::falling::Falling;
use super::looks::Push;
use super::pointing::Pointing;
use super::touch::Touching;
use crate::clock::Time;
use crate::frame::{Mailbox, Screen};
use crate::geometry::{Look, Placement, Scroll};
use crate::input::account::Account;
use crate::input::grab::{self, Obstacle, State};
use crate::input::{Command, Seat};
use crate::present::{Options, Output, Paint, Stacking, Status};
use crate::stats::Stats;

/// What one console is to the view: frames come from there, commands go there.
pub(super) struct Console {
    pub(super) frames: Arc<Mailbox>,
    pub(super) stats: Arc<Stats>,
    pub(super) commands: Rc<dyn Fn(Command)>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Console").field(&self.frames).finish()
    }
}

/// A window whose keys are watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) window: gtk::Window,
    pub(super) handlers: Vec<glib::SignalHandlerId>,
    pub(super) witness: gtk::EventController,
}

#[derive(Debug, Default)]
pub struct DisplayView {
    pub(super) console: RefCell<Option<Console>>,
    /// While mapped, and while there is a console.
    pub(super) output: RefCell<Option<Output>>,
    /// Whether the output has shown a picture.
    pub(super) seen: Cell<bool>,
    pub(super) falling: Falling,
    /// What listeners know of the output.
    pub(super) told: RefCell<Option<Status>>,
    pub(super) options: Cell<Options>,
    pub(super) stacking: Cell<Stacking>,
    pub(super) look: Cell<Look>,
    pub(super) paint: Cell<Paint>,
    pub(super) screen: Cell<Screen>,
    pub(super) placement: Cell<Option<Placement>>,
    /// What listeners know of scrolling.
    pub(super) scrolls: Cell<[Option<Scroll>; 2]>,
    /// Where the pointer is in the surface, while it is over the widget.
    pub(super) pointer: Cell<Option<(f64, f64)>>,
    pub(super) push: RefCell<Option<Push>>,
    pub(super) seat: RefCell<Seat>,
    pub(super) pointing: Pointing,
    pub(super) cursors: Cursors,
    pub(super) touching: Touching,
    /// The compositor's keyboard while mapped, and what it has told that GDK has not.
    pub(super) ear: RefCell<Option<Ear>>,
    pub(super) account: RefCell<Account>,
    /// Whether what GDK leaves out is about to be looked at.
    pub(super) settling: Cell<bool>,
    /// A key that went down in the window, until the view hears of it: what keeps it is another's.
    pub(super) witnessed: Cell<Option<u32>>,
    /// Whether the pointer is over the picture.
    pub(super) hover: RefCell<Option<gtk::EventControllerMotion>>,
    /// What listeners know of who has the keyboard.
    pub(super) grab_told: Cell<Option<(State, bool)>>,
    /// Comes back to a desktop that may say nothing.
    pub(super) due: RefCell<Option<glib::SourceId>>,
    /// Whether the desktop is given its shortcuts back at this moment: what it tells is no news.
    pub(super) giving_back: Cell<bool>,
    /// Whether the window would have the keyboard, if another program had not grabbed it.
    pub(super) robbed: Cell<bool>,
    /// When the person last wished the guest to have the keyboard, and how: it may come a moment later.
    pub(super) wish: Cell<Option<(Time, grab::Input)>>,
    /// The window's surface while mapped, with what watches it.
    pub(super) surface: RefCell<Option<(gdk::Surface, Vec<glib::SignalHandlerId>)>>,
    /// The window while rooted, with what watches it.
    pub(super) window: RefCell<Option<Watched>>,
}

#[glib::object_subclass]
impl ObjectSubclass for DisplayView {
    const NAME: &'static str = "OrielDisplayView";
    type Type = super::DisplayView;
    type ParentType = gtk::Widget;

    fn class_init(class: &mut Self::Class) {
        class.set_css_name("display");
        class.set_accessible_role(gtk::AccessibleRole::Application);
    }
}

impl ObjectImpl for DisplayView {
    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            ["screen-changed", "status-changed", "look-changed", "resized", "grab-changed", "hold-changed"]
                .map(|name| glib::subclass::Signal::builder(name).build())
                .into()
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let view = self.obj();
        view.set_focusable(true);
        view.set_hexpand(true);
        view.set_vexpand(true);
        view.set_overflow(gtk::Overflow::Hidden);
        view.add_input();
        view.watch_focus();
        view.watch_locks();
    }

    fn dispose(&self) {
        self.obj().clear();
    }
}

impl WidgetImpl for DisplayView {
    fn root(&self) {
        self.parent_root();
        self.obj().watch_window();
    }

    fn unroot(&self) {
        self.obj().unwatch_window();
        self.parent_unroot();
    }

    fn map(&self) {
        self.parent_map();
        self.falling.forget();
        self.obj().watch_surface();
        self.obj().open_ear();
        self.obj().open_output();
    }

    fn unmap(&self) {
        self.obj().set_obstacle(Obstacle::Unfocused, true);
        self.obj().close_output();
        self.obj().close_holder();
        self.ear.take();
        if let Some((surface, handlers)) = self.surface.take() {
            handlers.into_iter().for_each(|handler| surface.disconnect(handler));
        }
        self.parent_unmap();
    }

    fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
        let natural = self.obj().natural_size().map_or(0, |size| match orientation {
            gtk::Orientation::Horizontal => size.width,
            _ => size.height,
        });
        (0, i32::try_from(natural).unwrap_or(i32::MAX), -1, -1)
    }

    fn size_allocate(&self, width: i32, height: i32, baseline: i32) {
        self.parent_size_allocate(width, height, baseline);
        self.obj().place();
        self.obj().emit_by_name::<()>("resized", &[]);
    }

    fn snapshot(&self, snapshot: &gtk::Snapshot) {
        self.obj().draw(snapshot);
    }
}
