//! What a piece is before a note of it is written: everything its truth says, decided by the seed alone.

use super::random::Random;
use super::style::{Genre, Style};
use super::theory::{Key, Mode};
use clap::ValueEnum;

/// Name of the made-up performer in the tags.
pub(crate) const ARTIST: &str = "The Oscillators";

/// A piece to be composed and played.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) seed: u64,
    pub(crate) title: String,
    pub(crate) album: String,
    pub(crate) genre: Genre,
    pub(crate) bpm: f64,
    pub(crate) key: Key,
    pub(crate) seconds: f64,
    /// Silence before the first beat, in seconds.
    pub(crate) lead_in: f64,
    /// Share of a pair of notes that the first one takes, 0.5 (even) to 0.75.
    pub(crate) swing: f64,
    /// Largest deviation of a note from its place, in seconds.
    pub(crate) humanise: f64,
    pub(crate) fade_in: f64,
    pub(crate) fade_out: f64,
    /// Level of the highest sample, in dBFS.
    pub(crate) peak_dbfs: f64,
}

/// What the user fixed. The rest follows from the seed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) genre: Option<Genre>,
    pub(crate) bpm: Option<f64>,
    pub(crate) key: Option<Key>,
    pub(crate) swing: Option<f64>,
    pub(crate) humanise: Option<f64>,
    pub(crate) fade_in: Option<f64>,
    pub(crate) fade_out: Option<f64>,
}

impl Piece {
    pub(crate) fn new(seed: u64, seconds: f64, wishes: &Wishes) -> Self {
        // All are drawn, in one order, whether wished for or not: a wish changes nothing but what it names.
        let mut random = Random::new(seed, "piece");
        let drawn_genre = *random.pick(Genre::value_variants());
        let genre = wishes.genre.unwrap_or(drawn_genre);
        let style = genre.style();
        // Hundredths, so that the number in the truth is the number that is played.
        let drawn_bpm = (random.between(style.bpm.0, style.bpm.1) * 100.0).round() / 100.0;
        let mode = if random.chance(0.5) { Mode::Major } else { Mode::Minor };
        let drawn_key = Key { tonic: random.below(12) as u8, mode };
        let title = title(&mut random);
        let lead_in = (random.between(0.0, 0.25) * 1000.0).round() / 1000.0;
        let peak_dbfs = (random.between(-6.0, -1.0) * 10.0).round() / 10.0;
        // A piece of some milliseconds still has to sound.
        let short = seconds * 0.05;
        Self {
            seed,
            title,
            album: format!("Seed {seed}"),
            genre,
            bpm: wishes.bpm.unwrap_or(drawn_bpm),
            key: wishes.key.unwrap_or(drawn_key),
            seconds,
            lead_in: lead_in.min(short),
            swing: wishes.swing.unwrap_or(style.swing),
            humanise: wishes.humanise.unwrap_or(0.0),
            fade_in: wishes.fade_in.unwrap_or(0.0),
            fade_out: wishes.fade_out.unwrap_or(short.min(0.5)),
            peak_dbfs,
        }
    }

    pub(crate) fn style(&self) -> &'static Style {
        self.genre.style()
    }

    /// Length of a beat, in seconds.
    pub(crate) fn beat(&self) -> f64 {
        60.0 / self.bpm
    }
}

fn title(random: &mut Random) -> String {
    const FIRST: [&str; 12] = [
        "Amber", "Blue", "Copper", "Distant", "Early", "Falling", "Glass", "Hollow", "Northern", "Paper",
        "Quiet", "Silver",
    ];
    const SECOND: [&str; 12] = [
        "Bridge",
        "Clock",
        "Garden",
        "Harbour",
        "Lantern",
        "Meadow",
        "Motor",
        "River",
        "Signal",
        "Staircase",
        "Tide",
        "Window",
    ];
    format!("{} {}", random.pick(&FIRST), random.pick(&SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_changes_nothing_else() {
        let plain = Piece::new(5, 12.0, &Wishes::default());
        let key = "D# minor".parse().unwrap();
        let wished = Piece::new(5, 12.0, &Wishes { key: Some(key), ..Wishes::default() });
        assert_eq!(wished.key, key);
        assert_eq!(Piece { key: plain.key, ..wished }, plain);
    }

    #[test]
    fn seeds_cover_genres_and_keys() {
        let pieces: Vec<Piece> = (0..400).map(|seed| Piece::new(seed, 12.0, &Wishes::default())).collect();
        for genre in Genre::value_variants() {
            assert!(pieces.iter().any(|p| p.genre == *genre), "{genre:?}");
        }
        for tonic in 0..12 {
            for mode in [Mode::Major, Mode::Minor] {
                assert!(pieces.iter().any(|p| p.key == Key { tonic, mode }), "{tonic} {mode:?}");
            }
        }
        assert!(pieces.iter().all(|p| p.bpm >= p.style().bpm.0 && p.bpm <= p.style().bpm.1));
    }
}
