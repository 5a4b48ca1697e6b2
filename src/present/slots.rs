//! Which of our own buffers a frame is copied into, and what of it is old there.
//!
//! Each buffer misses what changed while another one was shown. Only that is copied: a guest whose
//! clock ticks costs a clock's worth of bytes, however large the screen.

use crate::frame::Damage;
use crate::geometry::{Guest, Size};

/// How many buffers there are at most: one shown, one waiting, one being filled, one to spare.
const CAPACITY: usize = 4;

/// Buffers of one size and format.
#[derive(Debug)]
pub struct Slots<B> {
    size: Size<Guest>,
    slots: Vec<Slot<B>>,
}

#[derive(Debug)]
struct Slot<B> {
    stale: Damage,
    /// The compositor may still read it.
    held: bool,
    buffer: B,
}

impl<B> Slots<B> {
    /// No buffers yet, for pictures of this size.
    pub fn new(size: Size<Guest>) -> Self {
        Self { size, slots: Vec::with_capacity(CAPACITY) }
    }

    /// A frame has come: what it changed is now old in every buffer.
    pub fn damage(&mut self, damage: &Damage) {
        for slot in &mut self.slots {
            slot.stale.add_all(damage);
        }
    }

    /// The buffer to fill next, made by `make` for its index if all are held, and what has to be copied into it.
    /// `None` if there are as many as there may be and all are held.
    ///
    /// # Errors
    ///
    /// What `make` says.
    pub fn next<E>(
        &mut self,
        make: impl FnOnce(usize) -> Result<B, E>,
    ) -> Result<Option<(usize, Damage)>, E> {
        let area = |damage: &Damage| damage.rects().iter().map(|rect| rect.size.area()).sum::<u64>();
        let free = self.slots.iter().enumerate().filter(|(_, slot)| !slot.held);
        if let Some((index, slot)) = free.min_by_key(|(_, slot)| area(&slot.stale)) {
            return Ok(Some((index, slot.stale)));
        }
        if self.slots.len() == CAPACITY {
            return Ok(None);
        }
        let stale = Damage::whole(self.size);
        let index = self.slots.len();
        self.slots.push(Slot { stale, held: false, buffer: make(index)? });
        Ok(Some((index, stale)))
    }

    /// The buffer at an index that [`Self::next`] gave.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut B> {
        self.slots.get_mut(index).map(|slot| &mut slot.buffer)
    }

    /// The index of the first buffer that answers to `wanted`.
    pub fn position(&self, wanted: impl Fn(&B) -> bool) -> Option<usize> {
        self.slots.iter().position(|slot| wanted(&slot.buffer))
    }

    /// The pictures have another size from now on, which the buffers take.
    pub fn resize(&mut self, size: Size<Guest>) {
        self.size = size;
        for slot in &mut self.slots {
            slot.stale = Damage::whole(size);
        }
    }

    /// A buffer was brought up to date and given to the compositor.
    pub fn give(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.stale = Damage::NONE;
            slot.held = true;
        }
    }

    /// The compositor reads it no more.
    pub fn release(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.held = false;
        }
    }

    /// Gives all buffers away.
    pub fn drain(&mut self) -> impl Iterator<Item = B> {
        self.slots.drain(..).map(|slot| slot.buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::geometry::Rect;

    const SIZE: Size<Guest> = Size::new(100, 100);

    fn next(slots: &mut Slots<()>) -> Option<(usize, Damage)> {
        slots.next(|_| Ok::<_, Infallible>(())).expect("infallible")
    }

    fn small(x: i32) -> Damage {
        let mut damage = Damage::NONE;
        damage.add(Rect::new(x, 0, 5, 5));
        damage
    }

    #[test]
    fn a_buffer_catches_up_on_what_it_missed() {
        let mut slots = Slots::new(SIZE);
        let (first, stale) = next(&mut slots).expect("a new one");
        assert_eq!(stale, Damage::whole(SIZE));
        slots.give(first);
        slots.damage(&small(10));
        let (second, stale) = next(&mut slots).expect("a new one");
        assert_eq!((second, stale), (1, Damage::whole(SIZE)));
        slots.give(second);
        slots.release(first);
        slots.damage(&small(20));
        let (third, stale) = next(&mut slots).expect("the first again");
        assert_eq!(third, first);
        assert_eq!(stale.rects(), [Rect::new(10, 0, 5, 5), Rect::new(20, 0, 5, 5)]);
    }

    #[test]
    fn the_buffer_that_misses_least_is_taken() {
        let mut slots = Slots::new(SIZE);
        for index in 0..2 {
            assert_eq!(next(&mut slots).map(|(index, _)| index), Some(index));
            slots.give(index);
        }
        slots.release(0);
        slots.damage(&Damage::whole(SIZE));
        let (index, _) = next(&mut slots).expect("the first");
        slots.give(index);
        slots.release(0);
        slots.release(1);
        assert_eq!(next(&mut slots), Some((0, Damage::NONE)));
    }

    #[test]
    fn there_are_never_more_than_a_few() {
        let mut slots = Slots::new(SIZE);
        for _ in 0..CAPACITY {
            let (index, _) = next(&mut slots).expect("room");
            slots.give(index);
        }
        assert_eq!(next(&mut slots), None);
        slots.release(2);
        assert_eq!(next(&mut slots), Some((2, Damage::NONE)));
        assert_eq!(slots.drain().count(), CAPACITY);
    }
}
