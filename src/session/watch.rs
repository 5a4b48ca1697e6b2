//! Looks after the consoles of a machine by themselves: which one is active, which are boosted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::follow::{Choice, Follow};
use super::sight::Eye;
use super::{Console, ConsoleId, ConsoleKind, Hardware};

/// How often it is looked which console shows what, where there are several.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// What is remembered of the consoles of one connection.
#[derive(Debug, Default)]
pub(super) struct Watching {
    follow: Follow,
    eyes: BTreeMap<ConsoleId, Eye>,
    /// Whether it is being looked again and again.
    pub(super) looking: bool,
}

impl Watching {
    pub(super) fn new(choice: Choice) -> Self {
        let mut watching = Self::default();
        watching.follow.choose(choice);
        watching
    }

    /// There is such a console.
    pub(super) fn add(&mut self, console: &Console) {
        if console.kind == ConsoleKind::Graphic {
            self.follow.add(console.id, rank(console.hardware));
            self.eyes.entry(console.id).or_default();
        }
    }

    /// It is gone.
    pub(super) fn remove(&mut self, id: ConsoleId) {
        self.follow.remove(id);
        self.eyes.remove(&id);
    }

    /// The person chooses; tells which one is active if that is another now.
    pub(super) fn choose(&mut self, choice: Choice) -> Option<ConsoleId> {
        self.follow.choose(choice);
        self.follow.changed()
    }

    /// Whether there is a choice at all.
    pub(super) fn has_choice(&self) -> bool {
        self.eyes.len() > 1
    }

    /// Looks at the consoles; tells which one is active if that is another now.
    pub(super) fn look<'a>(&mut self, consoles: impl Iterator<Item = &'a Console>) -> Option<ConsoleId> {
        let mut sights = Vec::new();
        for console in consoles {
            if let Some(eye) = self.eyes.get_mut(&console.id) {
                sights.push((console.id, eye.look(&console.frames, console.hardware)));
            }
        }
        self.follow.look(sights);
        self.follow.changed()
    }

    /// Brings `used` up to date: the consoles that the guest uses. Says which have come and gone.
    pub(super) fn use_changed(&self, used: &mut BTreeSet<ConsoleId>) -> Vec<(ConsoleId, bool)> {
        let now: BTreeSet<_> = self.eyes.iter().filter(|(_, eye)| eye.is_used()).map(|(id, _)| *id).collect();
        let before = std::mem::replace(used, now);
        before.symmetric_difference(used).map(|id| (*id, used.contains(id))).collect()
    }
}

/// How well a device serves as the first of several that show something.
fn rank(hardware: Hardware) -> u8 {
    match hardware {
        Hardware::Vfio { .. } => 2,
        Hardware::VirtioGpu => 1,
        Hardware::Unknown | Hardware::Other | Hardware::Ramfb => 0,
    }
}
