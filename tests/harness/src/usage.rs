//! What a process costs: processor time and memory, as the kernel counts them in `/proc` (proc(5)).

use std::{collections::HashMap, fs, time::Duration};

use crate::error::{Doing, Error, Result};

/// Processor time of a process with all its threads, those that have ended too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl Cpu {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident pages, shared ones in full.
    pub resident: u64,
    /// Resident pages, shared ones divided among those that share them.
    pub proportional: u64,
    /// Resident anonymous pages: what the program itself has allocated.
    pub anonymous: u64,
}

/// Processor time of one process. The kernel counts it in ticks, commonly of 10 ms.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<Cpu> {
    Ok(Stat::read(pid)?.cpu)
}

/// One thread's processor time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number, which no other thread has while it lives.
    pub id: u32,
    /// Its name, as in `/proc/PID/task/TID/comm`: 15 bytes at most.
    pub name: String,
    /// Processor time, to the nanosecond.
    pub cpu: Duration,
}

/// Processor time of each thread that a process has now: finer than [`cpu`], but without the
/// threads that have ended.
///
/// # Errors
/// When there is no such process, or the kernel keeps no `schedstat`.
pub fn threads(pid: u32) -> Result<Vec<Thread>> {
    let dir = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&dir).doing(format_args!("read {dir}"))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let ids: Vec<u32> = names.collect();
    let threads: Vec<_> = ids.into_iter().filter_map(|id| thread(pid, id)).collect();
    if threads.is_empty() {
        return Err(Error::failed(format_args!("{dir} tells of no thread's processor time")));
    }
    Ok(threads)
}

/// Nothing where the thread has ended in the meantime.
fn thread(pid: u32, id: u32) -> Option<Thread> {
    let name = fs::read_to_string(format!("/proc/{pid}/task/{id}/comm")).ok()?.trim_end().to_owned();
    let times = fs::read_to_string(format!("/proc/{pid}/task/{id}/schedstat")).ok()?;
    let cpu = Duration::from_nanos(times.split_ascii_whitespace().next()?.parse().ok()?);
    Some(Thread { id, name, cpu })
}

/// Processor time of a process and all its descendants that still run.
///
/// # Errors
/// When there is no such process.
pub fn cpu_of_tree(pid: u32) -> Result<Cpu> {
    let mut sum = cpu(pid)?;
    for child in descendants(pid)? {
        // One that has ended in the meantime counts nothing.
        let one = cpu(child).unwrap_or_default();
        sum.user += one.user;
        sum.system += one.system;
    }
    Ok(sum)
}

/// The children of a process, their children, and so on.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn descendants(pid: u32) -> Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").doing("list processes")? {
        let name = entry.doing("list processes")?.file_name();
        let Some(one) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Ok(stat) = Stat::read(one) {
            children.entry(stat.parent).or_default().push(one);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            next.push(child);
        }
    }
    Ok(found)
}

/// Memory of one process, from `/proc/PID/smaps_rollup`.
///
/// # Errors
/// When there is no such process, or it belongs to somebody else.
pub fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).doing(format_args!("read {path}"))?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| {
                line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse().ok()
            })
            .map(|kib: u64| kib * 1024)
            .ok_or_else(|| Error::failed(format_args!("{path} has no field {name}")))
    };
    Ok(Memory { resident: field("Rss")?, proportional: field("Pss")?, anonymous: field("Anonymous")? })
}

struct Stat {
    parent: u32,
    cpu: Cpu,
}

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).doing(format_args!("read {path}"))?;
        Self::parse(&text).ok_or_else(|| Error::failed(format_args!("{path} reads {text:?}")))
    }

    /// The name in brackets may hold anything, brackets and spaces too: fields are counted after the last one.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        let ticks = |index: usize| {
            let count: u64 = fields.get(index)?.parse().ok()?;
            Some(Duration::from_nanos(count * 1_000_000_000 / rustix::param::clock_ticks_per_second()))
        };
        Some(Self { parent: fields.get(1)?.parse().ok()?, cpu: Cpu { user: ticks(11)?, system: ticks(12)? } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_brackets_do_not_shift_the_fields() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 3 0 100 0 0";
        let stat = Stat::parse(text).expect("a complete line");
        assert_eq!(stat.parent, 7);
        assert_eq!(stat.cpu.total(), Duration::from_millis(1750));
    }

    #[test]
    fn threads_are_told_apart() {
        let own = std::process::id();
        let working = std::thread::Builder::new().name("busy-thread".to_owned());
        let (busy, wait) = std::sync::mpsc::channel::<()>();
        let handle = working
            .spawn(move || {
                let start = std::time::Instant::now();
                while start.elapsed() < Duration::from_millis(20) {}
                let _ = wait.recv();
            })
            .expect("a thread starts");
        let used = || {
            let all = threads(own).expect("own threads");
            all.into_iter().find(|one| one.name == "busy-thread" && one.cpu >= Duration::from_millis(1))
        };
        let seen = crate::process::wait_until("busy thread", Duration::from_secs(10), || Ok(used()));
        drop(busy);
        handle.join().expect("the thread ends");
        assert_ne!(seen.expect("it was seen").id, own);
    }

    #[test]
    fn this_process_is_seen_with_its_children() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let found = descendants(own).expect("/proc is there");
        child.kill().and_then(|()| child.wait()).expect("sleep ends");
        assert!(found.contains(&child.id()));
        assert!(memory(own).expect("own memory").anonymous > 0);
    }
}
