//! Sequences that real machines send, most of them traps for a viewer.
//!
//! Each ends with a picture that a viewer must show, or with none.

use std::io;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use crate::buffer::{Buffer, INVALID, Layout};
use crate::listener::{Dmabuf, Dmabuf2, Listener};
use crate::pattern::{render, render_part, tight};
use crate::pixman::{X8B8G8R8, X8R8G8B8};
use crate::reply::Reply;
use crate::standin::Standin;

/// A sequence by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// An `Update` before any `Scanout`, then pictures and parts of them in messages.
    Software,
    /// VGA text mode: from 640×480 to 720×400 by an `Update` alone.
    VgaTextResize,
    /// A mapped surface whose picture starts in the middle of a page, and changes of it.
    MapUnaligned,
    /// A vGPU that flips between eight buffers, with a `Disable` for every one that QEMU frees (2.4).
    VfioFlips,
    /// A `Disable` for an old buffer between a scanout and its updates.
    SpuriousDisable,
    /// QEMU 9.2 to 10.0: `Disable` throws the scanout away, and updates follow for a buffer never
    /// given. Needs a lossy stand-in and a viewer that registers once more.
    LostScanout,
    /// From the placeholder over ramfb to the guest's driver, a black picture before the real one.
    RamfbToVgpu,
    /// The guest reboots: everything is freed, then the firmware draws again.
    Reboot,
    /// The guest switches its display off.
    DisplayOff,
    /// Hotspots of −1, a pointer left of the picture, and an `on` that is neither 0 nor 1.
    OddCursor,
    /// `y0_top`: the buffer's first row is the lowest.
    BottomUp,
    /// Rectangles of a larger buffer, without a modifier, and in two planes of one descriptor (10.1).
    PlanesAndParts,
}

/// What a viewer shows in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Nothing,
    /// A frame of the pattern; `x` and `y` are where in the frame the picture starts.
    Frame {
        frame: u32,
        x: u32,
        y: u32,
        width: u32,
        height: u32,
        format: u32,
    },
}

/// What a scenario came to.
#[derive(Debug)]
pub struct Played {
    pub shown: Shown,
    /// How each `UpdateDMABUF` and `ScanoutMap` ended, in order.
    pub replies: Vec<Reply>,
    /// The listener in use at the end, another one where the viewer registered again.
    pub listener: Listener,
    /// The memory behind the last picture, which a viewer may still read.
    pub buffers: Vec<Buffer>,
}

impl Scenario {
    pub const ALL: [Self; 12] = [
        Self::Software,
        Self::VgaTextResize,
        Self::MapUnaligned,
        Self::VfioFlips,
        Self::SpuriousDisable,
        Self::LostScanout,
        Self::RamfbToVgpu,
        Self::Reboot,
        Self::DisplayOff,
        Self::OddCursor,
        Self::BottomUp,
        Self::PlanesAndParts,
    ];

    /// The name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::VgaTextResize => "vga-text-resize",
            Self::MapUnaligned => "map-unaligned",
            Self::VfioFlips => "vfio-flips",
            Self::SpuriousDisable => "spurious-disable",
            Self::LostScanout => "lost-scanout",
            Self::RamfbToVgpu => "ramfb-to-vgpu",
            Self::Reboot => "reboot",
            Self::DisplayOff => "display-off",
            Self::OddCursor => "odd-cursor",
            Self::BottomUp => "bottom-up",
            Self::PlanesAndParts => "planes-and-parts",
        }
    }

    /// Plays the sequence on a listener, with `pace` between ticks of QEMU's timer (30 ms in QEMU).
    pub fn play(self, qemu: &Standin, listener: &Listener, pace: Duration) -> io::Result<Played> {
        let mut stage = Stage::new(qemu, listener.clone(), pace);
        let shown = match self {
            Self::Software => stage.software(),
            Self::VgaTextResize => stage.vga_text_resize(),
            Self::MapUnaligned => stage.map_unaligned()?,
            Self::VfioFlips => stage.vfio_flips()?,
            Self::SpuriousDisable => stage.spurious_disable()?,
            Self::LostScanout => stage.lost_scanout()?,
            Self::RamfbToVgpu => stage.ramfb_to_vgpu()?,
            Self::Reboot => stage.reboot()?,
            Self::DisplayOff => stage.display_off()?,
            Self::OddCursor => stage.odd_cursor()?,
            Self::BottomUp => stage.bottom_up()?,
            Self::PlanesAndParts => stage.planes_and_parts()?,
        };
        let Stage { replies, listener, buffers, .. } = stage;
        Ok(Played { shown, replies, listener, buffers })
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        let names = || Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("no scenario {name:?}; there are {}", names()))
    }
}

/// How long a viewer may take to notice that it lost a scanout.
const RESYNC_PATIENCE: Duration = Duration::from_secs(15);

struct Stage<'a> {
    qemu: &'a Standin,
    listener: Listener,
    pace: Duration,
    replies: Vec<Reply>,
    /// Kept alive: a viewer may look at them until the end.
    buffers: Vec<Buffer>,
}

