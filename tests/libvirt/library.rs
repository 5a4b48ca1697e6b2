//! The library's window, as a person has it, before a real libvirtd.

use std::time::{Duration, Instant};

use harness::desk::{Desk, Find, Output, Sway, SwayConfig, Window};
use harness::input::{Input, keys};
use harness::process::Process;
use harness::shot::{Image, Rect};
use oriel::source::libvirt::{Operation, State, Status};
use rustix::process::Signal;

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

    /// Has a second viewer show the machine with this number, and end.
    fn show_elsewhere(&self, daemon: &Daemon, number: u32) {
        let mut command = self.sway.command(ORIEL);
        command.args(["-v", "connect", "--libvirt", &daemon.uri(), &number.to_string()]);
        let mut second = self.sway.spawn("second", command).unwrap();
        let window = self.sway.wait_for_window(Find::Pid(second.id()), LIMIT);
        window.unwrap_or_else(|error| panic!("{error}\n{}", second.log()));
        second.signal(Signal::TERM).unwrap();
        second.wait(LIMIT).unwrap_or_else(|error| panic!("{error}\n{}", second.log()));
    }

    fn input(&self) -> Input {
        Input::connect(&self.sway).unwrap()
    }
}

/// Found by its name, started by its button, and watched; a second viewer opens it
/// by its number; then there are 50, libvirt is killed and comes
/// back, hangs, and still the program does what it is told.
#[test]
fn a_machine_is_found_started_and_watched_whatever_becomes_of_libvirt() {
    let mut daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let mut stage = Stage::new(&daemon);
    let mut input = stage.input();
    let deadline = Instant::now() + LIMIT;
    while !call(hypervisor.find("web")).unwrap().state.is_on() {
        assert!(Instant::now() < deadline, "it is not started: {}", stage.library.log());
        // Typed anew each time: the window may not have had the keyboard, or known the machine yet.
        input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_F]).unwrap();
        for key in [keys::KEY_W, keys::KEY_E, keys::KEY_B] {
            input.tap(key).unwrap();
        }
        // The first chooses what was found, the second does what its button says.
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(300));
            input.tap(keys::KEY_ENTER).unwrap();
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    daemon.until_state(&hypervisor, "web", |state| state == State::Running);
    // What the firmware writes is seen below the header bar.
    let place = stage.window("web").rect;
    let below = Rect::new(place.x, place.y + 60, place.width, place.height - 60);
    let is_text = |image: &Image| {
        let light = image.crop(below).count(|pixel| pixel[..3].iter().all(|part| *part > 120));
        (light > 500).then_some(())
    };
    let seen = stage.sway.wait_for_picture("the firmware", LIMIT, is_text);
    seen.unwrap_or_else(|error| panic!("{error}\n{}", stage.library.log()));
    // On a computer that is busy enough, the machine does not wait for its window.
    assert!(stage.library.log().contains("the machine begins to run"), "{}", stage.library.log());
    stage.show_elsewhere(&daemon, call(hypervisor.find("web")).unwrap().id.unwrap());

    for number in 0..49 {
        call(hypervisor.define(definition(&format!("machine-{number}"), P2P))).unwrap();
    }
    daemon.tell("kill");
    daemon.until(&hypervisor, "a loss", |roster| matches!(roster.status(), Status::Lost(_)).then_some(()));
    daemon.tell("start");
    daemon.until(&hypervisor, "a connection", |roster| (*roster.status() == Status::Connected).then_some(()));
    call(hypervisor.operate(&uuid, Operation::Pause)).unwrap();
    daemon.until_state(&hypervisor, "web", |state| matches!(state, State::Paused(_)));
    assert!(stage.library.is_running().unwrap(), "{}", stage.library.log());
    daemon.tell("hang");
    stage.library.signal(Signal::TERM).unwrap();
    stage.library.wait(LIMIT).unwrap_or_else(|error| panic!("{error}\n{}", stage.library.log()));
    daemon.tell("wake");
}
