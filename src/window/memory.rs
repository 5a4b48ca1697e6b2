//! What is remembered of a machine: its window's size, the size of its picture, and its console.

use std::collections::{BTreeMap, BTreeSet};

use adw::prelude::*;
use gtk::{gio, glib};

use super::consoles::Choice;
use super::settings::numbered;
use super::{MachineWindow, looks, settings};
use crate::geometry::{Rotation, Scaling, Zoom};
use crate::input::Layout;
use crate::present::Filter;
use crate::session::{ConsoleId, Machine};

const SCHEMA: &str = "io.github.oriel_viewer.Oriel.machine";
const PATH: &str = "/io/github/oriel_viewer/Oriel/machines/";

const WIDTH: &str = "window-width";
const HEIGHT: &str = "window-height";
const MAXIMIZED: &str = "is-maximized";
const SCALING: &str = "scaling";
const FILTER: &str = "filter";
const ROTATION: &str = "rotation";
const ZOOM: &str = "zoom";
const CONSOLE: &str = "console";
const WINDOWS: &str = "windows";
const MONITORS: &str = "monitors";
const COMBINATIONS: &str = "key-combinations";
const LAYOUT: &str = "typing-layout";

/// The UUID of machines that were given none.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// The settings of one machine.
#[derive(Debug)]
pub(super) struct Memory(gio::Settings);

impl Memory {
    /// What is remembered of this machine; nothing of one that has neither UUID nor name.
    fn of(machine: &Machine) -> Option<Self> {
        let Some(schema) = settings::schema(SCHEMA) else {
            tracing::warn!("the settings' schema {SCHEMA} is not installed: window sizes are not remembered");
            return None;
        };
        let path = format!("{PATH}{}/", key(machine)?);
        Some(Self(gio::Settings::new_full(&schema, gio::SettingsBackend::NONE, Some(&path))))
    }

    /// Where it is kept.
    pub(super) fn store(&self) -> &gio::Settings {
        &self.0
    }

    /// Where it is kept, as a path.
    pub(super) fn path(&self) -> Option<glib::GString> {
        self.0.path()
    }

    fn size(&self) -> Option<(i32, i32)> {
        let size = (self.0.int(WIDTH), self.0.int(HEIGHT));
        (size.0 > 0 && size.1 > 0).then_some(size)
    }

    fn scaling(&self) -> Scaling {
        looks::scaling_numbered(self.0.enum_(SCALING))
    }

    fn filter(&self) -> Filter {
        numbered(&Filter::ALL, self.0.enum_(FILTER))
    }

    fn rotation(&self) -> Rotation {
        numbered(&looks::ROTATIONS, self.0.enum_(ROTATION))
    }

    /// The consoles that have windows of their own.
    fn windows(&self) -> BTreeSet<ConsoleId> {
        self.0.get::<Vec<u32>>(WINDOWS).into_iter().map(ConsoleId).collect()
    }

    /// The monitor that each console fills, by its connector, while all monitors are filled.
    pub(super) fn monitors(&self) -> BTreeMap<ConsoleId, String> {
        let monitors = self.0.get::<BTreeMap<u32, String>>(MONITORS);
        monitors.into_iter().map(|(id, monitor)| (ConsoleId(id), monitor)).collect()
    }

    fn write(&self, done: Result<(), glib::BoolError>) {
        if let Err(error) = done {
            tracing::warn!(%error, path = ?self.0.path(), "a setting cannot be remembered");
        }
    }
}

impl MachineWindow {
    /// Takes up what is remembered, when the machine is known for the first time.
    pub(super) fn remember_machine(&self) {
        if self.shared().memory.borrow().is_some() {
            return;
        }
        let Some(memory) = self.shared().known.borrow().machine.as_ref().and_then(Memory::of) else { return };
        let setup = self.setup();
        if setup.scaling.is_none() {
            self.set_scaling(memory.scaling());
            self.view().set_zoom(Zoom::percent(memory.0.uint(ZOOM)));
        }
        if setup.filter.is_none() {
            self.set_filter(memory.filter());
        }
        if setup.rotation.is_none() {
            self.view().set_rotation(memory.rotation());
        }
        if let Some((width, height)) = memory.size() {
            self.take_size(width, height);
        }
        if memory.0.boolean(MAXIMIZED) {
            self.maximize();
        }
        let combinations = memory.0.get::<Vec<String>>(COMBINATIONS);
        self.shared().combinations.replace(combinations);
        self.shared().windows().iter().for_each(Self::refill_combinations);
        let console = memory.0.int(CONSOLE);
        self.shared().wishes.borrow_mut().windows = memory.windows();
        self.shared().memory.replace(Some(memory));
        self.shared().recall_clipboard();
        if self.setup().console.is_none() {
            self.take_choice(Choice::numbered(console));
        }
    }

