//! The menu of resolutions: when the guest follows the window, the sizes to choose from, and more.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::super::MachineWindow;
use super::super::i18n::{gettext, gettext_f};
use super::memory::{self, Remembered};
use crate::frame::Screen;
use crate::geometry::{Guest, Size};
use crate::resolution::{Limits, Offer, OfferKind, offers, typed};

/// So many sizes are offered; all others can be typed.
const OFFERS: usize = 12;

impl MachineWindow {
    pub(super) fn install_resolution_actions(&self) {
        let chosen = |value: Option<&glib::Variant>| value.and_then(glib::Variant::get::<String>);
        self.add_action_entries([
            gio::ActionEntryBuilder::new("follow")
                .parameter_type(Some(glib::VariantTy::STRING))
                .state(memory::name(memory::DEFAULT).to_variant())
                .activate(move |window: &Self, _, value| {
                    if let Some(policy) = chosen(value).and_then(|name| memory::named(&name)) {
                        window.set_follow_policy(policy);
                    }
                    window.return_focus();
                })
                .build(),
            gio::ActionEntryBuilder::new("resolution")
                .parameter_type(Some(glib::VariantTy::STRING))
                .state("".to_variant())
                .activate(move |window: &Self, _, value| {
                    if let Some(Ok(size)) = chosen(value).map(|text| typed(&text, window.size_limits())) {
                        window.choose_size(size);
                    }
                    window.return_focus();
                })
                .build(),
            gio::ActionEntryBuilder::new("custom-resolution")
                .activate(|window: &Self, _, _| window.ask_for_size())
                .build(),
            gio::ActionEntryBuilder::new("resolution-status")
                .activate(|window: &Self, _, _| window.show_resolution_status())
                .build(),
            gio::ActionEntryBuilder::new("keep-resolution")
                .activate(|window: &Self, _, _| window.keep_size())
                .build(),
            gio::ActionEntryBuilder::new("ask-again")
                .activate(|window: &Self, _, _| window.ask_again())
                .build(),
        ]);
    }

    /// Lets those actions be chosen that would do something, and marks what is so already.
    pub(super) fn update_resolution_actions(&self) {
        let there = self.is_live() && self.with_head(|_, _| ()).is_some();
        let asked = self.with_head(|_, head| head.control.wish().is_some()).unwrap_or_default();
        for (name, enabled) in [
            ("follow", there),
            ("resolution", there),
            ("custom-resolution", there),
            ("resolution-status", there),
            ("keep-resolution", there && self.kept_size().is_some()),
            ("ask-again", there && asked),
        ] {
            let action = self.lookup_action(name).and_downcast::<gio::SimpleAction>();
            action.expect("installed by install_resolution_actions()").set_enabled(enabled);
        }
        let shown = match self.view().screen() {
            Screen::Live(size) => target(size),
            Screen::Waiting | Screen::Off => String::new(),
        };
        self.set_action_state("resolution", &shown.to_variant());
        self.set_action_state("follow", &memory::name(self.follow_policy()).to_variant());
    }

    /// What may be asked of the shown console.
    pub(super) fn size_limits(&self) -> Limits {
        self.with_head(|_, head| head.control.limits()).unwrap_or(Limits::COMMON)
    }

    /// A size was typed: it is offered from now on.
    pub(super) fn add_size(&self, size: Size<Guest>) {
        self.with_head(|_, head| {
            head.sizes.retain(|other| *other != size);
            head.sizes.insert(0, size);
            if let Some(remembered) = &head.remembered {
                remembered.add_size(size);
                head.sizes = Remembered::sizes(remembered);
            }
        });
    }

    /// Offers what suits the monitor that the window is on.
    pub(super) fn refill_resolution_menu(&self) {
        let resolution = &self.imp().resolution;
        let sizes = self.with_head(|_, head| head.sizes.clone()).unwrap_or_default();
        let with = (self.screen(), sizes, self.size_limits());
        if resolution.filled.borrow().as_ref() == Some(&with) {
            return;
        }
        let menu = &resolution.menu;
        menu.remove_all();
        menu.append_section(Some(&gettext("Follow the Window")), &policies());
        let offered = offers(with.0.map(|screen| screen.size), with.2, &with.1);
        menu.append_section(Some(&gettext("Choose")), &sizes_to_choose(&offered));
        let more = gio::Menu::new();
        more.append(Some(&gettext("_Status")), Some("win.resolution-status"));
        more.append(Some(&gettext("_Keep After Restart…")), Some("win.keep-resolution"));
        menu.append_section(None, &more);
        resolution.filled.replace(Some(with));
    }
}

fn policies() -> gio::Menu {
    let menu = gio::Menu::new();
    for (label, name) in [
        (gettext("_Always"), "window"),
        (gettext("Only in _Fullscreen"), "fullscreen"),
        (gettext("_Never"), "never"),
    ] {
        menu.append_item(&item(&label, "win.follow", name));
    }
    menu
}

fn sizes_to_choose(offered: &[Offer]) -> gio::Menu {
    let menu = gio::Menu::new();
    let few = |(index, offer): &(usize, &Offer)| *index < OFFERS || offer.kind == OfferKind::Custom;
    for (_, offer) in offered.iter().enumerate().filter(few) {
        let size = offer.size.to_string();
        let label = match offer.kind {
            OfferKind::Native => gettext_f("{size} (This _Monitor)", &[("size", &size)]),
            OfferKind::Common | OfferKind::Custom => size,
        };
        menu.append_item(&item(&label, "win.resolution", &target(offer.size)));
    }
    menu.append(Some(&gettext("_Custom…")), Some("win.custom-resolution"));
    menu
}

fn item(label: &str, action: &str, target: &str) -> gio::MenuItem {
    let item = gio::MenuItem::new(Some(label), None);
    item.set_action_and_target_value(Some(action), Some(&target.to_variant()));
    item
}

/// A size as the action has it.
fn target(size: Size<Guest>) -> String {
    format!("{}x{}", size.width, size.height)
}
