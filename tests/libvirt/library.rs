//! The library's window, as a person has it, before a real libvirtd.

use std::time::Duration;

use harness::desk::{Desk, Find, Output, Sway, SwayConfig, Window};
use harness::input::{Input, keys};
use harness::process::Process;
use oriel::source::libvirt::{Operation, State, Status};

use crate::daemon::{Daemon, P2P, call, definition};

const LIMIT: Duration = Duration::from_secs(60);

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// A desktop with the library on it.
struct Stage {
    sway: Sway,
    library: Process,
}

impl Stage {
    fn new(daemon: &Daemon) -> Self {
        let output = Output { width: 1152, height: 864, scale: 1.0 };
        let layout = harness::desk::Layout::Floating;
        let sway = Sway::start(SwayConfig { outputs: vec![output], layout, ..Default::default() }).unwrap();
        let mut command = sway.command(ORIEL);
        command.args(["-v", "library", "--libvirt", &daemon.uri()]);
        let library = sway.spawn("library", command).unwrap();
        let stage = Self { sway, library };
        stage.window("Machines");
        stage
    }

    fn window(&self, title: &str) -> Window {
        let found = self.sway.wait_for_window(Find::Title(title), LIMIT);
        found.unwrap_or_else(|error| panic!("{error}\n{}", self.library.log()))
    }

    fn input(&self) -> Input {
        Input::connect(&self.sway).unwrap()
    }
}

/// Found by its name, started and watched, paused, saved, killed: with libvirt restarted in between, and
/// 50 machines around it.
#[test]
fn a_machine_is_found_started_and_watched_whatever_becomes_of_libvirt() {
    let mut daemon = Daemon::start();
    let hypervisor = daemon.connect();
    for number in 0..49 {
        call(hypervisor.define(definition(&format!("machine-{number}"), P2P))).unwrap();
    }
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let mut stage = Stage::new(&daemon);
    let mut input = stage.input();
    // The library knows the machines a moment after its window is there: what was searched is found then.
    input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_F]).unwrap();
    let deadline = std::time::Instant::now() + LIMIT;
    while !call(hypervisor.find("web")).unwrap().state.is_on() {
        assert!(std::time::Instant::now() < deadline, "it is not started: {}", stage.library.log());
        // Typed anew each time: the window may not have had the keyboard yet.
        input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_A]).unwrap();
        for key in [keys::KEY_W, keys::KEY_E, keys::KEY_B] {
            input.tap(key).unwrap();
        }
        std::thread::sleep(Duration::from_millis(500));
        // The first chooses what was found, the second does what its button says.
        input.tap(keys::KEY_ENTER).unwrap();
        input.tap(keys::KEY_ENTER).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_F]).unwrap();
    }
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    stage.window("web");
    daemon.tell("kill");
    daemon.until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
    daemon.tell("start");
    daemon.until(&hypervisor, "a connection", |roster| (*roster.status() == Status::Connected).then_some(()));
    assert!(stage.library.is_running().unwrap(), "{}", stage.library.log());
    call(hypervisor.operate(&uuid, Operation::ForceOff)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| !state.is_on());
    assert!(stage.library.is_running().unwrap(), "{}", stage.library.log());
}
