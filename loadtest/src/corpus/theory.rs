//! Keys, scales and chords. Pitches are MIDI note numbers: 60 is middle C, 69 is A at 440 Hz.

use super::math::exp2;
use std::fmt;
use std::str::FromStr;

/// Names of the pitch classes, by semitones above C.
pub(crate) const TONICS: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const MAJOR: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];
const NATURAL_MINOR: [u8; 7] = [0, 2, 3, 5, 7, 8, 10];

/// Major or natural minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Major,
    Minor,
}

/// A tonic and a mode. Everything a piece plays lies in its scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// Semitones above C, 0 to 11.
    pub(crate) tonic: u8,
    pub(crate) mode: Mode,
}

impl Key {
    pub(crate) fn tonic_name(self) -> &'static str {
        TONICS[usize::from(self.tonic % 12)]
    }

    pub(crate) fn mode_name(self) -> &'static str {
        match self.mode {
            Mode::Major => "major",
            Mode::Minor => "minor",
        }
    }

    fn scale(self) -> [u8; 7] {
        match self.mode {
            Mode::Major => MAJOR,
            Mode::Minor => NATURAL_MINOR,
        }
    }

    /// The pitch `degree` steps of the scale above the lowest tonic that is not below `floor`. Degree 0 is that tonic, 7 its octave.
    pub(crate) fn pitch(self, degree: i32, floor: u8) -> u8 {
        let above_floor = (i32::from(self.tonic) - i32::from(floor)).rem_euclid(12);
        let step = i32::from(self.scale()[degree.rem_euclid(7) as usize]);
        (i32::from(floor) + above_floor + 12 * degree.div_euclid(7) + step).clamp(0, 127) as u8
    }

    /// Chords the bars go through, as degrees of the scale. They start on the tonic and lean on the subdominant and dominant, which
    /// tells a key from its relative one.
    pub(crate) fn progressions(self) -> &'static [[i32; 4]] {
        match self.mode {
            Mode::Major => &[[0, 3, 4, 0], [0, 5, 3, 0], [0, 3, 0, 4], [0, 3, 1, 0]],
            Mode::Minor => &[[0, 3, 4, 0], [0, 5, 3, 0], [0, 3, 0, 4], [0, 0, 3, 0]],
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tonic_name(), self.mode_name())
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is no key: write one of {} and major or minor, as in 'F# minor'",
                TONICS.join(" ")
            )
        };
        let (tonic, mode) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let tonic = TONICS.iter().position(|name| name.eq_ignore_ascii_case(tonic)).ok_or_else(wrong)? as u8;
        match mode.trim() {
            "major" => Ok(Self { tonic, mode: Mode::Major }),
            "minor" => Ok(Self { tonic, mode: Mode::Minor }),
            _ => Err(wrong()),
        }
    }
}

/// Frequency of a pitch in equal temperament, in Hz.
pub(crate) fn frequency(pitch: u8) -> f64 {
    440.0 * exp2((f64::from(pitch) - 69.0) / 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_follow_the_scale_in_both_directions() {
        let key: Key = "A minor".parse().unwrap();
        assert_eq!((0..8).map(|d| key.pitch(d, 57)).collect::<Vec<_>>(), [57, 59, 60, 62, 64, 65, 67, 69]);
        assert_eq!(key.pitch(-1, 57), 55);
        assert_eq!(key.pitch(0, 58), 69);
        let key: Key = "c# major".parse().unwrap();
        assert_eq!((0..8).map(|d| key.pitch(d, 60)).collect::<Vec<_>>(), [61, 63, 65, 66, 68, 70, 72, 73]);
    }

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        for name in TONICS {
            for mode in ["major", "minor"] {
                let text = format!("{name} {mode}");
                assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
            }
        }
        for text in ["", "A", "H minor", "A dorian"] {
            assert!(text.parse::<Key>().unwrap_err().contains("F# minor"), "{text}");
        }
    }

    #[test]
    fn concert_pitch() {
        assert!((frequency(69) - 440.0).abs() < 1e-9);
        assert!((frequency(60) - 261.625_565).abs() < 1e-5);
    }
}