fn whole(frame: u32, width: u32, height: u32, format: u32) -> Shown {
    Shown::Frame { frame, x: 0, y: 0, width, height, format }
}

fn area(width: u32, height: u32) -> [i32; 4] {
    [0, 0, width.cast_signed(), height.cast_signed()]
}

impl<'a> Stage<'a> {
    fn new(qemu: &'a Standin, listener: Listener, pace: Duration) -> Self {
        Self { qemu, listener, pace, replies: Vec::new(), buffers: Vec::new() }
    }

    fn tick(&self) {
        thread::sleep(self.pace);
    }

    /// A new buffer with a frame in it, shown by `ScanoutDMABUF`.
    fn scanout(&mut self, width: u32, height: u32, format: u32, frame: u32) -> io::Result<Dmabuf> {
        let buffer = Buffer::with_frame(Layout::tight(width, height, format), frame)?;
        let dmabuf = buffer.dmabuf();
        self.listener.scanout_dmabuf(&buffer, dmabuf);
        self.buffers.push(buffer);
        Ok(dmabuf)
    }

    /// A black buffer, as QEMU makes one for a console's own surface.
    fn black(&mut self, width: u32, height: u32) -> io::Result<()> {
        let buffer = Buffer::new(Layout::tight(width, height, X8B8G8R8))?;
        self.listener.scanout_dmabuf(&buffer, buffer.dmabuf());
        self.buffers.push(buffer);
        Ok(())
    }

    /// `UpdateDMABUF` of everything, whose reply is waited for as long as QEMU waits.
    fn update(&mut self, width: u32, height: u32) {
        let pending = self.listener.update_dmabuf(area(width, height));
        self.replies.push(pending.wait(Duration::from_secs(1)));
        self.tick();
    }

    fn software(&mut self) -> Shown {
        let part = [8, 8, 32, 32];
        let pixels = render_part(X8R8G8B8, 1, part, tight(X8R8G8B8, 32));
        self.listener.update(part.map(u32::cast_signed), tight(X8R8G8B8, 32), X8R8G8B8, pixels);
        self.tick();
        for frame in 2..6 {
            // A surface's lines may be further apart than its pixels need.
            let stride = tight(X8R8G8B8, 640) + 64;
            let pixels = render(X8R8G8B8, frame, 640, 480, stride);
            self.listener.scanout(640, 480, stride, X8R8G8B8, pixels);
            self.tick();
        }
        for y in (0..480).step_by(48) {
            let part = [0, y, 640, 48];
            let pixels = render_part(X8R8G8B8, 6, part, tight(X8R8G8B8, 640));
            self.listener.update(part.map(u32::cast_signed), tight(X8R8G8B8, 640), X8R8G8B8, pixels);
        }
        whole(6, 640, 480, X8R8G8B8)
    }

    fn vga_text_resize(&mut self) -> Shown {
        let stride = tight(X8R8G8B8, 640);
        self.listener.scanout(640, 480, stride, X8R8G8B8, render(X8R8G8B8, 1, 640, 480, stride));
        self.tick();
        let stride = tight(X8R8G8B8, 720);
        let pixels = render(X8R8G8B8, 2, 720, 400, stride);
        self.listener.update(area(720, 400), stride, X8R8G8B8, pixels);
        self.qemu.resize(self.listener.console(), 720, 400);
        self.tick();
        whole(2, 720, 400, X8R8G8B8)
    }

    fn map_unaligned(&mut self) -> io::Result<Shown> {
        let layout = Layout { offset: 4096 + 68, ..Layout::tight(800, 600, X8R8G8B8) };
        let buffer = Buffer::with_frame(layout, 1)?;
        self.replies.push(self.listener.scanout_map(&buffer, buffer.map()));
        for frame in 2..5 {
            buffer.draw(frame)?;
            self.listener.update_map(area(800, 600));
            self.tick();
        }
        self.buffers.push(buffer);
        Ok(whole(4, 800, 600, X8R8G8B8))
    }

    fn vfio_flips(&mut self) -> io::Result<Shown> {
        let buffers: Vec<Buffer> = (1..=8)
            .map(|frame| Buffer::with_frame(Layout::tight(800, 600, X8R8G8B8), frame))
            .collect::<io::Result<_>>()?;
        for (at, buffer) in buffers.iter().cycle().take(24).enumerate() {
            self.listener.scanout_dmabuf(buffer, buffer.dmabuf());
            // QEMU keeps the five most recent.
            if at >= 5 {
                self.listener.disable();
            }
            self.update(800, 600);
        }
        self.buffers = buffers;
        Ok(whole(8, 800, 600, X8R8G8B8))
    }

    fn spurious_disable(&mut self) -> io::Result<Shown> {
        self.scanout(800, 600, X8R8G8B8, 1)?;
        self.update(800, 600);
        self.listener.disable();
        for _ in 0..3 {
            self.update(800, 600);
        }
        Ok(whole(1, 800, 600, X8R8G8B8))
    }

