//! The machine that was chosen: what it shows, what can be done with it, what there is to know.

use std::cell::RefCell;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, gio, glib};

use super::facts::{self, Fact};
use super::screen::Screen;
use super::{LibraryWindow, list, menu, words};
use crate::library::model::{Entry, Key, Primary};
use crate::library::supply::Showing;
use crate::source::libvirt::LibvirtError;
use crate::window::i18n::gettext;
use crate::window::power;

mod imp {
    use super::*;

    #[derive(Debug, Default, gtk::CompositeTemplate)]
    #[template(resource = "/io/github/oriel_viewer/Oriel/library-details.ui")]
    pub struct Details {
        #[template_child]
        pub(super) heading: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) menu_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) screen: TemplateChild<Screen>,
        #[template_child]
        pub(super) words: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) primary: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) power: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) facts: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) screens: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) more: TemplateChild<adw::PreferencesGroup>,
        pub(super) switches: gio::Menu,
        /// What the groups hold.
        pub(super) rows: RefCell<[(Vec<Fact>, Vec<adw::ActionRow>); 2]>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Details {
        const NAME: &'static str = "OrielLibraryDetails";
        type Type = super::Details;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            Screen::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Details {
        fn constructed(&self) {
            self.parent_constructed();
            self.screen.set_icon_size(64);
            self.power.set_menu_model(Some(&self.switches));
        }

        fn dispose(&self) {
            self.dispose_template();
        }
    }

    impl WidgetImpl for Details {}
    impl BinImpl for Details {}
}

glib::wrapper! {
    /// The machine that was chosen.
    pub struct Details(ObjectSubclass<imp::Details>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

/// The two groups of facts.
#[derive(Clone, Copy)]
enum Part {
    Machine,
    Screens,
}

impl Details {
    fn show_facts(&self, part: Part, facts: Vec<Fact>) {
        let imp = self.imp();
        let (index, group) = match part {
            Part::Machine => (0, imp.facts.get()),
            Part::Screens => (1, imp.screens.get()),
        };
        let (shown, rows) = &mut imp.rows.borrow_mut()[index];
        if *shown == facts {
            return;
        }
        group.set_visible(!facts.is_empty());
        // What changes while one looks keeps its place, and what was selected in it.
        if shown.len() == facts.len() {
            for (row, fact) in rows.iter().zip(&facts) {
                row.set_title(&fact.title);
                row.set_subtitle(&fact.value);
            }
        } else {
            rows.drain(..).for_each(|row| group.remove(&row));
            rows.extend(facts.iter().map(fact_row));
            rows.iter().for_each(|row| group.add(row));
        }
        *shown = facts;
    }
}

fn fact_row(fact: &Fact) -> adw::ActionRow {
    adw::ActionRow::builder()
        .use_markup(false)
        .title(&fact.title)
        .subtitle(&fact.value)
        .subtitle_selectable(true)
        .css_classes(["property"])
        .build()
}

impl LibraryWindow {
    pub(super) fn set_up_details(&self) {
        self.choose(None);
    }

    /// Looks at this machine, or at none.
    pub(super) fn choose(&self, key: Option<Key>) {
        let imp = self.imp();
        if key.is_some() && *imp.chosen.borrow() == key {
            return;
        }
        imp.chosen.replace(key.clone());
        imp.definition.take();
        match &key {
            Some(key) => self.select_row(key),
            None => {
                imp.list.unselect_all();
                imp.split.set_show_content(false);
            }
        }
        self.chosen_changed();
    }

    /// Brings everything about the chosen machine in line with what is known.
    pub(super) fn chosen_changed(&self) {
        let (imp, details) = (self.imp(), self.imp().details.imp());
        let chosen = self.chosen();
        self.update_actions();
        details.stack.set_visible_child_name(if chosen.is_some() { "machine" } else { "nothing" });
        details.menu_button.set_visible(chosen.is_some());
        let Some(entry) = chosen else {
            details.heading.set_title("");
            details.heading.set_subtitle("");
            return;
        };
        let (condition, primary, doing) = {
            let shelf = imp.shelf.borrow();
            (shelf.condition(&entry), shelf.primary(&entry), shelf.doing(&entry.key))
        };
        details.heading.set_title(entry.name());
        details.heading.set_subtitle(&words::place(&entry.key.place()));
        imp.details_page.set_title(entry.name());
        let long = doing.is_some_and(|(operation, _)| operation.is_long());
        let label = if long { gettext("_Cancel") } else { words::primary(primary) };
        details.primary.set_label(&label);
        details.primary.set_action_name(Some(if long { "win.cancel-work" } else { "win.primary" }));
        if long {
            details.primary.remove_css_class("suggested-action");
        } else {
            details.primary.add_css_class("suggested-action");
        }
        details.primary.set_visible(long || !matches!(primary, Primary::Nothing(_)));
        let offers = condition.offers(entry.domain().is_some_and(|machine| machine.saved));
        power::fill(&details.switches, if doing.is_some() { &[] } else { offers });
        details.power.set_visible(entry.domain().is_some());
        details.power.set_sensitive(doing.is_none() && !offers.is_empty());
        let advice = match doing {
            Some((operation, part)) => Some(crate::window::words::power::doing(operation, part)),
            None => words::advice(primary, &entry),
        };
        details.words.set_visible(advice.is_some());
        details.words.set_label(&advice.unwrap_or_default());
        details.menu_button.set_menu_model(Some(&menu::of(&entry, primary, &**self.host())));
        imp.details.show_facts(Part::Machine, facts::of(&entry, condition));
        details.more.set_visible(entry.domain().is_some());
        self.draw_chosen_picture();
        self.draw_showing();
        if doing.is_none() {
            self.host().define(&entry.key);
        }
    }

    pub(super) fn draw_chosen_picture(&self) {
        let Some(entry) = self.chosen() else { return };
        let condition = self.imp().shelf.borrow().condition(&entry);
        let texture: Option<gdk::Texture> = self.imp().textures.borrow().get(&entry.key).cloned();
        self.imp().details.imp().screen.show(texture.as_ref(), list::icon(condition));
    }

    /// Brings what is said of the machine's screens in line with what is known.
    pub(super) fn draw_showing(&self) {
        let Some(Entry { key, .. }) = self.chosen() else { return };
        if !self.imp().details.is_mapped() {
            return;
        }
        let showing: Vec<Showing> = self.host().showing(&key);
        let facts = facts::screens(&self.imp().definition.borrow().drawing, &showing);
        self.imp().details.show_facts(Part::Screens, facts);
    }

    pub(super) fn definition_came(&self, key: &Key, definition: Result<String, LibvirtError>) {
        let imp = self.imp();
        if imp.chosen.borrow().as_ref() != Some(key) {
            return;
        }
        let is_wanted = std::mem::take(&mut imp.definition.borrow_mut().is_wanted);
        match definition {
            Ok(text) => {
                imp.definition.borrow_mut().drawing = facts::drawing(&text);
                self.draw_showing();
                if is_wanted {
                    self.show_definition(text);
                }
            }
            Err(error) if is_wanted => self.say(&words::no_definition(&error)),
            Err(error) => tracing::info!(%error, "no definition"),
        }
    }
}
