//! The place in the file system where a monitor listens, which machines leave and come back to.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zruntime::SharedRuntime;

use super::ConnectError;
use super::qmp::Client;

/// How often a place is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a socket may be there before somebody listens on it.
const SETTLING: Duration = Duration::from_millis(100);

/// Which socket it is: device, inode, and when that last changed.
type Identity = (u64, u64, i64, u64);

/// A path at which a monitor listens.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// The socket that was tried last.
    tried: Mutex<Option<Identity>>,
}

impl Place {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, tried: Mutex::default() }
    }

    /// The monitor that listens here.
    pub(super) async fn connect(&self) -> Result<Client, ConnectError> {
        *self.tried() = identity(&self.path);
        Client::connect(&self.path).await.map_err(|error| ConnectError::qmp(&self.path, error))
    }

    /// Completes when there is a socket here that has not been tried. QEMU makes a new one at every
    /// start, and looking at it disturbs nobody, as connecting to it might.
    pub(super) async fn renewed(&self) -> io::Result<()> {
        let runtime = SharedRuntime::current()?;
        let mut ticks = runtime.interval(LOOK_AGAIN);
        loop {
            ticks.tick().await;
            let now = identity(&self.path);
            if now.is_some() && now != *self.tried() {
                runtime.sleep(SETTLING).await;
                return Ok(());
            }
        }
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, Option<Identity>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let stat = rustix::fs::stat(path).ok()?;
    Some((stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec))
}
