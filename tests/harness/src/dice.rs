//! Numbers that look random and are the same in each run (xorshift).

/// A small generator; it is not to be started with 0.
#[derive(Debug)]
pub struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self(0x0123_4567_89ab_cdef)
    }
}

impl Dice {
    /// A number from 0 that is less than `sides`.
    ///
    /// # Panics
    /// Without sides.
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("less than the sides")
    }

    /// A number from `least` that is less than `end`.
    ///
    /// # Panics
    /// Where there is none.
    pub fn between(&mut self, least: u32, end: u32) -> u32 {
        least + u32::try_from(self.throw((end - least) as usize)).expect("less than the sides")
    }
}
