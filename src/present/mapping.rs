//! Memory shared with other processes, mapped: shared memory of ours, and dma-bufs.
//!
//! Nothing that a peer can truncate is ever mapped: reading beyond the end of a file raises SIGBUS.
//! Shared memory of ours is sealed before it is mapped, and a dma-buf has the length it was made
//! with. Files of a peer are read with `pread`.
#![allow(unsafe_code, reason = "mmap and ioctl have no safe form")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::ioctl::{self, Setter, opcode};
use rustix::mm::{MapFlags, ProtFlags};

use super::file;

/// A mapping that ends with this value.
#[derive(Debug)]
struct Map {
    base: NonNull<c_void>,
    len: usize,
}

// SAFETY: The mapping belongs to the value alone, and memory has no thread.
unsafe impl Send for Map {}

impl Map {
    fn new(fd: BorrowedFd<'_>, len: usize, access: ProtFlags) -> io::Result<Self> {
        // SAFETY: The kernel picks the address, so no memory in use is replaced.
        let base = unsafe { rustix::mm::mmap(ptr::null_mut(), len, access, MapFlags::SHARED, fd, 0) }?;
        let base = NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: The range was mapped in `new`, and no reference into it outlives `self`.
        if let Err(error) = unsafe { rustix::mm::munmap(self.base.as_ptr(), self.len) } {
            tracing::error!(%error, "a mapping could not be undone");
        }
    }
}

/// Shared memory of ours, of a fixed length, all zero at first.
///
/// The compositor reads it; that it only reads while it holds a buffer is the protocol's rule, and
/// what a write at a wrong time would cost is a torn picture.
#[derive(Debug)]
pub struct Memory {
    fd: OwnedFd,
    map: Map,
}

impl Memory {
    /// Memory of `len` bytes, sealed against any other length.
    ///
    /// # Errors
    ///
    /// When there is no memory, or no descriptor left.
    pub fn new(len: usize) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("oriel-picture", flags)?;
        rustix::fs::ftruncate(&fd, len as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let map = Map::new(fd.as_fd(), len, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok(Self { fd, map })
    }

    /// The file, for whoever is to read it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Its bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: The mapping has this length, and the file cannot become shorter. `self` is borrowed
        // for as long as the slice lives, and no other part of this process maps the file.
        unsafe { std::slice::from_raw_parts_mut(self.map.base.as_ptr().cast(), self.map.len) }
    }
}

/// `DMA_BUF_IOCTL_SYNC` of `linux/dma-buf.h`.
const SYNC: ioctl::Opcode = opcode::write::<u64>(b'b', 0);
const SYNC_READ: u64 = 1;
const SYNC_START: u64 = 0;
const SYNC_END: u64 = 1 << 2;

/// A dma-buf, mapped for reading.
#[derive(Debug)]
pub struct DmabufMapping {
    fd: OwnedFd,
    map: Map,
}

impl DmabufMapping {
    /// Maps all of a dma-buf.
    ///
    /// # Errors
    ///
    /// When it is none, or its exporter does not let the processor in.
    pub fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        // Only a dma-buf answers this; a file would, and a file can shrink.
        sync(fd, SYNC_START | SYNC_READ)?;
        sync(fd, SYNC_END | SYNC_READ)?;
        let len = usize::try_from(file::length(fd)).unwrap_or(0);
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let fd = fd.try_clone_to_owned()?;
        let map = Map::new(fd.as_fd(), len, ProtFlags::READ)?;
        Ok(Self { fd, map })
    }

    /// Reads while the processor's view of the buffer is kept current.
    ///
    /// # Errors
    ///
    /// When the exporter cannot make it current.
    pub fn read<T>(&self, read: impl FnOnce(&DmabufView<'_>) -> T) -> io::Result<T> {
        sync(self.fd.as_fd(), SYNC_START | SYNC_READ)?;
        let result = read(&DmabufView { map: &self.map });
        sync(self.fd.as_fd(), SYNC_END | SYNC_READ)?;
        Ok(result)
    }
}

/// A dma-buf between the two ends of [`DmabufMapping::read`].
#[derive(Debug)]
pub struct DmabufView<'a> {
    map: &'a Map,
}

impl DmabufView<'_> {
    /// Copies what lies `at` bytes into the buffer; how much of it there was.
    pub fn copy_to(&self, at: u64, target: &mut [u8]) -> usize {
        let Some((at, left)) =
            usize::try_from(at).ok().and_then(|at| Some((at, self.map.len.checked_sub(at)?)))
        else {
            return 0;
        };
        let len = target.len().min(left);
        // SAFETY: `at + len` is within the mapping, and `target` is not. The guest may write at the same
        // time, as to any framebuffer: bytes are copied raw, and no reference to the mapping is made.
        unsafe {
            let source = self.map.base.as_ptr().cast::<u8>().add(at);
            ptr::copy_nonoverlapping(source, target.as_mut_ptr(), len);
        }
        len
    }
}

fn sync(fd: BorrowedFd<'_>, flags: u64) -> io::Result<()> {
    loop {
        // SAFETY: The opcode is that of `struct dma_buf_sync`, one `__u64`, which the kernel only reads.
        let result = unsafe { ioctl::ioctl(fd, Setter::<SYNC, u64>::new(flags)) };
        match result {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_ours_keeps_its_length() {
        let mut memory = Memory::new(8192).expect("memory");
        memory.bytes_mut()[8191] = 7;
        assert_eq!(rustix::fs::ftruncate(memory.fd(), 10), Err(rustix::io::Errno::PERM));
        let mut seen = [0];
        rustix::io::pread(memory.fd(), &mut seen, 8191).expect("the last byte");
        assert_eq!(seen, [7]);
    }

    #[test]
    fn a_file_is_not_taken_for_a_dmabuf() {
        let memory = Memory::new(4096).expect("memory");
        let error = DmabufMapping::new(memory.fd()).expect_err("a file");
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
    }
}
