//! Definitions that are replaced: by whom, when, and what is left when something comes between.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use oriel::host::domain::backup::{Backup, Backups};
use oriel::host::domain::{
    Abilities, Definition, Edit, Facts, Gl, Obstacle, Offer, Proposal, Step, StoreError, Stored, apply, plan,
    store,
};
use oriel::source::libvirt::{Access, Hypervisor, LibvirtError, Operation, Platform, State, Version, Which};
use rustix::process::{Signal, kill_process};

use crate::daemon::{Daemon, call, definition, wait};

const VNC: &str = "<graphics type='vnc' autoport='yes' passwd='secret'/>";

/// A defined machine, and where its backups go.
struct Stage {
    daemon: Daemon,
    hypervisor: Hypervisor,
    uuid: String,
    backups: Backups,
}

impl Stage {
    fn new(graphics: &str) -> Self {
        let daemon = Daemon::start();
        let hypervisor = daemon.connect();
        call(hypervisor.define(definition("web", graphics))).unwrap();
        let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
        let backups = Backups::at(daemon.path().join("backups"));
        Self { daemon, hypervisor, uuid, backups }
    }

    fn now(&self) -> String {
        call(self.hypervisor.definition(&self.uuid, Which::Next)).unwrap()
    }

    fn proposal(&self) -> Proposal {
        proposal(&self.uuid, self.now())
    }

    fn store(&self, proposal: Proposal) -> Result<Stored, StoreError> {
        wait(store(&self.hypervisor, &self.backups, proposal, |_| ())).expect("it comes to an end")
    }

    fn kept(&self) -> Vec<Backup> {
        self.backups.of(&self.uuid)
    }
}

/// What makes a machine ready as far as can be here, where there is no GPU.
fn proposal(uuid: &str, before: String) -> Proposal {
    let definition = Definition::read(before.clone()).unwrap();
    let edits = plan(&definition, &Facts::default());
    let change = apply(&definition, &edits).unwrap();
    assert!(!change.is_empty());
    let after = change.after().text().to_owned();
    let name = definition.name().unwrap().to_owned();
    Proposal { uuid: uuid.to_owned(), name, base: before.clone(), before, after, edits }
}

fn refusal(error: StoreError) -> LibvirtError {
    match error {
        StoreError::Libvirt(error) => error,
        error @ StoreError::Backup(_) => panic!("{error}"),
    }
}

/// Made, taken back one by one, and brought back whole.
#[test]
fn what_was_made_can_be_taken_back() {
    let stage = Stage::new(VNC);
    let before = stage.now();
    assert!(before.contains("passwd='secret'"), "what is defined again without it has none");
    let stored = stage.store(stage.proposal()).unwrap();
    let now = stored.now.clone().expect("libvirt tells");
    assert_eq!(now, stage.now());
    assert!(now.contains("<graphics type='dbus' p2p='yes'"), "{now}");
    assert!(now.contains("passwd='secret'"), "{now}");
    assert_eq!(stage.kept(), std::slice::from_ref(&stored.backup));
    assert_eq!((stored.backup.before.as_str(), stored.backup.defined.as_ref()), (&*before, Some(&now)));

    // One alone: as the definition was before all of them, but for the others.
    let made = (Definition::read(stored.backup.base()).unwrap(), stored.backup.edits.clone());
    let current = Definition::read(now.clone()).unwrap();
    let mut offer = Offer::new(current, Some(made), &Facts::default(), &Abilities::default()).unwrap();
    let agent = offer.items().iter().position(|item| item.edits == [Edit::Agent]).unwrap();
    assert!(offer.items().iter().all(|item| item.chosen), "{offer:?}");
    offer.choose(agent, false);
    let change = offer.change().unwrap();
    let proposal = Proposal {
        uuid: stage.uuid.clone(),
        name: "web".into(),
        before: now,
        after: change.after().text().to_owned(),
        base: change.before().to_owned(),
        edits: change.edits().cloned().collect(),
    };
    let stored = stage.store(proposal).unwrap();
    let now = stored.now.expect("libvirt tells");
    assert!(now.contains("<graphics type='dbus'") && !now.contains("qemu-vdagent"), "{now}");
    assert_eq!(stored.backup.base(), before);

    // Everything: the backup is a definition like any other.
    let kept = stage.kept().pop().expect("the oldest");
    assert_eq!(kept.before, before);
    let back = Proposal { before: now, after: before.clone(), edits: Vec::new(), ..stage.proposal() };
    stage.store(back).unwrap();
    assert_eq!(stage.now(), before, "the same bytes");
    assert_eq!(stage.kept().len(), 3);
}

