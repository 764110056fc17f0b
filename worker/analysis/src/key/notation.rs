//! Names of keys.

use crate::chroma::CLASSES;
use report::Mode;

/// Tonics of the major keys as they are spelt in the circle of fifths with the fewest accidentals; six of them either way for
/// F sharp, which is the commoner name.
const MAJOR: [&str; CLASSES] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
/// Tonics of the minor keys likewise; E flat and D sharp minor have six accidentals each, and E flat is the commoner name.
const MINOR: [&str; CLASSES] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"];

/// Tonic and mode of a key, numbered as in [`super::KEYS`].
pub(super) fn spell(key: usize) -> (String, Mode) {
    let tonic = key % CLASSES;
    if key < CLASSES {
        (MAJOR[tonic].to_owned(), Mode::Major)
    } else {
        (MINOR[tonic].to_owned(), Mode::Minor)
    }
}

/// Fifths from C major, or from A minor, up to the key, 0 to 11.
fn fifths(key: usize) -> usize {
    let tonic = if key < CLASSES { key } else { key % CLASSES + 3 };
    // Seven is its own inverse modulo twelve.
    tonic * 7 % CLASSES
}

/// Position on the Camelot wheel, where C major is 8B and A minor 8A, and a fifth up is one hour on.
pub(super) fn camelot(key: usize) -> String {
    let letter = if key < CLASSES { 'B' } else { 'A' };
    format!("{}{letter}", (fifths(key) + 7) % CLASSES + 1)
}

/// Position in the Open Key notation, where C major is 1d and A minor 1m, and a fifth up is one more.
pub(super) fn open_key(key: usize) -> String {
    let letter = if key < CLASSES { 'd' } else { 'm' };
    format!("{}{letter}", fifths(key) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_published_wheel() {
        let table = [
            (0, "C", Mode::Major, "8B", "1d"),
            (1, "Db", Mode::Major, "3B", "8d"),
            (6, "F#", Mode::Major, "2B", "7d"),
            (7, "G", Mode::Major, "9B", "2d"),
            (10, "Bb", Mode::Major, "6B", "11d"),
            (11, "B", Mode::Major, "1B", "6d"),
            (12, "C", Mode::Minor, "5A", "10m"),
            (15, "Eb", Mode::Minor, "2A", "7m"),
            (18, "F#", Mode::Minor, "11A", "4m"),
            (20, "G#", Mode::Minor, "1A", "6m"),
            (21, "A", Mode::Minor, "8A", "1m"),
            (23, "B", Mode::Minor, "10A", "3m"),
        ];
        for (key, tonic, mode, camelot_name, open_key_name) in table {
            assert_eq!(spell(key), (tonic.to_owned(), mode));
            assert_eq!(
                (camelot(key).as_str(), open_key(key).as_str()),
                (camelot_name, open_key_name),
                "{tonic} {mode:?}"
            );
        }
    }
}
