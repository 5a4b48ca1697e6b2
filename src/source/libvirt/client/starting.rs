//! A machine that is started so that nothing of it is missed: it begins to run once it is watched.
//!
//! libvirt opens a display only once there is a QEMU, which by then has drawn. So QEMU is started paused,
//! and goes on when its display is watched, when that cannot be had, and in any case after a moment. All
//! of that is one call on one thread, which is seen through whoever loses interest.
//!
//! Should this process be killed meanwhile, another lets it run (see `guard`); should that be killed, too,
//! libvirt says that somebody has paused the machine, and whoever shows it offers to resume it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use virt::domain::Domain;
use virt::error::{Error, ErrorNumber as N};
use virt::sys;

use super::super::guard::Guard;
use super::super::{Display, FirstPicture, LibvirtError, Operation, State, Status, is_remote};
use super::{Hypervisor, QUICK, WRITING};
use crate::source::within;

/// How long a machine waits to be watched.
const UNWATCHED: Duration = Duration::from_secs(10);

/// How long after it has gone libvirt may take to come back to a machine that waits.
const BACK: Duration = Duration::from_secs(60);

/// The machines that wait to be watched, by UUID, and who is told that they are.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<String, Sender<FirstPicture>>>);

impl Waiting {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Sender<FirstPicture>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A machine that waits to be watched, until this is dropped.
struct Waits<'a> {
    waiting: &'a Waiting,
    uuid: &'a str,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.waiting.all().remove(self.uuid);
    }
}

impl Hypervisor {
    /// Starts a machine that somebody on this connection is about to watch: its guest runs from the
    /// moment on at which that is so. A machine without a display that can be watched from here, or one
    /// that goes on from where it was saved, is started as any other; one that is being started so already is
    /// left to that.
    ///
    /// # Errors
    ///
    /// When libvirt refuses, or it takes too long: it may still come to pass then.
    pub async fn start_watched(&self, uuid: &str) -> Result<FirstPicture, LibvirtError> {
        let machine = self.find(uuid).await?;
        let is_ours = |display: &Display| !matches!(display, Display::Other { .. });
        if machine.saved || is_remote(self.uri()) || !machine.displays.iter().any(is_ours) {
            return self.operate(uuid, Operation::Start).await.map(|()| FirstPicture::Missed);
        }
        let (tell, told) = mpsc::channel();
        match self.0.waiting.all().entry(uuid.to_owned()) {
            // Whoever was first sees it through.
            Entry::Occupied(_) => return Ok(FirstPicture::Missed),
            Entry::Vacant(place) => _ = place.insert(tell),
        }
        let waits = Waits { waiting: &self.0.waiting, uuid };
        let (uri, of) = (self.uri().to_owned(), uuid.to_owned());
        let started = self.of(Operation::Start.word(), WRITING, uuid, move |_, domain| {
            let guard = Guard::over(&uri, &of);
            let started = start(domain, &told);
            match guard {
                Ok(guard) => relieve(guard, domain, started),
                Err(error) => {
                    tracing::debug!(%error, "nobody stands guard");
                    started.map_err(|failed| failed.error)
                }
            }
        });
        let started = match started.await {
            Err(LibvirtError::Disconnected) => {
                self.go_on_when_back(uuid).await.map(|()| FirstPicture::Missed)
            }
            started => started,
        };
        drop(waits);
        started
    }

    /// Whether a machine is paused only until its display is watched.
    pub fn awaits_viewer(&self, uuid: &str) -> bool {
        self.0.waiting.all().contains_key(uuid)
    }

    /// A machine's display is watched, or will not be: if it waits for that, it waits no longer.
    pub(in crate::source) fn watched(&self, uuid: &str, picture: FirstPicture) {
        if let Some(tell) = self.0.waiting.all().get(uuid) {
            // It may have gone on already.
            let _ = tell.send(picture);
        }
    }

    /// Lets a machine run that waits; fine if somebody else does that at this moment.
    ///
    /// # Errors
    ///
    /// When libvirt refuses.
    pub(in crate::source::libvirt) async fn go_on(&self, uuid: &str) -> Result<(), LibvirtError> {
        self.of(Operation::Resume.word(), QUICK, uuid, |_, domain| resume(domain).map(drop)).await
    }