#[test]
fn what_somebody_else_did_in_between_stays() {
    let stage = Stage::new(VNC);
    let proposal = stage.proposal();
    let other = stage.now().replace("<memory unit='KiB'>65536", "<memory unit='KiB'>131072");
    call(stage.hypervisor.define(other)).unwrap();
    let edited = stage.now();
    assert_eq!(refusal(stage.store(proposal).unwrap_err()), LibvirtError::Edited);
    assert_eq!((stage.now(), stage.kept().len()), (edited, 0));

    // Renamed: it is the same machine, and its definition is another.
    let proposal = stage.proposal();
    stage.daemon.virsh(&["domrename", "web", "mail"]);
    assert_eq!(refusal(stage.store(proposal).unwrap_err()), LibvirtError::Edited);
    assert!(stage.now().contains("<name>mail</name>"), "{}", stage.now());
    let proposal = stage.proposal();
    stage.store(proposal.clone()).unwrap();

    // Undefined: it does not come back by an edit.
    stage.daemon.virsh(&["undefine", "mail"]);
    let refused = refusal(stage.store(proposal).unwrap_err());
    assert!(matches!(refused, LibvirtError::NoMachine { .. }), "{refused:?}");
    stage.daemon.until(&stage.hypervisor, "nothing", |roster| (roster.machines().count() == 0).then_some(()));
    assert_eq!(stage.kept().len(), 1, "what was kept stays");
}

/// libvirt's own words, and nothing lost.
#[test]
fn what_libvirt_rejects_changes_nothing() {
    let stage = Stage::new(VNC);
    let before = stage.now();
    for (wrong, word) in [
        (before.replace("</devices>", "<teleporter/></devices>"), "teleporter"),
        (before.replace("type='vnc'", "type='hologram'"), "hologram"),
        (before.replace("</devices>", ""), "parse"),
    ] {
        let proposal = Proposal { after: wrong, ..stage.proposal() };
        let refused = refusal(stage.store(proposal).unwrap_err());
        let LibvirtError::Rejected(words) = &refused else { panic!("{refused:?}") };
        assert!(!words.is_empty(), "{word}");
        assert_eq!((stage.now(), stage.kept().len()), (before.clone(), 0), "{word}");
    }
    // What cannot be kept is not replaced.
    std::fs::write(stage.daemon.path().join("file"), "").unwrap();
    let nowhere = Backups::at(stage.daemon.path().join("file/folder"));
    let stored = wait(store(&stage.hypervisor, &nowhere, stage.proposal(), |_| ())).unwrap();
    assert!(matches!(stored, Err(StoreError::Backup(_))), "{stored:?}");
    assert_eq!(stage.now(), before);
}

/// A running machine goes on as it is, and has the new definition from its next start on.
#[test]
fn a_running_machine_is_not_touched() {
    // Ports would have to be shared with other tests.
    let stage = Stage::new("");
    call(stage.hypervisor.operate(&stage.uuid, Operation::Start)).unwrap();
    stage.daemon.until_state(&stage.hypervisor, "web", |state| state == State::Running);
    let current = || call(stage.hypervisor.definition(&stage.uuid, Which::Current)).unwrap();
    let (running, proposal) = (current(), stage.proposal());
    stage.store(proposal).unwrap();
    assert_eq!(current(), running);
    assert!(stage.now().contains("type='dbus'"), "{}", stage.now());
}

