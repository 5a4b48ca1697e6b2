//! Dma-bufs of one colour each, from vgem's render node.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::Device as _;
use harness::machine::RENDER_NODE;
use harness::{Doing, Result};
use rustix::fs::OFlags;
use standin::Dmabuf;

#[derive(Debug)]
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// So many dma-bufs of a size, in shades of gray, and what is to be said of each.
pub(crate) fn buffers(count: u8, size: (u32, u32)) -> Result<Vec<(OwnedFd, Dmabuf)>> {
    let card = File::options().read(true).write(true).open(RENDER_NODE).doing("open the render node")?;
    let card = Card(card);
    (0..count).map(|n| buffer(&card, size, 64 + 8 * n)).collect()
}

fn buffer(card: &Card, size: (u32, u32), shade: u8) -> Result<(OwnedFd, Dmabuf)> {
    let mut dumb = card.create_dumb_buffer(size, DrmFourcc::Xrgb8888, 32).doing("make a buffer")?;
    card.map_dumb_buffer(&mut dumb).doing("map a buffer")?.fill(shade);
    let flags = (OFlags::CLOEXEC | OFlags::RDWR).bits();
    let file = card.buffer_to_prime_fd(dumb.handle(), flags).doing("export a buffer")?;
    let dmabuf = Dmabuf {
        width: size.0,
        height: size.1,
        stride: dumb.pitch(),
        fourcc: DrmFourcc::Xrgb8888 as u32,
        modifier: 0,
        y0_top: false,
    };
    Ok((file, dmabuf))
}
