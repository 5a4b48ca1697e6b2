//! A machine in the list: its picture, what it is called, how it is, and its one button.

use std::cell::{OnceCell, RefCell};

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

use super::screen::Screen;
use super::words;
use crate::library::model::{Key, Primary};

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) name: String,
    pub(super) words: String,
    pub(super) primary: Primary,
    /// Whether something is being done to the machine.
    pub(super) busy: bool,
    pub(super) icon: &'static str,
}

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct Row {
        pub(super) key: OnceCell<Key>,
        pub(super) face: RefCell<Option<Face>>,
        pub(super) screen: Screen,
        pub(super) name: gtk::Label,
        pub(super) words: gtk::Label,
        pub(super) spinner: adw::Spinner,
        pub(super) button: gtk::Button,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Row {
        const NAME: &'static str = "OrielLibraryRow";
        type Type = super::Row;
        type ParentType = gtk::ListBoxRow;
    }

    impl ObjectImpl for Row {
        fn constructed(&self) {
            self.parent_constructed();
            self.screen.set_size_request(88, 56);
            self.screen.set_icon_size(24);
            self.screen.set_valign(gtk::Align::Center);
            for (label, class) in [(&self.name, "heading"), (&self.words, "caption")] {
                label.set_xalign(0.0);
                label.set_ellipsize(gtk::pango::EllipsizeMode::End);
                label.add_css_class(class);
            }
            self.words.add_css_class("dimmed");
            let texts = gtk::Box::builder()
                .orientation(gtk::Orientation::Vertical)
                .spacing(3)
                .hexpand(true)
                .valign(gtk::Align::Center)
                .build();
            texts.append(&self.name);
            texts.append(&self.words);
            self.button.set_valign(gtk::Align::Center);
            self.button.add_css_class("flat");
            self.button.add_css_class("circular");
            let all = gtk::Box::builder().spacing(12).margin_top(6).margin_bottom(6).build();
            for child in [
                self.screen.upcast_ref::<gtk::Widget>(),
                texts.upcast_ref(),
                self.spinner.upcast_ref(),
                self.button.upcast_ref(),
            ] {
                all.append(child);
            }
            self.obj().set_child(Some(&all));
        }
    }

    impl WidgetImpl for Row {}
    impl ListBoxRowImpl for Row {}
}

glib::wrapper! {
    /// A machine in the list.
    pub struct Row(ObjectSubclass<imp::Row>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl Row {
    /// A row for this machine, whose button calls `primary`.
    pub(super) fn new(key: Key, primary: impl Fn(&Key) + 'static) -> Self {
        let row: Self = glib::Object::new();
        let imp = row.imp();
        let pressed = key.clone();
        imp.button.connect_clicked(move |_| primary(&pressed));
        imp.key.set(key).expect("set once");
        row
    }

    /// The machine that it shows.
    pub(super) fn key(&self) -> &Key {
        self.imp().key.get().expect("set by new()")
    }

    pub(super) fn show_face(&self, face: Face) {
        let imp = self.imp();
        if imp.face.borrow().as_ref() == Some(&face) {
            return;
        }
        imp.name.set_label(&face.name);
        imp.words.set_label(&face.words);
        imp.words.set_tooltip_text(Some(&face.words));
        imp.spinner.set_visible(face.busy);
        let does_something = !matches!(face.primary, Primary::Nothing(_));
        imp.button.set_visible(!face.busy && does_something);
        imp.button.set_icon_name(words::icon(face.primary));
        let label = words::primary(face.primary).replace('_', "");
        imp.button.set_tooltip_text(Some(&label));
        imp.button.update_property(&[gtk::accessible::Property::Label(&format!("{label} {}", face.name))]);
        self.update_property(&[gtk::accessible::Property::Label(&format!("{}, {}", face.name, face.words))]);
        imp.face.replace(Some(face));
    }

    /// Shows the machine's picture, or that there is none.
    pub(super) fn show_picture(&self, texture: Option<&gdk::Texture>) {
        let icon = self.imp().face.borrow().as_ref().map_or("computer-symbolic", |face| face.icon);
        self.imp().screen.show(texture, icon);
    }
}
