//! What a definition was before it was changed, kept in a file until somebody wants it back.
//!
//! One file a machine and moment. It is on the disk before libvirt is asked to define anything, so that
//! whatever happens in between, the definition is either as before or can be brought back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::edit::Edit;
use crate::folders;

/// So many backups of one machine are kept.
const KEPT: usize = 10;

/// What a definition was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The connection on which the machine is.
    pub uri: String,
    pub uuid: String,
    pub name: String,
    /// When it was made: seconds since 1970.
    pub seconds: u64,
    /// The definition as libvirt had it, secrets and all.
    pub before: String,
    /// The definition that libvirt was asked for.
    pub after: String,
    /// What the edits were made to, where that is not `before`: edits had been made already.
    #[serde(default)]
    pub base: Option<String>,
    /// What made `after` of it.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// What libvirt made of `after`: as long as it has this, edits can be taken back one by one.
    #[serde(default)]
    pub defined: Option<String>,
}

impl Backup {
    /// What the edits were made to.
    pub fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.before)
    }
}

/// The edits that made a definition what it is, in their order, and what they were made to; `None` where
/// nobody knows, as where somebody else has changed it since.
pub fn made(current: &Definition, backups: &[Backup]) -> Option<(Definition, Vec<Edit>)> {
    let mut base = current.text();
    let mut edits = Vec::new();
    // Each was made once: nothing can go round in circles.
    for _ in backups {
        let is_it = |backup: &&Backup| !backup.edits.is_empty() && backup.defined.as_deref() == Some(base);
        let Some(backup) = backups.iter().find(is_it) else { break };
        edits.splice(0..0, backup.edits.iter().cloned());
        base = backup.base();
    }
    if edits.is_empty() {
        return None;
    }
    Definition::read(base).ok().map(|base| (base, edits))
}

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
}

impl Backups {
    /// Where this person's are.
    pub fn of_person() -> Option<Self> {
        Some(Self::at(folders::data()?.join("oriel/definitions")))
    }

    /// Those in a folder, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Writes one down; the oldest of the machine's go. It is on the disk when this returns, and only
    /// its owner can read it: a definition may hold passwords.
    ///
    /// # Errors
    ///
    /// When it cannot be written: then nothing may be changed.
    pub fn keep(&self, backup: &Backup) -> io::Result<PathBuf> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.free(backup)?;
        self.note(&path, backup)?;
        self.forget_old(&backup.uuid);
        Ok(path)
    }

    /// Writes down more of one that is kept: it is as before, or as it is given here.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn note(&self, path: &Path, backup: &Backup) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let unfinished = path.with_extension("part");
        let text = serde_json::to_vec_pretty(backup)?;
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.sync_all()?;
                fs::rename(&unfinished, path)?;
                // The name is on the disk when its folder is.
                File::open(&self.folder)?.sync_all()
            });
        if written.is_err() {
            // It may never have been there.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Forgets one that is of what still is.
    pub fn discard(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "a backup cannot be removed");
        }
    }

    /// Those of a machine, the newest first. What cannot be read is left out, and left alone.
    pub fn of(&self, uuid: &str) -> Vec<Backup> {
        let mut found: Vec<(PathBuf, Backup)> =
            self.files().filter_map(|path| Some((path.clone(), read(&path)?))).collect();
        found.retain(|(_, backup)| backup.uuid == uuid);
        found.sort_by(|(a, one), (b, other)| (other.seconds, b).cmp(&(one.seconds, a)));
        found.into_iter().map(|(_, backup)| backup).collect()
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"))
    }

    /// A name that nothing has yet. The machine's UUID is a peer's word: only what a UUID can hold
    /// goes into a name.
    fn free(&self, backup: &Backup) -> io::Result<PathBuf> {
        let uuid: String =
            backup.uuid.chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').take(36).collect();
        let names = (0..1000).map(|count| format!("{uuid}-{:012}-{count:03}.json", backup.seconds));
        let mut paths = names.map(|name| self.folder.join(name));
        paths.find(|path| !path.exists()).ok_or_else(|| io::ErrorKind::AlreadyExists.into())
    }

    fn forget_old(&self, uuid: &str) {
        let mut own: Vec<PathBuf> =
            self.files().filter(|path| read(path).is_some_and(|backup| backup.uuid == uuid)).collect();
        own.sort();
        let surplus = own.len().saturating_sub(KEPT);
        for path in own.into_iter().take(surplus) {
            self.discard(&path);
        }
    }
}

fn read(path: &Path) -> Option<Backup> {
    let read = fs::read(path).map_err(|error| error.to_string());
    let backup = read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    backup.map_err(|error| tracing::warn!(path = %path.display(), error, "a backup cannot be read")).ok()
}
