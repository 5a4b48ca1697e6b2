//! How the picture looks: what can be chosen of its size, turn and filter, and what is remembered of it.

use adw::prelude::*;
use gtk::{gdk, gio, glib};

use super::MachineWindow;
use super::i18n::gettext;
use super::settings::{self, number_in};
use crate::geometry::{Rotation, Scaling, Step, Zoom};
use crate::present::Filter;
use crate::view::Toward;

/// The ways of scaling by their names in actions, in the order of their numbers in the settings.
const SCALINGS: [(&str, Scaling); 4] = [
    ("fit", Scaling::Fit),
    ("one-to-one", Scaling::OneToOne),
    ("integer", Scaling::Integer),
    ("fill", Scaling::Fill),
];

/// Quarter turns, in the order of their numbers in the settings.
pub(super) const ROTATIONS: [Rotation; 4] = [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left];

/// Moves what is seen of a picture that is larger than the window.
const PANS: [(&str, gdk::Key, Toward); 4] = [
    ("pan-left", gdk::Key::Left, Toward::Left),
    ("pan-right", gdk::Key::Right, Toward::Right),
    ("pan-up", gdk::Key::Up, Toward::Up),
    ("pan-down", gdk::Key::Down, Toward::Down),
];

/// Keys of ours for the zoom, together with Ctrl and Alt.
const ZOOMS: [(&str, &[gdk::Key]); 3] = [
    ("zoom-in", &[gdk::Key::plus, gdk::Key::equal, gdk::Key::KP_Add]),
    ("zoom-out", &[gdk::Key::minus, gdk::Key::KP_Subtract]),
    ("zoom-reset", &[gdk::Key::_0, gdk::Key::KP_0]),
];

/// The scaling with this number in the settings.
pub(super) fn scaling_numbered(number: i32) -> Scaling {
    settings::numbered(&SCALINGS.map(|(_, scaling)| scaling), number)
}

impl MachineWindow {
    pub(super) fn install_looks(&self) {
        self.add_action_entries([
            choice("scaling", SCALINGS[0].0, |window, chosen| {
                let scaling = SCALINGS.iter().find(|(name, _)| *name == chosen);
                window.set_scaling(scaling.map_or(Scaling::Fit, |(_, scaling)| *scaling));
                window.remember_looks();
            }),
            choice("filter", Filter::Auto.name(), |window, chosen| {
                window.set_filter(Filter::named(chosen).unwrap_or_default());
                window.remember_looks();
            }),
            plain("zoom-in", |window| window.view().zoom(Step::In)),
            plain("zoom-out", |window| window.view().zoom(Step::Out)),
            plain("zoom-reset", |window| window.view().set_zoom(Zoom::NONE)),
            plain("rotate-right", |window| window.rotate(Rotation::right)),
            plain("rotate-left", |window| window.rotate(Rotation::left)),
            plain("rotate-reset", |window| window.rotate(|_| Rotation::None)),
        ]);
        for (name, _, toward) in PANS {
            self.add_action_entries([plain(name, move |window| window.view().pan(toward))]);
        }
    }

    /// Adds those keys that are never the guest's. A disabled action leaves its key to the guest: the
    /// arrows are ours only while there is more of the picture than is seen.
    pub(super) fn add_look_keys(&self, ours: &gtk::ShortcutController) {
        let both = gdk::ModifierType::CONTROL_MASK | gdk::ModifierType::ALT_MASK;
        let add = |key: gdk::Key, name: &str| {
            let action = gtk::NamedAction::new(&format!("win.{name}"));
            ours.add_shortcut(gtk::Shortcut::new(Some(gtk::KeyvalTrigger::new(key, both)), Some(action)));
        };
        for (name, keys) in ZOOMS {
            keys.iter().for_each(|key| add(*key, name));
        }
        for (name, key, _) in PANS {
            add(key, name);
        }
    }

