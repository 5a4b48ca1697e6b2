//! The list of machines: what happens to them and to the daemon, as events tell it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use oriel::source::libvirt::{
    Access, Change, Display, Hypervisor, LibvirtError, Off, Operation, Paused, State, Status, Which,
};

use crate::daemon::{DAEMON_CONF, Daemon, P2P, call, definition};
use crate::session_watch::in_time;

#[test]
fn machines_come_go_and_change_as_events_tell() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    assert_eq!(call(hypervisor.machines()).unwrap(), []);
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| matches!(state, State::Off(_)));
    assert_eq!((machine.id, machine.persistent), (None, true));
    assert_eq!(machine.displays, [Display::Peer { index: 0 }]);

    let uuid = machine.uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    let number = machine.id.expect("a running machine has a number");
    assert_eq!(call(hypervisor.find(&number.to_string())).unwrap().uuid, uuid);
    call(hypervisor.operate(&uuid, Operation::Pause)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Paused(Paused::ByUser));
    call(hypervisor.operate(&uuid, Operation::Resume)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    for operation in [Operation::Reset, Operation::ShutDown, Operation::Reboot] {
        call(hypervisor.operate(&uuid, operation)).unwrap();
    }
    call(hypervisor.operate(&uuid, Operation::Save)).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| state == State::Off(Off::Saved));
    assert!(machine.saved);
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    let machine = daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    assert!(!machine.saved);
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Off(Off::Forced));
}

#[test]
fn what_cannot_be_done_now_is_said() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let refused = call(hypervisor.operate(&uuid, Operation::Pause)).unwrap_err();
    assert!(matches!(refused, LibvirtError::NotNow(_)), "{refused:?}");
    let nobody = "00000000-0000-4000-8000-000000000000";
    let refused = call(hypervisor.operate(nobody, Operation::Start)).unwrap_err();
    assert!(matches!(refused, LibvirtError::NoMachine { .. }), "{refused:?}");
    assert!(matches!(call(hypervisor.find("mail")), Err(LibvirtError::NoMachine { .. })));

    for wrong in ["<domain", "<network/>", &definition("a", "<graphics type='hologram'/>")] {
        let refused = call(hypervisor.define(wrong.to_owned())).unwrap_err();
        assert!(matches!(refused, LibvirtError::Rejected(_)), "{wrong}: {refused:?}");
    }
    assert_eq!(call(hypervisor.machines()).unwrap().len(), 1);
}

/// libvirtd is restarted and killed while its machines run on and we watch.
#[test]
fn a_daemon_that_goes_and_comes_back_is_found_again() {
    let mut daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    for end in ["stop", "kill"] {
        daemon.tell(end);
        daemon
            .until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
        let refused = call(hypervisor.definition(&uuid, Which::Next)).unwrap_err();
        assert!(refused.is_of_connection(), "{refused:?}");
        daemon.tell("start");
        daemon.until(&hypervisor, "a connection", |roster| {
            let running = roster.find("web").is_some_and(|machine| machine.state == State::Running);
            (*roster.status() == Status::Connected && running).then_some(())
        });
    }
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
}

/// A daemon that hangs holds up nobody: calls end in their time, and what hangs is given up.
#[test]
fn a_daemon_that_hangs_holds_up_nobody() {
    let mut daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    daemon.tell("hang");
    // What is known is told at once.
    assert_eq!(call(hypervisor.find("web")).unwrap().uuid, uuid);
    let refused = call(hypervisor.definition(&uuid, Which::Next)).unwrap_err();
    assert!(matches!(refused, LibvirtError::Silent { .. }), "{refused:?}");
    daemon.until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
    // A new connection hangs, too, and says so.
    let other = Hypervisor::connect(daemon.uri(), Access::Full);
    let refused = call(other.machines()).unwrap_err();
    assert!(matches!(refused, LibvirtError::Silent { .. }), "{refused:?}");
    daemon.tell("wake");
    for hypervisor in [&hypervisor, &other] {
        daemon.until(hypervisor, "a connection", |roster| {
            (*roster.status() == Status::Connected).then_some(())
        });
        call(hypervisor.definition(&uuid, Which::Next)).unwrap();
    }
}

