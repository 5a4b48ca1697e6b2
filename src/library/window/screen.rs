//! A machine's picture, or what stands for it while there is none.

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct Screen {
        pub(super) picture: gtk::Picture,
        pub(super) icon: gtk::Image,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Screen {
        const NAME: &'static str = "OrielLibraryScreen";
        type Type = super::Screen;
        type ParentType = adw::Bin;
    }

    impl ObjectImpl for Screen {
        fn constructed(&self) {
            self.parent_constructed();
            self.picture.set_content_fit(gtk::ContentFit::Contain);
            self.picture.set_can_shrink(true);
            self.icon.add_css_class("dimmed");
            // What it shows is said in words beside it.
            self.picture.set_accessible_role(gtk::AccessibleRole::Presentation);
            // Above nothing, so that a wide picture takes no more room than an icon.
            let overlay = gtk::Overlay::new();
            overlay.add_overlay(&self.picture);
            overlay.add_overlay(&self.icon);
            let screen = self.obj();
            screen.set_child(Some(&overlay));
            screen.set_overflow(gtk::Overflow::Hidden);
            screen.add_css_class("screen");
        }
    }

    impl WidgetImpl for Screen {}
    impl BinImpl for Screen {}
}

glib::wrapper! {
    /// A machine's picture.
    pub struct Screen(ObjectSubclass<imp::Screen>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Default for Screen {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Screen {
    /// How large the icon is that stands for a picture, in pixels.
    pub(super) fn set_icon_size(&self, size: i32) {
        self.imp().icon.set_pixel_size(size);
    }

    /// Shows this picture, or this icon where there is none.
    pub(super) fn show(&self, texture: Option<&gdk::Texture>, icon: &str) {
        let imp = self.imp();
        imp.picture.set_paintable(texture);
        imp.icon.set_icon_name(Some(icon));
        imp.icon.set_visible(texture.is_none());
    }
}
