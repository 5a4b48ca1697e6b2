//! Starting QEMU: its end, its last words, and that it never outlives us. QEMU is played by small
//! shell scripts here; stock QEMU has its own tests.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use oriel::session::{End, Event, Loss, State};
use oriel::source::{Exited, Launch, Source};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::session_watch::{Watch, eventually};

const ORIEL: &str = env!("CARGO_BIN_EXE_oriel");

fn launch(script: &str) -> Launch {
    let command = ["sh", "-c", script].map(OsString::from);
    Launch::new(command).unwrap().guarded_by(ORIEL)
}

/// Waits until the process with this number has ended.
fn wait_for_end(pid: i32) {
    let Ok(process) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else { return };
    let mut wait = [PollFd::new(&process, PollFlags::IN)];
    let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
    assert_eq!(poll(&mut wait, Some(&patience)).unwrap(), 1, "process {pid} lives on");
}

fn end(watch: &Watch) -> End {
    match watch.down() {
        State::Ended(end) => end,
        other => panic!("it has not ended: {other:?}"),
    }
}

#[test]
fn a_qemu_that_ends_at_once_is_quoted() {
    let watch = Watch::start(Source::Launch(launch("echo 'qemu: no such disk' >&2; exit 7")));
    let End::Exited(exited) = end(&watch) else { panic!("it did not end by itself") };
    assert_eq!(exited.status.code(), Some(7));
    assert_eq!(exited.words, ["qemu: no such disk"]);
    assert_eq!(exited.to_string(), "QEMU has ended (exit status: 7): qemu: no such disk");
    watch.close();
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let launch = Launch::new(["/nonexistent/qemu".into()]).unwrap().guarded_by(ORIEL);
    let watch = Watch::start(Source::Launch(launch));
    let words = end(&watch).to_string();
    assert!(words.contains("cannot start /nonexistent/qemu: No such file"), "{words}");
}

#[test]
fn a_guard_that_does_not_exist_is_no_end_of_the_world() {
    let launch = Launch::new(["true".into()]).unwrap().guarded_by("/nonexistent/oriel");
    let watch = Watch::start(Source::Launch(launch));
    let State::Lost { reason: Loss::Unreachable(why), retry: None } = watch.down() else { panic!("no loss") };
    assert!(why.to_string().contains("cannot start true"), "{why}");
}

#[test]
fn a_qemu_whose_monitor_stays_silent_ends_with_the_session() {
    let place = tempfile::tempdir().unwrap();
    let (file, fifo) = (place.path().join("pid"), place.path().join("started"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!("echo $$ > {}; echo > {}; exec sleep 1000", file.display(), fifo.display());
    let watch = Watch::start(Source::Launch(launch(&script)));
    std::fs::read(&fifo).unwrap();
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    watch.close();
    wait_for_end(pid);
}

#[test]
fn a_machine_is_started_again_when_the_person_asks_for_it() {
    let watch = Watch::start(Source::Launch(launch("exit 3")));
    end(&watch);
    watch.session.reconnect();
    end(&watch);
    watch.close();
}

/// A viewer that is killed has no time to end its machine.
#[test]
fn a_qemu_ends_with_the_process_that_started_it() {
    let script = format!("{ORIEL} guard-qemu $$ sleep 1000 & echo $!; wait");
    let mut viewer = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(viewer.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid: i32 = line.trim().parse().unwrap();
    let became_qemu =
        || std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    eventually("QEMU runs", became_qemu);
    viewer.kill().unwrap();
    viewer.wait().unwrap();
    wait_for_end(pid);
}

#[test]
fn a_qemu_does_not_start_once_its_viewer_is_gone() {
    let started = Command::new(ORIEL).args(["guard-qemu", "1", "true"]).output().unwrap();
    assert!(!started.status.success());
    let words = String::from_utf8(started.stderr).unwrap();
    assert!(words.contains("what was to start QEMU has ended"), "{words}");
}

#[test]
fn a_qemu_that_ignores_everything_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let fifo = place.path().join("started");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let script = format!("trap '' TERM; echo $$ > {}; while :; do sleep 1; done", fifo.display());
    let watch = Watch::start(Source::Launch(launch(&script)));
    let pid: i32 = std::fs::read_to_string(&fifo).unwrap().trim().parse().unwrap();
    watch.close();
    wait_for_end(pid);
}

#[test]
fn the_events_end_with_the_machine() {
    let watch = Watch::start(Source::Launch(launch("exit 0")));
    watch.until("end", |event| match event {
        Event::State(State::Ended(End::Exited(exited))) => exited.status.success().then_some(()),
        _ => None,
    });
    watch.close();
}

/// A script that is called like QEMU, says which character devices it knows, and else what it was
/// started with.
fn played_qemu(place: &std::path::Path, knows: &str) -> Exited {
    use std::os::unix::fs::PermissionsExt;
    let program = place.join("qemu-system-x86_64");
    let script =
        format!("#!/bin/sh\ncase \"$*\" in '-chardev help') echo '{knows}' ;; *) echo \"$*\" >&2 ;; esac\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let launch = Launch::new([program.into(), "-m".into(), "1G".into()]).unwrap().guarded_by(ORIEL);
    let watch = Watch::start(Source::Launch(launch));
    let End::Exited(exited) = end(&watch) else { panic!("it did not end by itself") };
    watch.close();
    exited
}

#[test]
fn a_machine_is_given_a_clipboard_if_its_qemu_knows_any() {
    let place = tempfile::tempdir().unwrap();
    let words = played_qemu(place.path(), "  qemu-vdagent").words.join(" ");
    for argument in ["clipboard=on,mouse=off", "name=com.redhat.spice.0"] {
        assert!(words.contains(argument), "{words}");
    }
    let words = played_qemu(place.path(), "  socket").words.join(" ");
    assert!(words.contains("-m 1G") && !words.contains("agent"), "{words}");
}