    /// libvirt went while a machine waited, whose QEMU has outlived that.
    async fn go_on_when_back(&self, uuid: &str) -> Result<(), LibvirtError> {
        let wanted = uuid.to_owned();
        let back = self.when(move |roster| {
            let connected = roster.status() == &Status::Connected;
            roster.find(&wanted).filter(|_| connected).map(|machine| machine.state)
        });
        match within(BACK, back).await.flatten() {
            Some(State::Paused(_)) => self.go_on(uuid).await,
            Some(state) if state.is_on() => Ok(()),
            Some(_) | None => Err(LibvirtError::Disconnected),
        }
    }
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// libvirt did not start the machine, as far as it said.
    Start,
    /// We had it started paused.
    Resume,
}

/// Why a machine did not start.
struct Failed {
    at: At,
    error: Error,
}

impl At {
    /// Whether the machine may stay paused because of us, going by whether it is paused.
    fn leaves_paused(self, paused: Option<bool>) -> bool {
        match (self, paused) {
            // Whoever has it paused is somebody else.
            (Self::Start, Some(_)) | (_, Some(false)) => false,
            (Self::Resume, Some(true)) | (_, None) => true,
        }
    }
}

fn start(domain: &Domain, watched: &Receiver<FirstPicture>) -> Result<FirstPicture, Failed> {
    let at = |at| move |error| Failed { at, error };
    match domain.create_with_flags(sys::VIR_DOMAIN_START_PAUSED) {
        Ok(_) => {}
        // Not every driver can do that.
        Err(error) if matches!(error.code(), N::InvalidArg | N::ArgumentUnsupported | N::NoSupport) => {
            return domain.create().map(|_| FirstPicture::Missed).map_err(at(At::Start));
        }
        Err(error) => return Err(at(At::Start)(error)),
    }
    let picture = watched.recv_timeout(UNWATCHED).unwrap_or(FirstPicture::Missed);
    tracing::info!(?picture, "the machine begins to run");
    match resume(domain).map_err(at(At::Resume))? {
        Resumed::ByUs => Ok(picture),
        Resumed::Already => Ok(FirstPicture::Missed),
    }
}

/// Needs the guard no more, or leaves the machine to it.
fn relieve(
    guard: Guard,
    domain: &Domain,
    started: Result<FirstPicture, Failed>,
) -> Result<FirstPicture, Error> {
    let Failed { at, error } = match started {
        Err(failed) => failed,
        Ok(picture) => {
            guard.dismiss();
            return Ok(picture);
        }
    };
    let paused = is_paused(domain);
    if !at.leaves_paused(paused) {
        guard.dismiss();
    } else if paused.is_none() {
        // libvirt has gone, for longer than anybody here waits.
        guard.leave();
    } else {
        drop(guard);
        if is_paused(domain) == Some(false) {
            return Ok(FirstPicture::Missed);
        }
    }
    Err(error)
}

/// By whom a machine was resumed.
enum Resumed {
    ByUs,
    /// Somebody else has let it run, or has ended it.
    Already,
}

fn resume(domain: &Domain) -> Result<Resumed, Error> {
    match domain.resume() {
        Ok(_) => Ok(Resumed::ByUs),
        Err(_) if is_paused(domain) == Some(false) => Ok(Resumed::Already),
        Err(error) => Err(error),
    }
}

/// Whether a machine is paused; `None` where nobody tells.
fn is_paused(domain: &Domain) -> Option<bool> {
    let (state, reason) = domain.get_state().ok()?;
    Some(matches!(State::from_libvirt(state, reason), State::Paused(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_others_have_paused_is_left_so() {
        assert!(!At::Start.leaves_paused(Some(true)));
        assert!(!At::Start.leaves_paused(Some(false)));
        assert!(!At::Resume.leaves_paused(Some(false)));
    }

    #[test]
    fn a_machine_that_we_have_paused_is_not_left_so() {
        assert!(At::Resume.leaves_paused(Some(true)));
        // libvirt has gone; it may come back with the machine, which may have been started.
        assert!(At::Resume.leaves_paused(None));
        assert!(At::Start.leaves_paused(None));
    }
}
