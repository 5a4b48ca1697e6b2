//! The panel over the picture's corner: facts in two columns, and a button that copies all there are.
//!
//! The pointer goes through it, but for the button: what lies behind it stays in the guest's reach.

use std::cell::RefCell;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::i18n::gettext;

/// A line of the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
}

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct Overlay {
        pub(super) grid: gtk::Grid,
        /// Name and value of each line.
        pub(super) lines: RefCell<Vec<(gtk::Label, gtk::Label)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Overlay {
        const NAME: &'static str = "OrielOverlay";
        type Type = super::Overlay;
        type ParentType = gtk::Box;

        fn class_init(class: &mut Self::Class) {
            class.set_accessible_role(gtk::AccessibleRole::Group);
        }
    }

    impl ObjectImpl for Overlay {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().build();
        }
    }

    impl WidgetImpl for Overlay {
        /// Its children alone can be pointed at.
        fn contains(&self, _: f64, _: f64) -> bool {
            false
        }
    }

    impl BoxImpl for Overlay {}
}

glib::wrapper! {
    /// Facts over the picture.
    pub struct Overlay(ObjectSubclass<imp::Overlay>)
        @extends gtk::Box, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Orientable;
}

impl Default for Overlay {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Overlay {
    /// Shows these facts. Only what is another one than before is drawn anew.
    pub(super) fn show_facts(&self, facts: &[Fact]) {
        let imp = self.imp();
        let mut lines = imp.lines.borrow_mut();
        while lines.len() < facts.len() {
            let line = self.line(i32::try_from(lines.len()).expect("few lines"));
            lines.push(line);
        }
        for (index, (name, value)) in lines.iter().enumerate() {
            let fact = facts.get(index);
            name.set_visible(fact.is_some());
            value.set_visible(fact.is_some());
            if let Some(fact) = fact {
                name.set_label(&fact.name);
                value.set_label(&fact.value);
            }
        }
    }

    fn build(&self) {
        self.set_orientation(gtk::Orientation::Vertical);
        self.set_spacing(12);
        self.set_halign(gtk::Align::Start);
        self.set_valign(gtk::Align::Start);
        self.set_css_classes(&["osd", "statistics"]);
        self.update_property(&[gtk::accessible::Property::Label(&gettext("Statistics"))]);

        let grid = &self.imp().grid;
        grid.set_column_spacing(12);
        grid.set_row_spacing(2);
        grid.set_can_target(false);
        self.append(grid);

        let copy = gtk::Button::builder()
            .label(gettext("_Copy Diagnostics"))
            .use_underline(true)
            .action_name("win.copy-diagnostics")
            .halign(gtk::Align::Start)
            .focus_on_click(false)
            .build();
        self.append(&copy);
    }

    /// The labels of one more line.
    fn line(&self, row: i32) -> (gtk::Label, gtk::Label) {
        let name = gtk::Label::builder().xalign(0.0).yalign(0.0).css_classes(["dimmed", "caption"]).build();
        let value = gtk::Label::builder()
            .xalign(0.0)
            .wrap(true)
            .natural_wrap_mode(gtk::NaturalWrapMode::None)
            .max_width_chars(32)
            .css_classes(["caption", "numeric"])
            .build();
        value.update_relation(&[gtk::accessible::Relation::LabelledBy(&[name.upcast_ref()])]);
        let grid = &self.imp().grid;
        grid.attach(&name, 0, row, 1, 1);
        grid.attach(&value, 1, row, 1, 1);
        (name, value)
    }
}
