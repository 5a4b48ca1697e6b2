//! The dma-bufs that a process holds, as the kernel tells of them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use harness::{Doing, Result};

/// Identities (inodes, which no two dma-bufs share) of the dma-bufs from one exporter that a process
/// has open.
pub(crate) fn held_by(pid: u32, exporter: &str) -> Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    let mark = format!("exp_name:\t{exporter}");
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).doing("list a process's files")?.flatten() {
        let number = entry.file_name().to_string_lossy().into_owned();
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        if info.lines().any(|line| line == mark) {
            // It may have been closed in the meantime.
            found.extend(fs::metadata(entry.path()).ok().map(|file| file.ino()));
        }
    }
    Ok(found)
}

/// How many files a process has open.
pub(crate) fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd")).doing("list a process's files")?.count())
}
