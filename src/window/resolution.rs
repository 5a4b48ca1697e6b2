//! Which size the guest is asked for: window and monitor are told to the console's
//! [`Control`](crate::resolution::Control), and its wishes to QEMU.
//!
//! - `monitor`: its own size, and how large its pixels are.
//! - `menu`: what can be chosen; `custom` is the dialog for a typed size.
//! - `status`: what was asked and what became of it, to read; `keep`: how to make a size the first one.
//! - `memory`: what is remembered of a console.
//!
//! The room for the picture is counted without the banner: one that comes or goes gives the guest no
//! other mode.

mod custom;
mod keep;
mod memory;
mod menu;
mod monitor;
mod status;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib, graphene};

use self::memory::Remembered;
use self::monitor::Screen as Monitor;
use super::{MachineWindow, words};
use crate::clock::{self, Time};
use crate::frame::{Scanout, Screen};
use crate::geometry::{Guest, Logical, Point, Rect, Size};
use crate::resolution::{
    Answer, Control, Driver, Limits, Pitch, Policy, Reason, SizedBy, Verdict, Window, Wish,
};
use crate::session::{Console, ConsoleId, ConsoleKind, Hardware, Ramfb};
use crate::stats;

/// A monitor, the sizes that were typed, and what the device allows: what the menu is made of.
type Filling = (Option<Monitor>, Vec<Size<Guest>>, Limits);

/// What the window holds of it.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// Where the shown head is among the machine's others.
    place: Cell<Option<Point<Guest>>>,
    /// Whether somebody will look at the window in a moment.
    looking: Cell<bool>,
    /// When the control wants to be asked next.
    waking: RefCell<Option<glib::SourceId>>,
    /// The submenu, and what it was filled with.
    pub(super) menu: gio::Menu,
    filled: RefCell<Option<Filling>>,
    /// What the open dialog shows.
    status: RefCell<Option<glib::WeakRef<adw::Bin>>>,
}

/// What is asked of each console, in whichever window that is.
pub(super) type Heads = RefCell<BTreeMap<ConsoleId, Head>>;

/// One console.
#[derive(Debug)]
pub(super) struct Head {
    control: Control,
    remembered: Option<Remembered>,
    /// Sizes that were typed, the last one first.
    sizes: Vec<Size<Guest>>,
    /// What the person has been told of what became of a wish.
    told: Verdict,
    asking: Asking,
    /// Who had sized the window when it first was there.
    began: Option<SizedBy>,
    /// What a window that was resized has been excused with.
    excuses: Vec<std::mem::Discriminant<Reason>>,
}

/// Who waits for the guest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// Nobody: the window has just appeared, and the guest may still be starting.
    #[default]
    Quietly,
    /// The person, who has resized the window.
    ForWindow,
    /// The person, who has chosen just that; asked is `false` until the guest has been.
    ForPerson { asked: bool },
}

impl Head {
    fn new(console: &Console, remembered: Option<Remembered>) -> Self {
        let policy = remembered.as_ref().map_or(memory::DEFAULT, Remembered::policy);
        Self {
            control: Control::new(console.hardware.device(&console.label), policy),
            sizes: remembered.as_ref().map(Remembered::sizes).unwrap_or_default(),
            remembered,
            told: Verdict::None,
            asking: Asking::Quietly,
            began: None,
            excuses: Vec::new(),
        }
    }

    /// A wish goes out. The first one of a window that appears in a size of its own is nobody's.
    fn asked(&mut self, first: bool) {
        self.asking = match self.asking {
            Asking::ForPerson { asked: false } => Asking::ForPerson { asked: true },
            _ if first && self.began != Some(SizedBy::Picture) => Asking::Quietly,
            _ => Asking::ForWindow,
        };
    }

    /// Whether the person should hear of it: always what they have chosen, once what a window asked for.
    fn excuse(&mut self, reason: Reason) -> bool {
        let kind = std::mem::discriminant(&reason);
        let known = self.excuses.contains(&kind);
        match self.asking {
            Asking::Quietly => false,
            Asking::ForWindow if known || reason == Reason::Late => false,
            Asking::ForWindow | Asking::ForPerson { .. } => {
                self.excuses.push(kind);
                true
            }
        }
    }
}

impl MachineWindow {
    pub(super) fn watch_resolution(&self) {
        self.install_resolution_actions();
        let look = |window: &Self| window.look_soon();
        self.connect_fullscreened_notify(look);
        self.connect_maximized_notify(look);
        self.connect_console_shown(look);
        self.connect_realize(|window| {
            let Some(surface) = window.surface() else { return };
            let weak = window.downgrade();
            surface.connect_scale_notify(move |_| {
                if let Some(window) = weak.upgrade() {
                    window.scale_changed();
                    window.look_soon();
                }
            });
            for entered in [true, false] {
                let weak = window.downgrade();
                let moved = move || _ = weak.upgrade().inspect(Self::look_soon);
                if entered {
                    surface.connect_enter_monitor(move |_, _| moved());
                } else {
                    surface.connect_leave_monitor(move |_, _| moved());
                }
            }
        });
    }

