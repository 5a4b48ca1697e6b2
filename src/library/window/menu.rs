//! A machine's menu, in the details and under the right mouse button.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, gio, glib};

use super::row::Row;
use super::{LibraryWindow, words};
use crate::library::model::{Entry, Key, Primary};
use crate::library::supply::Host;
use crate::window::i18n::gettext;
use crate::window::power;

/// What can be done with a machine beside its switches.
pub(super) fn of(entry: &Entry, primary: Primary, host: &dyn Host) -> gio::Menu {
    let menu = gio::Menu::new();
    let first = gio::Menu::new();
    if !matches!(primary, Primary::Nothing(_)) {
        first.append(Some(&words::primary(primary)), Some("win.primary"));
    }
    if entry.has_display() && primary != Primary::Open && !matches!(entry.key, Key::Launched { .. }) {
        first.append(Some(&gettext("Open _Window")), Some("win.open"));
    }
    menu.append_section(None, &first);
    let rest = gio::Menu::new();
    if entry.domain().is_some() {
        if primary != Primary::MakeReady {
            rest.append(Some(&gettext("_Make Ready…")), Some("win.make-ready"));
        }
        if host.has_manager() {
            rest.append(Some(&gettext("Open in Virtual Machine _Manager")), Some("win.open-in-manager"));
        }
        let launcher = if host.has_launcher(&entry.key) {
            gettext("Remove From _Applications")
        } else {
            gettext("Add to _Applications")
        };
        rest.append(Some(&launcher), Some("win.launcher"));
        rest.append(Some(&gettext("Show _Definition")), Some("win.definition"));
    }
    if let Key::Launched { .. } = entry.key {
        rest.append(Some(&gettext("_Forget")), Some("win.forget"));
    }
    menu.append_section(None, &rest);
    menu
}

impl LibraryWindow {
    /// A right click on a row, or the menu key, chooses it and shows its menu.
    pub(super) fn add_row_menu(&self) {
        let click = gtk::GestureClick::builder().button(gdk::BUTTON_SECONDARY).build();
        click.connect_pressed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |click, _, x, y| {
                let row = window.imp().list.row_at_y(wherever(y)).and_downcast::<Row>();
                if let Some(row) = row {
                    click.set_state(gtk::EventSequenceState::Claimed);
                    window.pop_up(&row, Some((x, y)));
                }
            }
        ));
        self.imp().list.add_controller(click);
        let press = gtk::GestureLongPress::builder().touch_only(true).build();
        press.connect_pressed(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move |press, x, y| {
                let row = window.imp().list.row_at_y(wherever(y)).and_downcast::<Row>();
                if let Some(row) = row {
                    press.set_state(gtk::EventSequenceState::Claimed);
                    window.pop_up(&row, Some((x, y)));
                }
            }
        ));
        self.imp().list.add_controller(press);
    }

    /// The menu of the row that has the keyboard.
    pub(super) fn pop_up_here(&self) {
        let focus = gtk::prelude::GtkWindowExt::focus(self);
        let row = focus.and_then(|widget| match widget.downcast::<Row>() {
            Ok(row) => Some(row),
            Err(widget) => widget.ancestor(Row::static_type()).and_downcast(),
        });
        if let Some(row) = row {
            self.pop_up(&row, None);
        }
    }

    fn pop_up(&self, row: &Row, at: Option<(f64, f64)>) {
        self.choose(Some(row.key().clone()));
        let Some(entry) = self.chosen() else { return };
        let (primary, offers) = {
            let shelf = self.imp().shelf.borrow();
            let saved = entry.domain().is_some_and(|machine| machine.saved);
            let free = shelf.doing(&entry.key).is_none();
            (shelf.primary(&entry), if free { shelf.condition(&entry).offers(saved) } else { &[] })
        };
        let menu = of(&entry, primary, &**self.host());
        if !offers.is_empty() {
            let switches = gio::Menu::new();
            power::fill(&switches, offers);
            menu.insert_submenu(1, Some(&gettext("Po_wer")), &switches);
        }
        let list = self.imp().list.get();
        let popover = gtk::PopoverMenu::from_model(Some(&menu));
        popover.set_parent(&list);
        popover.set_has_arrow(false);
        popover.set_halign(gtk::Align::Start);
        let place = at.map(|(x, y)| gdk::Rectangle::new(wherever(x), wherever(y), 1, 1));
        popover.set_pointing_to(place.or_else(|| bounds(row, &list)).as_ref());
        // Not at once: what was chosen is done after it has closed.
        popover.connect_closed(|popover| {
            let popover = popover.clone();
            glib::idle_add_local_once(move || popover.unparent());
        });
        popover.popup();
    }
}

fn bounds(row: &Row, list: &gtk::ListBox) -> Option<gdk::Rectangle> {
    let bounds = row.compute_bounds(list)?;
    let part = |value: f32| wherever(f64::from(value));
    Some(gdk::Rectangle::new(part(bounds.x()), part(bounds.y()), part(bounds.width()), part(bounds.height())))
}

#[expect(clippy::cast_possible_truncation, reason = "a place in a window")]
fn wherever(part: f64) -> i32 {
    part as i32
}
