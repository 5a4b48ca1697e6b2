//! Which of several consoles is the one to look at: the one that last got a real picture.
//!
//! A machine with a vGPU beside a standard VGA shows firmware and boot messages on one and its
//! desktop on the other. A console is *taken up* when it begins to show something, or something of
//! another size or kind; frames of what it shows already are no sign, or two screens of one desktop
//! would take the window from each other. Blank screens and QEMU's own notices are nothing to show.
//!
//! Pure: what the consoles show goes in, which one is active comes out.

use std::collections::BTreeMap;

use super::ConsoleId;

/// Who says which console is shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// What happens at the machine.
    #[default]
    Automatic,
    /// The person: this one.
    Console(ConsoleId),
}

/// What a console shows, as far as it tells one picture from another.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sight {
    /// No picture, or an empty one, or QEMU's notice that the guest shows nothing.
    #[default]
    Nothing,
    /// A picture, known by a number that is another for another size or kind.
    Picture(u64),
}

#[derive(Debug, Default)]
struct Seen {
    /// What it was last time; taken up once it is the same twice, since mode changes pass through
    /// black.
    last: Sight,
    settled: Sight,
    /// How well it serves as the first: a GPU of the guest's own before others.
    rank: u8,
    /// When it was taken up, as a count of all that were.
    taken_up: u64,
}

/// The consoles of one machine.
#[derive(Debug, Default)]
pub(super) struct Follow {
    consoles: BTreeMap<ConsoleId, Seen>,
    choice: Choice,
    active: Option<ConsoleId>,
    taken_up: u64,
}

impl Follow {
    /// There is such a console; of those that show something when they are first looked at, the one
    /// with the highest rank is active.
    pub(super) fn add(&mut self, id: ConsoleId, rank: u8) {
        self.consoles.entry(id).or_default().rank = rank;
    }

    /// It is gone; what the person chose goes with it.
    pub(super) fn remove(&mut self, id: ConsoleId) {
        self.consoles.remove(&id);
        if self.choice == Choice::Console(id) {
            self.choice = Choice::Automatic;
        }
    }

    /// The person chooses.
    pub(super) fn choose(&mut self, choice: Choice) {
        self.choice = choice;
    }

    /// Takes in what all consoles show at one moment.
    pub(super) fn look(&mut self, sights: impl IntoIterator<Item = (ConsoleId, Sight)>) {
        let mut risen = Vec::new();
        for (id, sight) in sights {
            let Some(seen) = self.consoles.get_mut(&id) else { continue };
            let stays = std::mem::replace(&mut seen.last, sight) == sight;
            if stays && std::mem::replace(&mut seen.settled, sight) != sight && sight != Sight::Nothing {
                risen.push((seen.rank, std::cmp::Reverse(id)));
            }
        }
        // At the same time: the best last, so that it counts as the newest.
        risen.sort_unstable();
        for (_, std::cmp::Reverse(id)) in risen {
            self.taken_up += 1;
            if let Some(seen) = self.consoles.get_mut(&id) {
                seen.taken_up = self.taken_up;
            }
        }
    }

    /// The active console, if it is another than was told before.
    pub(super) fn changed(&mut self) -> Option<ConsoleId> {
        let active = self.active();
        if active == self.active {
            return None;
        }
        self.active = active;
        active
    }

