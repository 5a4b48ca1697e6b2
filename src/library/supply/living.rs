//! The host that there is: libvirt's connections, the session bus, what was launched.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use async_channel::{Receiver, Sender};
use gtk::gio::prelude::*;
use gtk::{gio, glib};

use super::opening::Opened;
use super::{Host, Showing, Told, beside, glance};
use crate::library::launched;
use crate::library::model::{Answer, Key, Launched, News, Thumbnail};
use crate::source::bus;
use crate::source::libvirt::{self, Access, Display, Hypervisor, Operation, Which};
use crate::window::power::follow_progress;

/// The largest picture that is kept of a machine.
const PICTURE: (u32, u32) = (640, 400);

/// One of libvirt's connections.
struct Connection {
    hypervisor: Hypervisor,
    listening: glib::JoinHandle<()>,
}

/// The host that there is.
pub struct Living {
    pub(super) application: adw::Application,
    /// To pass on to what outlasts a call.
    me: Weak<Self>,
    connections: RefCell<BTreeMap<String, Connection>>,
    tell: Sender<Told>,
    pub(super) opened: RefCell<Vec<Opened>>,
    /// Where it is written down what was launched, and who watches that.
    launched: Option<PathBuf>,
    watch: RefCell<Option<gio::FileMonitor>>,
    /// Whether connections were chosen for it, instead of those that are usual.
    chosen: Cell<bool>,
    /// Whether there is a Virtual Machine Manager, as far as anybody has looked.
    has_manager: Cell<bool>,
}

impl fmt::Debug for Living {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Living")
            .field("connections", &self.connections.borrow().keys())
            .finish_non_exhaustive()
    }
}

impl Living {
    /// Begins to look for machines: on the usual connections and the bus, and on `added` ones; with
    /// `only`, on these connections and nowhere else. The receiver hears what is found.
    pub fn start(
        application: &adw::Application,
        added: &[String],
        only: Option<&[String]>,
    ) -> (Rc<Self>, Receiver<Told>) {
        let (tell, told) = async_channel::unbounded();
        let living = Rc::new_cyclic(|me| Self {
            application: application.clone(),
            me: me.clone(),
            connections: RefCell::default(),
            tell,
            opened: RefCell::default(),
            launched: launched::place(),
            watch: RefCell::default(),
            chosen: Cell::new(only.is_some()),
            has_manager: Cell::default(),
        });
        living.look_around();
        only.unwrap_or(added).iter().for_each(|uri| living.add(uri));
        if only.is_none() {
            living.follow_bus();
            living.watch_launched();
        }
        (living, told)
    }

    pub(super) fn tell(&self, told: Told) {
        // Whoever showed it may have gone.
        let _ = self.tell.try_send(told);
    }

    fn follow_bus(&self) {
        let (found, me) = (bus::follow(None), self.me.clone());
        glib::spawn_future_local(async move {
            while let Ok(found) = found.recv().await {
                let Some(living) = me.upgrade() else { return };
                let machines = found.into_iter().map(|found| {
                    let machine =
                        found.machine.map(|machine| Answer { name: machine.name, uuid: machine.uuid });
                    (found.owner.to_string(), machine)
                });
                living.tell(Told::News(News::Bus(machines.collect())));
            }
        });
    }

    /// Reads what was launched, now and whenever another Oriel launches something.
    fn watch_launched(&self) {
        self.read_launched();
        let Some(place) = &self.launched else { return };
        let watch = gio::File::for_path(place).monitor(gio::FileMonitorFlags::NONE, gio::Cancellable::NONE);
        match watch {
            Ok(watch) => {
                let me = self.me.clone();
                watch.connect_changed(move |_, _, _, _| {
                    _ = me.upgrade().inspect(|living| living.read_launched())
                });
                self.watch.replace(Some(watch));
            }
            Err(error) => tracing::warn!(%error, "what is launched from now on is not seen"),
        }
    }