    /// What the list of shortcuts says of them.
    pub(super) fn look_shortcuts() -> [(String, gdk::Key); 4] {
        [
            (gettext("Zoom In"), gdk::Key::plus),
            (gettext("Zoom Out"), gdk::Key::minus),
            (gettext("Normal Zoom"), gdk::Key::_0),
            (gettext("Move a Picture Larger Than the Window"), gdk::Key::Right),
        ]
    }

    pub(super) fn set_scaling(&self, scaling: Scaling) {
        let name =
            SCALINGS.iter().find(|(_, known)| *known == scaling).map_or(SCALINGS[0].0, |(name, _)| name);
        self.set_action_state("scaling", &name.to_variant());
        self.view().set_scaling(scaling);
    }

    pub(super) fn set_filter(&self, filter: Filter) {
        self.set_action_state("filter", &filter.name().to_variant());
        self.view().set_filter(filter);
    }

    /// Numbers of what is chosen, for the settings: scaling, filter, rotation, and the zoom in percent.
    pub(super) fn look_numbers(&self) -> (i32, i32, i32, u32) {
        let look = self.view().look();
        let state = self.action_state("filter");
        let filter = state.as_ref().and_then(glib::Variant::str).and_then(Filter::named).unwrap_or_default();
        (
            number_in(&SCALINGS.map(|(_, scaling)| scaling), &look.scaling),
            number_in(&Filter::ALL, &filter),
            number_in(&ROTATIONS, &look.rotation),
            look.zoom.as_percent(),
        )
    }

    /// The menu of filters.
    pub(super) fn filter_menu() -> gio::Menu {
        let menu = gio::Menu::new();
        for (filter, label) in Filter::ALL.into_iter().zip([
            gettext("_Automatic"),
            gettext("_Nearest Pixel"),
            gettext("_Linear"),
            gettext("_Sharp Edges"),
            gettext("S_mooth When Smaller"),
            gettext("_More Contrast"),
        ]) {
            let item = gio::MenuItem::new(Some(&label), None);
            item.set_action_and_target_value(Some("win.filter"), Some(&filter.name().to_variant()));
            menu.append_item(&item);
        }
        menu
    }

    fn rotate(&self, turn: impl Fn(Rotation) -> Rotation) {
        let view = self.view();
        view.set_rotation(turn(view.look().rotation));
        self.remember_looks();
    }

    /// The picture that is seen looks otherwise, or is another one.
    pub(super) fn look_changed(&self) {
        let look = self.view().look();
        let scaling = SCALINGS.iter().find(|(_, known)| *known == look.scaling);
        let name = scaling.map_or(SCALINGS[0].0, |(name, _)| name);
        self.set_action_state("scaling", &name.to_variant());
        self.set_action_state("filter", &self.view().filter().name().to_variant());
        let pannable = self.view().scrolls().iter().any(Option::is_some);
        self.enable("zoom-reset", look.zoom != Zoom::NONE);
        self.enable("rotate-reset", look.rotation != Rotation::None);
        PANS.iter().for_each(|(name, ..)| self.enable(name, pannable));
        self.follow_scrolls();
        self.remember_looks();
        self.turned();
        self.look_soon();
    }

    fn enable(&self, name: &str, enabled: bool) {
        let action = self.lookup_action(name).and_downcast::<gio::SimpleAction>();
        action.expect("installed by install_looks()").set_enabled(enabled);
    }
}

fn plain(name: &str, act: impl Fn(&MachineWindow) + 'static) -> gio::ActionEntry<MachineWindow> {
    gio::ActionEntryBuilder::new(name).activate(move |window, _, _| act(window)).build()
}

/// One of several, by its name.
fn choice(
    name: &str,
    first: &str,
    choose: impl Fn(&MachineWindow, &str) + 'static,
) -> gio::ActionEntry<MachineWindow> {
    gio::ActionEntryBuilder::new(name)
        .parameter_type(Some(glib::VariantTy::STRING))
        .state(first.to_variant())
        .activate(move |window, _, chosen| {
            choose(window, chosen.and_then(glib::Variant::str).unwrap_or_default());
        })
        .build()
}
