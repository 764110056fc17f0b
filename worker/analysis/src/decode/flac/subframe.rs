//! One channel of a frame (RFC 9639 §9.2).

use super::bits::Bits;

/// Coefficients of the fixed predictors (RFC 9639 §9.2.5).
const FIXED: [&[i64]; 5] = [&[], &[1], &[2, -1], &[3, -3, 1], &[4, -6, 4, -1]];

/// Decodes `frames` samples of `bits` bits; `None` if they make no sense.
pub(super) fn subframe(source: &mut Bits<'_>, bits: u32, frames: usize, out: &mut Vec<i64>) -> Option<()> {
    out.clear();
    source.take(1).filter(|bit| *bit == 0)?;
    let kind = source.take(6)? as usize;
    // Low bits that are zero in every sample are left out.
    let wasted = if source.take(1)? == 1 { source.zeros()? as u32 + 1 } else { 0 };
    let bits = bits.checked_sub(wasted).filter(|bits| *bits > 0)?;
    match kind {
        0 => {
            let sample = source.signed(bits)?;
            out.resize(frames, sample);
        }
        1 => verbatim(source, bits, frames, out)?,
        8..=12 => {
            let order = kind - 8;
            verbatim(source, bits, order.min(frames), out)?;
            residual(source, order, frames, out)?;
            predict(FIXED[order], 0, out)?;
        }
        32.. => {
            let order = kind - 31;
            verbatim(source, bits, order.min(frames), out)?;
            let precision = source.take(4).filter(|it| *it != 15)? as u32 + 1;
            let shift = u32::try_from(source.signed(5)?).ok()?;
            let mut coefficients = [0; 32];
            for coefficient in &mut coefficients[..order] {
                *coefficient = source.signed(precision)?;
            }
            residual(source, order, frames, out)?;
            predict(&coefficients[..order], shift, out)?;
        }
        _ => return None,
    }
    out.iter_mut().for_each(|sample| *sample <<= wasted);
    Some(())
}

fn verbatim(source: &mut Bits<'_>, bits: u32, count: usize, out: &mut Vec<i64>) -> Option<()> {
    (0..count).try_for_each(|_| {
        out.push(source.signed(bits)?);
        Some(())
    })
}

/// Appends what the predictor is off by (RFC 9639 §9.2.7).
fn residual(source: &mut Bits<'_>, order: usize, frames: usize, out: &mut Vec<i64>) -> Option<()> {
    let width = match source.take(2)? {
        0 => 4,
        1 => 5,
        _ => return None,
    };
    let partitions = 1 << source.take(4)?;
    let size = frames / partitions;
    if size * partitions != frames || size < order {
        return None;
    }
    for partition in 0..partitions {
        let count = if partition == 0 { size - order } else { size };
        let parameter = source.take(width)? as u32;
        if parameter == (1 << width) - 1 {
            let raw = source.take(5)? as u32;
            verbatim(source, raw, count, out)?;
            continue;
        }
        for _ in 0..count {
            let folded = source.zeros()?.checked_shl(parameter)? | source.take(parameter)?;
            out.push((folded >> 1).cast_signed() ^ -((folded & 1).cast_signed()));
        }
    }
    Some(())
}

/// Makes samples of what stands behind the first ones.
fn predict(coefficients: &[i64], shift: u32, out: &mut [i64]) -> Option<()> {
    let order = coefficients.len();
    for at in order..out.len() {
        let mut sum = 0i64;
        for (coefficient, sample) in coefficients.iter().zip(out[..at].iter().rev()) {
            sum = sum.checked_add(coefficient.checked_mul(*sample)?)?;
        }
        out[at] = out[at].checked_add(sum >> shift)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictors_are_those_of_the_standard() {
        let mut line = vec![5, 7, 0, 0, 0];
        predict(FIXED[2], 0, &mut line).unwrap();
        assert_eq!(line, [5, 7, 9, 11, 13]);
        let mut halves = vec![8, 0, 1];
        predict(&[1], 1, &mut halves).unwrap();
        assert_eq!(halves, [8, 4, 3]);
        assert_eq!(predict(&[1 << 30], 0, &mut [i64::MAX, 0]), None);
    }

    #[test]
    fn constants_and_wasted_bits() {
        let mut out = Vec::new();
        // A constant of 8 bits, two of them wasted: the six others say −1.
        let bytes = [0b0000_0001, 0b0111_1111];
        subframe(&mut Bits::new(&bytes), 8, 3, &mut out).unwrap();
        assert_eq!(out, [-4, -4, -4]);
        assert_eq!(subframe(&mut Bits::new(&[0b0000_0100, 0]), 8, 3, &mut out), None);
    }
}
