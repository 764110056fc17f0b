//! Damage, the same each time.

use crate::corpus::random::Random;

/// The first `share` (0 to 1) of the bytes, as an interrupted copy leaves them.
pub(super) fn truncate(bytes: &[u8], share: f64) -> Vec<u8> {
    bytes[..(bytes.len() as f64 * share) as usize].to_vec()
}

/// One bit flipped in about every `spacing` bytes of the third quarter, as a failing disk leaves them. Header and end stay
/// intact, so that the damage is found by decoding alone.
pub(super) fn flip_bits(bytes: &[u8], spacing: usize) -> Vec<u8> {
    let mut random = Random::new(bytes.len() as u64, "damage");
    let mut damaged = bytes.to_vec();
    let mut at = bytes.len() / 2;
    while at < bytes.len() * 3 / 4 {
        damaged[at] ^= 1 << random.below(8);
        at += 1 + random.below(2 * spacing);
    }
    damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_repeatable_and_leaves_both_ends() {
        let bytes = vec![0_u8; 4000];
        let flipped = flip_bits(&bytes, 50);
        assert_eq!(flipped, flip_bits(&bytes, 50));
        let bits: u32 = flipped.iter().map(|b| b.count_ones()).sum();
        assert!((10..40).contains(&bits), "{bits}");
        assert!(flipped[..2000].iter().chain(&flipped[3000..]).all(|b| *b == 0));
        assert_eq!(truncate(&bytes, 0.25).len(), 1000);
    }
}
