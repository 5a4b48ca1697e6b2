//! Machines in windows of their own: opened once, found again, asked how they reach the screen.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use adw::prelude::*;
use gtk::glib;

use super::Showing;
use super::living::Living;
use crate::clock;
use crate::library::model::Key;
use crate::session::{ConsoleId, Session};
use crate::source::Source;
use crate::source::libvirt::Domain;
use crate::stats::Snapshot;
use crate::window::i18n::gettext_f;
use crate::window::{Fullscreen, Hold, MachineWindow, Managed, Setup};

/// A machine in a window of its own.
#[derive(Debug)]
pub(super) struct Opened {
    key: Key,
    window: glib::WeakRef<MachineWindow>,
    /// The counts of each console when they were last read.
    last: RefCell<HashMap<ConsoleId, Snapshot>>,
}

impl Living {
    /// Shows a machine, in the window that it has or in a new one.
    pub(super) fn show(&self, key: &Key) {
        self.opened
            .borrow_mut()
            .retain(|opened| opened.window.upgrade().is_some_and(|window| !window.is_closed()));
        if let Some(window) = self.window_of(key) {
            return window.come_forward();
        }
        let domain = self.domain(key);
        let source = match (key, &domain) {
            (Key::Domain { .. }, Some((hypervisor, uuid))) => {
                Source::Libvirt(Domain::on(hypervisor.clone(), uuid))
            }
            // The first that there is, where none was chosen.
            (Key::Bus { owner }, _) => {
                Source::Bus { address: None, machine: Some(owner.clone()).filter(|owner| !owner.is_empty()) }
            }
            (Key::Domain { .. } | Key::Launched { .. }, _) => return,
        };
        let (hold, way) = match domain {
            Some(_) => (Hold::Monitor, "libvirt"),
            None => (Hold::Guest, "bus"),
        };
        let setup = Setup {
            hold,
            way,
            managed: domain.map(|(hypervisor, wanted)| Managed { hypervisor, wanted }),
            console: None,
            fullscreen: Fullscreen::No,
            scaling: None,
            filter: None,
            rotation: None,
            present: None,
            snapshot: false,
            boost: None,
            statistics: false,
            returns: source.can_return(),
        };
        let (session, events) = Session::start(source);
        let window = MachineWindow::new(&self.application, Rc::new(session), setup);
        window.follow(events);
        window.open();
        let opened = Opened { key: key.clone(), window: window.downgrade(), last: RefCell::default() };
        self.opened.borrow_mut().push(opened);
    }

    /// Shows the first machine on the session bus, or waits for one.
    pub fn open_any(&self) {
        self.show(&Key::Bus { owner: String::new() });
    }

    /// Whether a window of ours shows a machine, or waits for it.
    pub(super) fn is_open(&self, key: &Key) -> bool {
        // It may not be seen yet.
        self.window_of(key).is_some_and(|window| !window.is_closed())
    }

    fn window_of(&self, key: &Key) -> Option<MachineWindow> {
        let opened = self.opened.borrow();
        let found = opened.iter().find(|opened| opened.key == *key)?;
        found.window.upgrade()
    }

    /// How the consoles of a machine that is open reach the screen; rates since this was last asked.
    pub(super) fn figures(&self, key: &Key) -> Vec<Showing> {
        let opened = self.opened.borrow();
        let Some(opened) = opened.iter().find(|opened| opened.key == *key) else { return Vec::new() };
        let Some(window) = opened.window.upgrade() else { return Vec::new() };
        let consoles = window.consoles_with_ways();
        let mut last = opened.last.borrow_mut();
        let figures = consoles.into_iter().map(|(console, way)| {
            let now = clock::now();
            let rate = last.get(&console.id).map(|last| console.stats.since(last, now).0);
            last.insert(console.id, console.stats.snapshot(now));
            let rate = rate.map(|report| {
                let one = |rate: f64| format!("{rate:.0}");
                let (guest, seen) = (one(report.guest_rate), one(report.seen()));
                gettext_f(
                    "{guest} updates a second, {seen} of them seen",
                    &[("guest", &guest), ("seen", &seen)],
                )
            });
            let name = format!("{} ({})", console.label, console.device);
            let name = if console.device.is_empty() { console.label.clone() } else { name };
            Showing { console: name, way, rate: rate.unwrap_or_default() }
        });
        figures.collect()
    }
}
