//! Stock QEMU with firmware and the small Linux guest, told by its serial port what the guest saw.

mod arguments;
mod qmp;
mod serial;

pub use arguments::{Builder, Display, Firmware, GuestOptions, RENDER_NODE};
pub use qmp::Qmp;
pub use serial::{Report, Serial, State};

use std::{
    ffi::OsString,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    error::{Error, Result},
    process::{Process, Scope},
};

/// How long QEMU may take to come up.
const START: Duration = Duration::from_secs(90);

/// A machine that has its files and its argument list, but nobody runs it yet.
///
/// ```no_run
/// # use std::time::Duration;
/// # use harness::machine::{Builder, Display, GuestOptions, Report};
/// # fn main() -> harness::Result<()> {
/// let machine = Builder::new().guest(GuestOptions::default()).display(Display::DBusP2p).prepare()?;
/// let running = machine.start()?;
/// running.serial().guest("mode of the guest", Duration::from_secs(60), |report| match report {
///     Report::Ready { size, .. } => Some(*size),
///     _ => None,
/// })?;
/// running.qmp()?.execute("system_powerdown", serde_json::json!({}))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Machine {
    arguments: Vec<OsString>,
    serial: Serial,
    qmp: Option<Sockets>,
    scope: Scope,
}

/// QMP sockets: each serves one client at a time.
#[derive(Debug)]
struct Sockets {
    viewer: PathBuf,
    harness: PathBuf,
}

impl Machine {
    /// A machine that is made to one's wishes.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Everything to start it with, the program first: for `oriel launch -- ...`.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The serial port; the machine connects to it once it is started.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Starts it and waits until QMP answers.
    ///
    /// # Errors
    /// When QEMU does not come up; the error holds what it says.
    pub fn start(self) -> Result<Running> {
        let mut command = Command::new(&self.arguments[0]);
        command.args(&self.arguments[1..]);
        self.start_as(command)
    }

    /// Starts it by a command of one's own, which has to run QEMU with [`Machine::arguments`].
    ///
    /// # Errors
    /// When QEMU does not come up; the error holds what it says.
    pub fn start_as(self, command: Command) -> Result<Running> {
        let mut process = self.scope.spawn("qemu", command)?;
        if let Some(sockets) = &self.qmp {
            let ready = crate::process::wait_until("QMP socket of QEMU", START, || {
                if !process.is_running()? {
                    return Err(Error::failed("QEMU ended at once"));
                }
                Ok(UnixStream::connect(&sockets.harness).ok().map(drop))
            });
            ready.map_err(|error| error.with_detail(&process.log()))?;
        }
        Ok(Running { process, machine: self })
    }
}

/// A machine that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    machine: Machine,
}

impl Running {
    /// The QEMU process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The file that QEMU's complaints go to.
    pub fn stderr(&self) -> &Path {
        self.process.stderr()
    }

    /// QEMU's process number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the firmware and the guest write.
    pub fn serial(&self) -> &Serial {
        &self.machine.serial
    }

    /// The QMP socket that is left to the viewer.
    ///
    /// # Errors
    /// When the machine was made without QMP.
    pub fn qmp_socket(&self) -> Result<&Path> {
        Ok(&self.sockets()?.viewer)
    }

    /// A QMP connection of one's own.
    ///
    /// # Errors
    /// When QEMU has ended, and while another such connection is open.
    pub fn qmp(&self) -> Result<Qmp> {
        Qmp::connect(&self.sockets()?.harness)
    }

    fn sockets(&self) -> Result<&Sockets> {
        self.machine.qmp.as_ref().ok_or_else(|| Error::failed("this machine has no QMP socket"))
    }
}
