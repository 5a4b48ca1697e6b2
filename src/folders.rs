//! Where a person's files are, as the XDG base directory specification has it.

use std::env;
use std::path::PathBuf;

/// What the person configured: `~/.config`, unless they say otherwise; `None` for somebody without a home.
pub fn config() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

/// What is theirs and should be kept: `~/.local/share`, unless they say otherwise.
pub fn data() -> Option<PathBuf> {
    folder("XDG_DATA_HOME", ".local/share")
}

/// What may be lost, though not at once: `~/.local/state`, unless they say otherwise.
pub fn state() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state")
}

/// A relative path counts as none, by the specification.
fn folder(name: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(name).or_else(|| Some(absolute("HOME")?.join(below_home)))
}
