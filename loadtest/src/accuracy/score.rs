//! The measures, each by the definition that is named at it.

/// Share of the true tempo within which an answer is right (Gouyon et al. 2006).
const TOLERANCE: f64 = 0.04;

/// The narrow one: below what a listener notices.
const NARROW: f64 = 0.01;

/// Metrical levels that the second accuracy takes for right, as multiples of the true tempo (Gouyon et al. 2006).
const LEVELS: [f64; 5] = [1.0, 2.0, 3.0, 0.5, 1.0 / 3.0];

/// Half the window of a beat, in seconds (`mir_eval.beat.f_measure`).
const BEAT_WINDOW: f64 = 0.07;

/// Beats before this are left out, in seconds (`mir_eval.beat.trim_beats`).
const TRIMMED: f64 = 5.0;

/// How right a tempo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TempoScore {
    pub(super) acc1: bool,
    pub(super) acc1_narrow: bool,
    pub(super) acc2: bool,
}

/// Of an answer in BPM.
pub(super) fn tempo(truth: f64, answer: f64) -> TempoScore {
    let near = |level: f64, tolerance: f64| (answer - truth * level).abs() <= tolerance * truth * level;
    TempoScore {
        acc1: near(1.0, TOLERANCE),
        acc1_narrow: near(1.0, NARROW),
        acc2: LEVELS.iter().any(|level| near(*level, TOLERANCE)),
    }
}

/// A key as a number of semitones above C and its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PitchKey {
    pub(super) tonic: u8,
    pub(super) minor: bool,
}

impl PitchKey {
    /// From names in any spelling: `F#`, `Gb`; `major`, `minor`.
    pub(super) fn parse(tonic: &str, mode: &str) -> Option<Self> {
        let mut signs = tonic.chars();
        let natural = match signs.next()? {
            'C' => 0,
            'D' => 2,
            'E' => 4,
            'F' => 5,
            'G' => 7,
            'A' => 9,
            'B' => 11,
            _ => return None,
        };
        let shifted = signs.try_fold(natural, |tonic: i32, sign| match sign {
            '#' => Some(tonic + 1),
            'b' => Some(tonic - 1),
            _ => None,
        })?;
        let minor = match mode {
            "minor" => true,
            "major" => false,
            _ => return None,
        };
        Some(Self { tonic: shifted.rem_euclid(12) as u8, minor })
    }
}

/// The score of MIREX's key detection, as `mir_eval.key.weighted_score` has it.
pub(super) fn key(truth: PitchKey, answer: PitchKey) -> f64 {
    let above = (i32::from(answer.tonic) - i32::from(truth.tonic)).rem_euclid(12);
    match (truth.minor, answer.minor, above) {
        (a, b, 0) if a == b => 1.0,
        (a, b, 7) if a == b => 0.5,
        // The relative minor lies nine semitones above its major, the relative major three above its minor.
        (false, true, 9) | (true, false, 3) => 0.3,
        (_, _, 0) => 0.2,
        _ => 0.0,
    }
}

