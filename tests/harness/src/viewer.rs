//! Oriel as a person starts it, and what it says of itself in its statistics.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    time::Duration,
};

use serde_json::Value;

use crate::{
    desk::Desk,
    error::{Doing, Error, Result},
    process::{Process, wait_until},
};

/// A viewer that runs until this is dropped.
#[derive(Debug)]
pub struct Viewer {
    process: Process,
    stats: PathBuf,
}

impl Viewer {
    /// Starts the viewer on a desktop, with `--stats` before the other arguments of the subcommand.
    ///
    /// # Errors
    /// When there is no such program; see [`program`].
    pub fn start<A: AsRef<std::ffi::OsStr>>(
        desk: &impl Desk,
        subcommand: &str,
        arguments: &[A],
    ) -> Result<Self> {
        let program = program()?;
        Self::start_as(desk, desk.command(&program.to_string_lossy()), subcommand, arguments)
    }

    /// Starts another program, or the viewer with more in its environment, in the same way.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_as<A: AsRef<std::ffi::OsStr>>(
        desk: &impl Desk,
        mut command: Command,
        subcommand: &str,
        arguments: &[A],
    ) -> Result<Self> {
        let stats = desk.session().scope().join("stats.jsonl");
        command.arg(subcommand).arg("--stats").arg(&stats).args(arguments);
        Ok(Self { process: desk.spawn("oriel", command)?, stats })
    }

    /// The viewer's process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The file that its standard error goes to.
    pub fn stderr(&self) -> &Path {
        self.process.stderr()
    }

    /// All lines of the statistics so far.
    ///
    /// # Errors
    /// When one of them is no JSON.
    pub fn stats(&self) -> Result<Vec<Value>> {
        read_stats(&self.stats)
    }

    /// Waits until the statistics of a second satisfy `check`.
    ///
    /// # Errors
    /// When none do within `limit`; the error holds the last ones.
    pub fn wait_for_stats<T>(
        &mut self,
        what: &str,
        limit: Duration,
        check: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        let found = wait_until(what, limit, || {
            if !self.process.is_running()? {
                return Err(Error::failed("the viewer has ended").with_detail(&self.process.log()));
            }
            Ok(self.stats()?.iter().find_map(&check))
        });
        found.map_err(|error| match self.stats().ok().and_then(|all| all.last().cloned()) {
            Some(last) => error.with_detail(&format!("the statistics end with {last}")),
            None => error,
        })
    }

    /// Waits for the viewer to end and gives how it ended, with the summary of its statistics.
    ///
    /// # Errors
    /// When it runs on, or wrote no summary; the error holds the end of its log.
    pub fn finish(&mut self, limit: Duration) -> Result<(ExitStatus, Value)> {
        let status = self.process.wait(limit)?;
        let summary = self.stats()?.into_iter().rfind(|line| line["summary"] == true);
        let missing = || Error::failed(format_args!("the viewer ended with {status} and without a summary"));
        Ok((status, summary.ok_or_else(|| missing().with_detail(&self.process.log()))?))
    }
}

/// The statistics in a file, a JSON object a line. A line that is still being written is left out.
///
/// # Errors
/// When a complete line is no JSON.
pub fn read_stats(path: &Path) -> Result<Vec<Value>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.doing("read the statistics")?,
    };
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n') && !line.trim().is_empty());
    let parse =
        |line| serde_json::from_str(line).map_err(|error| Error::failed(format_args!("{error} in {line:?}")));
    whole.map(parse).collect()
}

/// Runs a command of `program`, the viewer, to its end, where there is neither a display nor a session bus.
///
/// # Errors
/// When it does not start.
pub fn run_bare(program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("RUST_LOG").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/session-bus");
    command.output().doing("run the viewer")
}

/// The program under test: `$ORIEL_BIN`, otherwise `oriel` in the directory that cargo builds into.
///
/// # Errors
/// When there is none, with what to do.
pub fn program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("ORIEL_BIN") {
        let path = PathBuf::from(path);
        let missing =
            || Error::failed(format_args!("ORIEL_BIN names {}, which is no program", path.display()));
        return path.is_file().then(|| path.clone()).ok_or_else(missing);
    }
    let own = env::current_exe().doing("find the running program")?;
    // Programs are in target/PROFILE, tests in target/PROFILE/deps.
    let beside = own.ancestors().skip(1).take(2).map(|dir| dir.join("oriel")).find(|path| path.is_file());
    beside.ok_or_else(|| Error::failed("there is no oriel: build it, or name it in ORIEL_BIN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_still_written_is_left_out() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("stats");
        assert!(read_stats(&path).expect("no file is no statistics").is_empty());
        fs::write(&path, "{\"frames\":1}\n{\"summary\":true}\n{\"fra").expect("written");
        let stats = read_stats(&path).expect("valid lines");
        assert_eq!(stats.len(), 2);
        assert_eq!(stats[1]["summary"], true);
        fs::write(&path, "nonsense\n").expect("written");
        assert!(read_stats(&path).is_err());
    }
}
