//! Looks whether something moves in a buffer that is shown again and again.

use std::hash::{DefaultHasher, Hasher};

use super::ladder;
use super::rows::{Door, Source};
use crate::clock::Time;
use crate::frame::{BufferId, Damage, Dmabuf, Pending, Pulse, Resampling, Sample, Scanout};
use crate::geometry::Point;

/// So many pixels across and down are looked at: few enough to cost nothing, also where each is a
/// read from a graphics card's memory, and enough to notice whatever a person would call motion.
const GRID: (u32, u32) = (24, 20);

/// What is shown at the moment, and whether it moves.
#[derive(Debug, Default)]
pub struct Motion {
    shown: Option<BufferId>,
    /// Where its pixels can be read; opened when it has been shown for a while.
    door: Option<Option<Door>>,
    resampling: Resampling,
}

impl Motion {
    /// A picture is about to be shown.
    pub fn look(&mut self, pending: &Pending, pulse: Pulse, now: Time) {
        let Scanout::Dmabuf(dmabuf) = &pending.scanout else {
            return *self = Self::default();
        };
        let is_same = self.shown == Some(dmabuf.id());
        if !is_same || pending.damage != Damage::whole(dmabuf.size()) {
            if !is_same {
                (self.shown, self.door) = (Some(dmabuf.id()), None);
            }
            return self.resampling.flipped(now);
        }
        if self.resampling.is_steady(now) {
            let sample = self.sample(&pending.scanout, dmabuf);
            self.resampling.sampled(sample, pulse.touched, now);
        }
    }

    /// Whether to show the same once more at the next refresh.
    pub fn is_wanted(&self, now: Time) -> bool {
        self.resampling.is_wanted(now)
    }

    fn sample(&mut self, scanout: &Scanout, dmabuf: &Dmabuf) -> Sample {
        let Ok(format) = ladder::readable(scanout) else { return Sample::Unreadable };
        let door = self.door.get_or_insert_with(|| Door::open(dmabuf).ok());
        let digest = door
            .as_ref()
            .and_then(|door| Source::new(scanout, format, Some(door)))
            .and_then(|source| digest(&source, dmabuf).ok());
        match digest {
            Some(digest) => Sample::Digest(digest),
            None => {
                // It will be no better next time.
                self.door = Some(None);
                Sample::Unreadable
            }
        }
    }
}

fn digest(source: &Source<'_>, dmabuf: &Dmabuf) -> std::io::Result<u64> {
    let size = dmabuf.size();
    let place = |turn: u32, turns: u32, extent: u32| {
        let at = u64::from(extent) * (2 * u64::from(turn) + 1) / (2 * u64::from(turns));
        i32::try_from(at).unwrap_or(0)
    };
    let (across, down) = GRID;
    let points = (0..across * down).map(|index| {
        let (column, row) = (index % across, index / across);
        // Not one below the other: an upright line is as likely to be met as a level one.
        let (x, shift) = (place(column, across, size.width), place(row, down, size.width / across));
        Point::new((x + shift) % size.width.cast_signed().max(1), place(row, down, size.height))
    });
    let mut hasher = DefaultHasher::new();
    source.pixels(points, |pixel| hasher.write(pixel))?;
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::fs::MemfdFlags;

    use super::*;
    use crate::frame::{DmabufParts, Plane, Wire};
    use crate::geometry::{Rect, Size};
    use crate::pixel::{Fourcc, Modifier};

    const SIZE: (u32, u32) = (320, 200);

    struct Guest {
        file: std::os::fd::OwnedFd,
        inode: u64,
        modifier: Modifier,
        motion: Motion,
        now: Time,
        pulse: Pulse,
    }

    impl Guest {
        fn new(modifier: Modifier) -> Self {
            let file = rustix::fs::memfd_create("guest", MemfdFlags::CLOEXEC).expect("memory");
            rustix::fs::ftruncate(&file, u64::from(SIZE.0 * SIZE.1 * 4)).expect("memory");
            let (motion, now) = (Motion::default(), Time::from_millis(1000));
            Self { file, inode: 1, modifier, motion, now, pulse: Pulse::default() }
        }

        /// QEMU says that all of it is new, as it does every 30 ms; whether to show it again.
        fn poll(&mut self, damage: Option<Rect<crate::geometry::Guest>>) -> bool {
            self.now = self.now + Duration::from_millis(30);
            let (width, height) = SIZE;
            let fd = self.file.try_clone().expect("a descriptor");
            let dmabuf = Dmabuf::new(DmabufParts {
                file: (1, self.inode),
                planes: vec![Plane { fd, offset: 0, stride: width * 4 }],
                fourcc: Fourcc(u32::from_le_bytes(*b"XR24")),
                modifier: self.modifier,
                backing: Size::new(width, height),
                crop: Rect::new(0, 0, width, height),
                y0_top: false,
                wire: Wire::V2,
            });
            let scanout = Scanout::Dmabuf(dmabuf.expect("a buffer").into());
            let mut all = Damage::NONE;
            all.add(damage.unwrap_or(scanout.size().at_origin()));
            let pending = Pending { scanout, damage: all, ack: None, received: self.now, events: 1 };
            self.motion.look(&pending, self.pulse, self.now);
            self.motion.is_wanted(self.now)
        }

        fn polls(&mut self, times: u32) -> Vec<bool> {
            (0..times).map(|_| self.poll(None)).collect()
        }

        /// Draws a window of this shade.
        fn draw(&self, shade: u8) {
            let row = vec![shade; 100 * 4];
            for y in 50..150_u64 {
                let at = (y * u64::from(SIZE.0) + 80) * 4;
                rustix::io::pwrite(&self.file, &row, at).expect("memory");
            }
        }
    }

    #[test]
    fn a_guest_that_draws_into_the_buffer_that_is_shown_is_noticed() {
        let mut guest = Guest::new(Modifier::LINEAR);
        assert!(!guest.polls(20).contains(&true), "it stands still");
        guest.draw(9);
        assert!(guest.poll(None));
        guest.draw(10);
        assert!(guest.poll(None));
        assert!(!guest.polls(12).last().expect("twelve"), "it stands still again");
    }

    #[test]
    fn a_guest_that_flips_is_not_looked_at() {
        let mut guest = Guest::new(Modifier::LINEAR);
        guest.polls(20);
        for shade in 0..20 {
            guest.draw(shade);
            guest.inode = 1 + u64::from(shade % 2);
            assert!(!guest.poll(None));
        }
    }

    #[test]
    fn a_guest_that_says_what_is_new_is_not_looked_at() {
        let mut guest = Guest::new(Modifier::LINEAR);
        guest.polls(20);
        for shade in 0..20 {
            guest.draw(shade);
            assert!(!guest.poll(Some(Rect::new(80, 50, 100, 100))));
        }
    }

    #[test]
    fn of_a_tiled_buffer_the_person_tells() {
        let mut guest = Guest::new(Modifier(0x0100_0000_0000_0001));
        guest.polls(20);
        guest.draw(9);
        assert!(!guest.poll(None));
        guest.pulse.touched = Some(guest.now);
        assert!(guest.poll(None));
        assert!(!guest.polls(40).last().expect("forty"));
    }
}