#[test]
fn nobody_there_is_said_at_once_and_whoever_comes_is_found() {
    let mut daemon = Daemon::prepare();
    let hypervisor = Hypervisor::connect(daemon.uri(), Access::Full);
    assert!(matches!(call(hypervisor.machines()), Err(LibvirtError::Absent { .. })));
    let nonsense = Hypervisor::connect("qemu+pigeon:///system", Access::Full);
    let refused = call(nonsense.machines()).unwrap_err();
    assert!(matches!(refused, LibvirtError::BadUri { .. }), "{refused:?}");
    daemon.tell("start");
    daemon.until(&hypervisor, "a connection", |roster| (*roster.status() == Status::Connected).then_some(()));
}

#[test]
fn fifty_machines_are_known_to_whoever_watches() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let changes = hypervisor.changes();
    for number in 0..50 {
        call(hypervisor.define(definition(&format!("machine-{number}"), P2P))).unwrap();
    }
    daemon.until(&hypervisor, "50 machines", |roster| (roster.machines().count() == 50).then_some(()));
    let mut watched = BTreeMap::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while watched.len() < 50 {
        assert!(Instant::now() < deadline, "{} were told of", watched.len());
        match changes.try_recv() {
            Ok(Change::Machine(machine)) => _ = watched.insert(machine.uuid.clone(), machine),
            Ok(other) => assert!(matches!(other, Change::Status(_)), "{other:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    assert_eq!(call(hypervisor.machines()).unwrap(), watched.into_values().collect::<Vec<_>>());
}

/// A refusal stands until somebody asks again: each attempt could ask them for a password.
#[test]
fn whoever_is_refused_is_let_in_when_they_ask_again() {
    let mut daemon = Daemon::prepare();
    let conf = daemon.path().join("libvirtd.conf");
    // Nobody is there to say who may do what: so nobody may do anything.
    std::fs::write(&conf, format!("{DAEMON_CONF}access_drivers = [ \"polkit\" ]\n")).unwrap();
    daemon.tell("start");
    let hypervisor = Hypervisor::connect(daemon.uri(), Access::Full);
    let refused = call(hypervisor.machines()).unwrap_err();
    assert!(matches!(refused, LibvirtError::Refused { .. }), "{refused:?}");
    hypervisor.retry();
    daemon.until(&hypervisor, "a refusal", |roster| {
        matches!(roster.status(), Status::Lost(LibvirtError::Refused { .. })).then_some(())
    });
    daemon.tell("kill");
    std::fs::write(&conf, DAEMON_CONF).unwrap();
    daemon.tell("start");
    // Another one gets in; this one has not asked.
    drop(daemon.connect());
    assert!(matches!(call(hypervisor.machines()), Err(LibvirtError::Refused { .. })));
    hypervisor.retry();
    daemon.until(&hypervisor, "a connection", |roster| (*roster.status() == Status::Connected).then_some(()));
}

#[test]
fn a_machine_that_is_renamed_stays_the_same_until_it_is_undefined() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    daemon.virsh(&["domrename", "web", "mail"]);
    let renamed = daemon.until(&hypervisor, "another name", |roster| roster.find("mail").cloned());
    assert_eq!(renamed.uuid, uuid);
    assert!(matches!(call(hypervisor.find("web")), Err(LibvirtError::NoMachine { .. })));
    daemon.virsh(&["undefine", "mail"]);
    daemon.until(&hypervisor, "no machine", |roster| (roster.machines().count() == 0).then_some(()));
}

/// What libvirt brings along for tests: one machine, which runs, and a connection in this process.
#[test]
fn libvirts_own_test_driver_is_one_like_any_other() {
    let hypervisor = Hypervisor::connect("test:///default", Access::Full);
    let machines = call(hypervisor.machines()).unwrap();
    assert_eq!(machines.iter().map(|machine| &*machine.name).collect::<Vec<_>>(), ["test"]);
    let machine = machines.into_iter().next().unwrap();
    assert_eq!(machine.state, State::Running);
    call(hypervisor.operate(&machine.uuid, Operation::Pause)).unwrap();
    let paused = hypervisor.when(|roster| {
        roster.find("test").filter(|machine| matches!(machine.state, State::Paused(_))).map(|_| ())
    });
    assert_eq!(in_time("the machine is paused", paused), Some(()));
    call(hypervisor.operate(&machine.uuid, Operation::Resume)).unwrap();
}
