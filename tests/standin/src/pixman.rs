//! Pixman's format codes that QEMU's surfaces have: bits, type and channel widths in one number.

pub const X8R8G8B8: u32 = 0x2002_0888;
pub const A8R8G8B8: u32 = 0x2002_8888;
pub const X8B8G8R8: u32 = 0x2003_0888;
pub const A8B8G8R8: u32 = 0x2003_8888;
pub const B8G8R8X8: u32 = 0x2008_0888;
pub const B8G8R8A8: u32 = 0x2008_8888;
pub const R8G8B8X8: u32 = 0x2009_0888;
pub const R8G8B8A8: u32 = 0x2009_8888;
pub const R8G8B8: u32 = 0x1802_0888;
pub const B8G8R8: u32 = 0x1803_0888;
pub const R5G6B5: u32 = 0x1002_0565;
pub const X1R5G5B5: u32 = 0x1002_0555;

/// Every code above.
pub const ALL: [u32; 12] = [
    X8R8G8B8, A8R8G8B8, X8B8G8R8, A8B8G8R8, B8G8R8X8, B8G8R8A8, R8G8B8X8, R8G8B8A8, R8G8B8, B8G8R8, R5G6B5,
    X1R5G5B5,
];

/// Bytes of one pixel.
#[must_use]
pub const fn bytes_per_pixel(format: u32) -> u32 {
    (format >> 24) / 8
}
