//! Whether the screen is locked, by whatever locks it.
//!
//! GTK asks GNOME's session and the portal. Lockers of other desktops tell the session's bus
//! (`ActiveChanged` of `org.freedesktop.ScreenSaver` and its like), and logind tells what it has been
//! told (`LockedHint`), or that it wants the screen to be locked (`Lock`) where nobody tells more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};

use gtk::prelude::*;
use gtk::{gio, glib};

const LOGIND: &str = "org.freedesktop.login1";

/// The end of every locker's interface: `org.freedesktop`, `org.gnome`, `org.cinnamon` and others have one.
const LOCKER: &str = ".ScreenSaver";

/// Listens until it is dropped.
pub(super) struct Watch {
    /// Lockers that say that the screen is locked, by their unique names, with what tells that they
    /// are gone: nobody is to be locked out for one that has crashed.
    lockers: RefCell<BTreeMap<String, gio::SignalSubscription>>,
    /// What hears them.
    heard: RefCell<Option<gio::SignalSubscription>>,
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

    fn tell(&self) {
        (self.changed)(self.is_locked());
    }

    /// The locker of this name says whether the screen is locked.
    fn hear_locker(self: &Rc<Self>, bus: &gio::DBusConnection, name: &str, locked: bool) {
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
        bus.subscribe_to_signal(
            Some("org.freedesktop.DBus"),
            Some("org.freedesktop.DBus"),
            Some("NameOwnerChanged"),
            Some("/org/freedesktop/DBus"),
            Some(name),
            gio::DBusSignalFlags::NONE,
            move |signal| {
                let Some((name, _, owner)) = signal.parameters.get::<(String, String, String)>() else {
                    return;
                };
                if let Some(watch) = weak.upgrade().filter(|_| owner.is_empty()) {
                    let gone = watch.lockers.borrow_mut().remove(&name);
                    watch.tell();
                    drop(gone);
                }
            },
        )
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
}

async fn hear_logind(weak: Weak<Watch>) -> Result<(), glib::Error> {
    let bus = gio::bus_get_future(gio::BusType::System).await?;
    let asked = bus.call_future(
        Some(LOGIND),
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "GetSession",
        // Ours, or the one of this person that has a screen.
        Some(&("auto",).to_variant()),
        Some(glib::VariantTy::new("(o)").expect("a type")),
        gio::DBusCallFlags::NO_AUTO_START,
        -1,
    );
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
        let session = values.first()?.get::<gio::DBusProxy>().ok()?;
        let watch = told.upgrade()?;
        if watch.is_session_locked.replace(hint(&session)) != hint(&session) {
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
