//! A connection that does not stand, in the list: why, and what can be done about it.

use std::cell::OnceCell;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use crate::window::i18n::gettext;

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct Notice {
        pub(super) uri: OnceCell<String>,
        pub(super) title: gtk::Label,
        pub(super) words: gtk::Label,
        pub(super) button: gtk::Button,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Notice {
        const NAME: &'static str = "OrielLibraryNotice";
        type Type = super::Notice;
        type ParentType = gtk::ListBoxRow;
    }

    impl ObjectImpl for Notice {
        fn constructed(&self) {
            self.parent_constructed();
            for label in [&self.title, &self.words] {
                label.set_xalign(0.0);
                label.set_wrap(true);
                label.set_wrap_mode(gtk::pango::WrapMode::WordChar);
            }
            self.title.add_css_class("heading");
            self.words.add_css_class("dimmed");
            self.button.set_halign(gtk::Align::Start);
            self.button.set_label(&gettext("_Try Again"));
            self.button.set_use_underline(true);
            let all = gtk::Box::builder()
                .orientation(gtk::Orientation::Vertical)
                .spacing(6)
                .margin_top(6)
                .margin_bottom(6)
                .build();
            all.append(&self.title);
            all.append(&self.words);
            all.append(&self.button);
            let row = self.obj();
            row.set_child(Some(&all));
            row.set_selectable(false);
            row.set_activatable(false);
        }
    }

    impl WidgetImpl for Notice {}
    impl ListBoxRowImpl for Notice {}
}

glib::wrapper! {
    /// A connection that does not stand.
    pub struct Notice(ObjectSubclass<imp::Notice>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl Notice {
    /// A notice about this connection, whose button calls `retry`.
    pub(super) fn new(uri: &str, retry: impl Fn(&str) + 'static) -> Self {
        let notice: Self = glib::Object::new();
        let pressed = uri.to_owned();
        notice.imp().button.connect_clicked(move |_| retry(&pressed));
        notice.imp().uri.set(uri.to_owned()).expect("set once");
        notice
    }

    /// The connection that it is about.
    pub(super) fn uri(&self) -> &str {
        self.imp().uri.get().expect("set by new()")
    }

    /// Says this; offers to try again where nobody does so by itself.
    pub(super) fn show_words(&self, title: &str, words: &str, retry: bool) {
        let imp = self.imp();
        imp.title.set_label(title);
        imp.words.set_label(words);
        imp.button.set_visible(retry);
    }

    /// Whether the title is seen: a heading above may say it.
    pub(super) fn show_title(&self, shown: bool) {
        self.imp().title.set_visible(shown);
    }
}
