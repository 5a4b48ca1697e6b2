//! The frame buffer that the firmware left (`efifb`, `vesafb`): one fixed mode, written by `pwrite`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::paint::{Area, Canvas};
use crate::size::Size;

/// `/dev/fb0` with 32 bits a pixel, and the picture that is copied there.
#[derive(Debug)]
pub(crate) struct Fbdev {
    file: File,
    driver: String,
    size: Size,
    /// Bytes from row to row.
    stride: u64,
    pixels: Vec<u32>,
}

impl Fbdev {
    pub(super) fn find() -> Option<Self> {
        let about = Path::new("/sys/class/graphics/fb0");
        let read = |name: &str| Some(fs::read_to_string(about.join(name)).ok()?.trim().to_owned());
        let (width, height) = parse_pair(&read("virtual_size")?)?;
        if read("bits_per_pixel")? != "32" {
            return None;
        }
        let stride = read("stride")?.parse().ok()?;
        let driver = read("name")?.to_lowercase().replace(' ', "-");
        let file = OpenOptions::new().write(true).open("/dev/fb0").ok()?;
        release_from_console();
        let pixels = vec![0; width as usize * height as usize];
        Some(Self { file, driver, size: Size::new(width, height), stride, pixels })
    }

    pub(super) fn driver(&self) -> &str {
        &self.driver
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn show(&mut self, draw: &mut dyn FnMut(&mut Canvas<'_>)) -> io::Result<()> {
        let Size { width, height } = self.size;
        self.touch_up(Area { x: 0, y: 0, width, height }, draw)
    }

    pub(super) fn touch_up(&mut self, area: Area, draw: &mut dyn FnMut(&mut Canvas<'_>)) -> io::Result<()> {
        let width = self.size.width as usize;
        draw(&mut Canvas::new(&mut self.pixels, self.size, width));
        let bytes: &[u8] = bytemuck::cast_slice(&self.pixels);
        let whole_rows = area.width == self.size.width && self.stride == u64::from(self.size.width) * 4;
        if whole_rows {
            let start = area.y as usize * width * 4;
            let end = start + area.height as usize * width * 4;
            return self.file.write_all_at(&bytes[start..end], start as u64);
        }
        for y in area.y..area.y + area.height {
            let start = (y as usize * width + area.x as usize) * 4;
            let row = &bytes[start..start + area.width as usize * 4];
            self.file.write_all_at(row, u64::from(y) * self.stride + u64::from(area.x) * 4)?;
        }
        Ok(())
    }
}

/// `1024,768`.
fn parse_pair(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(',')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// Without this the kernel's text cursor blinks in the picture.
fn release_from_console() {
    for console in fs::read_dir("/sys/class/vtconsole").into_iter().flatten().flatten() {
        let name = fs::read_to_string(console.path().join("name")).unwrap_or_default();
        if name.contains("frame buffer") {
            // A console that stays costs a blinking underscore, no more.
            let _ = fs::write(console.path().join("bind"), "0");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_pair("1024,768"), Some((1024, 768)));
        assert_eq!(parse_pair("1024"), None);
    }
}
