//! The list: a row for each machine and each connection with trouble, sorted, searched, under headings.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use super::notice::Notice;
use super::row::{Face, Row};
use super::{LibraryWindow, words};
use crate::library::model::{Condition, Entry, Group, Grouping, Key, Look, Place, Shelf};
use crate::source::libvirt::State;
use crate::window::words::power;

/// The rows that there are.
#[derive(Debug, Default)]
pub(super) struct Rows {
    machines: RefCell<BTreeMap<Key, Row>>,
    notices: RefCell<BTreeMap<String, Notice>>,
}

impl LibraryWindow {
    pub(super) fn set_up_list(&self) {
        let imp = self.imp();
        let weak = self.downgrade();
        imp.list.set_sort_func(move |one, other| {
            let order = weak.upgrade().map_or(Ordering::Equal, |window| window.compare(one, other));
            order.into()
        });
        let weak = self.downgrade();
        imp.list.set_filter_func(move |row| weak.upgrade().is_none_or(|window| window.matches(row)));
        let weak = self.downgrade();
        imp.list.set_header_func(move |row, before| {
            weak.upgrade().inspect(|window| window.set_heading(row, before));
        });
        imp.list.connect_row_selected(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_, row| {
                let key = row.and_then(|row| row.downcast_ref::<Row>()).map(|row| row.key().clone());
                if key.is_some() {
                    window.choose(key);
                }
            }
        ));
        imp.list.connect_row_activated(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_, row| {
                if let Some(row) = row.downcast_ref::<Row>() {
                    window.row_activated(row.key());
                }
            }
        ));
        let narrow = |window: &Self| {
            let imp = window.imp();
            imp.list.set_activate_on_single_click(imp.split.is_collapsed());
        };
        imp.split.connect_collapsed_notify(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| narrow(&window)
        ));
        narrow(self);
        imp.search_entry.connect_search_changed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                window.imp().list.invalidate_filter();
                window.imp().list.invalidate_headers();
                window.update_stack();
            }
        ));
        imp.search_entry.connect_activate(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |_| window.choose_first()
        ));
        imp.search_bar.connect_entry(&*imp.search_entry);
        imp.search_bar.set_key_capture_widget(Some(self));
        self.add_row_menu();
    }

    /// In a narrow window a row leads to its machine; in a wide one, that is seen already.
    fn row_activated(&self, key: &Key) {
        if self.imp().split.is_collapsed() {
            self.choose(Some(key.clone()));
            self.imp().split.set_show_content(true);
        } else {
            self.act(key);
        }
    }

    /// What was searched for and found first.
    fn choose_first(&self) {
        let mut rows = self.rows_in_order();
        if let Some(row) = rows.find(|row| row.is_child_visible()) {
            self.imp().list.select_row(Some(&row));
            row.grab_focus();
        }
    }

    fn rows_in_order(&self) -> impl Iterator<Item = Row> + use<> {
        let list = self.imp().list.get();
        let rows = (0..).map_while(move |at| list.row_at_index(at));
        rows.filter_map(|row| row.downcast::<Row>().ok())
    }

    /// The rows that lie in the part of the list that is seen.
    pub(super) fn seen_keys(&self) -> Vec<Key> {
        let scroller = self.imp().scroller.get();
        #[expect(clippy::cast_precision_loss, reason = "sizes of widgets")]
        let height = scroller.height() as f32;
        let seen = self.rows_in_order().filter(|row| {
            let bounds = row.compute_bounds(&scroller).filter(|_| row.is_mapped());
            bounds.is_some_and(|bounds| bounds.y() < height && bounds.y() + bounds.height() > 0.0)
        });
        seen.map(|row| row.key().clone()).collect()
    }

    /// Brings a machine's row in line with what is known.
    pub(super) fn draw_row(&self, key: &Key) {
        let imp = self.imp();
        let Some(face) = self.face(key) else { return };
        let row = imp.rows.machines.borrow().get(key).cloned();
        let row = row.unwrap_or_else(|| {
            let weak = self.downgrade();
            let row = Row::new(key.clone(), move |key| _ = weak.upgrade().inspect(|window| window.act(key)));
            imp.rows.machines.borrow_mut().insert(key.clone(), row.clone());
            imp.list.append(&row);
            row
        });
        row.show_face(face);
        let texture = imp.textures.borrow().get(key).cloned();
        row.show_picture(texture.as_ref());
        // It may stand elsewhere now.
        row.changed();
    }

    /// Shows another picture of a machine.
    pub(super) fn draw_picture(&self, key: &Key, texture: Option<&gdk::Texture>) {
        if let Some(row) = self.imp().rows.machines.borrow().get(key) {
            row.show_picture(texture);
        }
    }

    pub(super) fn remove_row(&self, key: &Key) {
        let row = self.imp().rows.machines.borrow_mut().remove(key);
        if let Some(row) = row {
            self.imp().list.remove(&row);
        }
    }

    /// Makes the machine's row the one that is seen to be chosen.
    pub(super) fn select_row(&self, key: &Key) {
        let row = self.imp().rows.machines.borrow().get(key).cloned();
        self.imp().list.select_row(row.as_ref());
    }

    fn face(&self, key: &Key) -> Option<Face> {
        let imp = self.imp();
        let shelf = imp.shelf.borrow();
        let entry = shelf.get(key)?;
        let condition = shelf.condition(entry);
        let doing = shelf.doing(key);
        let mut parts = vec![match doing {
            Some((operation, part)) => power::doing(operation, part),
            None => words::condition(condition, entry),
        }];
        if !matches!(key, Key::Launched { .. }) {
            parts.push(words::displays(entry));
        }
        // Else its heading says so: two connections may each have one of this name.
        if imp.memory.order().1 != Grouping::Place {
            parts.push(words::place(&key.place()));
        }
        Some(Face {
            name: entry.name().to_owned(),
            words: parts.join(" · "),
            primary: shelf.primary(entry),
            busy: doing.is_some(),
            icon: icon(condition),
        })
    }

    /// Brings a connection's notice in line with what is known.
    pub(super) fn connection_changed(&self, uri: &str) {
        let imp = self.imp();
        let said = imp
            .shelf
            .borrow()
            .connections()
            .find(|(other, _)| *other == uri)
            .and_then(|(uri, status)| Some((words::status(uri, status)?, words::needs_retry(status))));
        let notice = imp.rows.notices.borrow().get(uri).cloned();
        match (said, notice) {
            (Some(((title, words), retry)), notice) => {
                let notice = notice.unwrap_or_else(|| {
                    let weak = self.downgrade();
                    let retry =
                        move |uri: &str| _ = weak.upgrade().inspect(|window| window.host().retry(uri));
                    let notice = Notice::new(uri, retry);
                    imp.rows.notices.borrow_mut().insert(uri.to_owned(), notice.clone());
                    imp.list.append(&notice);
                    notice
                });
                notice.show_words(&title, &words, retry);
                notice.show_title(imp.memory.order().1 != Grouping::Place);
            }
            (None, Some(notice)) => {
                imp.rows.notices.borrow_mut().remove(uri);
                imp.list.remove(&notice);
            }
            (None, None) => {}
        }
        self.connections_changed();
    }

    /// Machines are sorted or grouped otherwise.
    pub(super) fn order_changed(&self) {
        let imp = self.imp();
        let keys: Vec<Key> = imp.rows.machines.borrow().keys().cloned().collect();
        keys.iter().for_each(|key| self.draw_row(key));
        let grouped = imp.memory.order().1 == Grouping::Place;
        imp.rows.notices.borrow().values().for_each(|notice| notice.show_title(!grouped));
        imp.list.invalidate_sort();
        imp.list.invalidate_headers();
    }

    /// Shows the list, or why it is empty.
    pub(super) fn update_stack(&self) {
        let imp = self.imp();
        let machines = !imp.rows.machines.borrow().is_empty();
        let searched = !imp.search_entry.text().trim().is_empty();
        let found = self.rows_in_order().any(|row| self.matches(row.upcast_ref()));
        let page = match (machines, searched) {
            (true, true) if !found => "none",
            (false, _) if imp.rows.notices.borrow().is_empty() => "empty",
            _ => "list",
        };
        imp.stack.set_visible_child_name(page);
    }

    fn compare(&self, one: &gtk::ListBoxRow, other: &gtk::ListBoxRow) -> Ordering {
        let imp = self.imp();
        let shelf = imp.shelf.borrow();
        let (sort, grouping) = imp.memory.order();
        match (self.look(one, &shelf), self.look(other, &shelf)) {
            (Some(one), Some(other)) => one.compare(&other, grouping, sort),
            (one_look, other_look) => {
                // What is said of a connection stands above its machines.
                let group = |look: Option<Look<'_>>, row: &gtk::ListBoxRow| match look {
                    Some(look) => (grouping == Grouping::Place).then(|| look.group(grouping)),
                    None => notice_group(row).filter(|_| grouping == Grouping::Place),
                };
                let kinds = (one_look.is_some(), other_look.is_some());
                let groups = group(one_look, one).cmp(&group(other_look, other));
                let uri =
                    |row: &gtk::ListBoxRow| row.downcast_ref().map(|notice: &Notice| notice.uri().to_owned());
                groups.then(kinds.0.cmp(&kinds.1)).then_with(|| uri(one).cmp(&uri(other)))
            }
        }
    }

    fn look<'a>(&self, row: &gtk::ListBoxRow, shelf: &'a Shelf) -> Option<Look<'a>> {
        let key = row.downcast_ref::<Row>()?.key();
        let entry: &Entry = shelf.get(key)?;
        Some(Look { entry, condition: shelf.condition(entry), used: self.imp().memory.used(key) })
    }

    fn matches(&self, row: &gtk::ListBoxRow) -> bool {
        let search = self.imp().search_entry.text();
        let shelf = self.imp().shelf.borrow();
        match self.look(row, &shelf) {
            Some(look) => look.matches(&search),
            None => search.trim().is_empty(),
        }
    }

    fn set_heading(&self, row: &gtk::ListBoxRow, before: Option<&gtk::ListBoxRow>) {
        let shelf = self.imp().shelf.borrow();
        let (_, grouping) = self.imp().memory.order();
        let group = |row: &gtk::ListBoxRow| match self.look(row, &shelf) {
            Some(look) => Some(look.group(grouping)),
            None => notice_group(row).filter(|_| grouping == Grouping::Place),
        };
        let (here, above) = (group(row), before.and_then(group));
        let words = here.filter(|here| above.as_ref() != Some(here)).and_then(|group| words::group(&group));
        let Some(words) = words else { return row.set_header(gtk::Widget::NONE) };
        let same = row.header().and_downcast::<gtk::Label>().is_some_and(|label| label.label() == words);
        if !same {
            let label =
                gtk::Label::builder().label(&words).xalign(0.0).css_classes(["heading", "dimmed"]).build();
            label.set_accessible_role(gtk::AccessibleRole::Heading);
            row.set_header(Some(&label));
        }
    }
}

fn notice_group(row: &gtk::ListBoxRow) -> Option<Group> {
    let notice = row.downcast_ref::<Notice>()?;
    Some(Group::Place(Place::Connection(notice.uri().to_owned())))
}

/// What stands for a machine's picture.
pub(super) fn icon(condition: Condition) -> &'static str {
    match condition {
        Condition::Known(State::Off(_)) | Condition::Launched(_) => "system-shutdown-symbolic",
        Condition::Known(State::Paused(_)) => "media-playback-pause-symbolic",
        Condition::Known(State::Asleep) => "machine-asleep-symbolic",
        Condition::Stale(_) | Condition::Silent => "machine-lost-symbolic",
        Condition::Known(_) | Condition::OnBus => "video-display-symbolic",
    }
}
