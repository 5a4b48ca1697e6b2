//! The dialog that makes a machine of libvirt's ready: what would change and why, and nothing before
//! somebody applies it.
//!
//! - `known`: what has to be known before anything can be offered.
//! - `words`: what each edit does, and what stands in the way.
//! - `diff`: before and after beside each other.
//! - `history`: what the definition was earlier.
//! - `hint`: what a machine that is shown lacks.

mod diff;
mod hint;
mod history;
mod known;
mod words;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use adw::prelude::*;
use gtk::glib;

use self::known::{Known, Purpose, Trouble};
use super::i18n::gettext;
use super::monospace;
use crate::host::domain::backup::{Backup, Backups};
use crate::host::domain::{Edit, Item, Proposal, StoreError, Stored, Weight, store};
use crate::source::libvirt::{Change, Hypervisor, LibvirtError, Status};

pub use self::hint::Managed;

/// How long a change can be taken back by the message that it was made, in seconds; by the earlier
/// definitions, for good.
const UNDO: u32 = 20;

/// Shows what a machine lacks, and offers to change its definition.
pub fn present(parent: &impl IsA<gtk::Widget>, hypervisor: &Hypervisor, uuid: &str) {
    Ready::open(parent.as_ref(), hypervisor, uuid, &gettext("Make Ready"), Purpose::Ready);
}

/// Offers to make these edits.
pub(super) fn present_edits(
    parent: &impl IsA<gtk::Widget>,
    hypervisor: &Hypervisor,
    uuid: &str,
    title: &str,
    edits: Vec<Edit>,
) {
    Ready::open(parent.as_ref(), hypervisor, uuid, title, Purpose::Edits(edits));
}

/// The dialog, and what is known in it.
struct Ready {
    hypervisor: Hypervisor,
    uuid: String,
    purpose: Purpose,
    dialog: adw::Dialog,
    toasts: adw::ToastOverlay,
    banner: adw::Banner,
    place: adw::Bin,
    apply: gtk::Button,
    /// Where before and after are compared, on the page that is shown.
    diff: RefCell<Option<gtk::TextView>>,
    known: RefCell<Option<Known>>,
    /// Whether libvirt is being asked to define something.
    busy: Cell<bool>,
    /// Whether it is shown that nothing is known.
    troubled: Cell<bool>,
}

impl Ready {
    fn open(parent: &gtk::Widget, hypervisor: &Hypervisor, uuid: &str, title: &str, purpose: Purpose) {
        let apply = gtk::Button::builder()
            .label(gettext("_Apply"))
            .use_underline(true)
            .sensitive(false)
            .css_classes(["suggested-action"])
            .build();
        let header = adw::HeaderBar::new();
        header.pack_start(&apply);
        let (banner, place) = (adw::Banner::builder().use_markup(false).build(), adw::Bin::new());
        let bars = adw::ToolbarView::builder().content(&place).build();
        bars.add_top_bar(&header);
        bars.add_top_bar(&banner);
        let toasts = adw::ToastOverlay::new();
        toasts.set_child(Some(&bars));
        let dialog = adw::Dialog::builder()
            .title(title)
            .child(&toasts)
            .content_width(640)
            .content_height(720)
            .follows_content_size(false)
            .build();
        let (hypervisor, uuid) = (hypervisor.clone(), uuid.to_owned());
        let (diff, known, busy) = (RefCell::default(), RefCell::default(), Cell::new(false));
        let ready = Rc::new(Self {
            hypervisor,
            uuid,
            purpose,
            dialog: dialog.clone(),
            toasts,
            banner,
            place,
            apply,
            diff,
            known,
            busy,
            troubled: Cell::new(false),
        });
        ready.connect();
        ready.load();
        dialog.present(Some(parent));
    }

    /// Everything lives as long as the dialog is open.
    fn connect(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.apply.connect_clicked(move |_| _ = weak.upgrade().inspect(Self::apply));
        let held = RefCell::new(Some(self.clone()));
        self.dialog.connect_closed(move |_| drop(held.take()));
        let (weak, changes) = (Rc::downgrade(self), self.hypervisor.changes());
        glib::spawn_future_local(async move {
            while let (Ok(change), Some(ready)) = (changes.recv().await, weak.upgrade()) {
                ready.happened(change);
            }
        });
    }