    /// This head is here among the machine's others, in their pixels, as the guest's layout should
    /// have it.
    pub fn place_head(&self, at: Point<Guest>) {
        if self.imp().resolution.place.replace(Some(at)) != Some(at) {
            self.look_soon();
        }
    }

    /// Looks at the window when all of it is laid out.
    pub(super) fn look_soon(&self) {
        if self.imp().resolution.looking.replace(true) {
            return;
        }
        let weak = self.downgrade();
        glib::idle_add_local_full(glib::Priority::DEFAULT, move || {
            if let Some(window) = weak.upgrade() {
                window.imp().resolution.looking.set(false);
                window.look();
            }
            glib::ControlFlow::Break
        });
    }

    /// Tells the control of window and guest, as they are now.
    fn look(&self) {
        let window = self.window_for_guest();
        let (screen, now) = (self.view().screen(), clock::now());
        self.with_head(|console, head| {
            head.control.set_driver(driver(console));
            match screen {
                Screen::Live(size) => head.control.set_shown(Some(size), now),
                Screen::Waiting | Screen::Off => head.control.set_shown(None, now),
            }
            if let Some(window) = window {
                head.began.get_or_insert(window.sized_by);
                head.control.set_window(window, now);
            }
        });
        self.drive();
    }

    /// Passes on what is to be asked now, and sees to it that the next is asked in time.
    pub(super) fn drive(&self) {
        let now = clock::now();
        let next = self.with_head(|console, head| {
            let first = head.control.wish().is_none();
            let wish = head.control.step(now);
            if wish.is_some() {
                head.asked(first);
            }
            (console.clone(), wish, head.control.wake())
        });
        let wake = next.as_ref().and_then(|(.., wake)| *wake);
        self.wake_at(wake.filter(|_| self.is_live()), now);
        if let Some((console, Some(wish), _)) = next {
            tracing::debug!(id = %console.id, ?wish, "the guest is asked for a size");
            console.stats.wished();
            self.remote().ask(console.id, wish);
        }
        self.tell_resolution();
    }

    fn wake_at(&self, wake: Option<Time>, now: Time) {
        let waking = &self.imp().resolution.waking;
        if let Some(source) = waking.take() {
            source.remove();
        }
        let Some(wake) = wake else { return };
        // Timers are of whole milliseconds, and never early.
        let span = wake.since(now) + std::time::Duration::from_millis(1);
        let weak = self.downgrade();
        let source = glib::timeout_add_local_once(span, move || {
            if let Some(window) = weak.upgrade() {
                window.imp().resolution.waking.take();
                window.drive();
            }
        });
        waking.replace(Some(source));
    }

    /// QEMU has answered.
    pub(super) fn wish_answered(&self, id: ConsoleId, wish: Wish, answer: Answer) {
        if let Some(head) = self.shared().heads_asked.borrow_mut().get_mut(&id) {
            head.control.answered(wish, answer, clock::now());
        }
        self.drive();
    }

    /// The machine is there, perhaps again.
    pub(super) fn machine_connected(&self) {
        let now = clock::now();
        for head in self.shared().heads_asked.borrow_mut().values_mut() {
            head.control.reconnected(now);
            (head.asking, head.began, head.told) = (Asking::Quietly, None, Verdict::None);
            head.excuses.clear();
        }
        self.look_soon();
    }

    /// Forgets the consoles that are gone.
    pub(super) fn forget_heads(&self) {
        let known = self.shared().known.borrow();
        let is_there = |id: &ConsoleId| known.consoles.iter().any(|console| console.id == *id);
        self.shared().heads_asked.borrow_mut().retain(|id, _| is_there(id));
    }

    /// The window leaves the guest alone, or follows it: what the person wants of the shown console.
    pub(super) fn set_follow_policy(&self, policy: Policy) {
        let now = clock::now();
        self.with_head(|_, head| {
            head.control.set_policy(policy, now);
            if let Some(remembered) = &head.remembered {
                remembered.set_policy(policy);
            }
        });
        self.drive();
    }

