//! What was chosen for the buffers that the guest flips: a steady guest is thought about once.

use super::Options;
use super::cache::Cache;
use super::ladder::{self, Choice, Reason, Rung};
use crate::clock::Time;
use crate::frame::{BufferId, Scanout};

/// The choices of one presenter, for as many buffers as stay known.
#[derive(Debug, Default)]
pub struct Choices {
    known: Cache<Chosen>,
}

#[derive(Debug)]
struct Chosen {
    /// Keeps the file's inode from being given to another buffer.
    scanout: Scanout,
    /// `None` since a rung has failed.
    choice: Option<Choice>,
    /// Rungs that seemed to do until they were tried.
    failed: Vec<(Rung, Reason)>,
}

impl Choices {
    /// What is chosen for a scanout; `check` says of a rung whether it does, as [`ladder::choose`]
    /// has it, and is only asked when that is not known.
    pub fn get(
        &mut self,
        options: Options,
        scanout: &Scanout,
        now: Time,
        mut check: impl FnMut(Rung) -> Result<(), Reason>,
    ) -> &Choice {
        let id = key(scanout);
        let fits = self.known.touch(id, now).is_some_and(|chosen| chosen.scanout.is_same(scanout));
        if !fits {
            let chosen = Chosen { scanout: scanout.clone(), choice: None, failed: Vec::new() };
            drop(self.known.insert(id, chosen, now));
        }
        let chosen = self.known.get_mut(id).expect("just made");
        let failed = &chosen.failed;
        chosen.choice.get_or_insert_with(|| {
            ladder::choose(options, |rung| {
                let tried = failed.iter().find(|(tried, _)| *tried == rung);
                tried.map_or_else(|| check(rung), |(_, reason)| Err(reason.clone()))
            })
        })
    }

    /// A rung that was chosen for a scanout does not do after all.
    pub fn fail(&mut self, scanout: &Scanout, rung: Rung, reason: Reason) {
        if let Some(chosen) = self.known.get_mut(key(scanout)) {
            chosen.choice = None;
            chosen.failed.push((rung, reason));
        }
    }

    /// Something has changed for one buffer: think again.
    pub fn forget(&mut self, id: BufferId) {
        if let Some(chosen) = self.known.get_mut(id) {
            chosen.choice = None;
        }
    }

    /// Something has changed for all of them: think again, and try again what has failed.
    pub fn clear(&mut self) {
        self.known.drain().for_each(drop);
    }

    /// Forgets buffers that the guest does not use any more.
    pub fn sweep(&mut self, now: Time) {
        self.known.sweep(now).for_each(drop);
    }

    /// When [`Self::sweep`] has something to do.
    pub fn deadline(&self) -> Option<Time> {
        self.known.deadline()
    }
}

/// Where a choice is kept: by the buffer, or by the framebuffer in our own memory.
fn key(scanout: &Scanout) -> BufferId {
    let ours = |address: u64| BufferId { device: 0, inode: address, layout: 0 };
    match scanout {
        Scanout::Blank => ours(0),
        Scanout::Pixels(pixels) => ours(std::sync::Arc::as_ptr(pixels).addr() as u64),
        Scanout::Mapped(mapped) => mapped.id(),
        Scanout::Dmabuf(dmabuf) => dmabuf.id(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::frame::Mapped;
    use crate::geometry::Size;
    use crate::pixel::Format;

    const NOW: Time = Time::from_millis(1000);

    fn map(inode: u64) -> Scanout {
        let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        let size = Size::new(64, 64);
        let map = Mapped::new((1, inode), fd, 1 << 20, 0, size, 256, Format::Xrgb8888);
        Scanout::Mapped(Arc::new(map.expect("a picture")))
    }

    fn rung(choices: &mut Choices, scanout: &Scanout, asked: &mut u32) -> Rung {
        let choice = choices.get(Options::default(), scanout, NOW, |_| {
            *asked += 1;
            Ok(())
        });
        match choice {
            Choice::Take { rung, .. } => *rung,
            Choice::Refuse(_) => panic!("all rungs do"),
        }
    }

    #[test]
    fn a_flipping_guest_is_thought_about_once_a_buffer() {
        let (mut choices, mut asked) = (Choices::default(), 0);
        let buffers: Vec<_> = (0..16).map(map).collect();
        for _ in 0..10 {
            for buffer in &buffers {
                assert_eq!(rung(&mut choices, buffer, &mut asked), Rung::Direct);
            }
        }
        assert_eq!(asked, 16);
    }

    #[test]
    fn what_failed_is_not_tried_again_until_things_change() {
        let (mut choices, mut asked) = (Choices::default(), 0);
        let map = map(1);
        assert_eq!(rung(&mut choices, &map, &mut asked), Rung::Direct);
        choices.fail(&map, Rung::Direct, Reason::Refused);
        assert_eq!(rung(&mut choices, &map, &mut asked), Rung::Compose);
        choices.fail(&map, Rung::Compose, Reason::Short);
        let choice = choices.get(Options::default(), &map, NOW, |_| Ok(())).clone();
        let Choice::Take { rung: Rung::Bridge, refused } = choice else { panic!("{choice:?}") };
        assert_eq!(refused.reason(Rung::Direct), Some(&Reason::Refused));
        assert_eq!(refused.reason(Rung::Compose), Some(&Reason::Short));
        choices.clear();
        assert_eq!(rung(&mut choices, &map, &mut asked), Rung::Direct);
    }

    #[test]
    fn buffers_that_are_gone_are_forgotten() {
        let (mut choices, mut asked) = (Choices::default(), 0);
        let maps = [map(1), map(2)];
        maps.iter().for_each(|map| _ = rung(&mut choices, map, &mut asked));
        let later = NOW + Duration::from_secs(10);
        choices.get(Options::default(), &maps[1], later, |_| Ok(()));
        choices.sweep(later);
        assert_eq!(choices.known.len(), 1);
    }
}
