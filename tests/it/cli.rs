//! The command line, as the program itself: words, exit codes, and what goes to standard output.

use std::os::unix::net::UnixListener;
use std::process::Output;

use serde_json::{Value, json};
use standin::bus::PrivateBus;
use standin::{Call, ConsoleSpec, Standin, pattern, pixman};

use crate::session_watch::PATIENCE;

fn oriel(arguments: &[&str]) -> Output {
    harness::viewer::run_bare(env!("CARGO_BIN_EXE_oriel"), arguments).unwrap()
}

/// Runs a command that has to fail in this way, without a word on standard output.
fn refused(code: i32, arguments: &[&str]) -> String {
    let output = oriel(arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {words}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    words
}

fn result(arguments: &[&str]) -> Vec<u8> {
    let output = oriel(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(result(arguments)).unwrap()
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = text(&["--help"]);
    for expected in ["Examples:", "oriel launch -- qemu-system-x86_64", "Exit codes:", "3  no machine found"]
    {
        assert!(help.contains(expected), "{expected} is missing in:\n{help}");
    }
    assert!(!help.contains("guard-qemu"), "{help}");
    for command in ["library", "connect", "launch", "list", "screenshot", "completions"] {
        assert!(text(&[command, "--help"]).contains("Examples:"), "{command}");
    }
    assert!(text(&["--version"]).starts_with("oriel "));
}

#[test]
fn wrong_arguments_say_what_is_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&["conect"], "similar subcommand exists: 'connect'"),
        (&["connect", "--bus", "a", "--qmp", "b"], "cannot be used with"),
        (&["connect", "--qmp", "a", "web"], "cannot be used with"),
        (&["connect", "--scale", "big"], "[possible values: fit, 1:1, integer, fill]"),
        (&["connect", "--present", "gpu"], "[possible values: auto, direct, compose, bridge, copy, gtk]"),
        (&["connect", "--exit-after", "0"], "expected a number of seconds above 0"),
        (&["connect", "--exit-after", "soon"], "expected a number of seconds above 0"),
        (&["connect", "--console", "one"], "invalid digit"),
        (&["connect", "--fd", "1"], "1 is not in 3.."),
        (&["launch"], "<QEMU>..."),
        (&["launch", "--", "qemu-system-x86_64", "-nographic"], "-serial mon:stdio"),
        (&["launch", "--", "qemu-system-x86_64", "-display", "gtk"], "leave -display gtk out"),
        (&["screenshot"], "<FILE.png>"),
        (&["completions", "dash"], "possible values: bash"),
    ];
    for (arguments, expected) in cases {
        let words = refused(2, arguments);
        assert!(words.contains(expected), "{arguments:?}: {words}");
    }
}

#[test]
fn a_descriptor_of_no_use_is_refused() {
    let words = refused(2, &["screenshot", "--fd", "77", "/nonexistent/shot.png"]);
    assert!(words.contains("descriptor 77: it is not open"), "{words}");
}

#[test]
fn machines_that_are_not_there_are_told_by_the_exit_code() {
    let words = refused(3, &["list"]);
    assert!(words.contains("cannot reach the session bus"), "{words}");
    let words = refused(3, &["screenshot", "--qmp", "/nonexistent/qmp", "/nonexistent/shot.png"]);
    assert!(words.contains("no QMP monitor at /nonexistent/qmp"), "{words}");
    let bus = PrivateBus::start().unwrap();
    let words = refused(3, &["screenshot", "--bus", bus.address(), "/nonexistent/shot.png"]);
    assert!(words.contains("no machine on the bus"), "{words}");
    assert_eq!(text(&["list", "--bus", bus.address()]), "");
    assert_eq!(text(&["list", "--json", "--bus", bus.address()]), "[]\n");
}

#[test]
fn what_is_no_monitor_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let silent = UnixListener::bind(&path).unwrap();
    let words = refused(1, &["list", "--qmp", path.to_str().unwrap()]);
    assert!(words.contains("QMP accepts one client at a time"), "{words}");
    drop(silent);
}

