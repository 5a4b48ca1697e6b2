//! The switches of a machine that libvirt runs: the menu, what is asked first, what came of it.

use std::cell::RefCell;
use std::time::Duration;

use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gio, glib};

use super::i18n::gettext;
use super::story::{Choice, Face, Icon, Input};
use super::words::power as words;
use super::{MachineWindow, Managed};
use crate::source::libvirt::{Change, Hypervisor, Machine, Operation, State, Status};

/// How often it is asked how far something has come.
const PROGRESS: Duration = Duration::from_millis(700);

/// What is known of the machine through libvirt.
#[derive(Debug, Default)]
pub(super) struct Switches {
    known: RefCell<Option<Known>>,
    menu: gio::Menu,
}

#[derive(Debug)]
struct Known {
    hypervisor: Hypervisor,
    /// What the machine was called at first; its UUID, once that is known.
    wanted: String,
    /// As libvirt says it is; `None` while nobody knows.
    machine: Option<Machine>,
    connected: bool,
    doing: Option<Doing>,
}

/// What this window does to the machine, and how far it is, in hundredths, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doing {
    operation: Operation,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Going(Option<u8>),
    Cancelling,
}

impl MachineWindow {
    /// Where libvirt runs the machine, it can be switched from this window from now on, also while it is
    /// off.
    pub(super) fn follow_domain(&self) {
        let Some(Managed { hypervisor, wanted }) = self.setup().managed.clone() else { return };
        let changes = hypervisor.changes();
        let known = Known { hypervisor, wanted, machine: None, connected: false, doing: None };
        let imp = self.imp();
        imp.switches.known.replace(Some(known));
        // It has these, and more.
        let section = &imp.machine_section;
        for at in (0..section.n_items()).rev() {
            let action = section.item_attribute_value(at, "action", Some(glib::VariantTy::STRING));
            let action = action.and_then(|action| action.get::<String>()).unwrap_or_default();
            if ["win.shut-down", "win.force-off"].contains(&action.as_str()) {
                section.remove(at);
            }
        }
        section.append_submenu(Some(&gettext("Po_wer")), &imp.switches.menu);
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            while let Ok(change) = changes.recv().await {
                let Some(window) = window.upgrade().filter(|window| !window.is_closed()) else { return };
                window.domain_changed(change);
            }
        });
    }

    /// What is being done to the machine, by this window.
    pub(super) fn domain_doing(&self) -> Option<Operation> {
        self.doing().map(|doing| doing.operation)
    }

    fn doing(&self) -> Option<Doing> {
        self.imp().switches.known.borrow().as_ref().and_then(|known| known.doing)
    }

    /// What is being done to the machine that takes long, in words; and whether it can be cancelled.
    pub(super) fn long_work(&self) -> Option<(String, bool)> {
        let Doing { operation, stage } = self.doing().filter(|doing| doing.operation.is_long())?;
        Some(match stage {
            Stage::Going(part) => (words::doing(operation, part), true),
            Stage::Cancelling => (gettext("Cancelling…"), false),
        })
    }

    /// Whether this window can start the machine.
    pub(super) fn can_start(&self) -> bool {
        self.offers().contains(&Operation::Start)
    }

    /// A page, with what this window can do about it: a machine that is off can be started.
    pub(super) fn with_switches(&self, face: Option<Face>, live: bool) -> Option<Face> {
        if live {
            return face;
        }
        if self.domain_doing() == Some(Operation::Start) {
            let (title, body) = (gettext("Starting…"), gettext("libvirt is starting the machine."));
            let working =
                Face { icon: Icon::Working, title, body, note: None, choices: vec![], input: Input::Page };
            return Some(working);
        }
        if let Some((title, _)) = self.long_work() {
            let body = gettext("libvirt writes what the machine’s memory holds to disk.");
            let working =
                Face { icon: Icon::Working, title, body, note: None, choices: vec![], input: Input::Page };
            return Some(working);
        }
        face.map(|mut face| {
            if self.can_start() {
                face.choices.retain(|choice| *choice != Choice::Reconnect);
                face.choices.insert(0, Choice::SwitchOn);
            }
            face
        })
    }

    fn offers(&self) -> Vec<Operation> {
        let known = self.imp().switches.known.borrow();
        let machine = known.as_ref().filter(|known| known.connected).and_then(|known| known.machine.as_ref());
        machine.map(|machine| machine.state.offers(machine.saved).to_vec()).unwrap_or_default()
    }

    /// Why the machine is paused, and that it waits to be resumed.
    pub(super) fn paused(&self) -> Option<String> {
        let known = self.imp().switches.known.borrow();
        let known = known.as_ref().filter(|known| known.connected)?;
        let Machine { uuid, state, saved, .. } = known.machine.as_ref()?;
        let waits = state.offers(*saved).contains(&Operation::Resume) && *state != State::Unknown;
        // One that is being started is paused until we watch it.
        let is_ours = known.hypervisor.awaits_viewer(uuid);
        (waits && !is_ours && known.doing.is_none()).then(|| words::state(*state, *saved))
    }

    fn domain_changed(&self, change: Change) {
        {
            let mut known = self.imp().switches.known.borrow_mut();
            let Some(known) = &mut *known else { return };
            match change {
                Change::Status(status) => known.connected = status == Status::Connected,
                Change::Machine(machine) if machine.is_meant(&known.wanted) => {
                    // It may be called otherwise from now on.
                    known.wanted.clone_from(&machine.uuid);
                    known.machine = Some(machine);
                }
                Change::Gone(uuid) if uuid == known.wanted => known.machine = None,
                Change::Machine(_) | Change::Gone(_) => return,
            }
        }
        self.tell_switches();
    }

    /// Brings menu and page in line with what can be done.
    fn tell_switches(&self) {
        fill(&self.imp().switches.menu, &self.offers());
        self.tell_all();
    }

    /// Does something to the machine; where something is lost, the person is asked first.
    pub(super) fn operate(&self, operation: Operation) {
        let target = self.imp().switches.known.borrow().as_ref().and_then(|known| {
            let machine = known.machine.as_ref()?;
            Some((known.hypervisor.clone(), machine.uuid.clone(), machine.name.clone()))
        });
        let Some((hypervisor, uuid, name)) = target else { return };
        if !self.offers().contains(&operation) || self.domain_doing().is_some() {
            return;
        }
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            let Some(strong) = window.upgrade() else { return };
            if !confirmed(&strong, operation, &name).await {
                return;
            }
            strong.set_doing(Some(Doing { operation, stage: Stage::Going(None) }));
            let progress = operation.is_long().then(|| {
                let (window, hypervisor, uuid) = (window.clone(), hypervisor.clone(), uuid.clone());
                let told = move |part| _ = window.upgrade().inspect(|window| window.come_so_far(part));
                glib::spawn_future_local(follow_progress(hypervisor, uuid, told))
            });
            // The program stays until it is over.
            let hold = strong.application().map(|application| application.hold());
            drop(strong);
            let done = match operation {
                Operation::Start => hypervisor.start_watched(&uuid).await.map(drop),
                operation => hypervisor.operate(&uuid, operation).await,
            };
            drop(hold);
            progress.inspect(glib::JoinHandle::abort);
            let Some(window) = window.upgrade() else { return };
            window.set_doing(None);
            if let Err(error) = done {
                window.power_failed(&words::failure(operation, &name, &error));
            }
        });
    }

    fn set_doing(&self, doing: Option<Doing>) {
        if let Some(known) = &mut *self.imp().switches.known.borrow_mut() {
            known.doing = doing;
        }
        self.tell_switches();
    }

    /// So much of what is being done is done.
    fn come_so_far(&self, part: Option<u8>) {
        match self.doing() {
            Some(Doing { operation, stage: Stage::Going(before) }) if before != part => {
                self.set_doing(Some(Doing { operation, stage: Stage::Going(part) }));
            }
            _ => {}
        }
    }

    /// Has what is being done to the machine come to nothing.
    fn cancel_work(&self) {
        let Some(doing) = self.doing().filter(|doing| doing.operation.is_long()) else { return };
        let target = self.imp().switches.known.borrow().as_ref().and_then(|known| {
            known.machine.as_ref().map(|machine| (known.hypervisor.clone(), machine.uuid.clone()))
        });
        let Some((hypervisor, uuid)) = target else { return };
        self.set_doing(Some(Doing { stage: Stage::Cancelling, ..doing }));
        let window = self.downgrade();
        glib::spawn_future_local(async move {
            let Err(error) = hypervisor.cancel(&uuid).await else { return };
            tracing::warn!(%error, "what is being done to the machine goes on");
            if let Some(window) = window.upgrade()
                && window.doing().is_some()
            {
                // It may be over any moment.
                window.set_doing(Some(doing));
            }
        });
    }

    pub(super) fn install_switches(&self) {
        let switch = gio::ActionEntryBuilder::new("power")
            .parameter_type(Some(glib::VariantTy::STRING))
            .activate(|window: &Self, _, which| {
                if let Some(operation) = which.and_then(glib::Variant::str).and_then(named) {
                    window.operate(operation);
                }
            })
            .build();
        let cancel = gio::ActionEntryBuilder::new("cancel-work")
            .activate(|window: &Self, _, _| window.cancel_work())
            .build();
        self.add_action_entries([switch, cancel]);
    }
}

