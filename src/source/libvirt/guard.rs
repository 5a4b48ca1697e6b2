//! A process beside ours that lets a machine run which waits for us, should we be killed meanwhile.
//!
//! Nothing of libvirt's does that: a machine that was started paused stays so until somebody resumes it.
//! So we start ourselves anew, with a command that waits at the end of a pipe. What comes through it says
//! that all is well; a pipe that ends without it, that we have.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Access, Hypervisor, LibvirtError, Paused, State, Status};
use crate::source::within;

/// The first argument of such a process: no command for people. The others are a connection's URI and a
/// machine's UUID.
pub const COMMAND: &str = "guard-machine";

/// What says that all is well.
const WELL: &[u8] = b".";

/// How long libvirt may take to start the machine after all.
const PATIENCE: Duration = Duration::from_secs(120);

/// Such a process. It acts when this is dropped.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    /// Sets one over the machine with this UUID.
    pub(super) fn over(uri: &str, uuid: &str) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([COMMAND, uri, uuid]).stdin(Stdio::piped()).stdout(Stdio::null());
        // What a terminal sends to us is not meant for it.
        command.process_group(0).spawn().map(Self)
    }

    /// The machine needs none any more.
    pub(super) fn dismiss(mut self) {
        if let Some(mut words) = self.0.stdin.take() {
            // It may have been killed before us.
            let _ = words.write_all(WELL);
        }
    }

    /// It is to act, and nobody waits until it has.
    pub(super) fn leave(mut self) {
        drop(self.0.stdin.take());
        // It would stay in the table of processes. Without a thread, its end is waited for here.
        let _ = thread::Builder::new().name("oriel-guard".into()).spawn(move || drop(self));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// If these arguments, which begin with the program's own name, ask for it, waits and does what there is to
/// do; says what came of it.
pub fn intercept(arguments: impl IntoIterator<Item = OsString>) -> Option<Result<(), LibvirtError>> {
    let mut arguments = arguments.into_iter().skip(1);
    arguments.next().filter(|first| first == COMMAND)?;
    let mut word = || arguments.next().and_then(|word| word.into_string().ok()).unwrap_or_default();
    let (uri, uuid) = (word(), word());
    let mut heard = Vec::new();
    // What cannot be read has ended, too.
    let _ = io::stdin().lock().read_to_end(&mut heard);
    if heard == WELL {
        return Some(Ok(()));
    }
    Some(zruntime::block_on(let_run(&uri, &uuid)))
}

/// Lets a machine run that is paused; waits for one that libvirt is only starting.
async fn let_run(uri: &str, uuid: &str) -> Result<(), LibvirtError> {
    let hypervisor = Hypervisor::connect(uri, Access::Full);
    let wanted = uuid.to_owned();
    let waits = hypervisor.when(move |roster| {
        if let Status::Lost(error) = roster.status() {
            return (!error.may_pass()).then(|| Err(error.clone()));
        }
        match roster.find(&wanted)?.state {
            State::Paused(Paused::ByUser) => Some(Ok(true)),
            State::Running => Some(Ok(false)),
            _ => None,
        }
    });
    match within(PATIENCE, waits).await.flatten() {
        Some(Ok(true)) => hypervisor.go_on(uuid).await,
        Some(Ok(false)) | None => Ok(()),
        Some(Err(error)) => Err(error),
    }
}
