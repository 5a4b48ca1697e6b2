//! Gives a machine another definition so that no definition is ever lost, whatever happens meanwhile.
//!
//! ```text
//!  Begun ──▶ Kept ──▶ Defined ──▶ Noted
//!        backup     libvirt,     what libvirt made of it,
//!        on disk    if nobody    beside the backup
//!                   edited it
//! ```
//!
//! Up to `Kept` the definition is as before; libvirt takes the new one whole or not at all; from then on
//! the backup brings the old one back. What is noted last only lets edits be taken back one by one.

use std::io;
use std::path::PathBuf;
use std::thread;

use thiserror::Error;

use super::backup::{Backup, Backups};
use super::edit::Edit;
use crate::clock;
use crate::source::libvirt::{Hypervisor, LibvirtError};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Begun,
    Kept,
    Defined,
    Noted,
}

/// What is to be defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub uuid: String,
    pub name: String,
    /// The definition to be replaced, as it was read.
    pub before: String,
    pub after: String,
    /// What `edits` make `after` of.
    pub base: String,
    pub edits: Vec<Edit>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What brings the definition back that was replaced.
    pub backup: Backup,
    /// The definition, as libvirt has it now; `None` where it did not say.
    pub now: Option<String>,
}

/// Why a definition is not another.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The definition is as it was.
    #[error("the definition cannot be kept as it is: {0}")]
    Backup(#[from] io::Error),
    /// libvirt refuses, and the definition is as it was; or it is silent, and may have taken it.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
}

/// Keeps a backup and replaces a machine's definition. `progress` is told of each step.
///
/// # Errors
///
/// When the definition cannot be kept, somebody changed it since it was read, or libvirt refuses it.
pub async fn store(
    hypervisor: &Hypervisor,
    backups: &Backups,
    proposal: Proposal,
    mut progress: impl FnMut(Step),
) -> Result<Stored, StoreError> {
    progress(Step::Begun);
    let Proposal { uuid, name, before, after, base, edits } = proposal;
    let mut backup = Backup {
        uri: hypervisor.uri().to_owned(),
        uuid: uuid.clone(),
        name,
        seconds: clock::date(),
        before: before.clone(),
        after: after.clone(),
        base: (base != before).then_some(base),
        edits,
        defined: None,
    };
    let kept = backup.clone();
    let path = aside(backups, move |backups| backups.keep(&kept)).await?;
    progress(Step::Kept);
    let defined = match hypervisor.replace(&uuid, before, after).await {
        Ok(defined) => defined,
        Err(error) => {
            // One that may have been taken has to be found again.
            if !error.is_of_connection() {
                let discard = move |backups: &Backups| {
                    backups.discard(&path);
                    Ok(())
                };
                aside(backups, discard).await?;
            }
            return Err(error.into());
        }
    };
    progress(Step::Defined);
    backup.defined.clone_from(&defined);
    if defined.is_some() {
        note(backups, path, backup.clone()).await;
    }
    progress(Step::Noted);
    Ok(Stored { backup, now: defined })
}

async fn note(backups: &Backups, path: PathBuf, backup: Backup) {
    if let Err(error) = aside(backups, move |backups| backups.note(&path, &backup)).await {
        tracing::warn!(%error, "edits can only be taken back together");
    }
}

/// Does something with files on a thread that may wait for a disk.
async fn aside<T: Send + 'static>(
    backups: &Backups,
    work: impl FnOnce(&Backups) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = async_channel::bounded(1);
    let backups = backups.clone();
    // Whoever asked may have gone.
    let work = move || _ = answer.try_send(work(&backups));
    thread::Builder::new().name("oriel-backup".into()).spawn(work)?;
    answered.recv().await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}