/// Tells how far what is being done to a machine has come, until it is aborted.
pub(crate) async fn follow_progress(hypervisor: Hypervisor, uuid: String, tell: impl Fn(Option<u8>)) {
    loop {
        glib::timeout_future(PROGRESS).await;
        tell(hypervisor.progress(&uuid).await.ok().flatten());
    }
}

/// What an operation is called as the target of an action.
pub(crate) fn nick(operation: Operation) -> &'static str {
    match operation {
        Operation::Start => "start",
        Operation::ShutDown => "shut-down",
        Operation::Reboot => "reboot",
        Operation::Reset => "reset",
        Operation::ForceOff => "force-off",
        Operation::Pause => "pause",
        Operation::Resume => "resume",
        Operation::Save => "save",
        Operation::ForgetSaved => "forget-saved",
        Operation::Wake => "wake",
    }
}

/// The operation of this name.
pub(crate) fn named(name: &str) -> Option<Operation> {
    Operation::ALL.into_iter().find(|operation| nick(*operation) == name)
}

/// Makes a menu of what can be done: what may lose something stands apart.
pub(crate) fn fill(menu: &gio::Menu, offers: &[Operation]) {
    menu.remove_all();
    let (safe, dangerous) = (gio::Menu::new(), gio::Menu::new());
    for operation in offers {
        let section = if operation.danger().is_some() { &dangerous } else { &safe };
        let item = gio::MenuItem::new(Some(&words::label(*operation)), None);
        item.set_action_and_target_value(Some("win.power"), Some(&nick(*operation).into()));
        section.append_item(&item);
    }
    menu.append_section(None, &safe);
    menu.append_section(None, &dangerous);
}

/// Asks the person, where something is lost.
pub(crate) async fn confirmed(parent: &impl IsA<gtk::Widget>, operation: Operation, name: &str) -> bool {
    const DO: &str = "do";
    let Some(question) = words::question(operation, name) else { return true };
    let dialog = adw::AlertDialog::new(Some(&question.title), Some(&question.body));
    dialog.add_responses(&[("cancel", &gettext("_Cancel")), (DO, &question.button)]);
    dialog.set_response_appearance(DO, adw::ResponseAppearance::Destructive);
    dialog.set_close_response("cancel");
    dialog.set_default_response(Some("cancel"));
    dialog.choose_future(Some(parent)).await == DO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_a_name_of_its_own() {
        for operation in Operation::ALL {
            assert_eq!(named(nick(operation)), Some(operation));
        }
        assert_eq!(named("explode"), None);
    }
}
