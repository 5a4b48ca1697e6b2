//! What is shown instead of a picture: an icon, what is going on, and what can be done.

use std::cell::RefCell;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::story::{Choice, Face, Icon};

mod imp {
    use super::*;

    #[derive(Debug, Default, gtk::CompositeTemplate)]
    #[template(resource = "/io/github/oriel_viewer/Oriel/page.ui")]
    pub struct Page {
        #[template_child]
        pub(super) status: TemplateChild<adw::StatusPage>,
        #[template_child]
        pub(super) note: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) buttons: TemplateChild<gtk::Box>,
        pub(super) face: RefCell<Option<Face>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Page {
        const NAME: &'static str = "OrielPage";
        type Type = super::Page;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Page {
        fn dispose(&self) {
            self.dispose_template();
        }
    }

    impl WidgetImpl for Page {}
    impl BinImpl for Page {}
}

glib::wrapper! {
    /// What is shown instead of a picture.
    pub struct Page(ObjectSubclass<imp::Page>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Page {
    /// Shows this face, or nothing. Says whether it is another one than before.
    pub(super) fn show_face(&self, face: Option<Face>) -> bool {
        let imp = self.imp();
        let old = imp.face.replace(face.clone());
        self.set_visible(face.is_some());
        let Some(face) = face else { return old.is_some() };
        let note = face.note.clone().unwrap_or_default();
        imp.note.set_visible(!note.is_empty());
        imp.note.set_label(&note);
        let but_for_note = |face: &Face| Face { note: None, ..face.clone() };
        if old.as_ref().map(but_for_note) == Some(but_for_note(&face)) {
            return false;
        }
        self.draw(&face);
        // By the window: nobody hears what something says that was not on the screen until now.
        if let Some(window) = self.root().and_downcast::<gtk::Window>() {
            let words = format!("{}. {}", face.title, face.body);
            window.announce(&words, gtk::AccessibleAnnouncementPriority::Medium);
        }
        true
    }

    /// The button that does what is most likely wanted.
    pub(super) fn first_button(&self) -> Option<gtk::Widget> {
        self.imp().buttons.first_child()
    }

    fn draw(&self, face: &Face) {
        let imp = self.imp();
        imp.status.set_title(&face.title);
        imp.status.set_description(Some(&glib::markup_escape_text(&face.body)));
        match face.icon {
            Icon::Working => {
                imp.status.set_paintable(Some(&adw::SpinnerPaintable::new(Some(&*imp.status))));
            }
            icon => {
                imp.status.set_paintable(gtk::gdk::Paintable::NONE);
                imp.status.set_icon_name(icon.name());
            }
        }
        while let Some(button) = imp.buttons.first_child() {
            imp.buttons.remove(&button);
        }
        imp.buttons.set_visible(!face.choices.is_empty());
        for (index, choice) in face.choices.iter().enumerate() {
            imp.buttons.append(&button(*choice, index == 0));
        }
    }
}

fn button(choice: Choice, first: bool) -> gtk::Button {
    let button =
        gtk::Button::builder().label(choice.label()).use_underline(true).css_classes(["pill"]).build();
    button.set_detailed_action_name(choice.action());
    if first {
        button.add_css_class("suggested-action");
    }
    button
}
