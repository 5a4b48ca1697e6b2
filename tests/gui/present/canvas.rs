//! A widget that lets someone else draw.

use gtk::glib;
use gtk::subclass::prelude::*;

glib::wrapper! {
    pub(crate) struct Canvas(ObjectSubclass<imp::Canvas>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Canvas {
    pub(crate) fn new() -> Self {
        glib::Object::builder().property("hexpand", true).property("vexpand", true).build()
    }

    pub(crate) fn connect_drawn(&self, drawn: impl Fn(&gtk::Snapshot) + 'static) {
        self.imp().drawn.replace(Some(Box::new(drawn)));
    }
}

mod imp {
    use std::cell::RefCell;

    use super::*;

    type Drawn = Box<dyn Fn(&gtk::Snapshot)>;

    #[derive(Default)]
    pub(crate) struct Canvas {
        pub(crate) drawn: RefCell<Option<Drawn>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Canvas {
        const NAME: &'static str = "TestCanvas";
        type Type = super::Canvas;
        type ParentType = gtk::Widget;
    }

    impl ObjectImpl for Canvas {}

    impl WidgetImpl for Canvas {
        fn snapshot(&self, snapshot: &gtk::Snapshot) {
            if let Some(drawn) = &*self.drawn.borrow() {
                drawn(snapshot);
            }
        }
    }
}
