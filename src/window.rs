//! A machine's window: its picture, and everything a person sees and does around it.
//!
//! ```text
//! MachineWindow                    (AdwApplicationWindow, class "machine", data/ui/window.ui)
//! └─ AdwToastOverlay
//!    └─ AdwToolbarView             header bar; hidden in fullscreen           (fullscreen)
//!       ├─ AdwTabBar            where the window has several heads             (heads)
//!       ├─ AdwBanner            that a picture was refused                 (banner, words)
//!       └─ GtkOverlay
//!          ├─ AdwTabView
//!          │  └─ head::Head       one console: a view::DisplayView, the picture
//!          ├─ overlay::Overlay     figures over its corner                    (statistics)
//!          └─ page::Page           what there is to say instead of a picture  (story, words)
//! ```
//!
//! A machine with several heads may have several windows, all of this kind. What they have in common is
//! in `shared`; the first of them is the main one, which has the tabs.
//!
//! One type, split by aspect:
//!
//! - `remote`: what the window asks of a machine, and who the machine belongs to.
//! - `story`: from what is known of the machine to the page that says so; `words` has the errors.
//! - `news`: what the session tells, and what follows from it.
//! - `actions`, `menu`, `keys`: what can be chosen, and the keys that can be sent.
//! - `keyboard`: who has the keyboard, as a person sees and chooses it.
//! - `combinations`, `typing`: keys of the person's own, and whole texts, to send.
//! - `looks`, `scrolling`: size, turn and filter of the picture, and which part of it is seen.
//! - `consoles`: which of the machine's consoles is shown, and who says so.
//! - `heads`, `head`, `arrangement`: consoles as tabs and windows, and which of them are seen.
//! - `monitors`, `spread`: the computer's monitors, and a machine that fills all of them.
//! - `cover`: whether something of ours lies over the picture.
//! - `settings`, `preferences`, `memory`: what the person prefers, and what is remembered of a machine.
//! - `figures`: how consoles reach the screen, for the library.
//! - `power`: the switches of a machine that libvirt runs.
//! - `resolution`: which size the guest is asked for, and what became of it.
//! - `clipboard`: what is copied here and pasted in the machine, and the other way round.
//! - `ramfb`: what to do where firmware draws nothing.
//! - [`ready`]: what a machine of libvirt's lacks, and the dialog that changes its definition.
//! - `line`: a dialog with a line to fill in. `monospace`: text as machines write it. `ticking`: what is
//!   done again and again.
//! - `diagnostics`: everything there is to know, as text for those who are to help.
//! - `fullscreen`, `sizing`, `closing`, `screenshot`, `details`, `shortcuts`, `about`: as they say.

pub(crate) mod about;
mod actions;
mod arrangement;
mod banner;
mod clipboard;
mod closing;
mod combinations;
mod consoles;
mod cover;
mod details;
mod diagnostics;
mod figures;
mod fullscreen;
mod head;
mod heads;
pub(crate) mod i18n;
mod keyboard;
mod keys;
mod line;
mod looks;
mod memory;
mod menu;
mod monitors;
pub(crate) mod monospace;
mod news;
mod overlay;
mod page;
mod pointer;
pub(crate) mod power;
mod preferences;
mod ramfb;
pub mod ready;
mod remote;
mod resolution;
mod screenshot;
mod scrolling;
mod settings;
mod shared;
mod shortcuts;
mod sizing;
mod spread;
mod statistics;
mod story;
pub(crate) mod ticking;
mod typing;
pub(crate) mod words;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib::subclass::Signal;
use gtk::{gio, glib};

use self::consoles::Choice;
use self::cover::Cover;
use self::keyboard::Keyboard;
use self::page::Page;
use self::resolution::Resolution;
use self::scrolling::Scrolling;
use self::settings::Settings;
use self::shared::Shared;
use self::sizing::Sizing;
use self::statistics::Statistics;
use self::ticking::Ticking;
use crate::geometry::{Rotation, Scaling};
use crate::present::{Filter, Wanted};
use crate::session::{Boosting, Console, ConsoleId};
use crate::view::DisplayView;

pub use self::monitors::Monitor;
pub use self::ready::Managed;
pub use self::remote::{Hold, Remote};
pub use self::settings::store as settings;

/// What a machine fills from the beginning.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Fullscreen {
    /// Nothing: it has a window.
    #[default]
    No,
    /// The monitor that its window is on.
    Here,
    /// This one, by its number, connector or name.
    On(String),
    /// Each console one, as far as there are consoles and monitors.
    All,
}

