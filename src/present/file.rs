//! What can be known of a descriptor that a peer sent, before anyone relies on it.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, OFlags, SealFlags, SeekFrom};

/// A file of memory, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its length in bytes.
    pub length: u64,
    pub access: Access,
    pub trust: Trust,
}

/// What a compositor could do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Map it for reading and writing, as compositors map pools.
    Shared,
    /// The descriptor is open for reading only.
    ReadOnly,
    /// It is sealed against writing.
    Sealed,
    /// It is not a regular file at all.
    Stream,
}

/// Why a file keeps its length, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It is sealed against shrinking.
    Sealed,
    /// It was made by a process of our own user, who has other ways to harm us. The owner of a memfd
    /// is its maker, and cannot be changed without privilege.
    OurUser,
    /// Its maker may shrink it, and is someone else.
    Foreign,
}

impl File {
    /// Looks at a descriptor.
    ///
    /// # Errors
    ///
    /// When it cannot be looked at.
    pub fn probe(fd: impl AsFd) -> rustix::io::Result<Self> {
        let fd = fd.as_fd();
        let stat = rustix::fs::fstat(fd)?;
        let length = u64::try_from(stat.st_size).unwrap_or_default();
        let seals = rustix::fs::fcntl_get_seals(fd).unwrap_or(SealFlags::empty());
        let trust = if seals.contains(SealFlags::SHRINK) {
            Trust::Sealed
        } else if stat.st_uid == rustix::process::geteuid().as_raw() {
            Trust::OurUser
        } else {
            Trust::Foreign
        };
        Ok(Self { length, access: access(fd, stat.st_mode, seals)?, trust })
    }
}

fn access(fd: BorrowedFd<'_>, mode: u32, seals: SealFlags) -> rustix::io::Result<Access> {
    if FileType::from_raw_mode(mode) != FileType::RegularFile {
        return Ok(Access::Stream);
    }
    let flags = rustix::fs::fcntl_getfl(fd)?;
    if flags.contains(OFlags::PATH) || flags & OFlags::RWMODE != OFlags::RDWR {
        return Ok(Access::ReadOnly);
    }
    let sealed = seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE);
    Ok(if sealed { Access::Sealed } else { Access::Shared })
}

/// How long a dma-buf is, in bytes; 0 where the kernel does not say. Seeking in one only measures it
/// (`dma_buf_llseek`), and in a file of memory it does no harm: nobody here reads at a position.
pub fn length(fd: impl AsFd) -> u64 {
    rustix::fs::seek(fd, SeekFrom::End(0)).unwrap_or(0)
}

/// Whether a descriptor is a regular file, which can shrink, rather than a dma-buf, which cannot.
pub fn is_regular(fd: impl AsFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// The file system of dma-bufs (`DMA_BUF_MAGIC` of `linux/magic.h`), which have inodes of their own
/// since Linux 5.3.
const DMA_BUF_MAGIC: u32 = 0x444d_4142;

/// Whether a descriptor is a real dma-buf.
pub fn is_dmabuf(fd: impl AsFd) -> bool {
    rustix::fs::fstatfs(fd).is_ok_and(|system| u32::try_from(system.f_type) == Ok(DMA_BUF_MAGIC))
}

/// Whether a descriptor can be given away as a dma-buf: it is one, or it is as good as one to drivers
/// without hardware, a file of memory that is sealed against shrinking.
///
/// Anything else is a danger to whoever gets it: a file that shrinks raises SIGBUS, and a compositor
/// that waits for a pipe as for a buffer's fence waits forever.
pub fn is_buffer(fd: impl AsFd) -> bool {
    let sealed = rustix::fs::fcntl_get_seals(&fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
    sealed || is_dmabuf(fd)
}

#[cfg(test)]
mod tests {
    use rustix::fs::MemfdFlags;

    use super::*;

    fn memfd(seals: SealFlags) -> std::os::fd::OwnedFd {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("test", flags).expect("memfd");
        rustix::fs::ftruncate(&fd, 4096).expect("room");
        rustix::fs::fcntl_add_seals(&fd, seals).expect("seals");
        fd
    }

    #[test]
    fn a_memfd_of_ours_is_trusted_and_sealed_or_not() {
        let plain = File::probe(memfd(SealFlags::empty())).expect("a file");
        assert_eq!(plain, File { length: 4096, access: Access::Shared, trust: Trust::OurUser });
        let sealed = File::probe(memfd(SealFlags::SHRINK)).expect("a file");
        assert_eq!((sealed.access, sealed.trust), (Access::Shared, Trust::Sealed));
        let frozen = File::probe(memfd(SealFlags::WRITE)).expect("a file");
        assert_eq!(frozen.access, Access::Sealed);
        assert!(is_buffer(memfd(SealFlags::SHRINK)));
        assert!(!is_buffer(memfd(SealFlags::WRITE)));
    }

    #[test]
    fn what_cannot_be_written_or_is_no_file_is_told_apart() {
        let (reader, _writer) = rustix::pipe::pipe().expect("a pipe");
        assert_eq!(File::probe(&reader).expect("a pipe").access, Access::Stream);
        assert!(!is_regular(&reader) && !is_dmabuf(&reader) && !is_buffer(&reader));
        let file = std::fs::File::open("/proc/self/exe").expect("this test");
        assert_eq!(File::probe(&file).expect("a file").access, Access::ReadOnly);
        assert!(is_regular(&file));
    }

    #[test]
    fn a_length_is_found_by_seeking() {
        assert_eq!(length(memfd(SealFlags::empty())), 4096);
    }
}
