//! Whether the screen is locked, by whatever locks it.
//!
//! GTK asks GNOME's session and the portal. Lockers of other desktops tell the session's bus
//! (`ActiveChanged` of `org.freedesktop.ScreenSaver` and its like), and logind tells what it has been
//! told (`LockedHint`), or that it wants the screen to be locked (`Lock`) where nobody tells more.
//! Lockers that were at it before are asked (`GetActive`). Nobody is locked out for what is not taken
//! back: a hand on the picture says more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use gtk::prelude::*;
use gtk::{gio, glib};

const LOGIND: &str = "org.freedesktop.login1";

/// The end of every locker's interface: `org.freedesktop`, `org.gnome`, `org.cinnamon` and others have one.
const LOCKER: &str = ".ScreenSaver";

/// Names and places of lockers that may be at it before we listen.
const LOCKERS: [(&str, &str); 5] = [
    ("org.freedesktop.ScreenSaver", "/ScreenSaver"),
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    ("org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"),
    ("org.mate.ScreenSaver", "/org/mate/ScreenSaver"),
    ("org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"),
];

const BUS: (&str, &str) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");

/// Listens until it is dropped.
pub(super) struct Watch {
    /// Lockers that say that the screen is locked, by their unique names, with what tells that they
    /// are gone: nobody is to be locked out for one that has crashed.
    lockers: RefCell<BTreeMap<String, gio::SignalSubscription>>,
    /// What hears them.
    heard: RefCell<Option<gio::SignalSubscription>>,
    /// How often any of them has spoken.
    words: Cell<u64>,
    /// logind's session, where there is one.
    session: RefCell<Option<gio::DBusProxy>>,
    is_session_locked: Cell<bool>,
    changed: Box<dyn Fn(bool)>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_locked", &self.is_locked()).finish_non_exhaustive()
    }
}

impl Watch {
    /// Calls `changed` when somebody says whether the screen is locked.
    pub(super) fn start(changed: impl Fn(bool) + 'static) -> Rc<Self> {
        let watch = Rc::new(Self {
            lockers: RefCell::default(),
            heard: RefCell::default(),
            words: Cell::default(),
            session: RefCell::default(),
            is_session_locked: Cell::default(),
            changed: Box::new(changed),
        });
        glib::spawn_future_local(hear_lockers(Rc::downgrade(&watch)));
        let weak = Rc::downgrade(&watch);
        glib::spawn_future_local(async move {
            if let Err(error) = hear_logind(weak).await {
                tracing::debug!(%error, "logind does not say whether the screen is locked");
            }
        });
        watch
    }

    /// Whether anybody says so.
    pub(super) fn is_locked(&self) -> bool {
        self.is_session_locked.get() || !self.lockers.borrow().is_empty()
    }

    /// Whatever says that the screen is locked is wrong by now. A hint of logind's that nobody takes back
    /// would keep the guest from its keys for ever.
    pub(super) fn doubt(&self) {
        if self.is_locked() {
            tracing::info!("the screen is said to be locked, and is not");
            self.is_session_locked.set(false);
            let lockers = self.lockers.take();
            self.tell();
            drop(lockers);
        }
    }

    fn tell(&self) {
        (self.changed)(self.is_locked());
    }

    /// The locker of this name says whether the screen is locked.
    fn hear_locker(self: &Rc<Self>, bus: &gio::DBusConnection, name: &str, locked: bool) {
        self.words.set(self.words.get() + 1);
        let gone = locked.then(|| self.when_gone(bus, name));
        let before = match gone {
            Some(gone) => self.lockers.borrow_mut().insert(name.to_owned(), gone),
            None => self.lockers.borrow_mut().remove(name),
        };
        drop(before);
        self.tell();
    }

    fn when_gone(self: &Rc<Self>, bus: &gio::DBusConnection, name: &str) -> gio::SignalSubscription {
        let weak = Rc::downgrade(self);
        let gone = bus.subscribe_to_signal(
            Some(BUS.0),
            Some(BUS.0),
            Some("NameOwnerChanged"),
            Some(BUS.1),
            Some(name),
            gio::DBusSignalFlags::NONE,
            move |signal| {
                let Some((name, _, owner)) = signal.parameters.get::<(String, String, String)>() else {
                    return;
                };
                if let Some(watch) = weak.upgrade().filter(|_| owner.is_empty()) {
                    watch.forget(&name);
                }
            },
        );
        // It may have gone before anybody listened.
        let (weak, bus, name) = (Rc::downgrade(self), bus.clone(), name.to_owned());
        glib::spawn_future_local(async move {
            let is_gone = owner_of(&bus, &name).await.is_none();
            if let Some(watch) = weak.upgrade().filter(|_| is_gone) {
                watch.forget(&name);
            }
        });
        gone
    }