#[test]
fn machines_are_listed_with_their_consoles() {
    let bus = PrivateBus::start().unwrap();
    let uuid = "5f0e7c1a-3c1f-4f4e-9f57-6a1d4ac6d0c8";
    let second = ConsoleSpec {
        kind: standin::ConsoleKind::Text,
        label: "vc0".into(),
        device_address: String::new(),
        ..ConsoleSpec::sized(720, 400)
    };
    let web =
        Standin::builder().name("web").uuid(uuid).console(ConsoleSpec::sized(1024, 768)).console(second);
    let web = web.build().unwrap();
    let owner = web.join(bus.address()).unwrap().unique_name;
    let mail = Standin::builder().name("mail").console(ConsoleSpec::sized(8, 6)).build().unwrap();
    let queued = mail.join(bus.address()).unwrap().unique_name;

    let listed: Value = serde_json::from_slice(&result(&["list", "--json", "--bus", bus.address()])).unwrap();
    let graphic = |width: u32, height: u32| {
        json!({
            "id": 0, "label": "VGA", "type": "graphic", "head": 0,
            "width": width, "height": height, "device": "pci/0000/02.0",
        })
    };
    let text_console = json!({"id": 1, "label": "vc0", "type": "text", "head": 0, "width": 720, "height": 400, "device": ""});
    let machine = |name: &str, uuid: Option<&str>, owner: &str, consoles: Vec<Value>| {
        json!({
            "name": name, "uuid": uuid, "owner": owner, "address": bus.address(),
            "answers": true, "consoles": consoles,
        })
    };
    let expected = [
        machine("web", Some(uuid), &owner, vec![graphic(1024, 768), text_console]),
        machine("mail", None, &queued, vec![graphic(8, 6)]),
    ];
    assert_eq!(listed, json!(expected));

    let table = text(&["list", "--bus", bus.address()]);
    assert!(
        table.contains(&format!("web  {uuid}  {owner}\n  0   graphic  1024x768   VGA  pci/0000/02.0\n")),
        "{table}"
    );
    assert!(!web.calls().contains(&Call::RegisterListener), "looking at a machine leaves no trace");
}

/// Runs `oriel screenshot` against a machine that shows a frame of the pattern as soon as it can.
fn screenshot(arguments: &[&str], qemu: &Standin, console: u32) -> Output {
    std::thread::scope(|scope| {
        let taken = scope.spawn(|| oriel(arguments));
        let listener = qemu.listener_within(console, PATIENCE).unwrap();
        let format = pixman::X8R8G8B8;
        // As QEMU does: first what it last drew, and then what it should be.
        listener.scanout(40, 30, 160, format, pattern::render(format, 4, 40, 30, 160));
        listener.update([0, 0, 40, 30], 160, format, pattern::render(format, 5, 40, 30, 160));
        taken.join().unwrap()
    })
}

/// The pixels of a PNG file, as R, G, B, A.
fn decode(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

fn is_frame_five(png: &[u8]) {
    let (width, height, pixels) = decode(png);
    assert_eq!((width, height), (40, 30));
    for (at, pixel) in (0..).zip(pixels.chunks_exact(4)) {
        let [_, red, green, blue] = pattern::pixel(5, at % width, at / width).to_be_bytes();
        assert_eq!(pixel, [red, green, blue, 255], "pixel {at}");
    }
}

#[test]
fn a_screenshot_shows_every_pixel() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("qmp");
    let file = place.path().join("shot.png");
    let qemu = Standin::builder().console(ConsoleSpec::sized(8, 8)).console(ConsoleSpec::sized(40, 30));
    let qemu = qemu.build().unwrap();
    qemu.serve_qmp(&socket).unwrap();
    let (socket, name) = (socket.to_str().unwrap(), file.to_str().unwrap());
    let output = screenshot(&["screenshot", "--qmp", socket, "--console", "1", name], &qemu, 1);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    is_frame_five(&std::fs::read(&file).unwrap());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_screenshot_goes_to_standard_output() {
    let bus = PrivateBus::start().unwrap();
    let qemu = Standin::builder().name("web").build().unwrap();
    qemu.join(bus.address()).unwrap();
    let output = screenshot(&["screenshot", "--bus", bus.address(), "web", "-"], &qemu, 0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    is_frame_five(&output.stdout);
}

#[test]
fn a_machine_without_a_picture_is_waited_for_and_left() {
    let place = tempfile::tempdir().unwrap();
    let (socket, file) = (place.path().join("qmp"), place.path().join("shot.png"));
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&socket).unwrap();
    let (socket, name) = (socket.to_str().unwrap(), file.to_str().unwrap());
    let words = refused(6, &["screenshot", "--qmp", socket, "--timeout", "1", name]);
    assert!(words.contains("console 0 showed no picture in time"), "{words}");
    let words = refused(6, &["screenshot", "--qmp", socket, "--timeout", "1", "--console", "4", name]);
    assert!(words.contains("there is no console 4; there is: 0"), "{words}");
    assert!(!file.exists());
}

#[test]
fn a_screenshot_that_cannot_be_saved_says_where() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("qmp");
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&socket).unwrap();
    let output =
        screenshot(&["screenshot", "--qmp", socket.to_str().unwrap(), "/nonexistent/shot.png"], &qemu, 0);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("cannot write /nonexistent/shot.png"), "{words}");
}

#[test]
fn shells_get_completions() {
    for (shell, expected) in [("bash", "_oriel()"), ("zsh", "#compdef oriel"), ("fish", "complete -c oriel")]
    {
        let script = text(&["completions", shell]);
        assert!(script.contains(expected), "{shell}");
        assert!(!script.contains("guard-qemu"), "{shell}");
    }
}
