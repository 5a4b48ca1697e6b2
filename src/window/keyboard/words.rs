//! What is said of the keyboard, and how each desktop is told to let go of its shortcuts.

use crate::APP_ID;
use crate::input::grab::{Freed, State};
use crate::input::{CombinationError, Leds};
use crate::window::i18n::{gettext, gettext_f};

/// Who has the keyboard, as a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The guest, with the desktop's shortcuts.
    Guest,
    /// The guest, and the desktop has been asked for its shortcuts.
    Asked,
    /// The guest, but for the shortcuts that the desktop does not give away.
    Refused,
    /// The guest, but for the shortcuts, which nobody has asked for.
    Shared,
    /// The window, since the person took it back.
    Window,
    /// Another program, which has grabbed it from the window.
    Robber,
    /// Something else: another window, a page, a lock screen.
    Nobody,
}

impl Holder {
    pub(super) fn of(state: State, takes_keys: bool, is_robbed: bool) -> Self {
        match state {
            State::Free(Freed::Chord) => Self::Window,
            _ if is_robbed && !takes_keys => Self::Robber,
            _ if !takes_keys => Self::Nobody,
            State::Held => Self::Guest,
            State::Asked { .. } => Self::Asked,
            State::Refused => Self::Refused,
            State::Free(_) => Self::Shared,
        }
    }

    pub(super) fn icon(self) -> &'static str {
        match self {
            Self::Refused | Self::Robber => "dialog-warning-symbolic",
            _ => "input-keyboard-symbolic",
        }
    }
}

/// Desktops that have a way of their own to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Desktop {
    Gnome,
    Kde,
    Sway,
    X11,
    Other,
}

impl Desktop {
    /// The one that we are on.
    pub(super) fn here() -> Self {
        let wayland = gtk::gdk::Display::default()
            .is_some_and(|display| gtk::prelude::ObjectExt::is::<gdk_wayland::WaylandDisplay>(&display));
        let names = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
        if wayland { Self::named(&names) } else { Self::X11 }
    }

    /// By `XDG_CURRENT_DESKTOP`: names between colons, the closest first.
    fn named(names: &str) -> Self {
        let known = names.split(':').find_map(|name| match name.to_ascii_lowercase().as_str() {
            "gnome" | "ubuntu" | "gnome-classic" => Some(Self::Gnome),
            "kde" => Some(Self::Kde),
            "sway" => Some(Self::Sway),
            _ => None,
        });
        known.unwrap_or(Self::Other)
    }
}

/// What there is to say.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) title: String,
    pub(super) explanation: String,
    /// Something to type or to write down.
    pub(super) command: Option<String>,
}

/// What is wrong with keys as they were written.
pub(in crate::window) fn fault(error: &CombinationError) -> String {
    match error {
        CombinationError::Empty => gettext("Write keys as in Ctrl+Alt+F2"),
        CombinationError::Gap => gettext("A key is missing beside a “+”"),
        CombinationError::Unknown { name, similar: Some(similar) } => gettext_f(
            "There is no key “{name}”; did you mean “{similar}”?",
            &[("name", name), ("similar", similar)],
        ),
        CombinationError::Unknown { name, similar: None } => {
            gettext_f("There is no key “{name}”", &[("name", name)])
        }
        CombinationError::Twice(name) => gettext_f("“{name}” stands there twice", &[("name", name)]),
        CombinationError::TooMany => gettext("Too many keys at once"),
    }
}

/// Which lock keys are on in the guest, if any are.
pub(super) fn lights(lights: Leds) -> Option<String> {
    let names = [
        (Leds::CAPS, gettext("Caps Lock")),
        (Leds::NUM, gettext("Num Lock")),
        (Leds::SCROLL, gettext("Scroll Lock")),
    ];
    let on: Vec<_> =
        names.into_iter().filter(|(light, _)| lights.contains(*light)).map(|(_, name)| name).collect();
    (!on.is_empty()).then(|| gettext_f("On in the machine: {locks}", &[("locks", &on.join(", "))]))
}

/// How the person has the keyboard back.
pub(super) fn way_out(keys: &str) -> String {
    gettext_f("{keys} gives the keyboard back", &[("keys", keys)])
}

/// What there is to say of a keyboard that `keys` give back.
pub(super) fn facts(holder: Holder, keys: &str, desktop: Desktop) -> Facts {
    let keys = [("keys", keys)];
    let (title, explanation) = match holder {
        Holder::Guest => (
            gettext("The machine has the keyboard"),
            gettext_f(
                "All keys go to the machine, those of the desktop, too. Press {keys} to have the keyboard back.",
                &keys,
            ),
        ),
        Holder::Asked => (
            gettext("Asking the desktop for its shortcuts"),
            gettext("The desktop may ask you whether you want that."),
        ),
        Holder::Refused => (
            gettext("The desktop keeps its shortcuts"),
            format!(
                "{} {}",
                gettext(
                    "All other keys go to the machine. The menu’s “Send Key” has those that the desktop takes."
                ),
                remedy(desktop)
            ),
        ),
        Holder::Shared => (
            gettext("The desktop has its shortcuts"),
            gettext("All other keys go to the machine while its picture has the keyboard."),
        ),
        Holder::Window => (
            gettext("The window has the keyboard"),
            gettext(
                "Keys are for buttons and menus until you click into the picture, or give the machine all keys below.",
            ),
        ),
        Holder::Robber => (
            gettext("Another program has grabbed the keyboard"),
            gettext("The machine gets keys again once that program lets go. Close its menu or window."),
        ),
        Holder::Nobody => {
            (gettext("The machine does not get any keys"), gettext("Its picture does not have the keyboard."))
        }
    };
    let command = (holder == Holder::Refused).then(|| command(desktop)).flatten();
    Facts { title, explanation, command }
}