    fn read_launched(&self) {
        let all = self.launched.as_deref().map(launched::read).unwrap_or_default();
        self.tell(Told::News(News::Launched(all)));
    }

    fn find_launched(&self, key: &Key) -> Option<Launched> {
        let Key::Launched { id } = key else { return None };
        let all = self.launched.as_deref().map(launched::read).unwrap_or_default();
        all.into_iter().find(|launched| launched.id() == *id)
    }

    /// The connection that a machine is on, and its UUID there.
    pub(super) fn domain(&self, key: &Key) -> Option<(Hypervisor, String)> {
        let Key::Domain { uri, uuid } = key else { return None };
        Some((self.hypervisor(uri)?, uuid.clone()))
    }

    /// Shows the machine of this name, UUID or number on a connection, which may be one that is not yet
    /// known.
    pub fn open_named(&self, uri: &str, wanted: &str) {
        self.add(uri);
        let Some(hypervisor) = self.hypervisor(uri) else { return };
        let (me, uri, wanted) = (self.me.clone(), uri.to_owned(), wanted.to_owned());
        let hold = self.application.hold();
        glib::spawn_future_local(async move {
            let found = hypervisor.find(&wanted).await;
            if let Some(living) = me.upgrade() {
                match found {
                    Ok(machine) => living.show(&Key::Domain { uri, uuid: machine.uuid }),
                    Err(error) => living.tell(Told::Trouble(error.to_string())),
                }
            }
            drop(hold);
        });
    }

    /// Tells how far something has come, while it goes on.
    fn follow_progress(&self, key: Key, operation: Operation) -> Option<glib::JoinHandle<()>> {
        let (hypervisor, uuid) = self.domain(&key).filter(|_| operation.is_long())?;
        let me = self.me.clone();
        let told = move |part| {
            if let Some(living) = me.upgrade() {
                living.tell(Told::News(News::Doing(key.clone(), operation, part)));
            }
        };
        Some(glib::spawn_future_local(follow_progress(hypervisor, uuid, told)))
    }
}

impl Host for Living {
    fn operate(&self, key: &Key, operation: Operation) {
        let Some((hypervisor, uuid)) = self.domain(key) else { return };
        self.tell(Told::News(News::Doing(key.clone(), operation, None)));
        let is_open = self.is_open(key);
        let (me, key) = (self.me.clone(), key.clone());
        let progress = self.follow_progress(key.clone(), operation);
        // The program stays until it is over.
        let hold = self.application.hold();
        glib::spawn_future_local(async move {
            let done = match operation {
                Operation::Start if is_open => hypervisor.start_watched(&uuid).await.map(drop),
                operation => hypervisor.operate(&uuid, operation).await,
            };
            if let Some(progress) = progress {
                progress.abort();
            }
            if let Some(living) = me.upgrade() {
                living.tell(Told::News(News::Done(key.clone())));
                if let Err(error) = done {
                    living.tell(Told::Failed(key, operation, error));
                }
            }
            drop(hold);
        });
    }

    fn cancel(&self, key: &Key) {
        let Some((hypervisor, uuid)) = self.domain(key) else { return };
        glib::spawn_future_local(async move {
            if let Err(error) = hypervisor.cancel(&uuid).await {
                // It may be over any moment.
                tracing::warn!(%error, "what is being done to the machine goes on");
            }
        });
    }

    fn open(&self, key: &Key) {
        self.show(key);
    }

    fn launch(&self, key: &Key) {
        if let Some(launched) = self.find_launched(key)
            && let Err(error) = beside::launch(&launched)
        {
            self.tell(Told::Trouble(error));
        }
    }

    fn forget(&self, key: &Key) {
        let (Key::Launched { id }, Some(place)) = (key, &self.launched) else { return };
        if let Err(error) = launched::forget(place, id) {
            self.tell(Told::Trouble(error.to_string()));
        }
        self.read_launched();
    }

