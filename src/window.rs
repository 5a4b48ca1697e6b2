//! A machine's window: its picture, and everything a person sees and does around it.
//!
//! ```text
//! MachineWindow                    (AdwApplicationWindow, class "machine", data/ui/window.ui)
//! └─ AdwToastOverlay
//!    └─ AdwToolbarView             header bar; hidden in fullscreen           (fullscreen)
//!       ├─ AdwBanner            that a picture was refused                 (banner, words)
//!       └─ GtkOverlay
//!          ├─ view::DisplayView    the picture
//!          ├─ overlay::Overlay     figures over its corner                    (statistics)
//!          └─ page::Page           what there is to say instead of a picture  (story, words)
//! ```
//!
//! One type, split by aspect:
//!
//! - `remote`: what the window asks of a machine, and who the machine belongs to.
//! - `story`: from what is known of the machine to the page that says so; `words` has the errors.
//! - `news`: what the session tells, and what follows from it.
//! - `actions`, `menu`, `keys`: what can be chosen, and the keys that can be sent.
//! - `looks`, `scrolling`: size, turn and filter of the picture, and which part of it is seen.
//! - `consoles`: which of the machine's consoles is shown, and who says so.
//! - `cover`: whether something of ours lies over the picture.
//! - `settings`, `preferences`, `memory`: what the person prefers, and what is remembered of a machine.
//! - `resolution`: which size the guest is asked for, and what became of it.
//! - `ramfb`: what to do where firmware draws nothing.
//! - `diagnostics`: everything there is to know, as text for those who are to help.
//! - `fullscreen`, `sizing`, `closing`, `screenshot`, `details`, `shortcuts`, `about`: as they say.

mod about;
mod actions;
mod banner;
mod closing;
mod consoles;
mod cover;
mod details;
mod diagnostics;
mod fullscreen;
pub(crate) mod i18n;
mod keys;
mod looks;
mod memory;
mod menu;
mod news;
mod overlay;
mod page;
mod preferences;
mod ramfb;
mod remote;
mod resolution;
mod screenshot;
mod scrolling;
mod settings;
mod shortcuts;
mod sizing;
mod statistics;
mod story;
mod words;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib::subclass::Signal;
use gtk::{gio, glib};

use self::closing::Closing;
use self::consoles::Choice;
use self::cover::Cover;
use self::memory::Memory;
use self::news::Known;
use self::page::Page;
use self::resolution::Resolution;
use self::scrolling::Scrolling;
use self::settings::Settings;
use self::sizing::Sizing;
use self::statistics::Statistics;
use crate::geometry::{Rotation, Scaling};
use crate::present::{Filter, Wanted};
use crate::session::{Boosting, Console, ConsoleId};
use crate::view::DisplayView;

pub use self::remote::{Hold, Remote};
pub use self::settings::store as settings;

/// How a window begins.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Whose machine it is.
    pub hold: Hold,
    /// How it was reached, for diagnostics: `bus`, `qmp`, `fd` or `launch`.
    pub way: &'static str,
    /// The console to show, by its number; as it was last time without.
    pub console: Option<u32>,
    /// Whether it fills the screen.
    pub fullscreen: bool,
    /// The size of the picture; as it was last time without.
    pub scaling: Option<Scaling>,
    /// How its pixels are mixed in another size; as it was last time without.
    pub filter: Option<Filter>,
    /// How far it is turned; as it was last time without.
    pub rotation: Option<Rotation>,
    /// Which way the picture is to take; as the person prefers without.
    pub present: Option<Wanted>,
    /// Whether each update is copied at once, even if the person does not prefer it.
    pub snapshot: bool,
    /// Whether a vGPU's picture is asked for oftener than QEMU gives it; as the person prefers without.
    pub boost: Option<Boosting>,
    /// Whether statistics are shown, even if the person does not prefer it.
    pub statistics: bool,
    /// Whether the machine can come back by itself.
    pub returns: bool,
}

mod imp {
    use super::*;