    fn active(&self) -> Option<ConsoleId> {
        if let Choice::Console(id) = self.choice
            && self.consoles.contains_key(&id)
        {
            return Some(id);
        }
        let shows = |seen: &&Seen| seen.settled != Sight::Nothing;
        let newest = self.consoles.iter().filter(|(_, seen)| shows(seen));
        let newest = newest.max_by_key(|(_, seen)| seen.taken_up).map(|(id, _)| *id);
        // Where nothing is shown anywhere, it stays as it was.
        newest.or(self.active.filter(|id| self.consoles.contains_key(id)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VGA: ConsoleId = ConsoleId(0);
    const VGPU: ConsoleId = ConsoleId(1);

    fn machine() -> Follow {
        let mut follow = Follow::default();
        follow.add(VGA, 0);
        follow.add(VGPU, 1);
        follow
    }

    /// They show this for long enough.
    fn show(follow: &mut Follow, vga: u64, vgpu: u64) -> Option<ConsoleId> {
        let sight = |number| if number == 0 { Sight::Nothing } else { Sight::Picture(number) };
        for _ in 0..2 {
            follow.look([(VGA, sight(vga)), (VGPU, sight(vgpu))]);
        }
        follow.changed()
    }

    #[test]
    fn from_firmware_to_desktop_and_back() {
        let mut follow = machine();
        assert_eq!(show(&mut follow, 0, 0), None, "there is nothing to see");
        assert_eq!(show(&mut follow, 1, 0), Some(VGA), "firmware");
        assert_eq!(show(&mut follow, 2, 0), None, "boot messages");
        assert_eq!(show(&mut follow, 2, 9), Some(VGPU), "the guest's driver");
        assert_eq!(show(&mut follow, 2, 8), None, "another mode");
        assert_eq!(show(&mut follow, 1, 8), Some(VGA), "a reset, and firmware again");
        assert_eq!(show(&mut follow, 1, 0), None);
        assert_eq!(show(&mut follow, 1, 8), Some(VGPU));
        assert_eq!(show(&mut follow, 1, 0), Some(VGA), "what is dark is not looked at");
    }

    #[test]
    fn of_a_running_machine_the_vgpu_is_looked_at() {
        assert_eq!(show(&mut machine(), 1, 9), Some(VGPU));
    }

    #[test]
    fn a_black_moment_takes_nothing_over() {
        let mut follow = machine();
        show(&mut follow, 1, 0);
        follow.look([(VGA, Sight::Picture(1)), (VGPU, Sight::Picture(9))]);
        follow.look([(VGA, Sight::Picture(1)), (VGPU, Sight::Nothing)]);
        assert_eq!(follow.changed(), None);
    }

    #[test]
    fn what_the_person_chose_stays_until_they_let_go_of_it() {
        let mut follow = machine();
        show(&mut follow, 1, 0);
        follow.choose(Choice::Console(VGPU));
        assert_eq!(follow.changed(), Some(VGPU));
        assert_eq!(show(&mut follow, 2, 0), None);
        follow.choose(Choice::Automatic);
        assert_eq!(follow.changed(), Some(VGA));
    }

    #[test]
    fn a_chosen_console_that_goes_leaves_the_choice_to_us() {
        let mut follow = machine();
        show(&mut follow, 1, 9);
        follow.choose(Choice::Console(VGPU));
        follow.remove(VGPU);
        assert_eq!(follow.changed(), Some(VGA));
        follow.add(VGPU, 1);
        assert_eq!(show(&mut follow, 1, 0), None);
    }

    proptest! {
        #[test]
        fn two_that_go_on_showing_the_same_never_take_turns(
            start in (1..3_u64, 1..3_u64),
            looks in 1..50_usize,
        ) {
            let mut follow = machine();
            show(&mut follow, start.0, start.1);
            for _ in 0..looks {
                prop_assert_eq!(show(&mut follow, start.0, start.1), None);
            }
        }

        #[test]
        fn the_active_console_exists(ops in prop::collection::vec((0..4_u8, 0..3_u32, 0..3_u64), 0..60)) {
            let mut follow = Follow::default();
            for (op, id, number) in ops {
                let id = ConsoleId(id);
                match op {
                    0 => follow.add(id, u8::try_from(number).unwrap_or(0)),
                    1 => follow.remove(id),
                    2 => follow.choose(Choice::Console(id)),
                    _ => {
                        for _ in 0..2 {
                            follow.look([(id, if number == 0 { Sight::Nothing } else { Sight::Picture(number) })]);
                        }
                    }
                }
                if let Some(active) = follow.changed() {
                    prop_assert!(follow.consoles.contains_key(&active));
                }
            }
        }
    }
}
