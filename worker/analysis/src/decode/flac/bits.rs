//! Bits from the highest on.

/// A reader of bits.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that were read.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At least 57 bits from here on, at the top, zeros behind the end.
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let mut word = [0; 8];
        let len = rest.len().min(8);
        word[..len].copy_from_slice(&rest[..len]);
        u64::from_be_bytes(word) << (self.at % 8)
    }

    fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// The next `count` bits, 57 at most; `None` at the end.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        if self.left() < count as usize {
            return None;
        }
        let value = if count == 0 { 0 } else { self.peek() >> (64 - count) };
        self.at += count as usize;
        Some(value)
    }

    /// The same as a signed number.
    pub(super) fn signed(&mut self, count: u32) -> Option<i64> {
        let value = self.take(count)?;
        Some(if count == 0 { 0 } else { (value << (64 - count)).cast_signed() >> (64 - count) })
    }

    /// Zeros up to the next one, which is taken as well.
    pub(super) fn zeros(&mut self) -> Option<u64> {
        let mut count = 0;
        loop {
            if self.left() == 0 {
                return None;
            }
            let zeros = (self.peek().leading_zeros() as usize).min(56);
            self.at += zeros;
            count += zeros as u64;
            if zeros < 56 {
                return self.take(1).filter(|bit| *bit == 1).map(|_| count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_runs() {
        let mut bits = Bits::new(&[0b1010_0001, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80]);
        assert_eq!((bits.take(3), bits.zeros(), bits.take(8)), (Some(5), Some(4), Some(0xff)));
        assert_eq!((bits.zeros(), bits.signed(1), bits.take(8)), (Some(71), Some(-1), None));
        assert_eq!((bits.take(7), bits.zeros()), (Some(0), None));
        assert_eq!(Bits::new(&[0xff; 8]).signed(33), Some(-1));
    }
}
