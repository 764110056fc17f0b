//! The few functions the synthesis needs, from additions and multiplications alone.
//!
//! `f64::sin` and `f64::exp2` call the platform's mathematics library, whose last digits differ between systems. The four
//! operations, square root and comparison are exact by IEEE 754, so these give the same bits everywhere.

use std::f64::consts::{LN_2, LOG2_10, TAU};

/// Coefficients of sin(x)/x as a polynomial in x², to x¹⁴: the error at a quarter turn is below 1e-11.
const SINE: [f64; 8] = [
    1.0,
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5_040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
];

/// Sine of an angle given in turns.
pub(crate) fn sin_turns(turns: f64) -> f64 {
    let mut x = turns - (turns as i64) as f64;
    if x > 0.5 {
        x -= 1.0;
    } else if x < -0.5 {
        x += 1.0;
    }
    if x > 0.25 {
        x = 0.5 - x;
    } else if x < -0.25 {
        x = -0.5 - x;
    }
    let x = x * TAU;
    let square = x * x;
    x * SINE.iter().rev().fold(0.0, |sum, c| sum * square + c)
}

/// 2 to the power of `x`, for −1000 < x < 1000.
pub(crate) fn exp2(x: f64) -> f64 {
    let whole = x.floor();
    let y = (x - whole) * LN_2;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..16 {
        term *= y / f64::from(n);
        sum += term;
    }
    sum * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
}

/// Amplitude of a level in decibels.
pub(crate) fn from_decibels(db: f64) -> f64 {
    exp2(db * LOG2_10 / 20.0)
}

/// Factor per sample of an exponential decay that reaches −60 dB after `seconds`.
pub(crate) fn decay_per_sample(seconds: f64, rate: f64) -> f64 {
    from_decibels(-60.0 / (seconds * rate).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_mathematics_library() {
        for i in -4000..4000 {
            let x = f64::from(i) / 771.0;
            assert!((sin_turns(x) - (x * TAU).sin()).abs() < 1e-10, "sin {x}");
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-13, "exp2 {x}");
        }
    }

    #[test]
    fn decays_by_sixty_decibels() {
        let end = decay_per_sample(0.5, 8000.0).powi(4000);
        assert!((end - 0.001).abs() < 1e-9, "{end}");
        assert!((from_decibels(-6.0) - 0.501_187).abs() < 1e-6);
    }
}