    fn photograph(&self, key: &Key) {
        let (key, me) = (key.clone(), self.me.clone());
        let domain = self.domain(&key);
        glib::spawn_future_local(async move {
            let picture = match (&key, domain) {
                (_, Some((hypervisor, uuid))) => of_domain(&hypervisor, &uuid).await,
                (Key::Bus { owner }, None) => glance::at_bus(None, owner, PICTURE).await,
                (Key::Domain { .. } | Key::Launched { .. }, None) => None,
            };
            if let Some(living) = me.upgrade() {
                living.tell(Told::Picture(key, picture.map(Box::new)));
            }
        });
    }

    fn define(&self, key: &Key) {
        let Some((hypervisor, uuid)) = self.domain(key) else { return };
        let (key, me) = (key.clone(), self.me.clone());
        glib::spawn_future_local(async move {
            let definition = hypervisor.definition(&uuid, Which::Current).await;
            if let Some(living) = me.upgrade() {
                living.tell(Told::Definition(key, definition));
            }
        });
    }

    fn retry(&self, uri: &str) {
        self.hypervisor(uri).inspect(Hypervisor::retry);
    }

    fn add(&self, uri: &str) {
        if self.connections.borrow().contains_key(uri) {
            return;
        }
        let hypervisor = Hypervisor::connect(uri, Access::Full);
        let changes = hypervisor.changes();
        let (me, name) = (self.me.clone(), uri.to_owned());
        self.tell(Told::News(News::Added(name.clone())));
        let listening = glib::spawn_future_local(async move {
            while let Ok(change) = changes.recv().await {
                let Some(living) = me.upgrade() else { return };
                living.tell(Told::News(News::Libvirt(name.clone(), change)));
            }
        });
        self.connections.borrow_mut().insert(uri.to_owned(), Connection { hypervisor, listening });
    }

    fn remove(&self, uri: &str) {
        if let Some(connection) = self.connections.borrow_mut().remove(uri) {
            connection.listening.abort();
            self.tell(Told::News(News::Removed(uri.to_owned())));
        }
    }

    fn look_around(&self) {
        self.has_manager.set(beside::manager().is_some());
        if cfg!(feature = "libvirt") && !self.chosen.get() {
            libvirt::likely().into_iter().for_each(|uri| self.add(uri));
        }
    }

    fn hypervisor(&self, uri: &str) -> Option<Hypervisor> {
        self.connections.borrow().get(uri).map(|connection| connection.hypervisor.clone())
    }

    fn showing(&self, key: &Key) -> Vec<Showing> {
        self.figures(key)
    }

    fn has_manager(&self) -> bool {
        self.has_manager.get()
    }

    fn open_manager(&self, key: Option<&Key>) {
        if let Err(error) = beside::open_manager(key) {
            self.tell(Told::Trouble(error));
        }
    }

    fn has_launcher(&self, key: &Key) -> bool {
        beside::launcher(key).is_some_and(|path| path.exists())
    }

    fn set_launcher(&self, key: &Key, name: Option<&str>) {
        if let Err(error) = beside::set_launcher(key, name) {
            self.tell(Told::Trouble(error));
        }
    }
}

/// What libvirt sees of a machine; what its display shows where libvirt has no picture, and looking
/// takes the display from nobody.
async fn of_domain(hypervisor: &Hypervisor, uuid: &str) -> Option<Thumbnail> {
    match hypervisor.screenshot(uuid, 0).await {
        Ok(shot) => {
            let small = gio::spawn_blocking(move || {
                let (width, height) = shot.size();
                Thumbnail::shrink(width, height, shot.pixels(), PICTURE)
            });
            small.await.ok().flatten()
        }
        Err(error) => {
            tracing::debug!(uuid, %error, "libvirt takes no picture");
            if error.is_of_connection() {
                return None;
            }
            let machine = hypervisor.find(uuid).await.ok()?;
            let address = machine.displays.iter().find_map(|display| match display {
                Display::Bus { address: Some(address) } => Some(address.clone()),
                _ => None,
            })?;
            glance::at_bus(Some(address), uuid, PICTURE).await
        }
    }
}
