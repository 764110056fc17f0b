//! How many of the stored bits are in use.

/// Beyond this, samples have been rounded to a `f32` before they come here.
const MOST_BITS: u16 = 32;

/// Collects the bits that any sample sets.
#[derive(Debug)]
pub(super) struct Bits {
    depth: u16,
    scale: f32,
    set: i32,
}

impl Bits {
    /// For samples stored in `depth` bits, floating-point numbers among them.
    pub(super) fn new(depth: u16) -> Self {
        let depth = depth.clamp(1, MOST_BITS);
        Self { depth, scale: f32::exp2(f32::from(depth - 1)), set: 0 }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        // As soon as the last bit is seen, which is in the first block of nearly every file, there is nothing more to find.
        if self.set & 1 == 0 {
            // Exact up to 24 bits. Of 32, loud samples have lost the last eight; quiet ones show them.
            self.set |= samples.iter().fold(0, |set, sample| set | (sample * self.scale) as i32);
        }
    }

    /// The stored bits, less those that are zero in all samples. None of silence.
    pub(super) fn effective(&self) -> Option<u16> {
        (self.set != 0).then(|| self.depth.saturating_sub(self.set.trailing_zeros() as u16))
    }
}