    /// What became of the last wish.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.with_head(|_, head| head.control.verdict())
    }

    /// When the shown console's guest follows the window.
    pub(super) fn follow_policy(&self) -> Policy {
        self.with_head(|_, head| head.control.policy()).unwrap_or(memory::DEFAULT)
    }

    /// The person wants this size.
    pub(super) fn choose_size(&self, size: Size<Guest>) {
        let now = clock::now();
        self.with_head(|_, head| {
            head.asking = Asking::ForPerson { asked: false };
            head.control.choose(Some(size), now);
        });
        self.drive();
    }

    /// The person wants the guest to be asked once more.
    pub(super) fn ask_again(&self) {
        let now = clock::now();
        self.with_head(|_, head| {
            head.asking = Asking::ForPerson { asked: false };
            head.control.ask_again(now);
        });
        self.drive();
    }

    /// Does something with the shown console's head, if it has one.
    fn with_head<T>(&self, act: impl FnOnce(&Console, &mut Head) -> T) -> Option<T> {
        let console = self.console().filter(|console| console.kind == ConsoleKind::Graphic)?;
        let mut heads = self.shared().heads_asked.borrow_mut();
        let head = heads.entry(console.id).or_insert_with(|| {
            let machine = self.shared().memory.borrow();
            Head::new(&console, machine.as_ref().and_then(|machine| Remembered::of(machine, console.id)))
        });
        Some(act(&console, head))
    }

    /// The window as the guest is to see it; `None` while it is not shown, or nobody could be asked.
    fn window_for_guest(&self) -> Option<Window> {
        if !self.is_live() {
            return None;
        }
        let scale = self.view().screen_scale();
        let pitch = self.screen().map_or_else(|| Pitch::of_scale(scale), |screen| screen.pitch);
        Some(Window {
            area: self.content_area()?,
            scale,
            rotation: self.view().look().rotation,
            pitch,
            at: self.imp().resolution.place.get().unwrap_or(Point::new(0, 0)),
            sized_by: self.sized_by(),
        })
    }

    /// The room for banner and picture in the window's surface.
    pub(super) fn content_area(&self) -> Option<Rect<Logical>> {
        let content = self.imp().bars.content().filter(WidgetExt::is_mapped)?;
        let (across, down) = self.surface_transform();
        let corner = content.compute_point(self, &graphene::Point::zero())?;
        #[expect(clippy::cast_possible_truncation, reason = "coordinates of a window are small")]
        let whole = |at: f64| at.round() as i32;
        let length = |length: i32| u32::try_from(length).unwrap_or(0);
        let area = Rect::new(
            whole(f64::from(corner.x()) + across),
            whole(f64::from(corner.y()) + down),
            length(content.width()),
            length(content.height()),
        );
        Some(area).filter(|area| !area.is_empty())
    }

    /// Brings everything that tells of the resolution in line with what is known.
    fn tell_resolution(&self) {
        let news = self.with_head(|console, head| {
            let verdict = head.control.verdict();
            if std::mem::replace(&mut head.told, verdict) == verdict {
                return None;
            }
            console.stats.wish(head.control.wish().and_then(|wish| recorded(wish, verdict)));
            match verdict {
                Verdict::NotFollowed { reason, .. } => head.excuse(reason).then_some(reason),
                _ => None,
            }
        });
        self.refill_resolution_menu();
        self.update_resolution_actions();
        self.refill_status();
        if let Some(Some(reason)) = news {
            self.excuse(reason);
        }
    }

    /// Says why the guest has not followed, and where there is more about it.
    fn excuse(&self, reason: Reason) {
        let toast = adw::Toast::builder()
            .title(words::resolution::excuse(reason))
            .use_markup(false)
            .button_label(super::i18n::gettext("_Details"))
            .action_name("win.resolution-status")
            .build();
        self.toast(&toast);
    }
}

/// What is known of the guest's driver: a vGPU's shows buffers of its own, `ramfb` draws before that.
fn driver(console: &Console) -> Driver {
    match (console.hardware, console.frames.current()) {
        (Hardware::Vfio { .. }, Some(Scanout::Dmabuf(_))) => Driver::Runs,
        (Hardware::Vfio { ramfb: Ramfb::On }, Some(_)) => Driver::Missing,
        _ => Driver::Unknown,
    }
}

/// For the statistics; nothing where the guest went its own way since.
fn recorded(wish: Wish, verdict: Verdict) -> Option<stats::Wish> {
    let (outcome, after) = match verdict {
        Verdict::None => return None,
        Verdict::Waiting { .. } => ("waiting", None),
        Verdict::Followed { after, .. } => ("followed", Some(after.as_secs_f64() * 1000.0)),
        Verdict::NotFollowed { reason, .. } => (name(reason), None),
    };
    let millimetres = (wish.millimetres.width, wish.millimetres.height);
    let (size, at) = ((wish.size.width, wish.size.height), (wish.at.x, wish.at.y));
    Some(stats::Wish { size, millimetres, at, outcome, after })
}

fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Unsupported => "unsupported",
        Reason::Undelivered => "undelivered",
        Reason::NoDriver => "no-driver",
        Reason::Ignored => "ignored",
        Reason::NoAgent => "no-agent",
        Reason::OtherSize(_) => "other-size",
        Reason::Most(_) => "most",
        Reason::Late => "late",
        Reason::Unknown => "unknown",
    }
}