/// What the person can change so that the desktop gives its shortcuts away.
fn remedy(desktop: Desktop) -> String {
    match desktop {
        Desktop::Gnome => gettext(
            "GNOME asks once and remembers a “Deny”. Allow it in Settings, Apps, Oriel; or have GNOME ask again with this command:",
        ),
        Desktop::Kde => gettext(
            "In KDE’s System Settings, Window Rules, add a rule for Oriel that forces “Ignore global shortcuts”.",
        ),
        Desktop::Sway => {
            gettext("Sway has been told not to give them away. This line in its configuration changes that:")
        }
        Desktop::X11 => gettext(
            "Another program has grabbed the keyboard. Close its menu or window, and give the machine all keys again.",
        ),
        Desktop::Other => gettext(
            "This desktop does not offer them to any program, or has been told not to: look for “keyboard shortcuts inhibit” in its documentation.",
        ),
    }
}

fn command(desktop: Desktop) -> Option<String> {
    match desktop {
        Desktop::Gnome => {
            Some(format!("flatpak permission-remove gnome shortcuts-inhibitor {APP_ID}.desktop"))
        }
        Desktop::Sway => Some("seat * shortcuts_inhibitor enable".to_owned()),
        Desktop::Kde | Desktop::X11 | Desktop::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::grab::Obstacle;

    #[test]
    fn desktops_are_known_by_their_names() {
        assert_eq!(Desktop::named("ubuntu:GNOME"), Desktop::Gnome);
        assert_eq!(Desktop::named("KDE"), Desktop::Kde);
        assert_eq!(Desktop::named("sway:wlroots"), Desktop::Sway);
        assert_eq!(Desktop::named(""), Desktop::Other);
    }

    /// By the names that each desktop has for it: GNOME Settings and its permission store, KDE's window
    /// rules, sway-input(5).
    #[test]
    fn every_refusal_has_a_remedy() {
        let gnome = format!("flatpak permission-remove gnome shortcuts-inhibitor {APP_ID}.desktop");
        let remedies: [(Desktop, &[&str], Option<&str>); 5] = [
            (Desktop::Gnome, &["Settings, Apps, Oriel", "this command:"], Some(&gnome)),
            (Desktop::Kde, &["System Settings, Window Rules", "“Ignore global shortcuts”"], None),
            (Desktop::Sway, &["This line in its configuration"], Some("seat * shortcuts_inhibitor enable")),
            (Desktop::X11, &["Another program has grabbed the keyboard", "Close its menu or window"], None),
            (Desktop::Other, &["“keyboard shortcuts inhibit”"], None),
        ];
        for (desktop, names, command) in remedies {
            let facts = facts(Holder::Refused, "Ctrl+Alt", desktop);
            for name in names {
                assert!(facts.explanation.contains(name), "{desktop:?}: {}", facts.explanation);
            }
            assert!(facts.explanation.contains("“Send Key”"), "{desktop:?} has a way without it");
            assert_eq!(facts.command.as_deref(), command, "{desktop:?}");
        }
    }

    #[test]
    fn remedies_are_for_refusals_only() {
        let others =
            [Holder::Guest, Holder::Asked, Holder::Shared, Holder::Window, Holder::Robber, Holder::Nobody];
        for holder in others {
            let facts = facts(holder, "Ctrl+Alt", Desktop::Gnome);
            assert_eq!(facts.command, None, "{holder:?}");
            assert!(!facts.explanation.contains("Settings"), "{holder:?}: {}", facts.explanation);
        }
        assert!(facts(Holder::Guest, "Ctrl+F12", Desktop::Kde).explanation.contains("Ctrl+F12"));
    }

    #[test]
    fn a_keyboard_that_is_elsewhere_is_nobodys() {
        let elsewhere = State::Free(Freed::Obstacle(Obstacle::Unfocused));
        assert_eq!(Holder::of(elsewhere, false, false), Holder::Nobody);
        assert_eq!(Holder::of(elsewhere, false, true), Holder::Robber);
        assert_eq!(Holder::of(State::Free(Freed::Chord), false, false), Holder::Window);
        assert_eq!(Holder::of(State::Free(Freed::Unasked), true, false), Holder::Shared);
    }
}
