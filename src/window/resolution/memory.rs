//! What is remembered of a console: when its guest follows the window, and the sizes typed for it.

use adw::prelude::*;
use gtk::{gio, glib};

use super::super::memory::Memory;
use super::super::settings;
use crate::geometry::{Guest, Size};
use crate::resolution::Policy;
use crate::session::ConsoleId;

const SCHEMA: &str = "io.github.oriel_viewer.Oriel.console";

const FOLLOW: &str = "follow";
const CUSTOM_SIZES: &str = "custom-sizes";

/// So many typed sizes are kept.
const SIZES: usize = 4;

/// What a guest does that nobody has said anything about: it follows the window.
///
/// That is what people expect of a window that they resize, and every device that can do it waits for
/// it. It takes nothing from anybody: nothing is asked before the person gives the window a size, a
/// size that the guest's own settings chose makes the window follow instead, and a device that cannot
/// says so once and is left alone.
pub(super) const DEFAULT: Policy = Policy::FollowWindow;

/// The policies by their numbers in the schema and their names as the action's states.
const POLICIES: [(i32, &str, Policy); 3] = [
    (0, "never", Policy::Off),
    (1, "window", Policy::FollowWindow),
    (2, "fullscreen", Policy::OnlyFullscreen),
];

/// A policy's name.
pub(super) fn name(policy: Policy) -> &'static str {
    POLICIES.into_iter().find(|(_, _, known)| *known == policy).map_or("window", |(_, name, _)| name)
}

/// The policy of this name.
pub(super) fn named(name: &str) -> Option<Policy> {
    POLICIES.into_iter().find(|(_, known, _)| *known == name).map(|(_, _, policy)| policy)
}

/// The settings of one console.
#[derive(Debug)]
pub(super) struct Remembered(gio::Settings);

impl Remembered {
    /// What is remembered of a console of this machine.
    pub(super) fn of(machine: &Memory, id: ConsoleId) -> Option<Self> {
        let path = format!("{}consoles/{id}/", machine.path()?);
        let schema = settings::schema(SCHEMA)?;
        Some(Self(gio::Settings::new_full(&schema, gio::SettingsBackend::NONE, Some(&path))))
    }

    pub(super) fn policy(&self) -> Policy {
        let number = self.0.enum_(FOLLOW);
        POLICIES.into_iter().find(|(known, ..)| *known == number).map_or(DEFAULT, |(.., policy)| policy)
    }

    pub(super) fn set_policy(&self, policy: Policy) {
        let number =
            POLICIES.into_iter().find(|(.., known)| *known == policy).map_or(1, |(number, ..)| number);
        self.written(self.0.set_enum(FOLLOW, number));
    }

    /// The sizes that were typed, the last one first.
    pub(super) fn sizes(&self) -> Vec<Size<Guest>> {
        let sizes: Vec<(u32, u32)> = self.0.value(CUSTOM_SIZES).get().unwrap_or_default();
        sizes.into_iter().take(SIZES).map(|(width, height)| Size::new(width, height)).collect()
    }

    /// Another size was typed.
    pub(super) fn add_size(&self, size: Size<Guest>) {
        let others = self.sizes().into_iter().filter(|other| *other != size);
        let sizes: Vec<_> = std::iter::once(size).chain(others).take(SIZES).collect();
        let sizes: Vec<_> = sizes.iter().map(|size| (size.width, size.height)).collect();
        self.written(self.0.set_value(CUSTOM_SIZES, &sizes.to_variant()));
    }

    fn written(&self, done: Result<(), glib::BoolError>) {
        if let Err(error) = done {
            tracing::warn!(%error, path = ?self.0.path(), "a setting cannot be remembered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_names() {
        for policy in [Policy::Off, Policy::FollowWindow, Policy::OnlyFullscreen] {
            assert_eq!(named(name(policy)), Some(policy));
        }
        assert_eq!(named("always"), None);
    }
}
