//! Peaks of a power spectrum, as pitches.

/// The range in Hz in which tones are sought: G1 and below is more often drum than bass, above C7 there are few fundamentals.
const LOWEST_HZ: f64 = 50.0;
const HIGHEST_HZ: f64 = 2100.0;
/// A peak this far below the strongest of its frame is noise: −60 dB.
const RELATIVE_FLOOR: f32 = 1e-6;
/// A frame whose strongest peak has no more power than this (−70 dB relative to a sine of full scale) is silence.
const SILENCE: f32 = 1e-7;
/// More than ten notes with four strong partials each are seldom heard at once; what is weaker is noise.
pub(super) const MAX_PEAKS: usize = 40;

/// A partial of a tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Peak {
    /// In semitones as MIDI counts them: 69 is 440 Hz.
    pub(super) pitch: f32,
    /// 1 for a sine of full scale.
    pub(super) amplitude: f32,
}

/// Finds the strongest peaks, by rising pitch. The position and height of each are those of the parabola through the
/// logarithms of its three bins (Smith & Serra 1987).
pub(super) fn pick(powers: &[f32], bin_hz: f64, peaks: &mut Vec<Peak>) {
    peaks.clear();
    let lowest = ((LOWEST_HZ / bin_hz).ceil() as usize).max(1);
    let end = ((HIGHEST_HZ / bin_hz) as usize).saturating_add(1).min(powers.len().saturating_sub(1));
    if lowest >= end {
        return;
    }
    let strongest = powers[lowest..end].iter().copied().fold(0.0, f32::max);
    // Also refuses NaN, should a spectrum ever hold one.
    if !(strongest > SILENCE && strongest.is_finite()) {
        return;
    }
    let floor = strongest * RELATIVE_FLOOR;
    let mut found: Vec<usize> = (lowest..end)
        .filter(|&at| powers[at] > floor && powers[at] > powers[at - 1] && powers[at] >= powers[at + 1])
        .collect();
    if found.len() > MAX_PEAKS {
        // Ties go to the lower one, so that the order of equal powers is the same on every machine.
        found.select_nth_unstable_by(MAX_PEAKS, |&a, &b| powers[b].total_cmp(&powers[a]).then(a.cmp(&b)));
        found.truncate(MAX_PEAKS);
        found.sort_unstable();
    }
    peaks.extend(found.into_iter().map(|at| interpolate(powers, at, bin_hz)));
}

fn interpolate(powers: &[f32], at: usize, bin_hz: f64) -> Peak {
    // Half the logarithm of a power is that of an amplitude; the smallest power keeps the logarithm finite.
    let log = |bin: usize| 0.5 * f64::from(powers[bin].max(1e-24)).ln();
    let (left, middle, right) = (log(at - 1), log(at), log(at + 1));
    let bend = left - 2.0 * middle + right;
    let offset = if bend < -1e-9 { (0.5 * (left - right) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    let hz = (at as f64 + offset) * bin_hz;
    Peak {
        pitch: (69.0 + 12.0 * (hz / 440.0).log2()) as f32,
        amplitude: (middle - 0.25 * (left - right) * offset).exp() as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;
    use crate::spectrum::Spectrum;

    fn peaks_of(signal: &[f32], rate: f64) -> Vec<Peak> {
        let mut peaks = Vec::new();
        pick(Spectrum::new(4096).powers(signal), rate / 4096.0, &mut peaks);
        peaks
    }

    #[test]
    fn a_sine_is_found_to_a_cent() {
        for hz in [60.0, 82.4, 220.0, 441.3, 1234.5, 2050.0] {
            let peaks = peaks_of(&signals::sine(11_025, hz, 0.25, 0.5), 11_025.0);
            let strongest = peaks.iter().max_by(|a, b| a.amplitude.total_cmp(&b.amplitude)).unwrap();
            let pitch = 69.0 + 12.0 * (hz / 440.0).log2();
            // A bin is 74 cents wide at 60 Hz.
            let tolerance = if hz < 100.0 { 0.04 } else { 0.01 };
            assert!((f64::from(strongest.pitch) - pitch).abs() < tolerance, "{hz}: {strongest:?}");
            assert!((strongest.amplitude - 0.25).abs() < 0.01, "{hz}: {strongest:?}");
        }
    }

    #[test]
    fn the_strongest_are_kept_in_order_of_pitch() {
        let peaks = peaks_of(&signals::noise(4096, 3), 11_025.0);
        assert_eq!(peaks.len(), MAX_PEAKS);
        assert!(peaks.is_sorted_by(|a, b| a.pitch < b.pitch));
    }

    #[test]
    fn silence_has_no_peaks() {
        assert!(peaks_of(&[0.0; 4096], 11_025.0).is_empty());
        assert!(peaks_of(&signals::sine(11_025, 440.0, 1e-5, 0.5), 11_025.0).is_empty());
    }

    #[test]
    fn no_rate_is_too_low_or_too_high() {
        for rate in [1.0, 99.0, 101.0, 4000.0, 1e7] {
            let peaks = peaks_of(&signals::noise(4096, 3), rate);
            assert!(peaks.iter().all(|it| it.pitch.is_finite() && it.amplitude.is_finite()), "{rate}");
        }
        let mut peaks = vec![Peak { pitch: 0.0, amplitude: 1.0 }];
        pick(&[f32::NAN; 2049], 2.7, &mut peaks);
        assert!(peaks.is_empty());
    }
}
