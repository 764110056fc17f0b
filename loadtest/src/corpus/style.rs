//! The genres: what each part plays in a bar, on which instrument and how fast.
//!
//! A pattern is one bar, a sign per sixteenth (16 in 4/4, 12 in 3/4). Drums: `x` hit, `o` soft hit, `.` rest. Chords and
//! lead: `x` starts a note, `-` holds it. Bass: `1`, `3`, `5` start that tone of the chord, `8` its octave.

use super::voices::Voice;
use clap::ValueEnum;

mod table;

/// The kinds of music the generator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Genre {
    Ballad,
    Reggae,
    HipHop,
    Waltz,
    Pop,
    House,
    Rock,
    Trance,
    Jazz,
    DrumAndBass,
}

/// Which subdivision is swung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SwingUnit {
    Eighths,
    Sixteenths,
}

/// How a genre is played.
#[derive(Debug)]
pub(crate) struct Style {
    /// As written into the genre tag.
    pub(crate) name: &'static str,
    pub(crate) bpm: (f64, f64),
    pub(crate) beats_per_bar: u32,
    /// A chord lasts this many sixteenths.
    pub(crate) chord_steps: usize,
    /// Share of a pair of notes that the first one takes: 0.5 is even, 0.667 is a triplet.
    pub(crate) swing: f64,
    pub(crate) swing_unit: SwingUnit,
    pub(crate) kick: &'static str,
    pub(crate) snare: &'static str,
    pub(crate) closed_hat: &'static str,
    pub(crate) open_hat: &'static str,
    pub(crate) bass: &'static str,
    pub(crate) bass_voice: Voice,
    pub(crate) chords: &'static str,
    pub(crate) chord_voice: Voice,
    pub(crate) lead: &'static [&'static str],
    pub(crate) lead_voice: Voice,
}

impl Genre {
    pub(crate) fn style(self) -> &'static Style {
        match self {
            Self::Ballad => &table::BALLAD,
            Self::Reggae => &table::REGGAE,
            Self::HipHop => &table::HIP_HOP,
            Self::Waltz => &table::WALTZ,
            Self::Pop => &table::POP,
            Self::House => &table::HOUSE,
            Self::Rock => &table::ROCK,
            Self::Trance => &table::TRANCE,
            Self::Jazz => &table::JAZZ,
            Self::DrumAndBass => &table::DRUM_AND_BASS,
        }
    }
}

impl Style {
    /// Sixteenths in a bar.
    pub(crate) fn steps(&self) -> usize {
        self.beats_per_bar as usize * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_fills_its_bar_with_known_signs() {
        for genre in Genre::value_variants() {
            let style = genre.style();
            for pattern in [style.kick, style.snare, style.closed_hat, style.open_hat] {
                assert!(pattern.chars().all(|c| "xo.".contains(c)), "{genre:?} {pattern}");
                assert_eq!(pattern.len(), style.steps(), "{genre:?} {pattern}");
            }
            assert!(style.bass.chars().all(|c| "1358-.".contains(c)), "{genre:?}");
            for pattern in style.lead.iter().chain([&style.chords, &style.bass]) {
                assert_eq!(pattern.len(), style.steps(), "{genre:?} {pattern}");
                assert!(!pattern.starts_with('-'), "{genre:?} {pattern}");
            }
            assert_eq!(style.steps() % style.chord_steps, 0, "{genre:?}");
            assert!(style.bpm.0 < style.bpm.1 && (0.5..0.75).contains(&style.swing), "{genre:?}");
        }
    }
}
