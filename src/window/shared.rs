//! What all windows of one machine have in common: what is known of it, what is wished, and who they are.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::arrangement::Wishes;
use super::clipboard::Clipboard;
use super::closing::Closing;
use super::head::Head;
use super::memory::Memory;
use super::news::Known;
use super::resolution::Heads;
use super::{MachineWindow, Remote, Setup};
use crate::session::{Console, ConsoleId};

/// Told of all consoles whenever they are others.
type Watcher = Rc<dyn Fn(&[Console])>;

/// One machine, as its windows share it.
pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) remote: Rc<dyn Remote>,
    pub(super) known: RefCell<Known>,
    pub(super) closing: RefCell<Closing>,
    pub(super) memory: RefCell<Option<Memory>>,
    /// What consoles are asked for of their size.
    pub(super) heads_asked: Heads,
    /// Combinations of keys that the person has sent, the last one first.
    pub(super) combinations: RefCell<Vec<String>>,
    pub(super) clipboard: Clipboard,
    pub(super) wishes: RefCell<Wishes>,
    /// The monitor that each console fills, by its connector, while all monitors are filled.
    pub(super) spread: RefCell<Option<BTreeMap<ConsoleId, String>>>,
    /// Whether all monitors are to be filled, as soon as there is something to fill them with.
    pub(super) fills_monitors: Cell<bool>,
    /// Runs until heads are asked for again that the guest does not use.
    pub(super) insisting: RefCell<Option<glib::SourceId>>,
    /// Whether heads are being moved: what follows from that is seen to in the end.
    pub(super) arranging: Cell<bool>,
    /// The main window first; the others come and go.
    windows: RefCell<Vec<glib::WeakRef<MachineWindow>>>,
    watchers: RefCell<Vec<Watcher>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("known", &self.known)
            .field("wishes", &self.wishes)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(remote: Rc<dyn Remote>, setup: Setup) -> Self {
        Self {
            setup,
            remote,
            known: RefCell::default(),
            closing: RefCell::default(),
            memory: RefCell::default(),
            heads_asked: Heads::default(),
            combinations: RefCell::default(),
            clipboard: Clipboard::default(),
            wishes: RefCell::default(),
            spread: RefCell::default(),
            fills_monitors: Cell::default(),
            insisting: RefCell::default(),
            arranging: Cell::default(),
            windows: RefCell::default(),
            watchers: RefCell::default(),
        }
    }

    /// There is another window.
    pub(super) fn add_window(&self, window: &MachineWindow) {
        self.windows.borrow_mut().push(window.downgrade());
    }

    /// A window is no longer one of the machine's.
    pub(super) fn remove_window(&self, window: &MachineWindow) {
        self.windows.borrow_mut().retain(|other| other.upgrade().is_some_and(|other| &other != window));
    }

    /// All windows that there are, the main one first.
    pub(super) fn windows(&self) -> Vec<MachineWindow> {
        self.windows.borrow().iter().filter_map(glib::WeakRef::upgrade).collect()
    }

    /// The window that the person works with, or the first that can be seen.
    pub(super) fn front(&self) -> Option<MachineWindow> {
        let windows = self.windows();
        let active = windows.iter().find(|window| window.is_active());
        let seen = || windows.iter().find(|window| window.is_visible());
        active.or_else(seen).or(windows.first()).cloned()
    }

    /// Every head, and the window that it is in.
    pub(super) fn heads(&self) -> Vec<(Head, MachineWindow)> {
        let heads =
            |window: MachineWindow| window.heads().into_iter().map(move |head| (head, window.clone()));
        self.windows().into_iter().flat_map(heads).collect()
    }

    /// The head of this console, and the window that it is in.
    pub(super) fn head(&self, id: ConsoleId) -> Option<(Head, MachineWindow)> {
        self.heads().into_iter().find(|(head, _)| head.id() == id)
    }

    /// Calls `shown` with the consoles that can be seen, when those are others.
    pub(super) fn watch(&self, shown: impl Fn(&[Console]) + 'static) {
        self.watchers.borrow_mut().push(Rc::new(shown));
    }

    /// The consoles that can be seen have changed.
    pub(super) fn tell_watchers(&self) {
        let seen = self.windows().into_iter().filter(|window| !window.imp().away.get());
        let shown: Vec<_> = seen.filter_map(|window| window.console()).collect();
        let watchers = self.watchers.borrow().clone();
        watchers.iter().for_each(|watcher| watcher(&shown));
    }
}

impl MachineWindow {
    /// What all windows of the machine have in common.
    pub(super) fn shared(&self) -> &Rc<Shared> {
        self.imp().shared.get().expect("set up by new()")
    }
}
