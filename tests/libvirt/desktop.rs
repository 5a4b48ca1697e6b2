//! What a desktop has of the library beside its windows: the bus that starts it, entries in the menu, other
//! programs, and what was launched lately.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::desk::{Desk, Find, Layout, Output, Sway, SwayConfig};
use harness::input::{Input, keys};
use harness::process::{Process, wait_until};
use oriel::APP_ID;
use oriel::source::libvirt::{Hypervisor, Operation, State};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::{Daemon, P2P, call, definition};
use crate::desk::{LIMIT, Scene};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

/// The file that tells a bus how to start the program, before it is installed.
const SERVICE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/io.github.oriel_viewer.Oriel.service.in"));

fn desktop() -> Sway {
    let output = Output { width: 1152, height: 864, scale: 1.0 };
    Sway::start(SwayConfig { outputs: vec![output], layout: Layout::Floating, ..Default::default() }).unwrap()
}

/// A desktop on which these programs are found first: each notes what it is told, one word a line.
fn desktop_with(programs: &Path, names: &[&str]) -> Sway {
    fs::create_dir(programs).unwrap();
    for name in names {
        let path = programs.join(name);
        fs::write(&path, "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"$0.part\"\nmv \"$0.part\" \"$0.told\"\n")
            .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(ORIEL, programs.join("oriel")).unwrap();
    let mut sway = desktop();
    sway.set("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
    sway
}

/// What a program by this name was told, once it has been started.
fn told(programs: &Path, name: &str) -> Vec<String> {
    let path = programs.join(format!("{name}.told"));
    let text = wait_until(name, LIMIT, || Ok(fs::read_to_string(&path).ok())).unwrap();
    fs::remove_file(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn started(daemon: &Daemon, hypervisor: &Hypervisor, name: &'static str) -> String {
    call(hypervisor.define(definition(name, P2P))).unwrap();
    let uuid = daemon.until_state(hypervisor, name, |_| true).uuid;
    call(hypervisor.operate(&uuid, Operation::Start)).unwrap();
    daemon.until_state(hypervisor, name, |state| state == State::Running);
    uuid
}

/// A bus that starts the program as its service file says, for clients with the command that is returned.
fn activating_bus(sway: &Sway) -> (Process, impl Fn(&str) -> Command) {
    let scope = sway.session().scope();
    let services = scope.join("services");
    fs::create_dir(&services).unwrap();
    let folder = Path::new(ORIEL).parent().unwrap().to_string_lossy();
    fs::write(services.join(format!("{APP_ID}.service")), SERVICE.replace("@bindir@", &folder)).unwrap();
    let socket = scope.join("activating");
    let address = format!("unix:path={}", socket.display());
    let config = format!(
        "<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>\
         <servicedir>{}</servicedir><policy context='default'>\
         <allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>",
        services.display()
    );
    let file = scope.join("activating.conf");
    fs::write(&file, config).unwrap();
    let mut command = sway.command("dbus-daemon");
    command.args(["--nofork", "--nopidfile", "--config-file"]).arg(file);
    // As a desktop tells its bus, for those that the bus starts.
    command.env("DBUS_SESSION_BUS_ADDRESS", &address);
    let bus = sway.spawn("activating", command).unwrap();
    wait_until("a bus", LIMIT, || Ok(socket.exists().then_some(()))).unwrap();
    (bus, move |program| {
        let mut command = sway.command(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", &address);
        command
    })
}

/// Nothing of Oriel runs: the bus starts it for whoever wants a machine, and it ends with that. One that is
/// not there is said in the library; which is also what the desktop's menu asks for.
#[test]
fn the_bus_starts_the_program_for_whoever_wants_a_machine() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    started(&daemon, &hypervisor, "web");
    let sway = desktop();
    let (_bus, client) = activating_bus(&sway);
    let call = |arguments: &[&str]| {
        let mut command = client("gapplication");
        command.args(arguments);
        sway.session().scope().run("gapplication", command, LIMIT).unwrap();
    };
    let open =
        |name: &str| call(&["action", APP_ID, "open-machine", &format!("('{}', '{name}')", daemon.uri())]);

    open("web");
    let window = sway.wait_for_window(Find::Title("web"), LIMIT).unwrap();
    let command = fs::read(format!("/proc/{}/cmdline", window.pid)).unwrap();
    assert!(String::from_utf8_lossy(&command).contains("--gapplication-service"), "{command:?}");
    assert_eq!(sway.windows().unwrap().len(), 1, "the library was not asked for");
    // Once more: it comes to the front, and there is no second.
    open("web");
    sway.close(&window).unwrap();
    sway.wait_for_no_window(Find::Pid(window.pid), LIMIT).unwrap();
    let gone = || Ok((!Path::new(&format!("/proc/{}", window.pid)).exists()).then_some(()));
    wait_until("the end of the service", LIMIT, gone).unwrap();

    open("nobody");
    let library = sway.wait_for_window(Find::Title("Machines"), LIMIT).unwrap();
    assert_ne!(library.pid, window.pid);
    sway.close(&library).unwrap();
    sway.wait_for_no_window(Find::Pid(library.pid), LIMIT).unwrap();

    call(&["launch", APP_ID]);
    sway.wait_for_window(Find::Title("Machines"), LIMIT).unwrap();
    // What the desktop file has beside that: it looks for a machine on this bus, where there is none.
    call(&["action", APP_ID, "connect"]);
    sway.wait_for_window(Find::Title("Oriel"), LIMIT).unwrap();
}

/// Chosen in the library, in whichever way it is there; and said if the program has gone meanwhile.
#[test]
fn a_machine_is_opened_in_virtual_machine_manager() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    call(hypervisor.define(definition("web", P2P))).unwrap();
    let uuid = daemon.until_state(&hypervisor, "web", |_| true).uuid;
    let programs = daemon.path().join("programs");
    let mut scene = Scene::of(desktop_with(&programs, &["virt-manager"]), "");
    scene.play(&[&format!("library living {}", daemon.uri())]);
    scene.ask_until("library list", "list ", |list| list.contains("|web; Off"));
    scene.play(&["library choose web"]);
    scene.ask_until("library menu", "menu ", |menu| menu.contains("Open in Virtual Machine Manager"));
    scene.play(&["library action win.open-in-manager"]);
    assert_eq!(told(&programs, "virt-manager"), ["--connect", &daemon.uri(), "--show-domain-editor", &uuid]);
    scene.play(&["library action win.manager"]);
    assert_eq!(told(&programs, "virt-manager"), [""], "only the program");

    fs::remove_file(programs.join("virt-manager")).unwrap();
    scene.play(&["library action win.open-in-manager"]);
    scene.ask_until("library toasts", "toasts ", |toasts| {
        toasts.contains("Virtual Machine Manager is not installed.")
    });
}

/// A machine is put into the desktop's menu, started from there, and taken out again.
#[test]
fn a_machine_has_an_entry_in_the_desktops_menu() {
    let daemon = Daemon::start();
    let hypervisor = daemon.connect();
    let uuid = started(&daemon, &hypervisor, "web");
    let programs = daemon.path().join("programs");
    let mut scene = Scene::of(desktop_with(&programs, &[]), "");
    scene.play(&[&format!("library living {}", daemon.uri())]);
    scene.ask_until("library list", "list ", |list| list.contains("|web; Running"));
    scene.play(&["library choose web"]);
    scene.ask_until("library menu", "menu ", |menu| menu.contains("Add to Applications"));
    scene.play(&["library action win.launcher"]);
    scene.ask_until("library menu", "menu ", |menu| menu.contains("Remove From Applications"));

    let folder = scene.sway.session().scope().join("data/applications");
    let file = folder.join(format!("{APP_ID}.machine-{uuid}.desktop"));
    let text = fs::read_to_string(&file).unwrap();
    let program = programs.join("oriel");
    let exec =
        format!("Exec=\"{}\" \"connect\" \"--libvirt\" \"{}\" \"{uuid}\"\n", program.display(), daemon.uri());
    assert!(text.contains("\nName=web\n") && text.contains(&exec), "{text}");
    let valid = Command::new("desktop-file-validate").arg(&file).output().unwrap();
    assert!(valid.status.success() && valid.stdout.is_empty(), "{valid:?}");

    let mut launch = scene.sway.command("gio");
    launch.arg("launch").arg(&file);
    let _launched = scene.sway.spawn("launch", launch).unwrap();
    let window = scene.sway.wait_for_window(Find::Title("web"), LIMIT).unwrap();
    assert_ne!(window.pid, scene.program.id());
    let pid = rustix::process::Pid::from_raw(window.pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();

    scene.play(&["library action win.launcher"]);
    scene.ask_until("library menu", "menu ", |menu| menu.contains("Add to Applications"));
    assert!(!file.exists());
}

/// Finds what has this name in the library, and does what its button says, until that window is there.
fn start_by_name(sway: &Sway, library: &Process, name: &[u32], title: &str) {
    let mut input = Input::connect(sway).unwrap();
    let found = wait_until(title, LIMIT, || {
        input.chord(&[keys::KEY_LEFTCTRL, keys::KEY_F])?;
        for key in name {
            input.tap(*key)?;
        }
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(300));
            input.tap(keys::KEY_ENTER)?;
        }
        // Not once more as long as it may be on its way.
        Ok(sway.wait_for_window(Find::Title(title), Duration::from_secs(10)).ok())
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", library.log()));
}

/// What is remembered of what was launched.
fn remembered(state: &Path) -> Value {
    serde_json::from_slice(&fs::read(state.join("oriel/launched.json")).unwrap()).unwrap()
}

/// A QEMU that was launched stands in the library, from where it is started again; beside those that cannot
/// be any more, which say why.
#[test]
fn what_was_launched_stands_in_the_library_and_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-name", "lab"];
    let sway = desktop();
    let state = sway.session().scope().join("state");
    let launch = |folder: &Path, words: &[&str]| {
        let mut command = sway.command(ORIEL);
        command.args(["-v", "launch", "--"]).args(words).current_dir(folder);
        sway.spawn("launch", command).unwrap()
    };
    let leave = |launched: &mut Process| {
        launched.signal(Signal::TERM).unwrap();
        launched.wait(LIMIT).unwrap_or_else(|error| panic!("{error}\n{}", launched.log()));
    };
    let elsewhere: PathBuf = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for (place, name) in [(elsewhere.as_path(), "moved"), (folder.path(), "lab")] {
        let mut words = words;
        words[words.len() - 1] = name;
        let mut launched = launch(place, &words);
        let window = sway.wait_for_window(Find::Title(name), LIMIT);
        window.unwrap_or_else(|error| panic!("{error}\n{}", launched.log()));
        leave(&mut launched);
    }
    fs::remove_dir(&elsewhere).unwrap();
    let mut all = remembered(&state);
    assert_eq!(all[0]["command"], json!(words));
    assert_eq!(all[0]["folder"], json!(folder.path()));
    assert_eq!((&all[0]["name"], &all[1]["name"]), (&json!("lab"), &json!("moved")));
    // Another Oriel's, of which this one knows nothing.
    all.as_array_mut().unwrap().insert(0, json!({ "name": "later", "machine": 7 }));
    fs::write(state.join("oriel/launched.json"), all.to_string()).unwrap();

    let mut library = sway.spawn("library", {
        let mut command = sway.command(ORIEL);
        command.arg("-v");
        command
    });
    let library = library.as_mut().unwrap();
    sway.wait_for_window(Find::Title("Machines"), LIMIT)
        .unwrap_or_else(|error| panic!("{error}\n{}", library.log()));
    start_by_name(&sway, library, &[keys::KEY_L, keys::KEY_A, keys::KEY_B], "lab");
    let window = sway.window(Find::Title("lab")).unwrap().unwrap();
    let command = fs::read_to_string(format!("/proc/{}/cmdline", window.pid)).unwrap();
    let mut line = vec![ORIEL, "launch", "--"];
    line.extend(words);
    assert_eq!(command.trim_end_matches('\0').split('\0').collect::<Vec<_>>(), line);
    sway.close(&sway.window(Find::Title("Machines")).unwrap().unwrap()).unwrap();
    library.wait(LIMIT).unwrap_or_else(|error| panic!("{error}\n{}", library.log()));

    let mut scene = Scene::of(sway, "");
    scene.play(&["library living"]);
    scene.ask_until("library list", "list ", |list| {
        list.starts_with("list ")
            && list.contains("[Launched Lately]|lab; Launched ")
            && list.contains("|moved; Launched ")
            && !list.contains("later")
    });
    scene.play(&["library choose moved", "library action win.primary"]);
    let gone = format!("The folder in which “moved” was launched is gone: {}", elsewhere.display());
    scene.ask_until("library toasts", "toasts ", |toasts| toasts.contains(&gone));
    scene.play(&["library action win.forget"]);
    scene.ask_until("library list", "list ", |list| list.contains("|lab; ") && !list.contains("|moved; "));
}