    fn lost_scanout(&mut self) -> io::Result<Shown> {
        self.scanout(800, 600, X8R8G8B8, 1)?;
        self.update(800, 600);
        let before = self.listener.clone();
        let batch = before.batch();
        self.scanout(1024, 768, X8R8G8B8, 2)?;
        before.disable();
        drop(batch);
        let again = loop {
            self.update(1024, 768);
            if let Ok(again) = self.qemu.listener_after(&before, Duration::ZERO) {
                break again;
            }
            self.patience()?;
        };
        // A new listener is given what the console shows, its own surface first (2.6).
        self.listener = again;
        self.black(1024, 768)?;
        let buffer = &self.buffers[1];
        self.listener.scanout_dmabuf(buffer, buffer.dmabuf());
        self.update(1024, 768);
        Ok(whole(2, 1024, 768, X8R8G8B8))
    }

    /// Fails once a viewer has had enough time to register again.
    fn patience(&self) -> io::Result<()> {
        let spent =
            self.pace.max(Duration::from_millis(1)) * u32::try_from(self.replies.len()).unwrap_or(u32::MAX);
        if spent > RESYNC_PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the viewer did not register again"));
        }
        Ok(())
    }

    fn ramfb_to_vgpu(&mut self) -> io::Result<Shown> {
        self.black(640, 480)?;
        self.scanout(1024, 768, X8B8G8R8, 1)?;
        for _ in 0..3 {
            self.update(1024, 768);
        }
        self.black(800, 600)?;
        self.scanout(800, 600, X8R8G8B8, 2)?;
        for _ in 0..3 {
            self.update(800, 600);
        }
        Ok(whole(2, 800, 600, X8R8G8B8))
    }

    fn reboot(&mut self) -> io::Result<Shown> {
        self.scanout(800, 600, X8R8G8B8, 1)?;
        self.update(800, 600);
        for _ in 0..6 {
            self.listener.disable();
        }
        self.tick();
        self.scanout(1024, 768, X8B8G8R8, 2)?;
        self.update(1024, 768);
        Ok(whole(2, 1024, 768, X8B8G8R8))
    }

    fn display_off(&mut self) -> io::Result<Shown> {
        self.scanout(800, 600, X8R8G8B8, 1)?;
        self.update(800, 600);
        self.listener.disable();
        Ok(Shown::Nothing)
    }

    fn odd_cursor(&mut self) -> io::Result<Shown> {
        self.scanout(800, 600, X8R8G8B8, 1)?;
        self.listener.cursor_define([16, 16], [-1, -1], vec![0x80; 16 * 16 * 4]);
        self.listener.mouse_set(-7, -7, 257);
        self.update(800, 600);
        self.listener.cursor_define([512, 512], [511, 0], vec![0xff; 512 * 512 * 4]);
        self.listener.mouse_set(799, 599, -1);
        self.update(800, 600);
        self.listener.mouse_set(0, 0, 0);
        Ok(whole(1, 800, 600, X8R8G8B8))
    }

    fn bottom_up(&mut self) -> io::Result<Shown> {
        let buffer = Buffer::new(Layout::tight(320, 200, X8R8G8B8))?;
        let stride = tight(X8R8G8B8, 320);
        let pixels = render(X8R8G8B8, 1, 320, 200, stride);
        for (line, row) in pixels.chunks_exact(stride as usize).zip((0..200_u64).rev()) {
            buffer.write(row * u64::from(stride), line)?;
        }
        self.listener.scanout_dmabuf(&buffer, Dmabuf { y0_top: true, ..buffer.dmabuf() });
        self.buffers.push(buffer);
        self.update(320, 200);
        Ok(whole(1, 320, 200, X8R8G8B8))
    }

    fn planes_and_parts(&mut self) -> io::Result<Shown> {
        let buffer = Buffer::with_frame(Layout::tight(1024, 768, X8R8G8B8), 1)?;
        let whole = Dmabuf2::from(buffer.dmabuf());
        let part = Dmabuf2 { x: 100, y: 50, width: 640, height: 480, ..whole.clone() };
        // What a viewer cannot show must not cost it what it has: an unknown layout, and planes that
        // share the only descriptor.
        let vague = Dmabuf2 { modifier: INVALID, ..part.clone() };
        let planes = Dmabuf2 {
            num_planes: 2,
            offsets: vec![0, 1024 * 768 * 2],
            strides: vec![whole.strides[0]; 2],
            ..whole.clone()
        };
        for dmabuf in [&whole, &vague, &part, &planes, &part] {
            self.listener.scanout_dmabuf2(&[&buffer], dmabuf);
            self.update(dmabuf.width, dmabuf.height);
        }
        self.buffers.push(buffer);
        Ok(Shown::Frame { frame: 1, x: 100, y: 50, width: 640, height: 480, format: X8R8G8B8 })
    }
}
