//! A machine that moves from one libvirt to another: what is said of it there and here.

use std::thread;

use oriel::session::{End, State as Session};
use oriel::source::Shutdown;
use oriel::source::libvirt::{Domain, Off, State};

use crate::daemon::{DAEMON_CONF, Daemon, call};
use crate::desk::Scene;
use crate::open::watch_domain;
use crate::saving::started;
use crate::session_watch::eventually;

/// One of two that take themselves for different computers, without which nothing moves.
fn computer(number: u32) -> Daemon {
    let mut daemon = Daemon::prepare();
    let own = format!("{DAEMON_CONF}host_uuid = \"5e0f7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c{number}\"\n");
    std::fs::write(daemon.path().join("libvirtd.conf"), own).unwrap();
    daemon.tell("start");
    daemon
}

/// While it moves it runs here, and libvirt tells how far it is; then it runs there, and here stands where
/// it went: in the list, and to whoever watches it.
#[test]
fn a_machine_that_moves_runs_here_until_it_runs_there() {
    let (here, there) = (computer(1), computer(2));
    let (leaving, arriving) = (here.connect(), there.connect());
    let uuid = started(&here, &leaving);
    let session = watch_domain(Domain::on(leaving.clone(), "web"));
    session.live();
    let output = harness::desk::Output { width: 1152, height: 864, scale: 1.0 };
    let mut scene = Scene::new(output, "");
    scene.play(&[&format!("library living {} {}", here.uri(), there.uri())]);
    let mut list =
        |right: &dyn Fn(&str) -> bool| scene.ask_until("library list", "list ", |list| right(list));
    list(&|list| list.contains("|web; Running"));

    let way = format!("unix://{}", here.path().join("way").display());
    thread::scope(|scope| {
        // At its slowest.
        let migrate = [
            "migrate",
            "--live",
            "--p2p",
            "--bandwidth",
            "1",
            "web",
            "--desturi",
            &there.uri(),
            "--migrateuri",
            &way,
        ]
        .map(str::to_owned);
        let here = &here;
        let moving = scope.spawn(move || here.virsh(&migrate.each_ref().map(String::as_str)));
        eventually("how far it is", || matches!(call(leaving.progress(&uuid)), Ok(Some(1..100))));
        assert_eq!(call(leaving.find("web")).unwrap().state, State::Running);
        list(&|list| list.contains("|web; Running"));
        here.virsh(&["migrate-setspeed", "web", "1000"]);
        moving.join().unwrap();
    });
    here.until_state(&leaving, "web", |state| state == State::Off(Off::Migrated));
    let machine = there.until_state(&arriving, "web", |state| state == State::Running);
    assert_eq!(machine.uuid, uuid);
    list(&|list| list.contains("|web; Moved to another computer") && list.contains("|web; Running"));
    let moved = Shutdown { guest: false, reason: Shutdown::MOVED.to_owned() };
    assert!(matches!(session.down(), Session::Ended(End::Shutdown(end)) if end == moved));
}
