//! Programs that tests start: where they run, what they leave in their logs, and that they always end.

use std::{
    fmt, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use crate::error::{Doing, Error, Result};

/// Marks every process of a scope, in its environment, so that none can outlive it.
const MARK: &str = "HARNESS_SCOPE";

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// Waits for its owner to end, in whatever way, then ends what still carries the mark and clears up.
///
/// A process group is not enough for this: compositors and buses start programs in sessions of
/// their own. `$1` is the scope's directory, which is also the mark.
const WATCHDOG: &str = r#"
read -r _
for signal in TERM KILL KILL; do
    left=$(grep -lzsxF -- "HARNESS_SCOPE=$1" /proc/[0-9]*/environ)
    [ -n "$left" ] || break
    for file in $left; do
        pid=${file#/proc/}
        kill -s "$signal" "${pid%/environ}" 2>/dev/null
    done
    sleep 0.2
done
rm -rf -- "$1"
"#;

/// A private directory and the processes that belong to it; dropping it ends and removes both.
///
/// They also end when the test itself is killed: a small watchdog sees its pipe close.
pub struct Scope {
    dir: PathBuf,
    watchdog: Child,
}

impl Scope {
    /// Makes a directory (mode 0700) whose name begins with `name`.
    ///
    /// # Errors
    /// When the directory cannot be made or `/bin/sh` does not start.
    pub fn new(name: &str) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("oriel-{name}-"))
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .doing("make a private directory")?;
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(dir.path())
            .env_remove(MARK)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .doing("start the watchdog of a private directory")?;
        // From here on the watchdog is the one who removes it.
        Ok(Self { dir: dir.keep(), watchdog })
    }

    /// The private directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A path inside the private directory.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// Starts `command` in a process group of its own; `name` names its logs.
    ///
    /// # Errors
    /// When the program cannot be started, with its name.
    pub fn spawn(&self, name: &str, mut command: Command) -> Result<Process> {
        let log = |suffix| {
            let path = self.dir.join(format!("{name}.{suffix}"));
            let file = fs::File::create(&path).doing(format_args!("create {}", path.display()))?;
            Ok::<_, Error>((path, file))
        };
        let (out, out_file) = log("out")?;
        let (err, err_file) = log("err")?;
        let child = command
            .env(MARK, &self.dir)
            .stdin(Stdio::null())
            .stdout(out_file)
            .stderr(err_file)
            .process_group(0)
            .spawn()
            .doing(format_args!("start {}", command.get_program().to_string_lossy()))?;
        Ok(Process { name: name.to_owned(), child, out, err, ended: None })
    }

    /// Runs `command` to its end and gives what it printed.
    ///
    /// # Errors
    /// When it cannot be started, takes longer than `limit`, or ends with a failure.
    pub fn run(&self, name: &str, command: Command, limit: Duration) -> Result<Vec<u8>> {
        /// Keeps runs of one program by several threads apart.
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{name}-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let mut process = self.spawn(&unique, command)?;
        let status = process.wait(limit)?;
        if !status.success() {
            return Err(Error::failed(format_args!("{name} ended with {status}")).with_detail(&process.log()));
        }
        let printed = fs::read(&process.out).doing(format_args!("read what {name} printed"))?;
        for log in [&process.out, &process.err] {
            fs::remove_file(log).doing("remove a log")?;
        }
        Ok(printed)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // Nothing can be done about a failure here, and the directory is one in /tmp.
        let _ = self.watchdog.wait();
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.dir).finish()
    }
}

/// A program that runs; dropping it ends it and everything in its process group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that its standard output goes to.
    pub fn stdout(&self) -> &Path {
        &self.out
    }

    /// The file that its standard error goes to.
    pub fn stderr(&self) -> &Path {
        &self.err
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn is_running(&mut self) -> Result<bool> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().doing(format_args!("ask for {}", self.name))?;
        }
        Ok(self.ended.is_none())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it still runs after `limit`; the error holds the end of its logs.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while self.is_running()? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let what = format!("end of {}", self.name);
                return Err(Error::Timeout { what, limit, detail: self.log() });
            }
            self.wait_once(left)?;
        }
        self.ended.ok_or_else(|| Error::failed("a process ended without a status"))
    }

    /// Sends a signal to its whole process group.
    ///
    /// # Errors
    /// When there is no such group any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process_group(self.pid(), signal).doing(format_args!("send a signal to {}", self.name))
    }

    /// Asks it to end, then makes it end.
    pub fn stop(&mut self) {
        for signal in [Signal::TERM, Signal::KILL] {
            let _ = self.signal(signal);
            if self.wait(GRACE).is_ok() {
                break;
            }
        }
    }

    /// The last lines of both logs, with the program's name.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for path in [&self.out, &self.err] {
            text.push_str(&tail(path, &self.name));
        }
        text
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn wait_once(&self, limit: Duration) -> Result<()> {
        let limit = Timespec::try_from(limit).map_err(Error::failed)?;
        let fd = pidfd_open(self.pid(), PidfdFlags::empty()).doing("watch a process")?;
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).doing("wait for a process")?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.is_running(), Ok(true)) {
            self.stop();
        }
        if thread::panicking() || std::env::var_os("HARNESS_LOGS").is_some() {
            eprint!("{}", self.log());
        }
    }
}

/// The last 40 lines of a file that say something, each with `name` before it; empty when there is none.
fn tail(path: &Path, name: &str) -> String {
    const LINES: usize = 40;
    /// How wlroots marks what is of no interest.
    const CHATTER: [&str; 2] = ["[DEBUG]", "[INFO]"];
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().filter(|line| !CHATTER.iter().any(|mark| line.contains(mark))).collect();
    let first = lines.len().saturating_sub(LINES);
    lines[first..].iter().map(|line| format!("  {name}: {line}\n")).collect()
}

/// Asks again and again until `check` gives something; for states that announce no change.
///
/// # Errors
/// What `check` fails with, or a timeout that names `what`.
pub fn wait_until<T>(what: &str, limit: Duration, mut check: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = check()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(Error::Timeout { what: what.to_owned(), limit, detail: String::new() });
        }
        thread::sleep(PAUSE);
    }
}