/// How a window begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose machine it is.
    pub hold: Hold,
    /// How it was reached, for diagnostics: `bus`, `qmp`, `fd` or `launch`.
    pub way: &'static str,
    /// Where its definition is, if libvirt runs it.
    pub managed: Option<Managed>,
    /// The console to show, by its number; as it was last time without.
    pub console: Option<u32>,
    /// Which monitors it fills.
    pub fullscreen: Fullscreen,
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
        /// What the banner is about, while it is seen.
        pub(super) notice: Cell<Option<banner::Subject>>,
        #[template_child]
        pub(super) stage: TemplateChild<gtk::Overlay>,
        #[template_child]
        pub(super) page: TemplateChild<Page>,
        #[template_child]
        pub(super) screens_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) picture_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) guest_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) machine_section: TemplateChild<gio::Menu>,
        #[template_child]
        pub(super) tabs: TemplateChild<adw::TabView>,
        /// A bar of the window while there are several tabs.
        pub(super) tab_bar: adw::TabBar,
        /// What there is of a picture while there is no head.
        pub(super) nothing: DisplayView,
        pub(super) shared: OnceCell<Rc<Shared>>,
        /// The console that was shown when this was last told of.
        pub(super) shown: Cell<Option<ConsoleId>>,
        /// Whether the window is not to be seen, though it is not closed.
        pub(super) away: Cell<bool>,
        /// The monitor that it fills while all are filled, by its connector.
        pub(super) fills: RefCell<Option<String>>,
        pub(super) cover: Cover,
        pub(super) keyboard: Keyboard,
        /// Combinations of keys that the person has sent.
        pub(super) combinations: gio::Menu,
        pub(super) sizing: Sizing,
        pub(super) resolution: Resolution,
        pub(super) scrolling: Scrolling,
        pub(super) settings: Settings,
        pub(super) statistics: Statistics,
        pub(super) switches: power::Switches,
        pub(super) countdown: Ticking,
        /// Whether the person has been told what the machine lacks.
        pub(super) hinted: Cell<bool>,
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
            self.menu_button.connect_active_notify(glib::clone!(
                #[weak]
                window,
                move |_| window.menu_toggled()
            ));
            window.install_actions();
            window.install_switches();
            window.install_make_ready();
            window.add_scrolling();
            window.install_looks();
            window.install_keys();
            window.add_keyboard();
            window.watch_cover();
            window.watch_fullscreen();
            window.watch_page();
            window.watch_tabs();
            window.watch_resolution();
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
        let Setup { console, scaling, filter, rotation, fullscreen, .. } = setup.clone();
        let window = Self::with_shared(application, Rc::new(Shared::new(remote, setup)));
        if let Some(number) = console {
            window.take_choice(Choice::Demanded(ConsoleId(number)));
        }
        window.set_scaling(scaling.unwrap_or_default());
        window.set_filter(filter.unwrap_or_default());
        window.view().set_rotation(rotation.unwrap_or_default());
        match fullscreen {
            Fullscreen::No => {}
            Fullscreen::Here => window.fullscreen(),
            Fullscreen::On(meant) => window.fill_monitor(&meant),
            Fullscreen::All => {
                window.fullscreen();
                window.fill_monitors(true);
            }
        }
        window.follow_domain();
        window.tell();
        window
    }

    /// One more window of a machine.
    fn with_shared(application: &adw::Application, shared: Rc<Shared>) -> Self {
        let window: Self = glib::Object::builder().property("application", application).build();
        shared.add_window(&window);
        let fresh = window.imp().shared.set(shared).is_ok();
        assert!(fresh, "a window is set up once");
        window.watch_settings();
        window.watch_screen_lock();
        window.watch_clipboard();
        window.fill_menus();
        window.watch_monitors();
        window.look_changed();
        window.begin_size();
        window.show_statistics(window.setup().statistics || window.imp().settings.statistics());
        window
    }

    /// Calls `shown` with the consoles that can be seen, in all windows of the machine, when those are
    /// others.
    pub fn connect_consoles_seen(&self, shown: impl Fn(&[Console]) + 'static) {
        self.shared().watch(shown);
    }

    /// Calls `shown` when [`Self::console`] is another.
    pub fn connect_console_shown(&self, shown: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
        self.connect_closure("console-shown", false, glib::closure_local!(move |window: Self| shown(&window)))
    }

    fn setup(&self) -> &Setup {
        &self.shared().setup
    }

    fn remote(&self) -> &Rc<dyn Remote> {
        &self.shared().remote
    }
}
