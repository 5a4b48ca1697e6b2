//! What is remembered of the library: its order, its size, when a machine was opened, connections.

use std::cell::RefCell;
use std::collections::BTreeMap;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::LibraryWindow;
use crate::clock;
use crate::library::model::{Grouping, Key, Sort};
use crate::window::settings;

const CONNECTIONS: &str = "connections";
const OPENED: &str = "opened";
const SORT: &str = "library-sort";
const GROUPING: &str = "library-grouping";
const SIZE: &str = "library-size";

/// So many machines are remembered to have been opened.
const MOST: usize = 200;

/// Sorts and groupings by their numbers in the schema, and as actions name them.
pub(super) const SORTS: [(&str, Sort); 3] =
    [("name", Sort::Name), ("state", Sort::State), ("used", Sort::Used)];
pub(super) const GROUPINGS: [(&str, Grouping); 3] =
    [("place", Grouping::Place), ("state", Grouping::State), ("none", Grouping::None)];

/// What is remembered; where the schema is not installed, for as long as the program runs.
#[derive(Debug)]
pub(super) struct Memory {
    store: Option<gio::Settings>,
    order: RefCell<(Sort, Grouping)>,
    opened: RefCell<BTreeMap<String, u64>>,
}

impl Default for Memory {
    fn default() -> Self {
        let store = settings();
        let number =
            |key| store.as_ref().and_then(|store| usize::try_from(store.enum_(key)).ok()).unwrap_or(0);
        let sort = SORTS.get(number(SORT)).map(|(_, sort)| *sort).unwrap_or_default();
        let grouping = GROUPINGS.get(number(GROUPING)).map(|(_, grouping)| *grouping).unwrap_or_default();
        let opened = store.as_ref().map(|store| store.get(OPENED)).unwrap_or_default();
        Self { store, order: RefCell::new((sort, grouping)), opened: RefCell::new(opened) }
    }
}

/// The connections that were added by hand.
pub fn connections() -> Vec<String> {
    settings()
        .map(|store| store.strv(CONNECTIONS).iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

impl Memory {
    /// By what machines are sorted, and what stands together.
    pub(super) fn order(&self) -> (Sort, Grouping) {
        *self.order.borrow()
    }

    pub(super) fn set_sort(&self, sort: Sort) {
        self.order.borrow_mut().0 = sort;
        self.write_number(SORT, SORTS.iter().position(|(_, other)| *other == sort));
    }

    pub(super) fn set_grouping(&self, grouping: Grouping) {
        self.order.borrow_mut().1 = grouping;
        self.write_number(GROUPING, GROUPINGS.iter().position(|(_, other)| *other == grouping));
    }

    /// When a machine was opened last, in seconds since 1970.
    pub(super) fn used(&self, key: &Key) -> u64 {
        name_of(key).and_then(|name| self.opened.borrow().get(&name).copied()).unwrap_or(0)
    }

    /// A machine is being opened now.
    pub(super) fn opened(&self, key: &Key) {
        let Some(name) = name_of(key) else { return };
        let mut opened = self.opened.borrow_mut();
        opened.insert(name, clock::date());
        while opened.len() > MOST {
            let oldest = opened.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone());
            oldest.and_then(|name| opened.remove(&name));
        }
        self.write(|store| store.set(OPENED, &*opened));
    }

    /// Connections are added, or not wanted any more.
    pub(super) fn set_connections(&self, connections: &[String]) {
        self.write(|store| store.set(CONNECTIONS, connections));
    }

    fn write_number(&self, key: &str, number: Option<usize>) {
        let number = number.and_then(|number| i32::try_from(number).ok()).unwrap_or(0);
        self.write(|store| store.set_enum(key, number));
    }

    fn write(&self, set: impl FnOnce(&gio::Settings) -> Result<(), glib::BoolError>) {
        if let Some(store) = &self.store
            && let Err(error) = set(store)
        {
            tracing::warn!(%error, "a setting cannot be remembered");
        }
    }
}

/// What a machine is remembered by: those on a bus have another name each time.
fn name_of(key: &Key) -> Option<String> {
    match key {
        Key::Domain { uri, uuid } => Some(format!("{uri} {uuid}")),
        Key::Bus { .. } | Key::Launched { .. } => None,
    }
}

impl LibraryWindow {
    pub(super) fn restore_size(&self) {
        let size: Option<(i32, i32)> = self.imp().memory.store.as_ref().map(|store| store.get(SIZE));
        if let Some((width, height)) = size.filter(|(width, height)| *width > 0 && *height > 0) {
            self.set_default_size(width, height);
        }
    }

    pub(super) fn remember_size(&self) {
        if !self.is_maximized() && !self.is_fullscreen() {
            self.imp().memory.write(|store| store.set(SIZE, self.default_size()));
        }
        gio::Settings::sync();
    }
}
