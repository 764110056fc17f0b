use crate::quantised;
use serde::{Deserialize, Serialize};

/// Distance in steps of the vector that two pieces of the corpus have, root mean square: see [`Similarity`].
const STEPS: f64 = 283.0;

/// A compact description of how a piece sounds, to find others that sound alike. Neither a transposition to another key nor a tempo
/// that is taken for half or twice of what it is makes a difference to its numbers of harmony and tempo.
///
/// 27 numbers are of timbre (means of the cepstrum without its level, logarithms of its variances, contrast, centroid,
/// flatness, roll-off), 6 of rhythm (onset rate, danceability, mean and deviation of the flux, and the tempo as a point on a circle of
/// one octave), 6 of harmony (magnitudes of the discrete Fourier transform of the mean chroma, which are the same in all keys),
/// 3 of dynamics (loudness range, peak above loudness, deviation of the level). Each is standardised by its mean and deviation over a
/// corpus of generated music and clipped at three deviations; the groups count 2 : 1 : ½ : ½. What a piece does not have counts as the
/// mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Similarity {
    /// What the numbers are. Those of different versions cannot be compared.
    pub version: u16,
    /// The numbers, a byte each: −127 to 127.
    #[serde(with = "quantised::signed")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i8>"))]
    pub vector: Vec<i8>,
}

impl Similarity {
    /// How different two pieces sound: the Euclidean distance of their vectors, 0 (alike) to about 3; two pieces of the corpus
    /// have 1 in the root mean square. It is a metric (symmetric, and no way round is shorter). `None` if the versions differ.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Option<f64> {
        if self.version != other.version || self.vector.len() != other.vector.len() {
            return None;
        }
        let pairs = self.vector.iter().zip(&other.vector);
        let squares: i64 = pairs.map(|(a, b)| (i64::from(*a) - i64::from(*b)).pow(2)).sum();
        Some((squares as f64).sqrt() / STEPS)
    }
}
