//! The machines that `oriel launch` started lately, kept in a file of the person's.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::model::Launched;
use crate::folders;

/// So many are remembered.
const MOST: usize = 12;

/// Where they are kept; `None` for somebody without a home.
pub fn place() -> Option<PathBuf> {
    Some(folders::state()?.join("oriel/launched.json"))
}

/// What was launched lately, the last first. What cannot be read counts as nothing.
pub fn read(place: &Path) -> Vec<Launched> {
    let text = match fs::read(place) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            tracing::warn!(%error, path = %place.display(), "what was launched lately cannot be read");
            return Vec::new();
        }
    };
    let all: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, path = %place.display(), "what was launched lately cannot be read");
        Vec::new()
    });
    // One that another Oriel wrote otherwise does not take the rest with it.
    let one = |value| {
        let read = serde_json::from_value::<Launched>(value);
        read.inspect_err(|error| tracing::warn!(%error, "something launched lately cannot be read")).ok()
    };
    all.into_iter().filter_map(one).filter(|launched| !launched.command.is_empty()).collect()
}

/// Remembers that a machine was launched.
///
/// # Errors
///
/// When it cannot be written.
pub fn remember(place: &Path, launched: Launched) -> io::Result<()> {
    let mut all = read(place);
    all.retain(|other| other.id() != launched.id());
    all.insert(0, launched);
    all.truncate(MOST);
    write(place, &all)
}

/// Forgets a machine.
///
/// # Errors
///
/// When it cannot be written.
pub fn forget(place: &Path, id: &str) -> io::Result<()> {
    let mut all = read(place);
    all.retain(|other| other.id() != id);
    write(place, &all)
}

/// Replaces the file by a whole one. Commands may hold secrets: nobody else reads it.
fn write(place: &Path, all: &[Launched]) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = place.with_extension(format!("{}.part", std::process::id()));
    let written = (|| {
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let mut file = options.open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(all)?)?;
        fs::rename(&unfinished, place)
    })();
    written.inspect_err(|_| {
        // It may never have been there.
        let _ = fs::remove_file(&unfinished);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn launched(name: &str, at: u64) -> Launched {
        Launched::new(
            ["qemu-system-x86_64", "-name", name].map(str::to_owned).to_vec(),
            "/home/ada".into(),
            at,
        )
    }

    #[test]
    fn what_was_launched_is_remembered_once_and_the_last_first() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("below/launched.json");
        assert_eq!(read(&place), []);
        for at in 0..20 {
            remember(&place, launched(&format!("vm{}", at % 15), at)).unwrap();
        }
        let all = read(&place);
        assert_eq!(all.len(), MOST);
        let names: Vec<_> = all.iter().map(|launched| launched.name.as_str()).collect();
        assert_eq!(names[..6], ["vm4", "vm3", "vm2", "vm1", "vm0", "vm14"]);
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        forget(&place, &all[0].id()).unwrap();
        assert_eq!(read(&place)[0].name, "vm3");
        fs::write(&place, "nonsense").unwrap();
        assert_eq!(read(&place), []);
    }

    #[test]
    fn an_entry_that_cannot_be_read_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("launched.json");
        let good = serde_json::to_value(launched("good", 7)).unwrap();
        let mut none = good.clone();
        none["command"] = serde_json::json!([]);
        let all = serde_json::json!([{ "name": "bad" }, 7, none, good]);
        fs::write(&place, all.to_string()).unwrap();
        assert_eq!(read(&place), [launched("good", 7)]);
        remember(&place, launched("new", 8)).unwrap();
        assert_eq!(read(&place), [launched("new", 8), launched("good", 7)]);
    }
}
