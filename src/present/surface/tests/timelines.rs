//! Timelines without a kernel: a file of memory names one, and whoever has it may reach its points.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::MemfdFlags;

use crate::present::file;
use crate::present::table::Device;
use crate::present::timeline::{Timeline, Timelines};

/// All timelines there are.
#[derive(Debug, Default, Clone)]
pub(super) struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    /// By the inodes of their files.
    pages: HashMap<u64, Page>,
    /// The devices that were asked for.
    asked: Vec<Option<Device>>,
    limits: Limits,
}

/// What does not work.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Limits {
    /// There are no timelines at all.
    pub(super) closed: bool,
    /// Nobody can be told of a point.
    pub(super) silent: bool,
    /// The last point that we can reach.
    pub(super) last: Option<u64>,
}

#[derive(Debug, Default)]
struct Page {
    reached: u64,
    calls: Vec<(u64, OwnedFd)>,
}

impl Book {
    pub(super) fn limited(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Pages { limits, ..Pages::default() })))
    }

    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().expect("no panic")
    }

    /// The timeline that a file names.
    pub(super) fn find(&self, file: BorrowedFd<'_>) -> Option<u64> {
        let inode = rustix::fs::fstat(file).ok()?.st_ino;
        self.open().pages.contains_key(&inode).then_some(inode)
    }

    pub(super) fn reached(&self, timeline: u64) -> u64 {
        self.open().pages[&timeline].reached
    }

    pub(super) fn reach(&self, timeline: u64, point: u64) {
        let mut book = self.open();
        // Its owner may be gone.
        let Some(page) = book.pages.get_mut(&timeline) else { return };
        page.reached = page.reached.max(point);
        let reached = page.reached;
        for (_, event) in page.calls.extract_if(.., |(called, _)| *called <= reached) {
            rustix::io::write(&event, &1_u64.to_ne_bytes()).expect("room");
        }
    }

    pub(super) fn asked(&self) -> Vec<Option<Device>> {
        self.open().asked.clone()
    }

    /// How many timelines there are.
    pub(super) fn len(&self) -> usize {
        self.open().pages.len()
    }
}

impl Timelines for Book {
    fn open(&self, device: Option<Device>, count: usize) -> io::Result<Vec<Box<dyn Timeline>>> {
        let mut book = self.open();
        book.asked.push(device);
        if book.limits.closed {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut timeline = || {
            let file = rustix::fs::memfd_create("timeline", MemfdFlags::CLOEXEC)?;
            let number = rustix::fs::fstat(&file)?.st_ino;
            book.pages.insert(number, Page::default());
            Ok(Box::new(Leaf { book: self.clone(), file, number }) as Box<dyn Timeline>)
        };
        (0..count).map(|_| timeline()).collect()
    }

    fn suit(&self, buffer: BorrowedFd<'_>) -> bool {
        file::is_buffer(buffer)
    }
}

#[derive(Debug)]
struct Leaf {
    book: Book,
    file: OwnedFd,
    number: u64,
}

impl Timeline for Leaf {
    fn export(&self) -> io::Result<OwnedFd> {
        self.file.try_clone()
    }

    fn reach(&mut self, point: u64) -> io::Result<()> {
        if self.book.open().limits.last.is_some_and(|last| point > last) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.book.reach(self.number, point);
        Ok(())
    }

    fn reached(&self) -> io::Result<u64> {
        Ok(self.book.reached(self.number))
    }

    fn announce(&self, point: u64, event: BorrowedFd<'_>) -> io::Result<()> {
        let mut book = self.book.open();
        if book.limits.silent {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let page = book.pages.get_mut(&self.number).expect("a page");
        if page.reached >= point {
            rustix::io::write(event, &1_u64.to_ne_bytes())?;
        } else {
            page.calls.push((point, event.try_clone_to_owned()?));
        }
        Ok(())
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.book.open().pages.remove(&self.number);
    }
}
