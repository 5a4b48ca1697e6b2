//! A machine on all monitors: each console fills one, and the guest's layout is the monitors'.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::MachineWindow;
use super::consoles::Choice;
use super::i18n::gettext;
use super::monitors::{self, Monitor};
use crate::geometry::{Guest, Point};
use crate::resolution::{Head, Wish, layout, row};
use crate::session::{ConsoleId, ConsoleKind};

/// How long a guest may take to use the outputs that are to fill monitors until it is asked again, and how
/// often it is: it may not have heard, or have been starting.
const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

impl MachineWindow {
    /// Fills all monitors with the machine's consoles, or gives them free.
    pub(super) fn fill_monitors(&self, fill: bool) {
        let shared = self.shared();
        shared.fills_monitors.set(fill);
        if let Some(insisting) = shared.insisting.take() {
            insisting.remove();
        }
        if !fill {
            let filled = shared.spread.take();
            if let Some(filled) = filled {
                self.remember_monitors(&filled);
                self.leave_monitors();
            }
            return;
        }
        let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
        let connectors: Vec<_> = monitors.iter().map(|monitor| monitor.connector.clone()).collect();
        let remembered = shared.memory.borrow().as_ref().map(|memory| memory.monitors()).unwrap_or_default();
        let filled = monitors::assign(&self.outputs(connectors.len()), &connectors, &remembered);
        if filled.is_empty() {
            return;
        }
        let before = shared.spread.replace(Some(filled.clone())).unwrap_or_default();
        // What the guest has switched off since then stays so.
        let new = filled.keys().filter(|id| !before.contains_key(id));
        new.for_each(|id| shared.wishes.borrow_mut().open(*id));
        self.arrange();
        self.ask_for_monitors(&monitors);
        self.insist(ATTEMPTS);
    }

    /// Asks in a while for the heads that the guest does not use then.
    fn insist(&self, attempts: u32) {
        let Some(left) = attempts.checked_sub(1) else { return };
        let weak = Rc::downgrade(self.shared());
        let source = glib::timeout_add_local_once(PATIENCE, move || {
            let Some(shared) = weak.upgrade() else { return };
            shared.insisting.take();
            let window = shared.windows().into_iter().find(|window| !window.is_closed());
            if let Some(window) = window
                && window.ask_for_unused(attempts)
            {
                window.insist(left);
            }
        });
        self.shared().insisting.replace(Some(source));
    }

    /// Asks once more for the heads that the guest does not use; says whether there are any. Only of a
    /// machine with several consoles is it known.
    fn ask_for_unused(&self, attempt: u32) -> bool {
        let in_use = self.shared().known.borrow().in_use.clone();
        let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
        let mut wishes = self.wishes_for_monitors(&monitors);
        let several = wishes.len() > 1;
        wishes.retain(|(id, _)| several && !in_use.contains(id));
        for (id, wish) in &wishes {
            tracing::debug!(%id, attempt, "the guest does not use an output");
            // QEMU would not pass on what is the same as the last one.
            self.remote().ask(*id, if attempt % 2 == 1 { wish.nudged() } else { *wish });
        }
        !wishes.is_empty()
    }

    /// The head that is seen fills this monitor, also when all are filled from now on.
    pub(super) fn fill_monitor(&self, meant: &str) {
        let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
        let Some(monitor) = Monitor::find(&monitors, meant) else {
            return tracing::warn!(meant, "there is no such monitor");
        };
        if let Some(head) = self.head() {
            self.remember_monitors(&[(head.id(), monitor.connector.clone())].into());
        }
        self.fullscreen_on_monitor(&monitor.gdk);
    }

    /// The consoles for which so many monitors are there: those that the guest uses, and the other
    /// outputs of the same devices, which it can.
    fn outputs(&self, monitors: usize) -> Vec<ConsoleId> {
        let known = self.shared().known.borrow();
        if let Choice::Demanded(id) = known.choice {
            return vec![id];
        }
        let graphic = || known.consoles.iter().filter(|console| console.kind == ConsoleKind::Graphic);
        let used = |id: &ConsoleId| known.in_use.contains(id);
        let mut devices: BTreeSet<_> =
            graphic().filter(|it| used(&it.id)).map(|it| it.device.as_str()).collect();
        if devices.is_empty() {
            devices.extend(graphic().next().map(|first| first.device.as_str()));
        }
        let mut outputs: Vec<_> = graphic()
            .filter(|console| used(&console.id) || devices.contains(console.device.as_str()))
            .map(|console| console.id)
            .collect();
        if outputs.len() > monitors {
            // There is room only for what there is to see.
            outputs.sort_by_key(|id| !used(id));
        }
        outputs
    }

    /// Every window is where its console's monitor is, while all monitors are filled.
    pub(super) fn go_to_monitors(&self) {
        let spread = self.shared().spread.borrow().clone().unwrap_or_default();
        let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
        for (id, connector) in &spread {
            let Some((_, window)) = self.shared().head(*id) else { continue };
            let Some(monitor) = monitors.iter().find(|monitor| monitor.connector == *connector) else {
                continue;
            };
            let filled = window.imp().fills.replace(Some(connector.clone()));
            if filled.as_ref() != Some(connector) {
                window.fullscreen_on_monitor(&monitor.gdk);
                window.appear();
            }
        }
        let state = (!spread.is_empty()).to_variant();
        self.shared().windows().iter().for_each(|window| window.set_action_state("fullscreen-all", &state));
    }

