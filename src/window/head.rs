//! One console in a window: its picture, and where what the person does goes.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;

use super::Remote;
use crate::session::{Console, ConsoleId};
use crate::view::DisplayView;

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct Head {
        pub(super) view: DisplayView,
        pub(super) console: OnceCell<Console>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Head {
        const NAME: &'static str = "OrielHead";
        type Type = super::Head;
        type ParentType = adw::Bin;
    }

    impl ObjectImpl for Head {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_child(Some(&self.view));
        }
    }

    impl WidgetImpl for Head {
        fn grab_focus(&self) -> bool {
            self.view.grab_focus()
        }
    }

    impl BinImpl for Head {}
}

glib::wrapper! {
    /// One console in a window. It goes from window to window as it is; what is held in the guest is
    /// released on the way.
    pub struct Head(ObjectSubclass<imp::Head>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Head {
    pub(super) fn new(console: Console, remote: Rc<dyn Remote>) -> Self {
        let head: Self = glib::Object::new();
        let (frames, stats, id) = (console.frames.clone(), console.stats.clone(), console.id);
        head.imp().console.set(console).expect("it is new");
        head.view().show_console(frames, stats, move |command| remote.send(id, command));
        head
    }

    pub(super) fn id(&self) -> ConsoleId {
        self.console().id
    }

    pub(super) fn console(&self) -> &Console {
        self.imp().console.get().expect("set up by new()")
    }

    pub(super) fn view(&self) -> &DisplayView {
        &self.imp().view
    }

    /// Whether it shows this very console, and not one of its number that has gone.
    pub(super) fn shows(&self, console: &Console) -> bool {
        Arc::ptr_eq(&self.console().frames, &console.frames)
    }
}