    #[derive(Debug, Default, gtk::CompositeTemplate)]
    #[template(resource = "/io/github/oriel_viewer/Oriel/window.ui")]
    pub struct MachineWindow {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) bars: TemplateChild<adw::ToolbarView>,
        #[template_child]
        pub(super) header: TemplateChild<adw::HeaderBar>,
        #[template_child]
        pub(super) heading: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) menu_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) fullscreen_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) console_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) banner: TemplateChild<adw::Banner>,
        #[template_child]
        pub(super) stage: TemplateChild<gtk::Overlay>,
        #[template_child]
        pub(super) page: TemplateChild<Page>,
        #[template_child]
        pub(super) picture_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) guest_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) machine_section: TemplateChild<gio::Menu>,
        pub(super) view: DisplayView,
        pub(super) setup: OnceCell<Setup>,
        pub(super) remote: OnceCell<Rc<dyn Remote>>,
        pub(super) known: RefCell<Known>,
        pub(super) cover: Cover,
        pub(super) closing: RefCell<Closing>,
        pub(super) sizing: Sizing,
        pub(super) resolution: Resolution,
        pub(super) scrolling: Scrolling,
        pub(super) settings: Settings,
        pub(super) statistics: Statistics,
        pub(super) memory: RefCell<Option<Memory>>,
        pub(super) countdown: RefCell<Option<glib::SourceId>>,
        /// Whether the person has been told how to leave fullscreen.
        pub(super) fullscreen_told: Cell<bool>,
        /// What told it, until the window leaves fullscreen.
        pub(super) fullscreen_hint: RefCell<Option<adw::Toast>>,
        /// Hides the header bar again.
        pub(super) hiding: RefCell<Option<glib::SourceId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for MachineWindow {
        const NAME: &'static str = "OrielMachineWindow";
        type Type = super::MachineWindow;
        type ParentType = adw::ApplicationWindow;

        fn class_init(class: &mut Self::Class) {
            Page::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for MachineWindow {
        fn signals() -> &'static [Signal] {
            static SIGNALS: LazyLock<Vec<Signal>> =
                LazyLock::new(|| vec![Signal::builder("console-shown").build()]);
            &SIGNALS
        }

        fn constructed(&self) {
            self.parent_constructed();
            let window = self.obj();
            self.stage.set_child(Some(&self.view));
            self.menu_button.connect_active_notify(glib::clone!(
                #[weak]
                window,
                move |_| window.menu_toggled()
            ));
            window.install_actions();
            window.add_scrolling();
            window.install_looks();
            window.install_keys();
            window.watch_cover();
            window.watch_fullscreen();
            window.watch_view();
            window.watch_resolution();
            window.watch_refusals();
            window.add_statistics();
        }

        fn dispose(&self) {
            self.dispose_template();
        }
    }

    impl WidgetImpl for MachineWindow {}

    impl WindowImpl for MachineWindow {
        fn close_request(&self) -> glib::Propagation {
            self.obj().asked_to_close()
        }
    }

    impl ApplicationWindowImpl for MachineWindow {}
    impl AdwApplicationWindowImpl for MachineWindow {}
}

glib::wrapper! {
    /// A machine's window.
    pub struct MachineWindow(ObjectSubclass<imp::MachineWindow>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gio::ActionGroup, gio::ActionMap, gtk::Accessible, gtk::Buildable,
            gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl MachineWindow {
    /// A window for the machine behind `remote`, of which nothing is known yet.
    pub fn new(application: &adw::Application, remote: Rc<dyn Remote>, setup: Setup) -> Self {
        let window: Self = glib::Object::builder().property("application", application).build();
        let imp = window.imp();
        let fresh = imp.setup.set(setup).is_ok() && imp.remote.set(remote).is_ok();
        assert!(fresh, "a window is set up once");
        window.watch_settings();
        if let Some(number) = setup.console {
            window.take_choice(Choice::Demanded(ConsoleId(number)));
        }
        window.set_scaling(setup.scaling.unwrap_or_default());
        window.set_filter(setup.filter.unwrap_or_default());
        window.view().set_rotation(setup.rotation.unwrap_or_default());
        window.fill_menus();
        window.begin_size();
        window.show_statistics(setup.statistics || window.imp().settings.statistics());
        if setup.fullscreen {
            window.fullscreen();
        }
        window.tell();
        window
    }

    /// The console that is shown.
    pub fn console(&self) -> Option<Console> {
        self.imp().known.borrow().console().cloned()
    }

    /// Calls `shown` when [`Self::console`] is another.
    pub fn connect_console_shown(&self, shown: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("console-shown", false, glib::closure_local!(move |window: Self| shown(&window)))
    }

    fn view(&self) -> &DisplayView {
        &self.imp().view
    }

    fn setup(&self) -> Setup {
        *self.imp().setup.get().expect("set up by new()")
    }

    fn remote(&self) -> &Rc<dyn Remote> {
        self.imp().remote.get().expect("set up by new()")
    }
}