    /// One window after the other ceases to fill its monitor, and the tabs are as before.
    fn leave_monitors(&self) {
        for window in self.shared().windows() {
            if window.imp().fills.take().is_some() {
                window.unfullscreen();
            }
        }
        self.arrange();
    }

    /// One of the windows does not fill its monitor any more: then none does.
    pub(super) fn left_monitor(&self) {
        if self.imp().fills.borrow().is_none() {
            return;
        }
        glib::idle_add_local_once(glib::clone!(
            #[weak(rename_to = window)]
            self,
            move || window.fill_monitors(false)
        ));
    }

    /// Asks for heads of the monitors' sizes, laid out as the monitors are.
    fn ask_for_monitors(&self, monitors: &[Monitor]) {
        for (id, wish) in self.wishes_for_monitors(monitors) {
            self.remote().ask(id, wish);
        }
    }

    fn wishes_for_monitors(&self, monitors: &[Monitor]) -> Vec<(ConsoleId, Wish)> {
        let spread = self.shared().spread.borrow().clone().unwrap_or_default();
        let places = self.places();
        let wish = |(id, connector): (&ConsoleId, &String)| {
            let monitor = monitors.iter().find(|monitor| monitor.connector == *connector)?;
            let at = places.get(id).copied().unwrap_or(Point::new(0, 0));
            let (size, millimetres) = (monitor.pixels().cast(), monitor.millimetres());
            Some((*id, Wish { size, millimetres, at }))
        };
        spread.iter().filter_map(wish).collect()
    }

    /// Where each console that is seen is among the others, in the guest's pixels.
    pub(super) fn places(&self) -> BTreeMap<ConsoleId, Point<Guest>> {
        let shared = self.shared();
        if let Some(spread) = &*shared.spread.borrow() {
            let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
            let on = |(id, connector): (&ConsoleId, &String)| {
                let monitor = monitors.iter().find(|monitor| monitor.connector == *connector)?;
                Some((*id, Head { place: monitor.place(), size: monitor.pixels().cast() }))
            };
            let (ids, heads): (Vec<_>, Vec<_>) = spread.iter().filter_map(on).unzip();
            return ids.into_iter().zip(layout(&heads)).collect();
        }
        let mut consoles: Vec<_> = shared.heads().iter().map(|(head, _)| head.console().clone()).collect();
        consoles.sort_by_key(|console| console.id);
        let size = |frames: &crate::frame::Mailbox| match frames.screen() {
            crate::frame::Screen::Live(size) => size,
            _ => crate::geometry::Size::new(0, 0),
        };
        let sizes: Vec<_> = consoles.iter().map(|console| size(&console.frames)).collect();
        consoles.iter().map(|console| console.id).zip(row(&sizes)).collect()
    }

    /// Where the head that is seen is among the others goes with what its guest is asked for.
    pub(super) fn tell_place(&self, places: &BTreeMap<ConsoleId, Point<Guest>>) {
        let place = self.head().and_then(|head| places.get(&head.id()));
        if let Some(place) = place {
            self.place_head(*place);
        }
    }

    /// Follows monitors that come and go.
    pub(super) fn watch_monitors(&self) {
        let window = self.downgrade();
        monitors::watch(&gtk::prelude::WidgetExt::display(self), move || {
            let Some(window) = window.upgrade().filter(|window| !window.is_closed()) else { return };
            window.refill_screens();
            let filled = window.shared().spread.borrow().is_some();
            if filled {
                window.fill_monitors(true);
            }
        });
        self.refill_screens();
    }

    /// Offers the monitors, where there are several.
    pub(super) fn refill_screens(&self) {
        let section = self.imp().screens_section.get();
        // The first item is there for every monitor.
        (1..section.n_items()).rev().for_each(|item| section.remove(item));
        let monitors = Monitor::all(&gtk::prelude::WidgetExt::display(self));
        if monitors.len() < 2 {
            return;
        }
        let all = gio::Menu::new();
        all.append(Some(&gettext("_All Monitors")), Some("win.fullscreen-all"));
        let (menu, each) = (gio::Menu::new(), gio::Menu::new());
        for (number, monitor) in (1..).zip(&monitors) {
            let label = [monitor.connector.as_str(), monitor.name.as_str()].join(" ");
            let label = format!("{number}. {}", label.trim().replace('_', "__"));
            let item = gio::MenuItem::new(Some(&label), None);
            item.set_action_and_target_value(
                Some("win.fullscreen-on"),
                Some(&monitor.connector.to_variant()),
            );
            each.append_item(&item);
        }
        menu.append_section(None, &all);
        menu.append_section(None, &each);
        section.append_submenu(Some(&gettext("Fullscreen _on")), &menu);
    }
}