    /// What is shown of the machine is how it is now; what is offered stays until it is applied.
    fn happened(self: &Rc<Self>, change: Change) {
        match change {
            Change::Machine(machine) if machine.uuid == self.uuid => {
                let mut known = self.known.borrow_mut();
                let Some(known) = known.as_mut() else { return };
                known.machine = machine;
                self.tell_notice(known);
            }
            Change::Gone(uuid) if uuid == self.uuid && self.known.take().is_some() => {
                let uri = self.hypervisor.uri().to_owned();
                self.show_trouble(&LibvirtError::NoMachine { wanted: uuid, uri }.into());
            }
            Change::Status(Status::Connected) if self.troubled.get() => self.load(),
            _ => {}
        }
    }

    fn load(self: &Rc<Self>) {
        self.troubled.set(false);
        if self.known.borrow().is_none() {
            self.apply.set_sensitive(false);
            let spinner = adw::SpinnerPaintable::new(Some(&self.place));
            let page =
                adw::StatusPage::builder().paintable(&spinner).title(gettext("Asking libvirt…")).build();
            self.place.set_child(Some(&page));
        }
        let weak = Rc::downgrade(self);
        let (hypervisor, uuid, purpose) = (self.hypervisor.clone(), self.uuid.clone(), self.purpose.clone());
        glib::spawn_future_local(async move {
            let learnt = known::learn(&hypervisor, &uuid, &purpose).await;
            let Some(ready) = weak.upgrade() else { return };
            match learnt {
                Ok(known) => ready.show(known),
                Err(trouble) => ready.show_trouble(&trouble),
            }
        });
    }

    fn show_trouble(self: &Rc<Self>, trouble: &Trouble) {
        self.troubled.set(true);
        self.known.take();
        self.apply.set_sensitive(false);
        self.banner.set_revealed(false);
        let (title, words) = words::trouble(trouble);
        let again = gtk::Button::builder()
            .label(gettext("_Try Again"))
            .use_underline(true)
            .halign(gtk::Align::Center)
            .css_classes(["pill"])
            .build();
        let weak = Rc::downgrade(self);
        again.connect_clicked(move |_| _ = weak.upgrade().inspect(Self::load));
        let page = adw::StatusPage::builder()
            .icon_name("machine-lost-symbolic")
            .title(title)
            .description(glib::markup_escape_text(&words).as_str())
            .child(&again)
            .build();
        self.place.set_child(Some(&page));
    }

    fn show(self: &Rc<Self>, known: Known) {
        let page = adw::PreferencesPage::new();
        page.add(
            &adw::PreferencesGroup::builder()
                .description(glib::markup_escape_text(&words::about(&known, &self.purpose)).as_str())
                .build(),
        );
        for weight in [Weight::Needed, Weight::Useful, Weight::Extra] {
            if let Some(group) = self.decisions(&known, weight) {
                page.add(&group);
            }
        }
        if !known.offer.items().is_empty() {
            page.add(&self.comparison());
        }
        if let Some(group) = history::group(self, &known) {
            page.add(&group);
        }
        self.place.set_child(Some(&page));
        self.place.set_sensitive(true);
        self.tell_notice(&known);
        self.known.replace(Some(known));
        self.tell_change();
    }

    fn comparison(&self) -> adw::PreferencesGroup {
        let view = diff::view(&gettext("What changes in the definition"));
        let group = monospace::group(
            &self.toasts,
            &gettext("Before and After"),
            &gettext("In the machine’s definition. Passwords are not shown."),
            &view,
            (&gettext("Copy"), gettext("Changes copied")),
        );
        self.diff.replace(Some(view));
        group
    }

    /// The decisions of one weight, if there are any.
    fn decisions(self: &Rc<Self>, known: &Known, weight: Weight) -> Option<adw::PreferencesGroup> {
        let items: Vec<(usize, &Item)> =
            known.offer.items().iter().enumerate().filter(|(_, item)| item.weight == weight).collect();
        if items.is_empty() {
            return None;
        }
        let group = adw::PreferencesGroup::new();
        if matches!(self.purpose, Purpose::Ready) {
            group.set_title(&words::weight(weight));
        }
        for (place, item) in items {
            let (title, reason) = words::item(item, known.offer.base());
            let row = adw::SwitchRow::builder()
                .title(title)
                .subtitle(reason)
                .use_markup(false)
                .active(item.chosen)
                .sensitive(item.obstacle.is_none() || item.made)
                .build();
            let weak = Rc::downgrade(self);
            row.connect_active_notify(move |row| {
                if let Some(ready) = weak.upgrade() {
                    ready.choose(place, row.is_active());
                }
            });
            group.add(&row);
        }
        Some(group)
    }

    fn choose(&self, place: usize, chosen: bool) {
        if let Some(known) = self.known.borrow_mut().as_mut() {
            known.offer.choose(place, chosen);
        }
        self.tell_change();
    }