    /// The locker of this name says nothing any more.
    fn forget(&self, name: &str) {
        let gone = self.lockers.borrow_mut().remove(name);
        if gone.is_some() {
            self.tell();
        }
        drop(gone);
    }
}

/// The unique name behind a name, where there is anybody.
async fn owner_of(bus: &gio::DBusConnection, name: &str) -> Option<String> {
    let owner = call(bus, BUS, (BUS.0, "GetNameOwner"), Some(&(name,).to_variant())).await.ok()?;
    owner.get::<(String,)>().map(|(owner,)| owner)
}

async fn call(
    bus: &gio::DBusConnection,
    (name, path): (&str, &str),
    (interface, method): (&str, &str),
    arguments: Option<&glib::Variant>,
) -> Result<glib::Variant, glib::Error> {
    let flags = gio::DBusCallFlags::NO_AUTO_START;
    bus.call_future(Some(name), path, interface, method, arguments, None, flags, -1).await
}

/// Asks a locker that may have locked the screen before anybody listened.
async fn ask_locker(weak: &Weak<Watch>, bus: &gio::DBusConnection, (name, path): (&str, &str)) -> Option<()> {
    let owner = owner_of(bus, name).await?;
    loop {
        let words = weak.upgrade()?.words.get();
        let active = call(bus, (&owner, path), (name, "GetActive"), None).await.ok()?;
        let watch = weak.upgrade()?;
        // What it has said in between is newer than its answer.
        if watch.words.get() == words {
            let (active,) = active.get::<(bool,)>()?;
            if active {
                watch.hear_locker(bus, &owner, true);
            }
            return Some(());
        }
    }
}

async fn hear_lockers(weak: Weak<Watch>) {
    let Ok(bus) = gio::bus_get_future(gio::BusType::Session).await else { return };
    let told = weak.clone();
    let heard = bus.subscribe_to_signal(
        None,
        None,
        Some("ActiveChanged"),
        None,
        None,
        gio::DBusSignalFlags::NONE,
        move |signal| {
            let locked =
                signal.parameters.get::<(bool,)>().filter(|_| signal.interface_name.ends_with(LOCKER));
            if let (Some(watch), Some((locked,))) = (told.upgrade(), locked) {
                watch.hear_locker(signal.connection, signal.sender_name, locked);
            }
        },
    );
    if let Some(watch) = weak.upgrade() {
        watch.heard.replace(Some(heard));
    }
    for locker in LOCKERS {
        ask_locker(&weak, &bus, locker).await;
    }
}

async fn hear_logind(weak: Weak<Watch>) -> Result<(), glib::Error> {
    let bus = gio::bus_get_future(gio::BusType::System).await?;
    let manager = (LOGIND, "/org/freedesktop/login1");
    // Ours, or the one of this person that has a screen.
    let which = ("auto",).to_variant();
    let asked = call(&bus, manager, ("org.freedesktop.login1.Manager", "GetSession"), Some(&which));
    let path = asked.await?.child_value(0);
    let session = gio::DBusProxy::new_future(
        &bus,
        gio::DBusProxyFlags::NONE,
        None,
        Some(LOGIND),
        path.str().unwrap_or_default(),
        "org.freedesktop.login1.Session",
    );
    let session = session.await?;
    let hint = |session: &gio::DBusProxy| {
        session.cached_property("LockedHint").and_then(|hint| hint.get::<bool>()).unwrap_or_default()
    };
    let told = weak.clone();
    session.connect_local("g-properties-changed", false, move |values| {
        let changed = values.get(1)?.get::<glib::Variant>().ok()?;
        // Of other properties it is told as well, and what it hints then is no news.
        let locked = glib::VariantDict::new(Some(&changed)).lookup::<bool>("LockedHint").ok()??;
        let watch = told.upgrade()?;
        if watch.is_session_locked.replace(locked) != locked {
            watch.tell();
        }
        None
    });
    let told = weak.clone();
    session.connect_local("g-signal", false, move |values| {
        let name = values.get(2)?.get::<String>().ok()?;
        if let Some(watch) = told.upgrade().filter(|_| name == "Lock") {
            // Whether it comes to that is told in other ways, or never.
            (watch.changed)(true);
            watch.tell();
        }
        None
    });
    if let Some(watch) = weak.upgrade() {
        watch.is_session_locked.set(hint(&session));
        watch.session.replace(Some(session));
        watch.tell();
    }
    Ok(())
}