/// F-measure of rising beats. `None` where the truth has no beat to be found.
pub(super) fn beats(truth: &[f64], answer: &[f64]) -> Option<f64> {
    let trimmed =
        |beats: &[f64]| -> Vec<f64> { beats.iter().copied().filter(|beat| *beat >= TRIMMED).collect() };
    let (truth, answer) = (trimmed(truth), trimmed(answer));
    if truth.is_empty() {
        return None;
    }
    // Each true beat takes the earliest answer that is left in its window: on two rising lists no matching has more pairs.
    let (mut matched, mut next) = (0, 0);
    for beat in &truth {
        while next < answer.len() && answer[next] < beat - BEAT_WINDOW {
            next += 1;
        }
        if next < answer.len() && answer[next] <= beat + BEAT_WINDOW {
            (matched, next) = (matched + 1, next + 1);
        }
    }
    Some(2.0 * f64::from(matched) / (truth.len() + answer.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempi_are_right_within_their_tolerance_at_a_level() {
        let flags = |truth, answer| {
            let score = tempo(truth, answer);
            (score.acc1, score.acc1_narrow, score.acc2)
        };
        assert_eq!(flags(120.0, 120.0), (true, true, true));
        assert_eq!(flags(120.0, 121.1), (true, true, true));
        assert_eq!(flags(120.0, 121.3), (true, false, true));
        assert_eq!(flags(120.0, 124.7), (true, false, true));
        assert_eq!(flags(120.0, 125.0), (false, false, false));
        // The octave, the third, and two thirds, which is no level of the second accuracy.
        for answer in [60.0, 61.0, 240.0, 40.0, 360.0] {
            assert_eq!(flags(120.0, answer), (false, false, true), "{answer}");
        }
        assert_eq!(flags(120.0, 80.0), (false, false, false));
    }

    fn parsed(tonic: &str, mode: &str) -> PitchKey {
        PitchKey::parse(tonic, mode).unwrap()
    }

    #[test]
    fn keys_are_the_same_in_any_spelling() {
        assert_eq!(parsed("Gb", "minor"), parsed("F#", "minor"));
        assert_eq!(parsed("Cb", "major"), parsed("B", "major"));
        for (tonic, mode) in [("H", "major"), ("C", "dorian"), ("", "major"), ("Cx", "minor")] {
            assert_eq!(PitchKey::parse(tonic, mode), None);
        }
    }

    #[test]
    fn keys_score_as_in_mir_eval() {
        let c = parsed("C", "major");
        let a = parsed("A", "minor");
        for (truth, answer, score) in [
            (c, c, 1.0),
            (c, parsed("G", "major"), 0.5),
            // A fifth below is an error like any other there.
            (c, parsed("F", "major"), 0.0),
            (c, a, 0.3),
            (a, c, 0.3),
            (c, parsed("C", "minor"), 0.2),
            (c, parsed("Eb", "minor"), 0.0),
            (a, parsed("E", "minor"), 0.5),
            (a, parsed("F#", "major"), 0.0),
            (a, parsed("A", "major"), 0.2),
            (c, parsed("D", "major"), 0.0),
        ] {
            assert_eq!(key(truth, answer), score, "{truth:?} {answer:?}");
        }
    }

    #[test]
    fn beats_match_one_to_one_within_the_window() {
        let truth = [5.0, 5.5, 6.0, 6.5];
        assert_eq!(beats(&truth, &truth), Some(1.0));
        // Three of four, one beside the window: 2 × 3 / (4 + 4).
        assert_eq!(beats(&truth, &[5.0, 5.56, 6.08, 6.5]), Some(0.75));
        // One true beat takes one answer, however many are near: 2 × 1 / (1 + 3).
        assert_eq!(beats(&[6.0], &[5.95, 6.0, 6.05]), Some(0.5));
        // At twice the tempo every beat is found and half of the answers are too many.
        assert_eq!(beats(&truth, &[5.0, 5.25, 5.5, 5.75, 6.0, 6.25, 6.5, 6.75]), Some(2.0 * 4.0 / 12.0));
        assert_eq!(beats(&truth, &[]), Some(0.0));
    }

    #[test]
    fn the_first_five_seconds_do_not_count() {
        assert_eq!(beats(&[1.0, 2.0, 6.0], &[1.5, 2.5, 6.0]), Some(1.0));
        assert_eq!(beats(&[1.0, 2.0], &[1.0]), None);
    }

    #[test]
    fn the_greedy_matching_is_the_largest() {
        // The second true beat must not take the answer that the first could have had alone, nor leave its own.
        assert_eq!(beats(&[6.0, 6.1], &[5.96, 6.05]), Some(1.0));
        assert_eq!(beats(&[6.0, 6.1], &[6.05, 6.16]), Some(1.0));
    }
}
