//! The demonstration when it fails, and what is left of it when it is killed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use harness::{Doing, Result, process::wait_until};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// The demonstration with a stand-in for Oriel, and a guest that nobody will boot.
fn demo(dir: &TempDir, oriel: &str) -> Result<Command> {
    let write = |name: &str, text: &str| -> Result<PathBuf> {
        let path = dir.path().join(name);
        fs::write(&path, text).doing("write a file")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).doing("make a file a program")?;
        Ok(path)
    };
    let program = write("oriel", &format!("#!/bin/sh\n{oriel}\n"))?;
    write("vmlinuz", "")?;
    write("initrd.img", "")?;
    let scopes = dir.path().join("tmp");
    fs::create_dir(&scopes).doing("make a directory")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.arg("--headless").env("ORIEL_BIN", program).env("ORIEL_GUEST", dir.path()).env("TMPDIR", scopes);
    Ok(command)
}

fn entries(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

#[test]
fn a_failure_is_told_with_the_viewers_own_words() -> Result<()> {
    let dir = tempfile::tempdir().doing("make a directory")?;
    let output =
        demo(&dir, "echo 'cannot open display' >&2; exit 3")?.output().doing("run the demonstration")?;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("demo: failed: oriel ended without a window"), "{words}");
    assert!(words.contains("oriel: cannot open display"), "{words}");
    assert!(output.stdout.is_empty());
    assert_eq!(entries(&dir.path().join("tmp")), 0);
    Ok(())
}

#[test]
fn nothing_is_left_when_it_is_killed() -> Result<()> {
    let dir = tempfile::tempdir().doing("make a directory")?;
    let started = dir.path().join("started");
    let mut command =
        demo(&dir, &format!("echo $$ >{0}.new; mv {0}.new {0}; exec sleep 600", started.display()))?;
    let mut demo = command.stderr(Stdio::null()).spawn().doing("start the demonstration")?;
    let pid = wait_until("start of the viewer", LIMIT, || Ok(fs::read_to_string(&started).ok()))?;
    demo.kill().doing("kill the demonstration")?;
    demo.wait().doing("wait for the demonstration")?;
    let scopes = dir.path().join("tmp");
    wait_until(
        "end of the desktop and its directories",
        LIMIT,
        || Ok((entries(&scopes) == 0).then_some(())),
    )?;
    let viewer = Path::new("/proc").join(pid.trim());
    wait_until("end of the viewer", LIMIT, || Ok((!viewer.exists()).then_some(())))
}
