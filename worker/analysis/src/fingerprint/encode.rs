//! The compressed text form of a fingerprint, as AcoustID takes it.
//!
//! Four bytes of header: the algorithm, and the number of items, the highest byte first. Then, for each item XOR the one
//! before, the distances from one set bit to the next, in three bits each, 7 for "7 or more" and 0 for the end of the item;
//! then what goes beyond 7, in five bits each. Both lists are packed from the lowest bit of a byte on. All that in Base64 with
//! the alphabet for URLs and without padding (RFC 4648 §5).

use data_encoding::BASE64URL_NOPAD;

/// The number of TEST2 in the header.
const ALGORITHM: u8 = 1;
/// The largest distance that three bits hold.
const ESCAPE: u8 = 7;

/// Encodes items; at most 2^24 of them.
pub(super) fn encode(items: &[u32]) -> String {
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let [_, count @ ..] = count.to_be_bytes();
    let (mut normal, mut beyond) = (Bits::default(), Bits::default());
    let mut before = 0;
    for item in items {
        let mut changed = item ^ before;
        before = *item;
        // 32 for the last bit of an item, so no distance needs more than five bits beyond 7.
        while changed != 0 {
            let distance = changed.trailing_zeros() as u8 + 1;
            normal.put(distance.min(ESCAPE), 3);
            if distance >= ESCAPE {
                beyond.put(distance - ESCAPE, 5);
            }
            changed = changed.checked_shr(u32::from(distance)).unwrap_or(0);
        }
        normal.put(0, 3);
    }
    let mut bytes = vec![ALGORITHM];
    bytes.extend(count);
    bytes.extend(normal.bytes());
    bytes.extend(beyond.bytes());
    BASE64URL_NOPAD.encode(&bytes)
}

/// Bits packed from the lowest of each byte on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    rest: u32,
    length: u32,
}

impl Bits {
    fn put(&mut self, value: u8, width: u32) {
        self.rest |= u32::from(value) << self.length;
        self.length += width;
        if self.length >= 8 {
            self.bytes.push(self.rest as u8);
            self.rest >>= 8;
            self.length -= 8;
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.length > 0 {
            self.bytes.push(self.rest as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! The way back.

    use super::*;

    /// The algorithm's number and the items, or nothing if the text ends too early.
    pub(in super::super) fn decode(text: &str) -> Option<(u8, Vec<u32>)> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (header, body) = bytes.split_at_checked(4)?;
        let count = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let bit = |at: usize| Some(usize::from((body.get(at / 8)? >> (at % 8)) & 1));
        let number =
            |at: usize, width: usize| (0..width).try_fold(0, |sum, it| Some(sum | (bit(at + it)? << it)));
        let mut normal = Vec::new();
        while normal.iter().filter(|it| **it == 0).count() < count {
            normal.push(number(3 * normal.len(), 3)?);
        }
        let beyond = 8 * (3 * normal.len()).div_ceil(8);
        let (mut items, mut escapes, mut before) = (Vec::new(), 0, 0u32);
        for distances in normal.split(|it| *it == 0).take(count) {
            let mut at = 0;
            for distance in distances {
                at += distance;
                if *distance == 7 {
                    at += number(beyond + 5 * escapes, 5)?;
                    escapes += 1;
                }
                before ^= 1 << (at - 1);
            }
            items.push(before);
        }
        Some((header[0], items))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::decode;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_gives_back_the_items(items in proptest::collection::vec(any::<u32>(), 0..100)) {
            prop_assert_eq!(decode(&encode(&items)), Some((1, items)));
        }

        #[test]
        fn single_bits_are_kept(items in proptest::collection::vec(0u32..32, 0..40)) {
            let items: Vec<u32> = items.iter().map(|bit| 1 << bit).collect();
            prop_assert_eq!(decode(&encode(&items)), Some((1, items)));
        }
    }
}