    fn tell_notice(&self, known: &Known) {
        let notice = words::notice(known);
        self.banner.set_title(notice.as_deref().unwrap_or_default());
        self.banner.set_revealed(notice.is_some());
    }

    /// Brings the comparison in line with what was chosen.
    fn tell_change(&self) {
        let known = self.known.borrow();
        let Some(known) = known.as_ref() else { return };
        let (lines, nothing) = match known.offer.compare() {
            Ok(lines) => (lines, gettext("Nothing changes.")),
            Err(error) => (Vec::new(), error.to_string()),
        };
        if let Some(view) = &*self.diff.borrow() {
            diff::fill(view, &lines, &nothing);
        }
        let possible = known.machine.persistent && !lines.is_empty();
        self.apply.set_sensitive(possible && !self.busy.get());
    }

    fn apply(self: &Rc<Self>) {
        let proposal = {
            let known = self.known.borrow();
            let Some(Known { machine, offer, .. }) = known.as_ref() else { return };
            // What cannot be made cannot be applied.
            let Ok(change) = offer.change() else { return };
            Proposal {
                uuid: self.uuid.clone(),
                name: machine.name.clone(),
                before: offer.current().to_owned(),
                after: change.after().text().to_owned(),
                base: change.before().to_owned(),
                edits: change.edits().cloned().collect(),
            }
        };
        self.store(proposal, gettext("Definition changed"));
    }

    /// Brings an earlier definition back, in the present one's place.
    fn restore(self: &Rc<Self>, backup: &Backup) {
        let current = self.known.borrow().as_ref().map(|known| known.offer.current().to_owned());
        if let Some(current) = current {
            self.replace(&current, backup);
        }
    }

    /// Takes a change back: at once, when what it led to has not been read again.
    fn undo(self: &Rc<Self>, backup: &Backup) {
        match &backup.defined {
            Some(defined) => self.replace(defined, backup),
            None => self.restore(backup),
        }
    }

    fn replace(self: &Rc<Self>, current: &str, backup: &Backup) {
        let proposal = Proposal {
            uuid: self.uuid.clone(),
            name: backup.name.clone(),
            before: current.to_owned(),
            after: backup.before.clone(),
            base: current.to_owned(),
            edits: Vec::new(),
        };
        self.store(proposal, gettext("Earlier definition restored"));
    }

    /// Has a definition taken. What was begun goes on when the dialog is closed.
    fn store(self: &Rc<Self>, proposal: Proposal, done: String) {
        if self.busy.replace(true) {
            return;
        }
        self.apply.set_sensitive(false);
        self.place.set_sensitive(false);
        let Some(backups) = Backups::of_person() else {
            return self.stored(Err(StoreError::Backup(std::io::ErrorKind::NotFound.into())), &done);
        };
        let (weak, hypervisor) = (Rc::downgrade(self), self.hypervisor.clone());
        glib::spawn_future_local(async move {
            let stored = store(&hypervisor, &backups, proposal, |_| ()).await;
            if let Err(error) = &stored {
                tracing::warn!(%error, "a definition was not changed");
            }
            if let Some(ready) = Weak::upgrade(&weak) {
                ready.stored(stored, &done);
            }
        });
    }

    fn stored(self: &Rc<Self>, stored: Result<Stored, StoreError>, done: &str) {
        self.busy.set(false);
        self.place.set_sensitive(true);
        match stored {
            Ok(stored) => {
                let toast =
                    adw::Toast::builder().title(done).button_label(gettext("_Undo")).timeout(UNDO).build();
                let weak = Rc::downgrade(self);
                toast.connect_button_clicked(move |_| {
                    if let Some(ready) = weak.upgrade() {
                        ready.undo(&stored.backup);
                    }
                });
                self.say(toast);
                self.load();
            }
            Err(StoreError::Libvirt(LibvirtError::Edited)) => {
                let words = gettext("Somebody has changed the definition in the meantime. Look at it again.");
                self.say(adw::Toast::builder().title(words).timeout(0).build());
                self.load();
            }
            Err(error) => {
                let (title, words) = words::failure(&error);
                let alert = adw::AlertDialog::builder().heading(title).body(words).build();
                alert.add_response("close", &gettext("_Close"));
                alert.present(Some(&self.dialog));
                // It may be done after all where libvirt only did not answer.
                self.load();
            }
        }
    }

    /// Says what became of the last change; what was said of the one before does not hold any more.
    fn say(&self, toast: adw::Toast) {
        self.toasts.dismiss_all();
        self.toasts.add_toast(toast);
    }
}