    /// Remembers the console that the person chose, by its number.
    pub(super) fn remember_console(&self, number: i32) {
        if let Some(memory) = &*self.shared().memory.borrow() {
            memory.write(memory.0.set_int(CONSOLE, number));
        }
    }

    /// Remembers which consoles have windows of their own.
    pub(super) fn remember_windows(&self) {
        if let Some(memory) = &*self.shared().memory.borrow() {
            let windows: Vec<_> = self.shared().wishes.borrow().windows.iter().map(|id| id.0).collect();
            memory.write(memory.0.set(WINDOWS, windows));
        }
    }

    /// Remembers which monitors consoles fill; those that are not named keep theirs.
    pub(super) fn remember_monitors(&self, filled: &BTreeMap<ConsoleId, String>) {
        if let Some(memory) = &*self.shared().memory.borrow() {
            let mut monitors = memory.monitors();
            monitors.extend(filled.clone());
            let monitors: BTreeMap<_, _> =
                monitors.into_iter().map(|(id, monitor)| (id.0, monitor)).collect();
            memory.write(memory.0.set(MONITORS, monitors));
        }
    }

    /// Remembers the combinations of keys that were sent.
    pub(super) fn keep_combinations(&self, all: &[String]) {
        if let Some(memory) = &*self.shared().memory.borrow() {
            memory.write(memory.0.set(COMBINATIONS, all.to_vec()));
        }
    }

    /// The layout that texts were typed in, by its id.
    pub(super) fn remembered_layout(&self) -> Option<String> {
        let memory = self.shared().memory.borrow();
        memory.as_ref().map(|memory| memory.0.string(LAYOUT).into()).filter(|id: &String| !id.is_empty())
    }

    pub(super) fn remember_layout(&self, layout: &Layout) {
        if let Some(memory) = &*self.shared().memory.borrow() {
            memory.write(memory.0.set_string(LAYOUT, layout.id));
        }
    }

    /// Remembers size, turn and filter of the picture.
    pub(super) fn remember_looks(&self) {
        let memory = self.shared().memory.borrow();
        let Some(memory) = &*memory else { return };
        let (scaling, filter, rotation, zoom) = self.look_numbers();
        for (key, number) in [(SCALING, scaling), (FILTER, filter), (ROTATION, rotation)] {
            if memory.0.enum_(key) != number {
                memory.write(memory.0.set_enum(key, number));
            }
        }
        if memory.0.uint(ZOOM) != zoom {
            memory.write(memory.0.set_uint(ZOOM, zoom));
        }
    }

    pub(super) fn remember_size(&self) {
        let memory = self.shared().memory.borrow();
        let Some(memory) = &*memory else { return };
        if !self.is_visible() || !self.is_main() {
            return;
        }
        let (width, height) = self.default_size();
        memory.write(memory.0.set_boolean(MAXIMIZED, self.is_maximized()));
        if self.has_size_of_its_own() {
            memory.write(memory.0.set_int(WIDTH, width));
            memory.write(memory.0.set_int(HEIGHT, height));
        }
        gio::Settings::sync();
    }
}

/// The machine's part of the path: its UUID, else its name with all but plain letters written out.
fn key(machine: &Machine) -> Option<String> {
    if let Some(uuid) = machine.uuid.as_deref().filter(|uuid| *uuid != NO_UUID && is_plain(uuid)) {
        return Some(uuid.to_owned());
    }
    if machine.name.is_empty() {
        return None;
    }
    let letters = machine.name.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() || letter == '-' => letter.to_string(),
        other => format!("_{:x}_", u32::from(other)),
    });
    Some(format!("name-{}", letters.collect::<String>()))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, uuid: Option<&str>) -> Option<String> {
        key(&Machine { name: name.to_owned(), uuid: uuid.map(str::to_owned), qemu: None })
    }

    #[test]
    fn machines_are_told_apart_by_uuid_and_else_by_name() {
        let uuid = "5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8";
        assert_eq!(of("web", Some(uuid)).as_deref(), Some(uuid));
        assert_eq!(of("web", Some(NO_UUID)).as_deref(), Some("name-web"));
        assert_eq!(of("web", Some("../..")).as_deref(), Some("name-web"));
        assert_eq!(of("a/b c", None).as_deref(), Some("name-a_2f_b_20_c"));
        assert_eq!(of("", None), None);
    }
}