#[test]
fn libvirt_tells_what_can_be_had() {
    let stage = Stage::new(VNC);
    let platform = Definition::read(stage.now()).unwrap().platform();
    assert_eq!(platform.kind.as_deref(), Some("qemu"));
    let told = call(stage.hypervisor.capabilities(platform)).unwrap();
    let version = call(stage.hypervisor.version()).unwrap();
    assert!(version >= Version::new(11, 0, 0), "{version:?}");
    let abilities = Abilities::read(&told).unwrap().with(version);
    assert_eq!(abilities.obstacle(&Edit::Display(Gl::Off)), None, "{told}");
    assert!(told.contains("<value>dbus</value>"), "{told}");
    let strange = told.replace("<value>dbus</value>", "");
    let without = Abilities::read(&strange).unwrap();
    assert_eq!(without.obstacle(&Edit::Display(Gl::Off)), Some(Obstacle::NoDbusDisplay));
    let nothing = Platform { emulator: Some("/nonexistent/qemu".into()), ..Platform::default() };
    assert!(call(stage.hypervisor.capabilities(nothing)).is_err());
}

/// What tells the process that is to be killed what to do.
const EDIT: &str = "ORIEL_TEST_EDIT";

/// Edits as it is told, if it is: the process that others kill.
#[test]
fn edits_until_it_is_killed() {
    let Ok(orders) = std::env::var(EDIT) else { return };
    let [uri, uuid, folder, step] = &*orders.split('\n').collect::<Vec<_>>() else { panic!("{orders}") };
    let hypervisor = Hypervisor::connect(*uri, Access::Full);
    let before = call(hypervisor.definition(uuid, Which::Next)).unwrap();
    let proposal = proposal(uuid, before);
    // Whoever wants to kill it at another moment knows that it has begun.
    std::fs::write(Path::new(folder).with_extension("begun"), "").unwrap();
    let progress = |now: Step| {
        if format!("{now:?}") == *step {
            kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
        }
    };
    let _ = wait(store(&hypervisor, &Backups::at(folder), proposal, progress));
}

/// Starts the process that edits; kills it when it is told to, or by itself.
fn edit_and_die(stage: &Stage, folder: &Path, step: &str, after: Option<Duration>) {
    let begun: PathBuf = folder.with_extension("begun");
    let _ = std::fs::remove_file(&begun);
    let orders = format!("{}\n{}\n{}\n{step}", stage.daemon.uri(), stage.uuid, folder.display());
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ready::edits_until_it_is_killed", "--nocapture"])
        .env(EDIT, orders)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if let Some(after) = after {
        while !begun.exists() && process.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(after);
        let _ = process.kill();
    }
    let status = process.wait().unwrap();
    assert!(after.is_some() || !status.success(), "it was killed at {step}");
}

/// The definition is as before or as after; and if it is as after, what it was is kept.
fn is_whole(stage: &Stage, folder: &Path, before: &str, when: &str) -> bool {
    let kept = Backups::at(folder).of(&stage.uuid);
    let now = stage.now();
    let is_ready = plan(&Definition::read(now.clone()).unwrap(), &Facts::default()).is_empty();
    if is_ready {
        assert!(kept.iter().any(|backup| backup.before == before), "{when}: {kept:?}");
    } else {
        assert_eq!(now, before, "{when}");
    }
    for backup in kept {
        assert_eq!(backup.before, before, "{when}");
        assert!(backup.defined.is_none_or(|defined| defined == now), "{when}");
    }
    is_ready
}

#[test]
fn killed_at_any_step_it_is_as_before_or_as_after() {
    let mut stage = Stage::new(VNC);
    let before = stage.now();
    for (step, done) in [("Begun", false), ("Kept", false), ("Defined", true), ("Noted", true)] {
        let folder = stage.daemon.path().join(step);
        edit_and_die(&stage, &folder, step, None);
        assert_eq!(is_whole(&stage, &folder, &before, step), done, "{step}");
        call(stage.hypervisor.define(before.clone())).unwrap();
        assert_eq!(stage.now(), before);
    }
    // And at moments between the steps, whichever those are today; each with a machine of its own, as
    // libvirt may still be at what the dead one asked for.
    for moment in 0..8 {
        let name = format!("web-{moment}");
        call(stage.hypervisor.define(definition(&name, VNC))).unwrap();
        let found = name.clone();
        stage.uuid = stage.daemon.until(&stage.hypervisor, "a machine", move |roster| {
            roster.find(&found).map(|machine| machine.uuid.clone())
        });
        let before = stage.now();
        let folder = stage.daemon.path().join(&name);
        let after = Duration::from_millis(moment * 4);
        edit_and_die(&stage, &folder, "never", Some(after));
        is_whole(&stage, &folder, &before, &format!("{after:?}"));
    }
}
