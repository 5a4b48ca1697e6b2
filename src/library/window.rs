//! The library's window: the machines on the left, the one that was chosen on the right.
//!
//! ```text
//! LibraryWindow                    (AdwApplicationWindow, data/ui/library.ui)
//! └─ AdwToastOverlay
//!    └─ AdwNavigationSplitView     one pane after the other where it is narrow
//!       ├─ header bar, search, list of rows             (list, row, notice, empty)
//!       └─ details::Details        the chosen machine   (details, facts)
//! ```
//!
//! - `list`: which rows there are, in which order, under which headings.
//! - `actions`, `menu`: what can be chosen, for the window and for a machine.
//! - `pictures`: whose picture is taken while the window is seen.
//! - `screen`: a machine's picture, or what stands for it.
//! - `connections`, `definition`: dialogs.
//! - `memory`: what is remembered: order, size, when a machine was opened.
//! - `words`: everything that is said.

mod actions;
mod connections;
mod definition;
mod details;
mod empty;
mod facts;
mod list;
mod memory;
mod menu;
mod notice;
mod pictures;
mod row;
mod screen;
mod words;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use adw::prelude::*;
use adw::subclass::prelude::*;
use async_channel::Receiver;
use gtk::{gdk, gio, glib};

use self::definition::Definition;
use self::details::Details;
use self::list::Rows;
use self::memory::Memory;
use self::pictures::Pictures;
use super::model::{Effect, Entry, Key, News, Shelf};
use super::supply::{Host, Told};
use crate::window::words::power;

pub use self::memory::connections;

mod imp {
    use super::*;

    #[derive(Debug, Default, gtk::CompositeTemplate)]
    #[template(resource = "/io/github/oriel_viewer/Oriel/library.ui")]
    pub struct LibraryWindow {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) split: TemplateChild<adw::NavigationSplitView>,
        #[template_child]
        pub(super) search_button: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) search_bar: TemplateChild<gtk::SearchBar>,
        #[template_child]
        pub(super) search_entry: TemplateChild<gtk::SearchEntry>,
        #[template_child]
        pub(super) menu_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) scroller: TemplateChild<gtk::ScrolledWindow>,
        #[template_child]
        pub(super) list: TemplateChild<gtk::ListBox>,
        #[template_child]
        pub(super) first_steps: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) details_page: TemplateChild<adw::NavigationPage>,
        #[template_child]
        pub(super) details: TemplateChild<Details>,
        pub(super) host: OnceCell<Rc<dyn Host>>,
        pub(super) shelf: RefCell<Shelf>,
        pub(super) rows: Rows,
        /// What each machine shows, or showed last.
        pub(super) textures: RefCell<BTreeMap<Key, gdk::Texture>>,
        pub(super) pictures: Pictures,
        pub(super) memory: Memory,
        /// The machine that is looked at.
        pub(super) chosen: RefCell<Option<Key>>,
        pub(super) definition: RefCell<Definition>,
        /// The list of connections, while it is being shown.
        pub(super) connections: glib::WeakRef<gtk::ListBox>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for LibraryWindow {
        const NAME: &'static str = "OrielLibraryWindow";
        type Type = super::LibraryWindow;
        type ParentType = adw::ApplicationWindow;

        fn class_init(class: &mut Self::Class) {
            Details::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for LibraryWindow {
        fn dispose(&self) {
            self.dispose_template();
        }
    }

    impl WidgetImpl for LibraryWindow {}

    impl WindowImpl for LibraryWindow {
        fn close_request(&self) -> glib::Propagation {
            self.obj().remember_size();
            self.parent_close_request()
        }
    }

    impl ApplicationWindowImpl for LibraryWindow {}
    impl AdwApplicationWindowImpl for LibraryWindow {}
}

glib::wrapper! {
    /// The library's window.
    pub struct LibraryWindow(ObjectSubclass<imp::LibraryWindow>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gio::ActionGroup, gio::ActionMap, gtk::Accessible, gtk::Buildable,
            gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl LibraryWindow {
    /// A window of what `host` has and `told` tells.
    pub fn new(application: &adw::Application, host: Rc<dyn Host>, told: Receiver<Told>) -> Self {
        let window: Self = glib::Object::builder().property("application", application).build();
        let fresh = window.imp().host.set(host).is_ok();
        assert!(fresh, "a window is set up once");
        window.restore_size();
        window.install_actions();
        window.set_up_list();
        window.set_up_details();
        window.set_up_empty();
        window.watch_pictures();
        window.connect_is_active_notify(|window| {
            if window.is_active() {
                // Somebody may have made a machine, or installed libvirt, meanwhile.
                window.host().look_around();
                window.update_actions();
            }
        });
        let weak = window.downgrade();
        glib::spawn_future_local(async move {
            while let Ok(told) = told.recv().await {
                let Some(window) = weak.upgrade() else { return };
                window.hear(told);
            }
        });
        window
    }

    fn host(&self) -> &Rc<dyn Host> {
        self.imp().host.get().expect("set by new()")
    }

    /// The machine that is looked at.
    fn chosen(&self) -> Option<Entry> {
        let chosen = self.imp().chosen.borrow();
        self.imp().shelf.borrow().get(chosen.as_ref()?).cloned()
    }

    fn hear(&self, told: Told) {
        match told {
            Told::News(news) => self.take_in(news),
            Told::Failed(key, operation, error) => {
                let name = self.imp().shelf.borrow().get(&key).map(|entry| entry.name().to_owned());
                self.say(&power::failure(operation, &name.unwrap_or_default(), &error));
            }
            Told::Picture(key, picture) => self.picture_taken(&key, picture.map(|picture| *picture)),
            Told::Definition(key, definition) => self.definition_came(&key, definition),
            Told::Trouble(words) => {
                // It may have been put away, or not been shown yet.
                if !self.is_visible() {
                    self.present();
                }
                self.say(&words);
            }
        }
    }

    fn take_in(&self, news: News) {
        let effects = self.imp().shelf.borrow_mut().hear(news);
        for effect in effects {
            match effect {
                Effect::Machine(key) => self.machine_changed(&key),
                Effect::Gone(key) => self.machine_gone(&key),
                Effect::Connection(uri) => self.connection_changed(&uri),
            }
        }
        self.update_stack();
    }

    fn machine_changed(&self, key: &Key) {
        self.draw_row(key);
        // What is being done tells how far it is; the machine is another when it is done.
        if self.imp().shelf.borrow().doing(key).is_none() {
            self.picture_outdated(key);
        }
        if self.imp().chosen.borrow().as_ref() == Some(key) {
            self.chosen_changed();
        }
    }

    fn machine_gone(&self, key: &Key) {
        self.remove_row(key);
        self.forget_picture(key);
        if self.imp().chosen.borrow().as_ref() == Some(key) {
            self.choose(None);
        }
    }

    /// Says something in a few words over the list.
    fn say(&self, words: &str) {
        let toast = adw::Toast::builder().title(glib::markup_escape_text(words)).timeout(8).build();
        self.imp().toasts.add_toast(toast);
    }
}
