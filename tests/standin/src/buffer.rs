//! Memory that is passed by descriptor: mapped surfaces and, where no GPU is, what stands for dma-bufs.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::listener::{Dmabuf, Map};
use crate::{pattern, pixman};

/// The DRM fourcc (drm_fourcc.h) that lies in memory as a pixman format does; 0 where there is none.
#[must_use]
pub const fn fourcc(format: u32) -> u32 {
    u32::from_le_bytes(match format {
        pixman::X8R8G8B8 => *b"XR24",
        pixman::A8R8G8B8 => *b"AR24",
        pixman::X8B8G8R8 => *b"XB24",
        pixman::A8B8G8R8 => *b"AB24",
        pixman::B8G8R8X8 => *b"BX24",
        pixman::B8G8R8A8 => *b"BA24",
        pixman::R8G8B8X8 => *b"RX24",
        pixman::R8G8B8A8 => *b"RA24",
        pixman::R8G8B8 => *b"RG24",
        pixman::B8G8R8 => *b"BG24",
        pixman::R5G6B5 => *b"RG16",
        pixman::X1R5G5B5 => *b"XR15",
        _ => [0; 4],
    })
}

/// `DRM_FORMAT_MOD_LINEAR`.
pub const LINEAR: u64 = 0;
/// `DRM_FORMAT_MOD_INVALID`: none is known.
pub const INVALID: u64 = 0x00ff_ffff_ffff_ffff;

/// Whether a viewer can rely on the memory staying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// As stock QEMU: its owner may shrink it at any time.
    None,
    /// Sealed against shrinking, and against further seals.
    Shrink,
}

/// Anonymous memory with a picture in it.
#[derive(Debug)]
pub struct Buffer {
    file: File,
    pub width: u32,
    pub height: u32,
    /// Bytes from one line to the next.
    pub stride: u32,
    /// A pixman format code.
    pub format: u32,
    /// Where the picture starts, in bytes.
    pub offset: u32,
}

/// How a buffer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: u32,
    pub height: u32,
    pub stride: u32,
    pub format: u32,
    pub offset: u32,
    pub sealing: Sealing,
}

impl Layout {
    /// Tightly packed at the start of unsealed memory.
    #[must_use]
    pub const fn tight(width: u32, height: u32, format: u32) -> Self {
        let stride = pattern::tight(format, width);
        Self { width, height, stride, format, offset: 0, sealing: Sealing::None }
    }
}

impl Buffer {
    /// Memory for a picture, all zero.
    pub fn new(layout: Layout) -> io::Result<Self> {
        let Layout { width, height, stride, format, offset, sealing } = layout;
        let file = File::from(memfd_create("standin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        file.set_len(u64::from(offset) + u64::from(stride) * u64::from(height))?;
        if sealing == Sealing::Shrink {
            fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::SEAL)?;
        }
        Ok(Self { file, width, height, stride, format, offset })
    }

    /// Memory with a frame of the pattern in it.
    pub fn with_frame(layout: Layout, frame: u32) -> io::Result<Self> {
        let buffer = Self::new(layout)?;
        buffer.draw(frame)?;
        Ok(buffer)
    }

    /// Replaces the whole picture.
    pub fn draw(&self, frame: u32) -> io::Result<()> {
        let pixels = pattern::render(self.format, frame, self.width, self.height, self.stride);
        self.file.write_all_at(&pixels, self.offset.into())
    }

    /// Replaces a part of the picture.
    pub fn draw_part(&self, frame: u32, [x, y, width, height]: [u32; 4]) -> io::Result<()> {
        let stride = pattern::tight(self.format, width);
        let pixels = pattern::render_part(self.format, frame, [x, y, width, height], stride);
        for (line, row) in pixels.chunks_exact(stride as usize).zip(y..) {
            self.write(
                u64::from(row) * u64::from(self.stride) + u64::from(pattern::tight(self.format, x)),
                line,
            )?;
        }
        Ok(())
    }

    /// Writes bytes at a place in the picture.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, u64::from(self.offset) + at)
    }

    /// Cuts the memory under whoever has mapped it. Fails where it is sealed.
    pub fn shrink(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    /// What `ScanoutMap` says of it.
    #[must_use]
    pub fn map(&self) -> Map {
        Map {
            offset: self.offset,
            width: self.width,
            height: self.height,
            stride: self.stride,
            format: self.format,
        }
    }

    /// What `ScanoutDMABUF` says of it: linear, first row on top.
    #[must_use]
    pub fn dmabuf(&self) -> Dmabuf {
        Dmabuf {
            width: self.width,
            height: self.height,
            stride: self.stride,
            fourcc: fourcc(self.format),
            modifier: LINEAR,
            y0_top: false,
        }
    }
}

impl AsFd for Buffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Descriptors that are no memory at all, for a viewer to refuse.
pub mod wrong {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    /// The end of a pipe that nothing comes out of.
    pub fn pipe() -> io::Result<OwnedFd> {
        Ok(io::pipe()?.0.into())
    }

    /// A socket whose peer is gone.
    pub fn socket() -> io::Result<OwnedFd> {
        Ok(UnixStream::pair()?.0.into())
    }

    /// A device that reads as empty.
    pub fn dev_null() -> io::Result<OwnedFd> {
        Ok(File::open("/dev/null")?.into())
    }

    /// A directory.
    pub fn directory() -> io::Result<OwnedFd> {
        Ok(File::open("/")?.into())
    }

    /// Every one of these, each with its name.
    pub fn all() -> io::Result<Vec<(&'static str, OwnedFd)>> {
        let list = [
            ("a pipe", pipe()),
            ("a socket", socket()),
            ("/dev/null", dev_null()),
            ("a directory", directory()),
        ];
        list.into_iter().map(|(name, fd)| Ok((name, fd?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixman::X8R8G8B8;

    #[test]
    fn sealed_memory_does_not_shrink() {
        let layout = Layout::tight(16, 16, X8R8G8B8);
        assert!(Buffer::new(layout).unwrap().shrink(0).is_ok());
        let sealed = Buffer::new(Layout { sealing: Sealing::Shrink, ..layout }).unwrap();
        assert!(sealed.shrink(0).is_err());
    }

    #[test]
    fn a_part_is_drawn_where_it_belongs() {
        let layout = Layout { stride: 80, offset: 24, ..Layout::tight(16, 16, X8R8G8B8) };
        let buffer = Buffer::with_frame(layout, 1).unwrap();
        buffer.draw_part(2, [3, 4, 2, 2]).unwrap();
        let mut wanted = pattern::render(X8R8G8B8, 1, 16, 16, 80);
        for row in 4..6 {
            let part = pattern::render_part(X8R8G8B8, 2, [3, row, 2, 1], 8);
            let at = row as usize * 80 + 12;
            wanted[at..at + 8].copy_from_slice(&part);
        }
        let mut got = vec![0; 80 * 16];
        buffer.file.read_exact_at(&mut got, 24).unwrap();
        assert_eq!(got, wanted);
    }
}
